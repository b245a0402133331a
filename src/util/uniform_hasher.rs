//! A hasher for tables whose keys are keyed hashes already.

use std::hash::{BuildHasherDefault, Hasher};

/// Builds the hashes of a table whose keys are keyed hashes, or parts of them.
pub(crate) type UniformHashBuilder = BuildHasherDefault<UniformHasher>;

/// Uses a key of a table as its hash, because a client can neither choose nor know it.
#[derive(Default)]
pub(crate) struct UniformHasher(u64);

impl Hasher for UniformHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    /// The table reads the highest and the lowest bits.
    fn write_u32(&mut self, part: u32) {
        self.0 = u64::from(part) << 32 | u64::from(part);
    }

    fn write_u64(&mut self, part: u64) {
        self.0 = part;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
