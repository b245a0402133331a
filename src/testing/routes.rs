//! The routes of the issuer.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::admin;
use super::api_keys_endpoint;
use super::documents;
use super::faults::Endpoint;
use super::introspection_endpoint;
use super::organizations_endpoint;
use super::respond::{FaultBody, apply_fault, empty, json_text, not_allowed, plain};
use super::state::{Admin, IssuerState};
use super::token_endpoint;

/// Larger than any request of the OAuth protocol.
const BODY_LIMIT: usize = 64 * 1024;

/// Responds to one request, or closes the connection.
pub(super) async fn answer(
    shared: &Arc<IssuerState>,
    request: Request<Incoming>,
) -> io::Result<Response<FaultBody>> {
    let (parts, body) = request.into_parts();
    if let Some(path) = admin_path(shared, parts.uri.path()) {
        let body = read(body).await.unwrap_or_default();
        return Ok(plain(admin::answer(shared, path, &parts, &body)));
    }
    let endpoint = endpoint(shared, parts.uri.path());
    let fault = shared.record_hit(endpoint, &parts.headers);
    let usual = usual(shared, endpoint, &parts, body).await;
    match fault {
        Some(fault) => apply_fault(fault, usual).await,
        None => Ok(plain(usual)),
    }
}

/// Returns the response without faults.
async fn usual(
    shared: &IssuerState,
    endpoint: Endpoint,
    parts: &Parts,
    body: Incoming,
) -> Response<Bytes> {
    if let Endpoint::Discovery
    | Endpoint::Metadata
    | Endpoint::Jwks
    | Endpoint::TransmitterMetadata = endpoint
    {
        return documents::answer(shared, endpoint, parts);
    }
    let method = match endpoint {
        Endpoint::ReadApiKey | Endpoint::ReadOrganization => "GET",
        _ => "POST",
    };
    if endpoint != Endpoint::Other && parts.method != method {
        return not_allowed(method);
    }
    let Some(body) = read(body).await else {
        return empty(StatusCode::PAYLOAD_TOO_LARGE);
    };
    shared.state().endpoint_mut(endpoint).last_body = Some(body.clone());
    if let Some(document) = shared.state().endpoint_mut(endpoint).document.clone() {
        return json_text(StatusCode::OK, document);
    }
    match endpoint {
        Endpoint::Token => token_endpoint::answer(shared, &parts.headers, &body),
        Endpoint::Introspect => introspection_endpoint::answer(shared, &parts.headers, &body),
        Endpoint::VerifyApiKey => api_keys_endpoint::verify(shared, &parts.headers, &body),
        Endpoint::ReadApiKey => api_keys_endpoint::read(shared, parts),
        Endpoint::ReadOrganization => organizations_endpoint::read(shared, parts),
        _ => empty(StatusCode::NOT_FOUND),
    }
}

fn endpoint(shared: &IssuerState, path: &str) -> Endpoint {
    // RFC 8414 §3.1 puts the well-known part before the issuer's path, OpenID Connect puts it
    // after.
    if let Some(rest) = path.strip_prefix("/.well-known/oauth-authorization-server") {
        return if rest == shared.path {
            Endpoint::Metadata
        } else {
            Endpoint::Other
        };
    }
    if let Some(rest) = path.strip_prefix("/.well-known/ssf-configuration") {
        return if rest == shared.path {
            Endpoint::TransmitterMetadata
        } else {
            Endpoint::Other
        };
    }
    match path.strip_prefix(shared.path.as_str()) {
        Some("/.well-known/openid-configuration") => Endpoint::Discovery,
        Some("/.well-known/jwks" | "/.well-known/jwks.json") => Endpoint::Jwks,
        Some("/oauth2/token") => Endpoint::Token,
        Some("/oauth2/introspect") => Endpoint::Introspect,
        Some("/api/v1/api_keys/verify") => Endpoint::VerifyApiKey,
        Some("/api/v1/organization") => Endpoint::ReadOrganization,
        Some(path) if path.starts_with("/api/v1/api_keys/") => Endpoint::ReadApiKey,
        _ => Endpoint::Other,
    }
}

fn admin_path<'a>(shared: &IssuerState, path: &'a str) -> Option<&'a str> {
    let path = path.strip_prefix("/admin/")?;
    (shared.admin == Admin::Offered).then_some(path)
}

async fn read(body: Incoming) -> Option<Bytes> {
    let body = Limited::new(body, BODY_LIMIT).collect().await.ok()?;
    Some(body.to_bytes())
}
