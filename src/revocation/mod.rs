//! Revocation: checks on every request whether the caller of a valid token is still allowed.
//!
//! There are two sources: the application's check, in this file, and the [`Denylist`] in memory,
//! which several replicas can share through a [store]. [`stream_end`] has the reasons why a stream
//! that is open already ends.

mod apply;
#[cfg(feature = "security-events")]
mod both_checks;
mod candidate;
#[cfg(feature = "security-events")]
mod check_setup;
mod denylist;
mod denylist_error;
mod entries;
mod entry;
mod entry_limits;
mod follower;
mod freshness;
mod grace;
#[cfg(feature = "security-events")]
mod kinde;
mod list;
mod load;
mod mode;
mod recent_writes;
mod record;
mod record_error;
mod record_merge;
mod removal;
mod replicated;
mod replication;
mod replication_status;
mod reports;
mod store;
mod stream_end;
mod tasks;
mod write_queue;
mod writer;
mod writes;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "security-events")]
pub use check_setup::CheckSetup;
#[cfg(feature = "security-events")]
pub(crate) use check_setup::KindeConnection;
pub use denylist::Denylist;
pub use denylist_error::DenylistError;
pub(crate) use entries::UnlistedIssuers;
#[allow(unused_imports, reason = "security events are a feature of their own")]
pub(crate) use entry::EntryOrigin;
pub use entry::{DenylistEntry, EntryExpiry};
pub(crate) use freshness::StalenessLimits;
#[cfg(feature = "security-events")]
pub use kinde::KindeCallerCheck;
pub use record::{DenylistRecord, RecordKey};
pub use record_error::RecordError;
pub use replication_status::{ReplicationError, ReplicationStatus};
#[cfg(feature = "test-util")]
pub(crate) use store::StoreChange;
pub use store::{DenylistChanges, DenylistStore, ReplicationEnded, StoreCursor};
pub use stream_end::{InvalidationReason, StreamEnded};
pub(crate) use tasks::ReplicationTasks;

use crate::rejection::Rejection;
use crate::token::{Claims, OrgCode, TokenError};
use crate::util::{BoxError, catch_panic, has_timers};

/// The application's own check of callers: revocation, suspension, or allow-lists that change.
///
/// The layer calls it for every request with a valid token, even if the token is cached, and before
/// it checks tenant and scope. An inner layer or an extractor calls it again if the last call for
/// this request was more than 5 s ago. If the check fails or exceeds its
/// [timeout](crate::VerifierBuilder::caller_check_timeout), the request is rejected with 503 (fail
/// closed). A closure that returns a future is also a check. If the data fits into memory, a
/// [`Denylist`](crate::Denylist) is cheaper.
///
/// The error's message is logged, so it must not contain secrets. If the check uses the network, it
/// should cache its results for as long as the application can accept old ones.
///
/// ```
/// use tower_m2m::{Caller, CallerStatus, Verifier};
///
/// # async fn is_suspended(_: &str, _: &str) -> Result<bool, std::io::Error> { Ok(false) }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::builder([Verifier::kinde("acme").audience("https://api.acme.com")])
///     .check_caller(|caller: Caller| async move {
///         let Some(org) = caller.organization() else { return Ok(CallerStatus::Active) };
///         Ok(if is_suspended(org.issuer(), org.as_str()).await? { CallerStatus::Suspended } else { CallerStatus::Active })
///     })
///     .build()?;
/// # Ok(())
/// # }
/// ```
pub trait CallerCheck: Send + Sync + 'static {
    /// Returns the status of the caller.
    fn check(&self, caller: Caller) -> impl Future<Output = Result<CallerStatus, BoxError>> + Send;

    /// Prepares the check for a verifier, or returns the problem. Only checks of this crate need
    /// it.
    #[cfg(feature = "security-events")]
    #[doc(hidden)]
    fn prepare(&self, _: &CheckSetup<'_>) -> Result<(), String> {
        Ok(())
    }
}

impl<F, R> CallerCheck for F
where
    F: Fn(Caller) -> R + Send + Sync + 'static,
    R: Future<Output = Result<CallerStatus, BoxError>> + Send,
{
    fn check(&self, caller: Caller) -> impl Future<Output = Result<CallerStatus, BoxError>> + Send {
        self(caller)
    }
}

/// The result of a [`CallerCheck`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallerStatus {
    /// The caller is allowed.
    Active,
    /// The token was revoked. The request is rejected with 401 `invalid_token`, so clients fetch a
    /// new one.
    Revoked,
    /// The client or its organization is suspended: 403, because a new token would not help.
    Suspended,
    /// The client is not on the allow-list: 403.
    ClientNotAllowed,
    /// The organization is not on the allow-list: 403.
    OrganizationNotAllowed,
}

