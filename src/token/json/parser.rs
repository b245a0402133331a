//! The parser: one pass over the document, no duplicates, limited (RFC 8259).
//!
//! The crate has its own parser, because each request with a new token parses claims, and because
//! the meaning of a token must not depend on features that other crates of the build enable in a
//! general parser. Fuzzing compares it with `serde_json`.

use super::cursor::Cursor;
use super::duplicates::DuplicateCheck;
use super::error::JsonError;
use super::index::Index;
use super::number::number;
use super::strings::{Name, Span, StringTable};
use super::{JsonObject, Node, NodeValue};

const MAX_DEPTH: usize = 8;
/// The limit of [`JsonObject::parse`]. Verifiers have one of their own for claims.
const MAX_VALUES: u32 = 1024;

impl<'a> JsonObject<'a> {
    /// Parses one JSON object.
    ///
    /// # Errors
    ///
    /// Returns [`JsonError`] for the first error in the document.
    pub fn parse(text: &'a [u8]) -> Result<Self, JsonError> {
        Self::parse_bounded(text, MAX_VALUES)
    }

    /// Reads one JSON object of at most `max_values` values.
    pub(crate) fn parse_bounded(text: &'a [u8], max_values: u32) -> Result<Self, JsonError> {
        // In real headers and claims, a value takes about 20 bytes.
        let capacity = (text.len() / 16 + 4).min(32);
        Self::parse_into(text, max_values, Vec::with_capacity(capacity))
    }

    #[inline]
    pub(super) fn parse_into(
        text: &'a [u8],
        max_values: u32,
        nodes: Vec<Node>,
    ) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(text).map_err(|_| JsonError::NotUtf8)?;
        let json = parse_document(text, max_values, nodes)?;
        match json.nodes.first() {
            Some(Node {
                value: NodeValue::Object,
                ..
            }) => Ok(json),
            _ => Err(JsonError::NotAnObject),
        }
    }
}

/// Parses one JSON value. No other characters may follow it.
fn parse_document(
    text: &str,
    max_values: u32,
    nodes: Vec<Node>,
) -> Result<JsonObject<'_>, JsonError> {
    let texts = StringTable::new(text)?;
    let mut reader = Reader {
        strings: texts,
        index: Index::EMPTY,
        cursor: Cursor::new(text),
        max_values,
        nodes,
    };
    reader.cursor.skip_white_space();
    reader.value(Name::NONE, 0)?;
    reader.cursor.skip_white_space();
    let Reader {
        strings: texts,
        index,
        cursor,
        nodes,
        ..
    } = reader;
    if cursor.is_at_end() {
        Ok(JsonObject {
            strings: texts,
            index,
            nodes,
        })
    } else {
        Err(JsonError::Syntax)
    }
}

struct Reader<'a> {
    strings: StringTable<'a>,
    /// The index of the object that was closed last. At the end this is the outermost object.
    index: Index,
    cursor: Cursor<'a>,
    max_values: u32,
    nodes: Vec<Node>,
}

