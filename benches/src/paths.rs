//! Defines every path through the layer and its baselines: the bare service and the raw signature
//! check.

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, Response, StatusCode};
use tower::{Layer, Service};
use tower_m2m::OrgCode;
use tower_m2m::testing::SigningAlgorithm;

use crate::{Bare, Bench, PassThrough, SCOPE, now, raw_check, request};

/// The number of different tokens on the path that caches each token: more than a turn needs, and
/// few enough to sign quickly.
const DIFFERENT: usize = 1_000;

/// The baseline of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// This path is a baseline itself.
    Itself,
    /// The path with this name, and the raw check with this name if there is one.
    Path(&'static str, Option<&'static str>),
}

/// One path of a request.
pub struct Path {
    pub name: &'static str,
    pub baseline: Baseline,
    /// Creates requests for `run` in advance.
    pub make: Make,
    pub run: Run,
}

/// Creates this number of requests.
pub type Make = Box<dyn FnMut(usize) -> Vec<Request<String>>>;
/// Sends the requests, drops the responses, and counts the expected ones.
pub type Run = Box<dyn FnMut(&mut Vec<Request<String>>) -> usize>;

impl Path {
    fn new<S, B, F>(
        name: &'static str,
        baseline: Baseline,
        token: Option<&str>,
        expected: u16,
        service: S,
    ) -> Self
    where
        S: Service<Request<String>, Response = Response<B>, Error = Infallible, Future = F>
            + Clone
            + 'static,
        F: Future<Output = Result<Response<B>, Infallible>>,
    {
        let token = token.map(str::to_owned);
        let make = move || {
            token
                .as_deref()
                .map_or_else(|| Request::new(String::new()), request)
        };
        Self {
            name,
            baseline,
            make: Box::new(move |count| (0..count).map(|_| make()).collect()),
            run: run_requests(service, expected),
        }
    }
}

/// Runs the loop and the service as one type, so that only the call is between them.
fn run_requests<S, B, F>(mut service: S, expected: u16) -> Run
where
    S: Service<Request<String>, Response = Response<B>, Error = Infallible, Future = F>
        + Clone
        + 'static,
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    Box::new(move |requests| {
        let mut good = 0;
        while let Some(request) = requests.pop() {
            good += usize::from(
                now(service.call(request)).is_ok_and(|answer| answer.status().as_u16() == expected),
            );
        }
        good
    })
}

/// The bare service after the raw signature check only: the lower limit for any verifier.
#[derive(Clone)]
struct OnlyCheck(Arc<dyn Fn() -> bool>);

impl Service<Request<String>> for OnlyCheck {
    type Response = <Bare as Service<Request<String>>>::Response;
    type Error = Infallible;
    type Future = <Bare as Service<Request<String>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Bare.poll_ready(context)
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        assert!(black_box((self.0)()), "the raw check fails");
        Bare.call(request)
    }
}

/// Returns all paths. Each baseline is before the paths that are compared with it.
pub fn all() -> Vec<Path> {
    let rs256 = Bench::new(SigningAlgorithm::Rs256);
    let token = rs256.token(0);
    let bare = Baseline::Path("bare service", Some("raw RS256"));
    let mut paths = vec![
        Path::new("bare service", Baseline::Itself, Some(&token), 200, Bare),
        Path::new(
            "seen before",
            bare,
            Some(&token),
            200,
            rs256.verifier().layer().require(SCOPE).layer(Bare),
        ),
    ];
    for (algorithm, raw, name) in [
        (SigningAlgorithm::Rs256, "raw RS256", "new, RS256"),
        (SigningAlgorithm::Es256, "raw ES256", "new, ES256"),
        (SigningAlgorithm::Es512, "raw ES512", "new, ES512"),
        (SigningAlgorithm::EdDsa, "raw EdDSA", "new, EdDSA"),
    ] {
        let bench = Bench::new(algorithm);
        let token = bench.token(0);
        let check = raw_check(&bench.issuer.signing_key(), &token);
        paths.push(Path::new(
            raw,
            Baseline::Path("bare service", None),
            Some(&token),
            200,
            OnlyCheck(Arc::new(check)),
        ));
        let layer = bench.uncached().layer().require(SCOPE);
        paths.push(Path::new(
            name,
            Baseline::Path("bare service", Some(raw)),
            Some(&token),
            200,
            layer.layer(Bare),
        ));
    }
    paths.push(cached(bare));
    // Dropping a request with a large header costs time even without the layer, so these are
    // baselines.
    for (name, size) in [
        ("bare service, 8 KiB", 8_192),
        ("bare service, 64 KiB", 65_536),
    ] {
        paths.push(Path::new(
            name,
            Baseline::Itself,
            Some(&"a".repeat(size)),
            200,
            Bare,
        ));
    }
    for (name, token, status) in refusals(&rs256) {
        let service = rs256.verifier().layer().require(SCOPE).layer(Bare);
        let same_request = match token.as_ref().map_or(0, String::len) {
            0..2_000 => "bare service",
            2_000..10_000 => "bare service, 8 KiB",
            _ => "bare service, 64 KiB",
        };
        paths.push(Path::new(
            name,
            Baseline::Path(same_request, Some("raw RS256")),
            token.as_deref(),
            status,
            service,
        ));
    }
    paths.push(missing_key());
    paths.extend(without_kid(&rs256));
    paths.extend(in_router(&rs256, &token));
    paths
}

