//! Conditions that tell machine tokens from user tokens, with the shapes that issuers document.

use serde_json::{Value, json};
use tower_m2m::testing::{AUDIENCE, LocalIssuer, TokenBuilder};
use tower_m2m::token::TokenError;
use tower_m2m::{ClaimCondition, Config, Issuer, Rejection, Verifier};

const ISSUER: &str = "https://issuer.example";

fn issuer() -> LocalIssuer {
    LocalIssuer::in_process(ISSUER).unwrap()
}

/// A token with these claims, and none of those that only Kinde writes. `null` removes a claim.
fn token(issuer: &LocalIssuer, claims: &Value) -> TokenBuilder {
    let bare = ["azp", "gty", "scope", "scp", "v", "sub", "client_id"]
        .iter()
        .fold(issuer.global(), |token, claim| token.without(claim));
    let Value::Object(claims) = claims else {
        return bare;
    };
    claims.iter().fold(bare, |token, (name, value)| {
        token.claim(name, value.clone())
    })
}

struct ProductShape {
    product: &'static str,
    /// The same condition in code and in a file.
    require: fn(Issuer) -> Issuer,
    config: Value,
    machine: Value,
    users: Vec<Value>,
}

#[allow(clippy::too_many_lines, reason = "one row for each product")]
fn rows() -> Vec<ProductShape> {
    let mut rows = rows_of_subjects();
    rows.extend(rows_of_other_claims());
    rows
}

/// The rows that compare the subject with the client, or require that it is absent.
fn rows_of_subjects() -> Vec<ProductShape> {
    let client = "c1";
    vec![
        ProductShape {
            product: "Duende IdentityServer",
            require: |issuer| issuer.require_claim("/sub", ClaimCondition::absent()),
            config: json!({ "require_claim": { "/sub": { "condition": "absent" } } }),
            machine: json!({ "client_id": client }),
            users: vec![
                json!({ "client_id": client, "sub": "u1" }),
                json!({ "client_id": client, "sub": null }),
                json!({ "client_id": client, "sub": "" }),
            ],
        },
        ProductShape {
            product: "PingOne",
            require: |issuer| issuer.require_claim("/sub", ClaimCondition::absent()),
            config: json!({ "require_claim": { "/sub": { "condition": "absent" } } }),
            machine: json!({ "client_id": client, "env": "e1", "org": "o1", "p1.rid": "r1", "scope": "agent" }),
            users: vec![
                json!({
                    "client_id": client, "env": "e1", "org": "o1", "p1.rid": "r1", "scope": "agent",
                    "sub": "u1", "sid": "s1", "acr": "Login", "may_act": { "sub": client },
                }),
                json!({ "client_id": client, "env": "e1", "org": "o1", "sub": client }),
                json!({ "client_id": client, "env": "e1", "org": "o1", "sub": null }),
            ],
        },
        ProductShape {
            product: "OpenIddict",
            require: |issuer| issuer.require_claim("/sub", ClaimCondition::absent()),
            config: json!({ "require_claim": { "/sub": { "condition": "absent" } } }),
            machine: json!({ "client_id": client, "oi_prst": client, "oi_tkn_id": "t1", "scope": "Orders" }),
            users: vec![
                json!({ "client_id": client, "oi_prst": client, "oi_au_id": "a1", "oi_tkn_id": "t1", "sub": "u1" }),
                json!({ "client_id": client, "oi_prst": client, "sub": "" }),
            ],
        },
        ProductShape {
            product: "Curity",
            require: |issuer| issuer.require_claim("/sub", ClaimCondition::client()),
            config: json!({ "require_claim": { "/sub": { "condition": "client" } } }),
            machine: json!({ "client_id": client, "sub": client, "purpose": "access_token", "delegationId": "d1" }),
            users: vec![
                json!({ "client_id": client, "sub": "u1", "purpose": "access_token", "delegationId": "d1" }),
                json!({ "client_id": client, "purpose": "access_token" }),
                json!({ "client_id": client, "sub": [client], "purpose": "access_token" }),
            ],
        },
        ProductShape {
            product: "Logto",
            require: |issuer| issuer.require_claim("/sub", ClaimCondition::client()),
            config: json!({ "require_claim": { "/sub": { "condition": "client" } } }),
            machine: json!({ "client_id": client, "sub": client }),
            users: vec![
                json!({ "client_id": client, "sub": "u1" }),
                json!({ "client_id": client }),
                json!({ "client_id": client, "sub": null }),
            ],
        },
    ]
}

