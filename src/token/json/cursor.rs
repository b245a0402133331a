//! A position in the document, and functions that advance it.

use super::JsonError;

/// Reads a string from its beginning.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the number of bytes read.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Returns the part that was read since `start`.
    pub(super) fn since(&self, start: usize) -> Option<&'a str> {
        self.text.get(start..self.at)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Returns the next byte without reading it.
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads the next byte.
    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Reads the next byte if it is this one.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Reads this byte.
    ///
    /// # Errors
    ///
    /// Returns [`JsonError::Syntax`] if the next byte is another one.
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(JsonError::Syntax)
        }
    }

    /// Reads these bytes, or returns an error if the next bytes are others.
    pub(super) fn expect_literal(&mut self, literal: &[u8]) -> Result<(), JsonError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(literal) {
            return Err(JsonError::Syntax);
        }
        self.at += literal.len();
        Ok(())
    }

    #[inline]
    pub(super) fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Reads one or more digits.
    pub(super) fn skip_digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(JsonError::Syntax)
        } else {
            Ok(())
        }
    }

    /// Advances to the next quotation mark, backslash or control character, or to the end. It
    /// checks eight bytes in one step.
    pub(super) fn skip_plain(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let (chunks, tail) = rest.as_chunks();
        let mut plain = 0;
        for chunk in chunks {
            let special = special_bytes(u64::from_le_bytes(*chunk));
            if special != 0 {
                self.at += plain + special.trailing_zeros() as usize / 8;
                return;
            }
            plain += chunk.len();
        }
        let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
        self.at += plain + tail.iter().position(special).unwrap_or(tail.len());
    }
}

/// Sets the highest bit of the lowest special byte among the eight. Higher bits have no meaning,
/// because the subtractions borrow. Bytes of non-ASCII characters are never special.
const fn special_bytes(chunk: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    const fn zero_bytes(chunk: u64) -> u64 {
        chunk.wrapping_sub(ONES) & !chunk
    }
    let control = chunk.wrapping_sub(ONES * 0x20) & !chunk;
    let quote = zero_bytes(chunk ^ (ONES * b'"' as u64));
    let backslash = zero_bytes(chunk ^ (ONES * b'\\' as u64));
    (control | quote | backslash) & HIGH
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
