//! Explanations agree with `verify` and contain no values of the token.

use std::time::Duration;

use serde_json::{Value, json};
use tower_m2m::testing::{AUDIENCE, Endpoint, Fault, LocalIssuer, SigningKey, forged};
use tower_m2m::{Algorithm, Check, Explanation, Outcome, Rejection, Verifier};

use super::support::fixture;

const MACHINE: &str = "/gty is or contains client_credentials, and none of authorization_code or refresh_token or \
     implicit or password or urn:ietf:params:oauth:grant-type:device_code";

fn failed(explanation: &Explanation) -> Vec<&'static str> {
    let failed = explanation
        .checks()
        .iter()
        .filter(|check| check.outcome() == Outcome::Failed);
    failed.map(Check::name).collect()
}

/// For every forged token, the result equals that of `verify`, one check failed, no later check is
/// reported as passed, and the output contains no part of the token.
#[tokio::test]
async fn explanation_agrees_with_verifier_on_every_forgery() {
    let (issuer, verifier) = fixture();
    let good = issuer.org("org_a").scopes(["read:invoices"]);
    for forgery in forged::all(&good) {
        let token = forgery.token();
        let verdict = verifier.verify(token).await.map(|_| ());
        let explanation = verifier.explain(token).await;
        assert_eq!(
            explanation.rejection(),
            verdict.as_ref().err(),
            "{}",
            forgery.name()
        );
        assert!(verdict.is_err(), "{}", forgery.name());
        assert_eq!(
            failed(&explanation).len(),
            1,
            "{}\n{explanation}",
            forgery.name()
        );
        let after = explanation
            .checks()
            .iter()
            .skip_while(|check| check.outcome() != Outcome::Failed)
            .skip(1);
        assert!(
            after
                .into_iter()
                .all(|check| check.outcome() == Outcome::NotReached),
            "{}\n{explanation}",
            forgery.name()
        );
        let shown = format!(
            "{explanation}{}{explanation:?}",
            serde_json::to_string(&explanation).unwrap()
        );
        for part in token.split('.').filter(|part| part.len() > 16) {
            assert!(!shown.contains(part), "{}", forgery.name());
        }
    }
}

#[tokio::test]
async fn valid_token_passes_every_required_check() {
    let (issuer, verifier) = fixture();
    for token in [
        issuer.org("org_a").scopes(["read:invoices"]).token(),
        issuer.global().token(),
    ] {
        // The second time the token is cached, which makes no difference.
        for _ in 0..2 {
            let explanation = verifier.explain(&token).await;
            assert_eq!(explanation.rejection(), None);
            for check in explanation.checks() {
                let expected = if check.expected().is_some() {
                    Outcome::Passed
                } else {
                    Outcome::NotRequired
                };
                assert_eq!(check.outcome(), expected, "{}", check.name());
            }
            assert!(explanation.to_string().ends_with("ACCEPTED"));
        }
    }
}

