use super::*;

/// Rule 172.
#[test]
fn budget_is_50_at_once_and_20_per_second() {
    let start = Instant::now();
    let mut budget = UnknownBudget::new(start);
    let taken =
        |budget: &mut UnknownBudget, at: Instant| (0..1_000).filter(|_| budget.take(at)).count();
    assert_eq!(taken(&mut budget, start), 50);
    let mut at = start;
    let mut in_a_minute = 0;
    for _ in 0..60_000 {
        at += Duration::from_millis(1);
        in_a_minute += usize::from(budget.take(at));
    }
    assert_eq!(in_a_minute, 1_200);
    // An idle hour earns no more than the capacity.
    assert_eq!(taken(&mut budget, at + Duration::from_secs(3600)), 50);
}

#[test]
fn request_of_an_active_credential_is_given_back() {
    let start = Instant::now();
    let mut budget = UnknownBudget::new(start);
    for _ in 0..1_000 {
        assert!(budget.take(start));
        budget.give_back();
    }
    budget.give_back();
    assert_eq!(budget.left(start), 50);
}
