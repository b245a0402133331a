//! The metrics of a replicated denylist.

/// Describes the metrics of a replicated denylist.
#[cfg(feature = "metrics")]
pub(super) fn describe_denylist() {
    use metrics::{describe_counter, describe_gauge};
    describe_gauge!("tower_m2m_denylist_entries", "Entries of the denylist.");
    describe_gauge!(
        "tower_m2m_denylist_usable",
        "1 if requests are compared with the denylist, 0 if they get a 503."
    );
    describe_gauge!(
        "tower_m2m_denylist_emptying",
        "1 while the state of the store has no effect, because it lost entries or is new."
    );
    describe_gauge!(
        "tower_m2m_denylist_confirmed_timestamp_seconds",
        "When the store last sent a change or a heartbeat."
    );
    describe_gauge!(
        "tower_m2m_denylist_pending_writes",
        "Writes of this replica that the store has not confirmed."
    );
    describe_counter!(
        "tower_m2m_denylist_changes_total",
        "Changes of the denylist and of the connection to its store, by kind."
    );
    describe_counter!(
        "tower_m2m_denylist_writes_total",
        "Attempts to write entries to the store, by outcome."
    );
    describe_counter!(
        "tower_m2m_denylist_records_ignored_total",
        "Records of the store that are not used, by reason."
    );
}

/// Creates all counters of a replicated list. Without them, an alert about the increase of a
/// counter misses the first one.
pub(crate) fn denylist_started() {
    #[cfg(feature = "metrics")]
    {
        for kind in ["added", "removed", "loaded", "gap", "disconnected"] {
            metrics::counter!("tower_m2m_denylist_changes_total", "kind" => kind).increment(0);
        }
        for outcome in ["ok", "failed"] {
            metrics::counter!("tower_m2m_denylist_writes_total", "outcome" => outcome).increment(0);
        }
        for reason in ["malformed", "unauthenticated", "unknown_kind", "full"] {
            metrics::counter!("tower_m2m_denylist_records_ignored_total", "reason" => reason)
                .increment(0);
        }
    }
}

/// Sets the number of entries, whether requests are compared with the list, and whether the state
/// of the store has no effect yet.
pub(crate) fn denylist_state(entries: usize, is_usable: bool, is_emptying: bool) {
    #[cfg(feature = "metrics")]
    {
        let entries = u32::try_from(entries).unwrap_or(u32::MAX);
        metrics::gauge!("tower_m2m_denylist_entries").set(f64::from(entries));
        metrics::gauge!("tower_m2m_denylist_usable").set(f64::from(u8::from(is_usable)));
        metrics::gauge!("tower_m2m_denylist_emptying").set(f64::from(u8::from(is_emptying)));
    }
    let _ = (entries, is_usable, is_emptying);
}

/// Sets when the store last sent a change or a heartbeat, in seconds since the Unix epoch.
pub(crate) fn denylist_confirmed(unix_seconds: i64) {
    #[cfg(feature = "metrics")]
    {
        let seconds = u32::try_from(unix_seconds).unwrap_or(u32::MAX);
        metrics::gauge!("tower_m2m_denylist_confirmed_timestamp_seconds").set(f64::from(seconds));
    }
    let _ = unix_seconds;
}

/// Sets the number of writes that the store has not confirmed.
pub(crate) fn denylist_pending_writes(writes: usize) {
    #[cfg(feature = "metrics")]
    {
        let writes = u32::try_from(writes).unwrap_or(u32::MAX);
        metrics::gauge!("tower_m2m_denylist_pending_writes").set(f64::from(writes));
    }
    let _ = writes;
}

/// Counts a change: `added`, `removed`, `loaded`, `gap` or `disconnected`.
pub(crate) fn denylist_change(kind: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tower_m2m_denylist_changes_total", "kind" => kind).increment(1);
    let _ = kind;
}

/// Counts an attempt to write an entry: `ok` or `failed`.
pub(crate) fn denylist_write(outcome: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tower_m2m_denylist_writes_total", "outcome" => outcome).increment(1);
    let _ = outcome;
}

/// Counts a record that is not used: `malformed`, `unauthenticated`, `unknown_kind` or `full`.
pub(crate) fn denylist_record_ignored(reason: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("tower_m2m_denylist_records_ignored_total", "reason" => reason).increment(1);
    let _ = reason;
}