/// The check at which a token fails, and its explanation.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
async fn explanation_names_the_failed_check() {
    let (issuer, _) = fixture();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .allow_clients(["svc"])
        .allow_organizations(["org_a"])
        .custom_claims::<Custom>()
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    let good = issuer.org("org_a").client("svc").scopes(["read:invoices"]);
    assert_eq!(verifier.explain(&good.token()).await.rejection(), None);
    let stranger = SigningKey::generate(tower_m2m::testing::SigningAlgorithm::Rs256).unwrap();
    for (token, check, saw) in [
        ("x".repeat(9000), "length", "9000 bytes"),
        (
            "a.b c.d".to_owned(),
            "characters",
            "other characters, or none",
        ),
        ("k_live_0123".to_owned(), "segments", "0 dots"),
        (
            format!("{}{}", good.token(), "A".repeat(4000)),
            "encoding",
            "header and claims",
        ),
        (
            format!("{}=", good.token()),
            "encoding",
            "header and claims",
        ),
        (
            good.clone().header("alg", "none").token(),
            "header",
            "unreadable",
        ),
        (with_payload(&good.token(), "W10"), "claims set", ""),
        (
            good.clone().claim("iss", "https://acme.kinde.com/").token(),
            "issuer",
            "host acme.kinde.com",
        ),
        (
            good.clone().header("typ", "secevent+jwt").token(),
            "type",
            "typ SecurityEvent",
        ),
        (
            good.clone().header("alg", "ES256").token(),
            "algorithm",
            "alg ES256",
        ),
        (good.clone().signed_with(&stranger).token(), "key", "kid "),
        (
            good.clone()
                .signed_with(&stranger)
                .header("kid", issuer.signing_key().kid())
                .token(),
            "signature",
            "",
        ),
        (
            good.clone().claim("nonce", "n").token(),
            "kind of token",
            "nonce",
        ),
        (
            good.clone().claim("nbf", "soon").token(),
            "dates",
            "exp a number, nbf a string, iat a number",
        ),
        (good.clone().without("exp").token(), "dates", "exp absent, "),
        (
            good.clone().expired_by(Duration::from_secs(3600)).token(),
            "expiry",
            "exp 36",
        ),
        (
            good.clone().claim("nbf", 4_000_000_000_u32).token(),
            "not before",
            "nbf in ",
        ),
        (
            good.clone().issued_at(4_000_000_000).token(),
            "issued at",
            "iat in ",
        ),
        (
            good.clone()
                .audiences(["https://other.example", "b"])
                .token(),
            "audience",
            "/aud is an array of length 2",
        ),
        (
            good.clone().without("aud").token(),
            "audience",
            "/aud is absent",
        ),
        (
            good.clone().claim("cnf", json!({ "jkt": "x" })).token(),
            "binding",
            "/cnf is an object",
        ),
        (
            good.clone().claim("act", json!({ "sub": "x" })).token(),
            "delegation",
            "/act is an object",
        ),
        (
            good.clone().without("gty").token(),
            "machine",
            "/gty is absent",
        ),
        (
            good.clone().claim("jti", 7).token(),
            "identifiers",
            "/sub is absent, /jti is a number",
        ),
        (
            good.clone().without("azp").token(),
            "client",
            "/azp is absent",
        ),
        (
            good.clone().org("org a").token(),
            "organization",
            "/org_code is a string of length 5",
        ),
        (
            good.clone().claim("scope", 7).token(),
            "scope",
            "/scope is a number",
        ),
        (
            good.clone().claim("scope", "\"").token(),
            "scope",
            "/scope is a string of length 1",
        ),
        (good.clone().claim("plan", 7).token(), "custom claims", ""),
        (
            good.clone().client("other").token(),
            "client allowed",
            "/azp is a string of length 5",
        ),
        (
            good.clone().org("org_b").token(),
            "organization allowed",
            "/org_code is a string of length 5",
        ),
    ] {
        let explanation = verifier.explain(&token).await;
        assert_eq!(failed(&explanation), [check], "{explanation}");
        let mut before = explanation
            .checks()
            .iter()
            .take_while(|before| before.name() != check);
        assert!(
            before.all(|before| matches!(before.outcome(), Outcome::Passed | Outcome::NotRequired)),
            "{explanation}"
        );
        let failed = explanation
            .checks()
            .iter()
            .find(|found| found.name() == check)
            .unwrap();
        assert!(
            failed.found().starts_with(saw),
            "{check}: {}",
            failed.found()
        );
        assert!(
            explanation.to_string().contains(" FAILED ")
                && explanation.to_string().contains("\nREJECTED (")
        );
    }
}

