//! Checks which organization a request concerns: either the layer compares the value that the
//! handler will read, or it rejects the request.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::RawPathParams;
use axum::routing::get;
use axum::{Router, http::Request};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue, StatusCode, Uri};
use tower_m2m::{AuthorizeLayer, OrganizationSource};
use tower_service::Service as _;

use crate::support::{self, AUDIENCE, ISSUER, KID, NOW};

const ORGANIZATIONS: [&str; 7] = ["org_a", "org_b", "ü", "%41", "a/b", "..", "ORG_A"];
const TEMPLATES: [&str; 4] = [
    "/orgs/{org_code}/invoices",
    "/{org_code}",
    "/a/{org_code}/b/{other}",
    "/orgs/{org_code}/{id}/x",
];
const X_ORG: HeaderName = HeaderName::from_static("x-org");
const BASE: &str = "api.example";

struct Fixture {
    tokens: Vec<HeaderValue>,
    /// For each template: the layer of an unrouted service, and an axum router.
    templates: Vec<(AuthorizeLayer, Router)>,
    header: AuthorizeLayer,
    subdomain: AuthorizeLayer,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let verifier = support::issuer(|issuer| issuer);
    let token = |org: &&str| {
        let claims = serde_json::json!({
            "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 60, "client_id": "c", "org_code": org,
        });
        let header = format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}"#);
        let token = support::sign(header.as_bytes(), claims.to_string().as_bytes());
        HeaderValue::try_from(format!("Bearer {token}")).expect("a token is ASCII")
    };
    // The handler returns the organization that it read from the path.
    async fn handler(params: RawPathParams) -> String {
        params
            .iter()
            .find(|(name, _)| *name == "org_code")
            .map(|(_, code)| code.to_owned())
            .unwrap_or_default()
    }
    let template = |template: &&str| {
        let layer = verifier
            .layer()
            .organization_from(OrganizationSource::path(template));
        let router = Router::new()
            .route(template, get(handler))
            .route_layer(verifier.layer());
        (layer, router)
    };
    Fixture {
        tokens: ORGANIZATIONS.iter().map(token).collect(),
        templates: TEMPLATES.iter().map(template).collect(),
        header: verifier
            .layer()
            .organization_from(OrganizationSource::header(X_ORG)),
        subdomain: verifier
            .layer()
            .organization_from(OrganizationSource::subdomain_of(BASE)),
    }
});

/// Checks one request: the first byte selects the token's organization and the place of the code.
/// The rest is the path, the values of the header, or the host.
pub fn check(data: &[u8]) {
    let Some((pick, rest)) = data.split_first() else {
        return;
    };
    let (org, place) = (
        usize::from(*pick) % ORGANIZATIONS.len(),
        usize::from(*pick) / ORGANIZATIONS.len() % 6,
    );
    match place {
        0..=3 => path(org, place, rest),
        4 => header(org, rest),
        _ => host(org, rest),
    }
}

fn path(org: usize, template: usize, path: &[u8]) {
    let Ok(uri) = std::str::from_utf8(path).unwrap_or_default().parse::<Uri>() else {
        return;
    };
    if !uri.path().starts_with('/') {
        return;
    }
    let (layer, router) = &FIXTURE.templates[template];
    let (name, template) = (ORGANIZATIONS[org], TEMPLATES[template]);
    let ours = support::send(layer, request(org, &uri)).status();
    let readings = [
        segment_by_segment(template, uri.path()),
        decoded_and_tidied(template, uri.path()),
    ];
    let ours_only = Reading::Code(name.to_owned());
    let agreed = readings.iter().all(|reading| *reading == Reading::NoMatch)
        || readings.iter().all(|reading| *reading == ours_only) && is_plain(name);
    let expected = if agreed {
        StatusCode::OK
    } else {
        StatusCode::FORBIDDEN
    };
    assert_eq!(ours, expected, "{template} {}", uri.path());

    let mut router = router.clone();
    let response = support::now(router.call(request(org, &uri).map(|_| Body::empty())))
        .unwrap_or_else(|never| match never {});
    let axum = response.status();
    if axum == StatusCode::OK {
        let body = support::now(http_body_util::BodyExt::collect(response.into_body()))
            .expect("a body of bytes")
            .to_bytes();
        assert_eq!(
            body,
            name.as_bytes(),
            "a handler ran for another organization than the token's"
        );
        // The template is stricter. It rejects a path if another reader would resolve a step of it
        // differently, or if no reader can decode it. Axum decodes the part that it can.
        let unclear =
            readings[0] != readings[1] || readings.contains(&Reading::Refused) || !is_plain(name);
        assert!(
            ours == StatusCode::OK || unclear,
            "axum accepted a request that the template rejects"
        );
    } else if axum != StatusCode::NOT_FOUND {
        assert_eq!(axum, StatusCode::FORBIDDEN);
        assert_ne!(
            ours,
            StatusCode::OK,
            "the template accepted a request that axum's route rejects"
        );
    }
}

