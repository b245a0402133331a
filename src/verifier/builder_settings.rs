//! Further settings of a verifier.

use std::time::Duration;

use super::builder::{StartMode, VerifierBuilder};
use super::readiness::Readiness;
#[cfg(feature = "introspection")]
use crate::introspection::SavedCredentials;
use crate::jwks::SavedKeys;

impl VerifierBuilder {
    /// Adds keys that [`Verifier::export_keys`](crate::Verifier::export_keys) returned earlier, so
    /// that the verifier can start while an issuer is down. Default: none.
    ///
    /// Restored keys keep their original fetch time, so the stale limit still applies. Keys of
    /// other issuers and keys that are too old are ignored.
    pub fn restore_keys(mut self, saved: impl IntoIterator<Item = SavedKeys>) -> Self {
        self.saved.extend(saved);
        self
    }

    /// Sets for how long the store of a [replicated](crate::Denylist::replicated) denylist may send
    /// no change and no heartbeat before the list is stale, which an event and a metric report.
    /// Default: 60 s. From 10 s to 1 hour.
    pub fn denylist_stale_warning_after(mut self, after: Duration) -> Self {
        self.staleness.stale_warning_after = after;
        self
    }

    /// Sets for how long the store of a [replicated](crate::Denylist::replicated) denylist may send
    /// no change and no heartbeat before requests get a 503 and the verifier is not ready. Default:
    /// 15 min. Maximum: 1 day. With zero, a stale list is never used: the time is then
    /// [`denylist_stale_warning_after`](Self::denylist_stale_warning_after).
    pub fn denylist_max_stale(mut self, max_stale: Duration) -> Self {
        self.staleness.max_stale = max_stale;
        self
    }

    /// Sets when the verifier is ready if several issuers are listed. Default: [`Readiness::All`].
    ///
    /// [`Verifier::is_ready`](crate::Verifier::is_ready) and [`build_ready`](Self::build_ready)
    /// follow it. Resolved issuers do not count.
    ///
    /// ```
    /// use tower_m2m::{Readiness, Verifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let own = Verifier::kinde("acme").audience("https://api.acme.com");
    /// let partner = Verifier::issuer("https://issuer.example").audience("https://api.acme.com");
    /// // An outage of the partner's issuer must not take this service off the load balancer.
    /// let verifier = Verifier::builder([own, partner]).readiness(Readiness::Any).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// Fetches keys when the first token arrives. Default: in the background, as soon as the
    /// verifier is built. If it is built outside a Tokio runtime, the first token starts the fetch.
    pub fn start_lazily(mut self) -> Self {
        self.start = StartMode::Lazy;
        self
    }

    /// Restores the opaque credentials that
    /// [`Verifier::export_known_credentials`](crate::Verifier::export_known_credentials) returned,
    /// so that their callers do not use the budget for unknown credentials after a restart.
    /// Default: none. They admit no caller.
    #[cfg(feature = "introspection")]
    pub fn restore_known_credentials(mut self, saved: SavedCredentials) -> Self {
        self.saved_credentials = Some(saved);
        self
    }

    /// Sets how many events about rejected requests are recorded per second, for each reason and
    /// client. Default: one event for each rejected request.
    ///
    /// The next recorded event of the same reason and client contains the number of omitted events
    /// in `omitted`. Requests without a verified client count as one client. If one reason has more
    /// than 256 clients, the others count together with them. Metrics count every request, and
    /// events about admitted requests are never omitted.
    pub fn max_rejection_events_per_second(mut self, events: u32) -> Self {
        self.max_rejection_events = Some(events);
        self
    }
}

impl std::fmt::Debug for VerifierBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifierBuilder")
            .field("issuers", &self.issuers)
            .field("max_resolved_issuers", &self.resolved_max)
            .field("max_token_bytes", &self.max_token_bytes)
            .field("token_cache", &self.token_cache)
            .field("caller_check_timeout", &self.caller_check_timeout)
            .field("fail_mode", &self.fail_mode)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}
