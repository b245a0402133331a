//! Waiting until verified claims are no longer valid: for response bodies, sockets, jobs and
//! queues.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::caller_recheck::{RecheckInterval, until_not_allowed};
use super::validity::{Validity, expiry};
use super::verifier::Verifier;
use crate::revocation::InvalidationReason;
use crate::token::{Claims, OrgCode};
use crate::util::{ChangeWatch, has_timers};

/// The longest time between two checks. A wall clock that was moved, and settings that send no
/// signal, are noticed after it.
const MAX_INTERVAL: Duration = Duration::from_secs(10);

/// The time between two checks if changes follow each other. The first change is checked at once.
const COALESCED: Duration = Duration::from_millis(250);

/// How long claims stay valid while it is unknown whether they are, and how often it is checked.
const MAX_UNKNOWN: Duration = Duration::from_secs(5);
const UNKNOWN_INTERVAL: Duration = Duration::from_secs(1);

impl Verifier {
    /// Waits until claims of this verifier are no longer valid: for WebSocket connections, jobs and
    /// messages in queues, which outlive the request.
    ///
    /// The future is ready at most 1 s after the token expires (`exp` or
    /// [`max_age`](crate::Issuer::max_age), with leeway), after the
    /// [`Denylist`](crate::Denylist) denies its token, client or organization, after its key is
    /// removed from the current key set, or after the application withdraws its issuer. The
    /// application's [caller check](crate::VerifierBuilder::check_caller) does not run. Claims of
    /// another verifier, or of the test utilities, are ready at once.
    ///
    /// It is cancel-safe: a dropped future loses no change, because the next one begins with a
    /// check. After it is ready, it stays ready. It keeps the verifier, and so its refresh of keys,
    /// alive. It needs Tokio's timers, and each future has one.
    ///
    /// The claims of an API key or an opaque access token do not contain it, so the issuer is not
    /// queried again. The future is ready when a request with the same credential finds out that
    /// it is no longer active.
    ///
    /// If a global client acts for an organization, use [`invalidated_for`](Self::invalidated_for).
    ///
    /// ```
    /// use tower_m2m::{Claims, Verifier};
    ///
    /// # async fn next_message() -> Option<String> { None }
    /// async fn serve(verifier: Verifier, claims: Claims) {
    ///     let mut invalidated = verifier.invalidated(&claims);
    ///     loop {
    ///         tokio::select! {
    ///             reason = &mut invalidated => return println!("closed: {reason}"),
    ///             message = next_message() => if message.is_none() { return },
    ///         }
    ///     }
    /// }
    /// ```
    pub fn invalidated(&self, claims: &Claims) -> Invalidated {
        Invalidated::new(self.watch_claims(claims, None))
    }

    /// Waits until claims of this verifier are no longer valid for this organization:
    /// [`invalidated`](Self::invalidated), for a global client that
    /// [acts](crate::OrgCode::is_acting) for the organization. A denial of the organization makes
    /// the future ready too.
    ///
    /// ```
    /// use tower_m2m::{Claims, OrgCode, Verifier};
    ///
    /// async fn run_job(verifier: Verifier, claims: Claims, org: OrgCode) -> Result<(), String> {
    ///     let job = async { /* … */ };
    ///     tokio::select! {
    ///         () = job => Ok(()),
    ///         reason = verifier.invalidated_for(&claims, &org) => Err(format!("stopped: {reason}")),
    ///     }
    /// }
    /// ```
    pub fn invalidated_for(&self, claims: &Claims, organization: &OrgCode) -> Invalidated {
        Invalidated::new(self.watch_claims(claims, Some(organization)))
    }

    pub(crate) fn watch_claims(&self, claims: &Claims, acting: Option<&OrgCode>) -> ClaimsWatch {
        ClaimsWatch {
            changes: self.0.changes.watch(),
            verifier: self.clone(),
            claims: claims.clone(),
            extra: acting.map(|acting| {
                let acting = Some(acting.clone());
                Box::new(WatchExtra {
                    acting,
                    ..WatchExtra::default()
                })
            }),
            check_at: i64::MIN,
            unknown_since: None,
        }
    }
}

/// Knows when claims must be checked again.
#[derive(Clone)]
pub(crate) struct ClaimsWatch {
    verifier: Verifier,
    claims: Claims,
    /// A box, so that most streams, which have none of it, are small.
    extra: Option<Box<WatchExtra>>,
    changes: ChangeWatch,
    /// The second of the wall clock from which a check is due although there was no change.
    check_at: i64,
    unknown_since: Option<Instant>,
}

#[derive(Clone, Default)]
struct WatchExtra {
    acting: Option<OrgCode>,
    /// An opaque credential, so that its issuer can be queried again.
    credential: Option<Arc<[u8]>>,
    /// How often the application's caller check runs.
    caller_check: Option<RecheckInterval>,
}

