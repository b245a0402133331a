//! Kinde's webhooks: JWTs of the issuer's own key, without `iss`, `aud` and `exp`.

use super::error::EventError;
use super::set::check_window;
use super::subject::{member, optional_string, string_member};
use super::timestamp::parse_timestamp;
use crate::token::{
    Algorithm, JoseHeader, JsonChildren, JsonObject, JsonValue, TokenType, is_identifier,
};

/// How long a webhook is accepted after it was sent, in seconds: 40 h, because Kinde tries again
/// for 36 h.
pub(super) const WINDOW: i64 = 40 * 60 * 60;

/// A webhook with valid claims.
#[derive(Debug)]
pub(super) struct Webhook {
    /// `event_id`, which is signed. The header `webhook-id` is not.
    pub(super) id: Box<str>,
    /// `timestamp`, in seconds.
    pub(super) sent_at: i64,
    /// `event_timestamp`, in milliseconds.
    pub(super) time: Option<i64>,
    /// The name of the event if it is known: for logs and metrics.
    pub(super) code: &'static str,
    pub(super) kind: WebhookKind,
}

/// The events that can have an effect.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WebhookKind {
    OrganizationDeleted {
        code: Box<str>,
    },
    OrganizationUpdated {
        code: Box<str>,
    },
    UserSuspended {
        id: Box<str>,
    },
    UserActive {
        id: Box<str>,
    },
    UserDeleted {
        id: Box<str>,
    },
    /// A user's event that does not say whether the user is suspended.
    NoStatus,
    /// A known event with malformed data. It is authentic, so it is accepted.
    Malformed,
    Other,
}

/// Claims of other tokens that the issuer signs with the same key.
const FOREIGN_CLAIMS: [&str; 19] = [
    "exp",
    "aud",
    "gty",
    "azp",
    "scope",
    "scp",
    "sub",
    "nbf",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "events",
    "sub_id",
    "htm",
    "htu",
    "cnf",
    "act",
    "client_id",
];

/// Checks everything but the signature.
pub(super) fn read_webhook(
    issuer: &str,
    header: &JoseHeader<'_>,
    json: &JsonObject<'_>,
    now: i64,
) -> Result<Webhook, EventError> {
    if !matches!(header.token_type(), TokenType::Jwt | TokenType::Absent) {
        return Err(EventError::InvalidType);
    }
    if header.algorithm() != Algorithm::RS256 {
        return Err(crate::token::TokenError::AlgorithmNotAllowed.into());
    }
    if let Some(name) = FOREIGN_CLAIMS
        .into_iter()
        .find(|name| json.get(name).is_some())
    {
        return Err(EventError::UnexpectedClaim(name));
    }
    // Kinde writes no `iss`. If it does one day, it must be its own.
    match json.get("iss") {
        None => {}
        Some(JsonValue::String(iss)) if iss == issuer => {}
        Some(_) => return Err(EventError::InvalidIssuer),
    }
    let id = string_claim(json, "event_id")?.ok_or(EventError::MissingClaim("event_id"))?;
    if !is_identifier(id) {
        return Err(EventError::MalformedClaim("event_id"));
    }
    let kind = string_claim(json, "type")?.ok_or(EventError::MissingClaim("type"))?;
    let sent_at = time(json, "timestamp")?.ok_or(EventError::MissingClaim("timestamp"))? / 1000;
    check_window(sent_at, now, WINDOW)?;
    let time = time(json, "event_timestamp")?;
    if let Some(time) = time
        && time / 1000 > now.saturating_add(super::set::FUTURE_LEEWAY)
    {
        return Err(EventError::InFuture);
    }
    Ok(Webhook {
        id: id.into(),
        sent_at,
        time,
        code: known_type(kind),
        kind: read_kind(json, kind),
    })
}

fn read_kind(json: &JsonObject<'_>, kind: &str) -> WebhookKind {
    let read = match kind {
        "organization.deleted" => {
            organization(json).map(|code| WebhookKind::OrganizationDeleted { code })
        }
        "organization.updated" => {
            organization(json).map(|code| WebhookKind::OrganizationUpdated { code })
        }
        "user.deleted" => user(json).map(|(id, _)| WebhookKind::UserDeleted { id }),
        // A new user is no reason to remove an entry.
        "user.created" => suspension(json).map(|kind| match kind {
            WebhookKind::UserActive { .. } => WebhookKind::NoStatus,
            other => other,
        }),
        "user.updated" => suspension(json),
        _ => Some(WebhookKind::Other),
    };
    read.unwrap_or(WebhookKind::Malformed)
}

fn suspension(json: &JsonObject<'_>) -> Option<WebhookKind> {
    let (id, user) = user(json)?;
    match member(json, user, "is_suspended") {
        None => Some(WebhookKind::NoStatus),
        Some(JsonValue::Bool(true)) => Some(WebhookKind::UserSuspended { id }),
        Some(JsonValue::Bool(false)) => Some(WebhookKind::UserActive { id }),
        Some(_) => None,
    }
}

fn organization(json: &JsonObject<'_>) -> Option<Box<str>> {
    let organization = data(json, "organization")?;
    string_member(json, organization, "code")
}

fn user(json: &JsonObject<'_>) -> Option<(Box<str>, JsonChildren)> {
    let user = data(json, "user")?;
    Some((string_member(json, user, "id")?, user))
}

/// Returns an object in `data`.
fn data(json: &JsonObject<'_>, name: &str) -> Option<JsonChildren> {
    let JsonValue::Object(data) = json.get("data")? else {
        return None;
    };
    match member(json, data, name)? {
        JsonValue::Object(object) => Some(object),
        _ => None,
    }
}

fn string_claim<'j>(
    json: &'j JsonObject<'_>,
    name: &'static str,
) -> Result<Option<&'j str>, EventError> {
    optional_string(json.get(name), EventError::MalformedClaim(name))
}

fn time(json: &JsonObject<'_>, name: &'static str) -> Result<Option<i64>, EventError> {
    let parse = |text| parse_timestamp(text).ok_or(EventError::MalformedClaim(name));
    string_claim(json, name)?.map(parse).transpose()
}

/// Returns the name of a known event, so that no other string becomes a label of a metric.
fn known_type(kind: &str) -> &'static str {
    const KNOWN: [&str; 18] = [
        "organization.created",
        "organization.updated",
        "organization.deleted",
        "user.created",
        "user.updated",
        "user.deleted",
        "user.authenticated",
        "user.authentication_failed",
        "role.created",
        "role.updated",
        "role.deleted",
        "permission.created",
        "permission.updated",
        "permission.deleted",
        "passkey.added",
        "passkey.removed",
        "subscriber.created",
        "access_request.created",
    ];
    let listed = KNOWN.into_iter().find(|name| *name == kind);
    listed.unwrap_or("unknown")
}
