//! Hashes of names that callers choose. They are keyed, so that no caller can make two names
//! collide.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;

/// Returns a hash that is the same for the same value in the whole process.
pub(crate) fn keyed_hash(value: impl Hash) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    HASHER.hash_one(value)
}
