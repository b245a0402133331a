//! Tokens that are bound to a client certificate (RFC 8705), and the header of proxies (RFC 9440).

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::any;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request};
use tower_m2m::testing::forged::certificates;
use tower_m2m::testing::{DpopClient, LocalIssuer, MtlsClient};
use tower_m2m::{
    ClientCertificate, Clock, IpRange, Mtls, PeerAddress, ProofOfPossession, ResourceMetadata,
    Verifier,
};

use crate::support::{BASE, NOW, Outcome, call, trust};

const PROXY: &str = "10.1.2.3:4433";
const OTHER_PEER: &str = "192.0.2.1:4433";

struct Fixture {
    issuer: LocalIssuer,
    clock: Clock,
    client: MtlsClient,
    verifier: Verifier,
    api: Router,
}

fn range(text: &str) -> IpRange {
    text.parse().unwrap()
}

fn mtls() -> Mtls {
    ProofOfPossession::mtls().client_cert_header_from([range("10.0.0.0/8"), range("fd00::/8")])
}

impl Fixture {
    fn new() -> Self {
        Self::with(mtls())
    }

    fn with(mtls: Mtls) -> Self {
        let clock = Clock::manual(NOW);
        let issuer = LocalIssuer::builder()
            .clock(clock.clone())
            .in_process("https://acme.kinde.com")
            .unwrap();
        let trusted = trust(&issuer).proof_of_possession(mtls);
        let builder = Verifier::builder([trusted]).clock(clock.clone());
        let verifier = builder.build().unwrap();
        let api = api(&verifier);
        Self {
            issuer,
            clock,
            client: MtlsClient::new().unwrap(),
            verifier,
            api,
        }
    }

    fn token(&self) -> String {
        let token = self.issuer.org("org_a");
        token.bound_to_certificate(&self.client).token()
    }
}

/// The handler returns the certificate headers that it sees.
fn api(verifier: &Verifier) -> Router {
    Router::new()
        .route("/invoices", any(seen_headers))
        .layer(verifier.layer())
}

async fn seen_headers(headers: HeaderMap) -> String {
    let names = ["client-cert", "client-cert-chain"];
    let seen = names.map(|name| headers.get_all(name).iter().count().to_string());
    seen.join(" ")
}

fn request(token: &str) -> Request<Body> {
    Request::get("/invoices")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap()
}

/// Adds the address of the peer, and a header for each value.
fn from_peer(mut request: Request<Body>, peer: &str, headers: &[&str]) -> Request<Body> {
    let peer = PeerAddress::new(peer.parse().unwrap());
    request.extensions_mut().insert(peer);
    for value in headers {
        let value = value.parse().unwrap();
        request.headers_mut().append("client-cert", value);
    }
    request
}

async fn body_of(outcome: Outcome) -> String {
    let body = axum::body::to_bytes(outcome.response.into_body(), 1024);
    String::from_utf8(body.await.unwrap().to_vec()).unwrap()
}

/// Rules 119, 120, 252, 255.
#[tokio::test]
async fn certificate_of_the_connection_must_be_that_of_the_token() {
    let fixture = Fixture::with(ProofOfPossession::mtls());
    let token = fixture.token();
    let valid = fixture.client.authorize(request(&token), &token);
    assert_eq!(call(&fixture.api, valid).await.summary(), (200, "none"));
    let other = MtlsClient::new().unwrap();
    let outcome = call(&fixture.api, other.authorize(request(&token), &token)).await;
    assert_eq!(outcome.summary(), (401, "wrong_certificate"));
    let challenge = outcome.challenge("Bearer");
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{challenge}"
    );
    let outcome = call(&fixture.api, request(&token)).await;
    assert_eq!(outcome.summary(), (401, "certificate_missing"));
    let challenge = outcome.challenge("Bearer");
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{challenge}"
    );
    // Without ranges, no header counts.
    let header = fixture.client.header();
    for peer in [PROXY, OTHER_PEER, "127.0.0.1:1"] {
        let outcome = call(
            &fixture.api,
            from_peer(request(&token), peer, &[header.as_str()]),
        );
        assert_eq!(
            outcome.await.summary(),
            (401, "certificate_missing"),
            "{peer}"
        );
    }
}

