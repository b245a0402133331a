//! The requirements for a token, as tables of boundary pairs.

use std::time::Duration;

use serde_json::{Value, json};
use tower_m2m::testing::{AUDIENCE, LocalIssuer, Profile as Shape, TokenBuilder};
use tower_m2m::{Algorithm, Issuer, Profile, Rejection, Verifier};

use crate::support::{NOW, build, build_at, good, issuer, trust, verifier};

async fn judged(verifier: &Verifier, token: &str) -> Result<(), &'static str> {
    verifier
        .verify(token)
        .await
        .map(|_| ())
        .map_err(|rejection| rejection.code())
}

/// Verifies each token twice: the second time, a valid token comes from the cache.
async fn hold(
    name: &str,
    verifier: &Verifier,
    table: Vec<(&str, TokenBuilder, Result<(), &'static str>)>,
) {
    for (case, token, expected) in table {
        for _ in 0..2 {
            assert_eq!(
                judged(verifier, &token.token()).await,
                expected,
                "{name}: {case}"
            );
        }
    }
}

/// Creates a generic issuer of RFC 9068 tokens.
fn generic() -> (LocalIssuer, Issuer) {
    let issuer = LocalIssuer::builder()
        .clock(tower_m2m::Clock::manual(NOW))
        .algorithm(tower_m2m::testing::SigningAlgorithm::Es256)
        .profile(Shape::Rfc9068)
        .in_process("https://issuer.example/tenant")
        .unwrap();
    let trusted = Verifier::issuer(issuer.url())
        .audience(AUDIENCE)
        .jwk_set(issuer.jwks());
    (issuer, trusted)
}

/// Rules 65–67.
///
/// `exp` and leeway, exact to the second.
#[tokio::test]
async fn exp_nbf_and_iat_are_exact_to_the_second() {
    for leeway in [0, 30, 300] {
        let at = |now| build_at(trust().leeway(Duration::from_secs(leeway)), now);
        let leeway = i64::try_from(leeway).unwrap();
        let token = good().claim("exp", NOW + 100).token();
        for (moment, expected) in [
            (NOW + 99 + leeway, Ok(())),
            (NOW + 100 + leeway, Err("expired")),
        ] {
            assert_eq!(
                judged(&at(moment), &token).await,
                expected,
                "leeway {leeway}"
            );
        }
        let table = vec![
            (
                "nbf just reached",
                good().claim("nbf", NOW + leeway),
                Ok(()),
            ),
            (
                "nbf not reached",
                good().claim("nbf", NOW + leeway + 1),
                Err("not_yet_valid"),
            ),
            ("iat just reached", good().issued_at(NOW + leeway), Ok(())),
            (
                "iat in the future",
                good().issued_at(NOW + leeway + 1),
                Err("issued_in_future"),
            ),
        ];
        hold("leeway", &at(NOW), table).await;
    }
}

/// Rules 76, 153.
///
/// A cached token expires at the same second, and is valid again if the clock goes back (rule 153).
#[tokio::test]
async fn cached_token_expires_at_the_same_second() {
    let clock = tower_m2m::Clock::manual(NOW);
    let verifier = Verifier::builder([trust().leeway(Duration::ZERO)])
        .clock(clock.clone())
        .build()
        .unwrap();
    let token = good()
        .claim("exp", NOW + 100)
        .claim("nbf", NOW - 50)
        .issued_at(NOW - 60)
        .token();
    for _ in 0..20 {
        assert_eq!(judged(&verifier, &token).await, Ok(()));
    }
    for (moment, expected) in [
        (NOW + 99, Ok(())),
        (NOW + 100, Err("expired")),
        (i64::MAX - 1, Err("expired")),
        (NOW - 50, Ok(())),
        (NOW - 51, Err("not_yet_valid")),
        (0, Err("not_yet_valid")),
        (NOW, Ok(())),
    ] {
        clock.set(moment);
        assert_eq!(judged(&verifier, &token).await, expected, "at {moment}");
    }
}

/// Rules 65, 76.
///
/// If a time is malformed, the token is rejected and the claim is not ignored.
#[tokio::test]
async fn malformed_dates_are_rejected() {
    let verifier = build(trust());
    let end_of_year_9999 = 253_402_300_799_i64;
    for claim in ["exp", "nbf", "iat"] {
        for odd in [
            json!("1750000000"),
            json!(true),
            json!([NOW]),
            json!({}),
            json!(-1),
            json!(-0.5),
            json!(1e308),
            json!(end_of_year_9999 + 1),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(i64::MIN),
        ] {
            let token = good().claim(claim, odd.clone()).token();
            assert_eq!(
                judged(&verifier, &token).await,
                Err("malformed_claim"),
                "{claim} {odd}"
            );
        }
    }
    let table = vec![
        ("no exp", good().without("exp"), Err("missing_claim")),
        (
            "exp of the year 9999",
            good().claim("exp", end_of_year_9999),
            Ok(()),
        ),
        (
            "exp with a fraction",
            good().claim("exp", 1_750_000_000.5 + 1.0),
            Ok(()),
        ),
        ("exp zero", good().claim("exp", 0), Err("expired")),
        ("no iat, no nbf", good().without("iat"), Ok(())),
    ];
    hold("dates", &verifier, table).await;
}

/// Rule 67.
#[tokio::test]
async fn max_age_is_exact_to_the_second() {
    let verifier = build(
        trust()
            .max_age(Duration::from_secs(600))
            .leeway(Duration::from_secs(10)),
    );
    let table = vec![
        ("just young enough", good().issued_at(NOW - 609), Ok(())),
        ("just too old", good().issued_at(NOW - 610), Err("too_old")),
        (
            "of unknown age",
            good().without("iat"),
            Err("missing_claim"),
        ),
    ];
    hold("max_age", &verifier, table).await;
    let clock = tower_m2m::Clock::manual(NOW);
    let verifier = Verifier::builder([trust()
        .max_age(Duration::from_secs(600))
        .leeway(Duration::ZERO)]);
    let verifier = verifier.clock(clock.clone()).build().unwrap();
    let token = good().token();
    for (moment, expected) in [
        (NOW, Ok(())),
        (NOW + 599, Ok(())),
        (NOW + 600, Err("too_old")),
    ] {
        clock.set(moment);
        assert_eq!(
            judged(&verifier, &token).await,
            expected,
            "cached, at {moment}"
        );
    }
}

/// Rules 63, 64, 94.
///
/// The audience in all its forms.
#[tokio::test]
async fn audience_matches_in_every_json_form() {
    let other = "https://other.example.com";
    let shapes = |wrong: &'static str| {
        vec![
            ("a text", good().claim("aud", AUDIENCE), Ok(())),
            (
                "a list of it",
                good().claim("aud", json!([AUDIENCE])),
                Ok(()),
            ),
            (
                "one of several",
                good().claim("aud", json!([other, AUDIENCE])),
                Ok(()),
            ),
            ("another", good().claim("aud", other), Err(wrong)),
            (
                "with a slash",
                good().claim("aud", format!("{AUDIENCE}/")),
                Err(wrong),
            ),
            (
                "a prefix",
                good().claim("aud", "https://api.example"),
                Err(wrong),
            ),
            (
                "in upper case",
                good().claim("aud", AUDIENCE.to_uppercase()),
                Err(wrong),
            ),
            (
                "two in one text",
                good().claim("aud", format!("{AUDIENCE} {other}")),
                Err(wrong),
            ),
            ("empty text", good().claim("aud", ""), Err(wrong)),
            ("empty list", good().claim("aud", json!([])), Err(wrong)),
            (
                "a list with a number",
                good().claim("aud", json!([AUDIENCE, 1])),
                Err("malformed_claim"),
            ),
            (
                "a list in a list",
                good().claim("aud", json!([[AUDIENCE]])),
                Err("malformed_claim"),
            ),
            (
                "an object",
                good().claim("aud", json!({ AUDIENCE: true })),
                Err("malformed_claim"),
            ),
            (
                "null",
                good().claim("aud", Value::Null),
                Err("malformed_claim"),
            ),
            ("absent", good().without("aud"), Err("missing_claim")),
        ]
    };
    hold("one audience", &build(trust()), shapes("invalid_audience")).await;
    let several = Verifier::kinde("acme")
        .audiences([AUDIENCE, other])
        .jwk_set(issuer().jwks());
    hold(
        "either",
        &build(several),
        vec![("the second", good().claim("aud", other), Ok(()))],
    )
    .await;
    let any = build(
        Verifier::kinde("acme")
            .dangerous_accept_any_audience()
            .jwk_set(issuer().jwks()),
    );
    let table = vec![
        ("another", good().claim("aud", other), Ok(())),
        ("absent", good().without("aud"), Ok(())),
        (
            "still malformed",
            good().claim("aud", json!([1])),
            Err("malformed_claim"),
        ),
    ];
    hold("any", &any, table).await;
    for (token, said) in [
        (good().claim("aud", other), &[other][..]),
        (good().claim("aud", json!([other])), &[other]),
        (
            good().claim("aud", json!([other, AUDIENCE])),
            &[other, AUDIENCE],
        ),
        (good().without("aud"), &[]),
    ] {
        let claims = any.verify(&token.token()).await.unwrap();
        assert_eq!(claims.audience().collect::<Vec<_>>(), said);
    }
}

