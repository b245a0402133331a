//! Bytes that are nearly always short, and their SHA-256 digest.

use aws_lc_rs::digest::{SHA256, digest};

/// A string of bytes that is on the stack unless it is long.
pub(super) struct ShortBytes {
    stack: [u8; Self::STACK],
    length: usize,
    /// All bytes, if the stack is too short for them.
    heap: Vec<u8>,
}

impl ShortBytes {
    /// Enough for the canonical form of any elliptic-curve key, and for the ID of a proof.
    const STACK: usize = 256;

    pub(super) fn new() -> Self {
        Self {
            stack: [0; Self::STACK],
            length: 0,
            heap: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        if self.heap.is_empty()
            && let Some(free) = self.stack.get_mut(self.length..end)
        {
            free.copy_from_slice(part);
            self.length = end;
            return;
        }
        if self.heap.is_empty() {
            let begin = self.stack.get(..self.length).unwrap_or_default();
            self.heap.extend_from_slice(begin);
        }
        self.heap.extend_from_slice(part);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        if self.heap.is_empty() {
            self.stack.get(..self.length).unwrap_or_default()
        } else {
            &self.heap
        }
    }
}

/// Returns the SHA-256 digest.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest(&SHA256, bytes);
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
