//! Compares each result with npm's `jose`, with the same keys and, if possible, the same settings.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tower_m2m::Verifier;
use tower_m2m::testing::{LocalIssuer, Profile, SigningAlgorithm, SigningKey, forged};

use super::node::Node;

const ISSUER: &str = "https://issuer.example";

/// Tokens that this crate rejects and `jose` accepts, with the reason. The test fails if a
/// difference is not in the list, or if a row is no longer a difference.
const JOSE_ACCEPTS: &[(&str, &[&str])] = &[
    (
        "the grant type is a claim of Kinde's: JOSE cannot distinguish a user token from a machine token",
        &[
            "user_token",
            "gty_missing",
            "gty_authorization_code",
            "gty_prefix",
            "gty_empty",
            "gty_null",
            "gty_of_machine_and_refresh",
            "gty_of_machine_and_user",
            "gty_as_object",
        ],
    ),
    (
        "the organization is a claim of Kinde's: JOSE does not read it",
        &[
            "org_code_null",
            "org_code_empty",
            "org_code_number",
            "org_code_list",
            "org_code_object",
            "org_code_boolean",
            "org_code_with_line_break",
            "org_code_over_long",
        ],
    ),
    (
        "`scope` is a claim of OAuth, not of JWT",
        &["scope_as_number"],
    ),
    (
        "the resource server must check whether a token is bound to a key",
        &["cnf_bound", "cnf_bound_to_certificate"],
    ),
    (
        "JavaScript uses the last of duplicate members, which is the valid one here; RFC 7519 §4 allows both",
        &["duplicate_alg", "duplicate_claim", "duplicate_org_code"],
    ),
    (
        "its base64 decoder is lenient: it ignores padding and unused bits",
        &["padded_signature", "non_canonical_base64"],
    ),
    (
        "it removes a byte order mark (RFC 8259 §8.1 allows both)",
        &["byte_order_mark"],
    ),
    (
        "it checks `iat` only if a maximum age is set",
        &["issued_in_the_future"],
    ),
    (
        "it accepts any number as a time, even after the year 9999",
        &["exp_huge"],
    ),
    (
        "it accepts an array with one valid audience, regardless of other entries",
        &["audience_with_number"],
    ),
    (
        "it has no limits of depth and length",
        &["nested_deep_json", "oversized"],
    ),
];

/// Other software accepts tokens of the test utilities, for each algorithm and each shape.
#[tokio::test]
async fn jose_accepts_tokens_of_the_test_utilities() {
    let Some(node) = Node::here() else { return };
    let (mut keys, mut cases) = (Vec::<SigningKey>::new(), Vec::new());
    for algorithm in SigningAlgorithm::ALL {
        // An RSA key takes time and can sign in six ways.
        let made = keys
            .iter()
            .find_map(|key| key.clone().with_algorithm(algorithm));
        let made = made.unwrap_or_else(|| SigningKey::generate(algorithm).unwrap());
        keys.push(made.with_kid(algorithm.as_str()));
    }
    for profile in [Profile::Kinde, Profile::Rfc9068] {
        let builder = LocalIssuer::builder()
            .algorithm(SigningAlgorithm::EdDsa)
            .profile(profile);
        let issuer = builder.in_process(ISSUER).unwrap();
        for key in &keys {
            issuer.publish_key(key.clone());
            issuer.use_key(key.kid()).unwrap();
            let tokens = [
                issuer.org("org_a").scopes(["orders:read"]).token(),
                issuer.global().token(),
            ];
            cases.push(case(&issuer, profile, &tokens));
        }
    }
    assert_eq!(
        jose(node, &cases).await,
        vec![["accepted"; 2]; 2 * SigningAlgorithm::ALL.len()]
    );
}

/// Both reject every forgery, except for the listed ones.
#[tokio::test]
async fn jose_rejects_forgeries_except_listed_ones() {
    let Some(node) = Node::here() else { return };
    let known: BTreeSet<&str> = JOSE_ACCEPTS
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    for (profile, algorithm) in [
        (Profile::Kinde, SigningAlgorithm::Rs256),
        (Profile::Rfc9068, SigningAlgorithm::Es256),
    ] {
        let issuer = LocalIssuer::builder()
            .algorithm(algorithm)
            .profile(profile)
            .in_process(ISSUER)
            .unwrap();
        let good = issuer.org("org_a").scopes(["orders:read"]);
        let forgeries = forged::all(&good);
        let tokens: Vec<String> = forgeries
            .iter()
            .map(|forgery| forgery.token().to_owned())
            .chain([good.token()])
            .collect();
        let theirs = jose(node, &[case(&issuer, profile, &tokens)])
            .await
            .concat();
        let ours = verifier(&issuer, profile);
        assert_eq!(theirs.last().map(String::as_str), Some("accepted"));
        assert!(ours.verify(&good.token()).await.is_ok());
        let mut accepted = BTreeSet::new();
        for (forgery, verdict) in forgeries.iter().zip(theirs) {
            assert!(
                ours.verify(forgery.token()).await.is_err(),
                "{}",
                forgery.name()
            );
            if verdict == "accepted" {
                accepted.insert(forgery.name());
            }
        }
        let sent: BTreeSet<&str> = forgeries.iter().map(forged::Forgery::name).collect();
        assert_eq!(accepted, &known & &sent, "{profile:?}");
    }
}

fn verifier(issuer: &LocalIssuer, profile: Profile) -> Verifier {
    let trusted = Verifier::issuer(issuer.url()).audience(issuer.audience());
    let trusted = match profile {
        Profile::Kinde => trusted.profile(tower_m2m::Profile::KINDE),
        _ => trusted.require_rfc9068(),
    };
    trusted.jwk_set(issuer.jwks()).build().unwrap()
}

fn case(issuer: &LocalIssuer, profile: Profile, tokens: &[String]) -> Value {
    let jwks: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    json!({
        "jwks": jwks,
        "issuer": issuer.url(),
        "audience": issuer.audience(),
        "typ": if profile == Profile::Kinde { "JWT" } else { "at+jwt" },
        "algorithms": [issuer.signing_key().algorithm().as_str()],
        "tokens": tokens,
    })
}

async fn jose(node: Node, cases: &[Value]) -> Vec<Vec<String>> {
    let verdicts = node.run("verify.mjs", cases).await;
    verdicts
        .into_iter()
        .map(|verdicts| serde_json::from_value(verdicts).unwrap())
        .collect()
}
