//! Checks every route as another tenant. Every API that uses this crate should have this test.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use axum::{Router, routing::get};
//! # use tower_m2m::{OrgCode, Verifier};
//! # use tower_m2m::testing::{AUDIENCE, LocalIssuer};
//! # let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
//! # let verifier = Verifier::kinde("acme").audience(AUDIENCE).jwk_set(issuer.jwks()).build()?;
//! # let app: Router = Router::new()
//! #     .route("/orgs/{org_code}/invoices", get(|org: OrgCode| async move { format!("invoices of {org}") }))
//! #     .route("/invoices", get(|org: OrgCode| async move { format!("invoices of {org}") }))
//! #     .route_layer(verifier.layer());
//! use tower_m2m::testing::tenants::{self, Probe, Tenant};
//!
//! let one = Tenant::from(&issuer.org("org_a").scopes(["read:invoices"]));
//! let other = Tenant::from(&issuer.org("org_b").scopes(["read:invoices"]));
//! let probes = [Probe::get("/orgs/{org_code}/invoices"), Probe::get("/invoices")];
//! tenants::check_isolation(&one, &other, &probes, tenants::router(app)).await.assert_isolated();
//! # Ok(())
//! # }
//! ```

mod assessment;
mod attempt;
mod probe;
mod report;

use std::future::poll_fn;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::assertions::TestResponse;
pub use assessment::{ExpectedResult, IsolationResult};
pub use attempt::{Attempt, attempts};
pub use probe::{Probe, Tenant};
pub use report::IsolationReport;
use report::IsolationRow;

/// Sends each probe as each of the two tenants. The first request is for the tenant itself and must
/// succeed, because rejections prove nothing otherwise.
///
/// Then it puts the code of the other tenant into each parameter of the path, each of the usual
/// headers and each of the usual query parameters, and sends CORS preflights without a token. The
/// report says which responses show the other tenant, and in which routes no request that names the
/// other tenant was rejected ([`IsolationReport::uncompared`]).
///
/// If a code or marker of one tenant occurs in those of the other, a response cannot show whose
/// data it contains. Then the report says so, and no request is made.
pub async fn check_isolation<A: Into<TestResponse>>(
    one: &Tenant,
    other: &Tenant,
    probes: &[Probe],
    send: impl AsyncFn(Request<Bytes>) -> A,
) -> IsolationReport {
    if let Some(what) = one.indistinguishable_from(other) {
        return IsolationReport::new(vec![IsolationRow {
            route: "no request was made".to_owned(),
            caller: one.code.clone(),
            what: what.to_owned(),
            result: IsolationResult::Indistinguishable,
            got: None,
            names_other: false,
        }]);
    }
    let mut rows = Vec::new();
    for probe in probes {
        for (own, victim) in [(one, other), (other, one)] {
            for attempt in attempts(probe, own, victim) {
                let route = format!("{} {}", probe.method, probe.template);
                let (verdict, got) = match attempt.request().cloned() {
                    Some(request) => {
                        let answer: TestResponse = send(request).await.into();
                        (attempt.assess(&answer), Some(answer.status()))
                    }
                    None => (IsolationResult::NoRequest, None),
                };
                rows.push(IsolationRow {
                    route,
                    caller: own.code.clone(),
                    what: attempt.what().to_owned(),
                    names_other: attempt.names_other(),
                    result: verdict,
                    got,
                });
            }
        }
    }
    IsolationReport::new(rows)
}

/// Sends requests to an axum router, without a socket.
#[cfg(feature = "axum")]
pub fn router(router: axum::Router) -> impl AsyncFn(Request<Bytes>) -> TestResponse {
    service::<axum::body::Body, _, _>(router)
}

/// Sends requests to a service that takes the body type `B`, without a socket.
pub fn service<B, S, R>(service: S) -> impl AsyncFn(Request<Bytes>) -> TestResponse
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    B: From<Bytes>,
    R: Body,
    R::Error: std::fmt::Debug,
{
    async move |request: Request<Bytes>| {
        let mut service = service.clone();
        if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
            return failed(&error);
        }
        match service.call(request.map(B::from)).await {
            Ok(response) => TestResponse::read(response)
                .await
                .unwrap_or_else(|error| failed(&error)),
            Err(error) => failed(&error),
        }
    }
}

/// A missing response does not count as a rejection.
fn failed(error: &dyn std::fmt::Debug) -> TestResponse {
    TestResponse::from((500, None, format!("{error:?}")))
}
