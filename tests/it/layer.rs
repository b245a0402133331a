//! The layer around every kind of service, alone and inside others.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Request as AxumRequest;
use axum::middleware::{Next, from_fn};
use axum::routing::{any, get};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _};
use tower_m2m::testing::{AUDIENCE, LocalIssuer};
use tower_m2m::{Claims, OrgCode, RequestExt as _, Verifier};

use crate::support::{
    ADMIN, Api, NOW, READ, WRITE, assert_says, build, global, good, issuer, trust, verifier,
};

async fn org(org: OrgCode) -> String {
    org.to_string()
}

async fn maybe(claims: Option<Claims>) -> String {
    claims.map_or_else(
        || "nobody".to_owned(),
        |claims| claims.client_id().to_owned(),
    )
}

#[tokio::test]
async fn route_layer_ignores_unknown_paths_and_wrong_methods() {
    let verifier = verifier();
    let routes = || Router::new().route("/invoices", get(org));
    let inner = Api::serve(routes().route_layer(verifier.layer())).await;
    inner.get_bare("/nowhere").await.assert_status(404);
    inner.get_bare("/invoices").await.assert_challenged();
    assert_says(&inner.get("/invoices", &good()).await, "org_a");

    let method =
        Api::serve(Router::new().route("/invoices", get(org).route_layer(verifier.layer()))).await;
    method
        .send("DELETE", "/invoices", &[])
        .await
        .assert_status(405);
    method.get_bare("/invoices").await.assert_challenged();

    let outer = Api::serve(routes().layer(verifier.layer())).await;
    outer.get_bare("/invoices").await.assert_challenged();
    outer.get_bare("/nowhere").await.assert_challenged();
    outer.get("/nowhere", &good()).await.assert_status(404);
    assert_says(&outer.get("/invoices", &good()).await, "org_a");
}

#[tokio::test]
async fn nested_and_merged_routers_use_their_own_layers() {
    let verifier = verifier();
    let invoices = Router::new()
        .route("/invoices", get(org))
        .route_layer(verifier.layer().require(READ));
    let admin = Router::new()
        .route("/admin", get(org))
        .route_layer(verifier.layer().require(ADMIN));
    let open = Router::new().route("/healthz", get(|| async { "ok" }));
    let api = Api::serve(
        Router::new()
            .nest("/v1/{org_code}", invoices.clone().merge(admin))
            .merge(open),
    )
    .await;
    assert_says(&api.get_bare("/healthz").await, "ok");
    assert_says(&api.get("/v1/org_a/invoices", &good()).await, "org_a");
    api.get("/v1/org_b/invoices", &good())
        .await
        .assert_status(403);
    api.get("/v1/org_a/admin", &good())
        .await
        .assert_rejected(403, "insufficient_scope")
        .assert_scope("admin");
    api.get_bare("/v1/org_a/invoices").await.assert_challenged();
}

#[tokio::test]
async fn route_scopes_add_up_and_match_exactly() {
    let verifier = verifier();
    let app = Router::new()
        .route(
            "/both",
            get(org).route_layer(verifier.layer().require(WRITE)),
        )
        .route("/one", get(org))
        .route_layer(verifier.layer().require(READ));
    let api = Api::serve(app).await;
    assert_says(&api.get("/one", &good()).await, "org_a");
    api.get("/both", &good())
        .await
        .assert_rejected(403, "insufficient_scope")
        .assert_scope("write:invoices");
    assert_says(
        &api.get("/both", &good().scopes(["write:invoices", "read:invoices"]))
            .await,
        "org_a",
    );
    // Rule 77: no prefix, no other case, no substring.
    for scope in [
        "read",
        "read:",
        "READ:INVOICES",
        "read:invoices2",
        "read:invoices/x",
        "*",
        "read:*",
        "admin",
    ] {
        api.get("/one", &good().scopes([scope]))
            .await
            .assert_rejected(403, "insufficient_scope")
            .assert_scope("read:invoices");
    }
}

/// The inner layer of the same verifier uses the claims of the outer one. The test shows that with
/// a verifier without a cache and a credential that is removed between the layers.
#[tokio::test]
async fn inner_layer_of_same_verifier_does_not_verify_again() {
    static VERIFICATIONS: AtomicUsize = AtomicUsize::new(0);
    struct Counted;
    impl<'de> serde::Deserialize<'de> for Counted {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            VERIFICATIONS.fetch_add(1, Ordering::Relaxed);
            serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
        }
    }
    let verifier = Verifier::builder([trust().custom_claims::<Counted>()])
        .clock(tower_m2m::Clock::manual(NOW))
        .without_token_cache()
        .build()
        .unwrap();
    let app = Router::new()
        .route("/invoices", get(org))
        .route_layer(verifier.layer().require(READ));
    let stripped = app
        .clone()
        .layer(from_fn(without_credentials))
        .layer(verifier.layer());
    let api = Api::serve(app.layer(verifier.layer())).await;
    assert_says(&api.get("/invoices", &good()).await, "org_a");
    assert_eq!(VERIFICATIONS.load(Ordering::Relaxed), 1);
    api.get("/invoices", &good().scopes(["other"]))
        .await
        .assert_rejected(403, "insufficient_scope");
    api.get_bare("/invoices").await.assert_challenged();
    // The inner layer evaluates the header that it sees.
    let stripped = Api::serve(stripped).await;
    stripped.get("/invoices", &good()).await.assert_challenged();
}

