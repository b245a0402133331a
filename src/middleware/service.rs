//! The service: it verifies the token, decides, and calls the inner service.

use std::task::{Context, Poll};

use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN,
    TRANSFER_ENCODING,
};
use http::{Extensions, Method, Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::decision::{Authenticated, NextStep, Pending, VerifiedToken};
use super::layer::AuthorizeLayer;
use super::layer_stack::AppliedLayers;
use super::policy::CredentialAccess;
use super::possession::check_proof_header;
use super::response_nonce::ResponseChanges;
use super::settings::{Preflights, Presence};
use super::{ResponseBody, ResponseFuture};
use crate::bearer::{AuthScheme, BearerError, CredentialsIdentity};
use crate::extensions::{Acting, AnonymousRequest, VerifiedRequest};
use crate::rejection::Rejection;
use crate::verifier::{AcceptedCredentials, Verification, VerificationFailure, Verifier};

/// The service that [`AuthorizeLayer`] wraps around an inner service.
#[derive(Clone, Debug)]
pub struct Authorize<S> {
    inner: S,
    layer: AuthorizeLayer,
}

/// The result of authentication.
enum Authentication {
    /// The request passes without claims: it is a CORS preflight, or it has no token and the layer
    /// is optional.
    Anonymous(AnonymousRequest),
    Done(Result<VerifiedToken, VerificationFailure>),
    /// The request has a token and waits for its key.
    Pending(Pending),
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
    B: Body,
    S: Service<Request<B>, Response = Response<R>> + Clone,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let onward = match self.authenticate(&request) {
            Authentication::Anonymous(anonymous) => {
                self.layer.record_anonymous(request.extensions());
                self.layer.remove_unknown_certificate(None, &mut request);
                pass_anonymously(request.extensions_mut(), anonymous);
                #[cfg(feature = "axum")]
                self.layer.record_anonymous_layer(request.extensions_mut());
                NextStep::CallInner(ResponseChanges::default())
            }
            Authentication::Done(verdict) => self.layer.authorize(verdict, &mut request),
            Authentication::Pending(pending) => return self.wait(pending, request),
        };
        match onward {
            NextStep::CallInner(changes) => {
                ResponseFuture::inner(self.inner.call(request), changes)
            }
            NextStep::Reject(refusal) => ResponseFuture::rejected(refusal),
            NextStep::Wait(asking, weighed) => {
                self.wait(Pending::Check(asking, Some(weighed)), request)
            }
        }
    }
}

impl<S: Clone> Authorize<S> {
    /// Returns the future of a request that waits. A function of its own keeps the call short.
    #[cold]
    fn wait<B>(&mut self, pending: Pending, request: Request<B>) -> ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        ResponseFuture::waiting(pending, self.take_unready(), request, self.layer.clone())
    }

    /// Returns a clone for a request that waits. It is polled ready after the wait.
    ///
    /// The service that was polled ready is dropped. Otherwise a request that waits would hold a
    /// permit of an inner concurrency limit, and a service that is not called again would keep one.
    fn take_unready(&mut self) -> S {
        let unready = self.inner.clone();
        self.inner = unready.clone();
        unready
    }
}

