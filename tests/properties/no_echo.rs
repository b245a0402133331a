//! No response contains the token, a claim, or a byte that breaks a header: rules 18 to 20.

use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use tower_layer::Layer as _;
use tower_m2m::testing::{Profile, SigningAlgorithm, forged};
use tower_m2m::{AuthorizeLayer, Clock, OrganizationSource, Rejection, Scope};
use tower_service::Service as _;

use super::support::{NOW, issuer, verifier};

/// Sends a request through a layer around a service that responds with 200.
pub(crate) fn send(layer: &AuthorizeLayer, authorization: &str, path: &str) -> Response<String> {
    let inner = tower::service_fn(async |_: Request<String>| {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let request = Request::builder()
        .uri(path)
        .header(header::AUTHORIZATION, authorization)
        .body(String::new())
        .unwrap();
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(async {
            let (parts, body) = layer.layer(inner).call(request).await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
        })
}

/// The string that no response may contain.
const CANARY: &str = "cAnArY";
const HOSTILE: [&str; 8] = [
    "cAnArY",
    "cAnArY\", error=\"none",
    "cAnArY\r\nSet-Cookie: a=b",
    "cAnArY\\",
    "cAnArY\u{0}",
    "cAnArY\u{2028}ü",
    "cAnArY%0d%0a",
    "\"cAnArY\"",
];

/// Rules 18–20.
#[test]
fn responses_contain_no_claim_and_no_token() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Rfc9068, &clock);
    let verifier = verifier(&issuer, &clock, |issuer| issuer);
    let layer = verifier
        .layer()
        .require(Scope::from_static("read:invoices"))
        .organization_from(OrganizationSource::path("/orgs/{org_code}"));
    let mut refused = 0;
    for hostile in HOSTILE {
        let good = issuer.org("org_a").scopes(["read:invoices"]);
        let mut tokens: Vec<_> = [
            "iss",
            "aud",
            "sub",
            "jti",
            "client_id",
            "org_code",
            "scope",
            "exp",
            "nbf",
            "cnf",
            "nonce",
            hostile,
        ]
        .into_iter()
        .map(|claim| good.clone().claim(claim, hostile))
        .collect();
        tokens.extend(
            ["alg", "kid", "typ", "crit", "jku", hostile]
                .map(|name| good.clone().header(name, hostile)),
        );
        for token in tokens {
            // The path of the own organization, and of another one.
            for path in ["/orgs/org_a", "/orgs/org_b"] {
                let response = send(&layer, &token.bearer(), path);
                refused += usize::from(response.status() != 200);
                tells_nothing(&response, &token.token());
            }
        }
    }
    assert!(refused > 200, "{refused}");
}

/// Rule 20.
///
/// The same for every forgery of the corpus.
#[test]
fn responses_contain_no_part_of_a_forgery() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Rfc9068, &clock);
    let layer = verifier(&issuer, &clock, |issuer| issuer).layer();
    for forgery in forged::all(&issuer.org("org_a")) {
        let response = send(&layer, forgery.authorization(), "/");
        assert_eq!(
            response.status().as_u16(),
            forgery.expected().status(),
            "{}",
            forgery.name()
        );
        tells_nothing(&response, forgery.token());
    }
}

/// Rules 18, 19.
///
/// The application's settings are also written in a form that a header can contain.
#[test]
fn settings_cannot_break_the_challenge() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Rfc9068, &clock);
    let verifier = verifier(&issuer, &clock, |issuer| issuer);
    for hostile in HOSTILE {
        let layer = verifier.layer().realm(hostile).resource_metadata(hostile);
        let response = send(&layer, "Basic eA==", "/");
        let challenge = response.headers()[header::WWW_AUTHENTICATE]
            .to_str()
            .unwrap();
        assert_eq!(challenge.matches('"').count(), 4, "{challenge}");
        assert!(
            challenge.starts_with("Bearer realm=\"cAnArY")
                && !challenge.contains(['\\', '\r', '\n']),
            "{challenge}"
        );
    }
}

fn tells_nothing(response: &Response<String>, token: &str) {
    let values: Vec<&[u8]> = response
        .headers()
        .values()
        .map(HeaderValue::as_bytes)
        .collect();
    assert!(
        values
            .iter()
            .copied()
            .flatten()
            .all(|byte| (0x20..=0x7e).contains(byte))
    );
    let mut told: Vec<String> = values
        .into_iter()
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect();
    told.push(response.body().clone());
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        // The output for logs and metrics.
        told.push(format!("{rejection} {rejection:?} {}", rejection.code()));
    }
    for text in told {
        assert!(!text.contains(CANARY), "a claim's value got out: {text}");
        assert!(
            token.len() < 20 || !text.contains(token),
            "the token got out: {text}"
        );
    }
}
