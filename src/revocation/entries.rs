//! The storage of a denylist: entries by issuer, kind and name.

use std::collections::HashMap;
use std::sync::Arc;

use super::CallerStatus;
use super::entry::{DenylistEntry, EntryOrigin, EntryReach, Kind};
use crate::clock::Clock;

#[derive(Default)]
pub(super) struct Entries {
    pub(super) clock: Clock,
    /// The number of entries.
    pub(super) len: usize,
    /// The number of those that security events added.
    pub(super) from_events: usize,
    /// When expired entries were last removed, in seconds since the Unix epoch.
    pub(super) cleaned_at: Option<i64>,
    /// The number of verifiers that use the list and resolve issuers.
    resolving_verifiers: usize,
    /// Entries by issuer. It always contains the issuers of the verifiers that use the list.
    pub(super) issuers: HashMap<Arc<str>, IssuerEntries>,
    pub(super) unlisted_issuers: UnlistedIssuers,
}

/// Decides whether entries may name an issuer that no verifier lists. They may if a verifier
/// resolves issuers, because then only the application knows them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum UnlistedIssuers {
    #[default]
    Reject,
    Accept,
}

#[derive(Default)]
pub(super) struct IssuerEntries {
    /// If a verifier lists the issuer, it stays without entries. Other issuers are removed with
    /// their last entry.
    pub(super) origin: IssuerOrigin,
    /// The largest age of a token that any verifier accepts, in seconds. `i64::MAX` is no limit.
    max_token_age: i64,
    /// The number of verifiers that resolve issuers but list this one.
    resolving_verifiers: usize,
    pub(super) tokens: HashMap<Box<str>, Deadlines>,
    clients: HashMap<Box<str>, Deadlines>,
    subjects: HashMap<Box<str>, Deadlines>,
    organizations: HashMap<Box<str>, Deadlines>,
    all_tokens: HashMap<Box<str>, Deadlines>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum IssuerOrigin {
    #[default]
    Entry,
    Verifier,
}

/// The deadlines of one name, at most one for each slot.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Deadlines(Vec<Deadline>);

/// One entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) slot: Slot,
    /// If it is set, only tokens that were issued before this time are denied.
    pub(super) issued_before: Option<i64>,
    /// The time of the last security event that added it, in milliseconds.
    pub(super) event_time: Option<i64>,
    /// Denied until this time.
    pub(super) until: i64,
}

/// The entries of one name that are merged with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    pub(super) origin: EntryOrigin,
    pub(super) reach: EntryReach,
    pub(super) is_for_older_tokens: bool,
}

impl DenylistEntry {
    pub(super) fn slot(&self, origin: EntryOrigin, reach: EntryReach) -> Slot {
        Slot {
            origin,
            reach,
            is_for_older_tokens: self.issued_before.is_some(),
        }
    }
}

impl Entries {
    /// Returns the deadlines of a name, or `None` if entries of this issuer have no effect.
    pub(super) fn deadlines(&self, issuer: &str, kind: Kind, name: &str) -> Option<Deadlines> {
        match self.issuers.get(issuer) {
            Some(names) => Some(names.by_kind(kind).get(name).cloned().unwrap_or_default()),
            None if self.unlisted_issuers == UnlistedIssuers::Accept => Some(Deadlines::default()),
            None => None,
        }
    }

    pub(super) fn replace(&mut self, issuer: &str, kind: Kind, name: Box<str>, terms: Deadlines) {
        let names = self.issuers.entry(Arc::from(issuer)).or_default();
        let of_kind = names.by_kind_mut(kind);
        let (added, added_by_events) = (terms.len(), terms.event_entries());
        let replaced = if added == 0 {
            of_kind.remove(&name)
        } else {
            of_kind.insert(name, terms)
        };
        let replaced = replaced.unwrap_or_default();
        self.len = (self.len + added).saturating_sub(replaced.len());
        self.from_events =
            (self.from_events + added_by_events).saturating_sub(replaced.event_entries());
        if !names.is_needed() {
            self.issuers.remove(issuer);
        }
    }

    /// Calls `visit` with each entry that applies to all replicas, also if it has expired, and
    /// until when it applies.
    pub(super) fn for_each_replicated(&self, mut visit: impl FnMut(DenylistEntry, Slot, i64)) {
        for (issuer, names) in &self.issuers {
            for kind in Kind::ALL {
                for (name, deadlines) in names.by_kind(kind) {
                    for deadline in &deadlines.0 {
                        if deadline.slot.reach == EntryReach::AllReplicas {
                            let mut entry = DenylistEntry::new(&**issuer, kind, &**name);
                            entry.issued_before = deadline.issued_before;
                            entry.event_time = deadline.event_time;
                            visit(entry, deadline.slot, deadline.until);
                        }
                    }
                }
            }
        }
    }

    pub(super) fn remove_expired(&mut self) {
        let now = self.clock.unix_seconds();
        let (mut len, mut from_events) = (0, 0);
        for names in self.issuers.values_mut() {
            for kind in Kind::ALL {
                names.by_kind_mut(kind).retain(|_, terms| {
                    terms.0.retain(|deadline| now < deadline.until);
                    len += terms.len();
                    from_events += terms.event_entries();
                    terms.len() > 0
                });
            }
        }
        self.issuers.retain(|_, names| names.is_needed());
        self.len = len;
        self.from_events = from_events;
        self.cleaned_at = Some(now);
    }

