//! Sends signed claims to the receivers of Security Event Tokens and of Kinde's webhooks, and
//! compares what they accept with a second reading of the rules by `serde_json`.

use std::sync::LazyLock;

use http::{Request, StatusCode};
use serde_json::Value as Naive;
use tower_m2m::testing::LocalIssuer;
use tower_m2m::{Clock, Denylist, EventReceiver, Verifier};
use tower_service::Service as _;

use crate::support::{AUDIENCE, NOW};

const ISSUER: &str = "https://acme.kinde.com";
const SECRET: &str = "Bearer secret-of-the-stream";

/// The issuer. Its key is new in each process, because Kinde's webhooks need an RSA key.
static KEYS: LazyLock<LocalIssuer> = LazyLock::new(|| {
    let builder = LocalIssuer::builder().clock(Clock::manual(NOW));
    builder.in_process(ISSUER).expect("a key can be generated")
});

/// Reading a body needs a timer.
static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime")
});

/// Checks claims that the issuer signed: a first byte below 128 makes them a webhook.
pub fn check(data: &[u8]) {
    let Some((choice, claims)) = data.split_first() else {
        return;
    };
    let is_webhook = *choice < 128;
    let denylist = Denylist::new();
    let trusted = Verifier::kinde("acme")
        .audience(AUDIENCE)
        .jwk_set(KEYS.jwks());
    let verifier = Verifier::builder([trusted])
        .clock(Clock::manual(NOW))
        .denylist(denylist.clone())
        .build()
        .expect("valid settings");
    let receiver = if is_webhook {
        EventReceiver::kinde_webhooks(&verifier, &denylist).expect("valid settings")
    } else {
        EventReceiver::security_events(&verifier, &denylist, ISSUER)
            .audience(AUDIENCE)
            .critical_subject_members(["device"])
            .authorization(SECRET)
            .expect("valid settings")
    };
    let (typ, content_type) = if is_webhook {
        ("JWT", "application/jwt")
    } else {
        ("secevent+jwt", "application/secevent+jwt")
    };
    let kid = KEYS.signing_key().kid().to_owned();
    let header = format!(r#"{{"alg":"RS256","kid":"{kid}","typ":"{typ}"}}"#);
    let token = KEYS.sign_raw(&header, claims);
    let send = |token: String| {
        let request = Request::post("/hooks")
            .header("content-type", content_type)
            .header("authorization", SECRET)
            .body(token)
            .expect("a valid request");
        RUNTIME
            .block_on(receiver.clone().call(request))
            .expect("infallible")
            .status()
    };

    let mut forged = token.clone();
    // The first character of the signature.
    let at = forged.rfind('.').map_or(0, |dot| dot + 1);
    let other = if forged[at..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    forged.replace_range(at..=at, other);
    let response = send(forged);
    assert!(!response.is_success() && denylist.is_empty(), "{response}");

    let response = send(token.clone());
    let naive = serde_json::from_slice::<Naive>(claims).ok();
    match response {
        StatusCode::OK if is_webhook => webhook(&naive.expect("accepted claims are JSON")),
        StatusCode::ACCEPTED if !is_webhook => {
            let naive = naive.expect("accepted claims are JSON");
            set(&naive);
            let subject = &naive["sub_id"];
            let is_narrow = subject["format"] == "complex" && subject["user"].is_object();
            let org = KEYS.org("org_a").audience(AUDIENCE).token();
            let admitted = RUNTIME.block_on(verifier.verify(&org)).is_ok();
            assert!(
                admitted || !is_narrow,
                "a user's event denied the organization"
            );
        }
        StatusCode::BAD_REQUEST => assert!(denylist.is_empty(), "a rejected event took effect"),
        other => panic!("unexpected status {other}"),
    }
    assert!(denylist.len() <= 1, "one event has one effect");
    let entries = denylist.len();
    assert_eq!(send(token), response, "a repetition gets the same response");
    assert_eq!(denylist.len(), entries, "a repetition has no effect");
    let duplicates = receiver.status().duplicates;
    assert!(duplicates <= u64::from(response.is_success()));
    // Events without effect are not stored, so that they use no place.
    assert!(entries == 0 || duplicates == 1, "an applied event is known");
}

/// Reads rules 208 to 212 literally.
fn set(claims: &Naive) {
    assert_eq!(claims["iss"], ISSUER);
    let audience = &claims["aud"];
    let is_listed = |list: &Vec<Naive>| list.iter().any(|name| name == AUDIENCE);
    assert!(audience == AUDIENCE || audience.as_array().is_some_and(is_listed));
    assert!(claims.get("sub").is_none() && claims.get("exp").is_none());
    let id = claims["jti"].as_str().expect("an ID");
    assert!((1..=512).contains(&id.len()));
    let issued_at = claims["iat"].as_f64().expect("a time") as i64;
    assert!((NOW - 7 * 86_400..=NOW + 300).contains(&issued_at));
    let events = claims["events"].as_object().expect("events");
    assert!(events.len() == 1 && events.values().all(Naive::is_object));
}

/// Reads rule 222 literally.
fn webhook(claims: &Naive) {
    for name in [
        "exp", "aud", "gty", "azp", "scope", "scp", "sub", "nonce", "events", "htm", "htu",
        "sub_id",
    ] {
        assert!(claims.get(name).is_none(), "{name}");
    }
    for name in ["type", "event_id", "timestamp"] {
        assert!(claims[name].is_string(), "{name}");
    }
}
