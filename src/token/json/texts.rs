//! Where the strings of a document are.

use super::JsonError;

/// A string of the document, by its place in [`Texts`].
#[derive(Clone, Copy)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

/// A member's name, with a print of it that tells most others apart without a look at the text.
#[derive(Clone, Copy)]
pub(super) struct Name {
    span: Span,
    pub(super) print: Print,
}

/// Length, first and last byte of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Print(u32);

impl Name {
    /// What is in an array has no name.
    pub(super) const NONE: Self = Self {
        span: Span { start: 0, len: 0 },
        print: Print(0),
    };
}

impl Print {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "only equality is asked for"
    )]
    pub(super) fn of(name: &str) -> Self {
        match name.as_bytes() {
            [] => Self(0),
            [first, .., last] => {
                Self((name.len() as u32) << 16 | u32::from(*first) << 8 | u32::from(*last))
            }
            [only] => Self(1 << 16 | u32::from(*only) << 8),
        }
    }

    /// A number below [`PLACES`]. The factors are such that the names of a token's claims, and of those that are sought in
    /// vain, have each their own.
    const fn place(self) -> usize {
        let [last, first, len, _] = self.0.to_le_bytes();
        (len as usize + first as usize * 13 + last as usize * 27) % PLACES
    }
}

const PLACES: usize = 64;

/// Where an object's members are, by the prints of their names: the first of each place.
#[derive(Clone, Copy)]
pub(super) struct Index([u8; PLACES]);

/// What an [`Index`] knows of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Absent,
    /// It is here, or another name has taken its place.
    Perhaps(u32),
    /// Something is there, too far behind to be told.
    Somewhere,
}

impl Index {
    pub(super) const EMPTY: Self = Self([0; PLACES]);
    const FAR: u8 = u8::MAX;

    pub(super) fn find(&self, print: Print) -> Known {
        match self.0.get(print.place()) {
            None | Some(0) => Known::Absent,
            Some(&Self::FAR) => Known::Somewhere,
            Some(node) => Known::Perhaps(u32::from(*node)),
        }
    }

    /// Notes a member whose place is free. The object itself comes before it, so its number is not zero.
    pub(super) fn note(&mut self, print: Print, node: usize) {
        if let Some(place) = self.0.get_mut(print.place()) {
            *place = u8::try_from(node).unwrap_or(Self::FAR);
        }
    }
}

/// The document's text, and behind it the strings of it that were written with escapes, which few are.
pub(super) struct Texts<'a> {
    text: &'a str,
    unescaped: String,
}

impl<'a> Texts<'a> {
    /// # Errors
    ///
    /// [`JsonError::TooLarge`] for what has more bytes than spans count.
    pub(super) fn of(text: &'a str) -> Result<Self, JsonError> {
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
            print: Print::of(self.get(span)),
        }
    }

    pub(super) fn get_name(&self, name: Name) -> &str {
        self.get(name.span)
    }

    /// Whether a name, whose print is given too, is this one.
    pub(super) fn is(&self, name: Name, print: Print, text: &str) -> bool {
        name.print == print && self.get(name.span) == text
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the factors in [`Print::place`] were chosen for.
    #[test]
    fn claim_names_have_distinct_index_slots() {
        let there = [
            "aud", "azp", "exp", "gty", "iat", "iss", "jti", "org_code", "scope", "scp", "v",
        ];
        let sought = [
            "nbf",
            "sub",
            "cnf",
            "act",
            "client_id",
            "nonce",
            "at_hash",
            "c_hash",
            "s_hash",
            "events",
            "htu",
            "htm",
        ];
        let extras = ["application_properties", "feature_flags"];
        let places: Vec<usize> = there.map(|name| Print::of(name).place()).to_vec();
        for (at, place) in places.iter().enumerate() {
            assert!(!places[..at].contains(place), "{}", there[at]);
        }
        for name in sought.iter().chain(&extras) {
            assert!(!places.contains(&Print::of(name).place()), "{name}");
        }
    }
}
