use super::*;

/// Rule 179.
#[test]
fn digest_depends_on_key_and_shows_nothing() {
    let (a, b) = (DigestKey::random().unwrap(), DigestKey::random().unwrap());
    assert!(a.digest(b"k_live_1") == DigestKey(a.0).digest(b"k_live_1"));
    assert!(a.digest(b"k_live_1") != b.digest(b"k_live_1"));
    assert!(a.digest(b"k_live_1") != a.digest(b"k_live_2"));
    assert_eq!(
        format!("{a:?} {:?}", a.digest(b"k_live_1")),
        "DigestKey { .. } CredentialDigest { .. }"
    );
}
