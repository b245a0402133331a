//! The parameters of the axum route that matched.

#[cfg(feature = "axum")]
use http::request::Parts;
#[cfg(feature = "axum")]
use http::{Extensions, Request};

/// Returns `true` if the name can be the name of a parameter in braces. Other notations, such as
/// that of older axum versions, cannot.
pub(crate) fn is_parameter_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['{', '}', '*', ':', '/'])
}

/// The parameters of the matched route, percent-decoded by axum itself.
#[derive(Debug)]
pub(crate) enum PathParams {
    /// No router has put parameters into the request.
    Absent,
    #[cfg(feature = "axum")]
    Known(axum::extract::RawPathParams),
    /// One of the values is not valid UTF-8.
    #[cfg(feature = "axum")]
    Undecodable,
}

#[cfg(feature = "axum")]
impl PathParams {
    pub(crate) fn from_parts(parts: &mut Parts) -> Self {
        use axum::extract::rejection::RawPathParamsRejection;
        use axum::extract::{FromRequestParts as _, RawPathParams};
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        // The extractor only reads the extensions and is ready at once.
        let params = pin!(RawPathParams::from_request_parts(parts, &()))
            .poll(&mut Context::from_waker(Waker::noop()));
        match params {
            Poll::Ready(Ok(params)) => Self::Known(params),
            Poll::Ready(Err(RawPathParamsRejection::MissingPathParams(_))) => Self::Absent,
            _ => Self::Undecodable,
        }
    }

    /// Reads the parameters if there are only extensions, by lending them to an empty request.
    pub(crate) fn from_extensions(extensions: &mut Extensions) -> Self {
        let (mut lent, ()) = Request::new(()).into_parts();
        std::mem::swap(&mut lent.extensions, extensions);
        let params = Self::from_parts(&mut lent);
        std::mem::swap(&mut lent.extensions, extensions);
        params
    }
}

/// The result of routing in axum.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "axum"), allow(dead_code))]
pub(crate) enum Routing {
    /// No router saw the request.
    Unrouted,
    /// A router saw the request, and no route matched: for example a fallback or a nested service.
    Unmatched,
    /// A route matched.
    Matched,
}

impl Routing {
    /// Reads what axum routers stored in a request. A router stores the whole path before it looks
    /// for a route.
    #[cfg(feature = "axum")]
    pub(crate) fn from_extensions(extensions: &Extensions) -> Self {
        use axum::extract::{MatchedPath, OriginalUri};
        if extensions.get::<MatchedPath>().is_some() {
            Self::Matched
        } else if extensions.get::<OriginalUri>().is_some() {
            Self::Unmatched
        } else {
            Self::Unrouted
        }
    }

    #[cfg(not(feature = "axum"))]
    pub(crate) fn from_extensions(_: &http::Extensions) -> Self {
        Self::Unrouted
    }
}

/// Returns the names of the parameters in a route's template.
#[cfg_attr(not(feature = "axum"), allow(dead_code))]
pub(crate) fn parameter_names(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = template;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('{')?;
            // Two braces are an escaped literal brace.
            if let Some(literal) = after.strip_prefix('{') {
                rest = literal;
                continue;
            }
            let (name, after) = after.split_once('}')?;
            rest = after;
            return Some(name.strip_prefix('*').unwrap_or(name));
        }
    })
}
