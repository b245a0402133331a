//! JSON Pointers (RFC 6901): the way to a value inside of a document.

use std::borrow::Cow;

use super::index::NameFingerprint;
use super::{JsonChildren, JsonObject, JsonValue};

impl JsonObject<'_> {
    /// Returns the value at a JSON Pointer (RFC 6901), which leads through objects and arrays.
    ///
    /// The index of an array is `0` or digits without a leading zero. `-`, the element after the
    /// last one, never exists. The pointer to the whole document, `""`, is not supported.
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
#[cfg(tower_m2m_unit_tests)]
mod tests;