impl ClaimsWatch {
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Adds the opaque credential of the claims.
    pub(crate) fn with_credential(mut self, credential: Option<&[u8]>) -> Self {
        if let Some(credential) = credential {
            self.extra.get_or_insert_default().credential = Some(Arc::from(credential));
        }
        self
    }

    /// Runs the application's caller check at this interval too.
    pub(crate) fn with_caller_check(mut self, interval: Option<RecheckInterval>) -> Self {
        if interval.is_some() {
            self.extra.get_or_insert_default().caller_check = interval;
        }
        self
    }

    pub(crate) fn checks_caller(&self) -> bool {
        self.caller_check().is_some()
    }

    fn caller_check(&self) -> Option<RecheckInterval> {
        self.extra.as_ref()?.caller_check
    }

    pub(crate) fn acting(&self) -> Option<&OrgCode> {
        self.extra.as_ref()?.acting.as_ref()
    }

    /// Checks the claims if there was a change or a check is due. It is cheap, because a body that
    /// always has data calls it for each frame.
    pub(crate) fn check_if_due(&mut self) -> Result<(), InvalidationReason> {
        let is_due = self.verifier.wall_clock().unix_seconds() >= self.check_at;
        if self.changes.take_change() || is_due {
            return self.check();
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), InvalidationReason> {
        // A change during the check causes another one.
        self.changes.take_change();
        if !self.verifier.has_verified(&self.claims) {
            return Err(InvalidationReason::OtherVerifier);
        }
        let credential = self
            .extra
            .as_ref()
            .and_then(|extra| extra.credential.as_deref());
        let acting = self.acting();
        let interval = match self.verifier.validity(&self.claims, acting, credential) {
            Validity::Valid => {
                self.unknown_since = None;
                MAX_INTERVAL
            }
            Validity::Unknown => {
                let now = Instant::now();
                let since = *self.unknown_since.get_or_insert(now);
                if now.saturating_duration_since(since) >= MAX_UNKNOWN {
                    return Err(InvalidationReason::Unavailable);
                }
                UNKNOWN_INTERVAL
            }
            Validity::Invalid(reason) => return Err(reason),
        };
        let next = crate::clock::seconds(interval);
        let now = self.verifier.wall_clock().unix_seconds();
        self.check_at = now.saturating_add(next).min(expiry(&self.claims));
        Ok(())
    }

    /// Returns the time until the next check.
    fn next_check_in(&self) -> Duration {
        let max = match self.unknown_since {
            None => MAX_INTERVAL,
            Some(_) => UNKNOWN_INTERVAL,
        };
        self.verifier.wall_clock().until(self.check_at, max)
    }

    /// Waits like [`invalidated`](Self::invalidated), and runs the caller check meanwhile. No other
    /// reason waits for it.
    async fn invalidated_or_not_allowed(self, interval: RecheckInterval) -> InvalidationReason {
        let (verifier, claims) = (self.verifier.clone(), self.claims.clone());
        let acting = self.acting().cloned();
        tokio::select! {
            // First, because it is ready if the runtime has no timers.
            biased;
            reason = self.invalidated() => reason,
            reason = until_not_allowed(verifier, claims, acting, interval) => reason,
        }
    }

    async fn invalidated(mut self) -> InvalidationReason {
        if !has_timers() {
            return self.check().err().unwrap_or(InvalidationReason::NoTimers);
        }
        let mut timer = std::pin::pin!(sleep(Duration::ZERO));
        loop {
            if let Err(reason) = self.check() {
                return reason;
            }
            let checked_at = Instant::now();
            timer.as_mut().reset(checked_at + self.next_check_in());
            tokio::select! {
                biased;
                () = self.changes.changed() => {
                    let next = checked_at + COALESCED;
                    if Instant::now() < next {
                        timer.as_mut().reset(next);
                        timer.as_mut().await;
                    }
                }
                () = timer.as_mut() => {}
            }
        }
    }
}

/// The future of [`Verifier::invalidated`]. It owns everything that it needs, so it can be moved to
/// another task.
#[must_use = "a future does nothing until it is polled"]
pub struct Invalidated(State);

enum State {
    Waiting(Pin<Box<dyn Future<Output = InvalidationReason> + Send>>),
    Ready(InvalidationReason),
}

impl Invalidated {
    pub(crate) fn new(watch: ClaimsWatch) -> Self {
        // Two types, so that the future of other streams is no larger.
        Self(State::Waiting(match watch.caller_check() {
            Some(interval) => Box::pin(watch.invalidated_or_not_allowed(interval)),
            None => Box::pin(watch.invalidated()),
        }))
    }
}

impl Future for Invalidated {
    type Output = InvalidationReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<InvalidationReason> {
        let reason = match &mut self.0 {
            State::Waiting(future) => std::task::ready!(future.as_mut().poll(cx)),
            State::Ready(reason) => return Poll::Ready(*reason),
        };
        self.0 = State::Ready(reason);
        Poll::Ready(reason)
    }
}

impl fmt::Debug for Invalidated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalidated").finish_non_exhaustive()
    }
}
