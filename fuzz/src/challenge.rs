//! Checks the responses to rejected requests: for all claims and settings, the headers are
//! well-formed and reveal no claim.

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use axum::response::IntoResponse as _;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tower_m2m::token::ScopeRequirement;
use tower_m2m::{OrganizationSource, Rejection, Scope, Verifier};

use crate::support::{self, AUDIENCE, ISSUER, KID, NOW};

/// Starts every claim under test. No response may contain it.
const CANARY: &str = "cAnArY";

#[derive(Arbitrary, Debug)]
struct Case {
    realm: String,
    resource_metadata: Option<String>,
    scopes: Vec<String>,
    /// Written into a claim, after the canary.
    text: String,
    claim: Claim,
    expires_in: i8,
    is_grpc: bool,
    is_hidden: bool,
    is_only_global: bool,
    path: String,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Claim {
    Client,
    Organization,
    Audience,
    Scope,
    Subject,
    TokenId,
    Kid,
    Type,
    Unknown,
}

thread_local! {
    static VERIFIER: Verifier = support::issuer(|issuer| issuer);
}

/// Checks one case: the bytes choose a token, a layer, and a request.
pub fn check(data: &[u8]) {
    let Ok(case) = Case::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    // Responses contain the application's own settings, without the characters that are not
    // allowed in a header. Skip the case if the settings contain the canary.
    let settings = [
        &case.realm,
        case.resource_metadata.as_ref().unwrap_or(&case.realm),
        &case.path,
    ];
    let told: String = settings
        .into_iter()
        .chain(&case.scopes)
        .flat_map(|text| text.chars().chain(['|']))
        .filter(char::is_ascii_graphic)
        .collect();
    if told.replace(['"', '\\'], "").contains(CANARY) {
        return;
    }
    let required: Vec<Scope> = case
        .scopes
        .iter()
        .filter_map(|scope| Scope::new(scope.clone()).ok())
        .collect();
    let mut layer = VERIFIER.with(Verifier::layer).realm(case.realm.clone());
    if let Some(url) = &case.resource_metadata {
        layer = layer.resource_metadata(url.clone());
    }
    if case.is_hidden {
        layer = layer.hide_organizations();
    }
    if case.is_only_global {
        layer = layer.only_global();
    }
    if case.is_grpc {
        layer = layer.grpc();
    }
    let layer = layer
        .require(ScopeRequirement::all(required.clone()))
        .organization_from(OrganizationSource::path("/{org_code}"));

    let token = token(&case);
    let uri = if case.path.starts_with('/') {
        case.path.parse().ok()
    } else {
        None
    };
    let mut request =
        Request::builder().uri(uri.unwrap_or_else(|| http::Uri::from_static("/org_a")));
    request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    let response = support::send(&layer, request.body(String::new()).expect("a request"));
    let Some(rejection) = response.extensions().get::<Rejection>() else {
        assert_eq!(response.status(), StatusCode::OK);
        return;
    };
    let told = format!("{rejection} {rejection:?} {}", rejection.code());
    assert!(
        !told.contains(CANARY) && !told.contains(&token),
        "a log line would contain a claim or the token"
    );
    clean(&response, &token, case.is_grpc);

    // A handler can return the same rejection.
    let rejection = if required.is_empty() {
        rejection.clone()
    } else {
        Rejection::InsufficientScope(ScopeRequirement::any(required))
    };
    let (parts, body) = rejection.into_response().into_parts();
    let body = support::now(http_body_util::BodyExt::collect(body))
        .expect("a body of bytes")
        .to_bytes()
        .to_vec();
    clean(&Response::from_parts(parts, body), &token, false);
}

fn token(case: &Case) -> String {
    let text = format!("{CANARY}{}", case.text);
    let mut header = json!({ "alg": "EdDSA", "kid": KID });
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + i64::from(case.expires_in), "client_id": "c", "org_code": "org_a",
    });
    let name = match case.claim {
        Claim::Client => "client_id",
        Claim::Organization => "org_code",
        Claim::Audience => "aud",
        Claim::Scope => "scope",
        Claim::Subject => "sub",
        Claim::TokenId => "jti",
        Claim::Unknown => text.as_str(),
        Claim::Kid => {
            header["kid"] = text.as_str().into();
            "x"
        }
        Claim::Type => {
            header["typ"] = text.as_str().into();
            "x"
        }
    };
    claims[name] = text.as_str().into();
    support::sign(header.to_string().as_bytes(), claims.to_string().as_bytes())
}

fn clean(response: &Response<Vec<u8>>, token: &str, is_grpc: bool) {
    for (name, value) in response.headers() {
        assert!(
            value
                .as_bytes()
                .iter()
                .all(|byte| (0x20..=0x7e).contains(byte)),
            "{name} has bytes that break a header"
        );
        let text = value.to_str().expect("ASCII");
        assert!(
            !text.contains(CANARY) && !text.contains(token),
            "{name} contains a claim or the token"
        );
    }
    let body = std::str::from_utf8(response.body()).expect("UTF-8");
    assert!(
        !body.contains(CANARY) && !body.contains(token),
        "the body contains a claim or the token"
    );
    assert!(response.headers().get_all(WWW_AUTHENTICATE).iter().count() <= 1);
    let challenge = response
        .headers()
        .get(WWW_AUTHENTICATE)
        .map(|value| parameters(value.to_str().expect("ASCII")));
    let error = challenge
        .as_ref()
        .and_then(|parameters| parameters.iter().find(|(name, _)| name == "error"));
    let error = error.map(|(_, value)| value.as_str());
    if is_grpc {
        assert_eq!((response.status(), body), (StatusCode::OK, ""));
        assert!(response.headers().contains_key("grpc-status"));
        return;
    }
    // RFC 6750 §3.1: status and error code belong together.
    let expected: &[Option<&str>] = match response.status().as_u16() {
        400 => &[Some("invalid_request")],
        401 => &[None, Some("invalid_token")],
        403 => &[None, Some("insufficient_scope")],
        404 => &[None],
        503 => &[None],
        500 => &[None],
        other => panic!("unexpected status {other}"),
    };
    assert!(
        expected.contains(&error),
        "{} with {error:?}",
        response.status()
    );
    assert!(
        response.status() != StatusCode::UNAUTHORIZED || challenge.is_some(),
        "401 without a challenge"
    );
    assert_eq!(
        response.status() == StatusCode::SERVICE_UNAVAILABLE,
        response.headers().contains_key(RETRY_AFTER)
    );
    let problem: Value = serde_json::from_str(body).expect("a problem document");
    assert_eq!(problem["status"], response.status().as_u16());
}

/// Parses `Bearer name="value", …` strictly, with unique names (RFC 9110 §11.6.1, RFC 6750 §3).
fn parameters(challenge: &str) -> Vec<(String, String)> {
    let mut rest = challenge
        .strip_prefix("Bearer ")
        .expect("the scheme, and at least one parameter");
    let (mut all, mut names) = (Vec::new(), BTreeSet::new());
    loop {
        let (name, after) = rest.split_once("=\"").expect("a name");
        assert!(
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{name}"
        );
        let (value, after) = after.split_once('"').expect("a quoted value");
        assert!(!value.contains('\\'));
        assert!(names.insert(name.to_owned()), "{name} is duplicate");
        if name == "scope" {
            assert!(
                value
                    .split(' ')
                    .all(|scope| scope.is_empty() == value.is_empty()),
                "double spaces"
            );
        }
        all.push((name.to_owned(), value.to_owned()));
        if after.is_empty() {
            return all;
        }
        rest = after
            .strip_prefix(", ")
            .expect("a comma between two parameters");
    }
}
