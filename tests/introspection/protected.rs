//! An issuer without sockets whose verify endpoint requires an access token with a scope.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use tower_m2m::{ApiKeys, BoxError, Clock, Verifier};

use super::scripted::trusted;
use super::support::{API_ID, CLIENT_ID, SECRET};

const CANARY: &str = "k_live_000000000000000000000000000000000000";
/// A status and an error code.
pub(crate) type Error = (u16, &'static str);

pub(crate) const REJECTED: Error = (401, "INVALID_CREDENTIALS");

/// What the issuer does, and what it received.
pub(crate) struct FakeIssuer {
    /// Whether the next access token has the scope.
    pub(crate) is_granted: bool,
    /// Whether access tokens that were issued with the scope still have it.
    pub(crate) keeps_scope: bool,
    /// Whether the verify endpoint needs no access token.
    pub(crate) is_public: bool,
    /// The status and the code for a valid access token without the scope.
    pub(crate) missing_scope: Error,
    /// The same for an unknown key. The code is not sent with 200.
    pub(crate) unknown: Error,
    /// The status, and the value of `Retry-After`, of the response to the canary request. Status 0
    /// is no response.
    pub(crate) canary: Option<(u16, u64)>,
    pub(crate) tokens: usize,
    pub(crate) canaries: usize,
    pub(crate) requests: usize,
}

/// An issuer, and a verifier that uses it with client credentials.
pub(crate) struct Protected {
    issuer: Arc<Mutex<FakeIssuer>>,
    clock: Clock,
    keys: ApiKeys,
    pub(crate) verifier: Verifier,
}

impl Protected {
    pub(crate) fn new(missing_scope: Error, unknown: Error) -> Self {
        Self::with(missing_scope, unknown, |keys| keys)
    }

    /// Creates a verifier that sends the second request about each key.
    pub(crate) fn with_api_id() -> Self {
        Self::with((403, "ACCESS_DENIED"), (200, ""), |keys| {
            keys.api_id(API_ID)
        })
    }

    fn with(missing_scope: Error, unknown: Error, settings: fn(ApiKeys) -> ApiKeys) -> Self {
        let issuer = Arc::new(Mutex::new(FakeIssuer {
            is_granted: true,
            keeps_scope: true,
            is_public: false,
            missing_scope,
            unknown,
            canary: None,
            tokens: 0,
            canaries: 0,
            requests: 0,
        }));
        let (shared, clock) = (Arc::clone(&issuer), Clock::manual(1_750_000_000));
        let keys = ApiKeys::kinde().client_credentials(CLIENT_ID, SECRET);
        let keys = settings(keys).send_with(move |request| respond(Arc::clone(&shared), request));
        Self {
            issuer,
            verifier: trusted(&keys).clock(clock.clone()).build().unwrap(),
            clock,
            keys,
        }
    }

    /// Replaces the verifier by one that sent the canary request when it was built.
    pub(crate) async fn with_ready_verifier(self) -> Self {
        let builder = trusted(&self.keys).clock(self.clock.clone());
        let verifier = builder.build_ready().await.unwrap();
        Self { verifier, ..self }
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut FakeIssuer)) {
        change(&mut self.issuer.lock().unwrap());
    }

    pub(crate) fn count(&self, read: impl FnOnce(&FakeIssuer) -> usize) -> usize {
        read(&self.issuer.lock().unwrap())
    }

    /// Returns `"ok"` or the code of the rejection. A key with `good` in it is active.
    pub(crate) async fn outcome(&self, key: &str) -> &'static str {
        let outcome = self.verifier.verify(key).await;
        outcome.err().map_or("ok", |rejection| rejection.code())
    }

    pub(crate) async fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    pub(crate) fn distinguishes(&self) -> Option<bool> {
        let status = self.verifier.introspection_status();
        status.first()?.distinguishes_unknown_keys
    }
}

/// Returns a key that the issuer knows.
pub(crate) fn good(number: usize) -> String {
    format!("k_live_good{number:012}")
}

async fn respond(
    issuer: Arc<Mutex<FakeIssuer>>,
    request: Request<Vec<u8>>,
) -> Result<Response<Vec<u8>>, BoxError> {
    let path = request.uri().path().to_owned();
    tokio::time::sleep(Duration::from_millis(10)).await;
    if path == "/oauth2/token" {
        let mut issuer = issuer.lock().unwrap();
        issuer.tokens += 1;
        let scope = if issuer.is_granted { "scope" } else { "none" };
        let token = format!("{scope}-{}", issuer.tokens);
        let body = format!(r#"{{"access_token":"{token}","expires_in":86400}}"#);
        return Ok(Response::new(body.into_bytes()));
    }
    let body = String::from_utf8(request.body().clone())?;
    let canary = {
        let mut issuer = issuer.lock().unwrap();
        issuer.requests += 1;
        let is_canary = body.contains(CANARY);
        issuer.canaries += usize::from(is_canary);
        issuer.canary.filter(|_| is_canary)
    };
    match canary {
        Some((0, _)) => std::future::pending().await,
        Some((status, retry_after)) => {
            let response = Response::builder().status(status);
            let response = response.header("retry-after", retry_after);
            return Ok(response.body(Vec::new())?);
        }
        None => {}
    }
    let token = request.headers().get("authorization");
    let token = token.map_or("", |token| token.to_str().unwrap());
    let issuer = issuer.lock().unwrap();
    let id = path.strip_prefix("/api/v1/api_keys/id_");
    if !issuer.is_public || id.is_some() {
        if token == "Bearer invalid" {
            return Ok(error(REJECTED));
        }
        if !token.starts_with("Bearer scope") || !issuer.keeps_scope {
            return Ok(error(issuer.missing_scope));
        }
    }
    Ok(if let Some(id) = id {
        json(&format!(
            r#"{{"api_key":{{"id":"id_{id}","type":"organization","status":"active","api_ids":["{API_ID}"],"organization_id":"org_a","user_id":null}}}}"#
        ))
    } else if body.contains("good") {
        json(
            r#"{"is_valid":true,"status":"active","key_id":"id_1","org_code":"org_a","user_id":null,"scopes":[]}"#,
        )
    } else if issuer.unknown.0 == 200 {
        json(r#"{"is_valid":false}"#)
    } else {
        error(issuer.unknown)
    })
}

fn json(body: &str) -> Response<Vec<u8>> {
    Response::new(body.as_bytes().to_vec())
}

fn error((status, code): Error) -> Response<Vec<u8>> {
    let mut response = json(&format!(
        r#"{{"errors":[{{"code":"{code}","message":"m"}}]}}"#
    ));
    *response.status_mut() = status.try_into().unwrap();
    response
}
