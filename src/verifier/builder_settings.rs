//! Further settings of a verifier.

use super::builder::{StartMode, VerifierBuilder};

impl VerifierBuilder {
    /// Fetches keys when the first token comes. Default: in the background, as soon as the verifier is built (or with the
    /// first token, when it is built outside a tokio runtime).
    pub fn start_lazily(mut self) -> Self {
        self.start = StartMode::Lazy;
        self
    }

    /// Sets how many events about rejected requests are recorded per second, for each reason and
    /// client. Default: one event for each rejected request.
    ///
    /// The next recorded event of the same reason and client says in `omitted` how many were left out.
    /// Requests without a verified client count as one client, and so do those of clients beyond 256
    /// for one reason. Metrics count every request, and events about admitted requests are never left
    /// out.
    pub fn max_rejection_events_per_second(mut self, events: u32) -> Self {
        self.max_rejection_events = Some(events);
        self
    }
}
