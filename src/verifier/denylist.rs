//! Who was turned away before the token ended: a bounded list in memory that is asked on every request.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Standing;
use crate::clock::Clock;
use crate::token::{Claims, OrgCode, is_identifier, org_code};

/// Tokens, clients and organizations that are not let in any more, although their tokens still verify.
///
/// Access tokens cannot be called back, and Kinde goes on issuing them to a suspended organization. A denylist is given to
/// [`VerifierBuilder::denylist`](crate::VerifierBuilder::denylist), is asked on every request without waiting for anything,
/// and holds at most 10,000 entries unless [told otherwise](Self::with_capacity). It is in the memory of one process:
/// several instances are told one by one, or use [`StandingCheck`](crate::StandingCheck). Clones share all.
///
/// ```
/// use tower_m2m::{Denied, Denylist, Until, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let denylist = Denylist::new();
/// let verifier = Verifier::trusting([Verifier::kinde("acme").audience("https://api.acme.com")])
///     .denylist(denylist.clone())
///     .build()?;
///
/// // From an administrator's endpoint, or at start:
/// let issuer = "https://acme.kinde.com";
/// denylist.deny(Denied::organization(issuer, "org_a"), Until::Lifted)?;
/// denylist.deny(Denied::token(issuer, "f95ed3e0-cc4d-40c4-b95a-9971729b0ae5"), Until::UnixSeconds(1_751_237_068))?;
/// denylist.lift(&Denied::organization(issuer, "org_a"));
/// assert_eq!(denylist.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Denylist(Arc<Shared>);

struct Shared {
    capacity: usize,
    /// How many entries there are, so that an empty list costs one look.
    len: AtomicUsize,
    lists: RwLock<Lists>,
}

#[derive(Default)]
struct Lists {
    clock: Clock,
    entries: usize,
    /// By issuer: those of the verifiers that use the list.
    issuers: HashMap<Arc<str>, Names>,
    others: Others,
}

/// Whether an issuer that no verifier lists may be named: where one resolves issuers, the application knows them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Others {
    #[default]
    Unknown,
    Resolved,
}

#[derive(Default)]
struct Names {
    /// Some verifier lists the issuer, so it is known without any entry. Others are forgotten with their last one.
    origin: Origin,
    tokens: HashMap<Box<str>, Terms>,
    clients: HashMap<Box<str>, Terms>,
    organizations: HashMap<Box<str>, Terms>,
    everything: HashMap<Box<str>, Terms>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Origin {
    #[default]
    Denied,
    Listed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Token,
    Client,
    Organization,
    Everything,
}

/// What holds for a name: up to two entries.
#[derive(Clone, Copy, Default)]
struct Terms {
    /// Not let in until then.
    denied: Option<i64>,
    /// Tokens issued before the first moment are not let in until the second.
    issued_before: Option<(i64, i64)>,
}

/// What is denied: a token, a client, an organization, or all that was issued before a moment. Each belongs to an issuer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Denied {
    issuer: Box<str>,
    kind: Kind,
    name: Box<str>,
    issued_before: Option<i64>,
}

/// How long an entry of a [`Denylist`] stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Until {
    /// Until it is [lifted](Denylist::lift).
    Lifted,
    /// Until this many seconds after the Unix epoch, such as a token's `exp`, and 5 minutes longer: the greatest leeway
    /// with which an ended token is let in.
    UnixSeconds(i64),
}

/// Why an entry was not taken up. The caller has to act on it: nothing is denied then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DenyError {
    /// No verifier that uses the list trusts this issuer, so the entry could not have any effect.
    UnknownIssuer,
    /// No token that is let in could carry the name: it is empty, too long (512 bytes, an organization's 128), or has control
    /// characters (an organization's: or white space). So the entry could not have any effect.
    Name,
    /// The list is full of entries that still hold. None is forgotten to make place.
    Full,
}

const LEEWAY_MAX: i64 = 5 * 60;

