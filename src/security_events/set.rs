//! The claims of a Security Event Token (RFC 8417, SSF 1.0).

use super::error::EventError;
use super::event::{ChangeType, EventKind, SecurityEvent};
use super::subject::{Subject, member, optional_string};
use crate::token::{JoseHeader, JsonChildren, JsonObject, JsonValue, TokenType, is_identifier};

/// The expectations about the SETs of one transmitter.
#[derive(Debug)]
pub(super) struct SetRules {
    pub(super) issuer: Box<str>,
    pub(super) audience: Box<str>,
    /// How long a SET is accepted after it was issued, in seconds.
    pub(super) window: i64,
}

/// How far in the future an event may be dated, in seconds.
pub(super) const FUTURE_LEEWAY: i64 = 5 * 60;

impl SetRules {
    /// Checks everything but the signature.
    pub(super) fn read(
        &self,
        header: &JoseHeader<'_>,
        json: &JsonObject<'_>,
        now: i64,
    ) -> Result<SecurityEvent, EventError> {
        if header.token_type() != TokenType::SecurityEvent {
            return Err(EventError::InvalidType);
        }
        match json.get("iss") {
            Some(JsonValue::String(iss)) if *iss == *self.issuer => {}
            _ => return Err(EventError::InvalidIssuer),
        }
        self.check_audience(json)?;
        for name in ["sub", "exp"] {
            if json.get(name).is_some() {
                return Err(EventError::UnexpectedClaim(name));
            }
        }
        let jti = match json.get("jti") {
            None => return Err(EventError::MissingClaim("jti")),
            Some(JsonValue::String(jti)) if is_identifier(jti) => jti,
            Some(_) => return Err(EventError::MalformedClaim("jti")),
        };
        let issued_at = seconds(json.get("iat"), "iat")?.ok_or(EventError::MissingClaim("iat"))?;
        check_window(issued_at, now, self.window)?;
        let occurred_at = seconds(json.get("toe"), "toe")?;
        let (kind, time) = read_event(json)?;
        let time = time.or(occurred_at).unwrap_or(issued_at);
        if time > now.saturating_add(FUTURE_LEEWAY) {
            return Err(EventError::InFuture);
        }
        Ok(SecurityEvent {
            id: jti.into(),
            issued_at,
            time,
            kind,
        })
    }

    /// The receiver must be named, also if it is one of several (RFC 8417 §2.2).
    fn check_audience(&self, json: &JsonObject<'_>) -> Result<(), EventError> {
        let is_named = match json.get("aud") {
            Some(JsonValue::String(audience)) => *audience == *self.audience,
            Some(JsonValue::Array(list)) => json.items(list).any(
                |audience| matches!(audience, JsonValue::String(name) if *name == *self.audience),
            ),
            _ => false,
        };
        if is_named {
            Ok(())
        } else {
            Err(EventError::InvalidAudience)
        }
    }
}

/// Checks when an event was issued.
pub(super) fn check_window(issued_at: i64, now: i64, window: i64) -> Result<(), EventError> {
    if issued_at > now.saturating_add(FUTURE_LEEWAY) {
        return Err(EventError::InFuture);
    }
    if issued_at < now.saturating_sub(window) {
        return Err(EventError::TooOld);
    }
    Ok(())
}

/// Reads the only event, and its `event_timestamp`.
fn read_event(json: &JsonObject<'_>) -> Result<(EventKind, Option<i64>), EventError> {
    let events = match json.get("events") {
        None => return Err(EventError::MissingClaim("events")),
        Some(JsonValue::Object(events)) => events,
        Some(_) => return Err(EventError::MalformedClaim("events")),
    };
    let mut members = json.members_of(events);
    let (Some((uri, payload)), None) = (members.next(), members.next()) else {
        return Err(EventError::NotOneEvent);
    };
    let JsonValue::Object(payload) = payload else {
        return Err(EventError::MalformedClaim("events"));
    };
    let time = seconds(member(json, payload, "event_timestamp"), "event_timestamp")?;
    Ok((read_kind(json, uri, payload)?, time))
}

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";

fn read_kind(
    json: &JsonObject<'_>,
    uri: &str,
    payload: JsonChildren,
) -> Result<EventKind, EventError> {
    let text = |name| {
        let value = member(json, payload, name);
        optional_string(value, EventError::MalformedClaim(name))
    };
    let subject = || {
        let subject = Subject::of_event(json, payload)?;
        subject.ok_or(EventError::InvalidSubject)
    };
    if let Some(name) = uri.strip_prefix(CAEP) {
        return Ok(match name {
            "session-revoked" => EventKind::SessionRevoked(subject()?),
            "token-claims-change" => EventKind::TokenClaimsChange(subject()?),
            "assurance-level-change" => EventKind::AssuranceLevelChange(subject()?),
            "credential-change" => {
                let change = text("change_type")?.ok_or(EventError::MissingClaim("change_type"))?;
                EventKind::CredentialChange(ChangeType::from_name(change), subject()?)
            }
            _ => EventKind::Unknown,
        });
    }
    if let Some(name) = uri.strip_prefix(RISC) {
        return Ok(match name {
            "account-disabled" => EventKind::AccountDisabled(subject()?),
            "account-purged" => EventKind::AccountPurged(subject()?),
            "account-enabled" => EventKind::AccountEnabled(subject()?),
            _ => EventKind::Unknown,
        });
    }
    Ok(match uri.strip_prefix(SSF) {
        Some("verification") => EventKind::Verification {
            state: text("state")?.map(Into::into),
        },
        Some("stream-updated") => EventKind::StreamUpdated {
            status: text("status")?.map(Into::into),
        },
        _ => EventKind::Unknown,
    })
}

/// Reads a `NumericDate`. `null` is malformed.
fn seconds(value: Option<JsonValue<'_>>, name: &'static str) -> Result<Option<i64>, EventError> {
    let read = |value: JsonValue<'_>| value.numeric_date().ok_or(EventError::MalformedClaim(name));
    value.map(read).transpose()
}