async fn without_credentials(mut request: AxumRequest, next: Next) -> axum::response::Response {
    request.headers_mut().remove("authorization");
    next.run(request).await
}

/// If there are two verifiers, claims of one do not count for the other, optional or not.
#[tokio::test]
async fn claims_of_another_verifier_never_reach_a_handler() {
    let (a, b) = (
        verifier(),
        build(
            Verifier::kinde("acme")
                .audience("https://b.example.com")
                .jwk_set(issuer().jwks()),
        ),
    );
    let routes = || {
        Router::new()
            .route("/maybe", get(maybe))
            .route("/org", get(org))
    };
    let stripped = |inner| {
        routes()
            .layer(inner)
            .layer(from_fn(without_credentials))
            .layer(a.layer())
    };
    let required = Api::serve(stripped(b.layer())).await;
    required.get("/org", &good()).await.assert_challenged();
    let optional = Api::serve(stripped(b.optional_layer())).await;
    assert_says(&optional.get("/maybe", &good()).await, "nobody");
    optional.get("/org", &good()).await.assert_challenged();

    let both = Api::serve(routes().layer(b.layer()).layer(a.layer())).await;
    both.get("/org", &good())
        .await
        .assert_rejected(401, "invalid_token");
    assert_says(
        &both
            .get(
                "/org",
                &good().audiences([AUDIENCE, "https://b.example.com"]),
            )
            .await,
        "org_a",
    );
}

async fn who(request: AxumRequest) -> String {
    format!("{:?}", request.org_code().ok())
}

/// If one verifier allows a global client to act for an organization, another verifier does not.
#[tokio::test]
async fn acting_organization_is_limited_to_its_verifier() {
    let (a, b) = (verifier(), verifier());
    let acting = a.layer().allow_global_with(READ);
    let alone = Router::new()
        .route("/orgs/{org_code}", get(who))
        .route_layer(acting.clone());
    assert_says(
        &Api::serve(alone).await.get("/orgs/org_x", &global()).await,
        "Some(OrgCode(\"org_x\"))",
    );

    let place = tower_m2m::OrganizationSource::header("x-org".parse().unwrap());
    let routes = Router::new()
        .route("/", get(who))
        .layer(b.layer().allow_global());
    let both = Api::serve(routes.layer(acting.clone().organization_from(place.clone()))).await;
    let headers = [("authorization", &*global().bearer()), ("x-org", "org_x")];
    assert_says(&both.send("GET", "/", &headers).await, "None");

    // With the same verifier, the organization must be the same, even if a layer sees no path
    // parameters.
    let routes = Router::new()
        .route("/orgs/{org_code}", get(who))
        .route_layer(acting.clone());
    let around = ServiceBuilder::new()
        .layer(acting.organization_from(place))
        .service(routes);
    let twice = Api::serve(Router::new().fallback_service(around)).await;
    assert_says(
        &twice.send("GET", "/orgs/org_x", &headers).await,
        "Some(OrgCode(\"org_x\"))",
    );
    twice
        .send("GET", "/orgs/org_y", &headers)
        .await
        .assert_status(403);
}

#[tokio::test]
async fn optional_layer_admits_no_token_and_rejects_bad_token() {
    let verifier = verifier();
    let app = Router::new()
        .route("/", get(maybe))
        .route("/org", get(org))
        .layer(verifier.optional_layer().require(READ));
    let api = Api::serve(app).await;
    assert_says(&api.get_bare("/").await, "nobody");
    assert_says(
        &api.send("GET", "/", &[("authorization", "Basic eDp5")])
            .await,
        "nobody",
    );
    assert_says(&api.get("/", &good()).await, tower_m2m::testing::CLIENT_ID);
    api.get_bare("/org").await.assert_challenged();
    for (authorization, status) in [
        ("Bearer", 400),
        ("Bearer a b", 400),
        ("Bearer a", 401),
        ("Basic x, Bearer a", 400),
    ] {
        api.send("GET", "/", &[("authorization", authorization)])
            .await
            .assert_status(status);
    }
    api.get("/", &good().expired_by(Duration::from_secs(60)))
        .await
        .assert_rejected(401, "invalid_token");
    api.get("/", &good().scopes(["other"]))
        .await
        .assert_rejected(403, "insufficient_scope");
    api.get("/", &global()).await.assert_status(403);
}

