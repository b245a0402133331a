//! Reading what the layer found out, for services that are no axum handlers.

use http::request::Parts;
use http::{Extensions, Request};

use crate::token::{Claims, OrgCode};

/// The organization that a global client was let in to act for.
#[derive(Clone, Debug)]
pub(crate) struct Acting(pub(crate) OrgCode);

/// A layer let the request in without a token: what tells an open route from one whose layer was forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnonymousRequest;

/// Reads the verified claims of a request that came through an [`AuthorizeLayer`](crate::AuthorizeLayer): of an
/// [`http::Request`], its [`Parts`], or [`Extensions`], which other frameworks' requests have too.
///
/// ```
/// use http::{Request, Response};
/// use tower_m2m::RequestExt;
///
/// fn handle(request: &Request<()>) -> Response<String> {
///     match request.org_code() {
///         Some(org) => Response::new(format!("invoices of {org}")),
///         None => Response::new("no organization".to_owned()),
///     }
/// }
/// ```
pub trait RequestExt: sealed::HasExtensions {
    /// The verified claims; nothing when no layer put them there.
    fn claims(&self) -> Option<&Claims> {
        self.http_extensions().get()
    }

    /// The calling organization, or the one that a global client acts for; nothing for other global clients, and when no
    /// layer let the request in.
    fn org_code(&self) -> Option<&OrgCode> {
        let claims = self.claims()?;
        claims.org_code().or_else(|| {
            self.http_extensions()
                .get::<Acting>()
                .map(|acting| &acting.0)
        })
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
