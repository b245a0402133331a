//! Complex subjects name one principal by all their members together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tower_m2m::testing::{LocalIssuer, events};
use tower_m2m::{Denylist, EventReceiver, Verifier};

use super::support::{EVENTS, Fixture, ISSUER, NOW, SECRET, push, user};

fn complex(mut members: Value) -> Value {
    let subject = members.as_object_mut().unwrap();
    subject.insert("format".into(), "complex".into());
    members
}

fn tenant(code: &str) -> Value {
    json!({ "format": "opaque", "id": code })
}

/// Rule 328.
/// Trap 28: CAEP's own example affects that user only.
#[tokio::test]
async fn event_about_a_users_session_never_denies_the_organization() {
    let session = json!({ "format": "opaque", "id": "dMTlD|1600802906337.16|16008.16" });
    for subject in [
        complex(json!({ "session": session, "user": user("user_1"), "tenant": tenant("org_a") })),
        complex(json!({ "user": user("user_1"), "tenant": tenant("org_a") })),
        complex(json!({ "user": user("user_1"), "application": session })),
        complex(json!({ "user": user("user_1") })),
    ] {
        for uri in [events::SESSION_REVOKED, events::ACCOUNT_DISABLED] {
            let fixture = Fixture::new();
            let event = fixture.set(uri, subject.clone(), json!({}));
            assert_eq!(push(&fixture.events(), &event).await.status, 202);
            assert_eq!(fixture.token_of("user_1", NOW).await, "revoked");
            assert_eq!(fixture.token_of("user_1", NOW + 1).await, "ok");
            assert_eq!(fixture.token_of("user_2", NOW).await, "ok");
            assert_eq!(fixture.verify(&fixture.issuer.org("org_a")).await, "ok");
        }
    }
}

/// Rule 328.
/// The tenant alone is the organization, for tokens up to the event.
#[tokio::test]
async fn tenant_alone_is_the_organization() {
    for tenant in [tenant("org_a"), user("org_a")] {
        let fixture = Fixture::new();
        let subject = complex(json!({ "tenant": tenant }));
        let event = fixture.set(events::SESSION_REVOKED, subject, json!({}));
        assert_eq!(push(&fixture.events(), &event).await.status, 202);
        assert_eq!(
            fixture.verify(&fixture.issuer.org("org_a")).await,
            "revoked"
        );
        let later = fixture.issuer.org("org_a").issued_at(NOW + 1);
        assert_eq!(fixture.verify(&later).await, "ok");
        assert_eq!(fixture.verify(&fixture.issuer.org("org_b")).await, "ok");
    }
}

/// Rule 328.
/// Any other complex subject has no effect.
#[tokio::test]
async fn other_complex_subjects_have_no_effect() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let email = json!({ "format": "email", "email": "a@example.com" });
    for subject in [
        complex(json!({ "session": tenant("s"), "tenant": tenant("org_a") })),
        complex(json!({ "group": user("g"), "tenant": tenant("org_a") })),
        complex(json!({ "user": email, "tenant": tenant("org_a") })),
        complex(json!({ "user": email })),
        complex(json!({ "session": tenant("s") })),
        complex(json!({ "tenant": email })),
    ] {
        let event = fixture.set(events::SESSION_REVOKED, subject.clone(), json!({}));
        assert_eq!(push(&receiver, &event).await.status, 202, "{subject}");
    }
    let enabled = complex(json!({ "user": user("user_1") }));
    let event = fixture.set(events::ACCOUNT_ENABLED, enabled, json!({}));
    assert_eq!(push(&receiver, &event).await.status, 202);
    assert!(fixture.denylist.is_empty());
    for malformed in [
        complex(json!({})),
        complex(json!({ "user": "user_1" })),
        complex(json!({ "user": { "format": "iss_sub", "iss": ISSUER } })),
        complex(json!({ "user": { "sub": "user_1" } })),
    ] {
        let event = fixture.set(events::SESSION_REVOKED, malformed.clone(), json!({}));
        let response = push(&receiver, &event).await;
        assert_eq!(
            response.status_and_err(),
            (400, "invalid_request".into()),
            "{malformed}"
        );
    }
}

