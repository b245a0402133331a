#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::{KeyHasher, Reservation, SeenEvents, Sighting};

const WINDOW: i64 = 100;

fn new(sighting: Sighting) -> Reservation {
    match sighting {
        Sighting::New(reservation) => reservation,
        _ => panic!("the event is not new"),
    }
}

/// Rule 217.
#[test]
fn event_is_seen_only_after_its_effect_is_stored() {
    let seen = SeenEvents::new(10, WINDOW);
    let first = new(seen.reserve(1, 1000, 1000));
    assert!(matches!(seen.reserve(1, 1000, 1000), Sighting::InProgress));
    drop(first);
    new(seen.reserve(1, 1000, 1000)).confirm();
    assert!(matches!(seen.reserve(1, 1000, 1000), Sighting::Seen));
    assert_eq!(seen.len(), 1);
}

/// Rules 214, 220.
/// An event within the window is never evicted.
#[test]
fn full_store_evicts_only_events_that_are_too_old() {
    let seen = SeenEvents::new(2, WINDOW);
    new(seen.reserve(1, 1000, 1000)).confirm();
    new(seen.reserve(2, 1050, 1050)).confirm();
    assert!(matches!(seen.reserve(3, 1100, 1100), Sighting::Full));
    new(seen.reserve(3, 1101, 1101)).confirm();
    assert!(matches!(seen.reserve(2, 1050, 1101), Sighting::Seen));
    assert_eq!(seen.len(), 2);
}

/// Events in progress count too.
#[test]
fn events_in_progress_count() {
    let seen = SeenEvents::new(1, WINDOW);
    let first = new(seen.reserve(1, 1000, 1000));
    assert!(matches!(seen.reserve(2, 1000, 5000), Sighting::Full));
    drop(first);
    drop(new(seen.reserve(2, 1000, 5000)));
}

/// Rule 217.
/// The same `jti` of another issuer is another event.
#[test]
fn issuer_is_part_of_the_key() {
    let hasher = KeyHasher::default();
    assert_eq!(hasher.hash(&("a", "b")), hasher.hash(&("a", "b")));
    assert_ne!(hasher.hash(&("a", "b")), hasher.hash(&("ab", "")));
    assert_ne!(hasher.hash(&("a", "b")), hasher.hash(&("b", "a")));
}
