//! SipHash-2-4 with a result of 128 bits: a keyed hash of short inputs (Aumasson and Bernstein:
//! "`SipHash`: a fast short-input PRF", 2012, and their reference code for 128 bits).

/// Returns the hash of `bytes`. The key must be secret and random.
pub(super) fn siphash128(key: [u64; 2], bytes: &[u8]) -> [u64; 2] {
    let mut state = SipState::new(key);
    let mut blocks = bytes.chunks_exact(8);
    for block in &mut blocks {
        state.absorb(u64::from_le_bytes(
            block.first_chunk().copied().unwrap_or_default(),
        ));
    }
    let mut last = [0; 8];
    for (byte, rest) in last.iter_mut().zip(blocks.remainder()) {
        *byte = *rest;
    }
    // The last byte is the length modulo 256. The remainder has at most seven.
    last[7] = bytes.len().to_le_bytes()[0];
    state.absorb(u64::from_le_bytes(last));
    state.finish()
}

struct SipState {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl SipState {
    fn new([k0, k1]: [u64; 2]) -> Self {
        Self {
            v0: k0 ^ 0x736f_6d65_7073_6575,
            // The second constant marks a result of 128 bits.
            v1: k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            v2: k0 ^ 0x6c79_6765_6e65_7261,
            v3: k1 ^ 0x7465_6462_7974_6573,
        }
    }

    fn absorb(&mut self, block: u64) {
        self.v3 ^= block;
        self.round();
        self.round();
        self.v0 ^= block;
    }

    fn finish(mut self) -> [u64; 2] {
        self.v2 ^= 0xee;
        let first = self.squeeze();
        self.v1 ^= 0xdd;
        [first, self.squeeze()]
    }

    fn squeeze(&mut self) -> u64 {
        for _ in 0..4 {
            self.round();
        }
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32).wrapping_add(self.v3);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