/// Rule 216.
/// The issuer of the chosen member counts.
#[tokio::test]
async fn members_of_other_issuers_are_rejected() {
    let fixture = Fixture::new();
    let receiver = fixture.events();
    let other = json!({ "format": "iss_sub", "iss": "https://other.example", "sub": "x" });
    for subject in [
        other.clone(),
        json!({ "format": "jwt_id", "iss": "https://other.example", "jti": "x" }),
        complex(json!({ "user": other })),
        complex(json!({ "tenant": other })),
    ] {
        let event = fixture.set(events::SESSION_REVOKED, subject, json!({}));
        let response = push(&receiver, &event).await;
        assert_eq!(response.status_and_err(), (400, "access_denied".into()));
    }
}

/// Rule 327.
/// A critical member that the receiver cannot process discards the event. Here the
/// application lists the members.
#[tokio::test]
async fn critical_members_discard_the_event() {
    let fixture = Fixture::new();
    let settings = fixture
        .settings()
        .critical_subject_members(["user", "device"]);
    let receiver = settings.authorization(SECRET).unwrap();
    let device = json!({ "format": "opaque", "id": "d" });
    let event = |subject| fixture.set(events::SESSION_REVOKED, complex(subject), json!({}));
    let critical = event(json!({ "user": user("user_1"), "device": device }));
    assert_eq!(push(&receiver, &critical).await.status, 202);
    let email = json!({ "format": "email", "email": "a@example.com" });
    assert_eq!(
        push(&receiver, &event(json!({ "user": email })))
            .await
            .status,
        202
    );
    assert!(fixture.denylist.is_empty());
    let processed = event(json!({ "user": user("user_1"), "session": device }));
    assert_eq!(push(&receiver, &processed).await.status, 202);
    assert_eq!(fixture.denylist.len(), 1);
}

