//! Subject identifiers (RFC 9493), and the complex subjects of SSF.

use super::error::EventError;
use crate::token::{JsonChildren, JsonObject, JsonValue};

/// The principal that an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    IssSub {
        iss: Box<str>,
        sub: Box<str>,
    },
    JwtId {
        iss: Box<str>,
        jti: Box<str>,
    },
    Opaque {
        id: Box<str>,
    },
    /// The members describe one principal together.
    Complex(Vec<(Box<str>, Subject)>),
    /// Another format.
    Other,
}

impl Subject {
    /// Returns the subject of an event: `sub_id` of the SET, or `subject` of the event as earlier
    /// drafts and Google have it. Both may be present if they are equal.
    pub(super) fn of_event(
        json: &JsonObject<'_>,
        event: JsonChildren,
    ) -> Result<Option<Self>, EventError> {
        let own = member(json, event, "subject");
        let own = own.map(|value| Self::parse(json, value)).transpose()?;
        let claim = json.get("sub_id");
        let claim = claim.map(|value| Self::parse(json, value)).transpose()?;
        match (claim, own) {
            (Some(claim), Some(own)) if claim != own => Err(EventError::InvalidSubject),
            (claim, own) => Ok(claim.or(own)),
        }
    }

    fn parse(json: &JsonObject<'_>, value: JsonValue<'_>) -> Result<Self, EventError> {
        let JsonValue::Object(members) = value else {
            return Err(EventError::InvalidSubject);
        };
        match format_of(json, members)?.as_deref() {
            Some("complex") => Self::parse_complex(json, members),
            format => Self::parse_simple(json, members, format),
        }
    }

    fn parse_simple(
        json: &JsonObject<'_>,
        members: JsonChildren,
        format: Option<&str>,
    ) -> Result<Self, EventError> {
        let text = |name| string_member(json, members, name).ok_or(EventError::InvalidSubject);
        Ok(match format {
            Some("iss_sub") => Self::IssSub {
                iss: text("iss")?,
                sub: text("sub")?,
            },
            Some("jwt_id") => Self::JwtId {
                iss: text("iss")?,
                jti: text("jti")?,
            },
            Some("opaque") => Self::Opaque { id: text("id")? },
            Some(_) => Self::Other,
            None => return Err(EventError::InvalidSubject),
        })
    }

    /// Each member of a complex subject is a simple one (SSF §3).
    fn parse_complex(json: &JsonObject<'_>, members: JsonChildren) -> Result<Self, EventError> {
        let mut subjects = Vec::new();
        for (name, value) in json.members_of(members) {
            if matches!(name, "format" | "subject_type") {
                continue;
            }
            let JsonValue::Object(inner) = value else {
                return Err(EventError::InvalidSubject);
            };
            let format = format_of(json, inner)?;
            let subject = Self::parse_simple(json, inner, format.as_deref())?;
            subjects.push((name.into(), subject));
        }
        if subjects.is_empty() {
            return Err(EventError::InvalidSubject);
        }
        Ok(Self::Complex(subjects))
    }
}

/// Returns the format. Google writes `subject_type`, and `iss-sub` in place of `iss_sub`.
fn format_of(json: &JsonObject<'_>, members: JsonChildren) -> Result<Option<String>, EventError> {
    let read = |name| {
        let format = optional_string(member(json, members, name), EventError::InvalidSubject);
        format.map(|format| format.map(|format| format.replace('-', "_")))
    };
    match (read("format")?, read("subject_type")?) {
        (Some(format), Some(other)) if format != other => Err(EventError::InvalidSubject),
        (format, other) => Ok(format.or(other)),
    }
}

/// Returns a string in an object inside of the document.
pub(super) fn string_member(
    json: &JsonObject<'_>,
    members: JsonChildren,
    name: &str,
) -> Option<Box<str>> {
    match member(json, members, name)? {
        JsonValue::String(value) => Some(value.into()),
        _ => None,
    }
}

/// Reads a string that may be absent. Any other value is malformed, also `null`.
pub(super) fn optional_string(
    value: Option<JsonValue<'_>>,
    malformed: EventError,
) -> Result<Option<&str>, EventError> {
    match value {
        None => Ok(None),
        Some(JsonValue::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed),
    }
}

/// Returns a member of an object inside of the document.
pub(super) fn member<'j>(
    json: &'j JsonObject<'_>,
    members: JsonChildren,
    name: &str,
) -> Option<JsonValue<'j>> {
    let mut members = json.members_of(members);
    members
        .find(|(member, _)| *member == name)
        .map(|(_, value)| value)
}
