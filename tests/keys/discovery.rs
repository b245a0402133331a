//! Where metadata is looked for, and for how long, in virtual time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use tokio::time::Instant;
use tower_m2m::jwks::{FetchError, JwksError};
use tower_m2m::testing::{AUDIENCE, LocalIssuer, SigningAlgorithm};
use tower_m2m::{Algorithm, BoxError, Clock, Issuer, Profile, Rejection, StartError, Verifier};

use super::harness::{NOW, pass, secs, settle, verdict};

const ISSUER: &str = "https://issuer.example/tenants/a";
const OPENID: &str = "/tenants/a/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server/tenants/a";
const KEYS: &str = "/keys";

#[derive(Clone, Debug)]
enum Reply {
    Body(String),
    Status(u16),
    RetryAfter(u16, u64),
    Down,
    Hang,
}

/// An issuer with a reply per path. Other paths get 404.
struct Paths {
    mint: LocalIssuer,
    clock: Clock,
    replies: Mutex<HashMap<&'static str, Reply>>,
    hits: Mutex<HashMap<String, u64>>,
}

impl Paths {
    fn new(openid: Reply, oauth: Reply) -> Arc<Self> {
        let clock = Clock::manual(NOW);
        let mint = LocalIssuer::builder()
            .algorithm(SigningAlgorithm::EdDsa)
            .clock(clock.clone())
            .in_process(ISSUER)
            .unwrap();
        let keys = Reply::Body(mint.jwks());
        Arc::new(Self {
            mint,
            clock,
            replies: Mutex::new(HashMap::from([
                (OPENID, openid),
                (OAUTH, oauth),
                (KEYS, keys.clone()),
                ("/moved", keys),
            ])),
            hits: Mutex::default(),
        })
    }

    fn reply(&self, path: &'static str, reply: Reply) {
        self.replies.lock().unwrap().insert(path, reply);
    }

    fn hits(&self, path: &str) -> u64 {
        self.hits.lock().unwrap().get(path).copied().unwrap_or(0)
    }

    fn trusted(self: &Arc<Self>) -> Issuer {
        let paths = Arc::clone(self);
        Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .profile(Profile::KINDE)
            .algorithms([Algorithm::EdDSA])
            .fetch_with(move |request| Arc::clone(&paths).respond(request))
    }

    async fn ready(self: &Arc<Self>) -> Result<Verifier, FetchError> {
        let builder = Verifier::builder([self.trusted()]).clock(self.clock.clone());
        builder.build_ready().await.map_err(|error| match error {
            StartError::KeyFetch { error, .. } => error,
            other => panic!("{other}"),
        })
    }

    async fn respond(self: Arc<Self>, request: Request<()>) -> Result<Response<Vec<u8>>, BoxError> {
        let path = request.uri().path().to_owned();
        let reply = self.replies.lock().unwrap().get(path.as_str()).cloned();
        *self.hits.lock().unwrap().entry(path).or_default() += 1;
        let response = Response::builder();
        match reply.unwrap_or(Reply::Status(404)) {
            Reply::Body(body) => Ok(response.body(body.into_bytes())?),
            Reply::Status(status) => Ok(response.status(status).body(Vec::new())?),
            Reply::RetryAfter(status, seconds) => Ok(response
                .status(status)
                .header("retry-after", seconds)
                .body(Vec::new())?),
            Reply::Down => Err("connection refused".into()),
            Reply::Hang => std::future::pending().await,
        }
    }
}

fn metadata(keys: &str) -> Reply {
    Reply::Body(format!(
        r#"{{"issuer":"{ISSUER}","jwks_uri":"https://issuer.example{keys}"}}"#
    ))
}

