//! What callers and requests in flight share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::backend::Backend;
use super::budget::UnknownBudget;
use super::cache::ResponseCache;
use super::in_flight::InFlight;
use super::known::KnownCredentials;
use super::outage::Outage;
use super::outcome::Accept;
use super::status::Counters;
use super::timing::IntrospectionTiming;
use crate::clock::Clock;
use crate::util::Changes;

/// How long a caller waits until it tries again, if the issuer does not say it.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What callers and requests in flight share.
pub(super) struct IntrospectorState {
    pub(super) issuer: Arc<str>,
    pub(super) backend: Backend,
    pub(super) accept: Box<Accept>,
    pub(super) timing: IntrospectionTiming,
    pub(super) clock: Clock,
    pub(super) cache: ResponseCache,
    pub(super) known_credentials: KnownCredentials,
    pub(super) in_flight: InFlight,
    pub(super) budget: Mutex<UnknownBudget>,
    pub(super) outage: Outage,
    pub(super) counters: Counters,
    /// A credential that is no longer active can end open streams.
    pub(super) changes: Changes,
}
