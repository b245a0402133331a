//! Denied tokens, clients and organizations: a bounded list in memory that is checked on every
//! request.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::CallerStatus;
use super::entries::{Entries, IssuerOrigin, UnlistedIssuers};
use super::entry::{DenylistEntry, EntryExpiry, Kind};
use crate::clock::Clock;
use crate::token::{Claims, OrgCode, is_identifier};

/// A bounded in-memory list of denied tokens, clients and organizations.
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
        }))
    }

    /// Adds an entry, which takes effect on the next request. If the name is denied already, the
    /// longer denial stays.
    ///
    /// # Errors
    ///
    /// Returns [`DenylistError`] if the entry was not added. The active entries are unchanged.
    pub fn deny(&self, denied: DenylistEntry, until: EntryExpiry) -> Result<(), DenylistError> {
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
            Kind::Token | Kind::Client | Kind::AllTokens => is_identifier(&name),
        };
        if !could_be_carried {
            return Err(DenylistError::InvalidName);
        }
        let mut lists = self.write();
        let current = lists
            .deadlines(&issuer, kind, &name)
            .ok_or(DenylistError::UnknownIssuer)?;
        let merged = current.merge(issued_before, until);
        if merged.len() > current.len() {
            self.make_space(&mut lists)?;
        }
        lists.replace(&issuer, kind, name, merged);
        self.0.len.store(lists.len, Ordering::Release);
        Ok(())
    }

    /// Removes an entry. [`DenylistEntry::issued_before`] must be set if the entry has it, but the
    /// time may differ.
    pub fn remove(&self, denied: &DenylistEntry) {
        let mut lists = self.write();
        if let Some(mut terms) = lists.deadlines(&denied.issuer, denied.kind, &denied.name) {
            match denied.issued_before {
                None => terms.denied = None,
                Some(_) => terms.issued_before = None,
            }
            lists.replace(&denied.issuer, denied.kind, denied.name.clone(), terms);
        }
        self.0.len.store(lists.len, Ordering::Release);
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
mod tests {
    use super::*;

    const ISSUER: &str = "https://issuer.example";

    fn list(capacity: usize) -> Denylist {
        let list = Denylist::with_capacity(capacity);
        list.register_issuers(
            [Arc::from(ISSUER)].iter(),
            UnlistedIssuers::Reject,
            &Clock::system(),
        );
        list
    }

    #[test]
    fn full_denylist_returns_error_and_keeps_entries() {
        let list = list(2);
        assert_eq!(
            list.deny(DenylistEntry::token(ISSUER, "a"), EntryExpiry::Never),
            Ok(())
        );
        assert_eq!(
            list.deny(DenylistEntry::token(ISSUER, "b"), EntryExpiry::Never),
            Ok(())
        );
        assert_eq!(
            list.deny(DenylistEntry::token(ISSUER, "c"), EntryExpiry::Never),
            Err(DenylistError::Full)
        );
        assert_eq!(list.len(), 2);
        assert_eq!(
            list.deny(DenylistEntry::token(ISSUER, "a"), EntryExpiry::Never),
            Ok(()),
            "a denied name needs no new entry"
        );
        list.remove(&DenylistEntry::token(ISSUER, "a"));
        assert_eq!(
            list.deny(DenylistEntry::token(ISSUER, "c"), EntryExpiry::Never),
            Ok(())
        );
    }

    #[test]
    fn expired_entries_are_evicted_when_full() {
        let list = list(1);
        assert_eq!(
            list.deny(
                DenylistEntry::token(ISSUER, "a"),
                EntryExpiry::UnixSeconds(1_000 - 5 * 60)
            ),
            Ok(())
        );
        assert_eq!(
            list.deny(DenylistEntry::client(ISSUER, "b"), EntryExpiry::Never),
            Ok(())
        );
        assert_eq!(list.len(), 1);
    }

    /// An entry of an unlisted issuer is stored even if all other entries of that issuer expired.
    #[test]
    fn new_entry_replaces_the_expired_ones_of_its_issuer() {
        let list = Denylist::with_capacity(1);
        list.register_issuers([].iter(), UnlistedIssuers::Accept, &Clock::system());
        let (expired, new) = (
            DenylistEntry::token(ISSUER, "a"),
            DenylistEntry::token(ISSUER, "b"),
        );
        assert_eq!(list.deny(expired, EntryExpiry::UnixSeconds(1_000)), Ok(()));
        assert_eq!(list.deny(new, EntryExpiry::Never), Ok(()));
        assert_eq!(list.len(), 1);
        assert!(list.read().issuers[ISSUER].tokens.contains_key("b"));
    }

    /// An issuer that is not listed is removed with its last entry.
    #[test]
    fn resolved_issuer_is_removed_with_its_last_entry() {
        let list = list(2);
        list.register_issuers([].iter(), UnlistedIssuers::Accept, &Clock::system());
        let issuers = || list.read().issuers.len();
        for number in 0..100 {
            let lifted = DenylistEntry::client(format!("https://lifted-{number}.example"), "c");
            assert_eq!(list.deny(lifted.clone(), EntryExpiry::Never), Ok(()));
            assert_eq!(issuers(), 2);
            list.remove(&lifted);
            assert_eq!(issuers(), 1, "the listed one stays");
        }
        for number in 0..100 {
            let passed = DenylistEntry::client(format!("https://passed-{number}.example"), "c");
            assert_eq!(list.deny(passed, EntryExpiry::UnixSeconds(1_000)), Ok(()));
            assert!(issuers() <= 3, "{}", issuers());
        }
        assert_eq!(
            list.deny(DenylistEntry::client(ISSUER, "c"), EntryExpiry::Never),
            Ok(())
        );
    }

    #[test]
    fn eviction_removes_only_expired_entries() {
        let list = list(2);
        assert_eq!(
            list.deny(DenylistEntry::token(ISSUER, "holds"), EntryExpiry::Never),
            Ok(())
        );
        assert_eq!(
            list.deny(
                DenylistEntry::token(ISSUER, "passed"),
                EntryExpiry::UnixSeconds(1_000)
            ),
            Ok(())
        );
        assert_eq!(
            list.deny(DenylistEntry::token(ISSUER, "new"), EntryExpiry::Never),
            Ok(())
        );
        let lists = list.read();
        let mut names: Vec<&str> = lists.issuers[ISSUER]
            .tokens
            .keys()
            .map(AsRef::as_ref)
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["holds", "new"]);
    }

    /// Issuers that are resolved are unknown in advance. Their entries count toward the same limit.
    #[test]
    fn resolvable_issuer_can_be_denied_within_the_limit() {
        let list = Denylist::with_capacity(1);
        list.register_issuers([].iter(), UnlistedIssuers::Accept, &Clock::system());
        list.register_issuers([].iter(), UnlistedIssuers::Reject, &Clock::system());
        assert_eq!(
            list.deny(
                DenylistEntry::token(ISSUER, "a"),
                EntryExpiry::UnixSeconds(1_000)
            ),
            Ok(())
        );
        assert_eq!(
            list.deny(
                DenylistEntry::token("https://other.example", "a"),
                EntryExpiry::Never
            ),
            Ok(()),
            "the first has expired"
        );
        assert_eq!(
            list.deny(
                DenylistEntry::token("https://third.example", "a"),
                EntryExpiry::Never
            ),
            Err(DenylistError::Full)
        );
        assert!(!list.read().issuers.contains_key("https://third.example"));
        assert!(!list.is_empty());
    }

    #[test]
    fn entry_without_possible_effect_is_an_error() {
        let list = list(2);
        assert_eq!(
            list.deny(
                DenylistEntry::token("https://issuer.example/", "a"),
                EntryExpiry::Never
            ),
            Err(DenylistError::UnknownIssuer)
        );
        assert_eq!(
            list.deny(DenylistEntry::client(ISSUER, ""), EntryExpiry::Never),
            Err(DenylistError::InvalidName)
        );
        assert_eq!(
            list.deny(
                DenylistEntry::client(ISSUER, "c".repeat(513)),
                EntryExpiry::Never
            ),
            Err(DenylistError::InvalidName)
        );
        for denied in [
            DenylistEntry::organization(ISSUER, "org_a "),
            DenylistEntry::organization(ISSUER, "o".repeat(129)),
            DenylistEntry::client(ISSUER, "svc\n"),
            DenylistEntry::token(ISSUER, "a\0"),
        ] {
            assert_eq!(
                list.deny(denied, EntryExpiry::Never),
                Err(DenylistError::InvalidName)
            );
        }
        assert!(list.is_empty());
        assert_eq!(
            list.deny(
                DenylistEntry::client(ISSUER, "c".repeat(512)),
                EntryExpiry::Never
            ),
            Ok(())
        );
        assert!(!list.is_empty());
    }
}
