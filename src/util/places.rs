//! Places of waiting requests, which their owners share fairly.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use super::lock;

/// A bounded number of places.
#[derive(Debug)]
pub(crate) struct Places<N: Eq + Hash>(Arc<Mutex<PlacesState<N>>>);

#[derive(Debug)]
struct PlacesState<N> {
    free: usize,
    /// The names of waiting requests only.
    taken: HashMap<N, usize>,
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct WaitingPlace<N: Eq + Hash> {
    places: Arc<Mutex<PlacesState<N>>>,
    name: N,
}

impl<N: Copy + Eq + Hash> Places<N> {
    pub(crate) fn new(free: usize) -> Self {
        Self(Arc::new(Mutex::new(PlacesState {
            free,
            taken: HashMap::new(),
        })))
    }

    /// Takes a place if this name has fewer places than are free. So one name alone gets half.
    pub(crate) fn take(&self, name: N) -> Option<WaitingPlace<N>> {
        self.take_if(name, |own, free| own < free)
    }

    /// Takes any free place, without a share per name.
    pub(crate) fn take_any(&self, name: N) -> Option<WaitingPlace<N>> {
        self.take_if(name, |_, free| free > 0)
    }

    fn take_if(&self, name: N, is_allowed: fn(usize, usize) -> bool) -> Option<WaitingPlace<N>> {
        let mut state = lock(&self.0);
        let own = state.taken.get(&name).copied().unwrap_or(0);
        if !is_allowed(own, state.free) {
            return None;
        }
        state.free -= 1;
        state.taken.insert(name, own + 1);
        Some(WaitingPlace {
            places: Arc::clone(&self.0),
            name,
        })
    }

    /// Returns the number of free places and of names that have one.
    #[cfg(test)]
    #[cfg(tower_m2m_unit_tests)]
    pub(crate) fn usage(&self) -> (usize, usize) {
        let state = lock(&self.0);
        (state.free, state.taken.len())
    }
}

impl<N: Eq + Hash> Drop for WaitingPlace<N> {
    fn drop(&mut self) {
        let mut state = lock(&self.places);
        state.free += 1;
        match state.taken.get_mut(&self.name) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                state.taken.remove(&self.name);
            }
        }
    }
}