    /// Registers the issuers of a verifier, each with the largest age of a token that the verifier
    /// accepts. Returns `true` if entries can have an effect that had none before.
    pub(super) fn register<'i>(
        &mut self,
        issuers: impl Iterator<Item = (&'i Arc<str>, Option<i64>)>,
        others: UnlistedIssuers,
    ) -> bool {
        let mut is_new = false;
        let resolving = usize::from(others == UnlistedIssuers::Accept);
        for (issuer, max_token_age) in issuers {
            let entries = self.issuers.entry(Arc::clone(issuer)).or_default();
            is_new |= entries.origin != IssuerOrigin::Verifier;
            entries.origin = IssuerOrigin::Verifier;
            entries.max_token_age = entries.max_token_age.max(max_token_age.unwrap_or(i64::MAX));
            entries.resolving_verifiers += resolving;
        }
        // Several verifiers may use one list.
        self.resolving_verifiers += resolving;
        if others == UnlistedIssuers::Accept {
            is_new |= self.unlisted_issuers != others;
            self.unlisted_issuers = others;
        }
        is_new
    }

    /// Returns `true` if a verifier lists this issuer.
    #[cfg(feature = "security-events")]
    pub(super) fn lists_issuer(&self, issuer: &str) -> bool {
        let names = self.issuers.get(issuer);
        names.is_some_and(|names| names.origin == IssuerOrigin::Verifier)
    }

    /// Returns the largest age of a token of this issuer that any verifier accepts, or `None` if
    /// there is no limit or if it is not known. A verifier that resolves the issuer can have any.
    #[cfg(feature = "security-events")]
    pub(super) fn max_token_age(&self, issuer: &str) -> Option<i64> {
        let names = self.issuers.get(issuer)?;
        let is_listed_by_all = names.resolving_verifiers == self.resolving_verifiers;
        let is_limited = names.max_token_age < i64::MAX;
        (self.lists_issuer(issuer) && is_listed_by_all && is_limited).then_some(names.max_token_age)
    }
}

impl IssuerEntries {
    fn is_needed(&self) -> bool {
        self.origin == IssuerOrigin::Verifier
            || Kind::ALL.iter().any(|kind| !self.by_kind(*kind).is_empty())
    }

    pub(super) fn by_kind(&self, kind: Kind) -> &HashMap<Box<str>, Deadlines> {
        match kind {
            Kind::Token => &self.tokens,
            Kind::Client => &self.clients,
            Kind::Subject => &self.subjects,
            Kind::Organization => &self.organizations,
            Kind::AllTokens => &self.all_tokens,
        }
    }

    fn by_kind_mut(&mut self, kind: Kind) -> &mut HashMap<Box<str>, Deadlines> {
        match kind {
            Kind::Token => &mut self.tokens,
            Kind::Client => &mut self.clients,
            Kind::Subject => &mut self.subjects,
            Kind::Organization => &mut self.organizations,
            Kind::AllTokens => &mut self.all_tokens,
        }
    }
}

impl Deadlines {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the number of entries that security events added.
    fn event_entries(&self) -> usize {
        let is_of_event = |it: &&Deadline| it.slot.origin == EntryOrigin::SecurityEvent;
        self.0.iter().filter(is_of_event).count()
    }

    /// Adds one more entry. Each deadline only grows.
    pub(super) fn merge(&mut self, added: Deadline) {
        match self.0.iter_mut().find(|it| it.slot == added.slot) {
            Some(deadline) => {
                deadline.issued_before = deadline.issued_before.max(added.issued_before);
                deadline.event_time = deadline.event_time.max(added.event_time);
                deadline.until = deadline.until.max(added.until);
            }
            None => self.0.push(added),
        }
    }

    /// Returns the time of the last security event that denied all tokens of the name, in
    /// milliseconds.
    #[cfg(feature = "security-events")]
    pub(super) fn event_time(&self) -> Option<i64> {
        let of_events = self.0.iter().filter(|deadline| {
            deadline.slot.origin == EntryOrigin::SecurityEvent && !deadline.slot.is_for_older_tokens
        });
        of_events.filter_map(|deadline| deadline.event_time).max()
    }

    pub(super) fn remove(&mut self, is_removed: impl Fn(Slot) -> bool) {
        self.0.retain(|deadline| !is_removed(deadline.slot));
    }

    pub(super) fn status(&self, kind: Kind, issued_at: Option<i64>, now: i64) -> CallerStatus {
        let mut status = CallerStatus::Active;
        for deadline in self.0.iter().filter(|deadline| now < deadline.until) {
            match (deadline.issued_before, kind) {
                (None, Kind::Client | Kind::Subject | Kind::Organization) => {
                    return CallerStatus::Suspended;
                }
                (None, Kind::Token | Kind::AllTokens) => return CallerStatus::Revoked,
                (Some(time), _) => {
                    if issued_at.is_none_or(|issued_at| issued_at < time) {
                        status = CallerStatus::Revoked;
                    }
                }
            }
        }
        status
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