/// The other rows of the guide's table.
fn rows_of_other_claims() -> Vec<ProductShape> {
    let client = "c1";
    vec![
        ProductShape {
            product: "Google service accounts",
            require: |issuer| issuer.require_claim("/azp", ClaimCondition::same_as("/sub")),
            config: json!({ "require_claim": { "/azp": { "same_as": "/sub" } } }),
            machine: json!({ "azp": "1150", "sub": "1150" }),
            users: vec![
                json!({ "azp": "1150", "sub": "2260" }),
                json!({ "azp": "1150" }),
                json!({ "azp": "1150", "sub": null }),
            ],
        },
        ProductShape {
            product: "Microsoft Entra ID without `idtyp`",
            require: |issuer| issuer.require_claim("/oid", ClaimCondition::same_as("/sub")),
            config: json!({ "require_claim": { "/oid": { "same_as": "/sub" } } }),
            machine: json!({ "azp": client, "oid": "o1", "sub": "o1" }),
            users: vec![
                json!({ "azp": client, "oid": "o1", "sub": "s1" }),
                json!({ "azp": client, "sub": "s1" }),
                json!({ "azp": client, "oid": null, "sub": null }),
            ],
        },
        ProductShape {
            product: "Kubernetes service accounts",
            require: |issuer| {
                issuer.client_id_claim("sub").require_claim(
                    "/sub",
                    ClaimCondition::starts_with("system:serviceaccount:"),
                )
            },
            config: json!({
                "client_id_claim": "sub",
                "require_claim": { "/sub": { "starts_with": "system:serviceaccount:" } },
            }),
            machine: json!({ "sub": "system:serviceaccount:default:api" }),
            users: vec![json!({ "sub": "system:node:n1" }), json!({ "sub": "u1" })],
        },
        ProductShape {
            product: "CircleCI",
            require: |issuer| {
                issuer
                    .client_id_claim("sub")
                    .require_claim("/oidc.circleci.com~1ssh-rerun", ClaimCondition::is_false())
            },
            config: json!({
                "client_id_claim": "sub",
                "require_claim": { "/oidc.circleci.com~1ssh-rerun": false },
            }),
            machine: json!({ "sub": "org/1/project/2/user/3", "oidc.circleci.com/ssh-rerun": false }),
            users: vec![
                json!({ "sub": "org/1/project/2/user/3", "oidc.circleci.com/ssh-rerun": true }),
                json!({ "sub": "org/1/project/2/user/3", "oidc.circleci.com/ssh-rerun": "false" }),
                json!({ "sub": "org/1/project/2/user/3", "oidc.circleci.com/ssh-rerun": null }),
                json!({ "sub": "org/1/project/2/user/3" }),
            ],
        },
    ]
}

/// Each product of the guide's table has a shape here, and the guide writes the same condition for
/// a file.
#[test]
fn guide_has_a_row_for_each_product() {
    let guide = include_str!("../../src/guide/issuers.md");
    let (_, table) = guide.split_once("| in code | in a file |\n").unwrap();
    let lines = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let mut listed = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [products, _, _, in_file] = cells[..] else {
            panic!("{line}");
        };
        let toml = in_file.trim_matches('`');
        for product in products.split(", ") {
            listed.push(product);
            if product == "FusionAuth" {
                continue;
            }
            let row = rows().into_iter().find(|row| row.product == product);
            let row = row.unwrap_or_else(|| panic!("{product} has no shape"));
            let written: Value = toml::from_str(toml).unwrap();
            assert_eq!(written, row.config["require_claim"], "{product}");
        }
    }
    listed.sort_unstable();
    let mut expected: Vec<&str> = rows().iter().map(|row| row.product).collect();
    expected.push("FusionAuth");
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

