//! Without axum: a hyper server, and the layer around a tower service.
//!
//! ```text
//! m2m issuer                         # one terminal: an issuer on 127.0.0.1:4000, with lines to paste
//! cargo run --example hyper          # another: this API on 127.0.0.1:3000
//! ```
//!
//! To use other values, set `ISSUER`, `AUDIENCE` and `LISTEN`.

use std::env;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::header::ALLOW;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_m2m::{OrganizationSource, Profile, RequestExt as _, Scope, Verifier};

const READ_INVOICES: Scope = Scope::from_static("read:invoices");

/// Uses the organization of the token. The layer has compared it with the path.
async fn api(request: Request<Incoming>) -> http::Result<Response<Full<Bytes>>> {
    // CORS preflights pass the layer without a token, so there may be no organization. Do not
    // `unwrap` here.
    let Ok(org) = request.org_code() else {
        return Response::builder()
            .status(StatusCode::UNAUTHORIZED)
            .body(Full::default());
    };
    let segments: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    match (request.method(), segments.as_slice()) {
        (&Method::GET, ["orgs", _, "invoices"]) => {
            Ok(Response::new(Full::from(format!("invoices of {org}\n"))))
        }
        (_, ["orgs", _, "invoices"]) => Response::builder()
            .status(StatusCode::METHOD_NOT_ALLOWED)
            .header(ALLOW, "GET")
            .body(Full::default()),
        _ => Response::builder()
            .status(StatusCode::NOT_FOUND)
            .body(Full::default()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let verifier = Verifier::issuer(variable("ISSUER", "http://127.0.0.1:4000"))
        .audience(variable("AUDIENCE", "https://api.example.com"))
        .profile(Profile::KINDE)
        .build()?;
    let layer = verifier
        .layer()
        .require(READ_INVOICES)
        .organization_from(OrganizationSource::path("/orgs/{org_code}/*"));
    let service = ServiceBuilder::new().layer(layer).service_fn(api);

    let listener = TcpListener::bind(variable("LISTEN", "127.0.0.1:3000")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            ended = tokio::signal::ctrl_c() => return Ok(ended?),
        };
        let Ok((stream, _)) = accepted else {
            // The process probably has no file descriptors left, so wait until connections end.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                eprintln!("a connection broke off: {error}");
            }
        });
    }
}
