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
mod tests {
    use super::duplicates::LINEAR_SCAN_MAX;
    use super::*;

    fn error(text: &[u8]) -> JsonError {
        JsonObject::parse(text).unwrap_err()
    }

    /// Rules 29, 30, 41, 59.
    ///
    /// UTF-8, one object, no duplicate member at any depth, limited.
    #[test]
    fn json_is_one_bounded_object_without_duplicates() {
        for text in [
            &b""[..],
            b"{",
            b"{}x",
            b"{} {}",
            b"{'a':1}",
            b"{\"a\":01}",
            b"{\"a\":1e999}",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\\ud800\"}",
        ] {
            assert_eq!(
                error(text),
                JsonError::Syntax,
                "{}",
                String::from_utf8_lossy(text)
            );
        }
        for text in [&b"[]"[..], b"1", b"\"a\"", b"null"] {
            assert_eq!(
                error(text),
                JsonError::NotAnObject,
                "{}",
                String::from_utf8_lossy(text)
            );
        }
        assert_eq!(error(b"{\"a\":\"\xff\"}"), JsonError::NotUtf8);
        assert_eq!(error(br#"{"a":1,"b":2,"a":1}"#), JsonError::DuplicateMember);
        assert_eq!(error(br#"{"a":1,"\u0061":1}"#), JsonError::DuplicateMember);
        assert_eq!(
            error(br#"{"o":{"a":[{"x":1,"x":2}]}}"#),
            JsonError::DuplicateMember
        );
        let names: Vec<String> = (0..100).map(|number| format!("\"m{number}\":0")).collect();
        let many = |last: usize| format!("{{{},\"m{last}\":0}}", names.join(","));
        assert!(JsonObject::parse(many(100).as_bytes()).is_ok());
        assert_eq!(error(many(99).as_bytes()), JsonError::DuplicateMember);
        assert_eq!(error(many(3).as_bytes()), JsonError::DuplicateMember);
        assert!(JsonObject::parse(br#"{"a":{"x":1},"b":{"x":1},"x":[{"x":1},{"x":1}]}"#).is_ok());
        let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert!(JsonObject::parse(nested(8).as_bytes()).is_ok());
        assert_eq!(error(nested(9).as_bytes()), JsonError::TooDeep);
        assert_eq!(error(nested(5000).as_bytes()), JsonError::TooDeep);
        let lists =
            |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(JsonObject::parse(lists(7).as_bytes()).is_ok());
        assert_eq!(
            error(lists(8).as_bytes()),
            JsonError::TooDeep,
            "arrays are levels too"
        );
        let wide = |items: usize| format!("{{\"a\":[{}1]}}", "1,".repeat(items - 1));
        assert!(JsonObject::parse(wide(1022).as_bytes()).is_ok());
        assert_eq!(error(wide(1023).as_bytes()), JsonError::TooLarge);
    }

    /// Rules 30, 41.
    ///
    /// Sizes below and above the limit at which names are compared in another way.
    #[test]
    fn duplicate_members_are_found_in_any_object_size() {
        for count in 1..=LINEAR_SCAN_MAX + 2 {
            let names: Vec<String> = (0..count)
                .map(|number| format!("\"m{number}\":0"))
                .collect();
            for again in [0, count - 1] {
                let text = format!("{{{},\"m{again}\":0}}", names.join(","));
                assert_eq!(error(text.as_bytes()), JsonError::DuplicateMember, "{text}");
            }
            // The name of the outer object's member does not conflict with those inside.
            let text = format!("{{\"m{}\":{{{}}}}}", count - 1, names.join(","));
            assert!(JsonObject::parse(text.as_bytes()).is_ok(), "{text}");
        }
    }

    /// Rules 30, 41.
    ///
    /// Names with equal fingerprints, and members with large node numbers, are still found and
    /// distinguished.
    #[test]
    fn similar_member_names_are_distinguished() {
        let names: Vec<String> = ('a'..='z').map(|middle| format!("x{middle}y")).collect();
        for distance in [0, 1, 252, 253, 254, 255, 256, 300] {
            let members = |names: &[String]| {
                let members = names
                    .iter()
                    .enumerate()
                    .map(|(number, name)| format!("\"{name}\":{number}"));
                members.collect::<Vec<_>>().join(",")
            };
            let text = format!(
                "{{\"list\":[{}0],{}}}",
                "0,".repeat(distance),
                members(&names)
            );
            let json = JsonObject::parse(text.as_bytes()).unwrap();
            for (number, name) in names.iter().enumerate() {
                assert_eq!(
                    json.get(name),
                    i64::try_from(number).ok().map(JsonValue::Integer),
                    "{name} behind {distance}"
                );
            }
            assert_eq!(
                (json.get("x!y"), json.get("xay "), json.get("")),
                (None, None, None)
            );
            for name in &names {
                let text = format!("{},\"{name}\":0}}", text.trim_end_matches('}'));
                assert_eq!(
                    error(text.as_bytes()),
                    JsonError::DuplicateMember,
                    "{name} behind {distance}"
                );
                let escaped = format!("\\u0078{}", &name[1..]);
                let text = text.replace(&format!("\"{name}\":0}}"), &format!("\"{escaped}\":0}}"));
                assert_eq!(
                    error(text.as_bytes()),
                    JsonError::DuplicateMember,
                    "{escaped} behind {distance}"
                );
            }
        }
    }

    /// A nested member is not a member of the object, even if it has the same name.
    #[test]
    fn nested_members_are_not_members_of_the_object() {
        let json =
            JsonObject::parse(br#"{"a":{"exp":1,"b":[{"iss":2}]},"aud":3,"c":{"aud":4}}"#).unwrap();
        assert_eq!(
            (json.get("exp"), json.get("iss"), json.get("b")),
            (None, None, None)
        );
        assert_eq!(
            (json.get("aud"), json.pointer("/c/aud")),
            (Some(JsonValue::Integer(3)), Some(JsonValue::Integer(4)))
        );
        assert_eq!(json.pointer("/a/exp"), Some(JsonValue::Integer(1)));
        assert_eq!(json.pointer("/a/aud"), None);
    }

    #[test]
    fn values_are_found_by_name_and_pointer() {
        let json = JsonObject::parse(br#"{"n":-5,"big":18446744073709551615,"f":1.5,"a":["x",["y"],"z"],"o":{"p/q":{"~":"deep"}},"s":"a\nb","t":true,"z":null}"#).unwrap();
        assert_eq!(json.get("n"), Some(JsonValue::Integer(-5)));
        assert!(matches!(json.get("big"), Some(JsonValue::Float(_))));
        assert_eq!(json.get("f"), Some(JsonValue::Float(1.5)));
        assert_eq!(json.get("s"), Some(JsonValue::String("a\nb")));
        assert_eq!(json.pointer("/o/p~1q/~0"), Some(JsonValue::String("deep")));
        assert_eq!(json.pointer("/o/nothing"), None);
        assert_eq!(json.pointer("/a/1/0"), Some(JsonValue::String("y")));
        assert_eq!(json.pointer("o"), None);
        let Some(JsonValue::Array(inside)) = json.get("a") else {
            panic!("an array")
        };
        assert_eq!(json.items(inside).count(), 3);
        assert_eq!(json.members().count(), 8);
    }

    /// Some parsers represent large numbers as an object. Here it stays an ordinary object,
    /// regardless of the features that other crates enable.
    #[test]
    fn object_in_place_of_a_number_stays_an_object() {
        for digits in ["17", "1.5", "x", "NaN"] {
            let text = format!(r#"{{"exp":{{"$serde_json::private::Number":"{digits}"}}}}"#);
            assert!(
                matches!(
                    JsonObject::parse(text.as_bytes()).unwrap().get("exp"),
                    Some(JsonValue::Object(_))
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn debug_output_contains_no_value() {
        let json = JsonObject::parse(br#"{"secret":"hush"}"#).unwrap();
        assert!(!format!("{json:?} {:?}", json.get("secret")).contains("hush"));
    }
}