/// Rule 250.
///
/// The token is cached after the first request, and the certificate is still compared.
#[tokio::test]
async fn cached_token_needs_the_certificate_each_time() {
    let fixture = Fixture::new();
    let token = fixture.token();
    for _ in 0..3 {
        let valid = fixture.client.authorize(request(&token), &token);
        assert_eq!(call(&fixture.api, valid).await.summary(), (200, "none"));
        let outcome = call(&fixture.api, request(&token)).await;
        assert_eq!(outcome.summary(), (401, "certificate_missing"));
        let other = MtlsClient::new().unwrap();
        let outcome = call(&fixture.api, other.authorize(request(&token), &token)).await;
        assert_eq!(outcome.summary(), (401, "wrong_certificate"));
    }
}

/// Rules 121, 253, 254, 255, 334.
#[tokio::test]
async fn corpus_of_forged_certificates_is_rejected() {
    let fixture = Fixture::new();
    let good = fixture.issuer.org("org_a");
    let proxy: SocketAddr = PROXY.parse().unwrap();
    let corpus = certificates::corpus(&fixture.client, &good, proxy.ip()).unwrap();
    assert_eq!(corpus.forgeries().len(), 24);
    let send = async |forgery: &certificates::ForgedCertificate| {
        let request = Request::get("/invoices").body(Body::empty()).unwrap();
        call(&fixture.api, forgery.apply(request)).await
    };
    for valid in corpus.valid() {
        assert_eq!(send(valid).await.summary(), (200, "none"));
    }
    for forgery in corpus.forgeries() {
        let outcome = send(forgery).await;
        let description = forgery.description();
        assert_eq!(
            outcome.status.as_u16(),
            forgery.status(),
            "{description} {}",
            outcome.code
        );
        let challenge = outcome.challenge("Bearer");
        let error = format!("error=\"{}\"", forgery.error());
        assert!(challenge.contains(&error), "{description} {challenge}");
    }
}

/// Rule 254.
///
/// IPv4 peers of a socket for both versions, and IPv6 peers.
#[tokio::test]
async fn header_counts_only_from_configured_peers() {
    let fixture = Fixture::new();
    let (token, header) = (fixture.token(), fixture.client.header());
    for (peer, expected) in [
        (PROXY, (200, "none")),
        ("[::ffff:10.1.2.3]:1", (200, "none")),
        ("[fd12::1]:1", (200, "none")),
        (OTHER_PEER, (401, "certificate_missing")),
        ("11.0.0.0:1", (401, "certificate_missing")),
        ("[::ffff:11.0.0.0]:1", (401, "certificate_missing")),
        ("[::10.1.2.3]:1", (401, "certificate_missing")),
        ("[fe80::1]:1", (401, "certificate_missing")),
    ] {
        let sent = from_peer(request(&token), peer, &[header.as_str()]);
        assert_eq!(call(&fixture.api, sent).await.summary(), expected, "{peer}");
    }
    // No address.
    let mut sent = request(&token);
    sent.headers_mut()
        .insert("client-cert", header.parse().unwrap());
    let outcome = call(&fixture.api, sent).await;
    assert_eq!(outcome.summary(), (401, "certificate_missing"));
    // Forwarded headers are not addresses.
    let mut sent = from_peer(request(&token), OTHER_PEER, &[header.as_str()]);
    for (name, value) in [
        ("x-forwarded-for", "10.1.2.3"),
        ("x-real-ip", "10.1.2.3"),
        ("forwarded", "for=10.1.2.3"),
    ] {
        sent.headers_mut().insert(name, value.parse().unwrap());
    }
    let outcome = call(&fixture.api, sent).await;
    assert_eq!(outcome.summary(), (401, "certificate_missing"));
}

/// Rule 254.
///
/// axum passes the address as `ConnectInfo`. `PeerAddress` counts first.
#[tokio::test]
async fn connect_info_of_axum_is_read_too() {
    let fixture = Fixture::new();
    let (token, header) = (fixture.token(), fixture.client.header());
    let connected = |peer: &str| {
        let mut sent = request(&token);
        let peer: SocketAddr = peer.parse().unwrap();
        sent.extensions_mut().insert(ConnectInfo(peer));
        let headers = sent.headers_mut();
        headers.insert("client-cert", header.parse().unwrap());
        sent
    };
    let outcome = call(&fixture.api, connected(PROXY)).await;
    assert_eq!(outcome.summary(), (200, "none"));
    let outcome = call(&fixture.api, connected(OTHER_PEER)).await;
    assert_eq!(outcome.summary(), (401, "certificate_missing"));
    let both = from_peer(connected(PROXY), OTHER_PEER, &[]);
    let outcome = call(&fixture.api, both).await;
    assert_eq!(outcome.summary(), (401, "certificate_missing"));
}

