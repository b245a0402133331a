//! The reader: one pass over the text, nothing twice, bounded (RFC 8259).
//!
//! It is our own because a token's claims are read on every request with a new token, and because what a token says must not
//! depend on how another crate of the build configured a general reader. Fuzzing compares it with `serde_json`.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Inside, JsonError, Node, Value};

const MAX_DEPTH: usize = 8;
const MAX_VALUES: usize = 1024;

/// Reads one JSON value, and nothing behind it, as a flat list.
pub(super) fn document(text: &str) -> Result<Vec<Node<'_>>, JsonError> {
    // A value takes some twenty bytes in headers and claims as they are.
    let room = (text.len() / 20 + 4).min(32);
    let mut reader = Reader { text, rest: text.as_bytes(), nodes: Vec::with_capacity(room) };
    reader.skip_white_space();
    reader.value(Cow::Borrowed(""), 0)?;
    reader.skip_white_space();
    if reader.rest.is_empty() { Ok(reader.nodes) } else { Err(JsonError::Syntax) }
}

struct Reader<'a> {
    text: &'a str,
    /// What of the text was not read yet.
    rest: &'a [u8],
    nodes: Vec<Node<'a>>,
}

impl<'a> Reader<'a> {
    fn value(&mut self, key: Cow<'a, str>, depth: usize) -> Result<(), JsonError> {
        let value = match self.rest {
            [b'"', rest @ ..] => {
                self.rest = rest;
                Value::String(self.string()?)
            }
            [b'{', rest @ ..] => {
                self.rest = rest;
                return self.object(key, depth);
            }
            [b'[', rest @ ..] => {
                self.rest = rest;
                return self.array(key, depth);
            }
            [b'-' | b'0'..=b'9', ..] => self.number()?,
            [b't', b'r', b'u', b'e', rest @ ..] => {
                self.rest = rest;
                Value::Bool(true)
            }
            [b'f', b'a', b'l', b's', b'e', rest @ ..] => {
                self.rest = rest;
                Value::Bool(false)
            }
            [b'n', b'u', b'l', b'l', rest @ ..] => {
                self.rest = rest;
                Value::Null
            }
            _ => return Err(JsonError::Syntax),
        };
        self.push(key, value).map(|_| ())
    }

    fn object(&mut self, key: Cow<'a, str>, depth: usize) -> Result<(), JsonError> {
        let at = self.open(key, Value::Object(UNKNOWN), depth)?;
        let mut names = Names::default();
        self.skip_white_space();
        if !self.take(b'}') {
            loop {
                self.expect(b'"')?;
                let name = self.string()?;
                if !names.first_time(&name, &self.nodes, at) {
                    return Err(JsonError::DuplicateMember);
                }
                self.skip_white_space();
                self.expect(b':')?;
                self.skip_white_space();
                self.value(name, depth + 1)?;
                self.skip_white_space();
                if !self.take(b',') {
                    break;
                }
                self.skip_white_space();
            }
            self.expect(b'}')?;
        }
        if !names.all_once(&self.nodes, at) {
            return Err(JsonError::DuplicateMember);
        }
        self.close(at);
        Ok(())
    }

    fn array(&mut self, key: Cow<'a, str>, depth: usize) -> Result<(), JsonError> {
        let at = self.open(key, Value::Array(UNKNOWN), depth)?;
        self.skip_white_space();
        if !self.take(b']') {
            loop {
                self.value(Cow::Borrowed(""), depth + 1)?;
                self.skip_white_space();
                if !self.take(b',') {
                    break;
                }
                self.skip_white_space();
            }
            self.expect(b']')?;
        }
        self.close(at);
        Ok(())
    }

    /// Appends an array or object, whose end is known only when it is [closed](Self::close).
    fn open(&mut self, key: Cow<'a, str>, value: Value<'a>, depth: usize) -> Result<usize, JsonError> {
        if depth >= MAX_DEPTH { Err(JsonError::TooDeep) } else { self.push(key, value) }
    }

    fn push(&mut self, key: Cow<'a, str>, value: Value<'a>) -> Result<usize, JsonError> {
        let at = self.nodes.len();
        if at >= MAX_VALUES {
            return Err(JsonError::TooLarge);
        }
        self.nodes.push(Node { key, value, end: at + 1 });
        Ok(at)
    }

    fn close(&mut self, at: usize) {
        let end = self.nodes.len();
        if let Some(node) = self.nodes.get_mut(at) {
            node.end = end;
            if let Value::Array(inside) | Value::Object(inside) = &mut node.value {
                *inside = Inside { start: at + 1, end };
            }
        }
    }

