//! The service: verify, admit, hand over.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use http::{Extensions, Method, Request, Response};
use tower_service::Service;

use super::layer::{AuthorizeLayer, Extractors, Presence, Settings, Told};
use super::route::Found;
use super::{ResponseBody, ResponseFuture};
use crate::bearer::{BearerError, Credentials};
use crate::extensions::{Acting, NoToken};
use crate::metrics::By;
use crate::rejection::Rejection;
use crate::token::{Claims, OrgCode};
use crate::verifier::Step;

/// The service that [`AuthorizeLayer`] makes of an inner one.
#[derive(Clone, Debug)]
pub struct Authorize<S> {
    pub(super) inner: S,
    pub(super) layer: AuthorizeLayer,
}

/// What a request brings along.
enum Presented {
    /// No claims, and none are needed: a CORS preflight, or a request without a token where that is optional.
    Nothing,
    Judged(Result<Claims, Rejection>),
    /// A token whose key has to be waited for.
    Waiting(Step, Vec<u8>),
}

impl<S, B, R> Service<Request<B>> for Authorize<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.presented(&request) {
            Presented::Nothing => {
                forget(request.extensions_mut());
                request.extensions_mut().insert(NoToken);
                ResponseFuture::inner(self.inner.call(request))
            }
            Presented::Judged(verdict) => match self.layer.settings.admit(verdict, request) {
                Ok(request) => ResponseFuture::inner(self.inner.call(request)),
                Err(refusal) => ResponseFuture::refused(refusal),
            },
            Presented::Waiting(step, token) => {
                let verifier = self.layer.verifier.clone();
                let verdict = Box::pin(async move { verifier.finish(step, &token).await });
                // The inner service that was polled ready is the one to be called, so it is taken along.
                let unready = self.inner.clone();
                let ready = mem::replace(&mut self.inner, unready);
                ResponseFuture::waiting(verdict, ready, request, Arc::clone(&self.layer.settings))
            }
        }
    }
}

impl<S> Authorize<S> {
    fn presented<B>(&self, request: &Request<B>) -> Presented {
        let AuthorizeLayer { verifier, settings } = &self.layer;
        if is_preflight(request) {
            return Presented::Nothing;
        }
        if let Some(claims) = request.extensions().get::<Claims>().filter(|claims| verifier.vouches_for(claims)) {
            return Presented::Judged(Ok(claims.clone()));
        }
        let token = match Credentials::of(request.headers(), verifier.max_token_bytes()) {
            Ok(credentials) => credentials.as_bytes(),
            Err(BearerError::Missing) if settings.presence == Presence::Optional => return Presented::Nothing,
            Err(error) => return Presented::Judged(Err(error.into())),
        };
        match verifier.judge(token) {
            Step::Done(verdict) => Presented::Judged(verdict),
            step @ Step::Wait(_) => Presented::Waiting(step, token.to_vec()),
        }
    }
}

/// A CORS preflight, which never carries credentials (Fetch §3.2.2): what carries them is judged by them.
fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && !request.headers().contains_key(AUTHORIZATION)
        && request.headers().contains_key(ORIGIN)
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// A gRPC call: always a POST, so that no shared cache can keep its answer, which has the status 200 (RFC 9110 §9.3.3).
/// gRPC-Web is not one: its clients read HTTP statuses.
fn is_grpc(request: &Parts) -> bool {
    let kind = request.headers.get(CONTENT_TYPE).and_then(|kind| kind.as_bytes().strip_prefix(b"application/grpc"));
    request.method == Method::POST && kind.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

/// The organization that an outer layer of the same verifier let the global client act for.
fn acting_before<'p>(parts: &'p Parts, claims: &Claims) -> Option<&'p OrgCode> {
    if !claims.is_global() {
        return None;
    }
    let before = parts.extensions.get::<Claims>().filter(|before| before.verified_by() == claims.verified_by());
    before.and_then(|_| parts.extensions.get::<Acting>()).map(|acting| &acting.0)
}

/// Takes away what a layer of another verifier left: its claims, and all that hangs on them.
fn forget(extensions: &mut Extensions) {
    extensions.remove::<Claims>();
    extensions.remove::<Acting>();
    extensions.remove::<Told>();
}

impl Settings {
    /// The request with its claims in its extensions, or the refusal.
    #[allow(clippy::result_large_err, reason = "handed on at once; a box would cost an allocation")]
    pub(super) fn admit<B>(
        self: &Arc<Self>,
        verdict: Result<Claims, Rejection>,
        request: Request<B>,
    ) -> Result<Request<B>, Response<Bytes>> {
        let (mut parts, body) = request.into_parts();
        let admitted = verdict.and_then(|claims| {
            let found = self.route_organization(&mut parts).agreeing_with(acting_before(&parts, &claims));
            let admitted = self.policy.admit(&claims, &found.target())?;
            Ok((claims, admitted))
        });
        crate::metrics::decided(By::Layer, admitted.as_ref().err());
        match admitted {
            Ok((claims, admitted)) => {
                if parts.extensions.get::<Claims>().is_some_and(|before| before.verified_by() != claims.verified_by()) {
                    forget(&mut parts.extensions);
                }
                parts.extensions.insert(claims);
                if let Some(org) = admitted.acting {
                    parts.extensions.insert(Acting(org));
                }
                if self.extractors == Extractors::AreTold {
                    let mut told = parts.extensions.remove::<Told>().unwrap_or_default();
                    told.0.push(Arc::clone(self));
                    parts.extensions.insert(told);
                }
                Ok(Request::from_parts(parts, body))
            }
            Err(rejection) => Err(self.refuse(rejection, &parts)),
        }
    }

    /// What the request says of the organization that it is about. Where two places say it, they must agree.
    fn route_organization(&self, parts: &mut Parts) -> Found {
        let found = self.place.as_ref().map_or(Found::Nothing, |place| place.find(parts));
        #[cfg(feature = "axum")]
        let found = found.and(super::route::in_axum_params(parts, self.parameter()));
        found
    }

    fn refuse(&self, rejection: Rejection, request: &Parts) -> Response<Bytes> {
        if is_grpc(request) { self.answers.grpc(rejection) } else { self.answers.http(rejection) }
    }
}