/// The explanation lists the requirements of the configuration: all settings, and the defaults.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
async fn explanation_lists_exactly_the_configured_checks() {
    let (issuer, lenient) = fixture();
    let strict = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .require_rfc9068()
        .max_age(Duration::from_secs(600));
    let strict = strict
        .leeway(Duration::ZERO)
        .allow_clients(["svc"])
        .allow_organizations(["org_a", "org_b"]);
    let strict = strict
        .custom_claims::<Custom>()
        .algorithms([Algorithm::RS256])
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    let anything = Verifier::kinde("acme")
        .dangerous_accept_any_audience()
        .allow_any_grant_type()
        .jwk_set(issuer.jwks());
    let anything = anything.build().unwrap();
    let key = format!("one of {} RS256", issuer.signing_key().kid());
    let always: [(&str, &str); 15] = [
        ("length", "at most 8192 bytes"),
        ("characters", "only characters of a bearer token"),
        ("segments", "2 dots and a signature"),
        ("encoding", "canonical base64url without padding"),
        (
            "header",
            "one JSON object with a known alg, without crit and b64",
        ),
        ("claims set", "one JSON object, no duplicate claim"),
        ("issuer", "exactly https://acme.kinde.com"),
        ("algorithm", "RS256"),
        ("key", &key),
        ("signature", "made with the issuer's key"),
        ("kind of token", "no claim of ID, logout or proof tokens"),
        ("dates", "a number in exp, and in nbf and iat if present"),
        ("binding", "absent, because it is used as a bearer token"),
        ("delegation", "absent"),
        ("client", "a string in azp"),
    ];
    let mixed = [
        (
            "type",
            "absent, JWT or at+jwt",
            "at+jwt",
            "absent, JWT or at+jwt",
        ),
        (
            "expiry",
            "in the future, 30 s tolerated",
            "in the future, 0 s tolerated",
            "in the future, 30 s tolerated",
        ),
        (
            "not before",
            "in the past if present, 30 s tolerated",
            "in the past if present, 0 s tolerated",
            "in the past if present, 30 s tolerated",
        ),
        (
            "issued at",
            "not in the future, 30 s tolerated",
            "at most 600 s ago, 0 s tolerated",
            "not in the future, 30 s tolerated",
        ),
        ("audience", AUDIENCE, AUDIENCE, "-"),
        ("machine", MACHINE, MACHINE, "-"),
        (
            "identifiers",
            "strings if present",
            "sub, client_id, iat and jti present",
            "strings if present",
        ),
        ("custom claims", "-", "the application's type", "-"),
        ("client allowed", "-", "one of 1 allowed clients", "-"),
        (
            "organization allowed",
            "-",
            "one of 2 allowed organizations",
            "-",
        ),
        ("application's check", "-", "-", "-"),
    ];
    for (verifier, of) in [(lenient, 0), (strict, 1), (anything, 2)] {
        let explanation = verifier.explain(&issuer.org("org_a").token()).await;
        let demanded = |name| {
            let check = explanation
                .checks()
                .iter()
                .find(|check| check.name() == name)
                .unwrap();
            check.expected().unwrap_or("-")
        };
        for (name, said) in always {
            assert_eq!(demanded(name), said, "{name}");
        }
        for (name, lenient, strict, anything) in mixed {
            assert_eq!(demanded(name), [lenient, strict, anything][of], "{name}");
        }
        assert_eq!(demanded("organization"), "absent, or an organization code");
        assert_eq!(
            demanded("scope"),
            "an array or a space-separated string if present"
        );
    }
}

/// If a token names no issuer, it is compared with the rules of the only issuer, or with none if
/// there are several.
#[tokio::test]
async fn explanation_of_a_non_token_uses_the_only_issuer() {
    let (issuer, one) = fixture();
    let trust = |domain| {
        Verifier::kinde(domain)
            .audience(AUDIENCE)
            .jwk_set(issuer.jwks())
    };
    let two = Verifier::builder([trust("acme"), trust("other")])
        .build()
        .unwrap();
    for (verifier, demanded) in [(one, Some(AUDIENCE)), (two, None)] {
        let explanation = verifier.explain("text").await;
        let audience = explanation
            .checks()
            .iter()
            .find(|check| check.name() == "audience")
            .unwrap();
        assert_eq!(
            (audience.expected(), failed(&explanation)),
            (demanded, vec!["segments"])
        );
    }
}

/// Returns the token with another payload, in base64url.
fn with_payload(token: &str, payload: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    [parts[0], payload, parts[2]].join(".")
}