    /// A string whose opening quotation mark was read.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let plain = self.take_plain()?;
        match self.rest {
            [b'"', rest @ ..] => {
                self.rest = rest;
                Ok(Cow::Borrowed(plain))
            }
            _ => self.escaped(plain).map(Cow::Owned),
        }
    }

    /// The rest of a string behind its first `plain` part.
    fn escaped(&mut self, plain: &str) -> Result<String, JsonError> {
        let mut text = plain.to_owned();
        loop {
            match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return Ok(text);
                }
                [b'\\', escape, rest @ ..] => {
                    self.rest = rest;
                    text.push(self.escape(*escape)?);
                }
                // A control character, or the end of the text.
                _ => return Err(JsonError::Syntax),
            }
            text.push_str(self.take_plain()?);
        }
    }

    fn escape(&mut self, escape: u8) -> Result<char, JsonError> {
        Ok(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.code_unit()?;
                let code = match unit {
                    // A pair makes one character; half of one makes none.
                    0xd800..=0xdbff => match self.rest {
                        [b'\\', b'u', rest @ ..] => {
                            self.rest = rest;
                            let low = self.code_unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400);
                            0x1_0000 + ((unit - 0xd800) << 10) + low.ok_or(JsonError::Syntax)?
                        }
                        _ => return Err(JsonError::Syntax),
                    },
                    unit => unit,
                };
                char::from_u32(code).ok_or(JsonError::Syntax)?
            }
            _ => return Err(JsonError::Syntax),
        })
    }

    /// Four hexadecimal digits.
    fn code_unit(&mut self) -> Result<u32, JsonError> {
        let (digits, rest) = self.rest.split_first_chunk::<4>().ok_or(JsonError::Syntax)?;
        self.rest = rest;
        let mut digits = digits.iter().map(|digit| char::from(*digit).to_digit(16));
        digits.try_fold(0, |unit, digit| digit.map(|digit| unit << 4 | digit)).ok_or(JsonError::Syntax)
    }

    fn number(&mut self) -> Result<Value<'a>, JsonError> {
        let start = self.at();
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let mut whole = true;
        if self.take(b'.') {
            whole = false;
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            whole = false;
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        let text = self.text.get(start..self.at()).unwrap_or_default();
        if whole && let Ok(whole) = text.parse() {
            return Ok(Value::Integer(whole));
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Value::Float(float)),
            _ => Err(JsonError::Syntax),
        }
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.skip(count);
        if count == 0 { Err(JsonError::Syntax) } else { Ok(()) }
    }

    /// The part of a string up to the next quotation mark, backslash or control character.
    fn take_plain(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at();
        self.skip(plain_len(self.rest));
        // It ends before an ASCII character, so always between two characters.
        self.text.get(start..self.at()).ok_or(JsonError::Syntax)
    }

    fn skip_white_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(JsonError::Syntax) }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }
}

const UNKNOWN: Inside = Inside { start: 0, end: 0 };

/// How many bytes there are before the first quotation mark, backslash or control character, eight looked at in one step.
fn plain_len(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return at * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    words.len() * 8 + rest.iter().position(special).unwrap_or(rest.len())
}

/// Marks the lowest of the eight bytes that is special by its highest bit; marks above it mean nothing, because of the
/// borrows of the subtractions. Bytes of characters beyond ASCII are never special.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    const fn zero_bytes(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word
    }
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero_bytes(word ^ (ONES * b'"' as u64));
    let backslash = zero_bytes(word ^ (ONES * b'\\' as u64));
    (control | quote | backslash) & HIGH
}

/// Tells whether a member's name appears for the first time in its object.
///
/// Most names differ in a cheap fingerprint from all before; only where it is the same are names compared. In an object
/// of many members a set is made once at its end instead, so that names chosen to look alike cost no quadratic time.
#[derive(Default)]
struct Names {
    fingerprints: u64,
    count: usize,
}

pub(super) const MANY: usize = 32;

