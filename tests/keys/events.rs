//! Rule 155: changes are events with stable field names and without secrets.

use std::sync::{Arc, Mutex};

use tower_m2m::{BoxError, Verifier};
use tracing::Level;

use super::harness::{Behavior, FakeIssuer, NOW, pass, secs, settle, verdict};
use super::recorder::Recorder;

/// Rule 155.
#[tokio::test(start_paused = true)]
async fn key_set_lifecycle_is_recorded_as_events() {
    let lines = Recorder::lines(Level::TRACE);
    let _events = crate::subscriber::set_subscriber(lines.clone());
    let fake = FakeIssuer::new();
    let verifier = fake.verifier();
    settle().await;
    let issuer = "issuer=\"https://issuer.example\"";
    assert_eq!(
        lines.take(),
        [format!(
            "DEBUG keys fetched {issuer} cause=\"start\" keys=1 unusable_keys=0"
        )]
    );

    fake.issuer.rotate_key().unwrap();
    assert_eq!(verdict(&verifier, &fake.token()).await, "accepted");
    assert_eq!(
        lines.take(),
        [format!(
            "DEBUG keys fetched {issuer} cause=\"unknown_kid\" keys=2 unusable_keys=0"
        )]
    );

    fake.set_behavior(Behavior::Down);
    pass(&fake.clock, secs(4199)).await;
    let failures = lines.take();
    assert!(failures.len() > 60);
    let failed = |cause| {
        format!(
            "WARN key fetch failed {issuer} cause=\"{cause}\" code=\"fetch_function_failed\" error=https://issuer.example/jwks: the function of fetch_with returned an error source=\"connection refused\" has_keys=true next_attempt_in="
        )
    };
    assert!(failures[0].starts_with(&failed("refresh")), "{failures:?}");
    assert!(failures[1].starts_with(&failed("retry")), "{failures:?}");
    let stale = format!("WARN using stale keys {issuer}");
    assert_eq!(failures.iter().filter(|line| **line == stale).count(), 1);
    pass(&fake.clock, secs(1)).await;
    assert!(lines.take().contains(&format!(
        "ERROR keys expired: no successful fetch within keys_max_stale {issuer}"
    )));

    let weak = r#"{"keys":[{"kty":"RSA","kid":"a\nb","n":"AQAB","e":"AQAB","alg":"RS256"}]}"#;
    fake.set_behavior(Behavior::Body(weak.into()));
    pass(&fake.clock, secs(10)).await;
    let left_out = format!(
        "WARN ignoring unusable keys {issuer} keys=1 reasons=key \"a\\nb\": the RSA modulus has less than 2048 or more than 8192 bits"
    );
    assert!(lines.take().contains(&left_out));

    fake.set_behavior(Behavior::Good);
    pass(&fake.clock, secs(10)).await;
    let healed = lines.take();
    let again = healed
        .iter()
        .filter(|line| line.starts_with(&format!("INFO key fetch recovered {issuer} failures=")));
    assert_eq!((again.count(), healed.len()), (1, 2), "{healed:?}");
}

/// Rule 155.
///
/// Emitted once per set and not with every refresh.
#[tokio::test(start_paused = true)]
async fn unusable_key_is_reported_once_per_key_set() {
    let lines = Recorder::lines(Level::TRACE);
    let _events = crate::subscriber::set_subscriber(lines.clone());
    let fake = FakeIssuer::new();
    let weak = r#"{"keys":[{"kty":"RSA","kid":"weak","n":"AQAB","e":"AQAB","alg":"RS256"},"#;
    fake.set_behavior(Behavior::Body(
        fake.issuer.jwks().replacen(r#"{"keys":["#, weak, 1).into(),
    ));
    let _verifier = fake.verifier();
    let told = || {
        lines
            .take()
            .iter()
            .filter(|line| line.contains("ignoring unusable keys"))
            .count()
    };
    settle().await;
    assert_eq!(told(), 1);
    pass(&fake.clock, secs(3600)).await;
    assert_eq!((told(), fake.fetches() > 2), (0, true));
}

/// Rules 83, 155.
#[tokio::test(start_paused = true)]
async fn changed_jwks_uri_is_an_event() {
    let lines = Recorder::lines(Level::TRACE);
    let _events = crate::subscriber::set_subscriber(lines.clone());
    let fake = FakeIssuer::new();
    let (uri, asked) = (
        Arc::new(Mutex::new("https://issuer.example/old")),
        Arc::new(Mutex::new(Vec::new())),
    );
    let trusted = Verifier::issuer("https://issuer.example")
        .audience("x")
        .algorithms([tower_m2m::Algorithm::EdDSA])
        .fetch_with({
            let (fake, uri, asked) = (Arc::clone(&fake), Arc::clone(&uri), Arc::clone(&asked));
            move |request| {
                let path = request.uri().path().to_owned();
                let metadata = format!(
                    r#"{{"issuer":"https://issuer.example","jwks_uri":"{}"}}"#,
                    uri.lock().unwrap()
                );
                let body = if path.starts_with("/.well-known/") {
                    metadata
                } else {
                    fake.issuer.jwks()
                };
                asked.lock().unwrap().push(path);
                async move { Ok::<_, BoxError>(http::Response::new(body.into_bytes())) }
            }
        });
    let _verifier = Verifier::builder([trusted])
        .clock(fake.clock.clone())
        .build_ready()
        .await
        .unwrap();
    let changed = "WARN jwks_uri changed issuer=\"https://issuer.example\"".to_owned();
    *uri.lock().unwrap() = "https://issuer.example/new";
    // Metadata is read again after an hour.
    pass(&fake.clock, secs(3500)).await;
    assert!(
        !lines.take().contains(&changed) && !asked.lock().unwrap().contains(&"/new".to_owned())
    );
    pass(&fake.clock, secs(3500)).await;
    assert_eq!(
        lines
            .take()
            .into_iter()
            .filter(|line| *line == changed)
            .count(),
        1
    );
    assert_eq!(
        asked.lock().unwrap().last().map(String::as_str),
        Some("/new")
    );
}

/// Rule 155.
#[tokio::test(start_paused = true)]
async fn resolver_failure_event_omits_iss_value() {
    let lines = Recorder::lines(Level::TRACE);
    let _events = crate::subscriber::set_subscriber(lines.clone());
    let verifier = Verifier::builder([])
        .resolve_issuers_with(|_| async { Err::<_, BoxError>("the database is down".into()) })
        .clock(tower_m2m::Clock::manual(NOW))
        .build()
        .unwrap();
    let stranger = FakeIssuer::with_url("https://stranger.example");
    assert_eq!(
        verdict(&verifier, &stranger.token()).await,
        "keys_unavailable"
    );
    assert_eq!(
        lines.take(),
        ["WARN issuer resolution failed error=\"failed\""]
    );
}
