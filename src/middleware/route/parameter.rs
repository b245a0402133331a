//! The organization in a parameter of an axum route.

#[cfg(feature = "axum")]
use http::request::Parts;
#[cfg(feature = "axum")]
use http::{Extensions, Request};

#[cfg(feature = "axum")]
use super::OrgLookup;

/// What can stand between a route's braces: older and other notations cannot.
pub(super) fn is_parameter_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['{', '}', '*', ':', '/'])
}

/// The parameter of a matched axum route, percent-decoded by axum itself.
#[cfg(feature = "axum")]
pub(crate) fn in_axum_params(parts: &mut Parts, name: &str) -> OrgLookup {
    use axum::extract::rejection::RawPathParamsRejection;
    use axum::extract::{FromRequestParts as _, RawPathParams};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    if !is_parameter_name(name) {
        return OrgLookup::Ambiguous;
    }
    // The extractor only looks into the extensions and is ready at once.
    let params = pin!(RawPathParams::from_request_parts(parts, &()))
        .poll(&mut Context::from_waker(Waker::noop()));
    match params {
        Poll::Ready(Ok(params)) => params
            .iter()
            .filter(|(param, _)| *param == name)
            .map(|(_, code)| OrgLookup::code(code))
            .fold(OrgLookup::Absent, OrgLookup::merge),
        Poll::Ready(Err(RawPathParamsRejection::MissingPathParams(_))) => OrgLookup::Absent,
        _ => OrgLookup::Ambiguous,
    }
}

/// The same where there are only the extensions, which are lent to a request of nothing else.
#[cfg(feature = "axum")]
pub(in crate::middleware) fn in_axum_params_of(
    extensions: &mut Extensions,
    name: &str,
) -> OrgLookup {
    let (mut lent, ()) = Request::new(()).into_parts();
    std::mem::swap(&mut lent.extensions, extensions);
    let found = in_axum_params(&mut lent, name);
    std::mem::swap(&mut lent.extensions, extensions);
    found
}
