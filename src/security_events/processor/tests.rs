#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::testing::LocalIssuer;

/// Rules 214, 220.
/// If the store of seen events is full, an event that only denies takes effect. An event without
/// effect is accepted and needs no place. Any other is sent again.
#[tokio::test]
async fn full_store_of_seen_events_locks_out_no_denial() {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let denylist = Denylist::new();
    let trusted = Verifier::kinde("acme").audience(issuer.audience());
    let verifier = Verifier::builder([trusted.jwk_set(issuer.jwks())])
        .denylist(denylist.clone())
        .build()
        .unwrap();
    let name = Arc::from("https://acme.kinde.com");
    let mut processor = EventProcessor::new(&verifier, &denylist, name, EventSource::Kinde);
    processor.seen = SeenEvents::new(1, kinde::WINDOW);
    let processor = Arc::new(processor);
    let send = async |kind: &str, data: serde_json::Value| {
        let event = issuer.kinde_webhook(kind, data).token();
        processor.accept(event.as_bytes(), None).await
    };
    let suspended = |id: &str| json!({ "user": { "id": id, "is_suspended": true } });
    for _ in 0..3 {
        let ignored = send("role.created", json!({})).await;
        assert_eq!((ignored, processor.seen.len()), (Ok(()), 0));
    }
    for (id, entries) in [("kp_1", 1), ("kp_2", 2), ("kp_3", 3)] {
        assert_eq!(send("user.updated", suspended(id)).await, Ok(()));
        assert_eq!((denylist.len(), processor.seen.len()), (entries, 1));
    }
    assert_eq!(send("role.created", json!({})).await, Ok(()));
    let organization = json!({ "organization": { "code": "org_a" } });
    assert_eq!(send("organization.deleted", organization).await, Ok(()));
    assert_eq!(denylist.len(), 4);
    let resumed = json!({ "user": { "id": "kp_9", "is_suspended": false } });
    let removed = send("user.updated", resumed).await;
    assert_eq!(removed, Err(EventError::TooManyEvents));
}
