//! The only code that writes rejections: status, challenge and body (RFC 6750 §3, RFC 9110 §11.6.1,
//! RFC 9457).

mod challenge;
mod config;
mod table;

use std::time::Duration;

use bytes::Bytes;
pub(crate) use config::{Protocol, RejectionBody, ResponseConfig};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use table::{Challenge, ResponseSpec, spec};

use crate::bearer::AuthScheme;
use crate::rejection::Rejection;
use crate::token::ScopeRequirement;

/// The nonce for the next DPoP proof (RFC 9449 §8.1).
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

impl ResponseConfig {
    /// Returns the response to a rejection, with the rejection in its extensions. The requirement
    /// is that of the layer.
    pub(crate) fn respond(
        &self,
        rejection: Rejection,
        requirement: &ScopeRequirement,
        scheme: AuthScheme,
    ) -> Response<Bytes> {
        match self.protocol {
            Protocol::Http => self.http(rejection, requirement, scheme),
            Protocol::Grpc => self.grpc(rejection, requirement, scheme),
        }
    }

    fn http(
        &self,
        rejection: Rejection,
        requirement: &ScopeRequirement,
        scheme: AuthScheme,
    ) -> Response<Bytes> {
        let row = spec(&rejection);
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = row.status;
        let headers = response.headers_mut();
        // One allocation for all headers, because a rejection should be cheaper than an accepted
        // request.
        headers.reserve(4);
        // The response depends on the credentials, so no cache may reuse it (RFC 9111 §3.5).
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.write_challenges(&row, &rejection, requirement, scheme, headers);
        match &rejection {
            Rejection::ReplayStoreUnavailable { retry_after }
            | Rejection::TooManyProofs { retry_after }
            | Rejection::KeysUnavailable { retry_after }
            | Rejection::KeyUnavailable { retry_after }
            | Rejection::IntrospectionUnavailable { retry_after } => {
                headers.insert(RETRY_AFTER, whole_seconds(*retry_after));
            }
            Rejection::CallerStatusUnavailable | Rejection::DenylistUnavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Rejection::DpopNonceRequired { nonce } => {
                if let Ok(nonce) = HeaderValue::try_from(&**nonce) {
                    headers.insert(DPOP_NONCE, nonce);
                }
            }
            _ => {}
        }
        match &self.body {
            RejectionBody::Empty => {}
            RejectionBody::Problem => {
                headers.insert(
                    CONTENT_TYPE,
                    HeaderValue::from_static("application/problem+json"),
                );
                *response.body_mut() = self.problem(&row, &rejection).into();
            }
            RejectionBody::Custom(make) => make(&rejection, &mut response),
        }
        response.extensions_mut().insert(rejection);
        response
    }

    /// The answer to a gRPC call: status 200 and trailers only, which for an answer without a body
    /// are its headers.
    fn grpc(
        &self,
        rejection: Rejection,
        requirement: &ScopeRequirement,
        scheme: AuthScheme,
    ) -> Response<Bytes> {
        let row = spec(&rejection);
        let code = match row.status {
            StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST => 16,
            StatusCode::FORBIDDEN => 7,
            StatusCode::NOT_FOUND => 5,
            StatusCode::SERVICE_UNAVAILABLE => 14,
            _ => 13,
        };
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        // The status is 200, and the request can be a GET, so a shared cache could keep the
        // response.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("grpc-status", HeaderValue::from(code));
        // The titles are plain ASCII without `%`, so they need no percent-encoding.
        headers.insert("grpc-message", HeaderValue::from_static(row.title));
        self.write_challenges(&row, &rejection, requirement, scheme, headers);
        response.extensions_mut().insert(rejection);
        response
    }
}

/// Returns the seconds of a `Retry-After`, rounded up: an earlier request would fail again.
fn whole_seconds(delay: Duration) -> HeaderValue {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    HeaderValue::from(seconds.max(1))
}

impl ResponseConfig {
    fn problem(&self, row: &ResponseSpec, rejection: &Rejection) -> String {
        if row.status == StatusCode::NOT_FOUND {
            return r#"{"type":"about:blank","title":"Not Found","status":404}"#.to_owned();
        }
        // Names, titles and descriptions are constants of this file and need no escaping.
        let mut text = String::with_capacity(320);
        text.extend([
            r#"{"type":""#,
            &self.problem_type_base,
            row.name,
            r#"","title":""#,
            row.title,
            r#"","status":"#,
            row.status.as_str(),
        ]);
        if let Challenge::Error { code, description } = &row.challenge {
            text.extend([r#","error":""#, code, "\""]);
            if let Some(description) = description {
                text.extend([r#","detail":""#, description, "\""]);
            }
        }
        if let Rejection::InsufficientScope(requirement) = rejection {
            // Scope tokens hold neither quotation marks nor backslashes (RFC 6749 §3.3).
            text.extend([r#","scope":""#, &requirement.challenge(), "\""]);
        }
        text.push('}');
        text
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
