//! The routes of the issuer.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::admin;
use super::documents;
use super::faults::Endpoint;
use super::respond::{FaultBody, apply_fault, empty, not_allowed, plain};
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
    let usual = match endpoint {
        Endpoint::Discovery | Endpoint::Metadata | Endpoint::Jwks => {
            documents::answer(shared, endpoint, &parts)
        }
        Endpoint::Token if parts.method != Method::POST => not_allowed("POST"),
        Endpoint::Token => match read(body).await {
            Some(body) => token_endpoint::answer(shared, &parts.headers, &body),
            None => empty(StatusCode::PAYLOAD_TOO_LARGE),
        },
        Endpoint::Other => empty(StatusCode::NOT_FOUND),
    };
    match fault {
        Some(fault) => apply_fault(fault, usual).await,
        None => Ok(plain(usual)),
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
    match path.strip_prefix(shared.path.as_str()) {
        Some("/.well-known/openid-configuration") => Endpoint::Discovery,
        Some("/.well-known/jwks" | "/.well-known/jwks.json") => Endpoint::Jwks,
        Some("/oauth2/token") => Endpoint::Token,
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
