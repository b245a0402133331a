//! The call of an inner service whose response body ends with its token.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::ResponseBody;
use super::ending_body::EndForm;
use super::response_nonce::ResponseNonce;
use crate::verifier::ClaimsWatch;

pin_project! {
    /// The future of the inner service, and what ends its response.
    pub(super) struct EndingCall<F> {
        #[pin]
        future: F,
        watch: Option<Box<ClaimsWatch>>,
        nonce: ResponseNonce,
    }
}

impl<F> EndingCall<F> {
    pub(super) fn new(future: F, watch: Box<ClaimsWatch>, nonce: ResponseNonce) -> Self {
        Self {
            future,
            watch: Some(watch),
            nonce,
        }
    }
}

impl<F, R, E> Future for EndingCall<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let call = self.project();
        // If the future is polled again after it was ready, it must not panic.
        if call.watch.is_none() {
            return Poll::Pending;
        }
        let mut response = ready!(call.future.poll(cx))?;
        let Some(watch) = call.watch.take() else {
            return Poll::Pending;
        };
        call.nonce.add_to(&mut response);
        let form = EndForm::from_headers(response.headers());
        Poll::Ready(Ok(
            response.map(|body| ResponseBody::ending(body, *watch, form))
        ))
    }
}