/// Sends only new tokens and caches each. After all tokens were sent, a new verifier replaces the
/// old one.
fn cached(baseline: Baseline) -> Path {
    let bench = Bench::new(SigningAlgorithm::Rs256);
    let tokens = bench.tokens(DIFFERENT);
    let unaware = move || run_requests(bench.verifier().layer().require(SCOPE).layer(Bare), 200);
    let mut run = unaware();
    let mut next = 0;
    let mut seen = 0;
    Path {
        name: "new, RS256, and cached",
        baseline,
        make: Box::new(move |count| {
            (0..count)
                .map(|_| {
                    next += 1;
                    request(&tokens[next % DIFFERENT])
                })
                .collect()
        }),
        run: Box::new(move |requests| {
            seen += requests.len();
            if seen > DIFFERENT {
                seen = requests.len();
                run = unaware();
            }
            run(requests)
        }),
    }
}

/// A rejected request must cost less than an accepted one, regardless of the token's length.
fn refusals(bench: &Bench) -> Vec<(&'static str, Option<String>, u16)> {
    let good = bench.issuer.org("org_ba4a2311eb1");
    let token = good.token();
    let (message, _) = token.rsplit_once('.').unwrap_or_default();
    vec![
        ("no token", None, 401),
        ("garbage", Some("garbage".to_owned()), 401),
        ("8 KiB of letters", Some("a".repeat(8_192)), 401),
        ("8 KiB of dots", Some(".".repeat(8_192)), 401),
        ("oversized, 64 KiB", Some("a".repeat(65_536)), 400),
        (
            "wrong algorithm",
            Some(good.header("alg", "HS256").token()),
            401,
        ),
        (
            "unknown kid",
            Some(
                bench
                    .issuer
                    .org("org_ba4a2311eb1")
                    .header("kid", "unknown")
                    .token(),
            ),
            401,
        ),
        (
            "forged signature",
            Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode([7; 256]))),
            401,
        ),
    ]
}

/// Uses a `kid` that the last fetch did not return, and that is cached as missing.
fn missing_key() -> Path {
    // The runtime must live as long as the path.
    let bench = Box::leak(Box::new(Bench::new(SigningAlgorithm::Rs256)));
    let token = bench
        .issuer
        .org("org_ba4a2311eb1")
        .header("kid", "unknown")
        .token();
    let verifier = bench.fetching();
    let service = verifier.layer().require(SCOPE).layer(Bare);
    let verdict = bench.runtime().block_on(verifier.verify(&token));
    assert!(verdict.is_err(), "a missing key was found");
    Path::new(
        "unknown kid, cached as missing",
        Baseline::Path("bare service", Some("raw RS256")),
        Some(&token),
        401,
        service,
    )
}

/// Sends tokens without `kid` to a verifier with 16 keys: a good one, which the first key verifies,
/// and a forged one, which costs a check with each key.
fn without_kid(bench: &Bench) -> [Path; 2] {
    let token = bench.token_without_kid();
    let (message, _) = token.rsplit_once('.').unwrap_or_default();
    let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode([7; 256]));
    [
        ("new, without `kid`, 16 keys", &token, 200),
        ("forged, without `kid`, 16 keys", &forged, 401),
    ]
    .map(|(name, token, status)| {
        let service = bench.without_kid(16).layer().layer(Bare);
        let baseline = Baseline::Path("bare service", Some("raw RS256"));
        Path::new(name, baseline, Some(token), status, service)
    })
}

/// Measures in an axum router: the layer compared with a layer that only forwards, and with a
/// handler that extracts the organization.
fn in_router(bench: &Bench, token: &str) -> Vec<Path> {
    let idle = Baseline::Path("axum, an idle layer", Some("raw RS256"));
    let warm = bench.verifier();
    let layer = || warm.layer().require(SCOPE);
    let plain = || Router::new().route("/", get(async || StatusCode::OK));
    let tenant = || Router::new().route("/", get(async |_: OrgCode| StatusCode::OK));
    let path = |name, baseline, router: Router| {
        let with_body = tower::ServiceBuilder::new()
            .map_request(|request: Request<String>| request.map(|_| Body::empty()));
        Path::new(name, baseline, Some(token), 200, with_body.service(router))
    };
    vec![
        path("axum, no layer", Baseline::Itself, plain()),
        path(
            "axum, an idle layer",
            Baseline::Path("axum, no layer", None),
            plain().route_layer(tower::layer::layer_fn(PassThrough)),
        ),
        path("axum, seen before", idle, plain().route_layer(layer())),
        path(
            "axum, seen before, with `OrgCode`",
            idle,
            tenant().route_layer(layer()),
        ),
    ]
}
