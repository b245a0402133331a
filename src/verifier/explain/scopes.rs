//! The entries of a scope claim that cannot be scopes, without their values.

use super::values::type_name;
use crate::token::{JsonObject, JsonValue};
use crate::verifier::validated::scope_entry;

/// Lists the entries of an array that cannot be scopes, by their positions and never by their
/// values.
pub(super) fn ignored_entries(json: &JsonObject<'_>, value: Option<JsonValue<'_>>) -> String {
    const SHOWN: usize = 8;
    let Some(JsonValue::Array(list)) = value else {
        return String::new();
    };
    let ignored: Vec<String> = json
        .items(list)
        .enumerate()
        .filter(|(_, entry)| scope_entry(*entry).is_none())
        .map(|(at, entry)| format!("{at} ({})", why_ignored(entry)))
        .collect();
    match ignored.len() {
        0 => String::new(),
        count if count > SHOWN => format!(
            ", ignored because they are not scopes: {}, and {} more",
            ignored.get(..SHOWN).unwrap_or_default().join(", "),
            count - SHOWN
        ),
        _ => format!(
            ", ignored because they are not scopes: {}",
            ignored.join(", ")
        ),
    }
}

fn why_ignored(entry: JsonValue<'_>) -> &'static str {
    match entry {
        JsonValue::String("") => "empty",
        JsonValue::String(name) if name.contains(' ') => "has a space",
        JsonValue::String(_) => "has a character that no scope has",
        other => type_name(Some(other)),
    }
}