/// Rules 252, 254, 334.
///
/// Behind a configured proxy, the connection's certificate is that of the proxy, which all of its
/// clients share. From another peer, only the connection's certificate counts.
#[tokio::test]
async fn header_and_certificate_of_the_connection_are_not_mixed() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let (own, other) = (fixture.client.header(), MtlsClient::new().unwrap().header());
    for (peer, header, expected) in [
        (PROXY, None, (401, "certificate_missing")),
        (PROXY, Some("::"), (401, "certificate_missing")),
        (PROXY, Some(other.as_str()), (401, "wrong_certificate")),
        (PROXY, Some(own.as_str()), (200, "none")),
        (OTHER_PEER, None, (200, "none")),
        (OTHER_PEER, Some(other.as_str()), (200, "none")),
        // It is not even parsed.
        (OTHER_PEER, Some("-----BEGIN"), (200, "none")),
    ] {
        let sent = fixture.client.authorize(request(&token), &token);
        let headers: Vec<&str> = header.into_iter().collect();
        let sent = from_peer(sent, peer, &headers);
        assert_eq!(
            call(&fixture.api, sent).await.summary(),
            expected,
            "{peer} {header:?}"
        );
    }
}

/// Rules 121, 254.
///
/// A handler sees only certificate headers that a configured peer wrote, also for bearer tokens and
/// without a token.
#[tokio::test]
async fn certificate_headers_of_other_peers_are_removed() {
    let fixture = Fixture::new();
    let plain = trust(&fixture.issuer).clock_of(&fixture.clock);
    let optional = Router::new()
        .route("/invoices", any(seen_headers))
        .layer(fixture.verifier.optional_layer());
    let unbound = fixture.issuer.org("org_a").token();
    let chain = |mut request: Request<Body>| {
        let headers = request.headers_mut();
        headers.append("client-cert-chain", ":AQID:".parse().unwrap());
        request
    };
    let anonymous = || Request::get("/invoices").body(Body::empty()).unwrap();
    let unconfigured = api(&plain);
    for (api, sent, peer, expected) in [
        (&fixture.api, request(&unbound), Some(PROXY), "2 1"),
        (&fixture.api, request(&unbound), Some(OTHER_PEER), "0 0"),
        (&fixture.api, request(&unbound), None, "0 0"),
        (&optional, anonymous(), Some(PROXY), "2 1"),
        (&optional, anonymous(), Some(OTHER_PEER), "0 0"),
        // Without mTLS, the headers have no meaning here.
        (&unconfigured, request(&unbound), Some(OTHER_PEER), "2 1"),
    ] {
        let mut sent = chain(sent);
        for value in [":AQID:", "any"] {
            let value = value.parse().unwrap();
            sent.headers_mut().append("client-cert", value);
        }
        if let Some(peer) = peer {
            sent = from_peer(sent, peer, &[]);
        }
        let outcome = call(api, sent).await;
        assert_eq!(outcome.status, 200);
        assert_eq!(body_of(outcome).await, expected, "{peer:?}");
    }
    // A chain alone.
    let sent = from_peer(chain(request(&unbound)), OTHER_PEER, &[]);
    assert_eq!(body_of(call(&fixture.api, sent).await).await, "0 0");
}

/// Rules 119, 254.
///
/// The proxies of an issuer that is resolved are known only with its claims.
#[tokio::test]
async fn resolved_issuer_has_its_own_proxies() {
    let fixture = Fixture::new();
    let (url, jwks) = (fixture.issuer.url().to_owned(), fixture.issuer.jwks());
    let verifier = Verifier::builder([])
        .clock(fixture.clock.clone())
        .resolve_issuers_with(move |name: String| {
            let issuer = (name == url).then(|| {
                Verifier::issuer(&url)
                    .audience(tower_m2m::testing::AUDIENCE)
                    .jwk_set(jwks.clone())
                    .proof_of_possession(mtls())
            });
            std::future::ready(Ok::<_, tower_m2m::BoxError>(issuer))
        })
        .build()
        .unwrap();
    let api = api(&verifier);
    let (token, header) = (fixture.token(), fixture.client.header());
    let sent = |peer| from_peer(request(&token), peer, &[header.as_str()]);
    let outcome = call(&api, sent(PROXY)).await;
    assert_eq!(outcome.summary(), (200, "none"));
    assert_eq!(body_of(outcome).await, "1 0");
    let outcome = call(&api, sent(OTHER_PEER)).await;
    assert_eq!(outcome.summary(), (401, "certificate_missing"));
    let direct = fixture.client.authorize(sent(OTHER_PEER), &token);
    let outcome = call(&api, direct).await;
    assert_eq!(outcome.summary(), (200, "none"));
    assert_eq!(body_of(outcome).await, "0 0");
}

