use super::*;

const COOLDOWN: Duration = Duration::from_secs(10);

const STRANGER: Requester = Requester {
    name: ClientHash(0),
    kind: RequesterKind::Unknown,
};

fn known(name: u64) -> Requester {
    Requester {
        name: ClientHash(name),
        kind: RequesterKind::Known,
    }
}

#[test]
fn unknown_client_has_burst_of_two_then_one_per_cooldown() {
    let start = Instant::now();
    let mut budget = Budget::new(COOLDOWN, start);
    let mut taken = |seconds: u64| budget.take(STRANGER, start + Duration::from_secs(seconds));
    assert_eq!([0, 0, 0, 9].map(&mut taken), [true, true, false, false]);
    assert_eq!([10, 10, 19, 20].map(&mut taken), [true, false, false, true]);
    assert_eq!(
        [500, 500, 500].map(&mut taken),
        [true, true, false],
        "no more than the burst is saved"
    );
}

#[test]
fn one_fetch_is_reserved_in_advance() {
    let start = Instant::now();
    let mut budget = Budget::new(COOLDOWN, start);
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let reserved = [0, 0, 0].map(|seconds| {
        let begins_at = budget.reserve(STRANGER, at(seconds));
        budget.use_reserved();
        begins_at
    });
    assert_eq!(reserved, [at(0), at(0), at(10)]);
    let mut budget = Budget::new(COOLDOWN, start);
    assert!(budget.take(STRANGER, start) && budget.take(STRANGER, start));
    // One that was not used is still reserved.
    let reserved = [0, 5, 12].map(|seconds| budget.reserve(STRANGER, at(seconds)));
    assert_eq!(reserved, [at(10), at(10), at(12)]);
    // What was reserved is not earned again.
    assert!(!budget.take(STRANGER, at(19)) && budget.take(STRANGER, at(20)));
}

#[test]
fn hurried_attempt_takes_one_fetch_per_cooldown() {
    let start = Instant::now();
    let mut budget = Budget::new(COOLDOWN, start);
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let hurried = [0, 0, 9, 10, 19].map(|seconds| budget.hurry(STRANGER, at(seconds)));
    assert_eq!(hurried, [true, false, false, true, false]);
    // Both came out of the budget: one is left of the first two and the one that was earned since.
    assert!(budget.take(STRANGER, at(19)) && !budget.take(STRANGER, at(19)));
    assert!(!budget.hurry(known(1), at(19)), "the cooldown is common");
}

/// Rule 144.
///
/// A known client has its fetch after a minute in which unknown clients spent all of theirs. Both
/// stay within 2 + 6.
#[test]
fn unknown_client_cannot_use_reserved_fetch() {
    let start = Instant::now();
    let mut budget = Budget::new(COOLDOWN, start);
    let strangers = (0..60_000)
        .filter(|ms| budget.take(STRANGER, start + Duration::from_millis(*ms)))
        .count();
    assert_eq!(strangers, 7);
    let end = start + Duration::from_millis(59_999);
    assert!(budget.take(known(1), end));
    assert!(!budget.take(known(2), end));
}

/// One hostile tenant under its own name leaves the reserve to others, at each moment.
#[test]
fn hostile_known_client_leaves_the_reserve_to_others() {
    let start = Instant::now();
    let mut budget = Budget::new(COOLDOWN, start);
    for second in 0..600 {
        let now = start + Duration::from_secs(second);
        while budget.take(known(1), now) {}
        assert!(
            budget.clone().take(known(2), now),
            "second {second}: no fetch is left for another client"
        );
    }
}

#[test]
fn client_uses_the_reserve_again_after_a_cooldown_or_a_found_key() {
    let start = Instant::now();
    let drained = |now| {
        let mut budget = Budget::new(COOLDOWN, start);
        while budget.take(STRANGER, now) {}
        budget
    };
    let mut budget = drained(start);
    assert!(budget.take(known(1), start));
    let mut at = |seconds| {
        let now = start + Duration::from_secs(seconds);
        while budget.take(STRANGER, now) {}
        budget.take(known(1), now)
    };
    // One cooldown after the last fetch, and not sooner.
    assert_eq!([9, 10, 19, 20].map(&mut at), [false, true, false, true]);
    let mut budget = drained(start);
    assert!(budget.take(known(1), start));
    budget.clear_use(ClientHash(1));
    assert!(!budget.take(known(1), start), "the reserve is used");
    assert!(budget.take(known(1), start + COOLDOWN));
}
