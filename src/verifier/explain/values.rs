//! The description of a claim: its type and length, or its value for the person who holds the
//! token.

use std::fmt::Write as _;

use crate::token::{JsonObject, JsonValue};

/// The setting whether an explanation contains the audience, the issuer, the scopes, the
/// organization and the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    Hidden,
    Shown,
}

/// The longest part of a value that is shown, in characters.
const SHOWN_MAX: usize = 256;

/// The number of items of an array that are shown.
const ITEMS_MAX: usize = 16;

/// Describes the value at the pointer, or the value at which the pointer ends early.
pub(super) fn found_at_pointer(json: &JsonObject<'_>, pointer: &str, values: Values) -> String {
    let found = json.pointer(pointer);
    let mut parents =
        std::iter::successors(parent_pointer(pointer), |pointer| parent_pointer(pointer));
    let nearest = parents.find_map(|parent| Some((parent, json.pointer(parent)?)));
    match (found, nearest) {
        (None, Some((parent, value))) if !matches!(value, JsonValue::Object(_)) => format!(
            "{parent} is {}, so it has no {pointer}",
            describe(json, Some(value))
        ),
        (found, _) => format!("{pointer} is {}", shown(json, found, values)),
    }
}

/// Returns the value if values are shown, and otherwise its type and length.
pub(super) fn shown(json: &JsonObject<'_>, value: Option<JsonValue<'_>>, values: Values) -> String {
    let quoted = |text: &str| {
        let escaped: String = text.escape_debug().take(SHOWN_MAX).collect();
        format!("\"{escaped}\"")
    };
    match (values, value) {
        (Values::Shown, Some(JsonValue::String(text))) => quoted(text),
        (Values::Shown, Some(JsonValue::Array(list))) => {
            let items = json.items(list).take(ITEMS_MAX).map(|item| match item {
                JsonValue::String(text) => quoted(text),
                other => type_name(Some(other)).to_owned(),
            });
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        (_, value) => describe(json, value),
    }
}

/// Returns the type and length of a value, and never the value.
pub(super) fn describe(json: &JsonObject<'_>, value: Option<JsonValue<'_>>) -> String {
    let mut text = String::new();
    let _ = match value {
        Some(JsonValue::String(value)) => {
            write!(text, "a string of length {}", value.chars().count())
        }
        Some(JsonValue::Array(list)) => {
            write!(text, "an array of length {}", json.items(list).count())
        }
        other => write!(text, "{}", type_name(other)),
    };
    text
}

pub(in crate::verifier) fn type_name(value: Option<JsonValue<'_>>) -> &'static str {
    match value {
        None => "absent",
        Some(JsonValue::Null) => "null",
        Some(JsonValue::Bool(_)) => "a boolean",
        Some(JsonValue::Integer(_) | JsonValue::Float(_)) => "a number",
        Some(JsonValue::String(_)) => "a string",
        Some(JsonValue::Array(_)) => "an array",
        Some(JsonValue::Object(_)) => "an object",
    }
}

/// Returns the pointer to the parent of a value, or `None` for a member of the document.
fn parent_pointer(pointer: &str) -> Option<&str> {
    let (parent, _) = pointer.rsplit_once('/')?;
    Some(parent).filter(|parent| !parent.is_empty())
}