impl<S> Authorize<S> {
    fn authenticate<B: Body>(&self, request: &Request<B>) -> Authentication {
        let AuthorizeLayer { verifier, settings } = &self.layer;
        if settings.preflights == Preflights::Pass && is_preflight(request) {
            return Authentication::Anonymous(match settings.presence {
                Presence::Required => AnonymousRequest::Preflight,
                Presence::Optional => AnonymousRequest::Allowed,
            });
        }
        let (credentials, source) = match verifier.credentials(request.headers()) {
            Ok(credentials) => credentials,
            Err(BearerError::Missing | BearerError::UnsupportedScheme)
                if settings.presence == Presence::Optional =>
            {
                return Authentication::Anonymous(AnonymousRequest::Allowed);
            }
            Err(error) => return Authentication::Done(Err(Rejection::from(error).into())),
        };
        let (token, identity) = (credentials.as_bytes(), credentials.identity());
        let scheme = credentials.scheme();
        // Another layer or service may have replaced the header that the outer layer verified. An
        // expired token is verified again, which returns the reason.
        if let Some(outer) = request.extensions().get::<VerifiedRequest>()
            && verifier.has_verified(outer.claims())
            && outer.is_for(identity)
            && !outer.is_expired()
        {
            let authenticated = Authenticated::from_outer(outer, identity);
            return Authentication::Done(Ok(VerifiedToken::Again(authenticated)));
        }
        if let Err(rejection) = check_proof_header(scheme, request.headers()) {
            return Authentication::Done(Err(rejection.into()));
        }
        let accepted = match settings.policy.credentials {
            CredentialAccess::Any => source,
            CredentialAccess::OnlyJwt => AcceptedCredentials::Jwt,
        };
        match verifier.try_verify(token, accepted) {
            Verification::Done(verdict) => {
                Authentication::Done(verdict.map(|token| VerifiedToken::Token {
                    token,
                    credentials: identity,
                    scheme,
                }))
            }
            Verification::Pending(wait) => {
                let step = Verification::Pending(wait);
                Authentication::Pending(verifier.continuation(step, token, identity, scheme))
            }
        }
    }
}

impl Verifier {
    /// Returns the rest of a verification that waits.
    #[cold]
    fn continuation(
        &self,
        step: Verification,
        token: &[u8],
        credentials: CredentialsIdentity,
        scheme: AuthScheme,
    ) -> Pending {
        let (verifier, token) = (self.clone(), token.to_vec());
        Pending::Verification(Box::pin(async move {
            let token = verifier.resume(step, &token).await?;
            Ok(VerifiedToken::Token {
                token,
                credentials,
                scheme,
            })
        }))
    }
}

/// Returns `true` for a CORS preflight without a body.
///
/// A request that has a body could be meant for a service that reads the body and not the method.
/// Browsers send a preflight without a body, and proxies keep it so. What each header says:
///
/// * `Origin` and `Access-Control-Request-Method`: browsers send both with each preflight (Fetch
///   §4.8), and proxies pass both on, because the response depends on them.
/// * `Authorization`: browsers send no credentials with a preflight (Fetch §3.2.2), so a request
///   with credentials is verified.
/// * `Content-Type`: it describes a body. Browsers send none, and proxies add none.
/// * `Transfer-Encoding`: it announces a body (RFC 9112 §6.1). Browsers never send it without one.
///   A proxy that translates HTTP/2 to HTTP/1.1 sends it only if the stream did not end with its
///   headers.
/// * `Content-Length`: browsers send none with `OPTIONS`; some proxies add `0`.
///
/// `TE` is not read. It describes the response that a client accepts (RFC 9110 §10.1.4), and
/// Firefox sends `TE: trailers` with each request of HTTP/2. Other headers, such as those that
/// proxies add (`Via`, `X-Forwarded-For`), say nothing about a body either.
fn is_preflight<B: Body>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && ![AUTHORIZATION, CONTENT_TYPE, TRANSFER_ENCODING]
            .iter()
            .any(|name| headers.contains_key(name))
        && match headers.get(CONTENT_LENGTH) {
            Some(length) => length == "0",
            None => request.body().is_end_stream(),
        }
}

/// Removes the claims that outer layers verified, and everything that depends on them. If a layer
/// requires a token, a preflight stays one for all layers inside.
fn pass_anonymously(extensions: &mut Extensions, anonymous: AnonymousRequest) {
    extensions.remove::<VerifiedRequest>();
    extensions.remove::<Acting>();
    extensions.remove::<AppliedLayers>();
    if extensions.get() != Some(&AnonymousRequest::Preflight) {
        extensions.insert(anonymous);
    }
}
