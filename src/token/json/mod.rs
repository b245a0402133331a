//! A strict parser for one JSON object, in one pass and without copies (RFC 8259, RFC 7519 §4).

mod cursor;
mod duplicates;
mod error;
mod index;
mod number;
mod parser;
mod pointer;
mod strings;

use std::fmt;

pub use error::JsonError;
use index::{Index, IndexEntry, NameFingerprint};
pub(crate) use pointer::unescape;
use strings::{Name, Span, StringTable};

/// A JSON object as a flat list of values in document order, borrowed from the document.
///
/// If a parser accepts duplicate members, another parser may use the other value. So this one
/// rejects duplicates at any depth. Depth and number of values are limited.
///
/// ```
/// use tower_m2m::token::{JsonObject, JsonValue};
///
/// # fn main() -> Result<(), tower_m2m::token::JsonError> {
/// let json = JsonObject::parse(br#"{"application_properties":{"region":{"v":"eu"}}}"#)?;
/// assert!(matches!(json.pointer("/application_properties/region/v"), Some(JsonValue::String(text)) if text == "eu"));
/// assert!(JsonObject::parse(br#"{"a":1,"a":2}"#).is_err());
/// # Ok(())
/// # }
/// ```
pub struct JsonObject<'a> {
    strings: StringTable<'a>,
    /// The index of the object's members.
    index: Index,
    nodes: Vec<Node>,
}

/// Nodes are small, because each request with a new token writes and reads them, and the allocator
/// is slower for more than a thousand bytes.
struct Node {
    /// The member's name inside an object, the empty name inside an array.
    key: Name,
    value: NodeValue,
    /// The index after the last value inside this one.
    end: u32,
}

/// The type of a value, with its content only if that is small.
#[derive(Clone, Copy)]
enum NodeValue {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    String(Span),
    Array,
    Object,
}

/// One JSON value.
#[derive(Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum JsonValue<'j> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer within the range of `i64`.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string with resolved escapes.
    String(&'j str),
    /// An array. [`JsonObject::items`] returns its values.
    Array(JsonChildren),
    /// An object. [`JsonObject::pointer`] returns its members.
    Object(JsonChildren),
}

/// The position of the values inside an array or object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct JsonChildren {
    start: u32,
    end: u32,
}

impl JsonObject<'_> {
    /// Returns the members of the object, in document order.
    pub fn members(&self) -> impl Iterator<Item = (&str, JsonValue<'_>)> {
        self.members_of(self.root_children())
    }

    /// Returns the member with this name, or `None` if there is none.
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<JsonValue<'_>> {
        let print = NameFingerprint::new(name);
        match self.index.find(print) {
            IndexEntry::Absent => None,
            entry => self.get_slow(entry, print, name),
        }
    }

    fn get_slow(
        &self,
        entry: IndexEntry,
        print: NameFingerprint,
        name: &str,
    ) -> Option<JsonValue<'_>> {
        if let IndexEntry::Candidate(at) = entry
            && let Some(node) = self.nodes.get(at as usize)
            && self.strings.is(node.key, print, name)
        {
            return Some(self.value(at, node));
        }
        self.member(self.root_children(), print, name)
    }

    /// Returns the members of an object inside of the document, in the order of the text.
    pub(crate) fn members_of(
        &self,
        inside: JsonChildren,
    ) -> impl Iterator<Item = (&str, JsonValue<'_>)> {
        self.children(inside)
            .map(|(at, node)| (self.strings.get_name(node.key), self.value(at, node)))
    }

    /// Returns the values of an array in this object, or the values of an object's members.
    pub fn items(&self, inside: JsonChildren) -> impl Iterator<Item = JsonValue<'_>> {
        self.children(inside).map(|(at, node)| self.value(at, node))
    }

    fn member(
        &self,
        inside: JsonChildren,
        print: NameFingerprint,
        name: &str,
    ) -> Option<JsonValue<'_>> {
        let (at, node) = self
            .children(inside)
            .find(|(_, node)| self.strings.is(node.key, print, name))?;
        Some(self.value(at, node))
    }

    fn value(&self, at: u32, node: &Node) -> JsonValue<'_> {
        let inside = JsonChildren {
            start: at + 1,
            end: node.end,
        };
        match node.value {
            NodeValue::Null => JsonValue::Null,
            NodeValue::Bool(bool) => JsonValue::Bool(bool),
            NodeValue::Integer(integer) => JsonValue::Integer(integer),
            NodeValue::Float(float) => JsonValue::Float(float),
            NodeValue::String(span) => JsonValue::String(self.strings.get(span)),
            NodeValue::Array => JsonValue::Array(inside),
            NodeValue::Object => JsonValue::Object(inside),
        }
    }

    fn root_children(&self) -> JsonChildren {
        JsonChildren {
            start: 1,
            end: self.nodes.first().map_or(1, |object| object.end),
        }
    }

    fn children(&self, inside: JsonChildren) -> impl Iterator<Item = (u32, &Node)> {
        siblings(
            self.nodes.get(..inside.end as usize).unwrap_or_default(),
            inside.start,
        )
    }
}

#[cfg(feature = "dpop")]
impl<'a> JsonObject<'a> {
    /// Reads one JSON object as [`parse_bounded`](Self::parse_bounded), in the memory of an object
    /// that is not needed any more.
    pub(crate) fn parse_reusing(
        text: &'a [u8],
        max_values: u32,
        earlier: JsonObject<'_>,
    ) -> Result<Self, JsonError> {
        let mut nodes = earlier.nodes;
        nodes.clear();
        Self::parse_into(text, max_values, nodes)
    }
}

/// Returns the sibling nodes from this one on, with their positions.
fn siblings(nodes: &[Node], first: u32) -> impl Iterator<Item = (u32, &Node)> {
    let mut next = first;
    std::iter::from_fn(move || {
        let (at, node) = (next, nodes.get(next as usize)?);
        next = node.end;
        Some((at, node))
    })
}

impl fmt::Debug for JsonObject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonObject")
            .field("values", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

/// 9999-12-31T23:59:59Z. A later time is in milliseconds by mistake, and such a token would never
/// expire.
const MAX_NUMERIC_DATE: i64 = 253_402_300_799;

impl JsonValue<'_> {
    /// Reads a `NumericDate` (RFC 7519 §2): seconds, without their fraction. Returns `None` if the
    /// value is malformed.
    #[inline]
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "within the range that was just checked"
    )]
    pub(crate) fn numeric_date(self) -> Option<i64> {
        match self {
            Self::Integer(seconds) => (0..=MAX_NUMERIC_DATE).contains(&seconds).then_some(seconds),
            Self::Float(seconds) => (0.0..=MAX_NUMERIC_DATE as f64)
                .contains(&seconds)
                .then_some(seconds as i64),
            _ => None,
        }
    }
}

impl fmt::Debug for JsonValue<'_> {
    // Logs must not contain claims: show the type, not the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Integer(_) | Self::Float(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        })
    }
}

impl fmt::Debug for JsonChildren {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonChildren").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
