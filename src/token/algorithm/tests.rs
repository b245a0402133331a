use super::*;

/// Rules 31, 45, 46.
///
/// Names are case-sensitive, and neither `none` nor HMAC exists.
#[test]
fn only_exact_asymmetric_algorithm_names_exist() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        assert_eq!(
            Algorithm::from_name(&algorithm.name().to_ascii_lowercase()),
            None
        );
    }
    assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDSA));
    for name in [
        "none", "None", "NONE", "noNE", "HS256", "HS384", "HS512", "ES256K", "ES521", "RSA1_5", "",
        " RS256", "RS256 ",
    ] {
        assert_eq!(Algorithm::from_name(name), None, "{name}");
    }
}