/// Rule 79.
#[tokio::test(start_paused = true)]
async fn second_metadata_place_is_tried_after_any_failure() {
    let says = |body: &str| Reply::Body(body.to_owned());
    let downgraded = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"http://issuer.example/keys"}}"#);
    for openid in [
        Reply::Status(302),
        Reply::Status(400),
        Reply::Status(401),
        Reply::Status(403),
        Reply::Status(404),
        Reply::Status(406),
        Reply::Status(500),
        Reply::Status(503),
        Reply::RetryAfter(429, 60),
        Reply::Down,
        Reply::Hang,
        says("{}"),
        says("<html>Sign in</html>"),
        says(""),
        says(r#"{"issuer":null,"jwks_uri":"https://issuer.example/keys"}"#),
        says(&format!(r#"{{"issuer":"{ISSUER}"}}"#)),
        says(&downgraded),
    ] {
        let paths = Paths::new(openid.clone(), metadata(KEYS));
        let before = Instant::now();
        let verifier = paths.ready().await.unwrap();
        // The first place gets half of the time.
        let waited = matches!(openid, Reply::Hang).then_some(secs(3) / 2);
        assert_eq!(before.elapsed(), waited.unwrap_or_default(), "{openid:?}");
        let token = paths.mint.org("org_a").token();
        assert_eq!(verdict(&verifier, &token).await, "accepted", "{openid:?}");
        let hits = [OPENID, OAUTH, KEYS].map(|path| paths.hits(path));
        assert_eq!(hits, [1, 1, 1], "{openid:?}");
    }
}

/// Rule 80.
#[tokio::test(start_paused = true)]
async fn metadata_of_another_issuer_ends_the_search() {
    for other in [
        r#"{"issuer":"https://other.example","jwks_uri":"https://issuer.example/keys"}"#,
        r#"{"issuer":"https://issuer.example/tenants/a/"}"#,
        r#"{"issuer":"","jwks_uri":7}"#,
    ] {
        let paths = Paths::new(Reply::Body(other.to_owned()), metadata(KEYS));
        let error = paths.ready().await.unwrap_err();
        let JwksError::WrongIssuer { found } = error.cause() else {
            panic!("{error}")
        };
        assert!(
            other.contains(&format!("\"issuer\":\"{found}\"")),
            "{error}"
        );
        assert!(
            error.to_string().contains(&format!("found \"{found}\"")),
            "{error}"
        );
        let hits = [OPENID, OAUTH, KEYS].map(|path| paths.hits(path));
        assert_eq!(hits, [1, 0, 0], "{other}");
    }
}

/// Rules 79, 83.
#[tokio::test(start_paused = true)]
async fn valid_metadata_place_is_pinned_until_404_or_410() {
    for gone in [404, 410] {
        let paths = Paths::new(Reply::Status(503), metadata(KEYS));
        let verifier = paths.ready().await.unwrap();
        assert_eq!((paths.hits(OPENID), paths.hits(OAUTH)), (1, 1));

        // The first place works now, and is not read because the other one had valid metadata.
        paths.reply(OPENID, metadata("/moved"));
        pass(&paths.clock, secs(2 * 3600)).await;
        assert_eq!((paths.hits(OPENID), paths.hits("/moved")), (1, 0));
        assert!(paths.hits(OAUTH) >= 2);

        // Broken metadata does not undo valid metadata.
        for broken in [Reply::Status(500), Reply::Hang, Reply::Body("{}".into())] {
            paths.reply(OAUTH, broken.clone());
            let keys = paths.hits(KEYS);
            pass(&paths.clock, secs(2 * 3600)).await;
            assert_eq!((paths.hits(OPENID), paths.hits("/moved")), (1, 0));
            assert!(paths.hits(KEYS) > keys, "{broken:?}");
            assert!(verifier.is_ready() && verifier.status()[0].last_error.is_none());
        }

        paths.reply(OAUTH, Reply::Status(gone));
        pass(&paths.clock, secs(2 * 3600)).await;
        assert!(paths.hits(OPENID) > 1 && paths.hits("/moved") > 0);
        let oauth = paths.hits(OAUTH);
        pass(&paths.clock, secs(2 * 3600)).await;
        assert_eq!(paths.hits(OAUTH), oauth, "the first place is pinned");
    }
}

/// Returns the causes at both places.
fn both_causes(error: &FetchError) -> (JwksError, JwksError) {
    let JwksError::NoMetadata {
        openid_connect,
        oauth,
    } = error.cause()
    else {
        panic!("{error}")
    };
    (openid_connect.cause().clone(), oauth.cause().clone())
}

#[tokio::test(start_paused = true)]
async fn errors_of_both_metadata_places_are_reported() {
    let paths = Paths::new(Reply::Status(403), Reply::Body("{}".into()));
    let error = paths.ready().await.unwrap_err();
    let expected = (JwksError::UnexpectedStatus(403), JwksError::Malformed);
    assert_eq!(both_causes(&error), expected);
    assert_eq!(error.code(), "no_metadata");
    let message = error.to_string();
    assert!(
        message.contains("/openid-configuration: the server responded with")
            && message.contains("403"),
        "{message}"
    );
    assert!(
        message.contains(
            "/.well-known/oauth-authorization-server/tenants/a: the response is not JSON"
        ),
        "{message}"
    );

    let paths = Paths::new(Reply::Status(404), Reply::Status(404));
    assert_eq!(
        paths.ready().await.unwrap_err().cause(),
        &JwksError::UnexpectedStatus(404)
    );
}

#[tokio::test(start_paused = true)]
async fn longest_retry_after_of_both_places_counts() {
    for (openid, oauth) in [(9, 2), (2, 9)] {
        let paths = Paths::new(
            Reply::RetryAfter(429, openid),
            Reply::RetryAfter(503, oauth),
        );
        let verifier = Verifier::builder([paths.trusted()])
            .clock(paths.clock.clone())
            .build()
            .unwrap();
        pass(&paths.clock, secs(8)).await;
        assert_eq!(paths.hits(OPENID), 1);
        paths.reply(OPENID, metadata(KEYS));
        pass(&paths.clock, secs(3)).await;
        assert!(verifier.is_ready());
    }
}

/// Metadata and keys have one deadline together, wherever the issuer hangs.
#[tokio::test(start_paused = true)]
async fn metadata_and_keys_share_one_deadline() {
    for (openid, oauth, keys) in [
        (Reply::Hang, Reply::Hang, false),
        (Reply::Hang, metadata(KEYS), true),
        (metadata(KEYS), Reply::Hang, true),
    ] {
        let paths = Paths::new(openid, oauth);
        paths.reply(KEYS, Reply::Hang);
        let before = Instant::now();
        let error = paths.ready().await.unwrap_err();
        assert_eq!(error.cause(), &JwksError::TimedOut);
        assert_eq!(before.elapsed(), secs(3));
        assert_eq!(paths.hits(KEYS) > 0, keys);
    }
}

fn metadata_at(url: &str) -> Reply {
    Reply::Body(format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{url}"}}"#))
}

/// Rule 81.
///
/// An https issuer cannot make this process send requests into its own network.
#[tokio::test(start_paused = true)]
async fn jwks_uri_on_another_host_must_be_public() {
    for (host, allowed) in [
        ("127.0.0.1", false),
        ("127.1", false),
        ("localhost", false),
        ("169.254.169.254", false),
        ("10.0.0.1:8443", false),
        ("100.64.0.1", false),
        ("192.168.1.1", false),
        ("0.0.0.0", false),
        ("[::1]", false),
        ("[::ffff:127.0.0.1]", false),
        ("[fd00::1]", false),
        ("[fe80::1]", false),
        ("[64:ff9b::7f00:1]", false),
        ("8.8.8.8", true),
        ("keys.example", true),
        ("issuer.example:8443", true),
    ] {
        let paths = Paths::new(
            metadata_at(&format!("https://{host}/keys")),
            Reply::Status(404),
        );
        let result = paths.ready().await.map(|_| ());
        if allowed {
            assert_eq!((result, paths.hits(KEYS)), (Ok(()), 1), "{host}");
            continue;
        }
        let expected = (JwksError::PrivateAddress, JwksError::UnexpectedStatus(404));
        let causes = both_causes(&result.unwrap_err());
        assert_eq!((causes, paths.hits(KEYS)), (expected, 0), "{host}");

        let allowing = paths.trusted().dangerous_allow_private_addresses();
        let builder = Verifier::builder([allowing]).clock(paths.clock.clone());
        assert!(builder.build_ready().await.is_ok(), "{host}");
    }
}

/// The application wrote a `jwks_url` itself, so it may be anywhere.
#[tokio::test(start_paused = true)]
async fn configured_jwks_url_may_be_private() {
    let paths = Paths::new(Reply::Down, Reply::Down);
    let trusted = paths.trusted().jwks_url("https://10.0.0.1/keys");
    let builder = Verifier::builder([trusted]).clock(paths.clock.clone());
    assert!(builder.build_ready().await.is_ok());
}

/// Rule 83.
///
/// Metadata that cannot be read does not undo metadata that was read before, also if the
/// application resolves the issuer again.
#[tokio::test(start_paused = true)]
async fn broken_metadata_does_not_stop_a_resolved_issuer() {
    for broken in [
        Reply::Down,
        Reply::Status(500),
        Reply::Status(404),
        Reply::Body("<html>".to_owned()),
    ] {
        let paths = Paths::new(Reply::Status(404), metadata(KEYS));
        let customer = Arc::clone(&paths);
        let verifier = Verifier::builder([])
            .resolve_issuers_with(move |_| std::future::ready(Ok(Some(customer.trusted()))))
            .clock(paths.clock.clone())
            .build()
            .unwrap();
        let verify = async || verdict(&verifier, &paths.mint.org("org_a").token()).await;
        assert_eq!(verify().await, "accepted");
        paths.reply(OAUTH, broken.clone());
        for minute in 0..120 {
            pass(&paths.clock, secs(60)).await;
            if minute == 60 {
                paths.mint.rotate_key().unwrap();
                paths.reply(KEYS, Reply::Body(paths.mint.jwks()));
            }
            assert_eq!(verify().await, "accepted", "{broken:?} minute {minute}");
        }
        // The lifetime of metadata is one hour, and not the time between two resolutions.
        assert!(paths.hits(OAUTH) <= 10, "{}", paths.hits(OAUTH));
    }
}

/// The address of the keys was allowed by earlier settings of the issuer. It is not used any more
/// if its present settings reject it.
#[tokio::test(start_paused = true)]
async fn jwks_uri_of_earlier_settings_is_checked_again() {
    let document = metadata_at("https://10.0.0.1/keys");
    let paths = Paths::new(document.clone(), document);
    let is_strict = Arc::new(AtomicBool::new(false));
    let (customer, strict) = (Arc::clone(&paths), Arc::clone(&is_strict));
    let verifier = Verifier::builder([])
        .resolve_issuers_with(move |_| {
            let issuer = customer.trusted();
            let issuer = if strict.load(Ordering::SeqCst) {
                issuer
            } else {
                issuer.dangerous_allow_private_addresses()
            };
            std::future::ready(Ok(Some(issuer)))
        })
        .clock(paths.clock.clone())
        .build()
        .unwrap();
    let verify = async || verdict(&verifier, &paths.mint.org("org_a").token()).await;
    assert_eq!(verify().await, "accepted");
    is_strict.store(true, Ordering::SeqCst);
    pass(&paths.clock, secs(301)).await;
    assert_eq!(verify().await, "accepted");
    settle().await;
    let fetches = paths.hits(KEYS);
    for _ in 0..75 {
        pass(&paths.clock, secs(60)).await;
        verify().await;
    }
    assert_eq!(verify().await, "keys_unavailable");
    assert_eq!(paths.hits(KEYS), fetches);
}

/// A resolved issuer may have come from a customer.
#[tokio::test(start_paused = true)]
async fn resolved_issuer_must_be_public() {
    for (iss, keys, allowed) in [
        ("https://issuer.example", None, true),
        ("https://8.8.8.8", None, true),
        ("https://10.0.0.1", None, false),
        ("https://[fd00::1]/a", None, false),
        ("http://127.0.0.1:4000", None, false),
        ("https://localhost", None, false),
        (
            "https://issuer.example",
            Some("https://10.0.0.1/keys"),
            false,
        ),
        ("https://issuer.example", Some("https://8.8.8.8/keys"), true),
    ] {
        let mint = LocalIssuer::builder()
            .algorithm(SigningAlgorithm::EdDsa)
            .in_process(iss)
            .unwrap();
        let documents = [
            mint.jwks(),
            format!(r#"{{"issuer":"{iss}","jwks_uri":"{iss}/keys"}}"#),
        ];
        let issuer = move || {
            let documents = documents.clone();
            let issuer = Verifier::issuer(iss)
                .audience(AUDIENCE)
                .profile(Profile::KINDE)
                .algorithms([Algorithm::EdDSA])
                .fetch_with(move |request| {
                    let is_keys = request.uri().path().ends_with("/keys");
                    let [jwks, metadata] = documents.clone();
                    let body = if is_keys { jwks } else { metadata };
                    std::future::ready(Ok(Response::new(body.into_bytes())))
                });
            match keys {
                Some(url) => issuer.jwks_url(url),
                None => issuer,
            }
        };
        for (dangerous, allowed) in [(false, allowed), (true, true)] {
            let issuer = issuer.clone();
            let verifier = Verifier::builder([])
                .resolve_issuers_with(move |_| {
                    let issuer = if dangerous {
                        issuer().dangerous_allow_private_addresses()
                    } else {
                        issuer()
                    };
                    std::future::ready(Ok(Some(issuer)))
                })
                .build()
                .unwrap();
            let result = verifier.verify(&mint.org("org_a").token()).await;
            let is_unavailable = matches!(result, Err(Rejection::KeysUnavailable { .. }));
            assert_eq!(
                (result.is_ok(), is_unavailable),
                (allowed, !allowed),
                "{iss} {keys:?}"
            );
        }
    }
}
