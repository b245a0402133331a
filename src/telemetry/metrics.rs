//! The metrics for operators: every metric of the crate, in one place (feature `metrics`).
//!
//! Names and labels are stable. The value of a label is a fixed word or the name of a listed or
//! resolved issuer, so that clients cannot create series. The guide has a table of all metrics, and
//! recipes for alerts.

mod denylist;
#[cfg(feature = "dpop")]
mod used_proofs;

use std::time::{Duration, SystemTime};

pub(crate) use denylist::{
    denylist_change, denylist_confirmed, denylist_pending_writes, denylist_record_ignored,
    denylist_started, denylist_state, denylist_write,
};

#[cfg(feature = "dpop")]
pub(crate) use used_proofs::used_proofs;

use super::compared::VisitCompared;

/// Describes the metrics to the recorder that is installed when a verifier is built.
pub(crate) fn describe() {
    #[cfg(feature = "metrics")]
    {
        use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
        describe_counter!(
            "tower_m2m_decisions_total",
            "Admitted and rejected requests, by outcome."
        );
        describe_counter!(
            "tower_m2m_streams_ended_total",
            "Response bodies that ended with their token, by reason."
        );
        describe_counter!(
            "tower_m2m_token_cache_lookups_total",
            "Lookups in the token cache, by result."
        );
        describe_histogram!(
            "tower_m2m_verification_duration_seconds",
            Unit::Seconds,
            "Duration of full verifications, without cache hits."
        );
        describe_counter!(
            "tower_m2m_introspection_requests_total",
            "Introspection requests, by outcome."
        );
        describe_counter!(
            "tower_m2m_introspection_lookups_total",
            "Lookups of opaque credentials, by result."
        );
        describe_counter!(
            "tower_m2m_organization_lookups_total",
            "Lookups of an organization's status at Kinde, by result."
        );
        describe_counter!(
            "tower_m2m_security_events_total",
            "Received security events, by kind and outcome."
        );
        describe_counter!(
            "tower_m2m_key_fetches_total",
            "Fetches of an issuer's keys, by cause and outcome."
        );
        denylist::describe_denylist();
        #[cfg(feature = "dpop")]
        used_proofs::describe_used_proofs();
        describe_gauge!(
            "tower_m2m_keys",
            "Usable keys in the current key set of an issuer."
        );
        describe_gauge!(
            "tower_m2m_unusable_keys",
            "Keys of an issuer's key set that are not used, at most 100."
        );
        describe_gauge!(
            "tower_m2m_keys_fetched_timestamp_seconds",
            "When the current keys were fetched or confirmed."
        );
        describe_gauge!(
            "tower_m2m_keys_fresh_until_timestamp_seconds",
            "When the lifetime of the current keys ends."
        );
        describe_gauge!(
            "tower_m2m_keys_usable_until_timestamp_seconds",
            "When the stale limit of the current keys is reached."
        );
    }
}

/// Counts an admitted or rejected request.
pub(crate) fn request_decided(
    stage: &'static str,
    outcome: &'static str,
    compared: &VisitCompared<'_>,
) {
    #[cfg(feature = "metrics")]
    metrics::counter!(
        "tower_m2m_decisions_total",
        "stage" => stage,
        "outcome" => outcome,
        "compared" => super::compared::first_label(compared)
    )
    .increment(1);
    let _ = (stage, outcome, compared);
}

/// Counts a response body that ended because its token is no longer valid.
pub(crate) fn stream_ended(reason: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tower_m2m_streams_ended_total", "reason" => reason).increment(1);
    let _ = reason;
}

/// Counts a lookup in the token cache.
pub(crate) fn cache_lookup<T>(found: Option<&T>) {
    #[cfg(feature = "metrics")]
    {
        let result = if found.is_some() { "hit" } else { "miss" };
        metrics::counter!("tower_m2m_token_cache_lookups_total", "result" => result).increment(1);
    }
    let _ = found;
}

