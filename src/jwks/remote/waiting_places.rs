//! The places of requests that wait for a fetch. Clients share them fairly, by the names in their
//! tokens.

use std::collections::HashMap;
use std::sync::Mutex;

use super::requester::{ClientHash, Requester, RequesterKind};
use crate::util::lock;

/// The number of requests of known clients that may wait for the fetches of one issuer. If all
/// places are taken, a request is rejected immediately, so that requests cannot accumulate if an
/// issuer hangs.
const MAX_WAITERS: usize = 4096;

/// The number of places of unknown clients, which are separate from those of known clients.
const MAX_WAITERS_UNKNOWN_CLIENTS: usize = 256;

/// The places of one issuer.
#[derive(Debug)]
pub(super) struct WaitingPlaces {
    known_clients: Mutex<Places>,
    unknown_clients: Mutex<Places>,
}

#[derive(Debug)]
struct Places {
    free: usize,
    /// The names of waiting requests only.
    taken: HashMap<ClientHash, usize>,
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
        let places = |free| {
            Mutex::new(Places {
                free,
                taken: HashMap::new(),
            })
        };
        Self {
            known_clients: places(MAX_WAITERS),
            unknown_clients: places(MAX_WAITERS_UNKNOWN_CLIENTS),
        }
    }

    /// Takes a place. A name gets one only if it has fewer places than are free. So one name alone
    /// gets half, and there is always a place for another name.
    pub(super) fn take(
        &self,
        requester: Requester,
        sharing: PlaceSharing,
    ) -> Option<WaitingPlace<'_>> {
        let places = match (sharing, requester.kind) {
            (PlaceSharing::Common, _) | (_, RequesterKind::Known) => &self.known_clients,
            (PlaceSharing::PerName, RequesterKind::Unknown) => &self.unknown_clients,
        };
        let mut guard = lock(places);
        let own = guard.taken.get(&requester.name).copied().unwrap_or(0);
        let is_allowed = match sharing {
            PlaceSharing::Common => guard.free > 0,
            PlaceSharing::PerName => own < guard.free,
        };
        if !is_allowed {
            return None;
        }
        guard.free -= 1;
        guard.taken.insert(requester.name, own + 1);
        Some(WaitingPlace {
            places,
            name: requester.name,
        })
    }
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct WaitingPlace<'a> {
    places: &'a Mutex<Places>,
    name: ClientHash,
}

impl Drop for WaitingPlace<'_> {
    fn drop(&mut self) {
        let mut places = lock(self.places);
        places.free += 1;
        match places.taken.get_mut(&self.name) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                places.taken.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
