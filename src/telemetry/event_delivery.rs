//! The events for operators about security events, and about the status of organizations.

use std::fmt::Display;

/// Reports that Kinde did not say whether an organization is suspended, once in 10 s at most.
pub(crate) fn organization_query_failed(issuer: &str, error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::events", issuer, error = %error, "organization query failed");
    let _ = (issuer, error);
}

/// Reports that an event of an issuer took effect. `event` is its kind.
pub(crate) fn security_event_applied(issuer: &str, event: &'static str, jti: &str) {
    #[cfg(feature = "tracing")]
    tracing::info!(target: "tower_m2m::events", issuer, event, jti, "security event applied");
    let _ = (issuer, event, jti);
}

/// Reports an authentic event without effect, and why it has none.
pub(crate) fn security_event_ignored(
    issuer: &str,
    event: &'static str,
    jti: &str,
    reason: &'static str,
) {
    #[cfg(feature = "tracing")]
    tracing::info!(target: "tower_m2m::events", issuer, event, jti, reason, "security event ignored");
    let _ = (issuer, event, jti, reason);
}

/// Reports an event that was not accepted, once in 10 s at most. `omitted` is the number of those
/// before it that were not reported.
pub(crate) fn security_event_rejected(
    issuer: &str,
    code: &'static str,
    error: &dyn Display,
    omitted: u64,
) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::events", issuer, code, error = %error, omitted, "security event rejected");
    let _ = (issuer, code, error, omitted);
}

/// Reports that requests arrived and none was accepted for this number of hours, once an hour.
pub(crate) fn no_event_accepted(issuer: &str, hours: i64) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "tower_m2m::events", issuer, hours, "no security event accepted");
    let _ = (issuer, hours);
}

/// Reports that a transmitter's events could not be fetched.
pub(crate) fn event_poll_failed(issuer: &str, error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::events", issuer, error = %error, "event poll failed");
    let _ = (issuer, error);
}
