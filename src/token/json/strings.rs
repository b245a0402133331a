//! The strings of a document.

use super::error::JsonError;
use super::index::NameFingerprint;

/// The position of a string in the [`StringTable`].
#[derive(Clone, Copy)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

/// A member's name with its fingerprint. Most names differ in the fingerprint, without a comparison
/// of strings.
#[derive(Clone, Copy)]
pub(super) struct Name {
    span: Span,
    pub(super) fingerprint: NameFingerprint,
}

impl Name {
    /// The name of values inside an array, which have none.
    pub(super) const NONE: Self = Self {
        span: Span { start: 0, len: 0 },
        fingerprint: NameFingerprint::NONE,
    };
}

/// The document, followed by its strings that have escapes. Few strings have escapes.
pub(super) struct StringTable<'a> {
    text: &'a str,
    unescaped: String,
}

impl<'a> StringTable<'a> {
    /// Creates the table.
    ///
    /// # Errors
    ///
    /// Returns [`JsonError::TooLarge`] if the document has more bytes than spans can count.
    pub(super) fn new(text: &'a str) -> Result<Self, JsonError> {
        // A resolved string is not longer than its source.
        if text.len() > i32::MAX as usize {
            Err(JsonError::TooLarge)
        } else {
            Ok(Self {
                text,
                unescaped: String::new(),
            })
        }
    }

    pub(super) fn get(&self, span: Span) -> &str {
        let (start, len) = (span.start as usize, span.len as usize);
        let found = match start.checked_sub(self.text.len()) {
            None => self.text.get(start..start + len),
            Some(start) => self.unescaped.get(start..start + len),
        };
        found.unwrap_or_default()
    }

    pub(super) fn name(&self, span: Span) -> Name {
        Name {
            span,
            fingerprint: NameFingerprint::new(self.get(span)),
        }
    }

    pub(super) fn get_name(&self, name: Name) -> &str {
        self.get(name.span)
    }

    /// Returns `true` if a name equals this string, which has this fingerprint.
    pub(super) fn is(&self, name: Name, print: NameFingerprint, text: &str) -> bool {
        name.fingerprint == print && self.get(name.span) == text
    }

    /// Returns the span of a part of the document.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a document has no more than i32::MAX bytes"
    )]
    pub(super) fn part(start: usize, end: usize) -> Span {
        Span {
            start: start as u32,
            len: (end - start) as u32,
        }
    }

    /// Appends to the resolved string that was [started](Self::begin).
    pub(super) fn append(&mut self, text: &str) {
        self.unescaped.push_str(text);
    }

    /// Returns the position at which a resolved string begins.
    pub(super) fn begin(&self) -> usize {
        self.text.len() + self.unescaped.len()
    }

    /// Returns the span of the part that was appended since `begin`.
    pub(super) fn end(&self, begin: usize) -> Span {
        Self::part(begin, self.begin())
    }
}
