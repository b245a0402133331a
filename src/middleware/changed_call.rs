//! The call of an inner service whose response the layer changes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::ResponseBody;
use super::ending_body::EndForm;
use super::response_nonce::ResponseChange;

pin_project! {
    /// The future of the inner service, and the change of its response. After the response, the
    /// change is `None`.
    pub(super) struct ChangedCall<F> {
        #[pin]
        future: F,
        change: Option<Box<ResponseChange>>,
    }
}

impl<F> ChangedCall<F> {
    pub(super) fn new(future: F, change: Box<ResponseChange>) -> Self {
        Self {
            future,
            change: Some(change),
        }
    }
}

impl<F, R, E> Future for ChangedCall<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let call = self.project();
        // If the future is polled again after it was ready, it must not panic.
        if call.change.is_none() {
            return Poll::Pending;
        }
        let mut response = ready!(call.future.poll(cx))?;
        let Some(change) = call.change.take() else {
            return Poll::Pending;
        };
        let ResponseChange { ends, mut nonce } = *change;
        nonce.add_to(&mut response);
        let Some(watch) = ends else {
            return Poll::Ready(Ok(response.map(ResponseBody::inner)));
        };
        let form = EndForm::from_headers(response.headers());
        Poll::Ready(Ok(
            response.map(|body| ResponseBody::ending(body, watch, form))
        ))
    }
}
