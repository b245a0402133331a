//! Runs one path many times inside [`measured`], so that `callgrind --toggle-collect` counts its
//! instructions. `benches/instructions` does so for each path.

use std::hint::black_box;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use tower::{Layer, Service, ServiceBuilder};
use tower_m2m::testing::SigningAlgorithm;
use tower_m2m_benches::{
    Bare, Bench, CUSTOMER, PassThrough, SCOPE, api_key, now, poll_once, raw_check, request,
};

/// The number of runs of the path. The count of one request is the total divided by it.
const TIMES: usize = 200;

/// Runs the counted work. Callgrind finds this function by its name and counts only what it calls.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

fn main() {
    let path = std::env::args().nth(1).unwrap_or_default();
    let bench = Bench::new(SigningAlgorithm::Rs256);
    if let Some(router) = path.strip_prefix("axum") {
        return count_router(&bench, router);
    }
    if path == "api_key_in_flood" {
        return count_flood(&bench);
    }
    let token = bench.token(0);
    let (verifier, token) = match path.as_str() {
        "warm_beside_keys" => (bench.with_api_keys(), token),
        "warm_with_list" => (bench.with_replicated_entries(0), token),
        "warm_with_entries" => (bench.with_replicated_entries(10_000), token),
        "api_key" => (bench.with_api_keys(), api_key(CUSTOMER, 0)),
        "bare" | "raw" | "warm" => (bench.verifier(), token),
        "cold" => (bench.uncached(), token),
        "without_kid" => (bench.without_kid(16), bench.token_without_kid()),
        "garbage" => (bench.verifier(), "garbage".to_owned()),
        "unknown_kid" => (
            bench.verifier(),
            bench.issuer.org("org_a").header("kid", "unknown").token(),
        ),
        other => {
            eprintln!("no such path: {other:?}");
            std::process::exit(2);
        }
    };
    let raw = raw_check(&bench.issuer.signing_key(), &token);
    let mut service = verifier.layer().require(SCOPE).layer(Bare);
    // The first request with an API key waits for the issuer.
    let first = async { service.call(request(&token)).await };
    drop(black_box(bench.runtime().block_on(first)));
    count(
        || request(&token),
        |request| match path.as_str() {
            "raw" => drop(black_box(raw())),
            "bare" => drop(black_box(now(Bare.call(request)))),
            _ => drop(black_box(now(service.call(request)))),
        },
    );
}

/// Counts a router with a cached token: with the crate's layer or, for `axum`, with a layer that
/// only forwards, and with path parameters.
fn count_router(bench: &Bench, path: &str) {
    let token = bench.token(0);
    let handler = get(async || StatusCode::OK);
    let (template, uri) = if path.contains("parameters") {
        (
            "/orgs/{org_code}/invoices/{id}",
            "/orgs/org_ba4a2311eb1/invoices/7",
        )
    } else {
        ("/invoices", "/invoices")
    };
    let router: Router = Router::new().route(template, handler);
    let router = if path.contains("idle") {
        router.route_layer(tower::layer::layer_fn(PassThrough))
    } else {
        router.route_layer(bench.verifier().layer().require(SCOPE))
    };
    let mut service = ServiceBuilder::new()
        .map_request(|request: Request<String>| request.map(|_| Body::empty()))
        .service(router);
    let make = || {
        let mut request = request(&token);
        *request.uri_mut() = uri.parse().unwrap_or_default();
        request
    };
    let status = now(service.call(make())).map(|response| response.status());
    assert_eq!(status, Ok(StatusCode::OK), "the router rejects the request");
    count(make, |request| drop(black_box(now(service.call(request)))));
}

/// Counts a known key between many invented ones, after the budget for unknown credentials is used
/// up.
fn count_flood(bench: &Bench) {
    const BETWEEN: usize = 500;
    let verifier = bench.with_api_keys();
    let mut service = verifier.layer().require(SCOPE).layer(Bare);
    let known = api_key(CUSTOMER, 0);
    let first = async { service.call(request(&known)).await };
    drop(black_box(bench.runtime().block_on(first)));
    let _entered = bench.runtime().enter();
    let mut number = 0;
    let mut flood = |service: &mut tower_m2m::Authorize<Bare>, count: usize| {
        for _ in 0..count {
            number += 1;
            let invented = request(&api_key("k_live_invented", number));
            // A request within the budget would wait for the issuer. The client does not.
            drop(black_box(poll_once(service.call(invented))));
        }
    };
    flood(&mut service, 1_000);
    for _ in 0..TIMES {
        flood(&mut service, BETWEEN);
        let mut known = Some(request(&known));
        measured(&mut || {
            let response = now(service.call(known.take().unwrap_or_default()));
            drop(black_box(response));
        });
    }
    println!("{TIMES}");
}

/// Counts requests that were created in advance, after some that are not counted.
fn count(make: impl Fn() -> Request<String>, mut once: impl FnMut(Request<String>)) {
    for _ in 0..3 {
        once(make());
    }
    let mut requests: Vec<_> = (0..TIMES).map(|_| make()).collect();
    while let Some(request) = requests.pop() {
        let mut request = Some(request);
        measured(&mut || once(request.take().unwrap_or_default()));
    }
    println!("{TIMES}");
}
