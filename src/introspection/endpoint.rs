//! The introspection endpoint of an issuer: configured, or named by its metadata (RFC 8414 §2).

use std::sync::Mutex;
use std::time::Duration;

use http::{Method, StatusCode};
use tokio::time::Instant;

use super::error::{IntrospectionError, IntrospectionFailure};
use super::request::{IssuerClient, IssuerRequest, status_failure};
use crate::jwks::{PlainHttp, introspection_endpoint, metadata_urls};
use crate::util::lock;

/// How long an endpoint of the metadata is used before the metadata is read again.
const METADATA_TTL: Duration = Duration::from_secs(60 * 60);

/// Where an issuer's introspection endpoint is.
#[derive(Debug)]
pub(super) enum IntrospectionEndpoint {
    Url(String),
    Discovery {
        plain_http: PlainHttp,
        found: Mutex<Option<(String, Instant)>>,
    },
}

impl IntrospectionEndpoint {
    /// Returns the URL, and reads the metadata if it is not known or was read too long ago.
    pub(super) async fn url(
        &self,
        client: &IssuerClient,
        deadline: Instant,
    ) -> Result<String, IntrospectionFailure> {
        let (plain_http, found) = match self {
            Self::Url(url) => return Ok(url.clone()),
            Self::Discovery { plain_http, found } => (*plain_http, found),
        };
        let now = Instant::now();
        let cached = lock(found).clone();
        let is_current = |read_at: &Instant| now.saturating_duration_since(*read_at) < METADATA_TTL;
        if let Some((url, _)) = cached.as_ref().filter(|(_, read_at)| is_current(read_at)) {
            return Ok(url.clone());
        }
        match read_metadata(client, plain_http, deadline).await {
            Ok(url) => {
                *lock(found) = Some((url.clone(), now));
                Ok(url)
            }
            // Metadata that cannot be read now does not undo metadata that was read before.
            Err(failed) => cached.map(|(url, _)| url).ok_or(failed),
        }
    }
}

/// Reads both places of the metadata (RFC 8414 §5) until one names the endpoint.
async fn read_metadata(
    client: &IssuerClient,
    plain_http: PlainHttp,
    deadline: Instant,
) -> Result<String, IntrospectionFailure> {
    let mut failed = IntrospectionFailure::from(IntrospectionError::NoEndpoint);
    for url in metadata_urls(&client.issuer) {
        let request = IssuerRequest {
            method: Method::GET,
            url: &url,
            authorization: None,
            body: None,
        };
        let response = match client.send(request, deadline).await {
            Ok(response) if response.status() == StatusCode::OK => response,
            Ok(response) => {
                if response.status() != StatusCode::NOT_FOUND {
                    failed = status_failure(response.status(), response.headers());
                }
                continue;
            }
            Err(error) => {
                failed = error;
                continue;
            }
        };
        let addresses = client.fetchers.addresses();
        let found = introspection_endpoint(response.body(), &client.issuer, addresses, plain_http);
        match found {
            Ok(url) => return Ok(url),
            Err(_) => failed = IntrospectionError::NoEndpoint.into(),
        }
    }
    // The metadata needs no credentials of this service.
    if failed.error == IntrospectionError::CredentialsRejected {
        failed.error = IntrospectionError::NoEndpoint;
    }
    Err(failed)
}