/// Measures a full verification, without the wait for a key.
pub(crate) fn time_verification<T>(verify: impl FnOnce() -> T) -> T {
    #[cfg(feature = "metrics")]
    {
        let begun = std::time::Instant::now();
        let result = verify();
        metrics::histogram!("tower_m2m_verification_duration_seconds").record(begun.elapsed());
        result
    }
    #[cfg(not(feature = "metrics"))]
    verify()
}

/// Counts a fetch of keys: its cause, and `ok` or the code of its failure.
pub(crate) fn key_fetch(issuer: &str, cause: &'static str, outcome: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tower_m2m_key_fetches_total", "issuer" => issuer.to_owned(), "cause" => cause, "outcome" => outcome)
        .increment(1);
    let _ = (issuer, cause, outcome);
}

/// Counts an introspection request by its outcome: `active`, `inactive`, `rejected`, or the code of
/// its failure.
#[cfg(feature = "introspection")]
pub(crate) fn introspection_request(issuer: &str, outcome: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tower_m2m_introspection_requests_total", "issuer" => issuer.to_owned(), "outcome" => outcome)
        .increment(1);
    let _ = (issuer, outcome);
}

/// Counts a caller whose opaque credential was found in the cache or not: `hit`, `stale`,
/// `rejected`, `miss` or `budget_exhausted`.
#[cfg(feature = "introspection")]
pub(crate) fn introspection_lookup(issuer: &str, result: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tower_m2m_introspection_lookups_total", "issuer" => issuer.to_owned(), "result" => result)
        .increment(1);
    let _ = (issuer, result);
}

/// Counts a lookup of an organization's status: `hit`, `stale`, `miss`, or the code of the reason
/// why it is not known.
#[cfg(feature = "security-events")]
pub(crate) fn organization_lookup(issuer: &str, result: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tower_m2m_organization_lookups_total", "issuer" => issuer.to_owned(), "result" => result)
        .increment(1);
    let _ = (issuer, result);
}

/// Counts a received event by its kind, and by its outcome: `applied`, `ignored`, `duplicate`,
/// `rejected` or `unavailable`.
#[cfg(feature = "security-events")]
pub(crate) fn security_event(issuer: &str, event: &'static str, outcome: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tower_m2m_security_events_total", "issuer" => issuer.to_owned(), "event" => event, "outcome" => outcome)
        .increment(1);
    let _ = (issuer, event, outcome);
}

/// Creates the counts of events that were not accepted, so that an alert sees the first one.
#[cfg(feature = "security-events")]
pub(crate) fn security_events_started(issuer: &str) {
    #[cfg(feature = "metrics")]
    for outcome in ["rejected", "unavailable"] {
        metrics::counter!("tower_m2m_security_events_total", "issuer" => issuer.to_owned(), "event" => "none", "outcome" => outcome)
            .increment(0);
    }
    let _ = issuer;
}

/// Sets the gauges of the current key set.
pub(crate) fn keys_available(
    issuer: &str,
    keys: usize,
    unusable_keys: usize,
    fetched_at: SystemTime,
    life: Duration,
    max_stale: Duration,
) {
    #[cfg(feature = "metrics")]
    {
        let unix = |after: Duration| {
            let since = fetched_at
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            since.saturating_add(after).as_secs_f64()
        };
        let gauge = |name: &'static str| metrics::gauge!(name, "issuer" => issuer.to_owned());
        let count = |keys: usize| f64::from(u32::try_from(keys).unwrap_or(u32::MAX));
        gauge("tower_m2m_keys").set(count(keys));
        gauge("tower_m2m_unusable_keys").set(count(unusable_keys));
        gauge("tower_m2m_keys_fetched_timestamp_seconds").set(unix(Duration::ZERO));
        gauge("tower_m2m_keys_fresh_until_timestamp_seconds").set(unix(life));
        gauge("tower_m2m_keys_usable_until_timestamp_seconds")
            .set(unix(life.saturating_add(max_stale)));
    }
    let _ = (issuer, keys, unusable_keys, fetched_at, life, max_stale);
}

/// Sets the number of keys to 0: requests with tokens of this issuer get a 503.
pub(crate) fn keys_cleared(issuer: &str) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("tower_m2m_keys", "issuer" => issuer.to_owned()).set(0.0);
    let _ = issuer;
}
