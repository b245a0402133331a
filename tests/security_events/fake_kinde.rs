//! Kinde's Management API as a function, and a verifier whose caller check queries it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use serde_json::json;
use tower_m2m::testing::LocalIssuer;
use tower_m2m::{BoxError, Denylist, KindeCallerCheck, Verifier};

use super::support::{ISSUER, verify};

/// Kinde's API as a function.
#[derive(Clone, Default)]
pub(crate) struct FakeKinde {
    pub(crate) queries: Arc<AtomicUsize>,
    pub(crate) tokens: Arc<AtomicUsize>,
    pub(crate) reply: Arc<Mutex<Reply>>,
}

#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: Option<StatusCode>,
    pub(crate) body: Option<String>,
    pub(crate) suspended: bool,
    pub(crate) delay: Duration,
    pub(crate) retry_after: Option<u64>,
    /// The organizations that the status is about, or all.
    pub(crate) only: Option<&'static [&'static str]>,
    /// The status of the token endpoint.
    pub(crate) token_status: Option<StatusCode>,
    pub(crate) token_delay: Duration,
}

impl FakeKinde {
    pub(crate) fn set(&self, change: impl FnOnce(&mut Reply)) {
        change(&mut self.reply.lock().unwrap());
    }

    pub(crate) fn fail(&self, status: u16) {
        self.set(|reply| reply.status = Some(StatusCode::from_u16(status).unwrap()));
    }

    pub(crate) fn suspend(&self, suspended: bool) {
        self.set(|reply| {
            reply.status = None;
            reply.suspended = suspended;
        });
    }

    pub(crate) fn queries(&self) -> usize {
        self.queries.load(Ordering::Relaxed)
    }

    pub(crate) async fn send(
        self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, BoxError> {
        if request.uri().path() == "/oauth2/token" {
            self.tokens.fetch_add(1, Ordering::Relaxed);
            let reply = self.reply.lock().unwrap().clone();
            tokio::time::sleep(reply.token_delay).await;
            if let Some(status) = reply.token_status {
                return Ok(Response::builder().status(status).body(Vec::new())?);
            }
            let token = json!({ "access_token": "t", "expires_in": 86_400 });
            return Ok(Response::new(token.to_string().into()));
        }
        assert_eq!(request.headers()["authorization"], "Bearer t");
        self.queries.fetch_add(1, Ordering::Relaxed);
        let reply = self.reply.lock().unwrap().clone();
        tokio::time::sleep(reply.delay).await;
        let code = request
            .uri()
            .query()
            .unwrap()
            .strip_prefix("code=")
            .unwrap();
        let body = json!({ "code": code, "name": "x", "is_suspended": reply.suspended });
        let mut response = Response::new(reply.body.unwrap_or(body.to_string()).into());
        if reply.only.is_some_and(|only| !only.contains(&code)) {
            return Ok(response);
        }
        *response.status_mut() = reply.status.unwrap_or(StatusCode::OK);
        if let Some(seconds) = reply.retry_after {
            response.headers_mut().insert("retry-after", seconds.into());
        }
        Ok(response)
    }
}

pub(crate) struct Scenario {
    pub(crate) issuer: LocalIssuer,
    pub(crate) kinde: FakeKinde,
    pub(crate) check: KindeCallerCheck,
    pub(crate) verifier: Verifier,
    pub(crate) denylist: Denylist,
}

impl Scenario {
    pub(crate) fn new() -> Self {
        let issuer = LocalIssuer::in_process(ISSUER).unwrap();
        let kinde = FakeKinde::default();
        let send = kinde.clone();
        let check = KindeCallerCheck::client_credentials("id", "secret")
            .send_with(move |request| send.clone().send(request));
        let denylist = Denylist::new();
        let trusted = Verifier::kinde("acme").audience(issuer.audience());
        let verifier = Verifier::builder([trusted.jwk_set(issuer.jwks())])
            .denylist(denylist.clone())
            .check_caller(check.clone())
            .build()
            .unwrap();
        Self {
            issuer,
            kinde,
            check,
            verifier,
            denylist,
        }
    }

    pub(crate) async fn call(&self, org: &str) -> &'static str {
        self.verify(&self.issuer.org(org).token()).await
    }

    pub(crate) async fn verify(&self, token: &str) -> &'static str {
        verify(&self.verifier, token).await
    }
}

pub(crate) async fn advance(seconds: f64) {
    tokio::time::advance(Duration::from_secs_f64(seconds)).await;
    // A query in the background finishes.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

pub(crate) const UNAVAILABLE: &str = "caller_status_unavailable";
