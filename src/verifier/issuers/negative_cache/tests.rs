use super::*;

/// Rule 154.
///
/// No more is kept however many names an attacker invents.
#[test]
fn negative_cache_is_bounded_at_ten_thousand() {
    let (mut refused, now) = (NegativeCache::default(), Instant::now());
    for number in 0..1_000_000 {
        refused.insert(
            &format!("https://{number}.example"),
            NegativeReason::NotTrusted,
            now,
        );
    }
    assert_eq!(
        (refused.entries.len(), refused.order.len()),
        (MAX_ENTRIES, MAX_ENTRIES)
    );
    assert!(
        refused.get("https://999999.example", now).is_some()
            && refused.get("https://0.example", now).is_none()
    );
}

#[test]
fn failed_resolution_is_cached_shorter_than_a_rejection() {
    let (mut refused, now) = (NegativeCache::default(), Instant::now());
    refused.insert("a", NegativeReason::NotTrusted, now);
    refused.insert("b", NegativeReason::Failed, now);
    assert!(refused.get("b", now).is_some() && refused.get("b", now + FAILED_TTL).is_none());
    assert!(
        refused.get("a", now + FAILED_TTL).is_some()
            && refused.get("a", now + NOT_TRUSTED_TTL).is_none()
    );
}
