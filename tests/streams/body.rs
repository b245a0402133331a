//! The body of a stream: its end, its hints, its form, and how often it is woken.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_m2m::{DenylistEntry, InvalidationReason, ResponseBody};
use tracing::Level;

use super::recorder::Recorder;
use super::subscriber::set_subscriber;
use super::support::{ChannelBody, Fixture, ISSUER, OpenStream, open, reason};

async fn open_typed(fixture: &Fixture, content_type: &str) -> OpenStream {
    let head = Response::builder().header("content-type", content_type);
    let layer = fixture.verifier.layer().end_streams();
    open(layer, &fixture.token(), head.body(()).unwrap()).await
}

/// Rules 201, 202.
///
/// The end is an error and no normal end, and the body does not resume.
#[tokio::test(start_paused = true)]
async fn body_that_ended_does_not_resume() {
    let fixture = Fixture::new();
    let mut stream = fixture.open().await;
    stream.sender.send(Bytes::from_static(b"first")).unwrap();
    let first = stream.body.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first");
    fixture.deny("org_a");
    let error = stream.body.frame().await.unwrap().unwrap_err();
    assert_eq!(reason(&error), InvalidationReason::Suspended);
    assert_eq!(
        error.to_string(),
        "the response ended: the client or the organization is suspended"
    );
    assert!(stream.sender.is_closed(), "the inner body is dropped");
    fixture
        .denylist
        .remove(&DenylistEntry::organization(ISSUER, "org_a"));
    assert!(stream.body.frame().await.is_none());
    assert!(stream.body.is_end_stream());
    assert_eq!(stream.body.size_hint().exact(), Some(0));
    assert!(
        fixture
            .verifier
            .verify(&fixture.token().token())
            .await
            .is_ok()
    );
}

/// Rule 200.
///
/// A body that always has data ends too.
#[tokio::test(start_paused = true)]
async fn body_that_never_waits_ends() {
    let fixture = Fixture::new();
    let mut stream = fixture.open().await;
    for _ in 0..1000 {
        stream.sender.send(Bytes::from_static(b"data")).unwrap();
    }
    for _ in 0..10 {
        assert!(stream.body.frame().await.unwrap().is_ok());
    }
    fixture.deny("org_a");
    assert!(stream.body.frame().await.unwrap().is_err());

    let mut stream = fixture
        .open_with(
            &fixture.verifier.layer(),
            &fixture
                .token()
                .org("org_b")
                .expires_in(Duration::from_secs(60)),
        )
        .await;
    for _ in 0..1000 {
        stream.sender.send(Bytes::from_static(b"data")).unwrap();
    }
    for second in 0..90 {
        assert!(stream.body.frame().await.unwrap().is_ok(), "{second}");
        fixture.clock.advance(Duration::from_secs(1));
    }
    let error = stream.body.frame().await.unwrap().unwrap_err();
    assert_eq!(reason(&error), InvalidationReason::Expired);
}

#[tokio::test(start_paused = true)]
async fn body_that_is_complete_ends_normally() {
    let fixture = Fixture::new();
    let OpenStream { sender, body } = fixture.open().await;
    sender.send(Bytes::from_static(b"all")).unwrap();
    drop(sender);
    assert_eq!(body.collect().await.unwrap().to_bytes(), "all");
}

/// The hints are those of the inner body.
#[tokio::test(start_paused = true)]
async fn hints_are_those_of_the_inner_body() {
    let fixture = Fixture::new();
    for (text, content_type, exact) in [
        ("twelve bytes", "text/plain", Some(12)),
        ("", "text/plain", Some(0)),
        // Trailers could come first, so that the length is only a limit.
        ("twelve bytes", "application/grpc", None),
    ] {
        let inner = service_fn(move |_: Request<String>| async move {
            let response = Response::builder().header("content-type", content_type);
            Ok::<_, Infallible>(response.body(Full::new(Bytes::from(text))).unwrap())
        });
        let layer = fixture.verifier.layer().end_streams();
        let request = Request::get("/").header("authorization", fixture.token().bearer());
        let response = layer
            .layer(inner)
            .oneshot(request.body(String::new()).unwrap());
        let mut body = response.await.unwrap().into_body();
        assert_eq!(body.size_hint().exact(), exact, "{text} {content_type}");
        assert_eq!(body.size_hint().upper(), Some(text.len() as u64));
        assert_eq!(body.is_end_stream(), text.is_empty());
        if !text.is_empty() {
            assert!(body.frame().await.unwrap().is_ok());
            assert!(body.is_end_stream());
        }
    }
}

/// Rule 201.
///
/// Over gRPC the end is trailers. gRPC-Web has its trailers in the body.
#[tokio::test(start_paused = true)]
async fn grpc_stream_ends_with_trailers() {
    for (content_type, is_grpc) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc; charset=utf-8", true),
        ("application/grpc-web", false),
        ("application/grpc-web+proto", false),
        ("application/grpcx", false),
        ("text/event-stream", false),
    ] {
        let fixture = Fixture::new();
        let mut stream = open_typed(&fixture, content_type).await;
        stream.sender.send(Bytes::from_static(b"message")).unwrap();
        assert!(stream.body.frame().await.unwrap().is_ok());
        fixture.deny("org_a");
        let end = stream.body.frame().await.unwrap();
        if is_grpc {
            let trailers = end.unwrap().into_trailers().ok().unwrap();
            assert_eq!(trailers["grpc-status"], "16", "{content_type}");
            assert_eq!(
                trailers["grpc-message"],
                "the client or the organization is suspended"
            );
        } else {
            assert!(end.is_err(), "{content_type}");
        }
        assert!(stream.body.frame().await.is_none());
    }
}