/// Rules 123, 249.
#[tokio::test]
async fn token_with_two_bindings_needs_key_and_certificate() {
    let fixture = Fixture::new();
    let dpop = DpopClient::new().unwrap().clock(fixture.clock.clone());
    let trusted = trust(&fixture.issuer)
        .proof_of_possession(mtls())
        .proof_of_possession(ProofOfPossession::dpop(BASE));
    let api = api(&trusted.clock_of(&fixture.clock));
    let bound = |builder: tower_m2m::testing::TokenBuilder| builder.bound_to(&dpop);
    let both = bound(
        fixture
            .issuer
            .org("org_a")
            .bound_to_certificate(&fixture.client),
    )
    .token();
    let key_only = bound(fixture.issuer.org("org_a")).token();
    let certificate_only = fixture.token();
    let certificate = fixture.client.certificate();
    let other = MtlsClient::new().unwrap().certificate();
    // The token, the certificate, and whether there is a proof.
    for (token, certificate, has_proof, expected) in [
        (&both, Some(&certificate), true, (200, "none")),
        (&both, None, true, (401, "certificate_missing")),
        (&both, Some(&other), true, (401, "wrong_certificate")),
        (
            &both,
            Some(&certificate),
            false,
            (401, "sender_constrained"),
        ),
        (&both, None, false, (401, "certificate_missing")),
        (&key_only, None, true, (200, "none")),
        (
            &key_only,
            Some(&certificate),
            false,
            (401, "sender_constrained"),
        ),
        (&certificate_only, Some(&certificate), false, (200, "none")),
        (&certificate_only, None, false, (401, "certificate_missing")),
        // The scheme is for tokens that are bound to a key.
        (
            &certificate_only,
            Some(&certificate),
            true,
            (401, "not_bound_to_key"),
        ),
    ] {
        let mut sent = Request::get("/invoices").body(Body::empty()).unwrap();
        sent = if has_proof {
            dpop.authorize(sent, BASE, token)
        } else {
            request(token)
        };
        if let Some(certificate) = certificate {
            sent.extensions_mut().insert(certificate.clone());
        }
        assert_eq!(call(&api, sent).await.summary(), expected);
    }
}

/// Rules 249, 255.
///
/// The other method does not check a certificate.
#[tokio::test]
async fn certificate_bound_token_is_rejected_without_the_method() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let dpop = trust(&fixture.issuer).proof_of_possession(ProofOfPossession::dpop(BASE));
    for issuer in [trust(&fixture.issuer), dpop] {
        let api = api(&issuer.clock_of(&fixture.clock));
        let sent = fixture.client.authorize(request(&token), &token);
        let outcome = call(&api, sent).await;
        assert_eq!(outcome.summary(), (401, "sender_constrained"));
    }
}

/// Rule 248.
#[tokio::test]
async fn either_method_satisfies_the_requirement() {
    let fixture = Fixture::new();
    let dpop = DpopClient::new().unwrap().clock(fixture.clock.clone());
    let verifier = trust(&fixture.issuer)
        .proof_of_possession(mtls())
        .proof_of_possession(ProofOfPossession::dpop(BASE))
        .clock_of(&fixture.clock);
    let inner = any(seen_headers).layer(verifier.layer());
    let api = Router::new()
        .route("/invoices", inner)
        .layer(verifier.layer().require_proof_of_possession());
    let unbound = fixture.issuer.org("org_a").token();
    // A certificate does not bind a bearer token.
    let sent = fixture.client.authorize(request(&unbound), &unbound);
    let outcome = call(&api, sent).await;
    assert_eq!(outcome.summary(), (401, "proof_of_possession_required"));
    outcome.challenge("Bearer");
    outcome.challenge("DPoP");
    let token = fixture.token();
    let sent = fixture.client.authorize(request(&token), &token);
    assert_eq!(call(&api, sent).await.summary(), (200, "none"));
    let token = fixture.issuer.org("org_a").bound_to(&dpop).token();
    let sent = Request::get("/invoices").body(Body::empty()).unwrap();
    let sent = dpop.authorize(sent, BASE, &token);
    assert_eq!(call(&api, sent).await.summary(), (200, "none"));
}