impl Denied {
    fn new(issuer: impl Into<String>, kind: Kind, name: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into().into(),
            kind,
            name: name.into().into(),
            issued_before: None,
        }
    }

    /// One token, by its `jti`: it is answered 401, as revoked.
    #[must_use]
    pub fn token(issuer: impl Into<String>, jti: impl Into<String>) -> Self {
        Self::new(issuer, Kind::Token, jti)
    }

    /// A client and all its tokens, future ones too: it is answered 403, as suspended.
    #[must_use]
    pub fn client(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self::new(issuer, Kind::Client, client_id)
    }

    /// An organization and all its tokens, future ones too: it is answered 403, as suspended. Global clients cannot act for
    /// it either.
    #[must_use]
    pub fn organization(issuer: impl Into<String>, code: impl Into<String>) -> Self {
        Self::new(issuer, Kind::Organization, code)
    }

    /// All tokens of the issuer that were [issued before](Self::issued_before) a moment.
    #[must_use]
    pub fn everything(issuer: impl Into<String>, issued_before: i64) -> Self {
        Self::new(issuer, Kind::Everything, "*").issued_before(issued_before)
    }

    /// Only tokens with an `iat` before this many seconds after the Unix epoch, and those without: they are answered 401,
    /// as revoked, so that clients fetch new ones. Default: whenever they were issued.
    #[must_use]
    pub fn issued_before(mut self, unix_seconds: i64) -> Self {
        self.issued_before = Some(unix_seconds);
        self
    }
}

