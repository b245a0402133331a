//! The states of requested verification events (SSF §Verification).

use std::sync::Mutex;

use crate::util::lock;

/// The largest number of states. The oldest is dropped for a new one.
const MAX_STATES: usize = 16;

/// The states that this receiver requested.
#[derive(Default)]
pub(super) struct RequestedStates(Mutex<Vec<Box<str>>>);

impl RequestedStates {
    pub(super) fn add(&self, state: String) {
        let mut states = lock(&self.0);
        if states.len() >= MAX_STATES {
            states.remove(0);
        }
        states.push(state.into());
    }

    /// Returns `true` if a state was requested. An event without a state was not requested, and is
    /// accepted (rule 329).
    pub(super) fn take(&self, state: Option<&str>) -> bool {
        let Some(state) = state else {
            return true;
        };
        let mut states = lock(&self.0);
        let requested = states.iter().position(|requested| **requested == *state);
        requested.map(|at| states.remove(at)).is_some()
    }
}