/// If it is unknown whether the token is valid, the gRPC status says so: a client tries again.
#[tokio::test(start_paused = true)]
async fn grpc_stream_without_keys_is_unavailable() {
    let fixture = Fixture::with(|issuer| issuer.keys_max_stale(Duration::ZERO));
    let mut stream = open_typed(&fixture, "application/grpc").await;
    *fixture.document.lock().unwrap() = Some("not a key set");
    let end = tokio::time::timeout(Duration::from_secs(60), stream.body.frame()).await;
    let trailers = end.unwrap().unwrap().unwrap().into_trailers().ok().unwrap();
    assert_eq!(trailers["grpc-status"], "14");
}

#[derive(Default)]
struct Wakes(AtomicU64);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// 10,000 changes wake a stream once. If it is polled meanwhile, the changes are checked together.
#[tokio::test(start_paused = true)]
async fn changes_are_coalesced() {
    let fixture = Fixture::new();
    let wakes = Arc::new(Wakes::default());
    let counting = Waker::from(Arc::clone(&wakes));
    let mut stream = fixture.open().await;
    let mut body = pin!(&mut stream.body);
    let mut poll = || {
        let mut cx = Context::from_waker(&counting);
        matches!(body.as_mut().poll_frame(&mut cx), Poll::Pending)
    };
    let change = |number: u32| {
        fixture.deny_entry(DenylistEntry::token(ISSUER, format!("token {number}")));
    };
    assert!(poll());
    tokio::time::sleep(Duration::from_millis(500)).await;
    (0..9_000).for_each(change);
    assert_eq!(wakes.0.swap(0, Ordering::SeqCst), 1);
    assert!(poll());
    let mut polls = 0;
    for number in 9_000..9_900 {
        change(number);
        if wakes.0.swap(0, Ordering::SeqCst) > 0 {
            polls += 1;
            assert!(poll());
        }
    }
    assert!(polls <= 2, "{polls} wake-ups without any time passing");
    fixture.deny("org_a");
    tokio::time::sleep(Duration::from_millis(251)).await;
    assert!(!poll(), "the last change is noticed too");
}

/// Rule 204.
///
/// The types of layers without the setting are as large as without this capability.
#[test]
fn other_bodies_are_no_larger() {
    #[allow(dead_code, reason = "only its size counts")]
    enum WithoutEnd<B> {
        Inner(B),
        Rejection(Option<Bytes>),
    }
    fn assert_equal<B>() {
        let (now, before) = (size_of::<ResponseBody<B>>(), size_of::<WithoutEnd<B>>());
        assert!(now <= before, "{now} {before}");
    }
    assert_equal::<axum::body::Body>();
    assert_equal::<ChannelBody>();
    assert_equal::<Full<Bytes>>();
    assert_equal::<[u64; 20]>();
}

/// The event names the caller and the reason.
#[tokio::test(start_paused = true)]
async fn end_of_a_stream_is_recorded() {
    let recorder = Recorder::lines(Level::INFO);
    let _guard = set_subscriber(recorder.clone());
    let fixture = Fixture::new();
    let token = fixture.token().client("client_a").claim("jti", "token_a");
    let layer = fixture.verifier.layer();
    let mut stream = fixture.open_with(&layer, &token).await;
    fixture.deny("org_a");
    fixture.end_of(&mut stream, 1).await.unwrap();
    let lines = recorder.take();
    let line = lines.last().unwrap();
    for expected in [
        "INFO",
        "stream ended",
        "suspended",
        "client_a",
        "org_a",
        ISSUER,
        "token_a",
    ] {
        assert!(line.contains(expected), "{expected}: {line}");
    }
}

/// A request without a token has nothing that could end, and neither has a rejection.
#[tokio::test(start_paused = true)]
async fn responses_without_claims_do_not_end() {
    let fixture = Fixture::new();
    let inner = service_fn(|_: Request<String>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"public"))))
    });
    let layer = fixture.verifier.optional_layer().end_streams();
    let request = Request::get("/").body(String::new()).unwrap();
    let body = layer
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap()
        .into_body();
    fixture.clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(body.collect().await.unwrap().to_bytes(), "public");
    let layer = fixture.verifier.layer().end_streams();
    let request = Request::get("/").body(String::new()).unwrap();
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.into_body().collect().await.is_ok());
}

/// A frame of trailers of the inner service passes.
#[tokio::test(start_paused = true)]
async fn trailers_of_the_inner_body_pass() {
    struct Trailers(bool);
    impl http_body::Body for Trailers {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let is_first = !std::mem::replace(&mut self.0, true);
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
            Poll::Ready(is_first.then(|| Ok(Frame::trailers(trailers))))
        }
        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(0)
        }
    }
    let fixture = Fixture::new();
    let inner = service_fn(|_: Request<String>| async {
        Ok::<_, Infallible>(Response::new(Trailers(false)))
    });
    let layer = fixture.verifier.layer().end_streams();
    let request = Request::get("/").header("authorization", fixture.token().bearer());
    let request = request.body(String::new()).unwrap();
    let body = layer
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap()
        .into_body();
    let collected = body.collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
}