/// Rule 62.
///
/// `iss` is compared character for character.
#[tokio::test]
async fn issuer_is_compared_exactly() {
    let verifier = build(trust());
    for iss in [
        json!("https://acme.kinde.com/"),
        json!("https://ACME.kinde.com"),
        json!("http://acme.kinde.com"),
        json!("acme.kinde.com"),
        json!("https://acme.kinde.com:443"),
        json!("https://acme.kinde.com "),
        json!("https://acme.kinde.com.evil.example"),
        json!(""),
        json!(["https://acme.kinde.com"]),
        json!(null),
        json!(7),
    ] {
        assert_eq!(
            judged(&verifier, &good().claim("iss", iss.clone()).token()).await,
            Err("untrusted_issuer"),
            "{iss}"
        );
    }
    assert_eq!(
        judged(&verifier, &good().without("iss").token()).await,
        Err("untrusted_issuer")
    );
}

/// If a client may also act for users, it gets tokens for them, and those can name both grant
/// types.
#[tokio::test]
async fn machine_grant_type_beside_one_of_a_user_is_rejected() {
    for of_user in [
        "authorization_code",
        "refresh_token",
        "implicit",
        "password",
        "urn:ietf:params:oauth:grant-type:device_code",
    ] {
        let both = |first: &str, second: &str| good().claim("gty", json!([first, second]));
        let table = vec![
            (
                "last",
                both("client_credentials", of_user),
                Err("wrong_grant_type"),
            ),
            (
                "first",
                both(of_user, "client_credentials"),
                Err("wrong_grant_type"),
            ),
            (
                "in a longer word",
                both("client_credentials", &format!("{of_user}_x")),
                Ok(()),
            ),
        ];
        hold(of_user, &build(trust()), table).await;
    }
}

