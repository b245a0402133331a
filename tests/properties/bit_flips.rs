//! A token must equal the signed one, bit for bit.

use tower_m2m::testing::{Profile, SigningAlgorithm};
use tower_m2m::{Clock, Verifier};

use super::support::{ISSUER, NOW, issuer, verifier, verify};

/// Rules 28, 34–36.
///
/// Flips every bit of a token, one at a time. The valid token is cached meanwhile, so this tests
/// the cache too.
#[test]
fn token_with_any_flipped_bit_is_rejected() {
    let clock = Clock::manual(NOW);
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Rs256] {
        let issuer = issuer(algorithm, Profile::Rfc9068, &clock);
        let good = issuer.org("org_a").token();
        let remembering = Verifier::builder([Verifier::issuer(ISSUER)
            .audience(tower_m2m::testing::AUDIENCE)
            .algorithms([algorithm.as_str().parse().unwrap()])
            .jwk_set(issuer.jwks())])
        .clock(clock.clone())
        .build()
        .unwrap();
        assert!(verify(&remembering, &good).is_ok());
        let mut tried = 0;
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                // If the eighth bit is set, the bytes are not valid UTF-8, so `verify` cannot take
                // them.
                let Ok(mutated) = String::from_utf8(bytes) else {
                    continue;
                };
                assert!(
                    verify(&remembering, &mutated).is_err(),
                    "bit {bit} of byte {at}"
                );
                tried += 1;
            }
        }
        assert_eq!(tried, good.len() * 7);
    }
}

/// Rules 26–28.
///
/// Every shorter version of a token, and every inserted or removed character.
#[test]
fn token_with_a_character_more_or_less_is_rejected() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Rfc9068, &clock);
    let verifier = verifier(&issuer, &clock, |issuer| issuer);
    let good = issuer.org("org_a").token();
    for at in 0..good.len() {
        let (before, after) = good.split_at(at);
        assert!(
            verify(&verifier, before).is_err(),
            "only the first {at} letters"
        );
        assert!(
            verify(&verifier, &format!("{before}{}", &after[1..])).is_err(),
            "without letter {at}"
        );
        for letter in ["A", "_", ".", "=", " ", "\n", "\0", "+", "é"] {
            assert!(
                verify(&verifier, &format!("{before}{letter}{after}")).is_err(),
                "{letter:?} before letter {at}"
            );
        }
    }
    for letter in ["A", "AA", ".", "=", "==", " ", "\n", "\0"] {
        assert!(
            verify(&verifier, &format!("{good}{letter}")).is_err(),
            "{letter:?} after it"
        );
    }
}