impl Reader<'_> {
    #[allow(
        clippy::inline_always,
        reason = "most values are short, and a call costs as much as they do"
    )]
    #[inline(always)]
    fn value(&mut self, key: Name, depth: usize) -> Result<(), JsonError> {
        let value = match self.cursor.peek() {
            Some(b'"') => NodeValue::String(self.string()?),
            Some(b'{') => return self.object(key, depth),
            Some(b'[') => return self.array(key, depth),
            Some(b'-' | b'0'..=b'9') => number(&mut self.cursor)?,
            Some(b't') => self
                .cursor
                .expect_literal(b"true")
                .map(|()| NodeValue::Bool(true))?,
            Some(b'f') => self
                .cursor
                .expect_literal(b"false")
                .map(|()| NodeValue::Bool(false))?,
            _ => self
                .cursor
                .expect_literal(b"null")
                .map(|()| NodeValue::Null)?,
        };
        self.push(key, value).map(|_| ())
    }

    #[inline(never)]
    fn object(&mut self, key: Name, depth: usize) -> Result<(), JsonError> {
        let at = self.open(key, NodeValue::Object, depth)?;
        let mut names = DuplicateCheck {
            index: Index::EMPTY,
            count: 0,
        };
        self.cursor.expect(b'{')?;
        self.cursor.skip_white_space();
        if !self.cursor.take(b'}') {
            loop {
                let name = self.string()?;
                let name = self.strings.name(name);
                if !names.insert(name, &self.strings, &self.nodes, at) {
                    return Err(JsonError::DuplicateMember);
                }
                self.cursor.skip_white_space();
                self.cursor.expect(b':')?;
                self.cursor.skip_white_space();
                self.value(name, depth + 1)?;
                self.cursor.skip_white_space();
                if !self.cursor.take(b',') {
                    break;
                }
                self.cursor.skip_white_space();
            }
            self.cursor.expect(b'}')?;
        }
        if !names.finish(&self.strings, &self.nodes, at) {
            return Err(JsonError::DuplicateMember);
        }
        self.index = names.index;
        self.close(at);
        Ok(())
    }

    #[inline(never)]
    fn array(&mut self, key: Name, depth: usize) -> Result<(), JsonError> {
        let at = self.open(key, NodeValue::Array, depth)?;
        self.cursor.expect(b'[')?;
        self.cursor.skip_white_space();
        if !self.cursor.take(b']') {
            loop {
                self.value(Name::NONE, depth + 1)?;
                self.cursor.skip_white_space();
                if !self.cursor.take(b',') {
                    break;
                }
                self.cursor.skip_white_space();
            }
            self.cursor.expect(b']')?;
        }
        self.close(at);
        Ok(())
    }

    /// Appends an array or object. Its end is known only when it is [closed](Self::close).
    fn open(&mut self, key: Name, value: NodeValue, depth: usize) -> Result<u32, JsonError> {
        if depth >= MAX_DEPTH {
            Err(JsonError::TooDeep)
        } else {
            self.push(key, value)
        }
    }

    fn push(&mut self, key: Name, value: NodeValue) -> Result<u32, JsonError> {
        let at = self.count();
        if at >= self.max_values {
            return Err(JsonError::TooLarge);
        }
        self.nodes.push(Node {
            key,
            value,
            end: at + 1,
        });
        Ok(at)
    }

    fn close(&mut self, at: u32) {
        let end = self.count();
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.end = end;
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "no more than `max_values`")]
    fn count(&self) -> u32 {
        self.nodes.len() as u32
    }

    fn string(&mut self) -> Result<Span, JsonError> {
        self.cursor.expect(b'"')?;
        let start = self.cursor.at();
        self.cursor.skip_plain();
        let end = self.cursor.at();
        if self.cursor.take(b'"') {
            Ok(StringTable::part(start, end))
        } else {
            self.escaped(start)
        }
    }

    /// Parses the rest of a string that has escapes, after its first part without them.
    #[cold]
    fn escaped(&mut self, mut start: usize) -> Result<Span, JsonError> {
        let begin = self.strings.begin();
        loop {
            // The part ends before an ASCII character, so it never splits a character.
            self.strings
                .append(self.cursor.since(start).ok_or(JsonError::Syntax)?);
            match self.cursor.next() {
                Some(b'"') => return Ok(self.strings.end(begin)),
                Some(b'\\') => {
                    let char = self.escape()?;
                    self.strings.append(char.encode_utf8(&mut [0; 4]));
                }
                // A control character, or the end of the document.
                _ => return Err(JsonError::Syntax),
            }
            start = self.cursor.at();
            self.cursor.skip_plain();
        }
    }

    /// Returns the character that an escape represents.
    fn escape(&mut self) -> Result<char, JsonError> {
        Ok(match self.cursor.next() {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let code = match self.code_unit()? {
                    // A surrogate pair is one character. Half of a pair is an error.
                    high @ 0xd800..=0xdbff => {
                        self.cursor.expect_literal(b"\\u")?;
                        let low = self
                            .code_unit()?
                            .checked_sub(0xdc00)
                            .filter(|low| *low < 0x400);
                        0x1_0000 + ((high - 0xd800) << 10) + low.ok_or(JsonError::Syntax)?
                    }
                    unit => unit,
                };
                char::from_u32(code).ok_or(JsonError::Syntax)?
            }
            _ => return Err(JsonError::Syntax),
        })
    }

    /// Parses four hexadecimal digits.
    fn code_unit(&mut self) -> Result<u32, JsonError> {
        (0..4).try_fold(0, |unit, _| {
            let digit = self
                .cursor
                .next()
                .and_then(|digit| char::from(digit).to_digit(16));
            digit
                .map(|digit| unit << 4 | digit)
                .ok_or(JsonError::Syntax)
        })
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
