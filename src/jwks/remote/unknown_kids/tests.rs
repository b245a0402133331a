use super::*;
use RequesterKind::{Known, Unknown};

const COOLDOWN: Duration = Duration::from_secs(10);

fn kids() -> UnknownKids {
    UnknownKids::new(COOLDOWN, Duration::from_secs(30))
}

fn fetch(number: u64, caused_by: Option<RequesterKind>) -> FetchWithoutKid {
    FetchWithoutKid {
        number,
        generation: 1,
        caused_by,
    }
}

#[test]
fn missing_kid_is_cached_for_a_cooldown_and_one_generation() {
    let (kids, now) = (kids(), Instant::now());
    kids.insert("k", Known, fetch(1, Some(Known)), now);
    let later = |millis| now + Duration::from_millis(millis);
    assert!(kids.contains("k", Known, 1, later(9_999)));
    assert!(!kids.contains("k", Known, 1, later(10_000)));
    assert!(
        !kids.contains("k", Known, 2, now),
        "another set may have it"
    );
    assert!(!kids.contains("other", Known, 1, now));
}

#[test]
fn missing_kid_binds_only_the_kind_that_asked() {
    let now = Instant::now();
    for (kind, other) in [(Known, Unknown), (Unknown, Known)] {
        let kids = kids();
        kids.insert("k", kind, fetch(1, Some(kind)), now);
        assert!(kids.contains("k", kind, 1, now) && !kids.contains("k", other, 1, now));
    }
}

#[test]
fn lifetime_doubles_only_through_fetches_of_the_same_kind() {
    let (kids, mut now) = (kids(), Instant::now());
    for (number, caused_by, seconds) in [
        (1, Some(Unknown), 10),
        (2, Some(Unknown), 20),
        (3, Some(Known), 20),
        (4, None, 20),
        (5, Some(Unknown), 30),
        (6, Some(Unknown), 30),
    ] {
        kids.insert("k", Unknown, fetch(number, caused_by), now);
        let end = now + Duration::from_secs(seconds);
        let last = end - Duration::from_millis(1);
        assert!(kids.contains("k", Unknown, 1, last), "fetch {number}");
        assert!(!kids.contains("k", Unknown, 1, end), "fetch {number}");
        // Shared by many requests, a fetch counts once.
        kids.insert("k", Unknown, fetch(number, caused_by), last);
        assert!(!kids.contains("k", Unknown, 1, end), "fetch {number}");
        now = end;
    }
}

#[test]
fn missing_kids_are_bounded_at_1024() {
    let (kids, now) = (kids(), Instant::now());
    for kid in 0..5_000 {
        kids.insert(&kid.to_string(), Unknown, fetch(kid, None), now);
    }
    assert_eq!(lock(&kids.entries).len(), 1024);
    let later = now + COOLDOWN;
    kids.insert("after the flood", Unknown, fetch(6_000, None), later);
    assert!(kids.contains("after the flood", Unknown, 1, later));
    assert_eq!(lock(&kids.entries).len(), 1);
}
