//! Tests that assertions pass and fail as documented.

use http::Response;
use http_body_util::Full;

use super::super::assertions::TestResponse;

fn problem() -> TestResponse {
    let response = Response::builder()
        .status(403)
        .header(
            "www-authenticate",
            "Bearer error=\"insufficient_scope\", scope=\"read:a read:b\"",
        )
        .header("content-type", "application/problem+json")
        .body(r#"{"status":403,"title":"Forbidden"}"#);
    response.unwrap().into()
}

#[tokio::test]
async fn test_response_reads_body() {
    let answer = TestResponse::read(Response::new(Full::new(bytes::Bytes::from_static(b"{}"))))
        .await
        .unwrap();
    assert_eq!((answer.status(), answer.body()), (200, &b"{}"[..]));
}

#[test]
fn assertions_pass_on_matching_response() {
    let answer = problem();
    answer
        .assert_rejected(403, "insufficient_scope")
        .assert_scope("read:a read:b");
    assert_eq!(answer.assert_problem()["title"], "Forbidden");
    answer.assert_does_not_contain("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl");
    TestResponse::from((401, Some("Bearer realm=\"api\"".into()), "")).assert_challenged();
}

#[test]
#[should_panic(expected = "the status")]
fn assertion_fails_on_different_status() {
    problem().assert_status(401);
}

#[test]
#[should_panic(expected = "the error")]
fn assertion_fails_on_different_error_code() {
    problem().assert_rejected(403, "invalid_token");
}

#[test]
#[should_panic(expected = "without credentials")]
fn assertion_fails_on_error_code_without_credentials() {
    TestResponse::from((401, Some("Bearer error=\"invalid_token\"".into()), ""))
        .assert_challenged();
}

#[test]
#[should_panic(expected = "repeats a part of the token")]
fn assertion_fails_if_response_contains_token() {
    TestResponse::from((401, None, "eyJhbGciOiJSUzI1NiJ9"))
        .assert_does_not_contain("eyJhbGciOiJSUzI1NiJ9.e30.");
}