/// The claims of one row.
async fn outcomes(verifier: &Verifier, tokens: &[TokenBuilder]) -> Vec<Result<(), Rejection>> {
    let mut outcomes = Vec::new();
    for token in tokens {
        outcomes.push(verifier.verify(&token.token()).await.map(|_| ()));
    }
    outcomes
}

#[tokio::test]
async fn each_documented_shape_is_told_from_a_user() {
    let local = issuer();
    for row in rows() {
        let product = row.product;
        let base = Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .jwk_set(local.jwks());
        let in_code = (row.require)(base).build().unwrap();
        let mut config = row.config.clone();
        config["issuer"] = ISSUER.into();
        config["audience"] = AUDIENCE.into();
        config["jwk_set"] = local.jwks().into();
        let config: Config = serde_json::from_value(json!({ "issuers": [config] })).unwrap();
        let in_file = config.build().unwrap();
        assert!(in_code.weak_settings().is_empty(), "{product}");
        let users: Vec<TokenBuilder> = row
            .users
            .iter()
            .map(|claims| token(&local, claims))
            .collect();
        for verifier in [&in_code, &in_file] {
            let machine = token(&local, &row.machine).token();
            let verified = verifier.verify(&machine).await.map(|_| ());
            assert_eq!(verified, Ok(()), "{product}");
            for outcome in outcomes(verifier, &users).await {
                assert!(
                    matches!(
                        outcome,
                        Err(Rejection::InvalidClaims(
                            TokenError::WrongGrantType | TokenError::MalformedClaim("sub")
                        ))
                    ),
                    "{product}: {outcome:?}"
                );
            }
        }
    }
}

/// `FusionAuth` writes the grant type into the header.
#[tokio::test]
async fn header_member_tells_machines_from_users() {
    let local = issuer();
    let good = token(&local, &json!({ "client_id": "c1" }));
    let base = || {
        Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .jwk_set(local.jwks())
    };
    let in_code = base()
        .require_header("/gty", "client_credentials")
        .build()
        .unwrap();
    let config = json!({ "issuers": [{
        "issuer": ISSUER, "audience": AUDIENCE, "jwk_set": local.jwks(),
        "require_header": { "/gty": "client_credentials" },
    }] });
    let in_file = serde_json::from_value::<Config>(config)
        .unwrap()
        .build()
        .unwrap();
    for verifier in [in_code, in_file] {
        for (gty, expected) in [
            (json!(["client_credentials"]), true),
            (json!("client_credentials"), true),
            (json!(["authorization_code"]), false),
            (json!(null), false),
            (json!([]), false),
        ] {
            let token = good.clone().header("gty", gty.clone()).token();
            assert_eq!(verifier.verify(&token).await.is_ok(), expected, "{gty}");
        }
        assert!(verifier.verify(&good.token()).await.is_err());
        // The claim of the same name is another thing.
        let in_claims = good.clone().claim("gty", "client_credentials").token();
        assert!(verifier.verify(&in_claims).await.is_err());
        let explanation = verifier.explain(&good.token()).await.to_string();
        assert!(explanation.contains("header /gty is or contains client_credentials"));
    }
    // Without the signature, the header says nothing.
    let other = LocalIssuer::in_process(ISSUER).unwrap();
    let forged = token(&other, &json!({ "client_id": "c1" })).header("gty", "client_credentials");
    let verifier = base()
        .require_header("/gty", "client_credentials")
        .build()
        .unwrap();
    assert!(matches!(
        verifier.verify(&forged.token()).await,
        Err(Rejection::InvalidToken(_))
    ));
}