/// The caller of a request: the claims of a verified token and the organization of the request.
#[derive(Clone, Debug)]
pub struct Caller {
    claims: Claims,
    acting: Option<OrgCode>,
}

impl Caller {
    /// Returns the issuer, exactly as configured.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.claims.issuer()
    }

    /// Returns the organization of the token, or the one that a global client requests to
    /// [act](OrgCode::is_acting) for.
    #[must_use]
    pub fn organization(&self) -> Option<&OrgCode> {
        self.claims.org_code().or(self.acting.as_ref())
    }

    /// Returns the client that the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.claims.client_id()
    }

    /// Returns the token's unique ID (`jti`).
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        self.claims.jti()
    }

    /// Returns the time at which the token was issued, in seconds since the Unix epoch (`iat`).
    #[must_use]
    pub fn issued_at(&self) -> Option<i64> {
        self.claims.issued_at()
    }

    /// Returns all claims of the token.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

impl CallerStatus {
    pub(crate) fn into_result(self) -> Result<(), Rejection> {
        match self {
            Self::Active => Ok(()),
            Self::Revoked => Err(Rejection::InvalidClaims(TokenError::Revoked)),
            Self::Suspended => Err(Rejection::Suspended),
            Self::ClientNotAllowed => Err(Rejection::ClientNotAllowed),
            Self::OrganizationNotAllowed => Err(Rejection::OrganizationNotAllowed),
        }
    }
}

/// The future of a running check.
pub(crate) type CallerCheckFuture = Pin<Box<dyn Future<Output = Result<(), Rejection>> + Send>>;

/// The check of a verifier, with its timeout and fail mode.
#[derive(Clone)]
pub(crate) struct CallerCheckRunner {
    check: Arc<dyn Fn(Caller) -> StatusFuture + Send + Sync>,
    #[cfg(feature = "security-events")]
    prepare: Arc<PrepareCheck>,
    timeout: Duration,
    fail_mode: FailMode,
}

#[cfg(feature = "security-events")]
type PrepareCheck = dyn Fn(&CheckSetup<'_>) -> Result<(), String> + Send + Sync;

type StatusFuture = Pin<Box<dyn Future<Output = Result<CallerStatus, BoxError>> + Send>>;

/// The result of a check that fails or times out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailMode {
    Closed,
    Open,
}

impl CallerCheckRunner {
    pub(crate) fn new(check: impl CallerCheck) -> Self {
        let check = Arc::new(check);
        #[cfg(feature = "security-events")]
        let prepare = {
            let check = Arc::clone(&check);
            move |setup: &CheckSetup<'_>| check.prepare(setup)
        };
        let check = move |caller| -> StatusFuture {
            let check = Arc::clone(&check);
            Box::pin(async move { check.check(caller).await })
        };
        Self {
            check: Arc::new(check),
            #[cfg(feature = "security-events")]
            prepare: Arc::new(prepare),
            timeout: Duration::ZERO,
            fail_mode: FailMode::Closed,
        }
    }

    #[cfg(feature = "security-events")]
    pub(crate) fn prepare(&self, setup: &CheckSetup<'_>) -> Result<(), String> {
        (self.prepare)(setup)
    }

    pub(crate) fn with_timeout(self, timeout: Duration, silence: FailMode) -> Self {
        Self {
            timeout,
            fail_mode: silence,
            ..self
        }
    }

    pub(crate) fn run(&self, claims: &Claims, acting: Option<&OrgCode>) -> CallerCheckFuture {
        let Self {
            timeout,
            fail_mode: silence,
            ..
        } = *self;
        let answer = (self.check)(Caller {
            claims: claims.clone(),
            acting: acting.cloned(),
        });
        Box::pin(async move {
            // Without a timer the wait has no limit. A check that panics fails.
            let answered = if has_timers() {
                tokio::time::timeout(timeout, catch_panic(answer))
                    .await
                    .ok()
                    .flatten()
            } else {
                None
            };
            let problem = match answered {
                Some(Ok(standing)) => return standing.into_result(),
                Some(Err(error)) => Some(error),
                None => None,
            };
            crate::telemetry::events::caller_check_failed(
                problem.as_deref(),
                silence == FailMode::Open,
            );
            match silence {
                FailMode::Closed => Err(Rejection::CallerStatusUnavailable),
                FailMode::Open => Ok(()),
            }
        })
    }
}

impl fmt::Debug for CallerCheckRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerCheckRunner")
            .field("timeout", &self.timeout)
            .field("silence", &self.fail_mode)
            .finish_non_exhaustive()
    }
}
