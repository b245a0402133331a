//! Every layer that users put beside authorization compiles and works, outside and inside of it,
//! with axum and hyper. The tonic example does the same for gRPC.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::routing::get;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::buffer::BufferLayer;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::retry::{Policy, RetryLayer};
use tower::util::{BoxCloneService, BoxCloneSyncService, option_layer};
use tower::{Service, ServiceBuilder, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::decompression::{DecompressionLayer, RequestDecompressionLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::propagate_header::PropagateHeaderLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::{
    SetSensitiveHeadersLayer, SetSensitiveRequestHeadersLayer, SetSensitiveResponseHeadersLayer,
};
use tower_http::set_header::{SetRequestHeaderLayer, SetResponseHeaderLayer};
use tower_http::timeout::{RequestBodyTimeoutLayer, ResponseBodyTimeoutLayer, TimeoutLayer};
use tower_http::trace::TraceLayer;
use tower_m2m::{BoxError, OrgCode, RequestExt as _, Verifier};

use super::support::{Api, good, text, verifier};

const A_MINUTE: Duration = Duration::from_secs(60);
const NAME: HeaderName = HeaderName::from_static("x-test");
const VALUE: HeaderValue = HeaderValue::from_static("1");

/// Never retries.
#[derive(Clone)]
struct Once;

impl<Q, P, E> Policy<Q, P, E> for Once {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut Q, _: &mut Result<P, E>) -> Option<Self::Future> {
        None
    }

    fn clone_request(&mut self, _: &Q) -> Option<Q> {
        None
    }
}

/// Calls the macro once for each layer that keeps the error type.
macro_rules! with_plain_layers {
    ($check:ident) => {
        $check!("cors", CorsLayer::permissive());
        $check!(
            "timeout",
            TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, A_MINUTE)
        );
        $check!(
            "request body timeout",
            RequestBodyTimeoutLayer::new(A_MINUTE)
        );
        $check!(
            "response body timeout",
            ResponseBodyTimeoutLayer::new(A_MINUTE)
        );
        $check!("trace", TraceLayer::new_for_http());
        $check!("compression", CompressionLayer::new());
        $check!("decompression", DecompressionLayer::new());
        $check!("request decompression", RequestDecompressionLayer::new());
        $check!("request body limit", RequestBodyLimitLayer::new(64));
        $check!("catch panic", CatchPanicLayer::new());
        $check!(
            "set request header",
            SetRequestHeaderLayer::overriding(NAME, VALUE)
        );
        $check!(
            "set response header",
            SetResponseHeaderLayer::overriding(NAME, VALUE)
        );
        $check!("propagate header", PropagateHeaderLayer::new(NAME));
        $check!(
            "sensitive headers",
            SetSensitiveHeadersLayer::new([AUTHORIZATION])
        );
        $check!(
            "sensitive request headers",
            SetSensitiveRequestHeadersLayer::new([AUTHORIZATION])
        );
        $check!(
            "sensitive response headers",
            SetSensitiveResponseHeadersLayer::from_shared(Arc::new([AUTHORIZATION]))
        );
        $check!(
            "request id",
            SetRequestIdLayer::x_request_id(MakeRequestUuid)
        );
        $check!(
            "propagate request id",
            PropagateRequestIdLayer::x_request_id()
        );
        $check!("normalize path", NormalizePathLayer::trim_trailing_slash());
        $check!("concurrency limit", ConcurrencyLimitLayer::new(8));
        $check!("retry", RetryLayer::new(Once));
        $check!("option", option_layer(Some(ConcurrencyLimitLayer::new(8))));
        $check!(
            "option without layer",
            option_layer(None::<ConcurrencyLimitLayer>)
        );
    };
}

/// Calls the macro once for each layer that changes the error type to a boxed error.
macro_rules! with_failing_layers {
    ($check:ident) => {
        $check!("buffer", BufferLayer::new(8));
        $check!(
            "tower's timeout",
            tower::timeout::TimeoutLayer::new(A_MINUTE)
        );
        $check!("load shed", LoadShedLayer::new());
    };
}

async fn check(name: &str, api: Api) {
    let response = api.get("/x", &good()).await;
    assert_eq!(response.status(), 200, "{name}");
    // Some layers make the body a chunked one.
    assert!(text(&response).contains("invoices of org_a"), "{name}");
    let response = api.get_bare("/x").await;
    assert_eq!(response.status(), 401, "{name}");
    response.assert_challenged();
}

fn routes() -> Router {
    Router::new().route(
        "/x",
        get(async |org: OrgCode| format!("invoices of {org}")).options(async || "options"),
    )
}

