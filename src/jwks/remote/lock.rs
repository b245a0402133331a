//! Locks that do not panic.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex. The values that it guards here are complete at every step, so that a panic elsewhere
/// leaves them usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