/// User tokens have the same issuer and key, the same audience, and an `org_code` too.
#[tokio::test]
async fn grant_type_separates_machine_and_user_tokens() {
    let table = vec![
        (
            "a list",
            good().claim("gty", json!(["client_credentials"])),
            Ok(()),
        ),
        ("a text", good().claim("gty", "client_credentials"), Ok(())),
        (
            "among others",
            good().claim("gty", json!(["x", "client_credentials"])),
            Ok(()),
        ),
        (
            "a user's",
            issuer().user("kp_1").org("org_a"),
            Err("wrong_grant_type"),
        ),
        ("absent", good().without("gty"), Err("wrong_grant_type")),
        (
            "null",
            good().claim("gty", Value::Null),
            Err("wrong_grant_type"),
        ),
        (
            "with a hyphen",
            good().claim("gty", "client-credentials"),
            Err("wrong_grant_type"),
        ),
        (
            "in a longer word",
            good().claim("gty", "client_credentials_x"),
            Err("wrong_grant_type"),
        ),
        (
            "an empty list",
            good().claim("gty", json!([])),
            Err("wrong_grant_type"),
        ),
        (
            "in a list in a list",
            good().claim("gty", json!([["client_credentials"]])),
            Err("wrong_grant_type"),
        ),
        (
            "the key of an object",
            good().claim("gty", json!({ "client_credentials": true })),
            Err("wrong_grant_type"),
        ),
    ];
    hold("Kinde", &build(trust()), table).await;
    let anyone = vec![("a user's", issuer().user("kp_1").org("org_a"), Ok(()))];
    hold(
        "any grant type",
        &build(trust().allow_any_grant_type()),
        anyone,
    )
    .await;
    let marked = build(
        trust()
            .allow_any_grant_type()
            .require_claim("/x/kind", "app")
            .require_claim("/v", "2"),
    );
    let table = vec![
        ("both", good().claim("x", json!({ "kind": "app" })), Ok(())),
        (
            "in a list",
            good().claim("x", json!({ "kind": ["user", "app"] })),
            Ok(()),
        ),
        ("one of them", good(), Err("wrong_grant_type")),
        (
            "another value",
            good().claim("x", json!({ "kind": "App" })),
            Err("wrong_grant_type"),
        ),
    ];
    hold("claims required", &marked, table).await;
}

