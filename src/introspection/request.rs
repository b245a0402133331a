//! One bounded request about a credential.

use std::time::SystemTime;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::error::{IntrospectionError, IntrospectionFailure};
use crate::jwks::{Fetchers, retry_after};

/// The largest response, in bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// The HTTP client of one issuer.
#[derive(Debug)]
pub(super) struct IssuerClient {
    pub(super) issuer: std::sync::Arc<str>,
    pub(super) fetchers: Fetchers,
}

/// A request about a credential.
pub(super) struct IssuerRequest<'r> {
    pub(super) method: Method,
    pub(super) url: &'r str,
    pub(super) authorization: Option<&'r HeaderValue>,
    /// The content type and the body.
    pub(super) body: Option<(&'static str, Vec<u8>)>,
}

impl IssuerClient {
    /// Sends one request, and reads at most 64 KiB before the deadline. It follows no redirect.
    pub(super) async fn send(
        &self,
        request: IssuerRequest<'_>,
        deadline: Instant,
    ) -> Result<Response<Vec<u8>>, IntrospectionFailure> {
        let invalid = |_| IntrospectionFailure::from(IntrospectionError::NoEndpoint);
        let mut builder = Request::builder()
            .method(request.method)
            .uri(request.url)
            .header(ACCEPT, "application/json");
        if let Some(authorization) = request.authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        let (content_type, body) = request.body.unzip();
        if let Some(content_type) = content_type {
            builder = builder.header(CONTENT_TYPE, content_type);
        }
        let sent = builder.body(body.unwrap_or_default()).map_err(invalid)?;
        let timeout = deadline.saturating_duration_since(Instant::now());
        let fetcher = self.fetchers.for_url(request.url, &self.issuer);
        Ok(fetcher.send(sent, timeout, MAX_BYTES).await?)
    }
}

/// Returns the failure that a status other than 200 means.
pub(super) fn status_failure(status: StatusCode, headers: &HeaderMap) -> IntrospectionFailure {
    let error = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => IntrospectionError::CredentialsRejected,
        StatusCode::TOO_MANY_REQUESTS => IntrospectionError::RateLimited,
        status => IntrospectionError::UnexpectedStatus(status.as_u16()),
    };
    IntrospectionFailure {
        error,
        retry_after: retry_after(headers, SystemTime::now()),
    }
}
