//! An issuer without sockets, so that tests with a paused clock decide what it sends and when.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::task::JoinHandle;
use tower_m2m::testing::LocalIssuer;
use tower_m2m::{ApiKeys, BoxError, Claims, Clock, Issuer, Rejection, Verifier, VerifierBuilder};

pub(crate) const ISSUER: &str = "https://acme.kinde.com";
/// The code of the rejection if the issuer is not queried or does not respond.
pub(crate) const UNAVAILABLE: &str = "introspection_unavailable";

/// Returns a key that no issuer knows, unless a test adds it.
pub(crate) fn invented(number: usize) -> String {
    format!("k_live_invented{number:010}")
}

pub(crate) fn customer(number: usize) -> String {
    format!("k_live_customer{number:010}")
}

/// What the issuer does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Knows the keys that are registered.
    Regular,
    Json(u16, &'static str),
    Header(u16, &'static str, &'static str),
    Hang,
    Fail,
}

#[derive(Clone)]
pub(crate) struct FakeIssuer(Arc<Mutex<IssuerScript>>);

struct IssuerScript {
    keys: HashMap<String, String>,
    reply: Reply,
    delay: Duration,
    requests: Vec<String>,
}

impl FakeIssuer {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(IssuerScript {
            keys: HashMap::new(),
            reply: Reply::Regular,
            delay: Duration::from_millis(10),
            requests: Vec::new(),
        })))
    }

    pub(crate) fn add_key(&self, key: &str, org: &str) {
        let body = format!(
            r#"{{"is_valid":true,"status":"active","key_id":"id_{key}","org_code":"{org}","user_id":null,"scopes":["read:invoices"]}}"#
        );
        self.0.lock().unwrap().keys.insert(key.to_owned(), body);
    }

    pub(crate) fn revoke(&self, key: &str) {
        self.0.lock().unwrap().keys.remove(key);
    }

    pub(crate) fn set_reply(&self, reply: Reply) {
        self.0.lock().unwrap().reply = reply;
    }

    /// Sets how long the issuer takes to respond.
    pub(crate) fn set_delay(&self, delay: Duration) {
        self.0.lock().unwrap().delay = delay;
    }

    pub(crate) fn requests(&self) -> usize {
        self.0.lock().unwrap().requests.len()
    }

    async fn respond(self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, BoxError> {
        let body = String::from_utf8(request.into_body()).unwrap();
        let (reply, delay) = {
            let mut state = self.0.lock().unwrap();
            state.requests.push(body.clone());
            (state.reply.clone(), state.delay)
        };
        tokio::time::sleep(delay).await;
        let json = |status: u16, body: &str| {
            let response = Response::builder().status(status);
            Ok(response.body(body.as_bytes().to_vec()).unwrap())
        };
        match reply {
            Reply::Regular => {
                let state = self.0.lock().unwrap();
                let key = body.split('"').nth(3).unwrap();
                let known = state.keys.get(key).map(String::as_str);
                json(
                    200,
                    known.unwrap_or(r#"{"is_valid":false,"status":"inactive"}"#),
                )
            }
            Reply::Json(status, body) => json(status, body),
            Reply::Header(status, name, value) => {
                let response = Response::builder()
                    .status(StatusCode::from_u16(status).unwrap())
                    .header(name, value);
                Ok(response.body(Vec::new()).unwrap())
            }
            Reply::Hang => std::future::pending().await,
            Reply::Fail => Err("no route to host".into()),
        }
    }

    /// Returns settings that send all requests to this issuer.
    pub(crate) fn keys(&self) -> ApiKeys {
        let issuer = self.clone();
        ApiKeys::kinde().send_with(move |request| issuer.clone().respond(request))
    }
}

/// A verifier of the fake issuer, with a clock that moves with the paused one.
pub(crate) struct Scripted {
    pub(crate) issuer: FakeIssuer,
    pub(crate) clock: Clock,
    pub(crate) verifier: Verifier,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(settings: impl FnOnce(VerifierBuilder) -> VerifierBuilder) -> Self {
        let (issuer, clock) = (FakeIssuer::new(), Clock::manual(1_750_000_000));
        let builder = trusted(&issuer.keys()).clock(clock.clone());
        Self {
            issuer,
            verifier: settings(builder).build().unwrap(),
            clock,
        }
    }

    /// Creates a verifier that knows these customers.
    pub(crate) async fn with_customers(count: usize) -> Self {
        let test = Self::new();
        for number in 0..count {
            test.issuer.add_key(&customer(number), "org_a");
        }
        test.call_customers(0..count).await;
        test
    }

    /// Verifies the keys of these customers, which are accepted.
    pub(crate) async fn call_customers(&self, numbers: Range<usize>) {
        for number in numbers {
            assert_eq!(self.outcome(&customer(number)).await, "ok", "{number}");
        }
    }

    pub(crate) async fn verify(&self, key: &str) -> Result<Claims, Rejection> {
        self.verifier.verify(key).await
    }

    /// Returns `"ok"` or the code of the rejection.
    pub(crate) async fn outcome(&self, key: &str) -> &'static str {
        match self.verify(key).await {
            Ok(_) => "ok",
            Err(rejection) => rejection.code(),
        }
    }

    pub(crate) async fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// Returns an issuer with fixed signing keys and these API keys.
pub(crate) fn trusted(keys: &ApiKeys) -> Issuer {
    let signing = LocalIssuer::in_process(ISSUER).unwrap();
    Verifier::kinde("acme")
        .audience("https://api.acme.com")
        .jwk_set(signing.jwks())
        .api_keys(keys.clone())
}

/// Sends a request without waiting for its response: `"ok"` or the code of the rejection.
pub(crate) fn send(verifier: &Verifier, key: String) -> JoinHandle<&'static str> {
    let verifier = verifier.clone();
    tokio::spawn(async move {
        let outcome = verifier.verify(&key).await;
        outcome.err().map_or("ok", |rejection| rejection.code())
    })
}

pub(crate) async fn outcomes(requests: Vec<JoinHandle<&'static str>>) -> Vec<&'static str> {
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in requests {
        outcomes.push(request.await.unwrap());
    }
    outcomes
}
