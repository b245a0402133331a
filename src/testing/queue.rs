//! A layer that lets time pass between two layers.

use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::clock::Clock;

/// A layer that moves a [manual clock](Clock::manual) before it passes a request on, as a queue
/// between two layers does.
///
/// Put it between the layer and the handlers. If a token expires in the queue, the handlers must
/// not be reached:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use axum::{Router, routing::get};
/// use tower::ServiceExt as _;
/// use tower_m2m::testing::{AUDIENCE, LocalIssuer, QueueLayer};
/// use tower_m2m::{Clock, OrgCode, Verifier};
///
/// let clock = Clock::manual(1_750_000_000);
/// let issuer = LocalIssuer::builder().clock(clock.clone()).in_process("https://acme.kinde.com")?;
/// let issuer_keys = Verifier::kinde("acme").audience(AUDIENCE).jwk_set(issuer.jwks());
/// let verifier = Verifier::builder([issuer_keys]).clock(clock.clone()).build()?;
///
/// let app: Router = Router::new()
///     .route("/invoices", get(|org: OrgCode| async move { format!("invoices of {org}") }))
///     .layer(QueueLayer::new(clock, Duration::from_secs(2 * 86_400)))
///     .layer(verifier.layer());
/// let request = http::Request::get("/invoices").header("authorization", issuer.org("org_a").bearer());
/// let response = app.oneshot(request.body(axum::body::Body::empty())?).await?;
/// assert_eq!(response.status(), 401);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct QueueLayer {
    clock: Clock,
    wait: Duration,
}

impl QueueLayer {
    /// Creates a layer that moves the clock by whole seconds for each request.
    #[must_use]
    pub fn new(clock: Clock, wait: Duration) -> Self {
        Self { clock, wait }
    }
}

impl<S> Layer<S> for QueueLayer {
    type Service = Queue<S>;

    fn layer(&self, inner: S) -> Queue<S> {
        Queue {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service of [`QueueLayer`].
#[derive(Clone, Debug)]
pub struct Queue<S> {
    inner: S,
    layer: QueueLayer,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Queue<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.layer.clock.advance(self.layer.wait);
        self.inner.call(request)
    }
}
