//! The storage of a denylist: entries by issuer, kind and name.

use std::collections::HashMap;
use std::sync::Arc;

use super::CallerStatus;
use super::entry::Kind;
use crate::clock::Clock;

#[derive(Default)]
pub(super) struct Entries {
    pub(super) clock: Clock,
    /// The number of entries.
    pub(super) len: usize,
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
    pub(super) tokens: HashMap<Box<str>, Deadlines>,
    clients: HashMap<Box<str>, Deadlines>,
    organizations: HashMap<Box<str>, Deadlines>,
    all_tokens: HashMap<Box<str>, Deadlines>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum IssuerOrigin {
    #[default]
    Entry,
    Verifier,
}

/// The deadlines of one name: up to two entries.
#[derive(Clone, Copy, Default)]
pub(super) struct Deadlines {
    /// Denied until this time.
    pub(super) denied: Option<i64>,
    /// If a token was issued before the first time, it is denied until the second time.
    pub(super) issued_before: Option<(i64, i64)>,
}

impl Entries {
    /// Returns the deadlines of a name, or `None` if entries of this issuer have no effect.
    pub(super) fn deadlines(&self, issuer: &str, kind: Kind, name: &str) -> Option<Deadlines> {
        match self.issuers.get(issuer) {
            Some(names) => Some(names.by_kind(kind).get(name).copied().unwrap_or_default()),
            None if self.unlisted_issuers == UnlistedIssuers::Accept => Some(Deadlines::default()),
            None => None,
        }
    }

    pub(super) fn replace(&mut self, issuer: &str, kind: Kind, name: Box<str>, terms: Deadlines) {
        let names = self.issuers.entry(Arc::from(issuer)).or_default();
        let of_kind = names.by_kind_mut(kind);
        let replaced = if terms.len() == 0 {
            of_kind.remove(&name)
        } else {
            of_kind.insert(name, terms)
        };
        self.len = (self.len + terms.len()).saturating_sub(replaced.unwrap_or_default().len());
        if !names.is_needed() {
            self.issuers.remove(issuer);
        }
    }

    pub(super) fn remove_expired(&mut self) {
        let now = self.clock.unix_seconds();
        let mut len = 0;
        for names in self.issuers.values_mut() {
            for kind in Kind::ALL {
                names.by_kind_mut(kind).retain(|_, terms| {
                    *terms = terms.active_at(now);
                    len += terms.len();
                    terms.len() > 0
                });
            }
        }
        self.issuers.retain(|_, names| names.is_needed());
        self.len = len;
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
            Kind::Organization => &self.organizations,
            Kind::AllTokens => &self.all_tokens,
        }
    }

    fn by_kind_mut(&mut self, kind: Kind) -> &mut HashMap<Box<str>, Deadlines> {
        match kind {
            Kind::Token => &mut self.tokens,
            Kind::Client => &mut self.clients,
            Kind::Organization => &mut self.organizations,
            Kind::AllTokens => &mut self.all_tokens,
        }
    }
}

impl Deadlines {
    pub(super) fn len(self) -> usize {
        usize::from(self.denied.is_some()) + usize::from(self.issued_before.is_some())
    }

    /// Adds one more entry. Each deadline only grows.
    pub(super) fn merge(mut self, issued_before: Option<i64>, until: i64) -> Self {
        match issued_before {
            None => self.denied = self.denied.max(Some(until)),
            Some(moment) => {
                let (old_moment, old_until) = self.issued_before.unwrap_or((moment, until));
                self.issued_before = Some((moment.max(old_moment), until.max(old_until)));
            }
        }
        self
    }

    /// Returns the deadlines that have not expired.
    fn active_at(self, now: i64) -> Self {
        Self {
            denied: self.denied.filter(|until| now < *until),
            issued_before: self.issued_before.filter(|(_, until)| now < *until),
        }
    }

    pub(super) fn status(self, kind: Kind, issued_at: Option<i64>, now: i64) -> CallerStatus {
        let left = self.active_at(now);
        let too_old = left
            .issued_before
            .is_some_and(|(moment, _)| issued_at.is_none_or(|issued_at| issued_at < moment));
        match (left.denied, kind) {
            (Some(_), Kind::Client | Kind::Organization) => CallerStatus::Suspended,
            (Some(_), Kind::Token | Kind::AllTokens) => CallerStatus::Revoked,
            (None, _) if too_old => CallerStatus::Revoked,
            (None, _) => CallerStatus::Active,
        }
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
