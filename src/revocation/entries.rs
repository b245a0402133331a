//! The storage of a denylist: its entries by issuer, by kind and by name.

use std::collections::HashMap;
use std::sync::Arc;

use super::Standing;
use super::entry::Kind;
use crate::clock::Clock;

#[derive(Default)]
pub(super) struct Lists {
    pub(super) clock: Clock,
    pub(super) entries: usize,
    /// By issuer: those of the verifiers that use the list.
    pub(super) issuers: HashMap<Arc<str>, Names>,
    pub(super) others: Others,
}

/// Whether an issuer that no verifier lists may be named: where one resolves issuers, the application knows them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Others {
    #[default]
    Unknown,
    Resolved,
}

#[derive(Default)]
pub(super) struct Names {
    /// Some verifier lists the issuer, so it is known without any entry. Others are forgotten with their last one.
    pub(super) origin: Origin,
    pub(super) tokens: HashMap<Box<str>, Terms>,
    clients: HashMap<Box<str>, Terms>,
    organizations: HashMap<Box<str>, Terms>,
    everything: HashMap<Box<str>, Terms>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Origin {
    #[default]
    Denied,
    Listed,
}

/// What holds for a name: up to two entries.
#[derive(Clone, Copy, Default)]
pub(super) struct Terms {
    /// Not let in until then.
    pub(super) denied: Option<i64>,
    /// Tokens issued before the first moment are not let in until the second.
    pub(super) issued_before: Option<(i64, i64)>,
}

impl Lists {
    /// Returns the terms of a name, or `None` if entries of this issuer could not have any effect.
    pub(super) fn terms(&self, issuer: &str, kind: Kind, name: &str) -> Option<Terms> {
        match self.issuers.get(issuer) {
            Some(names) => Some(names.of(kind).get(name).copied().unwrap_or_default()),
            None if self.others == Others::Resolved => Some(Terms::default()),
            None => None,
        }
    }

    pub(super) fn replace(&mut self, issuer: &str, kind: Kind, name: Box<str>, terms: Terms) {
        let names = self.issuers.entry(Arc::from(issuer)).or_default();
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

    pub(super) fn forget_what_passed(&mut self) {
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

    pub(super) fn of(&self, kind: Kind) -> &HashMap<Box<str>, Terms> {
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

impl Terms {
    pub(super) fn len(self) -> usize {
        usize::from(self.denied.is_some()) + usize::from(self.issued_before.is_some())
    }

    /// These and one more entry, which takes nothing back.
    pub(super) fn and(mut self, issued_before: Option<i64>, until: i64) -> Self {
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

    pub(super) fn standing(self, kind: Kind, issued_at: Option<i64>, now: i64) -> Standing {
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

#[cfg(test)]
mod tests {
    use super::*;

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
