//! The claims that a layer verified, with all data that later checks need.

use std::sync::Arc;

use http::Extensions;

use crate::bearer::CredentialsIdentity;
use crate::clock::Clock;
use crate::rejection::Rejection;
use crate::revocation::{CallerCheckFuture, CallerCheckRunner, Denylist};
use crate::token::{Claims, OrgCode, TokenError};

/// The time, in seconds, for which a result of the caller check is valid for its request.
const CALLER_CHECK_SECONDS: i64 = 5;

/// The claims of a request.
///
/// A request can wait between two layers, and a session can keep its extensions, so the claims are
/// not enough: each use compares the expiry and the denylist again.
#[derive(Clone)]
pub(crate) struct VerifiedRequest {
    claims: Claims,
    credentials: CredentialsIdentity,
    clock: Clock,
    rechecks: Option<Arc<Rechecks>>,
    /// When the caller check ran for this request, in seconds since the Unix epoch.
    caller_checked_at: i64,
}

/// The checks of callers that a verifier has besides the token itself.
pub(crate) struct Rechecks {
    pub(crate) denylist: Option<Denylist>,
    pub(crate) caller_check: Option<CallerCheckRunner>,
}

impl Rechecks {
    /// Returns `None` if there is no check.
    pub(crate) fn new(
        denylist: Option<Denylist>,
        caller_check: Option<CallerCheckRunner>,
    ) -> Option<Arc<Self>> {
        (denylist.is_some() || caller_check.is_some()).then(|| {
            Arc::new(Self {
                denylist,
                caller_check,
            })
        })
    }
}

impl VerifiedRequest {
    pub(crate) fn new(
        claims: Claims,
        credentials: CredentialsIdentity,
        clock: Clock,
        rechecks: Option<Arc<Rechecks>>,
        caller_checked_at: i64,
    ) -> Self {
        Self {
            claims,
            credentials,
            clock,
            rechecks,
            caller_checked_at,
        }
    }

    /// Returns claims that no verifier made and that never expire.
    #[cfg(feature = "test-util")]
    pub(crate) fn fake(claims: Claims) -> Self {
        let credentials = CredentialsIdentity::default();
        Self::new(claims, credentials, Clock::system(), None, 0)
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns the claims in the extensions of a request, whether they are still valid or not.
    pub(crate) fn claims_in(extensions: &Extensions) -> Option<&Claims> {
        extensions.get::<Self>().map(Self::claims)
    }

    /// Returns `true` if these credentials are the ones that were verified.
    pub(crate) fn is_for(&self, credentials: CredentialsIdentity) -> bool {
        self.credentials == credentials
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.clock.unix_seconds() >= self.claims.valid_until()
    }

    /// Checks that the token has not expired and was not denied since it was verified.
    pub(crate) fn current(&self, acting: Option<&OrgCode>) -> Result<(), Rejection> {
        let now = self.clock.unix_seconds();
        if now >= self.claims.valid_until() {
            return Err(Rejection::InvalidClaims(TokenError::Expired));
        }
        match self
            .rechecks
            .as_ref()
            .and_then(|checks| checks.denylist.as_ref())
        {
            Some(denylist) => denylist.check(&self.claims, acting, now),
            None => Ok(()),
        }
    }

    pub(crate) fn caller_checked_at(&self) -> i64 {
        self.caller_checked_at
    }

    /// Returns `true` if the caller check ran so recently that its result is still valid. A clock
    /// that moved backward makes the result invalid.
    pub(crate) fn is_caller_checked(&self) -> bool {
        let age = || {
            self.clock
                .unix_seconds()
                .checked_sub(self.caller_checked_at)
        };
        self.caller_check().is_none()
            || age().is_some_and(|age| (0..=CALLER_CHECK_SECONDS).contains(&age))
    }

    /// Returns a new run of the caller check if the last one is too old.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(crate) fn stale_caller_check(&self, acting: Option<&OrgCode>) -> Option<CallerCheckFuture> {
        let check = self.caller_check()?;
        (!self.is_caller_checked()).then(|| check.run(&self.claims, acting))
    }

    fn caller_check(&self) -> Option<&CallerCheckRunner> {
        self.rechecks.as_ref()?.caller_check.as_ref()
    }

    /// Records that the caller check ran again.
    #[cfg_attr(not(feature = "axum"), allow(dead_code))]
    pub(crate) fn mark_caller_checked(&mut self) {
        self.caller_checked_at = self.clock.unix_seconds();
    }
}
