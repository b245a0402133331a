//! Reading what the layer found out, for services that are no axum handlers.

use http::request::Parts;
use http::{Extensions, Request};

use crate::token::{Claims, OrgCode};

/// The organization that a global client was let in to act for.
#[derive(Clone, Debug)]
pub(crate) struct Acting(pub(crate) OrgCode);

/// A layer passed the request on without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnonymousRequest {
    /// No layer requires a token.
    Allowed,
    /// The request has the form of a CORS preflight, and a layer requires a token. No handler may
    /// take it for a request that a layer admitted.
    Preflight,
}

/// Which organization a request is for.
///
/// A handler that serves several kinds of callers matches on it. In axum it is a handler argument.
/// If a layer requires a token, a forged CORS preflight is rejected with 401 and is never
/// [`Anonymous`](Self::Anonymous).
///
/// ```
/// use tower_m2m::CallerOrg;
///
/// async fn stats(caller: CallerOrg) -> String {
///     match caller {
///         CallerOrg::Organization(org) => format!("the statistics of {org}"),
///         CallerOrg::Global => "the statistics of all organizations".to_owned(),
///         CallerOrg::Anonymous => "the public statistics".to_owned(),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "handlers match on all three")]
pub enum CallerOrg {
    /// The token's organization, or the one that a global client acts for.
    Organization(OrgCode),
    /// The token is global, and its client acts for no organization.
    Global,
    /// The request has no token, and the layer is optional.
    Anonymous,
}

/// Reads the verified claims of a request that came through an [`AuthorizeLayer`](crate::AuthorizeLayer): of an
/// [`http::Request`], its [`Parts`], or [`Extensions`], which other frameworks' requests have too.
///
/// ```
/// use http::{Request, Response, StatusCode};
/// use tower_m2m::{CallerOrg, RequestExt};
///
/// fn handle(request: &Request<()>) -> Response<String> {
///     match request.caller_org() {
///         Some(CallerOrg::Organization(org)) => Response::new(format!("invoices of {org}")),
///         Some(CallerOrg::Global) => Response::new("all invoices".to_owned()),
///         Some(CallerOrg::Anonymous) | None => {
///             let mut response = Response::new(String::new());
///             *response.status_mut() = StatusCode::UNAUTHORIZED;
///             response
///         }
///     }
/// }
/// ```
pub trait RequestExt: sealed::HasExtensions {
    /// Returns the verified claims, or `None` if no layer put them there.
    ///
    /// Do not `unwrap` them: CORS preflights pass a layer without a token, and so does each request
    /// that an optional layer admits without one.
    ///
    /// ```
    /// use http::{Request, Response, StatusCode};
    /// use tower_m2m::RequestExt;
    ///
    /// fn handle<B>(request: &Request<B>) -> Response<String> {
    ///     let Some(claims) = request.claims() else {
    ///         let mut response = Response::new(String::new());
    ///         *response.status_mut() = StatusCode::UNAUTHORIZED;
    ///         return response;
    ///     };
    ///     Response::new(format!("called by {}", claims.client_id()))
    /// }
    /// ```
    fn claims(&self) -> Option<&Claims> {
        self.http_extensions().get()
    }

    /// Returns the organization of the caller, or the one that a global client acts for.
    ///
    /// Returns `None` for other global clients, for requests without a token and if no layer ran.
    /// [`caller_org`](Self::caller_org) tells these apart: do not take `None` for a global client.
    fn org_code(&self) -> Option<&OrgCode> {
        let claims = self.claims()?;
        claims.org_code().or_else(|| {
            self.http_extensions()
                .get::<Acting>()
                .map(|acting| &acting.0)
        })
    }

    /// Returns which organization the request is for.
    ///
    /// Returns `None` if no layer admitted the request, which includes CORS preflights that pass a
    /// layer that requires a token. Then the handler must reject the request.
    fn caller_org(&self) -> Option<CallerOrg> {
        let extensions = self.http_extensions();
        match (self.claims(), extensions.get::<AnonymousRequest>()) {
            (Some(_), _) => Some(
                self.org_code()
                    .cloned()
                    .map_or(CallerOrg::Global, CallerOrg::Organization),
            ),
            (None, Some(AnonymousRequest::Allowed)) => Some(CallerOrg::Anonymous),
            (None, _) => None,
        }
    }
}

impl RequestExt for Extensions {}
impl RequestExt for Parts {}
impl<B> RequestExt for Request<B> {}

mod sealed {
    use super::{Extensions, Parts, Request};

    pub trait HasExtensions {
        fn http_extensions(&self) -> &Extensions;
    }

    impl HasExtensions for Extensions {
        fn http_extensions(&self) -> &Extensions {
            self
        }
    }

    impl HasExtensions for Parts {
        fn http_extensions(&self) -> &Extensions {
            &self.extensions
        }
    }

    impl<B> HasExtensions for Request<B> {
        fn http_extensions(&self) -> &Extensions {
            self.extensions()
        }
    }
}
