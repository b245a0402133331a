//! The future: the inner service's on the warm path, unboxed; a refusal; or a wait for a key.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::ResponseBody;
use super::layer::Settings;
use crate::rejection::Rejection;
use crate::token::Claims;

type Verdict = Pin<Box<dyn Future<Output = Result<Claims, Rejection>> + Send>>;

pin_project! {
    /// The future of [`Authorize`](super::Authorize).
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        Inner {
            #[pin]
            future: S::Future,
        },
        Refused {
            refusal: Option<Response<Bytes>>,
        },
        /// Only a token whose key is not held gets here.
        Waiting {
            verdict: Verdict,
            held_back: Option<HeldBack<S, B>>,
        },
    }
}

/// What is needed once the verdict is there.
struct HeldBack<S, B> {
    inner: S,
    request: Request<B>,
    settings: Arc<Settings>,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn inner(future: S::Future) -> Self {
        Self { state: State::Inner { future } }
    }

    pub(super) fn refused(refusal: Response<Bytes>) -> Self {
        Self { state: State::Refused { refusal: Some(refusal) } }
    }

    pub(super) fn waiting(verdict: Verdict, inner: S, request: Request<B>, settings: Arc<Settings>) -> Self {
        Self { state: State::Waiting { verdict, held_back: Some(HeldBack { inner, request, settings }) } }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Output = Result<Response<ResponseBody<R>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut state = self.as_mut().project().state;
            let next = match state.as_mut().project() {
                StateProj::Inner { future } => return future.poll(cx).map_ok(|response| response.map(ResponseBody::inner)),
                StateProj::Refused { refusal } => {
                    return match refusal.take() {
                        Some(refusal) => Poll::Ready(Ok(refusal.map(ResponseBody::refusal))),
                        // Polled again after it was ready, which a future may not answer with a panic here.
                        None => Poll::Pending,
                    };
                }
                StateProj::Waiting { verdict, held_back } => {
                    let verdict = ready!(verdict.as_mut().poll(cx));
                    let Some(HeldBack { mut inner, request, settings }) = held_back.take() else { return Poll::Pending };
                    match settings.admit(verdict, request) {
                        Ok(request) => State::Inner { future: inner.call(request) },
                        Err(refusal) => State::Refused { refusal: Some(refusal) },
                    }
                }
            };
            state.set(next);
        }
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
