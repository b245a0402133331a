use super::*;

#[test]
fn denying_again_never_shortens_a_denial() {
    let terms = Deadlines::default()
        .merge(None, 900)
        .merge(None, 100)
        .merge(Some(50), 900)
        .merge(Some(40), 100);
    assert_eq!(terms.denied, Some(900));
    assert_eq!(terms.issued_before, Some((50, 900)));
    assert_eq!(terms.len(), 2);
}

/// Boundary pairs: a token issued at the exact time is not denied, and an entry expires at its
/// second.
#[test]
fn issued_before_is_exact_and_includes_tokens_without_iat() {
    let terms = Deadlines::default().merge(Some(500), 2_000);
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
    let terms = Deadlines::default().merge(None, 2_000);
    assert_eq!(
        terms.status(Kind::Client, None, 1_999),
        CallerStatus::Suspended
    );
    assert_eq!(
        terms.status(Kind::Client, None, 2_000),
        CallerStatus::Active
    );
}
