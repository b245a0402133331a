//! Provides one interface for tower-m2m and its peers: it takes a request and returns a status.

mod bare;
mod keys;
mod ours;
pub mod proofs;
mod refusals;
mod setup;
mod theirs;

use std::error::Error;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use http::{Request, StatusCode};
use tower::Service;
use tower_m2m_benches::{Bench, now};

pub use bare::{AxumBare, BareResponse};
pub use keys::serve_keys;
pub use refusals::{REFUSED, Refusals};
pub use setup::{Backend, Setup};

/// The error of a setup.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The service that a contender is compared with: the same service without authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// A function call that responds with an empty body: [`tower_m2m_benches::Bare`].
    Bare,
    /// The same with axum's body, for the peers that support no other body.
    AxumBare,
    /// An axum router with one route.
    Router,
}

/// A protected service, or the service without protection.
pub struct Contender {
    pub name: &'static str,
    pub baseline: Baseline,
    call: Box<dyn FnMut(Request<String>) -> StatusCode>,
}

impl Contender {
    /// Creates a contender from a service that takes requests without a body.
    pub fn new<S>(name: &'static str, mut service: S) -> Self
    where
        S: Service<Request<String>> + 'static,
        S::Response: Status,
    {
        Self {
            name,
            baseline: Baseline::Bare,
            call: Box::new(move |request| answer(&mut service, request)),
        }
    }

    /// Creates a contender from a service that takes axum's body.
    pub fn axum<S>(name: &'static str, baseline: Baseline, mut service: S) -> Self
    where
        S: Service<Request<Body>> + 'static,
        S::Response: Status,
    {
        Self {
            name,
            baseline,
            call: Box::new(move |request| answer(&mut service, request.map(|_| Body::empty()))),
        }
    }

    /// Sends one request and drops the response.
    pub fn call(&mut self, request: Request<String>) -> StatusCode {
        (self.call)(request)
    }
}

/// Returns all contenders, each with its keys. The first of each kind of service has no
/// authentication.
///
/// # Errors
///
/// Returns an error that names the peer if its setup fails.
pub async fn contenders(bench: &Bench) -> Result<Vec<Contender>, Failure> {
    let url = serve_keys(bench.issuer.jwks()).await?;
    let mut contenders = bare::contenders();
    contenders.extend(ours::contenders(bench));
    contenders.push(
        theirs::tower_oauth2_resource_server(bench)
            .await
            .map_err(named("tower-oauth2-resource-server"))?,
    );
    contenders.push(
        theirs::oauth_resource_server(&url)
            .await
            .map_err(named("oauth-resource-server"))?,
    );
    contenders.push(
        theirs::jwt_authorizer(&url, bench)
            .await
            .map_err(named("jwt-authorizer"))?,
    );
    contenders.push(
        theirs::aliri_tower(&url)
            .await
            .map_err(named("aliri_tower"))?,
    );
    contenders.push(theirs::huskarl(&url).await.map_err(named("huskarl-axum"))?);
    contenders.push(
        theirs::axum_jwt_auth(&url)
            .await
            .map_err(named("axum-jwt-auth"))?,
    );
    Ok(contenders)
}

fn named(name: &'static str) -> impl Fn(Failure) -> Failure {
    move |failure| format!("{name}: {failure}").into()
}

/// Returns the status of a response with any body.
pub trait Status {
    fn status(&self) -> StatusCode;
}

impl<B> Status for http::Response<B> {
    fn status(&self) -> StatusCode {
        http::Response::status(self)
    }
}

fn answer<S, B>(service: &mut S, request: Request<B>) -> StatusCode
where
    S: Service<Request<B>>,
    S::Response: Status,
{
    let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
    assert!(
        matches!(ready, Poll::Ready(Ok(()))),
        "the service is not ready"
    );
    match now(service.call(request)) {
        Ok(response) => response.status(),
        Err(_) => StatusCode::BAD_GATEWAY,
    }
}