#[derive(serde::Deserialize)]
struct Custom {
    #[allow(dead_code)]
    plan: Option<String>,
}

/// If the key of a token is not available, its claims are checked before the key is fetched. So
/// neither key nor signature is reported as valid.
#[tokio::test]
async fn unchecked_signature_is_not_reported_as_valid() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.set_fault(
        Endpoint::Jwks,
        Fault::status(http::StatusCode::INTERNAL_SERVER_ERROR),
    );
    let verifier = Verifier::kinde(issuer.url())
        .audience(AUDIENCE)
        .build()
        .unwrap();
    let outcome = async |token: String, name: &str| {
        let explanation = verifier.explain(&token).await;
        explanation
            .checks()
            .iter()
            .find(|check| check.name() == name)
            .unwrap()
            .outcome()
    };
    let good = issuer.org("org_a");
    let expired = good.clone().expired_by(Duration::from_secs(3600)).token();
    assert_eq!(outcome(expired.clone(), "issuer").await, Outcome::Passed);
    assert_eq!(outcome(expired.clone(), "expiry").await, Outcome::Failed);
    assert_eq!(outcome(expired.clone(), "key").await, Outcome::NotReached);
    assert_eq!(outcome(expired, "signature").await, Outcome::NotReached);
    assert_eq!(outcome(good.token(), "key").await, Outcome::Failed);
    assert!(matches!(
        verifier.explain(&good.token()).await.rejection(),
        Some(Rejection::KeysUnavailable { .. })
    ));
}

#[tokio::test]
async fn personal_data_claims_are_listed_without_values() {
    let (issuer, verifier) = fixture();
    let token = issuer
        .org("org_a")
        .claim("email", "ada@acme.com")
        .claim("plan", "gold")
        .property("phone", "+4917012345");
    let explanation = verifier.explain(&token.token()).await;
    assert_eq!(explanation.personal_data(), ["email", "phone"]);
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(
        (&json["verdict"], &json["personal_data"]),
        (&json!("accepted"), &json!(["email", "phone"]))
    );
    assert_eq!(
        json["checks"][6],
        json!({ "name": "issuer", "outcome": "passed", "found": "host acme.kinde.com", "expected": "exactly https://acme.kinde.com" })
    );
    let shown = format!("{explanation}{json}");
    assert!(shown.contains("\nlooks like personal data: email, phone\n"));
    for value in ["ada@acme.com", "gold", "+4917012345", "org_a"] {
        assert!(!shown.contains(value), "{value}");
    }
    assert_eq!(json.get("reason"), None::<&Value>);
}