/// Rule 251.
#[tokio::test]
async fn verify_request_checks_the_certificate() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let verifier = &fixture.verifier;
    let result_of = async |request: Request<Body>| {
        let (parts, _) = request.into_parts();
        let result = verifier.verify_request(&parts).await;
        result.map_err(|rejection| rejection.code())
    };
    let valid = fixture.client.authorize(request(&token), &token);
    assert!(result_of(valid).await.unwrap().is_bound());
    let header = fixture.client.header();
    let proxied = |headers: &[&str]| from_peer(request(&token), PROXY, headers);
    assert!(result_of(proxied(&[&header])).await.is_ok());
    assert_eq!(
        result_of(request(&token)).await.unwrap_err(),
        "certificate_missing"
    );
    assert_eq!(
        result_of(proxied(&[&header, &header])).await.unwrap_err(),
        "multiple_certificate_headers"
    );
    let rejected = verifier.verify(&token).await.unwrap_err();
    assert_eq!(rejected.code(), "sender_constrained");
}

/// Rule 257.
#[test]
fn settings_are_checked_and_shown() {
    let fixture = Fixture::new();
    let build = |mtls: Mtls| {
        let built = trust(&fixture.issuer).proof_of_possession(mtls).build();
        built.map_err(|error| error.to_string())
    };
    let error = build(ProofOfPossession::mtls().client_cert_header_from([])).unwrap_err();
    assert!(error.starts_with("proof_of_possession: "), "{error}");
    let twice = trust(&fixture.issuer)
        .proof_of_possession(mtls())
        .proof_of_possession(mtls());
    assert!(twice.build().is_err());

    let weak = |verifier: &Verifier| {
        let weak = verifier.weak_settings();
        weak.iter()
            .any(|weak| weak.setting == "client_cert_header_from")
    };
    assert!(!weak(&fixture.verifier));
    let all = |text: &str| ProofOfPossession::mtls().client_cert_header_from([range(text)]);
    for broad in ["0.0.0.0/0", "::/0", "128.0.0.0/1"] {
        assert!(weak(&build(all(broad)).unwrap()), "{broad}");
    }

    let document = |verifier: &Verifier| -> serde_json::Value {
        let metadata = ResourceMetadata::new(verifier, BASE).unwrap();
        serde_json::from_str(&metadata.require_proof_of_possession().to_json()).unwrap()
    };
    let name = "tls_client_certificate_bound_access_tokens";
    assert_eq!(document(&fixture.verifier)[name], true);
    let plain = document(&trust(&fixture.issuer).build().unwrap());
    assert!(plain.get(name).is_none());
    let both = trust(&fixture.issuer)
        .proof_of_possession(mtls())
        .proof_of_possession(ProofOfPossession::dpop(BASE));
    let both = document(&both.build().unwrap());
    assert_eq!(both[name], true);
    // A certificate is accepted in place of a key.
    assert!(both.get("dpop_bound_access_tokens_required").is_none());
}

#[tokio::test]
async fn explanation_names_the_certificate() {
    let fixture = Fixture::new();
    let explanation = fixture.verifier.explain(&fixture.token()).await.to_string();
    for text in [
        "x5t#S256 with the client certificate of the connection",
        "REJECTED (sender_constrained)",
    ] {
        assert!(explanation.contains(text), "{explanation}");
    }
}

#[test]
fn debug_shows_no_thumbprint_and_no_key() {
    let client = MtlsClient::new().unwrap();
    let certificate = ClientCertificate::from_der(client.certificate_der());
    assert_eq!(format!("{certificate:?}"), "ClientCertificate { .. }");
    assert_eq!(format!("{client:?}"), "MtlsClient { .. }");
    assert_eq!(certificate, client.certificate());
}

trait ClockOf {
    fn clock_of(self, clock: &Clock) -> Verifier;
}

impl ClockOf for tower_m2m::Issuer {
    fn clock_of(self, clock: &Clock) -> Verifier {
        let builder = Verifier::builder([self]).clock(clock.clone());
        builder.build().unwrap()
    }
}
