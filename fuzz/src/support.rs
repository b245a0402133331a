//! Provides a verifier with a fixed key for the targets that run a whole verifier.

use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tower_m2m::{Algorithm, Clock, Issuer, Verifier};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const KID: &str = "k1";
/// The fixed time of every run.
pub(crate) const NOW: i64 = 1_750_000_000;

/// A fixed key, which is not secret. It makes findings reproducible.
static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("32 bytes are a seed"));

/// Returns the member `x` of the public key.
pub(crate) fn public_x() -> String {
    URL_SAFE_NO_PAD.encode(KEY.public_key().as_ref())
}

pub(crate) fn jwk_set() -> String {
    let x = public_x();
    format!(
        r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{KID}","alg":"EdDSA","use":"sig","x":"{x}"}}]}}"#
    )
}

/// Returns a token with exactly this header and payload and a valid signature.
pub(crate) fn sign(header: &[u8], payload: &[u8]) -> String {
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = KEY.sign(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

pub(crate) fn issuer(settings: impl FnOnce(Issuer) -> Issuer) -> Verifier {
    let issuer = Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .jwk_set(jwk_set());
    build(settings(issuer))
}

pub(crate) fn build(issuer: Issuer) -> Verifier {
    // Without the cache, every token is parsed again. The target `verify` tests the cache.
    Verifier::builder([issuer])
        .clock(Clock::manual(NOW))
        .without_token_cache()
        .build()
        .expect("valid settings")
}

/// Returns the output of a future that is ready at once.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a verifier with fixed keys did not finish at once"),
    }
}

/// A service that has no state and responds with 200 to every request.
#[derive(Clone)]
pub(crate) struct Reached;

impl tower_service::Service<http::Request<String>> for Reached {
    type Response = http::Response<String>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<String>) -> Self::Future {
        std::future::ready(Ok(http::Response::new(String::new())))
    }
}

/// Sends a request through a layer and returns the response with the bytes of its body.
pub(crate) fn send(
    layer: &tower_m2m::AuthorizeLayer,
    request: http::Request<String>,
) -> http::Response<Vec<u8>> {
    use http_body_util::BodyExt as _;
    use tower_layer::Layer as _;
    use tower_service::Service as _;

    let mut service = layer.layer(Reached);
    let response = match now(service.call(request)) {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (parts, body) = response.into_parts();
    let body = now(body.collect())
        .expect("a body of bytes")
        .to_bytes()
        .to_vec();
    http::Response::from_parts(parts, body)
}
