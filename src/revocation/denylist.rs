//! The denylist that applications use: a bounded list in memory that is checked on every request.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use super::CallerStatus;
use super::denylist_error::DenylistError;
use super::entries::UnlistedIssuers;
use super::entry::{DenylistEntry, EntryExpiry, EntryOrigin, EntryReach};
use super::freshness::StalenessLimits;
use super::list::EntryList;
use super::replication::Replication;
use super::tasks::ReplicationTasks;
use crate::clock::Clock;
use crate::rejection::Rejection;
use crate::token::{Claims, OrgCode};
use crate::util::{Changes, lock};

/// A bounded in-memory list of denied tokens, clients, subjects and organizations.
///
/// An issuer cannot revoke a JWT access token that it has issued, and Kinde continues to issue
/// tokens to a suspended organization. Pass a denylist to
/// [`VerifierBuilder::denylist`](crate::VerifierBuilder::denylist) to deny them before the tokens
/// expire. The layer checks the list on every request, and the check never waits for a network. The
/// list has at most 10,000 entries; [`with_capacity`](Self::with_capacity) sets another limit.
/// Clones share the entries. A list is in the memory of one process. If you run several replicas,
/// [`replicated`](Self::replicated) shares the entries through a store.
///
/// ```
/// use tower_m2m::{DenylistEntry, Denylist, EntryExpiry, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let denylist = Denylist::new();
/// let verifier = Verifier::builder([Verifier::kinde("acme").audience("https://api.acme.com")])
///     .denylist(denylist.clone())
///     .build()?;
///
/// // From an administrator's endpoint, or at start:
/// let issuer = "https://acme.kinde.com";
/// denylist.deny(DenylistEntry::organization(issuer, "org_a"), EntryExpiry::Never)?;
/// denylist.deny(DenylistEntry::token(issuer, "f95ed3e0-cc4d-40c4-b95a-9971729b0ae5"), EntryExpiry::UnixSeconds(1_751_237_068))?;
/// denylist.remove(&DenylistEntry::organization(issuer, "org_a"));
/// assert_eq!(denylist.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Denylist(pub(super) Arc<DenylistInner>);

pub(super) struct DenylistInner {
    pub(super) list: Arc<EntryList>,
    pub(super) replication: Option<Replicated>,
}

/// The replication of a list, and its tasks while a verifier uses it.
pub(super) struct Replicated {
    pub(super) shared: Arc<Replication>,
    pub(super) tasks: Mutex<Weak<ReplicationTasks>>,
}

/// The largest leeway of a token.
const LEEWAY_MAX: i64 = 5 * 60;

/// The entries of a list, if the application sets no other limit.
pub(super) const DEFAULT_CAPACITY: usize = 10_000;

impl Denylist {
    /// Creates a list of at most 10,000 entries.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }

