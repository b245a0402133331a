//! The events for operators (feature `tracing`). Those of security events are in
//! [`event_delivery`](super::event_delivery), the decisions about requests in
//! [`decision`](super::decision).
//!
//! Names and fields are stable; the guide has a table of them. [Spans](super::spans) show
//! durations. No event contains a token or a claim value, except the organization, the client ID,
//! the issuer and `jti`.

use std::fmt::Display;
use std::time::Duration;

use crate::token::{Claims, OrgCode};

/// A key set was fetched or confirmed.
pub(crate) fn keys_fetched(issuer: &str, cause: &'static str, keys: usize, unusable_keys: usize) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: "tower_m2m::jwks", issuer, cause, keys, unusable_keys, "keys fetched");
    let _ = (issuer, cause, keys, unusable_keys);
}

/// Reports the keys of a set that are broken or contain a private part, once per set.
pub(crate) fn unusable_keys(issuer: &str, keys: usize, reasons: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", issuer, keys, reasons = %reasons, "ignoring unusable keys");
    let _ = (issuer, keys, reasons);
}

/// Reports the keys of a set that are well-formed and not supported, once per set.
pub(crate) fn unsupported_keys(issuer: &str, keys: usize, reasons: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: "tower_m2m::jwks", issuer, keys, reasons = %reasons, "ignoring unsupported keys");
    let _ = (issuer, keys, reasons);
}

/// Reports a failed fetch. `source` has the errors below `error`. The next attempt begins after
/// this delay, or earlier if a request needs a key.
pub(crate) fn fetch_failed(
    issuer: &str,
    cause: &'static str,
    code: &'static str,
    error: &dyn Display,
    source: Option<String>,
    has_keys: bool,
    next_attempt_in: Duration,
) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", issuer, cause, code, error = %error, source, has_keys, ?next_attempt_in, "key fetch failed");
    let _ = (
        issuer,
        cause,
        code,
        error,
        source,
        has_keys,
        next_attempt_in,
    );
}

/// Reports that a key set expired and is still used, because the issuer provides no new one.
pub(crate) fn keys_stale(issuer: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", issuer, "using stale keys");
    let _ = issuer;
}

/// Reports that the issuer provides keys again, after this number of consecutive failures.
pub(crate) fn keys_recovered(issuer: &str, failures: u32) {
    #[cfg(feature = "tracing")]
    tracing::info!(target: "tower_m2m::jwks", issuer, failures, "key fetch recovered");
    let _ = (issuer, failures);
}

/// Reports that the last valid key set reached its stale limit: from now on, requests with tokens
/// of this issuer get a 503.
pub(crate) fn keys_expired(issuer: &str) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "tower_m2m::jwks", issuer, "keys expired: no successful fetch within keys_max_stale");
    let _ = issuer;
}

/// Reports that the metadata has another URL for the keys than before.
pub(crate) fn jwks_uri_changed(issuer: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", issuer, "jwks_uri changed");
    let _ = issuer;
}

/// Reports that the application's issuer resolution failed. The event does not name the issuer,
/// because the name comes from an unverified token.
pub(crate) fn issuer_resolution_failed(error: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::jwks", error, "issuer resolution failed");
    let _ = error;
}

/// Reports that the application's caller check failed or timed out.
pub(crate) fn caller_check_failed(
    error: Option<&(dyn std::error::Error + Send + Sync + 'static)>,
    allowed: bool,
) {
    #[cfg(feature = "tracing")]
    {
        let error = error.map_or_else(|| "timed out".to_owned(), ToString::to_string);
        tracing::warn!(target: "tower_m2m", error, allowed, "caller check failed");
    }
    let _ = (error, allowed);
}

/// Reports that a used DPoP proof could not be stored: the replay store failed or timed out, or the
/// store in memory is full (`None`).
#[cfg(feature = "dpop")]
pub(crate) fn replay_store_failed(error: Option<&(dyn std::error::Error + Send + Sync + 'static)>) {
    #[cfg(feature = "tracing")]
    {
        let error = error.map_or_else(|| "full or timed out".to_owned(), ToString::to_string);
        tracing::warn!(target: "tower_m2m", error, "replay store failed");
    }
    let _ = error;
}

/// Reports that the first verified tokens of an issuer had no organization. `organization_claim` is
/// the configured pointer.
pub(crate) fn no_organization(issuer: &str, organization_claim: &str, tokens: u32) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m", issuer, organization_claim, tokens, "no token had an organization");
    let _ = (issuer, organization_claim, tokens);
}

/// Reports a route with a parameter that often means a tenant and that no layer compares.
pub(crate) fn parameter_not_compared(route: &str, parameter: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m", route, parameter, "route parameter not compared");
    let _ = (route, parameter);
}

/// Reports that a response body ended because its token is no longer valid.
pub(crate) fn stream_ended(reason: &'static str, claims: &Claims, acting: Option<&OrgCode>) {
    super::metrics::stream_ended(reason);
    #[cfg(feature = "tracing")]
    tracing::info!(
        target: "tower_m2m",
        reason,
        client_id = claims.client_id(),
        issuer = claims.issuer(),
        organization = claims.org_code().or(acting).map(OrgCode::as_str),
        jti = claims.jti(),
        "stream ended"
    );
    let _ = (claims, acting);
}

/// Reports that the issuer did not say whether a credential is valid, once in 10 s at most.
#[cfg(feature = "introspection")]
pub(crate) fn introspection_failed(issuer: &str, error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::introspection", issuer, error = %error, "introspection failed");
    let _ = (issuer, error);
}

/// Reports that the issuer rejected the credentials of this service, once a minute at most.
#[cfg(feature = "introspection")]
pub(crate) fn credentials_rejected(issuer: &str, error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "tower_m2m::introspection", issuer, error = %error, "introspection credentials rejected");
    let _ = (issuer, error);
}