/// Tokens of other kinds, and tokens with features that the crate does not support, are rejected.
#[tokio::test]
async fn claims_of_other_token_types_are_rejected() {
    let refusals = [
        ("nonce", "not_an_access_token"),
        ("at_hash", "not_an_access_token"),
        ("c_hash", "not_an_access_token"),
        ("s_hash", "not_an_access_token"),
        ("events", "not_an_access_token"),
        ("htu", "not_an_access_token"),
        ("htm", "not_an_access_token"),
        ("cnf", "sender_constrained"),
        ("act", "delegated"),
    ];
    for value in [json!({}), json!("x"), json!("")] {
        let table =
            refusals.map(|(name, code)| (name, good().claim(name, value.clone()), Err(code)));
        hold("other kinds", &verifier(), table.into()).await;
    }
    // `null` is absent for `cnf` and `act` only.
    for (name, code) in refusals {
        let expected = match name {
            "cnf" | "act" => Ok(()),
            _ => Err(code),
        };
        let token = good().claim(name, Value::Null).token();
        assert_eq!(judged(&verifier(), &token).await, expected, "{name}");
    }
}

/// Rules 60, 61, 68.
///
/// `typ`, and the strict mode of RFC 9068 with its whole set of claims (rule 68).
#[tokio::test]
async fn strict_rfc9068_requires_typ_and_all_claims() {
    let lenient = build(trust());
    let (strict_issuer, trusted) = generic();
    let strict = build(trusted.require_rfc9068());
    let at = || strict_issuer.org("org_a");
    for (typ, lenient_says, strict_says) in [
        (json!("JWT"), Ok(()), Err("invalid_type")),
        (json!("jwt"), Ok(()), Err("invalid_type")),
        (json!("at+jwt"), Ok(()), Ok(())),
        (json!("AT+JWT"), Ok(()), Ok(())),
        (json!("application/at+jwt"), Ok(()), Ok(())),
        (
            json!("logout+jwt"),
            Err("invalid_type"),
            Err("invalid_type"),
        ),
        (json!("dpop+jwt"), Err("invalid_type"), Err("invalid_type")),
        (
            json!("secevent+jwt"),
            Err("invalid_type"),
            Err("invalid_type"),
        ),
        (json!(""), Err("invalid_type"), Err("invalid_type")),
        (
            json!(7),
            Err("invalid_header_parameter"),
            Err("invalid_header_parameter"),
        ),
    ] {
        assert_eq!(
            judged(&lenient, &good().header("typ", typ.clone()).token()).await,
            lenient_says,
            "lenient {typ}"
        );
        assert_eq!(
            judged(&strict, &at().header("typ", typ.clone()).token()).await,
            strict_says,
            "strict {typ}"
        );
    }
    assert_eq!(
        judged(&lenient, &good().without_header("typ").token()).await,
        Ok(())
    );
    assert_eq!(
        judged(&strict, &at().without_header("typ").token()).await,
        Err("invalid_type")
    );
    for claim in ["exp", "aud", "sub", "client_id", "iat", "jti"] {
        assert_eq!(
            judged(&strict, &at().without(claim).token()).await,
            Err("missing_claim"),
            "{claim}"
        );
        for odd in [json!(null), json!([]), json!({}), json!("")] {
            let refusal = judged(&strict, &at().claim(claim, odd.clone()).token()).await;
            assert!(refusal.is_err(), "{claim} {odd}");
        }
    }
    assert_eq!(
        judged(&strict, &at().without("iss").token()).await,
        Err("untrusted_issuer")
    );
}

