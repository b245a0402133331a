//! Streams of API keys, which end when the issuer says that the key is no longer active.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_m2m::{
    Denylist, DenylistEntry, EntryExpiry, InvalidationReason, ResponseBody, StreamEnded,
};

use super::scripted::{ISSUER, Reply, Scripted};

const KEY: &str = "k_live_0000000000000001";

async fn open(test: &Scripted) -> ResponseBody<Body> {
    let inner = service_fn(|_: Request<String>| async {
        let waiting = futures_util::stream::pending::<Result<&[u8], Infallible>>();
        Ok::<_, Infallible>(Response::new(Body::from_stream(waiting)))
    });
    let request = Request::get("/").header("authorization", format!("Bearer {KEY}"));
    let request = request.body(String::new()).unwrap();
    let layer = test
        .verifier
        .layer()
        .require(super::support::READ)
        .end_streams();
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body()
}

/// Returns the seconds after which the stream ended, and why.
async fn end_of(
    test: &Scripted,
    body: &mut ResponseBody<Body>,
    seconds: u64,
) -> Option<(u64, InvalidationReason)> {
    for second in 0..seconds {
        if let Ok(frame) = timeout(Duration::from_secs(1), body.frame()).await {
            let error = frame.unwrap().unwrap_err();
            return Some((second, error.downcast_ref::<StreamEnded>()?.reason()));
        }
        test.clock.advance(Duration::from_secs(1));
    }
    None
}

/// The response of the issuer is fresh for 60 s. The stream renews it, without a request of the
/// client.
#[tokio::test(start_paused = true)]
async fn stream_of_an_api_key_ends_after_the_key_was_revoked() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    let mut body = open(&test).await;
    assert_eq!(end_of(&test, &mut body, 600).await, None);
    let requests = test.issuer.requests();
    assert!((10..=20).contains(&requests), "{requests}");
    test.issuer.revoke(KEY);
    let (seconds, reason) = end_of(&test, &mut body, 600).await.unwrap();
    assert_eq!(reason, InvalidationReason::Inactive);
    assert!(seconds <= 61, "{seconds}");
}

/// A request that finds out that the key was revoked ends its streams at once. Other keys that are
/// rejected end none.
#[tokio::test(start_paused = true)]
async fn rejected_request_ends_the_streams_of_its_key() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    let mut body = open(&test).await;
    let claims = test.verify(KEY).await.unwrap();
    let mut invalidated = test.verifier.invalidated(&claims);
    assert_eq!(
        test.outcome("k_live_0000000000000002").await,
        "inactive_credential"
    );
    assert_eq!(end_of(&test, &mut body, 2).await, None);
    test.issuer.revoke(KEY);
    // The response is due for a refresh.
    test.advance(50).await;
    let _ = test.outcome(KEY).await;
    let (seconds, reason) = end_of(&test, &mut body, 2).await.unwrap();
    assert_eq!((seconds, reason), (0, InvalidationReason::Inactive));
    let reason = timeout(Duration::from_secs(1), &mut invalidated).await;
    assert_eq!(reason.unwrap(), InvalidationReason::Inactive);
}

/// An outage of the issuer ends streams only after the 5 minutes in which requests are admitted.
#[tokio::test(start_paused = true)]
async fn stream_of_an_api_key_survives_a_short_outage() {
    let test = Scripted::new();
    test.issuer.add_key(KEY, "org_a");
    let mut body = open(&test).await;
    test.issuer.set_reply(Reply::Fail);
    assert_eq!(end_of(&test, &mut body, 300).await, None);
    test.issuer.set_reply(Reply::Regular);
    assert_eq!(end_of(&test, &mut body, 300).await, None);
    test.issuer.set_reply(Reply::Fail);
    let (seconds, reason) = end_of(&test, &mut body, 600).await.unwrap();
    assert_eq!(reason, InvalidationReason::Unavailable);
    assert!((300..=372).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn stream_of_an_api_key_ends_when_the_key_is_denied() {
    let denylist = Denylist::new();
    let test = Scripted::with(|builder| builder.denylist(denylist.clone()));
    test.issuer.add_key(KEY, "org_a");
    let mut body = open(&test).await;
    assert_eq!(end_of(&test, &mut body, 3).await, None);
    let entry = DenylistEntry::client(ISSUER, format!("id_{KEY}"));
    denylist.deny(entry, EntryExpiry::Never).unwrap();
    let end = end_of(&test, &mut body, 1).await;
    assert_eq!(end, Some((0, InvalidationReason::Suspended)));
}