/// Reports that unknown API keys look like a rejection of this service's own credentials, so they
/// get 503 and not 401.
#[cfg(feature = "introspection")]
pub(crate) fn unknown_keys_not_distinguishable(issuer: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::introspection", issuer, "unknown API keys cannot be distinguished");
    let _ = issuer;
}

/// Reports that all entries of a replicated denylist were loaded.
pub(crate) fn denylist_loaded(entries: usize) {
    #[cfg(feature = "tracing")]
    tracing::info!(target: "tower_m2m::denylist", entries, "denylist loaded");
    let _ = entries;
}

/// Reports that the connection to the store of a denylist failed, for the first, second, fourth …
/// time in a row.
pub(crate) fn denylist_store_failed(error: &str, failures: u32, next_attempt_in: Duration) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", error, failures, ?next_attempt_in, "denylist store failed");
    let _ = (error, failures, next_attempt_in);
}

/// Reports that the store sent no change and no heartbeat for `denylist_stale_warning_after`.
pub(crate) fn denylist_stale() {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", "using a stale denylist");
}

/// Reports that the list is too old: from now on, requests get a 503.
pub(crate) fn denylist_expired() {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "tower_m2m::denylist", "denylist expired: the store was not reached within denylist_max_stale");
}

/// Reports that a stale or expired list is up to date again.
pub(crate) fn denylist_recovered() {
    #[cfg(feature = "tracing")]
    tracing::info!(target: "tower_m2m::denylist", "denylist recovered");
}

/// Reports that changes were lost, so that all entries are loaded again.
pub(crate) fn denylist_gap() {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", "denylist changes lost");
}

/// Reports that a store with entries is suddenly empty. The earlier entries apply for this time.
pub(crate) fn denylist_emptied(entries: usize, applies_for: Duration) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "tower_m2m::denylist", entries, ?applies_for, "denylist emptied");
    let _ = (entries, applies_for);
}

/// Reports that a replica that was never loaded found a store without a complete list.
pub(crate) fn denylist_not_initialized(waits_for: Duration) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", ?waits_for, "denylist not initialized: the store is new, or it lost its data");
    let _ = waits_for;
}

/// Reports that the application confirmed the state of a store that lacks entries.
pub(crate) fn denylist_empty_confirmed(entries_before: usize, entries: usize) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", entries_before, entries, "denylist confirmed empty");
    let _ = (entries_before, entries);
}

/// Reports that the application confirmed an empty store, but the store has its entries.
pub(crate) fn denylist_not_empty(entries: usize) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", entries, "denylist not empty: confirm_empty had no effect");
    let _ = entries;
}

/// Reports that active entries were dropped, because the store lost them.
pub(crate) fn denylist_entries_dropped(entries: usize) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", entries, "denylist entries dropped");
    let _ = entries;
}

/// Reports that the store lost entries of this replica, which are written again.
pub(crate) fn denylist_written_again(entries: usize) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", entries, "denylist entries written again");
    let _ = entries;
}

/// Reports that a write failed: the first attempt for an entry, or the last one (without a next
/// attempt).
pub(crate) fn denylist_write_failed(error: &str, next_attempt_in: Option<Duration>) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", error, ?next_attempt_in, "denylist write failed");
    let _ = (error, next_attempt_in);
}

/// Reports that the store confirmed a write after this many failed attempts.
pub(crate) fn denylist_write_recovered(failures: u32) {
    #[cfg(feature = "tracing")]
    tracing::info!(target: "tower_m2m::denylist", failures, "denylist write recovered");
    let _ = failures;
}

/// Reports that the store has entries that did not fit into the list of this replica.
pub(crate) fn denylist_full(capacity: usize) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "tower_m2m::denylist", capacity, "denylist full");
    let _ = capacity;
}

/// Reports that 90 % of a denylist, or of the share of security events, is used.
pub(crate) fn denylist_almost_full(
    entries: usize,
    capacity: usize,
    event_entries: usize,
    max_event_entries: usize,
) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", entries, capacity, event_entries, max_event_entries, "denylist almost full");
    let _ = (entries, capacity, event_entries, max_event_entries);
}

/// Reports the records of the store that are ignored, at most once a minute. The counts are those
/// since the start.
pub(crate) fn denylist_records_ignored(malformed: u64, unauthenticated: u64, unknown: u64) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_m2m::denylist", malformed, unauthenticated, unknown, "ignoring denylist records");
    let _ = (malformed, unauthenticated, unknown);
}