/// Rule 327.
/// The members come from the transmitter's metadata. Without it, the transmitter tries
/// again.
#[tokio::test]
async fn critical_members_come_from_the_metadata() {
    let issuer = LocalIssuer::start().await.unwrap();
    let denylist = Denylist::new();
    let trusted = Verifier::kinde(issuer.url()).audience(issuer.audience());
    let builder = Verifier::builder([trusted]).denylist(denylist.clone());
    let verifier = builder.build_ready().await.unwrap();
    let receiver = || {
        EventReceiver::security_events(&verifier, &denylist, issuer.url())
            .audience(EVENTS)
            .authorization(SECRET)
            .unwrap()
    };
    let event = |members: Value| {
        let subject = complex(members);
        let set = issuer.security_event(events::SESSION_REVOKED, subject, json!({}));
        set.audience(EVENTS)
    };
    let device = json!({ "format": "opaque", "id": "d" });
    let user = json!({ "format": "iss_sub", "iss": issuer.url(), "sub": "user_1" });
    let members = json!({ "user": user, "device": device });
    let endpoint = tower_m2m::testing::Endpoint::TransmitterMetadata;

    issuer.set_critical_subject_members(["device"]);
    let first = receiver();
    assert_eq!(push(&first, &event(members.clone())).await.status, 202);
    assert_eq!(push(&first, &event(members.clone())).await.status, 202);
    assert!(denylist.is_empty());
    assert_eq!(issuer.hits(endpoint), 1);

    for (document, stored) in [
        (r#"{"issuer":"https://other.example"}"#, false),
        (r#"{"critical_subject_members":[]}"#, false),
        (
            &format!(
                r#"{{"issuer":"{}","critical_subject_members":"device"}}"#,
                issuer.url()
            ),
            false,
        ),
        (&format!(r#"{{"issuer":"{}"}}"#, issuer.url()), true),
    ] {
        issuer.set_document(endpoint, document);
        let response = push(&receiver(), &event(members.clone())).await;
        let expected = if stored {
            (202, "accepted")
        } else {
            (503, "metadata_unavailable")
        };
        assert_eq!(
            (response.status.as_u16(), response.code()),
            expected,
            "{document}"
        );
    }
    assert_eq!(denylist.len(), 1);

    // Events without effect need no metadata (rule 219).
    issuer.set_document(endpoint, "{}");
    let other = receiver();
    for (uri, event) in [
        (events::ACCOUNT_ENABLED, json!({})),
        (
            events::CREDENTIAL_CHANGE,
            json!({ "change_type": "create", "credential_type": "password" }),
        ),
        (
            events::CREDENTIAL_CHANGE,
            json!({ "change_type": "borrow", "credential_type": "password" }),
        ),
    ] {
        let set = issuer.security_event(uri, complex(members.clone()), event);
        let response = push(&other, &set.audience(EVENTS)).await;
        assert_eq!(response.code(), "accepted", "{uri}");
    }
}

/// Rule 327.
/// A passing 404 of the metadata does not replace the known members.
#[tokio::test(start_paused = true)]
async fn passing_404_keeps_the_known_members() {
    let fixture = Fixture::new();
    let is_missing = Arc::new(AtomicBool::new(false));
    let missing = Arc::clone(&is_missing);
    let settings = EventReceiver::security_events(&fixture.verifier, &fixture.denylist, ISSUER)
        .audience(EVENTS)
        .send_with(move |_| {
            let metadata = json!({ "issuer": ISSUER, "critical_subject_members": ["device"] });
            let mut response = http::Response::new(metadata.to_string().into_bytes());
            if missing.load(Ordering::Relaxed) {
                *response.status_mut() = http::StatusCode::NOT_FOUND;
            }
            async move { Ok(response) }
        });
    let receiver = settings.authorization(SECRET).unwrap();
    let device = json!({ "format": "opaque", "id": "d" });
    let members = complex(json!({ "user": user("user_1"), "device": device }));
    let event = || fixture.set(events::SESSION_REVOKED, members.clone(), json!({}));
    assert_eq!(push(&receiver, &event()).await.code(), "accepted");
    is_missing.store(true, Ordering::Relaxed);
    for hours in [1, 22] {
        let wait = std::time::Duration::from_secs(hours * 3600 + 1);
        tokio::time::advance(wait).await;
        assert_eq!(push(&receiver, &event()).await.code(), "accepted");
        assert!(fixture.denylist.is_empty(), "{hours}");
    }
    // After a day without metadata there is none.
    tokio::time::advance(std::time::Duration::from_secs(3600)).await;
    assert_eq!(push(&receiver, &event()).await.code(), "accepted");
    assert_eq!(fixture.denylist.len(), 1);
}

/// Rule 327.
/// Where there are no members, a 404 is fetched once an hour, like any other metadata.
#[tokio::test(start_paused = true)]
async fn lasting_404_is_fetched_once_an_hour() {
    let empty = json!({ "issuer": ISSUER, "critical_subject_members": [] });
    let none = json!({ "issuer": ISSUER });
    for first in [None, Some(empty), Some(none)] {
        let fixture = Fixture::new();
        let fetches = Arc::new(AtomicUsize::new(0));
        let (count, metadata) = (Arc::clone(&fetches), first.clone());
        let settings = EventReceiver::security_events(&fixture.verifier, &fixture.denylist, ISSUER)
            .audience(EVENTS)
            .send_with(move |_| {
                let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
                let mut response = http::Response::new(Vec::new());
                match &metadata {
                    Some(document) if is_first => {
                        *response.body_mut() = document.to_string().into_bytes();
                    }
                    _ => *response.status_mut() = http::StatusCode::NOT_FOUND,
                }
                async move { Ok(response) }
            });
        let receiver = settings.authorization(SECRET).unwrap();
        let device = json!({ "format": "opaque", "id": "d" });
        let members = complex(json!({ "user": user("user_1"), "device": device }));
        for hour in 1..=30 {
            // More often than once in 5 s, and less often.
            for pause in [0, 1, 6, 600] {
                tokio::time::advance(std::time::Duration::from_secs(pause)).await;
                let event = fixture.set(events::SESSION_REVOKED, members.clone(), json!({}));
                assert_eq!(push(&receiver, &event).await.code(), "accepted");
            }
            assert_eq!(fetches.load(Ordering::Relaxed), hour, "{first:?}");
            tokio::time::advance(std::time::Duration::from_secs(3000)).await;
        }
        assert_eq!(fixture.denylist.len(), 1);
    }
}