fn header(org: usize, values: &[u8]) {
    let mut request = request(org, &Uri::from_static("/"));
    let mut codes = Vec::new();
    for value in values.split(|byte| *byte == b'\n').take(3) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            codes.push(value.clone());
            request.headers_mut().append(X_ORG, value);
        }
    }
    let fits = match codes.as_slice() {
        [] => true,
        [one] => {
            one.as_bytes() == ORGANIZATIONS[org].as_bytes()
                && one.to_str().is_ok()
                && is_plain(ORGANIZATIONS[org])
        }
        _ => false,
    };
    assert_eq!(
        support::send(&FIXTURE.header, request).status() == StatusCode::OK,
        fits
    );
}

fn host(org: usize, host: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(host) else {
        return;
    };
    let mut request = request(org, &Uri::from_static("/"));
    request.headers_mut().insert(HOST, value);
    let text = std::str::from_utf8(host)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let name = text.rsplit_once(':').map_or(&*text, |(name, _)| name);
    let fits = host.iter().all(|byte| matches!(byte, 0x20..=0x7e | b'\t'))
        && (name == BASE
            || name == format!("{}.{BASE}", ORGANIZATIONS[org])
                && !ORGANIZATIONS[org].contains('.')
                && is_plain(ORGANIZATIONS[org]));
    assert_eq!(
        support::send(&FIXTURE.subdomain, request).status() == StatusCode::OK,
        fits,
        "{text}"
    );
}

fn request(org: usize, uri: &Uri) -> Request<String> {
    let request = Request::builder()
        .uri(uri.clone())
        .header(AUTHORIZATION, FIXTURE.tokens[org].clone());
    request.body(String::new()).expect("a request")
}

/// The result of one reading of a path.
#[derive(PartialEq)]
enum Reading {
    NoMatch,
    Code(String),
    /// This reader does not accept the path.
    Refused,
}

/// Reads a path as axum does: splits first, then decodes each segment once.
fn segment_by_segment(template: &str, path: &str) -> Reading {
    let segments: Option<Vec<String>> = path.split('/').skip(1).map(percent_decoded).collect();
    segments.map_or(Reading::Refused, |segments| {
        fit(template, &segments, |a, b| a == b)
    })
}

/// Reads a path as a careless server does: decodes first, and then three more times. Both slashes
/// separate steps. Removes parameters after a semicolon and white space around a step, resolves
/// empty segments and dots, and ignores case.
fn decoded_and_tidied(template: &str, path: &str) -> Reading {
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/') {
        let Some(mut segment) = percent_decoded(segment) else {
            return Reading::Refused;
        };
        for _ in 0..3 {
            segment = percent_decoded(&segment).unwrap_or(segment);
        }
        for step in segment.split(['/', '\\']) {
            let step = step.split_once(';').map_or(step, |(step, _)| step);
            match step.trim_matches(|letter: char| letter.is_whitespace() || letter.is_control()) {
                "" | "." => {}
                ".." => drop(segments.pop()),
                step => segments.push(step.to_owned()),
            }
        }
    }
    fit(template, &segments, str::eq_ignore_ascii_case)
}

fn fit(template: &str, segments: &[String], same: impl Fn(&str, &str) -> bool) -> Reading {
    let expected: Vec<&str> = template.split('/').skip(1).collect();
    if segments.len() < expected.len() {
        return Reading::NoMatch;
    }
    let mut code = None;
    for (name, segment) in expected.into_iter().zip(segments) {
        match name {
            "{org_code}" => code = Some(segment.clone()),
            name if name.starts_with('{') || same(name, segment) => {}
            _ => return Reading::NoMatch,
        }
    }
    code.map_or(Reading::NoMatch, Reading::Code)
}

fn is_plain(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '\\'])
}

fn percent_decoded(segment: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut parts = segment.split('%');
    out.extend(parts.next()?.bytes());
    for part in parts {
        let digits = part.get(..2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        out.push(u8::from_str_radix(digits, 16).ok()?);
        out.extend(part.get(2..)?.bytes());
    }
    String::from_utf8(out).ok()
}
