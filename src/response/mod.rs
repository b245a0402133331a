//! The only code that writes rejections: status, challenge and body (RFC 6750 §3, RFC 9110 §11.6.1,
//! RFC 9457).

mod table;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use table::{Challenge, ResponseSpec, spec};

use crate::rejection::Rejection;
use crate::token::ScopeRequirement;

/// The settings of rejection responses.
#[derive(Clone)]
pub(crate) struct ResponseConfig {
    pub(crate) realm: String,
    /// The URL that the application configured. It has priority over the URL of this crate's own
    /// metadata.
    pub(crate) resource_metadata: Option<String>,
    pub(crate) own_metadata: Option<String>,
    /// The beginning of the `type` of problem documents. All characters are those of URIs.
    pub(crate) problem_type_base: Cow<'static, str>,
    pub(crate) body: RejectionBody,
    pub(crate) protocol: Protocol,
}

/// The protocol of the clients that read the responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// The status says why the request is rejected.
    #[default]
    Http,
    /// Trailers only: the HTTP status is 200, and `grpc-status` says why.
    Grpc,
}

/// The body of a rejection.
#[derive(Clone)]
pub(crate) enum RejectionBody {
    /// A problem document (RFC 9457).
    Problem,
    Empty,
    /// The application's function writes the body.
    Custom(Arc<BodyFn>),
}

pub(crate) type BodyFn = dyn Fn(&Rejection, &mut Response<Bytes>) + Send + Sync;

impl Default for ResponseConfig {
    fn default() -> Self {
        Self {
            realm: "api".to_owned(),
            resource_metadata: None,
            own_metadata: None,
            problem_type_base: Cow::Borrowed(PROBLEM_TYPE_BASE),
            body: RejectionBody::Problem,
            protocol: Protocol::Http,
        }
    }
}

impl ResponseConfig {
    /// Omits the problem document. A function of the application always receives an empty body.
    pub(crate) fn omit_body(&mut self) {
        if matches!(self.body, RejectionBody::Problem) {
            self.body = RejectionBody::Empty;
        }
    }

    /// Sets what the `type` of problem documents begins with, without characters that no URI has.
    pub(crate) fn set_problem_type_base(&mut self, base: &str) {
        let is_uri = |c: &char| c.is_ascii_graphic() && !r#""<>\^`{|}"#.contains(*c);
        self.problem_type_base = base.chars().filter(is_uri).collect::<String>().into();
    }

    /// Returns the response to a rejection, with the rejection in its extensions. The requirement
    /// is that of the layer.
    pub(crate) fn respond(
        &self,
        rejection: Rejection,
        requirement: &ScopeRequirement,
    ) -> Response<Bytes> {
        match self.protocol {
            Protocol::Http => self.http(rejection, requirement),
            Protocol::Grpc => self.grpc(rejection, requirement),
        }
    }

    fn http(&self, rejection: Rejection, requirement: &ScopeRequirement) -> Response<Bytes> {
        let row = spec(&rejection);
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = row.status;
        let headers = response.headers_mut();
        // One allocation for all headers, because a rejection should be cheaper than an accepted
        // request.
        headers.reserve(4);
        // The response depends on the credentials, so no cache may reuse it (RFC 9111 §3.5).
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge(&row, &rejection, requirement) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        match &rejection {
            Rejection::KeysUnavailable { retry_after }
            | Rejection::KeyUnavailable { retry_after }
            | Rejection::IntrospectionUnavailable { retry_after } => {
                headers.insert(RETRY_AFTER, whole_seconds(*retry_after));
            }
            Rejection::CallerStatusUnavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
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
    fn grpc(&self, rejection: Rejection, requirement: &ScopeRequirement) -> Response<Bytes> {
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
        if let Some(challenge) = self.challenge(&row, &rejection, requirement) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(rejection);
        response
    }

    fn challenge(
        &self,
        row: &ResponseSpec,
        rejection: &Rejection,
        requirement: &ScopeRequirement,
    ) -> Option<HeaderValue> {
        let mut text = String::with_capacity(128);
        text.push_str("Bearer ");
        match &row.challenge {
            Challenge::Omitted => return None,
            Challenge::Plain => push_auth_param(&mut text, "realm", &self.realm),
            Challenge::Error { code, description } => {
                push_auth_param(&mut text, "realm", &self.realm);
                push_constant(&mut text, "error", code);
                if let Some(description) = description {
                    push_constant(&mut text, "error_description", description);
                }
            }
        }
        if let Some(scope) = self.challenge_scope(rejection, requirement) {
            push_auth_param(&mut text, "scope", &scope);
        }
        let metadata = self.resource_metadata.as_ref();
        if let Some(url) = metadata.or(self.own_metadata.as_ref()) {
            push_auth_param(&mut text, "resource_metadata", url);
        }
        HeaderValue::try_from(text).ok()
    }

    /// Returns the challenge's `scope`. If clients find out from resource metadata where to get a
    /// token, they also find out which scopes to request: all of the operation, in each challenge.
    fn challenge_scope(
        &self,
        rejection: &Rejection,
        requirement: &ScopeRequirement,
    ) -> Option<String> {
        let missing = match rejection {
            Rejection::InsufficientScope(missing) => Some(missing.challenge()),
            _ => None,
        };
        if self.resource_metadata.is_none() && self.own_metadata.is_none() {
            return missing;
        }
        let required = requirement.challenge();
        let mut scopes: Vec<&str> = Vec::new();
        let named = required
            .split(' ')
            .chain(missing.iter().flat_map(|missing| missing.split(' ')));
        for scope in named.filter(|scope| !scope.is_empty() && *scope != OFFLINE_ACCESS) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        (!scopes.is_empty()).then(|| scopes.join(" "))
    }
}

/// A scope that no resource requires: it is between the client and the issuer (OpenID Connect Core
/// §11).
const OFFLINE_ACCESS: &str = "offline_access";

/// Returns the seconds of a `Retry-After`, rounded up: an earlier request would fail again.
fn whole_seconds(delay: Duration) -> HeaderValue {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    HeaderValue::from(seconds.max(1))
}

/// Appends one `name="value"` whose value comes from the table and needs no check.
fn push_constant(text: &mut String, name: &str, value: &str) {
    debug_assert!(value.bytes().all(is_safe), "{value}");
    text.extend([", ", name, "=\"", value, "\""]);
}

/// Appends one `name="value"` whose value was configured. It omits characters that are not allowed
/// in `error_description` (RFC 6750 §3), such as quotation marks, backslashes and line breaks.
fn push_auth_param(text: &mut String, name: &str, value: &str) {
    if !text.ends_with(' ') {
        text.push_str(", ");
    }
    text.push_str(name);
    text.push_str("=\"");
    // The loop has no early exit, so the compiler can check many bytes at a time.
    if value.bytes().fold(true, |all, byte| all & is_safe(byte)) {
        text.push_str(value);
    } else {
        let safe = value.bytes().filter(|byte| is_safe(*byte));
        text.extend(safe.map(char::from));
    }
    text.push('"');
}

/// Without branches, so that the compiler can vectorize the loop that calls it.
#[allow(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
const fn is_safe(byte: u8) -> bool {
    let is_printable = byte.wrapping_sub(b' ') <= b'~' - b' ';
    is_printable & (byte != b'"') & (byte != b'\\')
}

const PROBLEM_TYPE_BASE: &str =
    "https://docs.rs/tower-m2m/latest/tower_m2m/guide/responses/index.html#";

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
