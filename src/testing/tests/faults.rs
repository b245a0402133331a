//! Tests of every fault, from the client's side of the socket.

use std::time::{Duration, Instant};

use http::StatusCode;

use super::super::{Endpoint, Fault, LocalIssuer, SigningAlgorithm};
use super::support::{Answer, get, is_silent, send};

const KEYS: &str = "/.well-known/jwks";

async fn issuer() -> LocalIssuer {
    LocalIssuer::builder()
        .algorithm(SigningAlgorithm::EdDsa)
        .start()
        .await
        .unwrap()
}

async fn with(fault: Fault) -> std::io::Result<Answer> {
    let issuer = issuer().await;
    issuer.set_fault(Endpoint::Jwks, fault);
    get(&issuer, KEYS).await
}

#[tokio::test]
async fn fault_returns_wrong_response() {
    let too_many = with(Fault::too_many_requests(7)).await.unwrap();
    assert_eq!(too_many.status, 429);
    assert!(
        too_many.head.contains("retry-after: 7") && too_many.head.contains("ratelimit-reset: 7")
    );
    assert_eq!(
        with(Fault::status(StatusCode::BAD_GATEWAY))
            .await
            .unwrap()
            .status,
        502
    );

    let garbage = with(Fault::Garbage).await.unwrap();
    assert!(
        garbage.status == 200
            && serde_json::from_slice::<serde_json::Value>(&garbage.body).is_err()
    );
    assert!(
        with(Fault::Html)
            .await
            .unwrap()
            .head
            .contains("content-type: text/html")
    );
    assert_eq!(with(Fault::EmptySet).await.unwrap().body, b"{\"keys\":[]}");
    let redirect = with(Fault::Redirect("https://elsewhere.example/keys".into()))
        .await
        .unwrap();
    assert!(
        redirect.status == 302
            && redirect
                .head
                .contains("location: https://elsewhere.example/keys")
    );
    let plain = with(Fault::WrongContentType).await.unwrap();
    assert!(plain.head.contains("content-type: text/plain") && plain.json()["keys"].is_array());
    let oversized = with(Fault::Oversized(100_000)).await.unwrap();
    assert!(oversized.body.len() == 100_000 && oversized.json()["keys"].is_array());
    let bomb = with(Fault::GzipBomb(1_000_000)).await.unwrap();
    assert!(bomb.body.len() < 8_000 && bomb.head.contains("content-encoding: gzip"));
}

#[tokio::test]
async fn fault_delays_response() {
    let start = Instant::now();
    assert!(
        with(Fault::Slow(Duration::from_millis(50)))
            .await
            .unwrap()
            .json()["keys"]
            .is_array()
    );
    assert!(start.elapsed() >= Duration::from_millis(50));

    let start = Instant::now();
    let drip = with(Fault::Drip {
        bytes: 50,
        every: Duration::from_millis(10),
    })
    .await
    .unwrap();
    assert!(drip.head.contains("chunked") && start.elapsed() >= Duration::from_millis(30));

    assert!(is_silent(with(Fault::Hang)).await);
    assert!(is_silent(with(Fault::Stall)).await);
    assert!(is_silent(with(Fault::Endless)).await);
}

#[tokio::test]
async fn fault_truncates_response() {
    assert!(with(Fault::Reset).await.is_err());
    let whole = with(Fault::status(StatusCode::OK)).await.unwrap();
    assert!(whole.body.is_empty());
    let truncated = with(Fault::Truncated).await.unwrap();
    let promised = truncated.head.split("content-length: ").nth(1).unwrap();
    let promised: usize = promised.split("\r\n").next().unwrap().parse().unwrap();
    assert!(!truncated.body.is_empty() && truncated.body.len() < promised);
}

#[tokio::test]
async fn fault_ends_after_its_count() {
    let issuer = issuer().await;
    issuer.fail_next(
        Endpoint::Jwks,
        2,
        Fault::status(StatusCode::INTERNAL_SERVER_ERROR),
    );
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(get(&issuer, KEYS).await.unwrap().status);
    }
    assert_eq!(seen, [500, 500, 200]);
    issuer.set_fault(Endpoint::Jwks, Fault::EmptySet);
    issuer.set_fault(Endpoint::Jwks, None);
    assert!(get(&issuer, KEYS).await.unwrap().body.len() > 20);

    issuer.set_jwks("{");
    assert_eq!(get(&issuer, KEYS).await.unwrap().body, b"{");
    issuer.restore_documents();
    assert!(get(&issuer, KEYS).await.unwrap().json()["keys"].is_array());
    assert_eq!(issuer.hits(Endpoint::Jwks), 6);
    let seventh =
        async { tokio::join!(issuer.wait_for_hits(Endpoint::Jwks, 7), get(&issuer, KEYS)).1 };
    assert_eq!(seventh.await.unwrap().status, 200);
}

#[tokio::test]
async fn issuer_sends_cache_headers_and_records_requests() {
    let issuer = issuer().await;
    let headers = [("Cache-Control", "max-age=60"), ("ETag", "\"one\"")];
    issuer.set_cache_headers(Endpoint::Jwks, &headers).unwrap();
    assert!(issuer.last_headers(Endpoint::Jwks).is_none());
    let fresh = get(&issuer, KEYS).await.unwrap();
    assert!(fresh.status == 200 && fresh.head.contains("cache-control: max-age=60"));
    let response = send(
        &issuer,
        "GET /.well-known/jwks HTTP/1.1\r\nIf-None-Match: \"one\"",
        "",
    )
    .await
    .unwrap();
    assert!(
        response.status == 304
            && response.body.is_empty()
            && response.head.contains("etag: \"one\"")
    );
    assert_eq!(
        issuer.last_headers(Endpoint::Jwks).unwrap()["if-none-match"],
        "\"one\""
    );
    assert!(
        issuer
            .set_cache_headers(Endpoint::Jwks, &[("a b", "")])
            .is_err()
    );
}

#[tokio::test]
async fn issuer_goes_down_and_comes_back() {
    let issuer = issuer().await;
    let kid = issuer.signing_key().kid().to_owned();
    issuer.set_fault(Endpoint::Jwks, Fault::Hang);
    let open = tokio::net::TcpStream::connect(issuer.address().unwrap())
        .await
        .unwrap();
    issuer.go_down().await;
    assert_eq!(
        get(&issuer, KEYS).await.err().unwrap().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    // The existing connection is closed too.
    let mut byte = [0];
    assert!(matches!(
        tokio::io::AsyncReadExt::read(&mut { open }, &mut byte).await,
        Ok(0) | Err(_)
    ));

    issuer.set_fault(Endpoint::Jwks, None);
    issuer.come_back().await.unwrap();
    assert!(
        get(&issuer, KEYS)
            .await
            .unwrap()
            .json()
            .to_string()
            .contains(&kid)
    );
    issuer.restart().await.unwrap();
    let address = issuer.address().unwrap();
    issuer.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert!(
        LocalIssuer::in_process("https://x")
            .unwrap()
            .come_back()
            .await
            .is_err()
    );
}