impl Names {
    fn first_time(&mut self, name: &str, nodes: &[Node<'_>], object: usize) -> bool {
        self.count += 1;
        let (first, last) = (name.bytes().next().unwrap_or(0), name.bytes().next_back().unwrap_or(0));
        let bit = 1 << ((name.len() + usize::from(first) * 5 + usize::from(last) * 11) % 64);
        let maybe_before = self.fingerprints & bit != 0;
        self.fingerprints |= bit;
        !maybe_before || self.count > MANY || siblings(nodes, object).all(|node| node.key != name)
    }

    fn all_once(&self, nodes: &[Node<'_>], object: usize) -> bool {
        let mut before = HashSet::new();
        self.count <= MANY || siblings(nodes, object).all(|node| before.insert(node.key.as_ref()))
    }
}

/// The members read so far of the object at an index.
fn siblings<'n, 'a>(nodes: &'n [Node<'a>], object: usize) -> impl Iterator<Item = &'n Node<'a>> {
    let mut at = object + 1;
    std::iter::from_fn(move || {
        let node = nodes.get(at)?;
        at = node.end;
        Some(node)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each special byte at each place, between bytes that are nearly special.
    #[test]
    fn the_first_special_byte_is_found_wherever_it_stands() {
        for filling in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
            let plain = [filling; 40];
            assert_eq!(plain_len(&plain), 40, "{filling:#x}");
            for at in 0..40 {
                for special in (0..0x20).chain([b'"', b'\\']) {
                    let mut bytes = plain;
                    bytes[at] = special;
                    bytes[at + 1..].fill(b'"');
                    assert_eq!(plain_len(&bytes), at, "{special:#x} behind {filling:#x}");
                }
            }
        }
    }

    /// What `serde_json` reads of a text is what is read here, and what it refuses is refused.
    #[test]
    fn a_second_opinion_on_scalars() {
        for text in [
            "0",
            "-0",
            "00",
            "-",
            "1",
            "-1",
            "01",
            "1.",
            ".5",
            "1.0",
            "1.5",
            "-1.5e3",
            "1e2",
            "1E+2",
            "1e-2",
            "1e",
            "1e+",
            "+1",
            "0x1",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "18446744073709551616",
            "1e308",
            "1e309",
            "-1e309",
            "NaN",
            "Infinity",
            "true",
            "false",
            "null",
            "True",
            "tru",
            "nul",
            "truex",
            "\"\"",
            "\"a\"",
            "\"a",
            "a\"",
            "\"\\\"",
            "\"\\\\\"",
            "\"\\/\\b\\f\\n\\r\\t\"",
            "\"\\x\"",
            "\"\\u0041\"",
            "\"\\u00fC\"",
            "\"\\u004\"",
            "\"\\u00g0\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "\"\\ud83d\\u0041\"",
            "\"\\ud83dx\"",
            "\"\\udbff\\udfff\"",
            "\"\\ud800\\udc00\"",
            "\"\\ud800\\ue000\"",
            "\"tab\there\"",
            "\"\u{7f}\u{80}ü€😀\"",
            "\"ü\\u00fc\\nü\"",
            " 1 ",
            "\u{a0}1",
            "\u{c}1",
            "1 2",
            "",
            " ",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[",
            "]",
            "[]",
            "[ ]",
            "[1 , 2]",
            "{",
            "{}",
            "{ }",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{a:1}",
            "{\"a\":1 \"b\":2}",
            "{\"a\" : 1 , \"b\" : [ ] }",
            "{\"a\":1}}",
            "[}",
            "{]",
        ] {
            let naive = serde_json::from_str::<serde_json::Value>(text);
            match (document(text), naive) {
                (Ok(nodes), Ok(naive)) => same(&nodes[0].value, &naive, text),
                (Err(JsonError::Syntax), Err(_)) => {}
                (ours, theirs) => panic!("{text}: {:?}, but {theirs:?}", ours.map(|nodes| nodes.len())),
            }
        }
    }

    fn same(ours: &Value<'_>, theirs: &serde_json::Value, text: &str) {
        use serde_json::Value as Naive;
        let same = match (ours, theirs) {
            (Value::Null, Naive::Null) | (Value::Array(_), Naive::Array(_)) | (Value::Object(_), Naive::Object(_)) => true,
            (Value::Bool(ours), Naive::Bool(theirs)) => ours == theirs,
            (Value::Integer(ours), Naive::Number(theirs)) if text.trim() == "-0" => *ours == 0 && theirs.as_f64() == Some(-0.0),
            (Value::Integer(ours), Naive::Number(theirs)) => Some(*ours) == theirs.as_i64(),
            (Value::Float(ours), Naive::Number(theirs)) => theirs.as_i64().is_none() && Some(*ours) == theirs.as_f64(),
            (Value::String(ours), Naive::String(theirs)) => ours == theirs,
            _ => false,
        };
        assert!(same, "{text}");
    }
}
