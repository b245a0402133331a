//! Denied tokens, clients, subjects and organizations: a bounded list in memory that is checked on
//! every request.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::CallerStatus;
use super::entries::{Entries, IssuerOrigin, Slot, UnlistedIssuers};
use super::entry::{DenylistEntry, EntryExpiry, EntryOrigin, Kind};
use crate::clock::Clock;
use crate::token::{Claims, OrgCode, is_identifier};
use crate::util::Changes;

/// A bounded in-memory list of denied tokens, clients, subjects and organizations.
///
/// An issuer cannot revoke a JWT access token that it has issued, and Kinde continues to issue
/// tokens to a suspended organization. Pass a denylist to
/// [`VerifierBuilder::denylist`](crate::VerifierBuilder::denylist) to deny them before the tokens
/// expire. The layer checks the list on every request, and the check never waits for a network. The
/// list has at most 10,000 entries; [`with_capacity`](Self::with_capacity) sets another limit. It
/// is in the memory of one process. If you run several instances, update each one, or use a
/// [`CallerCheck`](crate::CallerCheck). Clones share the entries.
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
pub struct Denylist(Arc<DenylistInner>);

struct DenylistInner {
    capacity: usize,
    /// The number of entries, outside the lock, so that the check of an empty list is one atomic
    /// load.
    len: AtomicUsize,
    entries: RwLock<Entries>,
    /// Each new entry is a change, because it can end open streams.
    changes: Changes,
}

/// The reason why an entry was not added. The caller must handle it, because the entry denies no
/// request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DenylistError {
    /// No verifier that uses the list trusts this issuer, so the entry has no effect.
    UnknownIssuer,
    /// No accepted token can have this name, so the entry has no effect. The name is empty, or too
    /// long (512 bytes, or 128 for an organization), or it contains control characters (for an
    /// organization also white space).
    InvalidName,
    /// The list is full and no entry has expired. Active entries are never removed to make space.
    Full,
}

const LEEWAY_MAX: i64 = 5 * 60;

impl Denylist {
    /// Creates a list of at most 10,000 entries.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(10_000)
    }

    /// Creates a list of at most this many entries.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        Self(Arc::new(DenylistInner {
            capacity: entries,
            len: AtomicUsize::new(0),
            entries: RwLock::default(),
            changes: Changes::default(),
        }))
    }

    /// Adds an entry, which takes effect on the next request. If the name is denied already, the
    /// longer denial stays.
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
        let DenylistEntry {
            issuer,
            kind,
            name,
            issued_before,
        } = denied;
        let until = match until {
            EntryExpiry::Never => i64::MAX,
            EntryExpiry::UnixSeconds(seconds) => seconds.saturating_add(LEEWAY_MAX),
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
        merged.merge(origin, issued_before, until);
        if merged.len() > current.len() {
            self.make_space(&mut lists)?;
        }
        lists.replace(&issuer, kind, name, merged);
        self.0.len.store(lists.len, Ordering::Release);
        drop(lists);
        self.0.changes.notify();
        Ok(())
    }

    /// Removes an entry, also if a security event added it. [`DenylistEntry::issued_before`] must
    /// be set if the entry has it, but the time may differ.
    pub fn remove(&self, denied: &DenylistEntry) {
        self.remove_as(EntryOrigin::Application, denied);
    }

    /// Removes an entry. A security event removes only entries that security events added (rule
    /// 194).
    pub(crate) fn remove_as(&self, origin: EntryOrigin, denied: &DenylistEntry) {
        let is_removed = |slot: Slot| {
            slot.is_for_older_tokens == denied.issued_before.is_some()
                && (origin == EntryOrigin::Application || slot.origin == origin)
        };
        let mut lists = self.write();
        if let Some(mut terms) = lists.deadlines(&denied.issuer, denied.kind, &denied.name) {
            terms.remove(is_removed);
            lists.replace(&denied.issuer, denied.kind, denied.name.clone(), terms);
        }
        self.0.len.store(lists.len, Ordering::Release);
    }

    /// Returns `true` if a verifier that uses the list trusts this issuer.
    #[cfg(feature = "security-events")]
    pub(crate) fn has_issuer(&self, issuer: &str) -> bool {
        let lists = self.read();
        let names = lists.issuers.get(issuer);
        names.is_some_and(|names| names.origin == IssuerOrigin::Verifier)
    }

    /// Returns the number of entries. It includes expired entries that have not been removed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len.load(Ordering::Acquire)
    }

    /// Returns `true` if the list has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the signal that is sent after new entries took effect. The verifiers that use the
    /// list send their own changes through it, so that an open stream waits for one signal.
    pub(crate) fn changes(&self) -> &Changes {
        &self.0.changes
    }

    /// Registers the issuers of a verifier that uses the list.
    pub(crate) fn register_issuers<'i>(
        &self,
        issuers: impl Iterator<Item = &'i Arc<str>>,
        others: UnlistedIssuers,
        clock: &Clock,
    ) {
        let mut lists = self.write();
        lists.clock = clock.clone();
        for issuer in issuers {
            lists.issuers.entry(Arc::clone(issuer)).or_default().origin = IssuerOrigin::Verifier;
        }
        // Several verifiers may use one list.
        if others == UnlistedIssuers::Accept {
            lists.unlisted_issuers = others;
        }
    }

    /// Returns the status of a caller. It takes a read lock and waits only for a concurrent write.
    pub(crate) fn status(
        &self,
        claims: &Claims,
        acting: Option<&OrgCode>,
        now: i64,
    ) -> CallerStatus {
        if self.is_empty() {
            return CallerStatus::Active;
        }
        let lists = self.read();
        let Some(names) = lists.issuers.get(claims.issuer()) else {
            return CallerStatus::Active;
        };
        let issued_at = claims.issued_at();
        let says = |kind, name: Option<&str>| {
            let terms = name.and_then(|name| names.by_kind(kind).get(name));
            terms.map_or(CallerStatus::Active, |terms| {
                terms.status(kind, issued_at, now)
            })
        };
        let organization = claims.org_code().or(acting).map(OrgCode::as_str);
        [
            says(Kind::Token, claims.jti()),
            says(Kind::AllTokens, Some("*")),
            says(Kind::Client, Some(claims.client_id())),
            says(Kind::Subject, claims.subject()),
            says(Kind::Organization, organization),
        ]
        .into_iter()
        .find(|standing| *standing != CallerStatus::Active)
        .unwrap_or(CallerStatus::Active)
    }

    /// Removes expired entries if the list is full.
    fn make_space(&self, lists: &mut Entries) -> Result<(), DenylistError> {
        if lists.len >= self.0.capacity {
            lists.remove_expired();
        }
        if lists.len < self.0.capacity {
            return Ok(());
        }
        self.0.len.store(lists.len, Ordering::Release);
        Err(DenylistError::Full)
    }

    // If a thread panics while it holds the lock, the entries are consistent, because each change
    // is a single insertion or removal.
    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.0
            .entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner)
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
            .field("capacity", &self.0.capacity)
            .finish()
    }
}

impl fmt::Display for DenylistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownIssuer => "no verifier that uses the denylist trusts this issuer: use the exact issuer URL (it is compared character for character)",
            Self::InvalidName => "no token can have this name: it is empty, too long, or contains characters that are not allowed",
            Self::Full => "the denylist is full and no entry has expired",
        })
    }
}

impl std::error::Error for DenylistError {}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
