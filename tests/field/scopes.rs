//! Scopes from roles: arrays with entries that are no scopes.

use serde_json::{Value, json};
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm};
use tower_m2m::{Scope, Verifier};

use super::support::{ISSUER, build, jwks, key, token, verify};

/// Keycloak's realm roles and Entra's roles: names with spaces, umlauts and quotation marks beside
/// those that are scopes.
#[tokio::test]
async fn roles_that_are_no_scopes_are_ignored_and_explained() {
    let key = key(SigningAlgorithm::EdDsa);
    let verifier = build(
        Verifier::issuer(ISSUER)
            .audience(AUDIENCE)
            .scope_claim("/realm_access/roles")
            .jwk_set(jwks(&[key.public_jwk()])),
    );
    for (roles, scopes, explained) in [
        (
            json!(["invoice-reader", "Invoice Auditor"]),
            "invoice-reader",
            Some("1 (has a space)"),
        ),
        (
            json!(["Käufer", "invoice-reader"]),
            "invoice-reader",
            Some("0 (has a character that no scope has)"),
        ),
        (
            json!(["a\"b", "invoice-reader", ""]),
            "invoice-reader",
            Some("0 (has a character that no scope has), 2 (empty)"),
        ),
        (
            json!(["a\\b", 7, null]),
            "",
            Some("0 (has a character that no scope has), 1 (a number), 2 (null)"),
        ),
        (json!(["admin invoice-reader"]), "", Some("0 (has a space)")),
        (
            json!(["admin\tx", "admin\n", " admin", "admin "]),
            "",
            Some("0 (has a character that no scope has)"),
        ),
        (
            json!(vec!["a b"; 12]),
            "",
            Some("7 (has a space), and 4 more"),
        ),
        (json!(["invoice-reader"]), "invoice-reader", None),
    ] {
        let token = token(&key, &json!({ "realm_access": { "roles": roles } }));
        let claims = verify(&verifier, &token).unwrap();
        assert_eq!(claims.scopes().as_str(), scopes, "{roles}");
        assert!(
            !claims.scopes().contains(&Scope::from_static("admin")),
            "{roles}"
        );
        let explanation = verifier.explain(&token).await;
        let check = explanation
            .checks()
            .iter()
            .find(|check| check.name() == "scope");
        let found = check.unwrap().found();
        match explained {
            Some(explained) => assert!(found.contains(explained), "{found}"),
            None => assert!(!found.contains("ignored"), "{found}"),
        }
        for role in roles.as_array().unwrap().iter().filter_map(Value::as_str) {
            assert!(
                role.is_empty() || !found.contains(role),
                "a value is shown: {found}"
            );
        }
    }
}
