//! Tests that forgeries are what they claim, with an independent verifier of a few lines.

use std::collections::BTreeSet;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::super::{LocalIssuer, Profile, SigningAlgorithm, SigningKey, TokenBuilder, forged};

type Answer = (u16, Option<String>, String);

fn rejected(status: u16, error: &str) -> Answer {
    (
        status,
        Some(format!("Bearer error=\"{error}\"")),
        String::new(),
    )
}

/// Returns `true` if the signature is valid. That is enough to separate the two types of forgeries.
fn signature_holds(key: &SigningKey, token: &str) -> bool {
    let Some((input, signature)) = token.rsplit_once('.') else {
        return false;
    };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else {
        return false;
    };
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_der());
    public.verify(input.as_bytes(), &signature).is_ok()
}

fn good() -> (LocalIssuer, TokenBuilder) {
    let issuer = LocalIssuer::in_process("https://acme.kinde.com").unwrap();
    let good = issuer.org("org_a").scopes(["read:invoices"]);
    (issuer, good)
}

#[test]
fn forgeries_have_unique_names() {
    let (_issuer, good) = good();
    let all = forged::all(&good);
    let names: BTreeSet<_> = all.iter().map(forged::Forgery::name).collect();
    assert_eq!(names.len(), all.len());
    assert!(all.len() >= 100, "{}", all.len());
    for forgery in &all {
        let value = forgery.authorization();
        assert!(
            value.starts_with("Bearer ") && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        );
        let sentence = forgery.description();
        let is_sentence = sentence
            .starts_with(|first: char| first.is_ascii_uppercase() || first == '`')
            && sentence.ends_with('.')
            && !sentence.contains(". ");
        assert!(is_sentence, "not one sentence: {sentence}");
        assert_ne!(forgery.authorization(), good.bearer(), "{}", forgery.name());
        assert!(
            !format!("{forgery:?}").contains("eyJ"),
            "Debug shows the token"
        );
    }
}

#[test]
fn only_content_forgeries_have_valid_signatures() {
    let (issuer, good) = good();
    let key = issuer.signing_key();
    assert!(signature_holds(&key, &good.token()));
    let broken: Vec<_> = forged::all(&good)
        .into_iter()
        .filter(|forgery| {
            forgery.token().split('.').count() == 3 && !signature_holds(&key, forgery.token())
        })
        .map(|forgery| forgery.name())
        .collect();
    let expected = [
        "alg_none",
        "alg_none_mixed_case",
        "key_confusion_hs256",
        "key_confusion_hs384",
        "key_confusion_hs512",
        "key_confusion_trimmed_pem",
        "key_confusion_pkcs1_pem",
        "key_confusion_der",
        "key_confusion_bare",
        "key_confusion_modulus",
        "key_confusion_jwk",
        "hs256_empty_secret",
        "hs256_guessed_secret",
        "rs512_under_rs256_key",
        "ps256_under_rs256_key",
        "es256_psychic_zero",
        "bad_signature",
        "truncated_signature",
        "empty_signature",
        "zero_signature",
        "doubled_signature",
        "extended_signature",
        "swapped_payload",
        "swapped_header",
        "padded_signature",
        "non_canonical_base64",
        "standard_base64",
        "signature_over_decoded_text",
        "other_issuer_same_kid",
        "unknown_kid",
        "foreign_key_without_kid",
        "kid_as_number",
        "kid_path_traversal",
        "kid_sql",
        "kid_over_long",
        "embedded_jwk",
        "embedded_jwk_same_kid",
        "jku_header",
        "x5u_header",
        "x5c_header",
        "dpop_proof",
        "client_assertion",
        "padded_base64",
        "quoted_token",
        "space_in_token",
        "empty_segments",
    ];
    assert_eq!(broken, expected);
}

#[test]
fn respelled_tokens_differ_but_decode_equally() {
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let (issuer, good) = good();
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let lenient = GeneralPurpose::new(&base64::alphabet::URL_SAFE, lenient);
    let true_signature = good.token().rsplit_once('.').unwrap().1.to_owned();
    let true_signature = lenient.decode(true_signature).unwrap();
    for forgery in [
        forged::non_canonical_base64(&good),
        forged::padded_signature(&good),
    ] {
        let (_, signature) = forgery.token().rsplit_once('.').unwrap();
        assert_eq!(
            lenient.decode(signature).unwrap(),
            true_signature,
            "{}",
            forgery.name()
        );
    }
    let standard = forged::standard_base64(&good);
    assert!(standard.token().contains(['+', '/']));
    let back = standard.token().replace('+', "-").replace('/', "_");
    assert!(signature_holds(&issuer.signing_key(), &back));
}

#[test]
fn forgeries_exist_for_every_algorithm() {
    for algorithm in [
        SigningAlgorithm::Es256,
        SigningAlgorithm::Es384,
        SigningAlgorithm::Es512,
        SigningAlgorithm::EdDsa,
        SigningAlgorithm::Ps256,
    ] {
        let builder = LocalIssuer::builder()
            .algorithm(algorithm)
            .profile(Profile::Rfc9068);
        let good = builder
            .in_process("https://issuer.example")
            .unwrap()
            .global();
        let all = forged::all(&good);
        assert!(
            all.iter()
                .all(|forgery| forgery.authorization() != good.bearer())
        );
        assert!(all.iter().all(|forgery| forgery.name() != "user_token"));
    }
}

