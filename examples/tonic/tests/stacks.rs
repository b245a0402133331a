//! Every layer that users put beside authorization compiles and works with tonic, outside and
//! inside of it.

use std::time::Duration;

use example_tonic::api::invoices_client::InvoicesClient;
use example_tonic::api::invoices_server::{Invoices, InvoicesServer};
use example_tonic::{ListReply, ListRequest};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codegen::http::HeaderName;
use tonic::codegen::http::header::AUTHORIZATION;
use tonic::codegen::http::{HeaderValue, StatusCode};
use tonic::service::{LayerExt as _, Routes};
use tonic::transport::{Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tower::ServiceBuilder;
use tower::buffer::BufferLayer;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::retry::{Policy, RetryLayer};
use tower::util::{BoxCloneSyncService, option_layer};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::decompression::{DecompressionLayer, RequestDecompressionLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::propagate_header::PropagateHeaderLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveHeadersLayer;
use tower_http::set_header::{SetRequestHeaderLayer, SetResponseHeaderLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tower_m2m::Verifier;
use tower_m2m::testing::{AUDIENCE, LocalIssuer};

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

/// Starts a server with a stack of layers around the example's services, and calls it with and
/// without a token.
macro_rules! check {
    ($name:expr, $issuer:expr, $verifier:expr, $stack:expr) => {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(
            Server::builder()
                .layer($stack)
                .add_routes(example_tonic::routes($verifier))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
        let mut client = InvoicesClient::new(channel);
        let mut request = Request::new(ListRequest {});
        let token = $issuer.org("org_a").scopes(["read:invoices"]).bearer();
        request
            .metadata_mut()
            .insert("authorization", token.parse().unwrap());
        let reply = client.list(request).await.expect($name);
        assert_eq!(
            reply.into_inner().invoices,
            ["invoice 1 of org_a"],
            "{}",
            $name
        );
        let status = client.list(Request::new(ListRequest {})).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{}", $name);
    };
}

/// Row A1.
#[tokio::test]
async fn tonic_stacks_compile_in_both_orders() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    let layer = || verifier.layer().reject_preflights().grpc();
    macro_rules! both {
        ($name:literal, $layer:expr) => {
            let outside = ServiceBuilder::new().layer($layer).layer(layer());
            check!($name, issuer, &verifier, outside);
            let inside = ServiceBuilder::new().layer(layer()).layer($layer);
            check!($name, issuer, &verifier, inside);
        };
    }
    both!("cors", CorsLayer::permissive());
    both!(
        "timeout",
        TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, A_MINUTE)
    );
    both!("trace", TraceLayer::new_for_grpc());
    both!("compression", CompressionLayer::new());
    both!("decompression", DecompressionLayer::new());
    both!("request decompression", RequestDecompressionLayer::new());
    both!("request body limit", RequestBodyLimitLayer::new(1024));
    both!("catch panic", CatchPanicLayer::new());
    both!(
        "set request header",
        SetRequestHeaderLayer::overriding(NAME, VALUE)
    );
    both!(
        "set response header",
        SetResponseHeaderLayer::overriding(NAME, VALUE)
    );
    both!("propagate header", PropagateHeaderLayer::new(NAME));
    both!(
        "sensitive headers",
        SetSensitiveHeadersLayer::new([AUTHORIZATION])
    );
    both!(
        "request id",
        SetRequestIdLayer::x_request_id(MakeRequestUuid)
    );
    both!(
        "propagate request id",
        PropagateRequestIdLayer::x_request_id()
    );
    both!("normalize path", NormalizePathLayer::trim_trailing_slash());
    both!("buffer", BufferLayer::new(8));
    both!("concurrency limit", ConcurrencyLimitLayer::new(8));
    both!(
        "tower's timeout",
        tower::timeout::TimeoutLayer::new(A_MINUTE)
    );
    both!("load shed", LoadShedLayer::new());
    both!("retry", RetryLayer::new(Once));
    both!("option", option_layer(Some(ConcurrencyLimitLayer::new(8))));
    both!("boxed service", BoxCloneSyncService::layer());
}

struct Empty;

#[tonic::async_trait]
impl Invoices for Empty {
    type WatchStream = tokio_stream::Empty<Result<ListReply, Status>>;

    async fn watch(&self, _: Request<ListRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<ListReply>, Status> {
        Ok(Response::new(ListReply::default()))
    }
}

/// The code of the guide's chapter on the order of layers. `tests/repository.rs` compares the two.
#[tokio::test]
async fn stack_of_the_guide_admits_only_a_token() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let verifier = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks())
        .build()
        .unwrap();
    let invoices = InvoicesServer::new(Empty);
    let inside = ServiceBuilder::new()
        .layer(verifier.layer().grpc().reject_preflights())
        .layer(ConcurrencyLimitLayer::new(256));
    let outside = ServiceBuilder::new()
        .layer(CatchPanicLayer::new())
        .layer(TraceLayer::new_for_grpc());
    let server = Server::builder()
        .timeout(Duration::from_secs(15))
        .layer(outside)
        .add_routes(Routes::new(inside.named_layer(invoices)));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
    let mut client = InvoicesClient::new(channel);
    let status = client.list(Request::new(ListRequest {})).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let mut request = Request::new(ListRequest {});
    request.metadata_mut().insert(
        "authorization",
        issuer.org("org_a").bearer().parse().unwrap(),
    );
    client.list(request).await.unwrap();
}
