//! The places of requests that wait for a fetch. Clients share them fairly, by the names in their
//! tokens.

use super::requester::{ClientHash, Requester, RequesterKind};
use crate::util::{Places, WaitingPlace};

/// The number of requests of known clients that may wait for the fetches of one issuer. If all
/// places are taken, a request is rejected immediately, so that requests cannot accumulate if an
/// issuer hangs.
const MAX_WAITERS: usize = 4096;

/// The number of places of unknown clients, which are separate from those of known clients.
const MAX_WAITERS_UNKNOWN_CLIENTS: usize = 256;

/// The places of one issuer.
#[derive(Debug)]
pub(super) struct WaitingPlaces {
    known_clients: Places<ClientHash>,
    unknown_clients: Places<ClientHash>,
}

/// The way in which places are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceSharing {
    /// No client is known yet, so there are no shares by name.
    Common,
    PerName,
}

impl WaitingPlaces {
    pub(super) fn new() -> Self {
        Self {
            known_clients: Places::new(MAX_WAITERS),
            unknown_clients: Places::new(MAX_WAITERS_UNKNOWN_CLIENTS),
        }
    }

    /// Takes a place. A name gets one only if it has fewer places than are free. So one name alone
    /// gets half, and many names are needed to take all places.
    pub(super) fn take(
        &self,
        requester: Requester,
        sharing: PlaceSharing,
    ) -> Option<WaitingPlace<ClientHash>> {
        match (sharing, requester.kind) {
            (PlaceSharing::Common, _) => self.known_clients.take_any(requester.name),
            (PlaceSharing::PerName, RequesterKind::Known) => {
                self.known_clients.take(requester.name)
            }
            (PlaceSharing::PerName, RequesterKind::Unknown) => {
                self.unknown_clients.take(requester.name)
            }
        }
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