impl Denylist {
    /// A list of at most 10,000 entries.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(10_000)
    }

    /// A list of at most so many entries.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        Self(Arc::new(Shared {
            capacity: entries,
            len: AtomicUsize::new(0),
            lists: RwLock::default(),
        }))
    }

    /// Denies from the next request on. What is denied already is never let in sooner by being denied again.
    ///
    /// # Errors
    ///
    /// [`DenyError`]; then nothing has changed.
    pub fn deny(&self, denied: Denied, until: Until) -> Result<(), DenyError> {
        let Denied {
            issuer,
            kind,
            name,
            issued_before,
        } = denied;
        let until = match until {
            Until::Lifted => i64::MAX,
            Until::UnixSeconds(seconds) => seconds.saturating_add(LEEWAY_MAX),
        };
        let could_be_carried = match kind {
            Kind::Organization => org_code::check(&name),
            Kind::Token | Kind::Client | Kind::Everything => is_identifier(&name),
        };
        if !could_be_carried {
            return Err(DenyError::Name);
        }
        let mut lists = self.write();
        if lists.others == Others::Resolved && !lists.issuers.contains_key(&*issuer) {
            if lists.entries >= self.0.capacity {
                lists.forget_what_passed();
            }
            if lists.entries >= self.0.capacity {
                self.0.len.store(lists.entries, Ordering::Release);
                return Err(DenyError::Full);
            }
            lists.issuers.insert(Arc::from(&*issuer), Names::default());
        }
        let before = lists
            .terms(&issuer, kind, &name)
            .ok_or(DenyError::UnknownIssuer)?;
        let after = before.and(issued_before, until);
        if after.len() > before.len() && lists.entries >= self.0.capacity {
            lists.forget_what_passed();
            if lists.entries >= self.0.capacity {
                self.0.len.store(lists.entries, Ordering::Release);
                return Err(DenyError::Full);
            }
        }
        lists.replace(&issuer, kind, name, after);
        self.0.len.store(lists.entries, Ordering::Release);
        Ok(())
    }

    /// Lets in again. The moment of [`Denied::issued_before`] need not be the one that was given before.
    pub fn lift(&self, denied: &Denied) {
        let mut lists = self.write();
        if let Some(mut terms) = lists.terms(&denied.issuer, denied.kind, &denied.name) {
            match denied.issued_before {
                None => terms.denied = None,
                Some(_) => terms.issued_before = None,
            }
            lists.replace(&denied.issuer, denied.kind, denied.name.clone(), terms);
        }
        self.0.len.store(lists.entries, Ordering::Release);
    }

    /// How many entries there are, those that have passed and were not needed to make place included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len.load(Ordering::Acquire)
    }

    /// Whether nothing is denied.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A verifier uses the list for its issuers.
    pub(super) fn serve<'i>(
        &self,
        issuers: impl Iterator<Item = &'i Arc<str>>,
        others: Others,
        clock: &Clock,
    ) {
        let mut lists = self.write();
        lists.clock = clock.clone();
        for issuer in issuers {
            lists.issuers.entry(Arc::clone(issuer)).or_default().origin = Origin::Listed;
        }
        // Several verifiers may use one list.
        if others == Others::Resolved {
            lists.others = others;
        }
    }

    /// What the list says of a caller. It waits for nobody but a writer in the middle of its work.
    pub(super) fn standing(&self, claims: &Claims, acting: Option<&OrgCode>, now: i64) -> Standing {
        if self.is_empty() {
            return Standing::Good;
        }
        let lists = self.read();
        let Some(names) = lists.issuers.get(claims.issuer()) else {
            return Standing::Good;
        };
        let issued_at = claims.issued_at();
        let says = |kind, name: Option<&str>| {
            let terms = name.and_then(|name| names.of(kind).get(name));
            terms.map_or(Standing::Good, |terms| terms.standing(kind, issued_at, now))
        };
        let organization = claims.org_code().or(acting).map(OrgCode::as_str);
        [
            says(Kind::Token, claims.jti()),
            says(Kind::Everything, Some("*")),
            says(Kind::Client, Some(claims.client_id())),
            says(Kind::Organization, organization),
        ]
        .into_iter()
        .find(|standing| *standing != Standing::Good)
        .unwrap_or(Standing::Good)
    }

    // A thread that panicked while it held the lock left whole entries behind: each change is one insertion or removal.
    fn read(&self) -> RwLockReadGuard<'_, Lists> {
        self.0.lists.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Lists> {
        self.0.lists.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    /// What holds for a name at present. Nothing for an issuer that no verifier of the list trusts.
    fn terms(&self, issuer: &str, kind: Kind, name: &str) -> Option<Terms> {
        let names = self.issuers.get(issuer)?;
        Some(names.of(kind).get(name).copied().unwrap_or_default())
    }

    fn replace(&mut self, issuer: &str, kind: Kind, name: Box<str>, terms: Terms) {
        let Some(names) = self.issuers.get_mut(issuer) else {
            return;
        };
        let of_kind = names.of_mut(kind);
        let before = if terms.len() == 0 {
            of_kind.remove(&name)
        } else {
            of_kind.insert(name, terms)
        };
        self.entries =
            (self.entries + terms.len()).saturating_sub(before.unwrap_or_default().len());
        if !names.is_needed() {
            self.issuers.remove(issuer);
        }
    }

    fn forget_what_passed(&mut self) {
        let now = self.clock.unix_seconds();
        let mut entries = 0;
        for names in self.issuers.values_mut() {
            for kind in Kind::ALL {
                names.of_mut(kind).retain(|_, terms| {
                    *terms = terms.at(now);
                    entries += terms.len();
                    terms.len() > 0
                });
            }
        }
        self.issuers.retain(|_, names| names.is_needed());
        self.entries = entries;
    }
}

impl Names {
    fn is_needed(&self) -> bool {
        self.origin == Origin::Listed || Kind::ALL.iter().any(|kind| !self.of(*kind).is_empty())
    }

    fn of(&self, kind: Kind) -> &HashMap<Box<str>, Terms> {
        match kind {
            Kind::Token => &self.tokens,
            Kind::Client => &self.clients,
            Kind::Organization => &self.organizations,
            Kind::Everything => &self.everything,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut HashMap<Box<str>, Terms> {
        match kind {
            Kind::Token => &mut self.tokens,
            Kind::Client => &mut self.clients,
            Kind::Organization => &mut self.organizations,
            Kind::Everything => &mut self.everything,
        }
    }
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::Token,
        Self::Client,
        Self::Organization,
        Self::Everything,
    ];
}

impl Terms {
    fn len(self) -> usize {
        usize::from(self.denied.is_some()) + usize::from(self.issued_before.is_some())
    }

