//! The data that layers add to a request, and access to it for services that are not axum handlers.

mod verified;

use http::request::Parts;
use http::{Extensions, Request};

pub(crate) use verified::{Rechecks, VerifiedRequest};

use crate::rejection::{MissingLayer, Rejection};
use crate::token::{Claims, OrgCode};

/// The organization that a global client was allowed to act for.
#[derive(Clone, Debug)]
pub(crate) struct Acting(pub(crate) OrgCode);

/// A layer passed the request without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnonymousRequest {
    /// No layer requires a token.
    Allowed,
    /// The request has the form of a CORS preflight, and a layer requires a token. Handlers must
    /// not treat it as a request that a layer admitted.
    Preflight,
}

/// The organization that a request is for.
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

/// Reads the verified claims of a request that passed an [`AuthorizeLayer`](crate::AuthorizeLayer).
/// It is implemented for [`http::Request`], its [`Parts`], and [`Extensions`], which requests of
/// other frameworks also have.
///
/// Each method compares the token's expiry with the clock and the caller with the
/// [`Denylist`](crate::Denylist) again, because a request can wait in a queue and a session can
/// keep its extensions. The application's caller check does not run again.
///
/// ```
/// use http::{Request, Response, StatusCode};
/// use tower_m2m::{CallerOrg, RequestExt};
///
/// fn handle(request: &Request<()>) -> Response<String> {
///     match request.caller_org() {
///         Ok(CallerOrg::Organization(org)) => Response::new(format!("invoices of {org}")),
///         Ok(CallerOrg::Global) => Response::new("all invoices".to_owned()),
///         Ok(CallerOrg::Anonymous) | Err(_) => {
///             let mut response = Response::new(String::new());
///             *response.status_mut() = StatusCode::UNAUTHORIZED;
///             response
///         }
///     }
/// }
/// ```
pub trait RequestExt: sealed::HasExtensions {
    /// Returns the verified claims.
    ///
    /// Do not `unwrap` them: CORS preflights pass a layer without a token, and so does each request
    /// that an optional layer admits without one.
    ///
    /// ```
    /// use http::{Request, Response, StatusCode};
    /// use tower_m2m::RequestExt;
    ///
    /// fn handle<B>(request: &Request<B>) -> Response<String> {
    ///     let Ok(claims) = request.claims() else {
    ///         let mut response = Response::new(String::new());
    ///         *response.status_mut() = StatusCode::UNAUTHORIZED;
    ///         return response;
    ///     };
    ///     Response::new(format!("called by {}", claims.client_id()))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Rejection::MissingToken`] if a layer passed the request without a token, which
    /// includes CORS preflights, [`Rejection::LayerMissing`] if no layer ran, and the rejection of
    /// the token if it expired or was denied since the layer verified it.
    fn claims(&self) -> Result<&Claims, Rejection> {
        let extensions = self.http_extensions();
        let Some(verified) = extensions.get::<VerifiedRequest>() else {
            return Err(match extensions.get::<AnonymousRequest>() {
                Some(_) => Rejection::MissingToken,
                None => Rejection::LayerMissing(MissingLayer::Service),
            });
        };
        verified.current(acting_org(extensions))?;
        Ok(verified.claims())
    }

    /// Returns the organization of the caller, or the one that a global client acts for.
    ///
    /// # Errors
    ///
    /// Returns [`Rejection::OrganizationRequired`] if the client is global and acts for no
    /// organization, and the errors of [`claims`](Self::claims). An error never means that the
    /// caller may see all organizations: [`caller_org`](Self::caller_org) names global clients.
    fn org_code(&self) -> Result<&OrgCode, Rejection> {
        let org = self.claims()?.org_code();
        org.or_else(|| acting_org(self.http_extensions()))
            .ok_or(Rejection::OrganizationRequired)
    }

    /// Returns which organization the request is for.
    ///
    /// # Errors
    ///
    /// Returns an error if no layer admitted the request. Then the handler must reject it.
    /// [`Rejection::MissingToken`] means that a CORS preflight passed a layer that requires a
    /// token. The other errors are those of [`claims`](Self::claims).
    fn caller_org(&self) -> Result<CallerOrg, Rejection> {
        match self.org_code() {
            Ok(org) => Ok(CallerOrg::Organization(org.clone())),
            Err(Rejection::OrganizationRequired) => Ok(CallerOrg::Global),
            Err(Rejection::MissingToken)
                if self.http_extensions().get() == Some(&AnonymousRequest::Allowed) =>
            {
                Ok(CallerOrg::Anonymous)
            }
            Err(rejection) => Err(rejection),
        }
    }
}

/// Returns the organization that a layer let a global client act for.
pub(crate) fn acting_org(extensions: &Extensions) -> Option<&OrgCode> {
    extensions.get::<Acting>().map(|acting| &acting.0)
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
