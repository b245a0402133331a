use super::{AppliedTimes, Timeliness};

const WINDOW: i64 = 100;
const NOW: i64 = 10_000;
const MS: i64 = NOW * 1000;

fn times() -> AppliedTimes {
    AppliedTimes::new(10, WINDOW)
}

/// Rules 228, 330.
/// Trap 32.
#[test]
fn old_removal_after_newer_denial_has_no_effect() {
    let mut times = times();
    assert_eq!(times.deny(1, Some(MS - 10), 101, NOW), Timeliness::Timely);
    assert_eq!(times.remove(1, Some(MS - 11), 102, NOW), Timeliness::Late);
    assert_eq!(times.remove(1, Some(MS - 10), 103, NOW), Timeliness::Late);
    assert_eq!(times.remove(1, Some(MS - 9), 104, NOW), Timeliness::Timely);
    assert_eq!(times.remove(2, Some(MS - 11), 105, NOW), Timeliness::Timely);
}

/// Rules 228, 330.
#[test]
fn old_denial_after_newer_removal_has_no_effect() {
    let mut times = times();
    assert_eq!(times.remove(1, Some(MS), 106, NOW), Timeliness::Timely);
    assert_eq!(times.deny(1, Some(MS - 1), 107, NOW), Timeliness::Late);
    assert_eq!(times.deny(1, Some(MS), 108, NOW), Timeliness::Timely);
}

/// Rule 330.
/// Without a time, a denial is applied and a removal is not.
#[test]
fn without_a_time_only_denials_apply() {
    let mut times = times();
    assert_eq!(times.remove(1, None, 109, NOW), Timeliness::Late);
    assert_eq!(times.deny(1, None, 110, NOW), Timeliness::Timely);
    assert_eq!(times.remove(1, Some(MS), 111, NOW), Timeliness::Late);
    assert_eq!(
        times.remove(1, Some(MS + 1), 112, NOW + 1),
        Timeliness::Timely
    );
}

/// Rule 330.
/// If the store is full, removals have no effect.
#[test]
fn full_store_makes_removals_have_no_effect() {
    let mut times = AppliedTimes::new(1, WINDOW);
    assert_eq!(times.deny(1, Some(MS), 113, NOW), Timeliness::Timely);
    assert_eq!(times.deny(2, Some(MS), 114, NOW), Timeliness::Timely);
    assert_eq!(times.remove(2, Some(MS + 1), 115, NOW), Timeliness::Late);
    // A time is kept for the window. The denial that it had no space for is older than that too.
    let later = NOW + WINDOW;
    assert_eq!(
        times.remove(2, Some(later * 1000), 116, later),
        Timeliness::Late
    );
    let later = later + 1;
    assert_eq!(
        times.remove(2, Some(later * 1000), 117, later),
        Timeliness::Timely
    );
}

/// A removal that is older than the window has no effect, so times older than the window can go.
#[test]
fn removal_older_than_the_window_has_no_effect() {
    let mut times = times();
    assert_eq!(
        times.remove(1, Some((NOW - WINDOW) * 1000 - 1), 118, NOW),
        Timeliness::Late
    );
    assert_eq!(
        times.remove(1, Some((NOW - WINDOW) * 1000), 119, NOW),
        Timeliness::Timely
    );
}

/// A removal whose effect could not be stored is sent again with the same time.
#[test]
fn same_event_can_be_applied_again() {
    let mut times = times();
    assert_eq!(times.deny(1, Some(MS - 5), 7, NOW), Timeliness::Timely);
    assert_eq!(times.remove(1, Some(MS), 8, NOW), Timeliness::Timely);
    assert_eq!(times.remove(1, Some(MS), 8, NOW), Timeliness::Timely);
    assert_eq!(times.remove(1, Some(MS), 9, NOW), Timeliness::Late);
}
