//! The settings of rejection responses.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use crate::rejection::Rejection;

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
    /// The scheme `DPoP` is accepted.
    pub(crate) accepts_dpop: bool,
    /// The algorithms of DPoP proofs, separated by spaces (`algs`, RFC 9449 §7.1). `None` if the
    /// scheme is not accepted, or only for issuers that are resolved.
    pub(crate) dpop_algorithms: Option<Arc<str>>,
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
            accepts_dpop: false,
            dpop_algorithms: None,
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
}

const PROBLEM_TYPE_BASE: &str =
    "https://docs.rs/tower-m2m/latest/tower_m2m/guide/responses/index.html#";
