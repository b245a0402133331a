//! An issuer that responds at once, on another worker thread.

use std::sync::Arc;

use http::{Request, Response};
use tokio::sync::Barrier;
use tower_m2m::testing::LocalIssuer;
use tower_m2m::{ApiKeys, BoxError, Verifier};

const ACTIVE: &str = r#"{"is_valid":true,"status":"active","key_id":"k","scopes":[],"org_code":"org_a","user_id":null}"#;

async fn respond(_: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, BoxError> {
    Ok(Response::new(ACTIVE.as_bytes().to_vec()))
}

fn verifier() -> Verifier {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    Verifier::kinde("acme")
        .audience(issuer.audience())
        .jwk_set(issuer.jwks())
        .api_keys(ApiKeys::kinde().send_with(respond))
        .build()
        .unwrap()
}

/// Rule 171: the caller gets the outcome, also if the request ended before the caller waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn response_of_a_fast_issuer_reaches_its_caller() {
    let verifier = verifier();
    for number in 0..2_000 {
        let outcome = verifier.verify(&format!("k_live_{number:036}")).await;
        assert!(outcome.is_ok(), "{number}: {outcome:?}");
    }
}

/// Rule 171: two callers whose first requests come at the same moment share one request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_requests_on_two_threads_share_one_request() {
    let verifier = verifier();
    let barrier = Arc::new(Barrier::new(2));
    let calls = || {
        let (verifier, barrier) = (verifier.clone(), Arc::clone(&barrier));
        tokio::spawn(async move {
            for number in 0..1_000 {
                let key = format!("k_live_{number:036}");
                barrier.wait().await;
                let outcome = verifier.verify(&key).await;
                assert!(outcome.is_ok(), "{number}: {outcome:?}");
            }
        })
    };
    let (first, second) = (calls(), calls());
    first.await.unwrap();
    second.await.unwrap();
}
