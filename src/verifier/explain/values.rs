//! What a claim is: its type and length, or its value for the person who holds the token.

use std::fmt::Write as _;

use crate::token::{JsonObject, JsonValue};

/// Whether the values of the audience, the issuer, the scopes and the organization are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    Hidden,
    Shown,
}

/// The longest part of a value that is shown.
const SHOWN_MAX: usize = 256;

/// How many items of an array are shown.
const ITEMS_MAX: usize = 16;

/// What stands at the pointer, or the value that ends it.
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

/// The value, if values are shown, otherwise its type and length.
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

/// The type of a value and how long it is, never the value.
pub(super) fn describe(json: &JsonObject<'_>, value: Option<JsonValue<'_>>) -> String {
    let mut text = String::new();
    let _ = match value {
        Some(JsonValue::String(value)) => write!(text, "a text of {}", value.chars().count()),
        Some(JsonValue::Array(list)) => write!(text, "a list of {}", json.items(list).count()),
        other => write!(text, "{}", type_name(other)),
    };
    text
}

pub(super) fn type_name(value: Option<JsonValue<'_>>) -> &'static str {
    match value {
        None => "absent",
        Some(JsonValue::Null) => "null",
        Some(JsonValue::Bool(_)) => "a boolean",
        Some(JsonValue::Integer(_) | JsonValue::Float(_)) => "a number",
        Some(JsonValue::String(_)) => "a text",
        Some(JsonValue::Array(_)) => "a list",
        Some(JsonValue::Object(_)) => "an object",
    }
}

/// The pointer to what contains the value of a pointer, or `None` above the whole document.
fn parent_pointer(pointer: &str) -> Option<&str> {
    let (parent, _) = pointer.rsplit_once('/')?;
    Some(parent).filter(|parent| !parent.is_empty())
}
