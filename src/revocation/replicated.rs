//! A denylist that several replicas share.

use std::sync::{Arc, Mutex, Weak};

use super::denylist::{DEFAULT_CAPACITY, Denylist, DenylistInner, Replicated};
use super::entry::{DenylistEntry, EntryExpiry, EntryOrigin, EntryReach};
use super::freshness::Freshness;
use super::list::EntryList;
use super::record::{DenylistRecord, RecordKey};
use super::replication::Replication;
use super::replication_status::{ReplicationError, ReplicationStatus};
use super::store::{DenylistStore, StoreHandle};
use super::writer::operation;
use crate::util::lock;

impl Denylist {
    /// Creates a list of at most 10,000 entries that several replicas share through a store.
    ///
    /// Requests never wait for the store. A task loads all entries and applies each change. It
    /// begins with the first verifier that uses the list, and ends with the last one. Until the
    /// list was loaded once, and if the store was not reached for
    /// [`denylist_max_stale`](crate::VerifierBuilder::denylist_max_stale), the verifier is not
    /// ready and requests get a 503. [`deny`](Self::deny) and [`remove`](Self::remove) change this
    /// replica only.
    ///
    /// ```
    /// # #[cfg(feature = "test-util")]
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_m2m::testing::MemoryStore;
    /// use tower_m2m::{Denylist, DenylistEntry, EntryExpiry, Verifier};
    ///
    /// let store = MemoryStore::new(); // in production: `RedisStore::connect(url, "acme:m2m").await?`
    /// let denylist = Denylist::replicated(store);
    /// let verifier = Verifier::builder([Verifier::kinde("acme").audience("https://api.acme.com")])
    ///     .denylist(denylist.clone())
    ///     .build_ready() // the keys are fetched, and the list was loaded once
    ///     .await?;
    /// let entry = DenylistEntry::organization("https://acme.kinde.com", "org_a");
    /// denylist.deny_on_all_replicas(entry, EntryExpiry::Never).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn replicated(store: impl DenylistStore) -> Self {
        Self::replicated_with_capacity(store, DEFAULT_CAPACITY)
    }

    /// Creates a [replicated](Self::replicated) list of at most this many entries. Use the same
    /// limit on all replicas.
    #[must_use]
    pub fn replicated_with_capacity(store: impl DenylistStore, entries: usize) -> Self {
        let list = Arc::new(EntryList::new(entries));
        let shared = Replication::new(Arc::clone(&list), StoreHandle::new(store));
        Self(Arc::new(DenylistInner {
            list,
            replication: Some(Replicated {
                shared,
                tasks: Mutex::new(Weak::new()),
            }),
        }))
    }

    /// Adds an entry on all replicas: on this one at once, and on the others when they receive it
    /// from the store. If the name is denied already, the later expiry wins.
    ///
    /// An entry with an expiry applies for up to 10 minutes after it: 5 minutes as in
    /// [`EntryExpiry`], and 5 minutes by which the clocks of two replicas may differ.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicationError::NotReplicated`] if the store did not confirm the write, or
    /// confirmed no write for 5 s. Then the entry is active on this replica, and the write is
    /// retried until the entry expires or the last verifier is dropped. All other errors mean that
    /// no entry was added.
    pub async fn deny_on_all_replicas(
        &self,
        denied: DenylistEntry,
        until: EntryExpiry,
    ) -> Result<(), ReplicationError> {
        self.deny_on_all_replicas_as(EntryOrigin::Application, denied, until)
            .await
    }

    /// Adds an entry of this origin on all replicas.
    pub(crate) async fn deny_on_all_replicas_as(
        &self,
        origin: EntryOrigin,
        denied: DenylistEntry,
        until: EntryExpiry,
    ) -> Result<(), ReplicationError> {
        let replicated = self
            .0
            .replication
            .as_ref()
            .ok_or(ReplicationError::NoStore)?;
        let record = DenylistRecord::with_origin(origin, &denied, until)
            .map_err(|_| ReplicationError::RecordTooLong)?;
        let slot = denied.slot(origin, EntryReach::AllReplicas);
        // Before the write, so that it applies here although the store is unreachable (rule 187).
        self.0
            .list
            .add(slot, denied, record.applies_until())
            .map_err(ReplicationError::NotDenied)?;
        replicated.shared.report_state();
        let result = replicated.shared.writes.push(record);
        self.ensure_started();
        if lock(&replicated.tasks).strong_count() == 0 {
            return Err(ReplicationError::NotReplicated(
                "no verifier uses the denylist".into(),
            ));
        }
        match replicated.shared.writes.wait(result).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(message)) => Err(ReplicationError::NotReplicated((*message).into())),
            Err(_) => Err(ReplicationError::NotReplicated(
                "the entry was removed meanwhile".into(),
            )),
        }
    }

    /// Removes an entry from all replicas, also if a security event added it, and an entry of this
    /// replica only. [`DenylistEntry::issued_before`] must be set if the entry has it, but the time
    /// may differ.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicationError::NotRemoved`] if the store did not confirm the removal. Then the
    /// entry stays on this replica, and the removal is not retried.
    pub async fn remove_on_all_replicas(
        &self,
        denied: &DenylistEntry,
    ) -> Result<(), ReplicationError> {
        self.remove_on_all_replicas_as(EntryOrigin::Application, denied)
            .await?;
        self.remove(denied);
        Ok(())
    }

    /// Removes an entry from all replicas. A security event removes only entries that security
    /// events added (rule 194).
    pub(crate) async fn remove_on_all_replicas_as(
        &self,
        origin: EntryOrigin,
        denied: &DenylistEntry,
    ) -> Result<(), ReplicationError> {
        let replicated = self
            .0
            .replication
            .as_ref()
            .ok_or(ReplicationError::NoStore)?;
        let origins = match origin {
            EntryOrigin::Application => &[EntryOrigin::Application, EntryOrigin::SecurityEvent][..],
            EntryOrigin::SecurityEvent => &[EntryOrigin::SecurityEvent],
        };
        for origin in origins {
            let removed = denied.slot(*origin, EntryReach::AllReplicas);
            let key = RecordKey::from_entry(denied, removed);
            // A write in flight or a retry must not bring the entry back.
            let removal = replicated.shared.writes.begin_removal(key.clone()).await;
            if let Err(message) = operation(replicated.shared.store.remove(key)).await {
                return Err(ReplicationError::NotRemoved((*message).into()));
            }
            if removal.succeeded() {
                self.0.list.remove(denied, |slot| slot == removed);
                replicated.shared.report_state();
            }
        }
        Ok(())
    }

    /// Confirms that the store is new, or that entries are missing in it on purpose, so that its
    /// state takes effect at once on all replicas.
    ///
    /// A store without the record that its list is complete is new, or it lost its data. For 60 s,
    /// the earlier entries of the running replicas apply and they write the recent ones again, and
    /// a replica that starts is not ready. Then the state of the store takes effect. The events
    /// `denylist emptied` and `denylist not initialized` report it. If the store lacks more of the
    /// earlier entries than it has, the same applies.
    ///
    /// Call it for a new store, before the first verifier is built or afterwards. A program that
    /// always calls it at its start admits denied callers after Redis lost its data. If the store
    /// has its entries, the call has no effect, and the event `denylist not empty` reports it.
    /// Entries that were written again already stay: [remove](Self::remove_on_all_replicas) them.
    pub fn confirm_empty(&self) {
        if let Some(replicated) = &self.0.replication {
            replicated.shared.requests.confirm_empty();
        }
    }

    /// Returns the status of the replication on this replica, for status pages and alerts, or
    /// `None` if the list is in this process only. Does no I/O.
    #[must_use]
    pub fn replication_status(&self) -> Option<ReplicationStatus> {
        let shared = &self.0.replication.as_ref()?.shared;
        let freshness = shared.last_data.freshness();
        let history = lock(&shared.history);
        Some(ReplicationStatus {
            is_loaded: freshness != Freshness::NotLoaded,
            is_usable: freshness.is_usable(),
            is_stale: matches!(freshness, Freshness::Stale | Freshness::Expired),
            age: shared.last_data.age(),
            entries: self.len(),
            pending_writes: shared.writes.pending(),
            loads: history.loads,
            gaps: history.gaps,
            malformed_records: history.malformed,
            unauthenticated_records: history.unauthenticated,
            unknown_records: history.unknown,
            is_incomplete: history.is_incomplete,
            is_emptying: history.is_emptying,
            last_error: history.last_error.as_deref().map(str::to_owned),
        })
    }

    /// Returns `true` if several replicas share the list.
    #[allow(dead_code, reason = "security events are a feature of their own")]
    pub(crate) fn is_replicated(&self) -> bool {
        self.0.replication.is_some()
    }

    /// Returns `true` if requests may be compared with the list. Does no I/O.
    pub(crate) fn is_usable(&self) -> bool {
        // If the tasks ended, a replica that is not ready gets no request that starts them again.
        self.ensure_started();
        let replicated = self.0.replication.as_ref();
        let freshness = replicated.map(|replicated| replicated.shared.last_data.freshness());
        freshness.is_none_or(Freshness::is_usable)
    }
}
