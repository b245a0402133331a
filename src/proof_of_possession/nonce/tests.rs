use super::{NonceAge, NonceKey, PERIOD, SKEW};

const START: i64 = 1_750_000_000 / PERIOD * PERIOD;

/// Rules 113, 246.
#[test]
fn two_nonces_are_valid_at_a_time() {
    let key = NonceKey::new(&[7; 32]);
    let nonce = key.current(START);
    assert_eq!(nonce.len(), 43);
    assert_eq!(nonce, key.current(START + PERIOD - 1));
    assert_ne!(nonce, key.current(START + PERIOD));
    for (second, expected) in [
        (START, NonceAge::Current),
        (START + PERIOD - SKEW - 1, NonceAge::Current),
        // It is provided until the end of the period, so no response renews it.
        (START + PERIOD - SKEW, NonceAge::Current),
        (START + PERIOD - 1, NonceAge::Current),
        (START + PERIOD, NonceAge::Older),
        (START + 2 * PERIOD - SKEW - 1, NonceAge::Older),
        (START + 2 * PERIOD - SKEW, NonceAge::Invalid),
        // A replica whose clock is behind by the skew accepts the nonce of another one.
        (START - SKEW, NonceAge::Current),
        (START - SKEW - 1, NonceAge::Invalid),
    ] {
        assert_eq!(key.check(&nonce, second), expected, "{}", second - START);
    }
}

/// Rule 246.
#[test]
fn replicas_with_one_key_agree_and_others_do_not() {
    let (key, replica, other) = (
        NonceKey::new(&[7; 32]),
        NonceKey::new(&[7; 32]),
        NonceKey::new(&[8; 32]),
    );
    let nonce = key.current(START);
    assert_eq!(replica.check(&nonce, START), NonceAge::Current);
    assert_eq!(other.check(&nonce, START), NonceAge::Invalid);
    for invented in ["", "nonce", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(key.check(invented, START), NonceAge::Invalid);
    }
    assert_eq!(key.check(&format!("{nonce}="), START), NonceAge::Invalid);
    assert!(NonceKey::new(&[7; 31]).problem().is_some());
    assert!(key.problem().is_none());
}