#[tokio::test]
async fn axum_stacks_compile_in_both_orders() {
    let verifier = verifier();
    macro_rules! plain {
        ($name:literal, $layer:expr) => {
            let outside = ServiceBuilder::new().layer($layer).layer(verifier.layer());
            check($name, Api::serve(routes().layer(outside)).await).await;
            let inside = ServiceBuilder::new().layer(verifier.layer()).layer($layer);
            check($name, Api::serve(routes().layer(inside)).await).await;
            let route = routes().route_layer(verifier.layer()).layer($layer);
            check($name, Api::serve(route).await).await;
        };
    }
    macro_rules! failing {
        ($name:literal, $layer:expr) => {
            let handler = || HandleErrorLayer::new(async |_: BoxError| StatusCode::BAD_GATEWAY);
            let outside = ServiceBuilder::new()
                .layer(handler())
                .layer($layer)
                .layer(verifier.layer());
            check($name, Api::serve(routes().layer(outside)).await).await;
            let inside = ServiceBuilder::new()
                .layer(handler())
                .layer(verifier.layer())
                .layer($layer);
            check($name, Api::serve(routes().layer(inside)).await).await;
        };
    }
    with_plain_layers!(plain);
    with_failing_layers!(failing);
    plain!("boxed service", BoxCloneSyncService::layer());
}

/// A hyper server around a tower service.
async fn serve<S, B>(service: S) -> Api
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    Api(address)
}

/// The request's body is of any type, because layers change it.
async fn handle<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match request.org_code() {
        Ok(org) => Response::new(Full::from(format!("invoices of {org}"))),
        Err(_) => Response::builder()
            .status(StatusCode::UNAUTHORIZED)
            .body(Full::default())
            .unwrap(),
    })
}

#[tokio::test]
async fn hyper_stacks_compile_in_both_orders() {
    let verifier = verifier();
    macro_rules! both {
        ($name:literal, $layer:expr) => {
            let outside = ServiceBuilder::new()
                .layer($layer)
                .layer(verifier.layer())
                .service(service_fn(handle));
            check($name, serve(outside).await).await;
            let inside = ServiceBuilder::new()
                .layer(verifier.layer())
                .layer($layer)
                .service(service_fn(handle));
            check($name, serve(inside).await).await;
        };
    }
    with_plain_layers!(both);
    with_failing_layers!(both);
    both!("boxed service", BoxCloneService::layer());
}

/// The whole stack of a service, outside and inside.
#[tokio::test]
async fn layers_stack_all_at_once() {
    fn stack(verifier: &Verifier) -> Router {
        let inside = ServiceBuilder::new()
            .layer(verifier.layer())
            .layer(RequestBodyLimitLayer::new(64))
            .layer(TimeoutLayer::with_status_code(
                StatusCode::REQUEST_TIMEOUT,
                A_MINUTE,
            ))
            .layer(CompressionLayer::new());
        let outside = ServiceBuilder::new()
            .layer(CatchPanicLayer::new())
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(TraceLayer::new_for_http())
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(CorsLayer::permissive())
            .layer(TimeoutLayer::with_status_code(
                StatusCode::REQUEST_TIMEOUT,
                A_MINUTE,
            ))
            .layer(RequestDecompressionLayer::new())
            .layer(CompressionLayer::new())
            .layer(RequestBodyLimitLayer::new(64))
            .layer(inside);
        routes().layer(outside)
    }
    let api = Api::serve(stack(&verifier())).await;
    check("everything", api).await;
    let origin = [("origin", "https://app.example")];
    let response = api.send("GET", "/x", &origin).await;
    response.assert_status(401);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(response.headers().contains_key("x-request-id"));
}

/// If an outer timeout layer responds, the response has that layer's empty body.
#[tokio::test(start_paused = true)]
async fn timeout_around_the_layer_responds_without_body() {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    let stuck = service_fn(async |_: Request<Full<Bytes>>| {
        std::future::pending::<Result<Response<NoDefault>, Infallible>>().await
    });
    let service = ServiceBuilder::new()
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            A_MINUTE,
        ))
        .layer(verifier().layer())
        .service(stuck);
    let request = Request::get("/x").header(AUTHORIZATION, good().bearer());
    let response = service
        .oneshot(request.body(Full::default()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), 408);
    assert!(response.body().is_end_stream());
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "");
}

/// A body without a `Default`.
struct NoDefault;

impl Body for NoDefault {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(None)
    }
}

/// Row A2: browsers and proxies send headers that do not concern a body.
#[tokio::test]
async fn preflight_reaches_cors_inside_whatever_te_says() {
    let app = routes().layer(
        ServiceBuilder::new()
            .layer(verifier().layer())
            .layer(CorsLayer::permissive()),
    );
    let api = Api::serve(app).await;
    let preflight = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "GET"),
    ];
    for further in [
        &[][..],
        &[("te", "trailers")],
        &[("te", "trailers, deflate;q=0.5"), ("via", "2 proxy")],
        &[("content-length", "0"), ("x-forwarded-for", "192.0.2.1")],
    ] {
        let response = api
            .send("OPTIONS", "/x", &[&preflight, further].concat())
            .await;
        assert_eq!(response.status(), 200, "{further:?}");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
    }
}
