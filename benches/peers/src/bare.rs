//! The services without authentication.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use jwt_authorizer::AuthError;
use tower::Service;
use tower::layer::layer_fn;
use tower_m2m_benches::{Bare, PassThrough};

use crate::{Baseline, Contender, Status};

/// Returns each kind of service without authentication.
pub fn contenders() -> Vec<Contender> {
    let router = Router::new().route("/", get(handler));
    let passing = Router::new()
        .route("/", get(handler))
        .route_layer(layer_fn(PassThrough));
    vec![
        Contender::new("no auth: function", Bare),
        Contender::axum(
            "no auth: function, axum's body",
            Baseline::AxumBare,
            AxumBare,
        ),
        Contender::axum("no auth: router", Baseline::Router, router),
        Contender::axum("a layer that only forwards", Baseline::Router, passing),
    ]
}

async fn handler() -> StatusCode {
    StatusCode::OK
}

/// [`Bare`] with axum's body.
#[derive(Clone)]
pub struct AxumBare;

impl Service<Request<Body>> for AxumBare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(Body::empty())))
    }
}

/// The response of [`Bare`] in a local type, because jwt-authorizer needs a response that its error
/// converts to.
pub struct BareResponse(Response<Full<Bytes>>);

impl From<Response<Full<Bytes>>> for BareResponse {
    fn from(response: Response<Full<Bytes>>) -> Self {
        Self(response)
    }
}

impl From<AuthError> for BareResponse {
    fn from(error: AuthError) -> Self {
        let mut response = Response::new(Full::default());
        *response.status_mut() = axum_status(error);
        Self(response)
    }
}

/// Returns the status that jwt-authorizer selects. It uses an older axum and the same `http`.
fn axum_status(error: AuthError) -> StatusCode {
    let response: Response<_> = error.into();
    response.status()
}

impl Status for BareResponse {
    fn status(&self) -> StatusCode {
        self.0.status()
    }
}
