//! The documents that the issuer publishes.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::algorithm::SigningAlgorithm;
use super::faults::Endpoint;
use super::respond::{empty, json_text, not_allowed};
use super::state::IssuerState;

/// Responds to a request for a document. If the client already has it, the response is 304 (RFC
/// 9110 §13.1.2).
pub(super) fn answer(shared: &IssuerState, endpoint: Endpoint, request: &Parts) -> Response<Bytes> {
    if request.method != Method::GET && request.method != Method::HEAD {
        return not_allowed("GET, HEAD");
    }
    let (headers, document) = {
        let mut state = shared.state();
        let station = state.endpoint_mut(endpoint);
        (station.headers.clone(), station.document.clone())
    };
    let etag = headers.get(header::ETAG);
    let if_none_match = request.headers.get(header::IF_NONE_MATCH);
    let mut response = if etag.is_some() && etag == if_none_match {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        let document = document.unwrap_or_else(|| match endpoint {
            Endpoint::Jwks => jwks(shared),
            Endpoint::TransmitterMetadata => transmitter_metadata(shared).to_string(),
            _ => metadata(shared).to_string(),
        });
        json_text(StatusCode::OK, document)
    };
    response.headers_mut().extend(headers);
    response
}

/// Returns the published keys.
pub(super) fn jwks(shared: &IssuerState) -> String {
    shared.state().keys.jwks().to_string()
}

/// Returns the URL of the keys in Kinde's discovery document.
pub(super) fn jwks_uri(shared: &IssuerState) -> String {
    format!("{}/.well-known/jwks", shared.url)
}

/// Returns the URL of the token endpoint.
pub(super) fn token_endpoint(shared: &IssuerState) -> String {
    format!("{}/oauth2/token", shared.url)
}

/// Returns the URL of the introspection endpoint.
pub(super) fn introspection_endpoint(shared: &IssuerState) -> String {
    format!("{}/oauth2/introspect", shared.url)
}

/// Returns the audience of tokens for the Management API.
pub(super) fn management_audience(shared: &IssuerState) -> String {
    format!("{}/api", shared.url)
}

/// The `WWW-Authenticate` for a client that failed to authenticate with Basic (RFC 6749 §5.2).
pub(super) const BASIC_CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"token endpoint\"");

/// Returns one document for both forms of discovery: the members of RFC 8414 §2 and those that
/// `OpenID` Connect Discovery §3 requires in addition.
fn metadata(shared: &IssuerState) -> Value {
    let mut algorithms = vec![SigningAlgorithm::Rs256.as_str()];
    let signing = shared.state().keys.signing().algorithm().as_str();
    if !algorithms.contains(&signing) {
        algorithms.push(signing);
    }
    json!({
        "issuer": shared.url,
        "jwks_uri": jwks_uri(shared),
        "token_endpoint": token_endpoint(shared),
        "introspection_endpoint": introspection_endpoint(shared),
        "authorization_endpoint": format!("{}/oauth2/auth", shared.url),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    })
}

/// Returns the metadata of a transmitter of security events (SSF).
fn transmitter_metadata(shared: &IssuerState) -> Value {
    json!({
        "spec_version": "1_0",
        "issuer": shared.url,
        "jwks_uri": jwks_uri(shared),
        "delivery_methods_supported": ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
        "critical_subject_members": shared.state().critical_subject_members,
    })
}