/// Rule 24.
///
/// A request in the form of a preflight reaches the handler, but without claims.
#[tokio::test]
async fn preflight_passes_without_claims() {
    let verifier = verifier();
    let app = Router::new()
        .route("/org", any(org))
        .route("/maybe", any(maybe))
        .route("/open", any(async || "open"))
        .route("/get", get(org))
        .layer(verifier.layer());
    let api = Api::serve(app).await;
    let preflight = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "GET"),
    ];
    assert_says(&api.send("OPTIONS", "/open", &preflight).await, "open");
    api.send("OPTIONS", "/maybe", &preflight)
        .await
        .assert_challenged();
    api.send("OPTIONS", "/org", &preflight)
        .await
        .assert_challenged();
    api.send("OPTIONS", "/get", &preflight)
        .await
        .assert_status(405);
    for method in ["GET", "POST", "HEAD", "DELETE", "options"] {
        api.send(method, "/maybe", &preflight)
            .await
            .assert_status(401);
    }
    for some in [&preflight[..1], &preflight[1..], &[]] {
        api.send("OPTIONS", "/open", some).await.assert_challenged();
    }
    // A preflight has no body. If its headers announce one, a service may read the body, so it is
    // rejected.
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("content-length", "5"),
        ("transfer-encoding", "chunked"),
    ] {
        let headers = [preflight[0], preflight[1], (name, value)];
        api.send("OPTIONS", "/open", &headers)
            .await
            .assert_challenged();
    }
    assert_says(
        &api.send(
            "OPTIONS",
            "/open",
            &[preflight[0], preflight[1], ("content-length", "0")],
        )
        .await,
        "open",
    );
    // Browsers send no credentials with a preflight. If a request has credentials, they are
    // verified.
    for (authorization, status) in [
        ("Bearer a.b.c", 401),
        ("Bearer", 400),
        (good().bearer().as_str(), 200),
    ] {
        let headers = [preflight[0], preflight[1], ("authorization", authorization)];
        api.send("OPTIONS", "/open", &headers)
            .await
            .assert_status(status);
    }
}

/// Some services, such as gRPC services, ignore the method. With this setting they get no request
/// without a token.
#[tokio::test]
async fn preflights_can_be_rejected() {
    let api = Api::serve(
        Router::new()
            .fallback(maybe)
            .layer(verifier().layer().reject_preflights()),
    )
    .await;
    let preflight = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "GET"),
    ];
    api.send("OPTIONS", "/x", &preflight)
        .await
        .assert_challenged();
    api.get("/x", &good()).await.assert_status(200);
}

/// Rule 24.
#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let api = Api::serve(Router::new().route("/", get(org)).layer(verifier().layer())).await;
    let (get, head) = (api.get_bare("/").await, api.send("HEAD", "/", &[]).await);
    assert_eq!((get.status(), head.body().len()), (head.status(), 0));
    for name in [
        "www-authenticate",
        "content-type",
        "cache-control",
        "content-length",
    ] {
        assert_eq!(get.headers().get(name), head.headers().get(name), "{name}");
    }
}

/// Rules 4, 7, 9.
///
/// A token in another place than the header is ignored.
#[tokio::test]
async fn token_outside_authorization_header_is_ignored() {
    let api = Api::serve(Router::new().route("/", any(org)).layer(verifier().layer())).await;
    let token = good().token();
    api.get_bare(&format!("/?access_token={token}"))
        .await
        .assert_challenged();
    for header in ["proxy-authorization", "x-authorization", "cookie"] {
        api.send("GET", "/", &[(header, &format!("Bearer {token}"))])
            .await
            .assert_challenged();
    }
}

/// Without axum: a hyper service with the claims in the request's extensions.
#[tokio::test]
async fn layer_wraps_a_hyper_service() {
    let inner = tower::service_fn(|request: Request<hyper::body::Incoming>| async move {
        let org = request
            .org_code()
            .map(ToString::to_string)
            .unwrap_or_default();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(org))))
    });
    let service = ServiceBuilder::new()
        .layer(verifier().layer().require(READ))
        .service(inner);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = Api(listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(service.clone());
            let io = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    assert_says(&api.get("/", &good()).await, "org_a");
    api.get_bare("/").await.assert_challenged().assert_problem();
    api.get("/", &good().scopes(["other"]))
        .await
        .assert_rejected(403, "insufficient_scope");
}

