//! What claims record about the denylist.

use std::sync::atomic::{AtomicU64, Ordering};

/// The generation of the denylist in which no entry names the caller. It is 0 at first.
#[derive(Default)]
pub(crate) struct UnlistedIn(AtomicU64);

impl UnlistedIn {
    pub(crate) fn generation(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn record(&self, generation: u64) {
        self.0.store(generation, Ordering::Relaxed);
    }
}

// Claims in separate memory are checked again.
impl Clone for UnlistedIn {
    fn clone(&self) -> Self {
        Self::default()
    }
}