#[tokio::test]
async fn client_id_comes_only_from_the_claim_of_the_profile() {
    let kinde = build(trust());
    let table = vec![
        ("azp", good(), Ok(())),
        (
            "client_id does not stand in",
            good().without("azp").claim("client_id", "c"),
            Err("missing_claim"),
        ),
        ("a number", good().claim("azp", 7), Err("malformed_claim")),
        ("empty", good().claim("azp", ""), Err("malformed_claim")),
        (
            "a line break",
            good().claim("azp", "a\nb"),
            Err("malformed_claim"),
        ),
        ("512 bytes", good().claim("azp", "c".repeat(512)), Ok(())),
        (
            "513 bytes",
            good().claim("azp", "c".repeat(513)),
            Err("malformed_claim"),
        ),
    ];
    hold("Kinde", &kinde, table).await;
    let (issuer, trusted) = generic();
    let generic = build(trusted);
    let both = issuer.org("org_a").claim("azp", "other");
    assert_eq!(
        generic.verify(&both.token()).await.unwrap().client_id(),
        tower_m2m::testing::CLIENT_ID
    );
    let azp = both.without("client_id");
    assert_eq!(
        generic.verify(&azp.token()).await.unwrap().client_id(),
        "other"
    );
    let malformed = azp.claim("client_id", 7).token();
    assert_eq!(judged(&generic, &malformed).await, Err("malformed_claim"));
    let cid = build(trust().client_id_claim("cid"));
    assert_eq!(
        cid.verify(&good().claim("cid", "c1").token())
            .await
            .unwrap()
            .client_id(),
        "c1"
    );
}

/// Rules 75, 156.
///
/// The organization in every place. If the claim is malformed, the token is rejected and not
/// treated as global.
#[tokio::test]
async fn malformed_organization_is_never_ignored() {
    let nested = build(trust().organization_claim("/app/org/v"));
    let at = |value: Value| good().without("org_code").claim("app", value);
    for (shape, expected) in [
        (json!({ "org": { "v": "org_n" } }), Ok(Some("org_n"))),
        (json!({ "org": {} }), Err("invalid_organization")),
        (json!({}), Err("invalid_organization")),
        (json!({ "org": "org_n" }), Err("invalid_organization")),
        (json!({ "org": ["org_n"] }), Err("invalid_organization")),
        (json!({ "org": null }), Err("invalid_organization")),
        (json!("x"), Err("invalid_organization")),
        (json!(null), Err("invalid_organization")),
        (
            json!([{ "org": { "v": "org_n" } }]),
            Err("invalid_organization"),
        ),
        (json!({ "org": { "v": null } }), Err("invalid_organization")),
        (json!({ "org": { "v": "" } }), Err("invalid_organization")),
        (
            json!({ "org": { "v": ["org_n"] } }),
            Err("invalid_organization"),
        ),
    ] {
        let claims = nested.verify(&at(shape.clone()).token()).await;
        let org = claims
            .as_ref()
            .map(|claims| claims.org_code().map(tower_m2m::OrgCode::as_str))
            .map_err(Rejection::code);
        assert_eq!(org, expected, "{shape}");
    }
    // There is no fallback to the usual claim.
    let claims = nested.verify(&good().token()).await.unwrap();
    assert!(claims.is_global());
    let verifier = build(trust());
    for odd in [
        json!(null),
        json!(""),
        json!(" "),
        json!("a b"),
        json!(7),
        json!(["org_a"]),
        json!("o".repeat(129)),
        json!("org_a\u{200b}"),
    ] {
        assert_eq!(
            judged(&verifier, &good().claim("org_code", odd.clone()).token()).await,
            Err("invalid_organization"),
            "{odd}"
        );
    }
}