    /// Creates a list of at most this many entries.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        Self(Arc::new(DenylistInner {
            list: Arc::new(EntryList::new(entries)),
            replication: None,
        }))
    }

    /// Sets how many of the entries security events may add. Default: three quarters. The rest is
    /// for the application, so that an issuer that reports many users does not prevent the
    /// application from denying. Clones share the limit; use the same one on all replicas.
    ///
    /// If the share is used, a security event that adds an entry gets 503, and the sender tries
    /// again. If 90 % of the share or of the whole list is used, the event `denylist almost full`
    /// reports it.
    #[cfg(feature = "security-events")]
    #[must_use]
    pub fn max_event_entries(self, entries: usize) -> Self {
        self.0.list.limits.set_max_event_entries(entries);
        self
    }

    /// Adds an entry, which takes effect on the next request. If the name is denied already, the
    /// longer denial stays. On a [replicated](Self::replicated) list, the entry applies to this
    /// replica only.
    ///
    /// # Errors
    ///
    /// Returns [`DenylistError`] if the entry was not added. The active entries are unchanged.
    pub fn deny(&self, denied: DenylistEntry, until: EntryExpiry) -> Result<(), DenylistError> {
        self.deny_as(EntryOrigin::Application, denied, until)
    }

    /// Adds an entry of this origin. An entry of the application and one of a security event can
    /// deny the same name. Then there are two, and the name is denied until both are gone.
    pub(crate) fn deny_as(
        &self,
        origin: EntryOrigin,
        denied: DenylistEntry,
        until: EntryExpiry,
    ) -> Result<(), DenylistError> {
        let until = match until {
            EntryExpiry::Never => i64::MAX,
            EntryExpiry::UnixSeconds(seconds) => seconds.saturating_add(LEEWAY_MAX),
        };
        let slot = denied.slot(origin, EntryReach::ThisReplica);
        let added = self.0.list.add(slot, denied, until);
        self.report_state();
        added
    }

    /// Removes an entry, also if a security event added it. [`DenylistEntry::issued_before`] must
    /// be set if the entry has it, but the time may differ. On a [replicated](Self::replicated)
    /// list, entries that apply to all replicas stay.
    pub fn remove(&self, denied: &DenylistEntry) {
        self.remove_as(EntryOrigin::Application, denied);
    }

    /// Removes an entry. A security event removes only entries that security events added (rule
    /// 194).
    pub(crate) fn remove_as(&self, origin: EntryOrigin, denied: &DenylistEntry) {
        self.0.list.remove(denied, |slot| {
            slot.reach == EntryReach::ThisReplica
                && slot.is_for_older_tokens == denied.issued_before.is_some()
                && (origin == EntryOrigin::Application || slot.origin == origin)
        });
        self.report_state();
    }

    /// Sets the metrics of a replicated list.
    fn report_state(&self) {
        if let Some(replicated) = &self.0.replication {
            replicated.shared.report_state();
        }
    }

    /// Returns `true` if a verifier that uses the list trusts this issuer.
    #[cfg(feature = "security-events")]
    pub(crate) fn has_issuer(&self, issuer: &str) -> bool {
        self.0.list.has_issuer(issuer)
    }

    /// Returns the largest age of a token of the entry's issuer that is accepted by a verifier that
    /// uses the list, in seconds, or `None` if there is no limit or if it is not known.
    #[cfg(feature = "security-events")]
    pub(crate) fn max_token_age(&self, entry: &DenylistEntry) -> Option<i64> {
        self.0.list.max_token_age(&entry.issuer)
    }

    /// Returns the time of the last security event that denied this name on any replica, in
    /// milliseconds.
    #[cfg(feature = "security-events")]
    pub(crate) fn event_time(&self, entry: &DenylistEntry) -> Option<i64> {
        self.0.list.event_time(entry)
    }

    /// Returns the number of entries. It includes expired entries that have not been removed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.list.len()
    }

    /// Returns `true` if the list has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the signal that is sent after new entries took effect. The verifiers that use the
    /// list send their own changes through it, so that an open stream waits for one signal.
    pub(crate) fn changes(&self) -> &Changes {
        &self.0.list.changes
    }

    /// Registers the issuers of a verifier that uses the list, each with the largest age of a token
    /// that the verifier accepts, and returns the tasks that the verifier keeps running.
    pub(crate) fn register_verifier<'i>(
        &self,
        issuers: impl Iterator<Item = (&'i Arc<str>, Option<i64>)>,
        others: UnlistedIssuers,
        clock: &Clock,
        limits: StalenessLimits,
    ) -> Option<Arc<ReplicationTasks>> {
        let has_new_issuers = self.0.list.register_issuers(issuers, others, clock);
        let replicated = self.0.replication.as_ref()?;
        replicated.shared.last_data.limit(limits);
        let mut tasks = lock(&replicated.tasks);
        if let Some(running) = tasks.upgrade() {
            if has_new_issuers {
                // The store may have entries of this issuer that had no effect until now.
                replicated.shared.requests.reload();
            }
            return Some(running);
        }
        let started = Arc::new(ReplicationTasks::new(Arc::clone(&replicated.shared)));
        *tasks = Arc::downgrade(&started);
        Some(started)
    }

    /// Checks a caller. A denied one is rejected also if the list is too old.
    pub(crate) fn check(
        &self,
        claims: &Claims,
        acting: Option<&OrgCode>,
        now: i64,
    ) -> Result<(), Rejection> {
        match self.0.list.status(claims, acting, now) {
            CallerStatus::Active => self.check_usable(now),
            status => status.into_result(),
        }
    }

    /// Checks that the list was loaded and is not too old (rules 185, 190).
    #[inline]
    pub(crate) fn check_usable(&self, now: i64) -> Result<(), Rejection> {
        match &self.0.replication {
            Some(replicated) if !replicated.shared.last_data.was_checked(now) => {
                self.recheck_usable(replicated, now)
            }
            _ => Ok(()),
        }
    }

    /// Checks the age of the list, and that its tasks run. If they ended, new denials do not
    /// arrive, although the list is not too old yet.
    #[cold]
    fn recheck_usable(&self, replicated: &Replicated, now: i64) -> Result<(), Rejection> {
        self.ensure_started();
        if replicated.shared.last_data.recheck(now) {
            return Ok(());
        }
        Err(Rejection::DenylistUnavailable)
    }

    /// Starts the tasks of the replication if a verifier uses the list and they do not run.
    #[cold]
    pub(super) fn ensure_started(&self) {
        let replicated = self.0.replication.as_ref();
        if let Some(tasks) = replicated.and_then(|replicated| lock(&replicated.tasks).upgrade()) {
            tasks.start();
        }
    }
}

impl Default for Denylist {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Denylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denylist")
            .field("len", &self.len())
            .field("capacity", &self.0.list.limits.entries)
            .field("is_replicated", &self.0.replication.is_some())
            .finish()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