#[test]
fn forgeries_match_their_descriptions() {
    let (_issuer, good) = good();
    let claims = |forgery: forged::Forgery| super::support::claims(forgery.token());
    assert_eq!(
        claims(forged::org_code_null(&good)).get("org_code"),
        Some(&Value::Null)
    );
    assert_eq!(claims(forged::user_token(&good))["org_code"], "org_a");
    let webhook = claims(forged::webhook_body(&good));
    assert!(
        ["iss", "aud", "exp"]
            .iter()
            .all(|claim| webhook.get(claim).is_none())
    );
    let proof = claims(forged::dpop_proof(&good));
    assert_eq!(
        proof.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["htm", "htu", "iat", "jti"]
    );
    assert_eq!(
        super::support::part(forged::dpop_proof(&good).token(), 0)["typ"],
        "dpop+jwt"
    );
}

#[tokio::test]
async fn correct_server_passes_the_report() {
    let (_issuer, good) = good();
    let all = forged::all(&good);
    let oracle = async |authorization: String| {
        let forgery_sent = all
            .iter()
            .find(|forgery| forgery.authorization() == authorization);
        // ECDSA and PSS tokens differ in each run. RS256 tokens without a fresh `jti` do not.
        match forgery_sent {
            Some(forgery) => rejected(forgery.expected().status(), forgery.expected().error()),
            None if authorization == good.bearer() => (200, None, String::new()),
            None => rejected(401, "invalid_token"),
        }
    };
    let report = forged::attack(&good, oracle).await;
    assert_eq!(report.sent(), all.len() + 1);
    report.assert_all_rejected();
}

#[tokio::test]
async fn report_names_every_wrong_result() {
    let (_issuer, good) = good();
    let list = [
        forged::expired(&good),
        forged::no_token(&good),
        forged::alg_none(&good),
    ];
    let open = forged::attack_with(&list, async |_| (200, None, "hello")).await;
    assert_eq!(open.failures().count(), 3);
    assert!(
        open.to_string()
            .contains("ACCEPTED: It expired an hour ago.")
    );
    let silent = forged::attack_with(&list, async |_| (401, None, "")).await;
    assert!(
        silent.to_string().contains("NO VALID CHALLENGE")
            && silent.to_string().contains("WRONG STATUS")
    );
    let vague = forged::attack_with(&list[..1], async |_| rejected(401, "oops")).await;
    assert!(vague.to_string().contains("WRONG ERROR"));
    let parrot = forged::attack_with(&list[..1], async |token| (401, None, token)).await;
    assert!(parrot.to_string().contains("ECHOES THE TOKEN"));
    let closed = forged::attack(&good, async |_| rejected(401, "invalid_token")).await;
    assert_eq!(closed.failures().next(), Some("(the good token)"));
}

#[test]
#[should_panic(expected = "ACCEPTED")]
fn failed_report_fails_the_test() {
    let (_issuer, good) = good();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let list = [forged::expired(&good)];
    let report = runtime.block_on(forged::attack_with(&list, async |_| (200, None, "")));
    report.assert_all_rejected();
}

#[tokio::test]
async fn opaque_forgeries_are_not_the_valid_credential() {
    let issuer = LocalIssuer::start().await.unwrap();
    let key = issuer.api_key("org_a").scopes(["read:invoices"]);
    let claims = issuer.org("org_a").scopes(["read:invoices"]);
    let opaque = issuer.opaque_token(&claims);
    for good in [key.secret(), opaque.token()] {
        let all = forged::opaque::strings::all(good);
        assert!(all.iter().all(|forgery| forgery.token() != good));
        let short = all.iter().filter(|forgery| forgery.token().len() < 1_000);
        assert_eq!(short.count(), all.len() - 1);
    }
    let mut all = forged::opaque::strings::all(key.secret());
    all.extend(forged::opaque::api_keys::all(&key));
    all.push(forged::opaque::api_keys::key_of_another_api(&key));
    all.extend(forged::opaque::tokens::all(&issuer, &claims));
    all.extend(forged::all(&claims));
    let names: std::collections::HashSet<_> = all.iter().map(forged::Forgery::name).collect();
    assert_eq!(names.len(), all.len());
    assert!(all.iter().all(|forgery| !forgery.description().is_empty()));
    let unknown = forged::opaque::strings::unknown_credential(key.secret());
    assert_eq!(unknown.token().len(), key.secret().len());
    assert!(unknown.token().starts_with("k_live_"));
}

#[tokio::test]
async fn opaque_forgeries_do_not_change_the_valid_key() {
    let issuer = LocalIssuer::start().await.unwrap();
    let key = issuer.api_key("org_a").scopes(["read:invoices"]);
    let forgeries = forged::opaque::api_keys::all(&key);
    let body = |secret: &str| serde_json::json!({ "api_key": secret }).to_string();
    let verify = async |secret: &str| {
        let head = "POST /api/v1/api_keys/verify HTTP/1.1\r\nContent-Type: application/json";
        let answer = super::support::send(&issuer, head, &body(secret)).await;
        answer.unwrap().json()
    };
    let good = verify(key.secret()).await;
    assert_eq!(
        (&good["is_valid"], &good["status"], &good["org_code"]),
        (&true.into(), &"active".into(), &"org_a".into())
    );
    for forgery in forgeries {
        let reported = verify(forgery.token()).await;
        assert_ne!(reported["key_id"], good["key_id"], "{}", forgery.name());
    }
}