/// Conditions beside the rows above, and what each does with `null`.
#[tokio::test]
async fn null_satisfies_no_condition() {
    let local = issuer();
    for condition in [
        ClaimCondition::is("x"),
        ClaimCondition::is_or_absent("x"),
        ClaimCondition::absent(),
        ClaimCondition::starts_with("x"),
        ClaimCondition::client(),
        ClaimCondition::same_as("/mark"),
        ClaimCondition::is_true(),
        ClaimCondition::is_false(),
    ] {
        let verifier = Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .jwk_set(local.jwks())
            .require_claim("/mark", condition.clone())
            .build()
            .unwrap();
        let token = token(&local, &json!({ "client_id": "c1", "mark": null })).token();
        let outcome = verifier.verify(&token).await.map(|_| ());
        let expected = Err(Rejection::InvalidClaims(TokenError::WrongGrantType));
        assert_eq!(outcome, expected, "{condition:?}");
    }
    let verifier = Verifier::issuer(ISSUER)
        .audience(AUDIENCE)
        .jwk_set(local.jwks())
        .require_claim("/kind", ClaimCondition::is_or_absent("service"))
        .require_claim("/interactive", ClaimCondition::is_true())
        .build()
        .unwrap();
    for (claims, expected) in [
        (json!({ "client_id": "c1", "interactive": true }), true),
        (
            json!({ "client_id": "c1", "interactive": true, "kind": ["service"] }),
            true,
        ),
        (
            json!({ "client_id": "c1", "interactive": true, "kind": "user" }),
            false,
        ),
        (json!({ "client_id": "c1", "interactive": 1 }), false),
    ] {
        let token = token(&local, &claims).token();
        assert_eq!(verifier.verify(&token).await.is_ok(), expected, "{claims}");
    }
}

/// An empty string identifies no one, so two of them are not the same client or user.
#[tokio::test]
async fn empty_strings_are_never_the_same() {
    let local = issuer();
    let build = |condition| {
        let issuer = Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .jwk_set(local.jwks());
        issuer.require_claim("/sub", condition).build().unwrap()
    };
    for condition in [ClaimCondition::same_as("/azp"), ClaimCondition::client()] {
        let verifier = build(condition.clone());
        for (claims, expected) in [
            (json!({ "client_id": "c1", "sub": "c1", "azp": "c1" }), true),
            (json!({ "client_id": "c1", "sub": "", "azp": "" }), false),
            (json!({ "client_id": "", "sub": "", "azp": "" }), false),
            (json!({ "client_id": "c1", "azp": "" }), false),
            (
                json!({ "client_id": "c1", "sub": [""], "azp": [""] }),
                false,
            ),
        ] {
            let token = token(&local, &claims).token();
            let outcome = verifier.verify(&token).await;
            assert_eq!(outcome.is_ok(), expected, "{condition:?}: {claims}");
        }
    }
}

#[test]
fn conditions_that_can_never_hold_are_errors() {
    let issuer = || Verifier::issuer(ISSUER).audience(AUDIENCE);
    for (issuer, setting) in [
        (
            issuer().require_claim("/sub", ClaimCondition::starts_with("")),
            "require_claim",
        ),
        (
            issuer().require_header("/kid", ClaimCondition::starts_with("")),
            "require_header",
        ),
        (
            issuer().require_claim("/azp", ClaimCondition::same_as("sub")),
            "require_claim",
        ),
        (
            issuer().require_claim("/azp", ClaimCondition::same_as("/nonce")),
            "require_claim",
        ),
        (issuer().require_header("gty", "x"), "require_header"),
        (issuer().require_header("/a~b", "x"), "require_header"),
    ] {
        assert_eq!(issuer.build().unwrap_err().setting(), setting);
    }
    for condition in [
        json!({ "starts_with": "a", "same_as": "/b" }),
        json!({ "condition": "present" }),
        json!({ "begins_with": "a" }),
        json!({}),
        json!(7),
        json!(["a"]),
    ] {
        let config = json!({ "issuers": [{
            "issuer": ISSUER, "audience": AUDIENCE, "require_claim": { "/a": condition },
        }] });
        let error = serde_json::from_value::<Config>(config)
            .unwrap_err()
            .to_string();
        let expected = "issuers[0].require_claim: ";
        assert!(error.starts_with(expected), "{condition}: {error}");
    }
}