/// Rule 71.
///
/// `scope` has the granted scopes. `scp` counts only if `scope` is absent.
#[tokio::test]
async fn scopes_are_read_from_one_claim() {
    let verifier = build(trust());
    let token = || good().without("scope");
    for (token, expected) in [
        (
            token().claim("scope", "a b").claim("scp", json!(["c"])),
            Ok("a b"),
        ),
        (
            token().claim("scope", "").claim("scp", json!(["c"])),
            Ok(""),
        ),
        (token().claim("scp", json!(["c", "d"])), Ok("c d")),
        (token().claim("scp", "c d"), Ok("c d")),
        (
            token()
                .claim("scope", json!(["a"]))
                .claim("scp", json!(["c"])),
            Ok("a"),
        ),
        (token().without("scp"), Ok("")),
        (
            token()
                .claim("scope", Value::Null)
                .claim("scp", json!(["c"])),
            Ok(""),
        ),
        (
            token().claim("scope", 7).claim("scp", json!(["c"])),
            Err("malformed_claim"),
        ),
        (token().claim("scope", json!(["a b"])), Ok("")),
        (token().claim("scope", json!(["a", 7])), Ok("a")),
        (token().claim("scope", json!([""])), Ok("")),
        (token().claim("scope", "a\tb"), Err("malformed_claim")),
        (token().claim("scope", "a\"b"), Err("malformed_claim")),
    ] {
        let claims = verifier.verify(&token.token()).await;
        let scopes = claims
            .as_ref()
            .map(|claims| claims.scopes().as_str())
            .map_err(Rejection::code);
        assert_eq!(scopes, expected, "{}", token.payload_json());
    }
    let roles = build(trust().scope_claim("/realm_access/roles"));
    let claims = roles
        .verify(
            &good()
                .claim("realm_access", json!({ "roles": ["admin"] }))
                .token(),
        )
        .await
        .unwrap();
    assert_eq!(claims.scopes().as_str(), "admin");
}

#[tokio::test]
async fn allow_lists_apply_to_cached_tokens() {
    let verifier = build(trust().allow_organizations(["org_a"]).allow_clients(["c1"]));
    let c1 = || good().client("c1");
    let table = vec![
        ("both allowed", c1(), Ok(())),
        (
            "another organization",
            c1().org("org_b"),
            Err("organization_not_allowed"),
        ),
        (
            "another client",
            good().client("c2"),
            Err("client_not_allowed"),
        ),
        (
            "in upper case",
            good().client("C1"),
            Err("client_not_allowed"),
        ),
        (
            "a global token has no organization to compare",
            c1().without("org_code"),
            Ok(()),
        ),
    ];
    hold("allow lists", &verifier, table).await;
    let nobody = build(trust().allow_clients(Vec::<String>::new()));
    assert_eq!(
        judged(&nobody, &good().token()).await,
        Err("client_not_allowed")
    );
}

/// Rule 76.
///
/// The thread-local cache keeps tokens and verifiers apart.
#[tokio::test]
async fn cached_token_returns_its_own_claims() {
    let verifier = verifier();
    let tokens: Vec<_> = (0..40)
        .map(|at| (format!("c{at}"), good().client(format!("c{at}")).token()))
        .collect();
    for (client, token) in tokens.iter().chain(&tokens) {
        for _ in 0..5 {
            assert_eq!(verifier.verify(token).await.unwrap().client_id(), client);
        }
    }
    let elsewhere = build(
        Verifier::kinde("acme")
            .audience("https://elsewhere.example")
            .jwk_set(issuer().jwks()),
    );
    for (client, token) in &tokens {
        assert_eq!(verifier.verify(token).await.unwrap().client_id(), client);
        assert_eq!(judged(&elsewhere, token).await, Err("invalid_audience"));
    }
}

/// Rules 42–46.
///
/// If an algorithm is not allowed, the header cannot select it.
#[tokio::test]
async fn algorithm_that_is_not_allowed_is_rejected() {
    let verifier = build(trust());
    for (alg, expected) in [
        ("RS256", Ok(())),
        ("RS512", Err("algorithm_not_allowed")),
        ("PS256", Err("algorithm_not_allowed")),
        ("ES256", Err("algorithm_not_allowed")),
        ("EdDSA", Err("algorithm_not_allowed")),
        ("none", Err("unknown_algorithm")),
        ("None", Err("unknown_algorithm")),
        ("HS256", Err("unknown_algorithm")),
        ("rs256", Err("unknown_algorithm")),
        ("ES256K", Err("unknown_algorithm")),
        ("", Err("unknown_algorithm")),
    ] {
        assert_eq!(
            judged(&verifier, &good().header("alg", alg).token()).await,
            expected,
            "{alg:?}"
        );
    }
    // A key is bound to one algorithm, even if the issuer may use both.
    let both = build(trust().algorithms([Algorithm::RS256, Algorithm::PS256]));
    assert_eq!(
        judged(&both, &good().header("alg", "PS256").token()).await,
        Err("unknown_key")
    );
}