    /// These and one more entry, which takes nothing back.
    fn and(mut self, issued_before: Option<i64>, until: i64) -> Self {
        match issued_before {
            None => self.denied = self.denied.max(Some(until)),
            Some(moment) => {
                let (old_moment, old_until) = self.issued_before.unwrap_or((moment, until));
                self.issued_before = Some((moment.max(old_moment), until.max(old_until)));
            }
        }
        self
    }

    /// What is left of them.
    fn at(self, now: i64) -> Self {
        Self {
            denied: self.denied.filter(|until| now < *until),
            issued_before: self.issued_before.filter(|(_, until)| now < *until),
        }
    }

    fn standing(self, kind: Kind, issued_at: Option<i64>, now: i64) -> Standing {
        let left = self.at(now);
        let too_old = left
            .issued_before
            .is_some_and(|(moment, _)| issued_at.is_none_or(|issued_at| issued_at < moment));
        match (left.denied, kind) {
            (Some(_), Kind::Client | Kind::Organization) => Standing::Suspended,
            (Some(_), Kind::Token | Kind::Everything) => Standing::Revoked,
            (None, _) if too_old => Standing::Revoked,
            (None, _) => Standing::Good,
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
            .field("capacity", &self.0.capacity)
            .finish()
    }
}

impl fmt::Debug for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denied")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("issued_before", &self.issued_before)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for DenyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownIssuer => "no verifier that uses the denylist trusts the issuer (compared character for character)",
            Self::Name => "no token could carry the name: it is empty, too long, or has characters that none has",
            Self::Full => "the denylist is full of entries that still hold, and forgets none of them",
        })
    }
}

