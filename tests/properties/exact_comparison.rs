//! Scopes and organizations are compared character for character, and strings are returned
//! unchanged.

use tower_m2m::testing::{Profile, SigningAlgorithm};
use tower_m2m::token::{ScopeRequirement, Scopes};
use tower_m2m::{Algorithm, Clock, OrganizationSource, Scope};

use super::no_echo;
use super::support::{NOW, Numbers, issuer, verifier, verify};

/// Creates a word over a small alphabet, so that parts, prefixes and repetitions are frequent.
fn word(numbers: &mut Numbers) -> String {
    (0..=numbers.below(4))
        .map(|_| *numbers.pick(&['a', 'A', 'b', ':', '*', '/', '.']))
        .collect()
}

/// Rule 77.
///
/// The comparison is exact and case-sensitive, without prefixes, substrings or wildcards.
#[test]
fn scope_is_granted_only_by_itself() {
    let mut numbers = Numbers(77);
    let mut granted_some = 0;
    for _ in 0..5_000 {
        let words: Vec<String> = (0..numbers.below(4)).map(|_| word(&mut numbers)).collect();
        let list = words.join(if numbers.below(4) == 0 { "  " } else { " " });
        let scopes = Scopes::parse(&list).unwrap();
        let asked = Scope::new(word(&mut numbers)).unwrap();
        let has = words.iter().any(|word| word == asked.as_str());
        granted_some += usize::from(has);
        assert_eq!(scopes.contains(&asked), has, "{asked} in {list}");
        assert_eq!(ScopeRequirement::from(asked).is_satisfied_by(&scopes), has);
        // The printed scopes parse to the same scopes.
        assert_eq!(Scopes::parse(scopes.as_str()).unwrap(), scopes);
        assert_eq!(scopes.iter().collect::<Vec<_>>(), words);
    }
    assert!(
        granted_some > 50,
        "{granted_some} is too few to mean anything"
    );
}

/// Rule 158.
///
/// The organization of the path equals that of the token, character for character after one
/// decoding, or the request is rejected.
#[test]
fn organization_is_admitted_only_on_its_own_path() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Rfc9068, &clock);
    let verifier = verifier(&issuer, &clock, |issuer| issuer);
    let layer = verifier
        .layer()
        .organization_from(OrganizationSource::path("/orgs/{org_code}/x"));
    let mut numbers = Numbers(158);
    let (mut own, mut others) = (0, 0);
    for _ in 0..1_500 {
        let org = word(&mut numbers);
        let on_path = if numbers.below(3) == 0 {
            org.clone()
        } else {
            word(&mut numbers)
        };
        let encoded = on_path
            .bytes()
            .fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
        let path = format!(
            "/orgs/{}/x",
            if numbers.below(2) == 0 || on_path.contains('/') {
                &encoded
            } else {
                &on_path
            }
        );
        let status = no_echo::send(&layer, &issuer.org(&*org).bearer(), &path).status();
        let plain = !on_path.contains('/') && on_path != "." && on_path != "..";
        let fits = org == on_path && plain;
        assert_eq!(
            status.as_u16(),
            if fits { 200 } else { 403 },
            "{org} on {path}"
        );
        if fits { own += 1 } else { others += 1 }
    }
    assert!(own > 100 && others > 100);
}

/// The claims return the strings of the token unchanged.
#[test]
fn claims_are_returned_unchanged() {
    let clock = Clock::manual(NOW);
    let issuer = issuer(SigningAlgorithm::EdDsa, Profile::Rfc9068, &clock);
    let verifier = verifier(&issuer, &clock, |issuer| issuer);
    for text in [
        "org_a", "ü-ß", "a\"b", "a\\b", "日本", "a/b", "{}", "%41", "𝄞",
    ] {
        let token = issuer
            .org(text)
            .client(text)
            .claim("jti", text)
            .claim("sub", text);
        let claims = verify(&verifier, &token.token()).unwrap();
        assert_eq!(claims.org_code().unwrap().as_str(), text);
        assert_eq!(
            (claims.client_id(), claims.jti(), claims.subject()),
            (text, Some(text), Some(text))
        );
    }
}

/// Printed names parse to the same names.
#[test]
fn algorithm_names_round_trip() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
    }
}
