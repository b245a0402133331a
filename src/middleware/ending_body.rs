//! A response body that ends when its token is no longer valid.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::revocation::{InvalidationReason, StreamEnded};
use crate::telemetry::events::stream_ended;
use crate::util::BoxError;
use crate::verifier::{ClaimsWatch, Invalidated};

/// How a body says that it ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndForm {
    /// An error, so that no client takes the body for complete.
    Error,
    /// Trailers, because gRPC clients read their status.
    GrpcTrailers,
}

pin_project! {
    /// The body of an inner service, and what ends it.
    pub(super) struct EndingBody<B> {
        // `None` after the end: the body of the inner service is dropped at once.
        #[pin]
        body: Option<B>,
        watch: ClaimsWatch,
        form: EndForm,
        // Exists once the body had to wait for data, or if the caller is checked. Another body that
        // is ready at once needs no timer.
        invalidated: Option<Invalidated>,
    }
}

impl EndForm {
    /// Returns the form for a response. gRPC-Web has its trailers in the body, so that this code
    /// cannot write them.
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        match content_type.and_then(|value| value.strip_prefix(b"application/grpc")) {
            Some([] | [b'+' | b';' | b' ', ..]) => Self::GrpcTrailers,
            _ => Self::Error,
        }
    }

    fn end<D>(self, reason: InvalidationReason) -> Result<Frame<D>, BoxError> {
        match self {
            Self::Error => Err(StreamEnded::new(reason).into()),
            Self::GrpcTrailers => Ok(Frame::trailers(grpc_trailers(reason))),
        }
    }
}

/// Returns the trailers of a gRPC stream: `UNAUTHENTICATED`, or `UNAVAILABLE` if the token may
/// still be valid.
fn grpc_trailers(reason: InvalidationReason) -> HeaderMap {
    let status = match reason {
        InvalidationReason::Unavailable | InvalidationReason::NoTimers => "14",
        _ => "16",
    };
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    // The messages are plain ASCII without `%`, so they need no percent-encoding.
    trailers.insert("grpc-message", HeaderValue::from_static(reason.message()));
    trailers
}

impl<B> EndingBody<B> {
    pub(super) fn new(body: B, watch: ClaimsWatch, form: EndForm) -> Self {
        Self {
            body: Some(body),
            watch,
            form,
            invalidated: None,
        }
    }
}

/// Returns why the claims are no longer valid, or registers the task for it.
fn poll_invalidated(
    watch: &ClaimsWatch,
    invalidated: &mut Option<Invalidated>,
    cx: &mut Context<'_>,
) -> Option<InvalidationReason> {
    let invalidated = invalidated.get_or_insert_with(|| Invalidated::new(watch.clone()));
    match Pin::new(invalidated).poll(cx) {
        Poll::Ready(reason) => Some(reason),
        Poll::Pending => None,
    }
}

impl<B> Body for EndingBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        let Some(body) = this.body.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let watch = &mut *this.watch;
        let mut reason = watch.check_if_due().err();
        // The caller check has to make progress also if the body always has data.
        if reason.is_none() && watch.checks_caller() {
            reason = poll_invalidated(watch, this.invalidated, cx);
        }
        if reason.is_none() {
            if let Poll::Ready(frame) = body.poll_frame(cx) {
                return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
            }
            if !watch.checks_caller() {
                reason = poll_invalidated(watch, this.invalidated, cx);
            }
        }
        let Some(reason) = reason else {
            return Poll::Pending;
        };
        this.body.set(None);
        *this.invalidated = None;
        stream_ended(reason.code(), this.watch.claims(), this.watch.acting());
        Poll::Ready(Some(this.form.end(reason)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let Some(body) = &self.body else {
            return SizeHint::with_exact(0);
        };
        let hint = body.size_hint();
        match self.form {
            EndForm::Error => hint,
            // Trailers can come before the body is complete, so its length is only a limit.
            EndForm::GrpcTrailers => {
                let mut limit = SizeHint::new();
                if let Some(upper) = hint.upper() {
                    limit.set_upper(upper);
                }
                limit
            }
        }
    }
}

impl<B> fmt::Debug for EndingBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndingBody")
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}