impl std::error::Error for DenyError {}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://issuer.example";

    fn list(capacity: usize) -> Denylist {
        let list = Denylist::with_capacity(capacity);
        list.serve(
            [Arc::from(ISSUER)].iter(),
            Others::Unknown,
            &Clock::system(),
        );
        list
    }

    #[test]
    fn full_denylist_returns_error_and_keeps_entries() {
        let list = list(2);
        assert_eq!(list.deny(Denied::token(ISSUER, "a"), Until::Lifted), Ok(()));
        assert_eq!(list.deny(Denied::token(ISSUER, "b"), Until::Lifted), Ok(()));
        assert_eq!(
            list.deny(Denied::token(ISSUER, "c"), Until::Lifted),
            Err(DenyError::Full)
        );
        assert_eq!(list.len(), 2);
        assert_eq!(
            list.deny(Denied::token(ISSUER, "a"), Until::Lifted),
            Ok(()),
            "what is denied already needs no place"
        );
        list.lift(&Denied::token(ISSUER, "a"));
        assert_eq!(list.deny(Denied::token(ISSUER, "c"), Until::Lifted), Ok(()));
    }

    #[test]
    fn expired_entries_are_evicted_when_full() {
        let list = list(1);
        assert_eq!(
            list.deny(
                Denied::token(ISSUER, "a"),
                Until::UnixSeconds(1_000 - 5 * 60)
            ),
            Ok(())
        );
        assert_eq!(
            list.deny(Denied::client(ISSUER, "b"), Until::Lifted),
            Ok(())
        );
        assert_eq!(list.len(), 1);
    }

    /// Issuers that come and go leave nothing behind when their entries are lifted or have passed.
    #[test]
    fn resolved_issuer_is_removed_with_its_last_entry() {
        let list = list(2);
        list.serve([].iter(), Others::Resolved, &Clock::system());
        let issuers = || list.read().issuers.len();
        for number in 0..100 {
            let lifted = Denied::client(format!("https://lifted-{number}.example"), "c");
            assert_eq!(list.deny(lifted.clone(), Until::Lifted), Ok(()));
            assert_eq!(issuers(), 2);
            list.lift(&lifted);
            assert_eq!(issuers(), 1, "the listed one stays");
        }
        for number in 0..100 {
            let passed = Denied::client(format!("https://passed-{number}.example"), "c");
            assert_eq!(list.deny(passed, Until::UnixSeconds(1_000)), Ok(()));
            assert!(issuers() <= 3, "{}", issuers());
        }
        assert_eq!(
            list.deny(Denied::client(ISSUER, "c"), Until::Lifted),
            Ok(())
        );
    }

    #[test]
    fn eviction_removes_only_expired_entries() {
        let list = list(2);
        assert_eq!(
            list.deny(Denied::token(ISSUER, "holds"), Until::Lifted),
            Ok(())
        );
        assert_eq!(
            list.deny(Denied::token(ISSUER, "passed"), Until::UnixSeconds(1_000)),
            Ok(())
        );
        assert_eq!(
            list.deny(Denied::token(ISSUER, "new"), Until::Lifted),
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

    /// Issuers that are resolved are not known beforehand: the list keeps place for them within its bound.
    #[test]
    fn resolvable_issuer_can_be_denied_within_the_limit() {
        let list = Denylist::with_capacity(1);
        list.serve([].iter(), Others::Resolved, &Clock::system());
        list.serve([].iter(), Others::Unknown, &Clock::system());
        assert_eq!(
            list.deny(Denied::token(ISSUER, "a"), Until::UnixSeconds(1_000)),
            Ok(())
        );
        assert_eq!(
            list.deny(Denied::token("https://other.example", "a"), Until::Lifted),
            Ok(()),
            "the first has passed"
        );
        assert_eq!(
            list.deny(Denied::token("https://third.example", "a"), Until::Lifted),
            Err(DenyError::Full)
        );
        assert!(!list.read().issuers.contains_key("https://third.example"));
        assert!(!list.is_empty());
    }

    #[test]
    fn entry_without_possible_effect_is_an_error() {
        let list = list(2);
        assert_eq!(
            list.deny(Denied::token("https://issuer.example/", "a"), Until::Lifted),
            Err(DenyError::UnknownIssuer)
        );
        assert_eq!(
            list.deny(Denied::client(ISSUER, ""), Until::Lifted),
            Err(DenyError::Name)
        );
        assert_eq!(
            list.deny(Denied::client(ISSUER, "c".repeat(513)), Until::Lifted),
            Err(DenyError::Name)
        );
        for denied in [
            Denied::organization(ISSUER, "org_a "),
            Denied::organization(ISSUER, "o".repeat(129)),
            Denied::client(ISSUER, "svc\n"),
            Denied::token(ISSUER, "a\0"),
        ] {
            assert_eq!(list.deny(denied, Until::Lifted), Err(DenyError::Name));
        }
        assert!(list.is_empty());
        assert_eq!(
            list.deny(Denied::client(ISSUER, "c".repeat(512)), Until::Lifted),
            Ok(())
        );
        assert!(!list.is_empty());
    }

    #[test]
    fn denying_again_never_shortens_a_denial() {
        let terms = Terms::default()
            .and(None, 900)
            .and(None, 100)
            .and(Some(50), 900)
            .and(Some(40), 100);
        assert_eq!(terms.denied, Some(900));
        assert_eq!(terms.issued_before, Some((50, 900)));
        assert_eq!(terms.len(), 2);
    }

    /// Boundary pairs: the moment itself is not before it, and an entry ends at its second.
    #[test]
    fn issued_before_is_exact_and_includes_tokens_without_iat() {
        let terms = Terms::default().and(Some(500), 2_000);
        for (issued_at, now, standing) in [
            (Some(499), 1_000, Standing::Revoked),
            (Some(500), 1_000, Standing::Good),
            (None, 1_000, Standing::Revoked),
            (Some(499), 1_999, Standing::Revoked),
            (Some(499), 2_000, Standing::Good),
        ] {
            assert_eq!(
                terms.standing(Kind::Client, issued_at, now),
                standing,
                "{issued_at:?} at {now}"
            );
        }
        let terms = Terms::default().and(None, 2_000);
        assert_eq!(
            terms.standing(Kind::Client, None, 1_999),
            Standing::Suspended
        );
        assert_eq!(terms.standing(Kind::Client, None, 2_000), Standing::Good);
    }
}
