//! JSON Pointers (RFC 6901): the way to a value inside of a document.

use std::borrow::Cow;

use super::index::NameFingerprint;
use super::{JsonChildren, JsonObject, JsonValue};

impl JsonObject<'_> {
    /// Returns the value at a JSON Pointer (RFC 6901), which leads through objects and arrays.
    ///
    /// The index of an array is `0` or digits without a leading zero. `-`, the element after the last one, never exists. The
    /// pointer to the whole document, `""`, is not supported.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<JsonValue<'_>> {
        let steps = pointer.strip_prefix('/')?;
        // Nearly every pointer is one plain step.
        if !steps.bytes().any(|byte| matches!(byte, b'/' | b'~')) {
            return self.get(steps);
        }
        let root = JsonValue::Object(self.root_children());
        steps
            .split('/')
            .try_fold(root, |value, step| self.child(value, step))
    }

    /// Returns the value that one step of a pointer leads to.
    fn child(&self, value: JsonValue<'_>, step: &str) -> Option<JsonValue<'_>> {
        match value {
            JsonValue::Object(inside) => self.member_of(inside, &unescape(step)?),
            JsonValue::Array(inside) => self.items(inside).nth(array_index(step)?),
            _ => None,
        }
    }

    /// Returns the member of an object inside of the document.
    pub(crate) fn member_of(&self, inside: JsonChildren, name: &str) -> Option<JsonValue<'_>> {
        self.member(inside, NameFingerprint::new(name), name)
    }
}

/// Returns the name that a reference token means (RFC 6901 §4): `~1` is `/`, and `~0` is `~`.
pub(crate) fn unescape(step: &str) -> Option<Cow<'_, str>> {
    if !step.contains('~') {
        return Some(Cow::Borrowed(step));
    }
    let mut name = String::with_capacity(step.len());
    let mut rest = step.split('~');
    name.push_str(rest.next()?);
    for part in rest {
        // Each tilde is followed by its digit.
        let (escaped, plain) = part.split_at_checked(1)?;
        name.push(match escaped {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        name.push_str(plain);
    }
    Some(Cow::Owned(name))
}

/// Returns the index of an array's element: `0`, or digits without a leading zero (RFC 6901 §4).
fn array_index(step: &str) -> Option<usize> {
    let digits = step.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (step == "0" || !step.starts_with('0'));
    canonical.then(|| step.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6901 §5, but for the whole document and the member with an empty name in its own row.
    #[test]
    fn rfc6901_5_pointers() {
        let json = JsonObject::parse(
            br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"~1":9,"o":{"":10}}"#,
        )
        .unwrap();
        for (pointer, expected) in [
            ("/", 0),
            ("/a~1b", 1),
            ("/c%d", 2),
            ("/e^f", 3),
            ("/g|h", 4),
            ("/i\\j", 5),
            ("/k\"l", 6),
            ("/ ", 7),
            ("/m~0n", 8),
            ("/~01", 9),
            ("/o/", 10),
        ] {
            assert_eq!(
                json.pointer(pointer),
                Some(JsonValue::Integer(expected)),
                "{pointer}"
            );
        }
        assert_eq!(json.pointer("/foo/0"), Some(JsonValue::String("bar")));
        assert!(matches!(json.pointer("/foo"), Some(JsonValue::Array(_))));
        for pointer in [
            "", "foo", "/a/b", "/~1", "/m~n", "/m~", "/~2", "/foo/bar", "/o/x", "/a~1b/0",
        ] {
            assert_eq!(json.pointer(pointer), None, "{pointer}");
        }
    }

    #[test]
    fn array_index_has_one_form() {
        let json = JsonObject::parse(br#"{"a":[[10,11],{"0":12,"-":13}],"0":14}"#).unwrap();
        for (pointer, expected) in [("/a/0/1", 11), ("/a/1/0", 12), ("/a/1/-", 13), ("/0", 14)] {
            assert_eq!(
                json.pointer(pointer),
                Some(JsonValue::Integer(expected)),
                "{pointer}"
            );
        }
        for step in [
            "-",
            "-0",
            "-1",
            "+0",
            "00",
            "01",
            "0x0",
            " 0",
            "0 ",
            "",
            "2",
            "4294967296",
            "18446744073709551616",
            "99999999999999999999999999",
            "1e0",
            "0.0",
            "\u{0660}",
            "~0",
            "~1",
        ] {
            assert_eq!(json.pointer(&format!("/a/{step}")), None, "{step:?}");
            assert_eq!(json.pointer(&format!("/a/0/{step}")), None, "{step:?}");
        }
    }
}
