//! A compression bomb, written by hand so that the test utilities need no compressor.

/// The longest copy that one DEFLATE symbol can express (RFC 1951 §3.2.5).
const RUN: usize = 258;

/// Returns the gzip encoding (RFC 1952) of `start`, padded with spaces to `bytes`.
///
/// It is one fixed-Huffman block: `start` and one space as literals, then copies of 258 spaces in
/// 13 bits each. A decoder that reads to the end finds a valid length and checksum.
pub(super) fn bomb(start: &[u8], bytes: usize) -> Vec<u8> {
    let padding = bytes.saturating_sub(start.len());
    let runs = padding.saturating_sub(1) / RUN;
    let single = padding - runs * RUN;

    let mut bits = Bits {
        out: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff],
        pending: 0,
        filled: 0,
    };
    bits.push(1, 1); // the last block
    bits.push(0b01, 2); // fixed Huffman codes
    for &byte in start.iter().chain(std::iter::repeat_n(&b' ', single)) {
        bits.literal(byte);
    }
    for _ in 0..runs {
        bits.code(0b1100_0101, 8); // symbol 285: length 258
        bits.code(0, 5); // distance 1
    }
    bits.code(0, 7); // end of block
    let mut out = bits.finish();

    let mut checksum = Checksum::new();
    let padded = start.iter().chain(std::iter::repeat_n(&b' ', padding));
    for &byte in padded {
        checksum.update(byte);
    }
    out.extend(checksum.value().to_le_bytes());
    let total = u64::try_from(start.len() + padding).unwrap_or_default();
    out.extend(total.to_le_bytes().iter().take(4));
    out
}

/// Bits in DEFLATE's order: least significant first.
struct Bits {
    out: Vec<u8>,
    pending: u32,
    filled: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        self.pending |= value << self.filled;
        self.filled += count;
        while self.filled >= 8 {
            self.out.extend(self.pending.to_le_bytes().first());
            self.pending >>= 8;
            self.filled -= 8;
        }
    }

    /// Appends a Huffman code. Only these are written most significant bit first (RFC 1951 §3.1.1).
    fn code(&mut self, value: u32, count: u32) {
        self.push(value.reverse_bits() >> (32 - count), count);
    }

    fn literal(&mut self, byte: u8) {
        match byte {
            0..=143 => self.code(0x30 + u32::from(byte), 8),
            144..=255 => self.code(0x190 + u32::from(byte - 144), 9),
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.push(0, 8 - self.filled);
        }
        self.out
    }
}

/// CRC-32 (RFC 1952 §8).
struct Checksum(u32);

impl Checksum {
    fn new() -> Self {
        Self(!0)
    }

    fn update(&mut self, byte: u8) {
        let mut value = self.0 ^ u32::from(byte);
        for _ in 0..8 {
            value = if value & 1 == 1 {
                value >> 1 ^ 0xedb8_8320
            } else {
                value >> 1
            };
        }
        self.0 = value;
    }

    fn value(&self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
