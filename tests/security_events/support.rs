//! An issuer that sends events, a verifier of its tokens, and receivers of its events.

use http::{Request, StatusCode};
use http_body::Body;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower_m2m::testing::{LocalIssuer, TokenBuilder, events};
use tower_m2m::{Clock, Denylist, EventError, EventReceiver, SecurityEventSettings, Verifier};

pub(crate) const ISSUER: &str = "https://acme.kinde.com";
pub(crate) const NOW: i64 = 1_770_120_000;
pub(crate) const SECRET: &str = "Bearer shared-secret-of-the-stream";
pub(crate) const EVENTS: &str = "https://api.example.com/events";

pub(crate) struct Fixture {
    pub(crate) issuer: LocalIssuer,
    pub(crate) clock: Clock,
    pub(crate) denylist: Denylist,
    pub(crate) verifier: Verifier,
}

/// A response to an event.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
    pub(crate) error: Option<EventError>,
}

impl Response {
    pub(crate) fn code(&self) -> &'static str {
        self.error.map_or("accepted", |error| error.code())
    }

    /// Returns the status, and `err` of RFC 8935 or an empty string.
    pub(crate) fn status_and_err(&self) -> (u16, String) {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let err = body["err"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), err)
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with_denylist(Denylist::new())
    }

    pub(crate) fn with_denylist(denylist: Denylist) -> Self {
        let clock = Clock::manual(NOW);
        let builder = LocalIssuer::builder().clock(clock.clone());
        let issuer = builder.in_process(ISSUER).unwrap();
        let trusted = Verifier::kinde("acme").audience(issuer.audience());
        let verifier = Verifier::builder([trusted.jwk_set(issuer.jwks())])
            .clock(clock.clone())
            .denylist(denylist.clone())
            .build()
            .unwrap();
        Self {
            issuer,
            clock,
            denylist,
            verifier,
        }
    }

    pub(crate) fn webhooks(&self) -> EventReceiver {
        EventReceiver::kinde_webhooks(&self.verifier, &self.denylist).unwrap()
    }

    pub(crate) fn settings(&self) -> SecurityEventSettings {
        EventReceiver::security_events(&self.verifier, &self.denylist, ISSUER)
            .audience(EVENTS)
            .critical_subject_members(["device"])
    }

    pub(crate) fn events(&self) -> EventReceiver {
        self.settings().authorization(SECRET).unwrap()
    }

    pub(crate) fn set(&self, uri: &str, subject: Value, event: Value) -> TokenBuilder {
        let set = self.issuer.security_event(uri, subject, event);
        set.audience(EVENTS)
    }

    /// A `session-revoked` event about `user_1`.
    pub(crate) fn revoked(&self) -> TokenBuilder {
        self.set(events::SESSION_REVOKED, user("user_1"), json!({}))
    }

    /// A webhook about a user.
    pub(crate) fn user_event(&self, kind: &str, user: Value) -> TokenBuilder {
        self.issuer.kinde_webhook(kind, json!({ "user": user }))
    }

    /// Returns what the verifier says about a token of this user in `org_a`, issued at this second.
    pub(crate) async fn token_of(&self, user: &str, issued_at: i64) -> &'static str {
        let token = self.issuer.org("org_a").claim("sub", user);
        self.verify(&token.issued_at(issued_at)).await
    }

    pub(crate) async fn verify(&self, token: &TokenBuilder) -> &'static str {
        verify(&self.verifier, &token.token()).await
    }
}

/// Returns `ok`, or why the verifier rejects a token.
pub(crate) async fn verify(verifier: &Verifier, token: &str) -> &'static str {
    match verifier.verify(token).await {
        Ok(_) => "ok",
        Err(rejection) => rejection.code(),
    }
}

/// A subject of the format `iss_sub`.
pub(crate) fn user(sub: &str) -> Value {
    json!({ "format": "iss_sub", "iss": ISSUER, "sub": sub })
}

/// Sends a request with the secret.
pub(crate) async fn push(receiver: &EventReceiver, event: &TokenBuilder) -> Response {
    let mut request = event.event_request("/hooks/events");
    let secret = http::HeaderValue::from_static(SECRET);
    request.headers_mut().insert("authorization", secret);
    send(receiver, request).await
}

/// Sends a token with this content type and the secret. The sender chooses the content type.
pub(crate) async fn send_as(
    receiver: &EventReceiver,
    token: String,
    content_type: &'static str,
) -> Response {
    let request = Request::post("/hooks/events")
        .header("content-type", content_type)
        .header("authorization", SECRET);
    send(receiver, request.body(token).unwrap()).await
}

/// Sends a webhook.
pub(crate) async fn hook(receiver: &EventReceiver, event: &TokenBuilder) -> Response {
    send(receiver, event.event_request("/hooks/kinde")).await
}

pub(crate) async fn send<B>(receiver: &EventReceiver, request: Request<B>) -> Response
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    let response = receiver.clone().oneshot(request).await.unwrap();
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response {
        status: parts.status,
        error: parts.extensions.remove(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
