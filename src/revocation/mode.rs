//! The relation of a list to its store.

use tokio::time::Instant;

use super::candidate::{Authenticity, Candidate};

/// The relation of the list to the store.
pub(super) enum Mode {
    Loading(Candidate),
    /// All entries were received. During a grace period, they have no effect yet.
    Following(Option<Grace>),
}

impl Mode {
    pub(super) fn candidate(&mut self) -> Option<&mut Candidate> {
        match self {
            Self::Loading(candidate) => Some(candidate),
            Self::Following(grace) => grace.as_mut().map(|grace| &mut grace.candidate),
        }
    }

    pub(super) fn grace(&self) -> Option<&Grace> {
        match self {
            Self::Loading(_) => None,
            Self::Following(grace) => grace.as_ref(),
        }
    }

    /// Returns `true` if the list has an effect, and the store's changes apply to it.
    pub(super) fn is_loaded(&self) -> bool {
        let is_first = |grace: &Grace| grace.kind == GraceKind::FirstLoad;
        matches!(self, Self::Following(_)) && !self.grace().is_some_and(is_first)
    }

    /// Records that the store has a record of this kind.
    pub(super) fn count(&mut self, authenticity: Authenticity) {
        if let Some(candidate) = self.candidate() {
            candidate.count(authenticity);
        }
    }
}

/// The state until a store without a complete list counts.
pub(super) struct Grace {
    pub(super) candidate: Candidate,
    pub(super) until: Instant,
    pub(super) kind: GraceKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GraceKind {
    /// This replica was never loaded. It is not ready, because other replicas may know entries that
    /// the store lost.
    FirstLoad,
    /// The earlier entries apply.
    LostEntries,
}
