use super::*;

/// Checks the factors in [`NameFingerprint::bucket`].
#[test]
fn claim_names_have_distinct_index_slots() {
    let indexed = [
        "aud", "azp", "exp", "gty", "iat", "iss", "jti", "org_code", "scope", "scp", "v",
    ];
    let absent = [
        "nbf",
        "sub",
        "cnf",
        "act",
        "client_id",
        "nonce",
        "at_hash",
        "c_hash",
        "s_hash",
        "events",
        "htu",
        "htm",
    ];
    let extras = ["application_properties", "feature_flags"];
    let buckets: Vec<usize> = indexed
        .map(|name| NameFingerprint::new(name).bucket())
        .to_vec();
    for (at, slot) in buckets.iter().enumerate() {
        assert!(!buckets[..at].contains(slot), "{}", indexed[at]);
    }
    for name in absent.iter().chain(&extras) {
        assert!(
            !buckets.contains(&NameFingerprint::new(name).bucket()),
            "{name}"
        );
    }
}
