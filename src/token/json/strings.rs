//! Where the strings of a document are.

use super::error::JsonError;
use super::index::NameFingerprint;

/// A string of the document, by its position in [`StringTable`].
#[derive(Clone, Copy)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

/// A member's name, with a print of it that tells most others apart without a look at the text.
#[derive(Clone, Copy)]
pub(super) struct Name {
    span: Span,
    pub(super) fingerprint: NameFingerprint,
}

impl Name {
    /// What is in an array has no name.
    pub(super) const NONE: Self = Self {
        span: Span { start: 0, len: 0 },
        fingerprint: NameFingerprint::NONE,
    };
}

/// The document's text, and behind it the strings of it that were written with escapes, which few are.
pub(super) struct StringTable<'a> {
    text: &'a str,
    unescaped: String,
}

impl<'a> StringTable<'a> {
    /// # Errors
    ///
    /// [`JsonError::TooLarge`] for what has more bytes than spans count.
    pub(super) fn new(text: &'a str) -> Result<Self, JsonError> {
        // Unescaped strings are no longer than the text that they were written in.
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

    /// Whether a name, whose print is given too, is this one.
    pub(super) fn is(&self, name: Name, print: NameFingerprint, text: &str) -> bool {
        name.fingerprint == print && self.get(name.span) == text
    }

    /// The span of a part of the text.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a text has no more than i32::MAX bytes"
    )]
    pub(super) fn part(start: usize, end: usize) -> Span {
        Span {
            start: start as u32,
            len: (end - start) as u32,
        }
    }

    /// Appends to the unescaped string that was [begun](Self::begin).
    pub(super) fn append(&mut self, text: &str) {
        self.unescaped.push_str(text);
    }

    /// Where an unescaped string begins.
    pub(super) fn begin(&self) -> usize {
        self.text.len() + self.unescaped.len()
    }

    /// The span of what was appended since.
    pub(super) fn end(&self, begin: usize) -> Span {
        Self::part(begin, self.begin())
    }
}
