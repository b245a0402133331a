//! The response future. It is the inner service's future without a box, a rejection, or a wait for
//! a key or for the caller check.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::changed_call::ChangedCall;
use super::decision::{NextStep, Pending, PolicyResult, VerifiedToken};
use super::response_nonce::{ResponseChange, ResponseChanges};
use super::{AuthorizeLayer, ResponseBody};
use crate::rejection::Rejection;
use crate::verifier::VerificationFailure;

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
        // A box, so that the futures of other layers are no larger.
        Changed {
            call: Pin<Box<ChangedCall<S::Future>>>,
        },
        Rejected {
            rejection: Option<Response<Bytes>>,
        },
        /// The request waits for a key that is not in the current key set, or for the caller check.
        Waiting {
            deferred: Option<Box<DeferredCall<S, B>>>,
        },
        /// The request waited and was admitted. The inner service is polled ready before it is
        /// called.
        Admitted {
            call: Option<Box<(S, Request<B>, ResponseChanges)>>,
        },
    }
}

/// A wait, and the inner call, which is made after it. It is in a box, so that the future of a
/// request that does not wait is small: servers move it several times.
struct DeferredCall<S, B> {
    pending: Pending,
    inner: S,
    request: Request<B>,
    layer: AuthorizeLayer,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    #[inline]
    pub(super) fn inner(future: S::Future, changes: ResponseChanges) -> Self {
        // Both branches create the whole future, so that no state is moved into it.
        match changes.0 {
            None => Self {
                state: State::Inner { future },
            },
            Some(change) => Self::changed(future, change),
        }
    }

    #[cold]
    fn changed(future: S::Future, change: Box<ResponseChange>) -> Self {
        Self {
            state: State::Changed {
                call: Box::pin(ChangedCall::new(future, change)),
            },
        }
    }

    pub(super) fn rejected(refusal: Response<Bytes>) -> Self {
        Self {
            state: State::Rejected {
                rejection: Some(refusal),
            },
        }
    }

    pub(super) fn waiting(
        pending: Pending,
        inner: S,
        request: Request<B>,
        layer: AuthorizeLayer,
    ) -> Self {
        Self {
            state: State::Waiting {
                deferred: Some(Box::new(DeferredCall {
                    pending,
                    inner,
                    request,
                    layer,
                })),
            },
        }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Output = Result<Response<ResponseBody<R>>, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let StateProj::Inner { future } = self.as_mut().project().state.project() {
            return future
                .poll(cx)
                .map_ok(|response| response.map(ResponseBody::inner));
        }
        self.poll_states(cx)
    }
}

impl<S, B, R> ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    /// Polls a future that has more to do than the inner future.
    #[inline(never)]
    fn poll_states(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<ResponseBody<R>>, S::Error>> {
        loop {
            let mut state = self.as_mut().project().state;
            let next = match state.as_mut().project() {
                StateProj::Inner { future } => {
                    return future
                        .poll(cx)
                        .map_ok(|response| response.map(ResponseBody::inner));
                }
                StateProj::Changed { call } => return call.as_mut().poll(cx),
                StateProj::Rejected { rejection: refusal } => {
                    return match refusal.take() {
                        Some(refusal) => Poll::Ready(Ok(refusal.map(ResponseBody::rejection))),
                        // The future is polled again after it was ready. It must not panic.
                        None => Poll::Pending,
                    };
                }
                StateProj::Admitted { call } => {
                    let Some(admitted) = call.as_mut() else {
                        return Poll::Pending;
                    };
                    ready!(admitted.0.poll_ready(cx))?;
                    let Some(admitted) = call.take() else {
                        return Poll::Pending;
                    };
                    let (mut inner, request, changes) = *admitted;
                    Self::inner(inner.call(request), changes).state
                }
                StateProj::Waiting {
                    deferred: held_back,
                } => {
                    let Some(deferred) = held_back.as_mut() else {
                        return Poll::Pending;
                    };
                    let answer = ready!(deferred.pending.poll(cx));
                    let (Some(answer), Some(deferred)) = (answer, held_back.take()) else {
                        return Poll::Pending;
                    };
                    let DeferredCall {
                        inner,
                        mut request,
                        layer,
                        ..
                    } = *deferred;
                    let onward = match answer {
                        PendingOutput::Authentication(verdict) => {
                            layer.authorize(verdict, &mut request)
                        }
                        PendingOutput::Check(standing, weighed) => {
                            layer.finish_authorization(standing, weighed, &mut request)
                        }
                    };
                    match onward {
                        NextStep::CallInner(changes) => State::Admitted {
                            call: Some(Box::new((inner, request, changes))),
                        },
                        NextStep::Reject(refusal) => State::Rejected {
                            rejection: Some(refusal),
                        },
                        NextStep::Wait(asking, weighed) => State::Waiting {
                            deferred: Some(Box::new(DeferredCall {
                                pending: Pending::Check(asking, Some(weighed)),
                                inner,
                                request,
                                layer,
                            })),
                        },
                    }
                }
            };
            state.set(next);
        }
    }
}

enum PendingOutput {
    Authentication(Result<VerifiedToken, VerificationFailure>),
    Check(Result<(), Rejection>, PolicyResult),
}

impl Pending {
    /// Polls the operation. The output is `None` if it is polled again after it was ready.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<PendingOutput>> {
        match self {
            Self::Verification(verdict) => verdict
                .as_mut()
                .poll(cx)
                .map(|verdict| Some(PendingOutput::Authentication(verdict))),
            Self::Check(asking, weighed) => {
                let standing = ready!(asking.as_mut().poll(cx));
                Poll::Ready(
                    weighed
                        .take()
                        .map(|weighed| PendingOutput::Check(standing, weighed)),
                )
            }
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
