//! A response body: that of the inner service, the same body with an end, or that of a rejection.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::ending_body::{EndForm, EndingBody};
use crate::util::BoxError;
use crate::verifier::ClaimsWatch;

pin_project! {
    /// The body of a response: that of the inner service, which can end with its token, or that of
    /// a rejection.
    ///
    /// Its error is that of the inner body, or [`StreamEnded`](crate::StreamEnded) if the layer
    /// [ends streams](crate::AuthorizeLayer::end_streams).
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    #[derive(Debug)]
    enum Kind<B> {
        Inner {
            #[pin]
            body: B,
        },
        Rejection {
            body: Option<Bytes>,
        },
        // A box, so that the other layers' bodies are no larger.
        Ending {
            body: Pin<Box<EndingBody<B>>>,
        },
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn inner(body: B) -> Self {
        Self {
            kind: Kind::Inner { body },
        }
    }

    /// Creates a body that ends when its token is no longer valid.
    pub(super) fn ending(body: B, watch: ClaimsWatch, form: EndForm) -> Self {
        let body = Box::pin(EndingBody::new(body, watch, form));
        Self {
            kind: Kind::Ending { body },
        }
    }

    pub(super) fn rejection(body: Bytes) -> Self {
        Self {
            kind: Kind::Rejection {
                body: Some(body).filter(|body| !body.is_empty()),
            },
        }
    }
}

/// Returns an empty body. Layers such as CORS and timeouts respond with one and do not need the
/// inner body.
impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self {
            kind: Kind::Rejection { body: None },
        }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BoxError>>> {
        match self.project().kind.project() {
            KindProj::Inner { body } => body.poll_frame(cx).map_err(Into::into),
            KindProj::Ending { body } => body.as_mut().poll_frame(cx),
            KindProj::Rejection { body } => {
                Poll::Ready(body.take().map(|body| Ok(Frame::data(body.into()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Ending { body } => body.is_end_stream(),
            Kind::Rejection { body } => body.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Ending { body } => body.size_hint(),
            Kind::Rejection { body } => {
                SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64))
            }
        }
    }
}