/// A service that must be polled ready before each call. Its clones start as not ready.
#[derive(Debug, Default)]
struct Touchy {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Touchy {
    fn clone(&self) -> Self {
        Self {
            ready: false,
            calls: Arc::clone(&self.calls),
        }
    }
}

impl Service<Request<String>> for Touchy {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready),
            "called without being ready"
        );
        self.calls.fetch_add(1, Ordering::Relaxed);
        ready(Ok(Response::default()))
    }
}

/// A service that at most one caller can have ready or in a call.
#[derive(Debug)]
struct OneAtATime {
    semaphore: Arc<tokio::sync::Semaphore>,
    permit: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl Clone for OneAtATime {
    fn clone(&self) -> Self {
        Self {
            semaphore: Arc::clone(&self.semaphore),
            permit: None,
        }
    }
}

impl Service<Request<String>> for OneAtATime {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.permit.is_none() {
            self.permit = Arc::clone(&self.semaphore).try_acquire_owned().ok();
        }
        if self.permit.is_some() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        drop(self.permit.take().expect("called without a permit"));
        ready(Ok(Response::default()))
    }
}

/// A request that waits for a key takes no permit of a concurrency limit inside: a cached token
/// passes.
#[tokio::test]
async fn waiting_request_holds_no_permit_of_the_inner_service() {
    let remote = LocalIssuer::start().await.unwrap();
    let verifier = Verifier::issuer(remote.url())
        .audience(AUDIENCE)
        .fetch_timeout(std::time::Duration::from_secs(30))
        .build_ready()
        .await
        .unwrap();
    let token = |kid: Option<&str>| {
        let token = remote.org("org_a").claim("client_id", "c");
        let token = kid.map_or_else(|| token.clone(), |kid| token.clone().header("kid", kid));
        Request::builder()
            .header("authorization", token.bearer())
            .body(String::new())
            .unwrap()
    };
    let limited = OneAtATime {
        semaphore: Arc::new(tokio::sync::Semaphore::new(1)),
        permit: None,
    };
    // One service for all requests, and a clone for each, as servers have it.
    let mut service = verifier.layer().layer(limited);
    remote.set_fault(
        tower_m2m::testing::Endpoint::Jwks,
        tower_m2m::testing::Fault::Hang,
    );
    let mut waiting = Vec::new();
    for number in 0..4 {
        let request = token(Some(&format!("k{number}")));
        waiting.push(tokio::spawn(if number % 2 == 0 {
            service.ready().await.unwrap().call(request)
        } else {
            service.clone().ready().await.unwrap().call(request)
        }));
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        let ready = tokio::time::timeout(std::time::Duration::from_secs(10), service.ready());
        let ready = ready.await.expect("a request that waits has the permit");
        let response = ready.unwrap().call(token(None)).await;
        assert_eq!(response.unwrap().status(), 200);
    }
    for request in waiting {
        assert!(!request.is_finished());
        request.abort();
    }
}

/// The readiness contract, for cached keys and if the request waits for a key.
#[tokio::test]
async fn service_is_polled_ready_before_each_call() {
    let remote = LocalIssuer::start().await.unwrap();
    let cold = Verifier::issuer(remote.url())
        .audience(AUDIENCE)
        .build()
        .unwrap();
    let touchy = Touchy::default();
    let mut service = cold.layer().layer(touchy.clone());
    for call in 1..=3 {
        let token = remote.org("org_a").claim("client_id", "c").bearer();
        let request = Request::builder()
            .header("authorization", token)
            .body(String::new())
            .unwrap();
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(
            (
                response.status().as_u16(),
                touchy.calls.load(Ordering::Relaxed)
            ),
            (200, call)
        );
    }
    let response = service
        .ready()
        .await
        .unwrap()
        .call(Request::new(String::new()))
        .await
        .unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            touchy.calls.load(Ordering::Relaxed)
        ),
        (401, 3)
    );
}

#[tokio::test]
#[should_panic(expected = "called without being ready")]
async fn service_called_before_ready_panics() {
    let _ = verifier()
        .optional_layer()
        .layer(Touchy::default())
        .call(Request::new(String::new()))
        .await;
}

/// A clone of the service behaves like the service.
#[tokio::test]
async fn cloned_services_share_one_fetch() {
    let remote = LocalIssuer::start().await.unwrap();
    let verifier = Verifier::builder([Verifier::kinde(remote.url()).audience(AUDIENCE)])
        .start_lazily()
        .build()
        .unwrap();
    let api = Api::serve(Router::new().route("/", get(org)).layer(verifier.layer())).await;
    let token = remote.org("org_a");
    let calls: Vec<_> = (0..40)
        .map(|_| {
            tokio::spawn({
                let token = token.clone();
                async move { api.get("/", &token).await }
            })
        })
        .collect();
    for call in calls {
        assert_says(&call.await.unwrap(), "org_a");
    }
    // Rule 139.
    assert_eq!(remote.hits(tower_m2m::testing::Endpoint::Jwks), 1);
}
