//! What the task that follows a store does with each message of the store.

use super::candidate::Authenticity;
use super::denylist_error::DenylistError;
use super::follower::Follower;
use super::grace;
use super::load;
use super::mode::Mode;
use super::record::{DenylistRecord, RecordKey};
use super::store::StoreChange;
use crate::telemetry::{events, metrics};
use crate::util::lock;

impl Follower {
    pub(super) fn apply(&mut self, change: StoreChange) {
        self.has_data = true;
        match change {
            StoreChange::Added(record) => {
                self.mode.count(Authenticity::Authentic);
                self.received_record(record);
            }
            StoreChange::Removed(key) => self.removed(&key, None),
            StoreChange::CaughtUp(cursor) => {
                self.cursor = Some(cursor);
                self.received.clear();
                if let Mode::Loading(candidate) = &mut self.mode {
                    let candidate = std::mem::take(candidate);
                    let is_confirmed = std::mem::take(&mut self.is_new_confirmed);
                    let began = self.load_began;
                    self.mode = grace::complete(&self.replication, candidate, began, is_confirmed);
                }
                self.is_up_to_date();
            }
            StoreChange::Heartbeat => {
                if !matches!(self.mode, Mode::Loading(_)) {
                    self.is_up_to_date();
                }
            }
            StoreChange::Gap => {
                lock(&self.replication.history).gaps += 1;
                events::denylist_gap();
                metrics::denylist_change("gap");
                self.begin_load();
            }
            StoreChange::Malformed => {
                lock(&self.replication.history).malformed += 1;
                metrics::denylist_record_ignored("malformed");
            }
            StoreChange::Unauthenticated => {
                self.mode.count(Authenticity::Unauthenticated);
                lock(&self.replication.history).unauthenticated += 1;
                metrics::denylist_record_ignored("unauthenticated");
            }
        }
    }

    /// The store sent all changes that it has.
    fn is_up_to_date(&mut self) {
        self.confirm();
        if matches!(self.mode, Mode::Following(_))
            && let Some(connected_at) = self.unconfirmed_since.take()
        {
            self.replication.writes.write_unreceived_again(connected_at);
            self.replication.writes.retry_now();
        }
        load::report(&self.replication, &self.mode);
    }

    fn received_record(&mut self, record: DenylistRecord) {
        if record.is_about_completeness() {
            self.received_completeness(!record.is_removal());
        } else if record.is_removal() {
            self.removal(&record);
        } else {
            self.added(record);
        }
        self.replication.report_state();
    }

    /// The store has or lost the record that its list is complete. If another replica wrote it,
    /// the grace period is over for all.
    fn received_completeness(&mut self, is_complete: bool) {
        match &mut self.mode {
            Mode::Loading(candidate) => candidate.is_complete_list = is_complete,
            Mode::Following(_) if is_complete => {
                grace::finish_with_others(&self.replication, &mut self.mode);
            }
            Mode::Following(_) => {}
        }
    }

    /// An entry denies at once, also while all entries are loaded. An expired one is kept, because
    /// the clock may be ahead.
    fn added(&mut self, record: DenylistRecord) {
        let (replication, now) = (&self.replication, self.replication.list.unix_seconds());
        let key = record.key();
        let Some((entry, slot)) = record.entry() else {
            lock(&replication.history).unknown += 1;
            metrics::denylist_record_ignored("unknown_kind");
            return;
        };
        if record.is_obsolete(now) {
            return;
        }
        if replication.writes.received(&key, &record) {
            self.received.push(key.clone());
        }
        metrics::denylist_change("added");
        match replication.list.add(slot, entry, record.applies_until()) {
            Ok(()) => {}
            // Another verifier of the namespace trusts this issuer.
            Err(DenylistError::UnknownIssuer) => return,
            Err(DenylistError::InvalidName) => {
                lock(&replication.history).malformed += 1;
                metrics::denylist_record_ignored("malformed");
                return;
            }
            Err(DenylistError::Full) => replication.report_full(),
        }
        let capacity = replication.list.limits.entries;
        if let Some(candidate) = self.mode.candidate() {
            candidate.insert(key, record, capacity, now);
        }
    }

    /// A removal that the store keeps. During a load, it may be older than an own write.
    fn removal(&mut self, record: &DenylistRecord) {
        let key = record.key();
        match &mut self.mode {
            Mode::Loading(candidate) => candidate.insert_removal(key, record.stamp()),
            Mode::Following(_) => self.removed(&key, record.stamp()),
        }
    }

    fn removed(&mut self, key: &RecordKey, stamp: Option<i64>) {
        metrics::denylist_change("removed");
        if let Some(candidate) = self.mode.candidate() {
            candidate.remove(key);
        }
        if !self.replication.writes.is_removal_newer(key, stamp) {
            // This replica wrote the same entry, and it is not known which came first.
            self.replication.requests.reload();
        } else if matches!(self.mode, Mode::Following(_)) {
            self.remove_here(key);
        }
    }

    fn remove_here(&self, key: &RecordKey) {
        let Some((entry, removed)) = key.entry() else {
            lock(&self.replication.history).unknown += 1;
            metrics::denylist_record_ignored("unknown_kind");
            return;
        };
        self.replication.list.remove(&entry, |slot| slot == removed);
    }

    /// Records that the list is up to date, unless it is being loaded.
    fn confirm(&mut self) {
        if !self.mode.is_loaded() {
            return;
        }
        self.replication.last_data.confirm();
        lock(&self.replication.history).last_error = None;
        self.reports.confirmed(&self.replication);
    }
}
