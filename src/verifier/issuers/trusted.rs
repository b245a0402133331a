//! A trusted issuer, and the references to it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::jwks::Keys;
use crate::verifier::rules::Rules;

/// An issuer that is trusted: its name, its keys, its rules.
#[derive(Debug)]
pub(crate) struct Trusted {
    pub(crate) issuer: Arc<str>,
    pub(crate) keys: Keys,
    pub(crate) rules: Rules,
    /// When a resolved issuer has to be asked for again; nothing for a listed one.
    pub(crate) until: Option<Instant>,
    /// The second in which a token of it last passed.
    pub(crate) vouched: AtomicI64,
}

impl Trusted {
    pub(crate) fn vouched(&self, now: i64) {
        // A look before the write keeps the line shared between cores within a second.
        if self.last_vouched() < now {
            self.vouched.store(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn last_vouched(&self) -> i64 {
        self.vouched.load(Ordering::Relaxed)
    }
}

/// Whose a token is. Listed issuers are told by their place, so that the warm path of cores that verify at once shares no
/// counter; resolved ones come and go, and are referred to.
#[derive(Clone, Debug)]
pub(crate) enum Whose<R> {
    Listed(usize),
    Resolved(R),
}

/// An issuer in use: it stays for as long.
pub(crate) type InUse = Whose<Arc<Trusted>>;

/// An issuer as a verified token remembers it: what is remembered keeps neither its keys nor its background work alive.
pub(crate) type Remembered = Whose<Weak<Trusted>>;

impl InUse {
    pub(crate) fn remembered(&self) -> Remembered {
        match self {
            Self::Listed(place) => Whose::Listed(*place),
            Self::Resolved(trusted) => Whose::Resolved(Arc::downgrade(trusted)),
        }
    }
}

impl Remembered {
    /// The issuer of a token that was verified before, if it is trusted still.
    pub(crate) fn recall(&self) -> Option<InUse> {
        match self {
            Self::Listed(place) => Some(Whose::Listed(*place)),
            Self::Resolved(trusted) => {
                let trusted = trusted.upgrade()?;
                trusted
                    .until
                    .is_none_or(|until| Instant::now() < until)
                    .then_some(Whose::Resolved(trusted))
            }
        }
    }
}

/// What is known of an `iss`.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Trusted(InUse),
    NotTrusted,
    /// The application gave no answer that could be used.
    Unavailable {
        retry_after: Duration,
    },
}

impl Answer {
    pub(crate) fn trusted(&self) -> Option<&InUse> {
        match self {
            Self::Trusted(issuer) => Some(issuer),
            Self::NotTrusted | Self::Unavailable { .. } => None,
        }
    }
}
