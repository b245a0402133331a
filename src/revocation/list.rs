//! The list that requests are compared with. It is in memory, and a check never waits for a
//! network.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::CallerStatus;
use super::denylist_error::DenylistError;
use super::entries::{Deadline, Entries, Slot, UnlistedIssuers};
use super::entry::{DenylistEntry, Kind};
use super::entry_limits::EntryLimits;
use crate::clock::Clock;
use crate::telemetry::events;
use crate::token::{Claims, OrgCode, is_identifier};
use crate::util::Changes;

/// The next generation of any list of this process, so that no two lists have the same one.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

pub(super) struct EntryList {
    pub(super) limits: EntryLimits,
    /// The number of entries, outside the lock, so that the check of an empty list is one atomic
    /// load.
    len: AtomicUsize,
    /// Changes with each new entry. Claims that no entry named stay active until it changes.
    generation: AtomicU64,
    entries: RwLock<Entries>,
    /// Each new entry is a change, because it can end open streams.
    pub(super) changes: Changes,
}

impl EntryList {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            limits: EntryLimits::new(capacity),
            len: AtomicUsize::new(0),
            generation: AtomicU64::new(next_generation()),
            entries: RwLock::default(),
            changes: Changes::default(),
        }
    }

    /// Adds an entry until this time. If its slot has one already, the longer denial stays.
    pub(super) fn add(
        &self,
        slot: Slot,
        entry: DenylistEntry,
        until: i64,
    ) -> Result<(), DenylistError> {
        self.insert(slot, entry, until, |_| false)
    }

    /// Adds an entry until this time. If its slot has one already, it is replaced.
    pub(super) fn set(
        &self,
        slot: Slot,
        entry: DenylistEntry,
        until: i64,
    ) -> Result<(), DenylistError> {
        self.insert(slot, entry, until, |earlier| earlier == slot)
    }

    /// Adds an entry, and removes those entries of the same name whose slot matches.
    fn insert(
        &self,
        slot: Slot,
        entry: DenylistEntry,
        until: i64,
        is_replaced: impl Fn(Slot) -> bool,
    ) -> Result<(), DenylistError> {
        let DenylistEntry {
            issuer,
            kind,
            name,
            issued_before,
            event_time,
        } = entry;
        let added = Deadline {
            slot,
            issued_before,
            event_time,
            until,
        };
        let could_be_carried = match kind {
            Kind::Organization => OrgCode::is_valid_code(&name),
            Kind::Token | Kind::Client | Kind::Subject | Kind::AllTokens => is_identifier(&name),
        };
        if !could_be_carried {
            return Err(DenylistError::InvalidName);
        }
        let mut lists = self.write();
        let current = lists
            .deadlines(&issuer, kind, &name)
            .ok_or(DenylistError::UnknownIssuer)?;
        let mut merged = current.clone();
        merged.remove(is_replaced);
        merged.merge(added);
        if merged == current {
            return Ok(());
        }
        if merged.len() > current.len() {
            let has_space = self.limits.make_space(&mut lists, slot.origin);
            if !has_space {
                self.len.store(lists.len, Ordering::Release);
                return Err(DenylistError::Full);
            }
        }
        lists.replace(&issuer, kind, name, merged);
        let almost_full = self.limits.report(&mut lists);
        self.len.store(lists.len, Ordering::Release);
        // Under the lock, so that a check that saw the list without this entry has an older number.
        self.generation.store(next_generation(), Ordering::Release);
        drop(lists);
        self.changes.notify();
        if let Some(full) = almost_full {
            events::denylist_almost_full(
                full.entries,
                full.capacity,
                full.event_entries,
                full.max_event_entries,
            );
        }
        Ok(())
    }

    /// Removes the entries of one name whose slot matches.
    pub(super) fn remove(&self, entry: &DenylistEntry, is_removed: impl Fn(Slot) -> bool) {
        let mut lists = self.write();
        if let Some(mut terms) = lists.deadlines(&entry.issuer, entry.kind, &entry.name) {
            terms.remove(is_removed);
            lists.replace(&entry.issuer, entry.kind, entry.name.clone(), terms);
            self.limits.recover(&lists);
        }
        self.len.store(lists.len, Ordering::Release);
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    pub(super) fn unix_seconds(&self) -> i64 {
        self.read().clock.unix_seconds()
    }

    /// Returns the entries that apply to all replicas, also expired ones, and until when they
    /// apply.
    pub(super) fn replicated(&self) -> Vec<(DenylistEntry, Slot, i64)> {
        let mut found = Vec::new();
        self.read()
            .for_each_replicated(|entry, slot, until| found.push((entry, slot, until)));
        found
    }

    /// Registers the issuers of a verifier that uses the list, each with the largest age of a token
    /// that the verifier accepts. Returns `true` if an issuer is new.
    pub(super) fn register_issuers<'i>(
        &self,
        issuers: impl Iterator<Item = (&'i Arc<str>, Option<i64>)>,
        others: UnlistedIssuers,
        clock: &Clock,
    ) -> bool {
        let mut lists = self.write();
        lists.clock = clock.clone();
        lists.register(issuers, others)
    }

    /// Returns the largest age of a token of this issuer that is accepted, if it is known.
    #[cfg(feature = "security-events")]
    pub(super) fn max_token_age(&self, issuer: &str) -> Option<i64> {
        self.read().max_token_age(issuer)
    }

    /// Returns `true` if a verifier that uses the list trusts this issuer.
    #[cfg(feature = "security-events")]
    pub(super) fn has_issuer(&self, issuer: &str) -> bool {
        self.read().lists_issuer(issuer)
    }

    /// Returns the time of the last security event that denied this name, in milliseconds.
    #[cfg(feature = "security-events")]
    pub(super) fn event_time(&self, entry: &DenylistEntry) -> Option<i64> {
        let lists = self.read();
        let names = lists.issuers.get(&*entry.issuer)?;
        names.by_kind(entry.kind).get(&entry.name)?.event_time()
    }

    /// Returns the status of a caller. It takes a read lock and waits only for a concurrent write.
    /// If no entry names the caller, the claims record it, and the next check is one comparison.
    pub(super) fn status(
        &self,
        claims: &Claims,
        acting: Option<&OrgCode>,
        now: i64,
    ) -> CallerStatus {
        if self.len() == 0 {
            return CallerStatus::Active;
        }
        // Read it before the entries: an entry that is added meanwhile then has a newer number.
        let generation = self.generation.load(Ordering::Acquire);
        let acting = acting.filter(|_| claims.org_code().is_none());
        if acting.is_none() && claims.unlisted_in().generation() == generation {
            return CallerStatus::Active;
        }
        let lists = self.read();
        let (mut is_named, mut status) = (false, CallerStatus::Active);
        if let Some(names) = lists.issuers.get(claims.issuer()) {
            let issued_at = claims.issued_at();
            let organization = claims.org_code().or(acting).map(OrgCode::as_str);
            for (kind, name) in [
                (Kind::Token, claims.jti()),
                (Kind::AllTokens, Some("*")),
                (Kind::Client, Some(claims.client_id())),
                (Kind::Subject, claims.subject()),
                (Kind::Organization, organization),
            ] {
                let Some(terms) = name.and_then(|name| names.by_kind(kind).get(name)) else {
                    continue;
                };
                is_named = true;
                if status == CallerStatus::Active {
                    status = terms.status(kind, issued_at, now);
                }
            }
        }
        if !is_named && acting.is_none() {
            claims.unlisted_in().record(generation);
        }
        status
    }

    // If a thread panics while it holds the lock, the entries are consistent, because each change
    // is a single insertion or removal.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next_generation() -> u64 {
    GENERATIONS.fetch_add(1, Ordering::Relaxed)
}
