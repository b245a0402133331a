//! Ten broken set-ups and their log lines. A reader names the causes from the lines alone:
//!
//! ```text
//! cargo test --all-features --test tenancy broken_setups -- --nocapture
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tower_m2m::{Issuer, OrgCode, Profile, Verifier};
use tracing::Level;

use super::certificate::{FOR_LONG, LOOPBACK, self_signed};
use super::recorder::{Recorder, fields};
use super::support::{self, Fixture, NOW};

/// Records events as `tracing_subscriber` prints them, without the time.
fn recorder() -> Recorder<String> {
    Recorder::new(Level::INFO, |event| {
        let (level, target) = (event.metadata().level(), event.metadata().target());
        Some(format!("{level} {target}:{}", fields(event)))
    })
}

fn app(verifier: &Verifier) -> Router {
    Router::new()
        .route("/invoices", get(async |org: OrgCode| org.to_string()))
        .route("/orgs/{org_code}/invoices", get(async || "invoices"))
        .route_layer(verifier.layer())
}

async fn send(app: &Router, path: &str, authorization: &str) {
    let request = Request::get(path).header("authorization", authorization);
    support::send(app, request.body(Body::empty()).unwrap()).await;
}

/// Starts a server whose certificate no authority signed.
async fn server_with_own_certificate() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (certificate, key) = self_signed(&LOOPBACK, "200101000000Z", FOR_LONG);
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(
        vec![CertificateDer::from(certificate)],
        PrivatePkcs8KeyDer::from(key).into(),
    );
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    address
}

/// Waits until the first fetch of an issuer's keys has failed.
async fn wait_for_failure(issuer: Issuer) {
    let issuer = issuer
        .fetch_timeout(Duration::from_secs(30))
        .without_proxy();
    assert!(Verifier::builder([issuer]).build_ready().await.is_err());
}

/// Waits for the outcome of the first fetch.
async fn wait_for_first_fetch(verifier: &Verifier) {
    for _ in 0..2000 {
        let statuses = verifier.status();
        let status = statuses.first().unwrap();
        if status.is_ready() || status.last_error.is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Each set-up leaves lines that name the cause: the words that a reader looks for are in them.
#[tokio::test]
async fn broken_setups_are_named_by_their_log_lines() {
    let lines = recorder();
    let _guard = crate::subscriber::set_subscriber(lines.clone());
    let fixture = Fixture::new();
    let good = || {
        fixture
            .org("org_a")
            .client("billing")
            .scopes(["read:invoices"])
    };
    let standard = app(&fixture.verifier());
    let mut number = 0;
    let mut take = |named: &[&str]| {
        number += 1;
        let lines = lines.take();
        println!("## set-up {number}\n{}\n", lines.join("\n"));
        let text = lines.join("\n");
        for name in named {
            assert!(
                text.contains(name),
                "set-up {number}: {name} is not in\n{text}"
            );
        }
    };

    let audience = tower_m2m::testing::AUDIENCE;
    let token = good().audience(format!("{audience}/"));
    send(&standard, "/invoices", &token.bearer()).await;
    take(&["invalid_audience", "client_id=\"billing\"", audience]);

    send(
        &standard,
        "/invoices",
        &good().issued_at(NOW + 600).bearer(),
    )
    .await;
    take(&["issued_in_future", "compare the clocks"]);

    let unprotected = Router::new()
        .route("/other", get(async || ""))
        .route_layer(fixture.verifier().layer())
        .route("/invoices", get(async |org: OrgCode| org.to_string()));
    send(&unprotected, "/invoices", &good().bearer()).await;
    take(&["authorization layer missing", "/invoices", "route_layer"]);

    let undecided = Router::new()
        .route("/t/{tenant}/invoices", get(async || "invoices"))
        .route_layer(fixture.verifier().layer());
    send(&undecided, "/t/org_a/invoices", &good().bearer()).await;
    take(&["route misconfigured", "organization_parameter(\"tenant\")"]);

    let keycloak = Verifier::issuer(support::ISSUER)
        .audience(audience)
        .profile(Profile::KEYCLOAK)
        .jwk_set(fixture.issuer.jwks())
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    let token = good().without("client_id").claim("azp", "billing");
    send(&app(&keycloak), "/invoices", &token.bearer()).await;
    take(&["wrong_grant_type", "/client_id is absent"]);

    let p521 = r#"{"keys":[{"kty":"EC","crv":"P-521","kid":"k1","x":"AA","y":"AA"},{"kty":"RSA","kid":"k2","n":"AQAB"}]}"#;
    let weak = Verifier::kinde("acme")
        .audience(audience)
        .fetch_with(move |request| async move {
            let body = if request.uri().path().ends_with("openid-configuration") {
                r#"{"issuer":"https://acme.kinde.com","jwks_uri":"https://acme.kinde.com/jwks"}"#
            } else {
                p521
            };
            Ok(http::Response::new(body.as_bytes().to_vec()))
        })
        .build()
        .unwrap();
    wait_for_first_fetch(&weak).await;
    take(&[
        "no usable key",
        "key \"k1\": alg is not allowed for the issuer",
        "key \"k2\": a member is absent or malformed: e",
    ]);
    drop(weak);

    send(&standard, "/invoices", &good().token()).await;
    take(&["unsupported_scheme", "a token without a scheme"]);

    let address = server_with_own_certificate().await;
    wait_for_failure(Verifier::issuer(format!("https://{address}/realms/m2m")).audience(audience))
        .await;
    take(&[
        "unknown_authority",
        &address,
        "ca_certificate_pem adds an authority",
    ]);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    wait_for_failure(Verifier::issuer(format!("http://{address}/realms/m2m")).audience(audience))
        .await;
    take(&["connection_refused", &address.to_string(), "os error"]);

    let slash = Verifier::issuer("https://login.example/")
        .audience(audience)
        .fetch_with(|_| async {
            let document =
                r#"{"issuer":"https://login.example","jwks_uri":"https://login.example/jwks"}"#;
            Ok(http::Response::new(document.as_bytes().to_vec()))
        });
    wait_for_failure(slash).await;
    take(&["wrong_issuer", "found \"https://login.example\"", "slash"]);
}
