//! The statements of the guide's chapter on the order of layers.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};
use tower::{Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;
use tower_m2m::testing::{AUDIENCE, Endpoint, Fault, LocalIssuer};
use tower_m2m::{OrgCode, Verifier};

use super::support::{Api, good, text, verifier};

#[tokio::test]
async fn rejection_has_cors_headers_only_if_cors_is_outside() {
    let routes = || Router::new().route("/x", get(async |org: OrgCode| org.to_string()));
    let outside = routes().layer(
        ServiceBuilder::new()
            .layer(CorsLayer::permissive())
            .layer(verifier().layer()),
    );
    let inside = routes().layer(
        ServiceBuilder::new()
            .layer(verifier().layer())
            .layer(CorsLayer::permissive()),
    );
    for (app, is_readable) in [(outside, true), (inside, false)] {
        let origin = [("origin", "https://app.example")];
        let response = Api::serve(app).await.send("GET", "/x", &origin).await;
        response.assert_status(401);
        let header = response.headers().get("access-control-allow-origin");
        assert_eq!(header.is_some(), is_readable);
    }
}

async fn empty(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::default())
}

/// An issuer that hangs after the first fetch, and its verifier.
async fn hanging() -> (LocalIssuer, Verifier) {
    let issuer = LocalIssuer::start().await.unwrap();
    let verifier = Verifier::issuer(issuer.url())
        .audience(AUDIENCE)
        .fetch_timeout(Duration::from_secs(30))
        .build_ready()
        .await
        .unwrap();
    issuer.set_fault(Endpoint::Jwks, Fault::Hang);
    (issuer, verifier)
}

fn request(issuer: &LocalIssuer, kid: Option<&str>) -> Request<Full<Bytes>> {
    let token = issuer.org("org_a").claim("client_id", "c");
    let token = kid.map_or_else(|| token.clone(), |kid| token.clone().header("kid", kid));
    let request = Request::builder().header("authorization", token.bearer());
    request.body(Full::default()).unwrap()
}

/// Sends two requests that wait for a key, and returns whether the service is ready for a third.
async fn is_ready_while_two_wait<S>(issuer: &LocalIssuer, mut service: S) -> bool
where
    S: Service<Request<Full<Bytes>>>,
    S::Error: std::fmt::Debug,
{
    let mut waiting = Vec::new();
    for kid in ["k1", "k2"] {
        let call = service
            .ready()
            .await
            .unwrap()
            .call(request(issuer, Some(kid)));
        let mut call = Box::pin(call);
        let is_waiting = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
        assert!(is_waiting, "{kid}");
        waiting.push(call);
    }
    poll_fn(|cx| Poll::Ready(service.poll_ready(cx).is_ready())).await
}

#[tokio::test]
async fn limit_outside_counts_requests_that_wait_for_keys() {
    let (issuer, verifier) = hanging().await;
    let outside = ServiceBuilder::new()
        .layer(ConcurrencyLimitLayer::new(2))
        .layer(verifier.layer())
        .service(service_fn(empty));
    assert!(!is_ready_while_two_wait(&issuer, outside).await);
    let inside = ServiceBuilder::new()
        .layer(verifier.layer())
        .layer(ConcurrencyLimitLayer::new(2))
        .service(service_fn(empty));
    assert!(is_ready_while_two_wait(&issuer, inside.clone()).await);
    let response = inside.oneshot(request(&issuer, None)).await.unwrap();
    assert_eq!(response.status(), 200);
}

/// A timeout outside that is shorter than the wait hides the 503.
#[tokio::test]
async fn short_timeout_outside_hides_the_reason() {
    let (issuer, verifier) = hanging().await;
    let gateway_timeout = StatusCode::GATEWAY_TIMEOUT;
    let service = ServiceBuilder::new()
        .layer(TimeoutLayer::with_status_code(
            gateway_timeout,
            Duration::from_millis(1),
        ))
        .layer(verifier.layer())
        .service(service_fn(empty));
    let response = service.oneshot(request(&issuer, Some("k1"))).await.unwrap();
    assert_eq!(response.status(), gateway_timeout);
    assert!(!response.headers().contains_key("retry-after"));
}

/// axum applies a layer to each route: `ConcurrencyLimitLayer` counts each on its own.
#[tokio::test]
async fn only_a_global_limit_counts_all_routes() {
    let app = |(entered, leave): (Arc<Notify>, Arc<Notify>)| {
        let held = async move || {
            entered.notify_one();
            leave.notified().await;
        };
        Router::new()
            .route("/held", get(held))
            .route("/free", get(async || "free"))
    };
    for is_global in [false, true] {
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let app = app((Arc::clone(&entered), Arc::clone(&leave)));
        let app = if is_global {
            app.layer(GlobalConcurrencyLimitLayer::new(1))
        } else {
            app.layer(ConcurrencyLimitLayer::new(1))
        };
        let api = Api::serve(app).await;
        let held = tokio::spawn(async move { api.get_bare("/held").await.status() });
        entered.notified().await;
        let mut free = Box::pin(api.get_bare("/free"));
        if is_global {
            // The response of the held route comes first, because the other one waits for it.
            leave.notify_one();
            assert_eq!(held.await.unwrap(), 200);
            assert_eq!(free.await.status(), 200);
        } else {
            assert_eq!(free.as_mut().await.status(), 200);
            leave.notify_one();
            assert_eq!(held.await.unwrap(), 200);
        }
    }
}

/// The layer passes the upgrade of a connection on, and rejects a handshake without a token.
#[tokio::test]
async fn websocket_handshake_passes_with_a_token() {
    let handshake = async |org: OrgCode, request: axum::extract::Request| {
        tokio::spawn(async move {
            let upgraded = hyper::upgrade::on(request).await.unwrap();
            let mut stream = hyper_util::rt::TokioIo::new(upgraded);
            stream.write_all(org.as_str().as_bytes()).await.unwrap();
        });
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .body(axum::body::Body::empty())
            .unwrap()
    };
    let app = Router::new()
        .route("/x", any(handshake))
        .route_layer(verifier().layer());
    let api = Api::serve(app).await;
    let upgrade = [("connection", "upgrade"), ("upgrade", "websocket")];
    let response = api.send("GET", "/x", &upgrade[1..]).await;
    response.assert_status(401);
    assert!(text(&response).contains("missing_token"));

    let mut stream = TcpStream::connect(api.0).await.unwrap();
    let head = format!(
        "GET /x HTTP/1.1\r\nhost: api.example.com\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         authorization: {}\r\n\r\n",
        good().bearer()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut received = String::new();
    stream.read_to_string(&mut received).await.unwrap();
    assert!(received.starts_with("HTTP/1.1 101 "), "{received}");
    assert!(received.ends_with("\r\n\r\norg_a"), "{received}");
}