/// Rules 54, 72.
///
/// Two issuers are two namespaces. A key of one does not verify tokens of the other.
#[tokio::test]
async fn issuer_cannot_sign_tokens_of_another_issuer() {
    let (other, trusted) = generic();
    let verifier = Verifier::builder([trust(), trusted])
        .clock(tower_m2m::Clock::manual(NOW))
        .build()
        .unwrap();
    let (a, b) = (
        verifier.verify(&good().token()).await.unwrap(),
        verifier.verify(&other.org("org_a").token()).await.unwrap(),
    );
    assert_ne!(a.org_code(), b.org_code());
    let crossed = other
        .org("org_a")
        .claim("iss", issuer().url())
        .claim("gty", "client_credentials")
        .claim("azp", "c");
    assert_eq!(
        judged(&verifier, &crossed.token()).await,
        Err("algorithm_not_allowed")
    );
    let crossed = good().claim("iss", other.url()).claim("client_id", "c");
    assert_eq!(
        judged(&verifier, &crossed.token()).await,
        Err("unknown_key")
    );
    let crossed = crossed.header("kid", other.signing_key().kid());
    assert_eq!(
        judged(&verifier, &crossed.token()).await,
        Err("unknown_key")
    );
}

/// Rule 78.
///
/// The signature is checked before the claims.
#[tokio::test]
async fn invalid_signature_is_reported_before_claims() {
    let verifier = build(trust());
    let broken = good()
        .audience("https://other.example.com")
        .expired_by(Duration::from_secs(99))
        .token();
    let broken = format!("{}AAAA", &broken[..broken.len() - 4]);
    assert_eq!(
        verifier.verify(&broken).await.unwrap_err(),
        Rejection::InvalidToken(tower_m2m::token::TokenError::InvalidSignature)
    );
}

#[tokio::test]
async fn verifier_without_layer_limits_token_size() {
    let verifier = Verifier::builder([trust()])
        .clock(tower_m2m::Clock::manual(NOW))
        .max_token_bytes(256)
        .build()
        .unwrap();
    assert_eq!(
        judged(&verifier, &"a".repeat(257)).await,
        Err("token_too_long")
    );
    assert_eq!(
        judged(&verifier, &"a".repeat(256)).await,
        Err("not_three_segments")
    );
    for text in ["", ".", "..", "...", "a.b", "\u{e9}.b.c", "a b.c.d", "{}"] {
        assert!(judged(&verifier, text).await.is_err(), "{text}");
    }
}

/// Tokens of Kinde's shape from an issuer with another name.
#[tokio::test]
async fn profile_works_with_any_issuer() {
    let custom = LocalIssuer::builder()
        .clock(tower_m2m::Clock::manual(NOW))
        .in_process("https://auth.acme.com/")
        .unwrap();
    let trusted = || {
        Verifier::issuer("https://auth.acme.com/")
            .audience(AUDIENCE)
            .jwk_set(custom.jwks())
    };
    let kinde = build(trusted().profile(Profile::KINDE));
    assert_eq!(judged(&kinde, &custom.org("org_a").token()).await, Ok(()));
    assert_eq!(
        judged(&kinde, &custom.user("kp_1").token()).await,
        Err("wrong_grant_type")
    );
    assert_eq!(
        judged(
            &build(trusted()),
            &custom.user("kp_1").claim("azp", "c").token()
        )
        .await,
        Ok(())
    );
}

/// The cache is limited in bytes too. If tokens are large, it holds fewer.
#[tokio::test]
async fn token_cache_is_bounded_in_bytes() {
    let verifier = Verifier::builder([trust()])
        .clock(tower_m2m::Clock::manual(NOW))
        .token_cache(1_000, 64 * 1024);
    let verifier = verifier.build().unwrap();
    for number in 0..20 {
        let token = good()
            .claim("jti", format!("t{number}"))
            .claim("padding", "x".repeat(4_000));
        assert_eq!(judged(&verifier, &token.token()).await, Ok(()));
    }
    assert!(
        (2..=5).contains(&verifier.cached_tokens()),
        "{}",
        verifier.cached_tokens()
    );
}
