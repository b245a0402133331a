//! Events that an issuer sends: Kinde's webhooks and Security Event Tokens.

use http::Request;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::encoding::{hex, random};
use super::issuer::LocalIssuer;
use super::mint::TokenBuilder;

/// Events.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use serde_json::json;
/// use tower_m2m::testing::{LocalIssuer, events};
///
/// let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
/// let webhook = issuer.kinde_webhook("organization.deleted", json!({ "organization": { "code": "org_a" } }));
/// let request = webhook.event_request("/hooks/kinde");
/// assert_eq!(request.headers()["content-type"], "application/jwt");
///
/// let subject = json!({ "format": "iss_sub", "iss": issuer.url(), "sub": "user_1" });
/// let event = issuer.security_event(events::SESSION_REVOKED, subject, json!({}));
/// assert_eq!(event.event_request("/hooks/events").headers()["content-type"], "application/secevent+jwt");
/// # Ok(())
/// # }
/// ```
impl LocalIssuer {
    /// Creates a webhook of Kinde: an event of this type, such as `user.updated`, with this `data`.
    ///
    /// It is a JWT without `iss`, `aud` and `exp`. `timestamp` and `event_timestamp` are the time
    /// of the issuer's clock.
    #[must_use]
    pub fn kinde_webhook(&self, kind: &str, data: Value) -> TokenBuilder {
        let now = self.shared.clock.unix_seconds();
        let at = timestamp(now);
        self.event("JWT", |claims| {
            claims.insert("type".into(), kind.into());
            claims.insert("event_id".into(), id("event").into());
            claims.insert("event_timestamp".into(), at.clone().into());
            claims.insert("timestamp".into(), at.into());
            claims.insert("source".into(), "admin".into());
            claims.insert("data".into(), data);
        })
    }

    /// Creates a Security Event Token (RFC 8417) with one event: its URI, such as
    /// [`SESSION_REVOKED`], its subject (`sub_id`), and the members of the event.
    ///
    /// `aud` is [`audience`](Self::audience). `null` as the subject omits it.
    #[must_use]
    pub fn security_event(&self, uri: &str, subject: Value, event: Value) -> TokenBuilder {
        let now = self.shared.clock.unix_seconds();
        self.event("secevent+jwt", |claims| {
            claims.insert("iss".into(), self.url().into());
            claims.insert("aud".into(), self.audience().into());
            claims.insert("iat".into(), now.into());
            claims.insert("jti".into(), id("set").into());
            if !subject.is_null() {
                claims.insert("sub_id".into(), subject);
            }
            let events = Map::from_iter([(uri.to_owned(), event)]);
            claims.insert("events".into(), events.into());
        })
    }

    /// Sets `critical_subject_members` of the transmitter's metadata. Default: none.
    pub fn set_critical_subject_members<M: Into<String>>(
        &self,
        members: impl IntoIterator<Item = M>,
    ) {
        let members = members.into_iter().map(Into::into).collect();
        self.shared.state().critical_subject_members = members;
    }

    /// Suspends an organization, as an administrator of Kinde does. Its apps still get tokens, and
    /// `GET /api/v1/organization` reports it.
    pub fn suspend_organization(&self, org_code: impl Into<String>) {
        self.shared.state().suspended.insert(org_code.into());
    }

    /// Ends the suspension of an organization.
    pub fn resume_organization(&self, org_code: &str) {
        self.shared.state().suspended.remove(org_code);
    }

    fn event(&self, typ: &str, claims: impl FnOnce(&mut Map<String, Value>)) -> TokenBuilder {
        self.global().with_claims(claims).header("typ", typ)
    }
}

impl TokenBuilder {
    /// Creates the request that sends an event to this URI, with the content type of its `typ`.
    #[must_use]
    pub fn event_request(&self, uri: &str) -> Request<String> {
        let content_type = if self.header_value("typ") == &json!("secevent+jwt") {
            "application/secevent+jwt"
        } else {
            "application/jwt"
        };
        let mut request = Request::new(self.token());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri.parse().unwrap_or_default();
        let content_type = http::HeaderValue::from_static(content_type);
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        request
    }
}

/// CAEP: a session was revoked.
pub const SESSION_REVOKED: &str =
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
/// CAEP: the claims of tokens changed.
pub const TOKEN_CLAIMS_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/token-claims-change";
/// CAEP: the assurance level changed.
pub const ASSURANCE_LEVEL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/assurance-level-change";
/// CAEP: a credential changed. The event has `change_type`.
pub const CREDENTIAL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/credential-change";
/// RISC: an account was disabled.
pub const ACCOUNT_DISABLED: &str =
    "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
/// RISC: an account was deleted.
pub const ACCOUNT_PURGED: &str =
    "https://schemas.openid.net/secevent/risc/event-type/account-purged";
/// RISC: an account was enabled again.
pub const ACCOUNT_ENABLED: &str =
    "https://schemas.openid.net/secevent/risc/event-type/account-enabled";
/// SSF: a test of the stream. The event can have `state`.
pub const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
/// SSF: the status of the stream changed. The event has `status`.
pub const STREAM_UPDATED: &str =
    "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";

/// Returns a timestamp as Kinde writes it: ISO 8601 with milliseconds.
#[must_use]
pub fn timestamp(unix_seconds: i64) -> String {
    let seconds = u64::try_from(unix_seconds).unwrap_or_default();
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    humantime::format_rfc3339_millis(at).to_string()
}

fn id(prefix: &str) -> String {
    format!("{prefix}_{}", hex(&random::<16>().unwrap_or_default(), ""))
}
