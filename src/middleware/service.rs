//! The service: verify, admit, hand over.

use std::mem;
use std::task::{Context, Poll};

use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN, TE,
    TRANSFER_ENCODING,
};
use http::{Extensions, Method, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::decision::{Asked, Onward, Pending, Proof};
use super::layer::{AuthorizeLayer, Told};
use super::settings::{Preflights, Presence};
use super::{ResponseBody, ResponseFuture};
use crate::bearer::{BearerError, Credentials};
use crate::extensions::{Acting, NoToken};
use crate::rejection::Rejection;
use crate::telemetry::events::DecisionOutcome;
use crate::token::Claims;
use crate::verifier::Verification;

/// The service that [`AuthorizeLayer`] makes of an inner one.
#[derive(Clone, Debug)]
pub struct Authorize<S> {
    inner: S,
    layer: AuthorizeLayer,
}

/// What a request brings along.
enum Presented {
    /// No claims, and none are needed: a CORS preflight, or a request without a token where that is optional.
    Nothing,
    Judged(Result<Proof, Rejection>),
    /// A token whose key has to be waited for.
    Waiting(Verification, Vec<u8>),
}

impl<S> Layer<S> for AuthorizeLayer {
    type Service = Authorize<S>;

    fn layer(&self, inner: S) -> Authorize<S> {
        Authorize {
            inner,
            layer: self.clone(),
        }
    }
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
        let onward = match self.presented(&request) {
            Presented::Nothing => {
                self.layer
                    .settings
                    .tell(None, DecisionOutcome::Anonymous, None, request.extensions());
                forget(request.extensions_mut());
                request.extensions_mut().insert(NoToken);
                Onward::Inside
            }
            Presented::Judged(verdict) => self.layer.proceed(verdict, &mut request),
            Presented::Waiting(step, token) => {
                let verifier = self.layer.verifier.clone();
                let verdict =
                    Box::pin(async move { verifier.resume(step, &token).await.map(Proof::fresh) });
                return ResponseFuture::waiting(
                    Pending::Key(verdict),
                    self.take_ready(),
                    request,
                    self.layer.clone(),
                );
            }
        };
        match onward {
            Onward::Inside => ResponseFuture::inner(self.inner.call(request)),
            Onward::Refused(refusal) => ResponseFuture::refused(refusal),
            Onward::Asking(asking, weighed) => {
                let pending = Pending::Standing(asking, Some(weighed));
                ResponseFuture::waiting(pending, self.take_ready(), request, self.layer.clone())
            }
        }
    }
}

impl<S: Clone> Authorize<S> {
    /// The inner service that was polled ready is the one to be called, so it is taken along.
    fn take_ready(&mut self) -> S {
        let unready = self.inner.clone();
        mem::replace(&mut self.inner, unready)
    }
}

impl<S> Authorize<S> {
    fn presented<B>(&self, request: &Request<B>) -> Presented {
        let AuthorizeLayer { verifier, settings } = &self.layer;
        if settings.preflights == Preflights::Pass && is_preflight(request) {
            return Presented::Nothing;
        }
        if let Some(claims) = request
            .extensions()
            .get::<Claims>()
            .filter(|claims| verifier.has_verified(claims))
        {
            return Presented::Judged(Ok(Proof {
                claims: claims.clone(),
                asked: Asked::Already,
            }));
        }
        let token = match Credentials::of(request.headers(), verifier.max_token_bytes()) {
            Ok(credentials) => credentials.as_bytes(),
            Err(BearerError::Missing) if settings.presence == Presence::Optional => {
                return Presented::Nothing;
            }
            Err(error) => return Presented::Judged(Err(error.into())),
        };
        match verifier.try_verify(token) {
            Verification::Done(verdict) => Presented::Judged(verdict.map(Proof::fresh)),
            step @ Verification::Pending(_) => Presented::Waiting(step, token.to_vec()),
        }
    }
}

/// A CORS preflight, which never carries credentials (Fetch §3.2.2): what carries them is judged by them. Nor does it say
/// anything of a body, so what does is none, and reaches no service that goes by the body and not by the method.
fn is_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && ![AUTHORIZATION, CONTENT_TYPE, TRANSFER_ENCODING, TE]
            .iter()
            .any(|name| headers.contains_key(name))
        && headers
            .get(CONTENT_LENGTH)
            .is_none_or(|length| length == "0")
}

/// Takes away what outer layers left where there is no token: claims, and all that hangs on them.
fn forget(extensions: &mut Extensions) {
    extensions.remove::<Claims>();
    extensions.remove::<Acting>();
    extensions.remove::<Told>();
}
