//! Each cause of a failed fetch has a code and a sentence of its own, over real sockets.

use std::collections::HashSet;
use std::error::Error as _;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tower_m2m::jwks::{FetchError, JwksError};
use tower_m2m::testing::AUDIENCE;
use tower_m2m::{Issuer, StartError, Verifier};

use tracing::Level;

use super::certificate::{FOR_LONG, LOOPBACK};
use super::harness::secs;
use super::recorder::Recorder;
use super::tls::Server;

/// The response of a server to each connection.
#[derive(Clone)]
enum Reply {
    Bytes(String),
    Hang,
}

/// Starts a server without TLS, and returns its address.
async fn server(reply: Reply) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut hanging = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let Reply::Bytes(bytes) = &reply else {
                hanging.push(stream);
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

fn response(status: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

/// Configures an issuer whose keys are at this URL.
fn keys_at(url: &str) -> Issuer {
    issuer("https://issuer.example").jwks_url(url)
}

fn issuer(url: &str) -> Issuer {
    Verifier::issuer(url)
        .audience(AUDIENCE)
        .fetch_timeout(secs(30))
        .without_proxy()
}

/// Returns the failure, and the event about it.
async fn failure(issuer: Issuer, lines: &Recorder<String>) -> (FetchError, String) {
    lines.take();
    let error = Verifier::builder([issuer]).build_ready().await.unwrap_err();
    let events = lines.take();
    let event = events.iter().find(|line| line.contains("key fetch failed"));
    let StartError::KeyFetch { error, .. } = error else {
        panic!("{error}")
    };
    (error, event.unwrap().clone())
}

/// Returns the messages of the errors below a failure.
fn chain(error: &FetchError) -> Vec<String> {
    let sources = std::iter::successors(error.source(), |&error| error.source());
    sources.map(ToString::to_string).collect()
}

/// An issuer, the expected code, a part of the sentence, and a part of the errors below it.
type Case = (Issuer, &'static str, &'static str, &'static str);

fn http(address: &str) -> Issuer {
    keys_at(&format!("http://{address}/jwks?api_key=hidden"))
}

fn https(address: &str) -> Issuer {
    keys_at(&format!("https://{address}/jwks"))
}

fn short(issuer: Issuer) -> Issuer {
    issuer.fetch_timeout(Duration::from_millis(300))
}

async fn connections() -> Vec<Case> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = listener.local_addr().unwrap().to_string();
    drop(listener);
    let hanging = server(Reply::Hang).await;
    let silent = server(Reply::Bytes(String::new())).await;
    let ok = "HTTP/1.1 200 OK\r\n";
    let cut = Reply::Bytes(format!("{ok}content-length: 400\r\n\r\n{{\"keys\":"));
    let cut = server(cut).await;
    let chunked = Reply::Bytes(format!(
        "{ok}transfer-encoding: chunked\r\n\r\n9\r\n{{\"keys\":["
    ));
    let chunked = server(chunked).await;
    let cut_short = ("connection_closed", "closed the connection");
    let with = |issuer, (code, sentence), below| (issuer, code, sentence, below);
    vec![
        (
            http(&free),
            "connection_refused",
            "connection refused",
            "onnection refused",
        ),
        (
            https(&free),
            "connection_refused",
            "connection refused",
            "onnection refused",
        ),
        (
            https("issuer.invalid"),
            "name_not_resolved",
            "could not be resolved",
            "failed to lookup",
        ),
        (short(http(&hanging)), "timed_out", "fetch_timeout", ""),
        (short(https(&hanging)), "timed_out", "fetch_timeout", ""),
        with(http(&silent), cut_short, "closed"),
        with(https(&silent), cut_short, "client error"),
        with(http(&cut), cut_short, "error reading"),
        with(http(&chunked), cut_short, "error reading"),
    ]
}

async fn tls() -> Vec<Case> {
    let tls = Server::start(&LOOPBACK, FOR_LONG).await;
    let expired = Server::start(&LOOPBACK, "210101000000Z").await;
    let early = Server::start_from("480101000000Z", &LOOPBACK, FOR_LONG).await;
    let other_name = [&[0x82, 13][..], b"other.example"].concat();
    let elsewhere = Server::start(&other_name, FOR_LONG).await;
    let address = |server: &Server| server.issuer.url().replace("https://", "");
    let trusted =
        |server: &Server| https(&address(server)).ca_certificate_pem(server.certificate.clone());
    let plain = server(response("400 Bad Request", "")).await;
    let text = server(Reply::Bytes("SSH-2.0-OpenSSH_9.7\r\n".to_owned())).await;
    vec![
        (
            https(&address(&tls)),
            "unknown_authority",
            "ca_certificate_pem",
            "ertificate",
        ),
        (
            https(&address(&tls)).ca_certificate_pem(expired.certificate.clone()),
            "unknown_authority",
            "ca_certificate_pem",
            "ertificate",
        ),
        (
            trusted(&expired),
            "certificate_expired",
            "has expired",
            "expired",
        ),
        (
            trusted(&early),
            "certificate_not_yet_valid",
            "not valid yet",
            "not",
        ),
        (
            trusted(&elsewhere),
            "certificate_name_mismatch",
            "another host name",
            "ertificate",
        ),
        (https(&plain), "not_tls", "does not use TLS", "client error"),
        (https(&text), "not_tls", "does not use TLS", "client error"),
        (http(&address(&tls)), "not_http", "not HTTP", "client error"),
        (http(&text), "not_http", "not HTTP", "invalid HTTP"),
    ]
}

async fn responses() -> Vec<Case> {
    let mut cases = Vec::new();
    for (status, sentence) in [
        ("404 Not Found", "404: the document does not exist"),
        ("410 Gone", "410: the document does not exist"),
        ("302 Found", "302: redirects are not followed"),
        ("500 Internal Server Error", "500: the server failed"),
        ("429 Too Many Requests", "429: too many requests"),
        ("403 Forbidden", "403: look for a typing error"),
    ] {
        let address = server(response(status, "")).await;
        cases.push((http(&address), "unexpected_status", sentence, ""));
    }
    let large = server(response("200 OK", &" ".repeat(2000))).await;
    let large = http(&large).max_key_set_bytes(1024);
    cases.push((large, "too_large", "max_key_set_bytes", ""));
    let page = server(response("200 OK", "<html>Sign in</html>")).await;
    cases.push((http(&page), "malformed", "not JSON", ""));
    let empty = server(response("200 OK", r#"{"keys":[]}"#)).await;
    cases.push((http(&empty), "no_usable_key", "no usable key", ""));
    cases
}

/// Joins the messages that no earlier one contains, as the event does.
fn each_once(chain: &[String]) -> String {
    let is_new = |i: &usize| !chain[..*i].iter().any(|m| m.contains(&chain[*i]));
    let new: Vec<_> = (0..chain.len())
        .filter(is_new)
        .map(|i| &*chain[i])
        .collect();
    new.join(": ")
}

#[tokio::test]
async fn causes_of_failed_fetches_have_codes_and_sentences() {
    let lines = Recorder::lines(Level::TRACE);
    let _guard = crate::subscriber::set_subscriber(lines.clone());
    let mut sentences = HashSet::new();
    let cases = [connections().await, tls().await, responses().await];
    for (issuer, code, sentence, below) in cases.into_iter().flatten() {
        let (error, event) = failure(issuer, &lines).await;
        assert_eq!(error.code(), code, "{error}: {:?}", chain(&error));
        let (message, url) = (error.to_string(), error.url().unwrap());
        assert!(url.ends_with("/jwks"), "{url}");
        assert!(message.starts_with(&format!("{url}: ")), "{message}");
        assert!(message.contains(sentence), "{message}");
        sentences.insert((code, error.cause().to_string()));

        // The event has the same code, the sentence with the URL, and each cause once.
        let shown = format!("code=\"{code}\" error={message}");
        assert!(
            event.contains(&shown) && !event.contains("hidden"),
            "{event}"
        );
        let sources = chain(&error).join(": ");
        assert!(sources.contains(below), "{code}: {sources}");
        let shown = format!("source={:?}", each_once(&chain(&error)));
        assert_eq!(event.contains(&shown), !sources.is_empty(), "{event}");
        // Two timers run at once, and only one of them is an error of the client.
        if code != "timed_out" {
            assert_eq!(sources.is_empty(), below.is_empty(), "{code}: {sources}");
        }
    }
    let codes: HashSet<_> = sentences.iter().map(|(code, _)| *code).collect();
    let distinct: HashSet<_> = sentences.iter().map(|(_, sentence)| sentence).collect();
    assert_eq!((codes.len(), distinct.len(), sentences.len()), (14, 19, 19));
}

/// With TLS the URL of the metadata is in the error too, and the metadata error names the issuer
/// that it found.
#[tokio::test]
async fn metadata_error_names_the_issuer_it_found() {
    let lines = Recorder::lines(Level::TRACE);
    let _guard = crate::subscriber::set_subscriber(lines.clone());
    for (found, shown) in [
        ("https://other.example", "https://other.example".to_owned()),
        (
            "https://other.example/\\n\\u0007",
            "https://other.example/\\n\\u{7}".to_owned(),
        ),
        (&"x".repeat(10_000), "x".repeat(256)),
    ] {
        let document = format!(r#"{{"issuer":"{found}","jwks_uri":"https://other.example/jwks"}}"#);
        let url = format!("http://{}", server(response("200 OK", &document)).await);
        let (error, event) = failure(issuer(&url), &lines).await;
        assert_eq!(
            error.cause(),
            &JwksError::WrongIssuer {
                found: shown.clone()
            }
        );
        let place = format!("{url}/.well-known/openid-configuration");
        assert_eq!(error.url(), Some(&*place));
        let sentence =
            format!("{place}: the metadata belongs to another issuer: found \"{shown}\"");
        assert!(
            event.contains("code=\"wrong_issuer\"") && event.contains(&sentence),
            "{event}"
        );
    }
}

/// If the two places of the metadata fail for different reasons, both URLs and chains are reported.
#[tokio::test]
async fn both_metadata_places_are_reported_with_url_and_source() {
    let lines = Recorder::lines(Level::TRACE);
    let _guard = crate::subscriber::set_subscriber(lines.clone());
    let failing = issuer("https://issuer.example").fetch_with(|request| async move {
        if request.uri().path().ends_with("openid-configuration") {
            return Ok(http::Response::builder().status(403).body(Vec::new())?);
        }
        let below = std::io::Error::other("the proxy\nis down");
        Err(tower_m2m::BoxError::from(below))
    });
    let (error, event) = failure(failing, &lines).await;
    assert_eq!((error.code(), error.url()), ("no_metadata", None));
    for part in [
        "https://issuer.example/.well-known/openid-configuration: the server responded with 403",
        "https://issuer.example/.well-known/oauth-authorization-server: the function of fetch_with returned an error",
        "source=\"the proxy\\\\nis down\"",
    ] {
        assert!(event.contains(part), "{event}");
    }
    assert_eq!(chain(&error), ["the proxy\\nis down"]);
}

/// What a `main` that returns the error prints has the chain too.
#[tokio::test]
async fn debug_of_a_start_error_has_the_chain() {
    let error = Verifier::builder([keys_at("https://issuer.invalid/jwks")])
        .build_ready()
        .await
        .unwrap_err();
    let printed = format!("{error:?}");
    assert!(
        printed.contains("https://issuer.invalid/jwks: the host name could not be resolved"),
        "{printed}"
    );
    assert!(printed.contains("(source: "), "{printed}");
}
