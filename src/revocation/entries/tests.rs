use super::*;

fn deadlines(entries: &[(Option<i64>, i64)]) -> Deadlines {
    let mut deadlines = Deadlines::default();
    for (issued_before, until) in entries {
        let slot = Slot {
            origin: EntryOrigin::Application,
            reach: EntryReach::ThisReplica,
            is_for_older_tokens: issued_before.is_some(),
        };
        deadlines.merge(Deadline {
            slot,
            issued_before: *issued_before,
            event_time: None,
            until: *until,
        });
    }
    deadlines
}

#[test]
fn denying_again_never_shortens_a_denial() {
    let terms = deadlines(&[(None, 900), (None, 100), (Some(50), 900), (Some(40), 100)]);
    assert_eq!(terms.len(), 2);
    let status = |issued_at, now| terms.status(Kind::Client, Some(issued_at), now);
    assert_eq!(status(49, 899), CallerStatus::Suspended);
    assert_eq!(status(49, 900), CallerStatus::Active);
    let terms = deadlines(&[(Some(50), 900), (Some(40), 100)]);
    let status = |issued_at, now| terms.status(Kind::Client, Some(issued_at), now);
    assert_eq!(status(49, 899), CallerStatus::Revoked);
    assert_eq!(status(50, 899), CallerStatus::Active);
}

/// Boundary pairs: a token issued at the exact time is not denied, and an entry expires at its
/// second.
#[test]
fn issued_before_is_exact_and_includes_tokens_without_iat() {
    let terms = deadlines(&[(Some(500), 2_000)]);
    for (issued_at, now, standing) in [
        (Some(499), 1_000, CallerStatus::Revoked),
        (Some(500), 1_000, CallerStatus::Active),
        (None, 1_000, CallerStatus::Revoked),
        (Some(499), 1_999, CallerStatus::Revoked),
        (Some(499), 2_000, CallerStatus::Active),
    ] {
        assert_eq!(
            terms.status(Kind::Client, issued_at, now),
            standing,
            "{issued_at:?} at {now}"
        );
    }
    let terms = deadlines(&[(None, 2_000)]);
    assert_eq!(
        terms.status(Kind::Client, None, 1_999),
        CallerStatus::Suspended
    );
    assert_eq!(
        terms.status(Kind::Client, None, 2_000),
        CallerStatus::Active
    );
}
