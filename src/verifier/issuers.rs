//! The issuers that a verifier trusts: those listed, and those that the application resolves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};

use tokio::time::Instant;

use super::resolver::{Answer, Resolver};
use super::rules::Rules;
use crate::jwks::Keys;

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

pub(crate) struct Issuers {
    listed: Vec<Trusted>,
    places: HashMap<Arc<str>, usize>,
    resolver: Option<Resolver>,
}

impl Issuers {
    /// Nothing when an issuer is listed twice.
    pub(crate) fn new(listed: Vec<Trusted>, resolver: Option<Resolver>) -> Option<Self> {
        let places: HashMap<_, _> = listed
            .iter()
            .enumerate()
            .map(|(place, trusted)| (Arc::clone(&trusted.issuer), place))
            .collect();
        (places.len() == listed.len()).then_some(Self {
            listed,
            places,
            resolver,
        })
    }

    pub(crate) fn listed(&self) -> &[Trusted] {
        &self.listed
    }

    /// Whether the application is asked about issuers that are not listed.
    pub(crate) fn resolves(&self) -> bool {
        self.resolver.is_some()
    }

    /// Those that are resolved now.
    pub(crate) fn resolved(&self) -> Vec<Arc<Trusted>> {
        self.resolver
            .as_ref()
            .map(Resolver::known)
            .unwrap_or_default()
    }

    pub(crate) fn get<'a>(&'a self, whose: &'a InUse) -> Option<&'a Trusted> {
        match whose {
            Whose::Listed(place) => self.listed.get(*place),
            Whose::Resolved(trusted) => Some(trusted),
        }
    }

    /// What can be said of an `iss` without waiting; nothing when the application has to be asked.
    #[inline]
    pub(crate) fn look_up(&self, iss: &str) -> Option<Answer> {
        // Nearly every verifier has one issuer.
        if let [only] = self.listed.as_slice()
            && *only.issuer == *iss
        {
            return Some(Answer::Trusted(Whose::Listed(0)));
        }
        self.look_further(iss)
    }

    fn look_further(&self, iss: &str) -> Option<Answer> {
        match (self.places.get(iss), &self.resolver) {
            (Some(place), _) => Some(Answer::Trusted(Whose::Listed(*place))),
            (None, Some(resolver)) => resolver.look_up(iss),
            (None, None) => Some(Answer::NotTrusted),
        }
    }

    /// Whether a token with this `kid` is refused whatever else it says: the only issuer was asked for the key a moment ago
    /// and had none. Where there are several it depends on whose token it is.
    pub(crate) fn had_no_key(&self, kid: Option<&str>) -> bool {
        match (self.listed.as_slice(), &self.resolver, kid) {
            ([only], None, Some(kid)) => only.keys.had_no_key(kid),
            _ => false,
        }
    }

    /// Asks the application whether it trusts an issuer, or waits for an answer that is under way.
    pub(crate) async fn resolve(&self, iss: &str) -> Answer {
        match &self.resolver {
            Some(resolver) => resolver.resolve(iss).await,
            None => Answer::NotTrusted,
        }
    }
}
