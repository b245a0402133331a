use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

fn limit(per_second: u32) -> (EventLimit, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(1));
    let now = Arc::clone(&clock);
    let limit = EventLimit::new(per_second, move || now.load(Ordering::Relaxed));
    (limit, clock)
}

#[test]
fn each_reason_and_client_has_its_own_count() {
    let (limit, clock) = limit(2);
    for (reason, client) in [
        ("a", None),
        ("a", Some("c1")),
        ("a", Some("c2")),
        ("b", None),
    ] {
        let admitted: Vec<_> = (0..5).map(|_| limit.admit(reason, client)).collect();
        assert_eq!(admitted, [Some(0), Some(0), None, None, None]);
    }
    clock.store(2, Ordering::Relaxed);
    assert_eq!(limit.admit("a", Some("c1")), Some(3));
    assert_eq!(limit.admit("a", Some("c1")), Some(0));
    assert_eq!(limit.admit("a", Some("c1")), None);
    // A clock that is set back does not silence the events.
    clock.store(1, Ordering::Relaxed);
    assert_eq!(limit.admit("a", Some("c1")), Some(1));
}

#[test]
fn memory_is_bounded_and_no_count_is_lost() {
    let (limit, clock) = limit(1);
    let names: Vec<String> = (0..10 * MAX_CLIENTS).map(|n| format!("c{n}")).collect();
    for second in 1..=3 {
        clock.store(second, Ordering::Relaxed);
        for name in &names {
            limit.admit("a", Some(name));
            limit.admit("a", Some(name));
        }
    }
    let reasons = limit.reasons.lock().unwrap();
    assert_eq!(reasons["a"].clients.len(), MAX_CLIENTS);
    let omitted = reasons["a"].others.omitted
        + reasons["a"]
            .clients
            .values()
            .map(|window| window.omitted)
            .sum::<u64>();
    drop(reasons);
    clock.store(4, Ordering::Relaxed);
    // Recorded, left out and reported events add up.
    assert!(omitted > 0);
    let reported = limit.admit("a", None).unwrap();
    assert!(reported > 0 && reported <= omitted);
}
