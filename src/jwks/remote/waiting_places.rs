//! The places of requests that wait for a fetch, shared fairly between the clients that they name.

use std::collections::HashMap;
use std::sync::Mutex;

use super::lock::lock;
use super::requester::{ClientHash, Requester, RequesterKind};

/// Requests of known clients that may wait for the fetches of one issuer. If all places are taken, a
/// request is rejected at once, so that an issuer that hangs cannot accumulate requests here.
const MAX_WAITERS: usize = 4096;

/// The places of unknown clients, which are apart from those of known ones.
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
    /// Only names of requests that wait.
    taken: HashMap<ClientHash, usize>,
}

/// Who shares a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceSharing {
    /// No client is known yet, so that there is no share for each name.
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

    /// Takes a place. A name may take one only while it has fewer than are free, so one name alone gets
    /// half, and there is always a place for another name.
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
mod tests {
    use super::*;
    use RequesterKind::{Known, Unknown};

    fn requester(name: u64, kind: RequesterKind) -> Requester {
        Requester {
            name: ClientHash(name),
            kind,
        }
    }

    fn fill(
        places: &WaitingPlaces,
        requester: Requester,
        sharing: PlaceSharing,
    ) -> Vec<WaitingPlace<'_>> {
        std::iter::from_fn(|| places.take(requester, sharing)).collect()
    }

    #[test]
    fn one_name_gets_half_and_others_get_their_share() {
        let places = WaitingPlaces::new();
        for _ in 0..2 {
            let hostile = fill(&places, requester(1, Known), PlaceSharing::PerName);
            assert_eq!(hostile.len(), MAX_WAITERS / 2);
            let second = fill(&places, requester(2, Known), PlaceSharing::PerName);
            let third = fill(&places, requester(3, Known), PlaceSharing::PerName);
            assert_eq!(
                (second.len(), third.len()),
                (MAX_WAITERS / 4, MAX_WAITERS / 8)
            );
            assert!(
                places
                    .take(requester(4, Known), PlaceSharing::PerName)
                    .is_some()
            );
        }
        assert!(
            lock(&places.known_clients).taken.is_empty(),
            "no name is kept"
        );
        assert_eq!(lock(&places.known_clients).free, MAX_WAITERS);
    }

    #[test]
    fn unknown_clients_have_places_of_their_own() {
        let places = WaitingPlaces::new();
        let known_names: Vec<_> = (0..)
            .map_while(|name| places.take(requester(name, Known), PlaceSharing::PerName))
            .collect();
        assert_eq!(known_names.len(), MAX_WAITERS);
        let unknown_names: Vec<_> = (0..)
            .map_while(|name| places.take(requester(name, Unknown), PlaceSharing::PerName))
            .collect();
        assert_eq!(unknown_names.len(), MAX_WAITERS_UNKNOWN_CLIENTS);
        drop(known_names);
        assert!(
            places
                .take(requester(0, Known), PlaceSharing::PerName)
                .is_some()
        );
    }

    #[test]
    fn no_share_per_name_before_the_first_keys() {
        let places = WaitingPlaces::new();
        let all = fill(&places, requester(1, Unknown), PlaceSharing::Common);
        assert_eq!(all.len(), MAX_WAITERS);
    }
}