/// The decision of a route as a request gets it.
async fn decided(
    layer: &tower_m2m::AuthorizeLayer,
    token: &str,
    organization: Option<&str>,
) -> Option<Rejection> {
    use tower::ServiceExt as _;

    let handler = || axum::routing::get(async || "hello");
    let app = axum::Router::new()
        .route("/orgs/{org_code}", handler())
        .route("/none", handler())
        .route_layer(layer.clone());
    let path = organization.map_or("/none".to_owned(), |code| format!("/orgs/{code}"));
    let request = http::Request::get(path)
        .header("authorization", format!("Bearer {token}"))
        .body(axum::body::Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    response.extensions().get::<Rejection>().cloned()
}

/// Row B8: a token that the verifier accepts and a route rejects.
#[tokio::test]
async fn explanation_of_a_route_agrees_with_its_decision() {
    let read = || tower_m2m::Scope::from_static("read:x");
    let act = || tower_m2m::Scope::from_static("act:any");
    let (issuer, verifier) = fixture();
    let layers = [
        verifier.layer(),
        verifier.layer().require(read()),
        verifier.layer().hide_organizations(),
        verifier.layer().allow_global(),
        verifier.layer().require(read()).allow_global_with(act()),
        verifier.layer().require(read()).only_global(),
    ];
    let tokens = [
        issuer.org("org_a").token(),
        issuer.org("org_a").scopes(["read:x"]).token(),
        issuer.global().scopes(["act:any"]).token(),
        issuer.global().scopes(["act:any", "read:x"]).token(),
        issuer
            .org("org_a")
            .audience("https://other.example")
            .token(),
    ];
    for layer in &layers {
        for token in &tokens {
            for organization in [None, Some("org_a"), Some("org_b")] {
                let expected = decided(layer, token, organization).await;
                let explanation = layer.explain(token, organization).await;
                assert_eq!(explanation.rejection(), expected.as_ref(), "{explanation}");
                let failures = usize::from(expected.is_some());
                assert_eq!(failed(&explanation).len(), failures, "{explanation}");
                assert_eq!(
                    explanation.to_string().contains("REJECTED"),
                    expected.is_some()
                );
            }
        }
    }
    let lacking = layers[1].explain(&tokens[0], None).await;
    assert_eq!(failed(&lacking), ["required scopes"]);
    let row = lacking.checks().last().unwrap();
    assert_eq!(row.found(), "not granted: read:x");
    assert_eq!(row.expected(), Some("read:x"));
    let wrong = layers[0].explain(&tokens[0], Some("org_b")).await;
    assert_eq!(failed(&wrong), ["route organization"]);
    let global = layers[0].explain(&tokens[2], None).await;
    assert_eq!(failed(&global), ["access"]);
    let rejected = layers[0].explain(&tokens[4], None).await;
    assert_eq!(failed(&rejected), ["audience"]);
    assert_eq!(
        rejected.checks().last().unwrap().outcome(),
        Outcome::NotReached
    );
}

/// Row B8: a route of an inventory explains itself, and a public one has no checks.
#[tokio::test]
async fn route_of_an_inventory_explains_a_token() {
    let (issuer, verifier) = fixture();
    let (_, inventory): (axum::Router, _) = tower_m2m::Routes::new()
        .get("/orgs/{org_code}", async || "hello", verifier.layer())
        .get("/healthz", async || "ok", tower_m2m::Public)
        .build()
        .unwrap();
    let token = issuer.org("org_a").token();
    let mut routes = inventory.iter();
    let explanation = routes.next().unwrap().explain(&token, Some("org_b")).await;
    assert_eq!(failed(&explanation.unwrap()), ["route organization"]);
    assert!(routes.next().unwrap().explain(&token, None).await.is_none());
}

/// Row B8: on request, the person who holds the token sees four claims, escaped, and never the
/// token.
#[tokio::test]
async fn explanation_shows_values_only_on_request() {
    let (issuer, verifier) = fixture();
    let odd = "https://other.example/\n\u{1b}[31m";
    let token = issuer
        .org("org_a")
        .scopes(["read:x", "write:x"])
        .claim("aud", json!([odd, "b"]))
        .claim("email", "someone@example.com")
        .token();
    let values = [
        "https://other.example/\\n\\u{1b}[31m",
        "https://acme.kinde.com",
        "read:x write:x",
        "\"org_a\"",
    ];
    let layer = verifier.layer();
    for explanation in [
        verifier.explain_with_values(&token).await,
        layer.explain_with_values(&token, Some("org_a")).await,
    ] {
        assert_eq!(failed(&explanation), ["audience"]);
        let text = explanation.to_string();
        for value in values {
            assert!(text.contains(value), "{value}: {text}");
        }
        let json = serde_json::to_string(&explanation).unwrap();
        for shown in [text, json, format!("{explanation:?}")] {
            assert!(!shown.contains("someone@") && !shown.contains('\u{1b}'));
            for part in token.split('.') {
                assert!(!shown.contains(part));
            }
        }
    }
    let hidden = [
        verifier.explain(&token).await,
        layer.explain(&token, None).await,
    ];
    for explanation in hidden {
        for value in ["other.example", "read:x", "\"org_a\""] {
            assert!(!explanation.to_string().contains(value), "{explanation}");
        }
    }
    // A long value is cut.
    let long = issuer.org("org_a").claim("aud", "a".repeat(2000)).token();
    let text = verifier.explain_with_values(&long).await.to_string();
    assert!(text.contains(&"a".repeat(256)) && !text.contains(&"a".repeat(257)));
}
