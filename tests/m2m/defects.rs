//! `m2m attack` against servers in this process with one defect each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tower_m2m::Verifier;
use tower_m2m::testing::AUDIENCE;

use crate::support::{Attack, free_port};

/// Returns the response to a request that the server should reject, and to one of an organization.
type Respond = fn(&Call) -> Response;

/// A request, after its only correct verification.
struct Call {
    org: Option<String>,
    path: String,
    authorization: String,
    header_org: Option<String>,
    calls: usize,
}

#[derive(Clone)]
struct Server {
    verifier: Verifier,
    respond: Respond,
    calls: Arc<AtomicUsize>,
}

async fn handle(State(server): State<Server>, request: Request) -> Response {
    let headers = request.headers();
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let authorization = text("authorization");
    let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
    let is_single = headers.get_all(header::AUTHORIZATION).iter().count() == 1;
    let claims = server
        .verifier
        .verify(token)
        .await
        .ok()
        .filter(|_| is_single);
    let org = claims.as_ref().and_then(|claims| claims.org_code());
    (server.respond)(&Call {
        org: org.map(ToString::to_string),
        path: request.uri().path().to_owned(),
        authorization: authorization.clone(),
        header_org: headers.get("x-tenant").map(|_| text("x-tenant")),
        calls: server.calls.fetch_add(1, Ordering::Relaxed),
    })
}

/// Attacks a server that responds in this way.
async fn attack(path: &str, respond: Respond) -> Attack {
    let port = free_port();
    let verifier = Verifier::issuer(format!("http://127.0.0.1:{port}"))
        .audience(AUDIENCE)
        .profile(tower_m2m::Profile::KINDE)
        .keys_time_to_live(Duration::from_secs(1))
        .unknown_kid_cooldown(Duration::from_secs(1))
        .build()
        .unwrap();
    let server = Server {
        verifier,
        respond,
        calls: Arc::default(),
    };
    let app = Router::new().fallback(handle).with_state(server);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Attack::run(&url, port, &["--refresh-interval", "3s"]).await
}

fn unauthorized() -> Response {
    let challenge = [("www-authenticate", "Bearer error=\"invalid_token\"")];
    (StatusCode::UNAUTHORIZED, challenge).into_response()
}

fn careful(call: &Call) -> Response {
    match &call.org {
        Some(org) => format!("the invoices of {org}").into_response(),
        None => unauthorized(),
    }
}

/// Rule 314.
#[tokio::test]
async fn redirects_are_deviations_and_server_errors_are_failures() {
    let redirects = attack("/", |call| match &call.org {
        Some(_) => careful(call),
        None => (StatusCode::FOUND, [("location", "/")]).into_response(),
    });
    let fails = attack("/", |call| match &call.org {
        Some(_) => careful(call),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    });
    let (redirects, fails) = tokio::join!(redirects, fails);
    let name = "forged: alg_none".to_owned();
    assert!(
        redirects.names("deviation").contains(&name),
        "{}",
        redirects.findings()
    );
    assert_eq!(redirects.names("failed"), [""; 0]);
    assert!(redirects.found("alg_none").starts_with("302"));
    assert!(
        fails.names("failed").contains(&name),
        "{}",
        fails.findings()
    );
    assert_eq!((redirects.code, fails.code), (Some(0), Some(1)));
}

/// Rule 313.
/// Trap 25: the server accepts the first requests, and then rejects everything.
#[tokio::test]
async fn server_that_rejects_everything_is_reported() {
    let attack = attack("/", |call| {
        if call.calls < 3 {
            careful(call)
        } else {
            unauthorized()
        }
    })
    .await;
    assert_eq!(attack.code, Some(1));
    let failed = attack.names("failed");
    let last = failed.last().unwrap();
    assert_eq!(last, "control: valid token after the forged tokens");
    assert!(
        attack
            .found("valid token after the forged tokens")
            .contains("prove nothing")
    );
}

/// Rule 316.
/// The response is a rejection, but contains the other organization's marker.
#[tokio::test]
async fn marker_of_the_other_organization_is_a_failure_with_any_status() {
    let attack = attack("/orgs/{org_code}", |call| {
        let invoice = |org: &str| {
            if org == "org_a" {
                "invoice-4711"
            } else {
                "invoice-0815"
            }
        };
        let Some(org) = &call.org else {
            return unauthorized();
        };
        if call.path != format!("/orgs/{org}") {
            return StatusCode::FORBIDDEN.into_response();
        }
        match &call.header_org {
            Some(other) => (StatusCode::FORBIDDEN, invoice(other)).into_response(),
            None => invoice(org).into_response(),
        }
    })
    .await;
    let failed = attack.names("failed");
    let expected = "organizations: org_a: the header x-tenant names the other".to_owned();
    assert!(failed.contains(&expected), "{failed:?}");
    assert!(
        failed.iter().all(|name| name.contains("the other")),
        "{failed:?}"
    );
}

/// Rule 314.
/// The response repeats the credential.
#[tokio::test]
async fn response_that_repeats_the_token_is_a_failure() {
    let attack = attack("/", |call| match &call.org {
        Some(_) => careful(call),
        None => (StatusCode::UNAUTHORIZED, call.authorization.clone()).into_response(),
    })
    .await;
    assert!(
        attack
            .names("failed")
            .contains(&"forged: wrong_audience".to_owned())
    );
    assert!(
        attack
            .found("wrong_audience")
            .contains("the response contains the token")
    );
}
