//! Each profile accepts a machine token in the shape that the issuer documents, and rejects a user
//! token of the same issuer.

use std::sync::LazyLock;

use serde_json::{Value, json};
use tower_m2m::testing::{LocalIssuer, TokenBuilder};
use tower_m2m::token::TokenError;
use tower_m2m::{Claims, OrgCode, Profile, Rejection, Verifier};

const API: &str = "https://api.acme.com";

/// Creates a token of exactly these claims. Of the registered claims, it keeps only those of the
/// test utilities that every issuer sets.
fn token(issuer: &NamedIssuer, typ: Option<&str>, claims: Value) -> TokenBuilder {
    let bare = ["azp", "gty", "scope", "scp", "v"]
        .iter()
        .fold(issuer.global(), |token, claim| token.without(claim));
    let bare = match typ {
        Some(typ) => bare.header("typ", typ),
        None => bare.without_header("typ"),
    };
    let Value::Object(claims) = claims else {
        panic!("an object is needed")
    };
    claims
        .into_iter()
        .fold(bare.claim("aud", API), |token, (name, value)| {
            if value.is_null() {
                token.without(&name)
            } else {
                token.claim(name, value)
            }
        })
}

/// An issuer with a name. All share one key, because its creation takes time.
struct NamedIssuer {
    local: &'static LocalIssuer,
    url: &'static str,
}

impl NamedIssuer {
    fn url(&self) -> &'static str {
        self.url
    }

    fn jwks(&self) -> String {
        self.local.jwks()
    }

    fn global(&self) -> TokenBuilder {
        self.local.global().claim("iss", self.url)
    }
}

fn issuer(url: &'static str) -> NamedIssuer {
    static LOCAL: LazyLock<LocalIssuer> =
        LazyLock::new(|| LocalIssuer::in_process("https://issuer.example").unwrap());
    NamedIssuer { local: &LOCAL, url }
}

fn verifier(issuer: &NamedIssuer, profile: &Profile) -> Verifier {
    Verifier::issuer(issuer.url())
        .audience(API)
        .profile(profile.clone())
        .jwk_set(issuer.jwks())
        .build()
        .unwrap()
}

async fn verify(
    issuer: &NamedIssuer,
    profile: &Profile,
    typ: Option<&str>,
    claims: Value,
) -> Result<Claims, Rejection> {
    verifier(issuer, profile)
        .verify(&token(issuer, typ, claims).token())
        .await
}

/// The shapes of one issuer.
struct Shape {
    profile: Profile,
    issuer: &'static str,
    typ: Option<&'static str>,
    machine: Value,
    client: &'static str,
    org: Option<&'static str>,
    scopes: &'static [&'static str],
    /// Changes that make the token a user token. `null` removes a claim.
    others: Vec<Value>,
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn shapes() -> Vec<Shape> {
    let auth0 = "https://acme.auth0.com/";
    let entra = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
    vec![
        Shape {
            profile: Profile::KINDE,
            issuer: "https://acme.kinde.com",
            typ: Some("JWT"),
            machine: json!({ "azp": "d4d3", "gty": ["client_credentials"], "scope": "a:b c", "scp": [], "org_code": "org_ba4a", "v": "2", "aud": [API] }),
            client: "d4d3",
            org: Some("org_ba4a"),
            scopes: &["a:b", "c"],
            others: vec![
                json!({ "gty": null, "sub": "kp_1" }),
                json!({ "gty": ["authorization_code"] }),
            ],
        },
        Shape {
            profile: Profile::GENERIC,
            issuer: "https://issuer.example",
            typ: Some("at+jwt"),
            machine: json!({ "client_id": "svc", "sub": "svc", "scope": "read", "org_code": "org_1" }),
            client: "svc",
            org: Some("org_1"),
            scopes: &["read"],
            others: vec![],
        },
        Shape {
            profile: Profile::AUTH0,
            issuer: auth0,
            typ: Some("JWT"),
            machine: json!({ "azp": "AbC", "sub": "AbC@clients", "gty": "client-credentials", "scope": "read:x", "org_id": "org_9ybsU1dN2dKfDkBi", "permissions": ["read:x"] }),
            client: "AbC",
            org: Some("org_9ybsU1dN2dKfDkBi"),
            scopes: &["read:x"],
            others: vec![
                json!({ "sub": "auth0|507f", "gty": null }),
                json!({ "gty": "password" }),
                // A user ID that only ends like a machine's.
                json!({ "sub": "auth0|x@clients", "gty": null }),
                json!({ "azp": null }),
            ],
        },
        Shape {
            profile: Profile::AUTH0,
            issuer: auth0,
            typ: Some("at+jwt"),
            machine: json!({ "client_id": "AbC", "sub": "AbC@clients", "scope": "read:x write:x" }),
            client: "AbC",
            org: None,
            scopes: &["read:x", "write:x"],
            others: vec![json!({ "sub": "auth0|507f" })],
        },
        Shape {
            profile: Profile::OKTA,
            issuer: "https://acme.okta.com/oauth2/default",
            typ: None,
            machine: json!({ "ver": 1, "cid": "0oa5", "sub": "0oa5", "scp": ["read", "write"] }),
            client: "0oa5",
            org: None,
            scopes: &["read", "write"],
            others: vec![
                json!({ "uid": "00u1", "sub": "ada@acme.com" }),
                json!({ "uid": "00u1" }),
                json!({ "sub": "ada@acme.com" }),
            ],
        },
        Shape {
            profile: Profile::ENTRA,
            issuer: entra,
            typ: Some("JWT"),
            machine: json!({ "ver": "2.0", "azp": "6e74172b", "azpacr": "1", "idtyp": "app", "oid": "0a0a", "sub": "0a0a", "tid": "9188040d-6c67-4c5b-b112-36a304b66dad", "roles": ["Invoices.Read", "Invoices.Write"] }),
            client: "6e74172b",
            org: Some("9188040d-6c67-4c5b-b112-36a304b66dad"),
            scopes: &["Invoices.Read", "Invoices.Write"],
            others: vec![
                json!({ "idtyp": null }),
                json!({ "idtyp": "user" }),
                json!({ "scp": "access_as_user" }),
            ],
        },
        Shape {
            profile: Profile::KEYCLOAK,
            issuer: "https://keycloak.acme.com/realms/acme",
            typ: Some("JWT"),
            machine: json!({ "azp": "svc", "client_id": "svc", "clientHost": "10.0.0.1", "sub": "f:1", "preferred_username": "service-account-svc", "scope": "invoices email", "realm_access": { "roles": ["x"] } }),
            client: "svc",
            org: None,
            scopes: &["invoices", "email"],
            others: vec![
                json!({ "client_id": null, "preferred_username": "ada" }),
                // A user with the name of a service account.
                json!({ "client_id": null }),
                json!({ "client_id": "other" }),
            ],
        },
        Shape {
            profile: Profile::WORKOS,
            issuer: "https://acme.authkit.app",
            typ: Some("JWT"),
            machine: json!({ "client_id": "client_01", "sub": "client_01", "org_id": "org_01HRDMC6", "scope": "read" }),
            client: "client_01",
            org: Some("org_01HRDMC6"),
            scopes: &["read"],
            others: vec![
                json!({ "sub": "user_01", "sid": "app_consent_01" }),
                json!({ "sid": "app_consent_01" }),
            ],
        },
        Shape {
            profile: Profile::HYDRA,
            issuer: "https://hydra.acme.com/",
            typ: Some("JWT"),
            machine: json!({ "client_id": "svc", "sub": "svc", "scp": ["read"], "ext": { "org_code": "org_1" }, "aud": [API] }),
            client: "svc",
            org: Some("org_1"),
            scopes: &["read"],
            others: vec![json!({ "sub": "ada" }), json!({ "sub": null })],
        },
        Shape {
            profile: Profile::ZITADEL,
            issuer: "https://acme.zitadel.cloud",
            typ: Some("JWT"),
            machine: json!({ "client_id": "svc", "sub": "2011", "aud": ["3344", API], "urn:zitadel:iam:user:resourceowner:id": "69629023906488334", "urn:zitadel:iam:org:project:roles": { "admin": { "69629023906488334": "acme" } } }),
            client: "svc",
            org: Some("69629023906488334"),
            scopes: &[],
            others: vec![],
        },
        Shape {
            profile: Profile::STYTCH,
            issuer: "https://login.acme.com",
            typ: Some("JWT"),
            machine: json!({ "sub": "m2m-client-live-d731", "scope": "read:orders write:orders", "aud": [API] }),
            client: "m2m-client-live-d731",
            org: None,
            scopes: &["read:orders", "write:orders"],
            others: vec![
                json!({ "sub": "user-live-1" }),
                json!({ "sub": "x-m2m-client-" }),
            ],
        },
        Shape {
            profile: Profile::CLERK,
            issuer: "https://acme.clerk.accounts.dev",
            typ: Some("JWT"),
            machine: json!({ "sub": "mch_2vYV", "scopes": "mch_1 mch_3", "aud": [API] }),
            client: "mch_2vYV",
            org: None,
            scopes: &["mch_1", "mch_3"],
            others: vec![json!({ "sub": "user_2vYV" })],
        },
        Shape {
            profile: Profile::SCALEKIT,
            issuer: "https://acme.scalekit.com",
            typ: Some("JWT"),
            machine: json!({ "client_id": "m2morg_68", "sub": "m2morg_68", "oid": "org_59615193906282635", "scopes": ["deploy:apps"], "aud": [API] }),
            client: "m2morg_68",
            org: Some("org_59615193906282635"),
            scopes: &["deploy:apps"],
            others: vec![json!({ "sub": "usr_1" })],
        },
    ]
}

#[tokio::test]
async fn each_profile_accepts_machine_tokens_of_its_issuer() {
    for shape in shapes()
        .into_iter()
        .filter(|shape| shape.profile.name() != "cognito")
    {
        let issuer = issuer(shape.issuer);
        let claims = verify(&issuer, &shape.profile, shape.typ, shape.machine).await;
        let claims =
            claims.unwrap_or_else(|rejection| panic!("{}: {rejection}", shape.profile.name()));
        assert_eq!(claims.client_id(), shape.client, "{}", shape.profile.name());
        assert_eq!(
            claims.org_code().map(OrgCode::as_str),
            shape.org,
            "{}",
            shape.profile.name()
        );
        let scopes: Vec<&str> = claims.scopes().iter().collect();
        assert_eq!(scopes, shape.scopes, "{}", shape.profile.name());
    }
}

#[tokio::test]
async fn each_profile_rejects_user_tokens() {
    for shape in shapes() {
        let issuer = issuer(shape.issuer);
        for change in shape.others {
            let Value::Object(change) = change else {
                panic!("an object is needed")
            };
            let mut claims = shape.machine.clone();
            claims.as_object_mut().unwrap().extend(change.clone());
            let refused = verify(&issuer, &shape.profile, shape.typ, claims).await;
            let expected = Rejection::InvalidClaims(TokenError::WrongGrantType);
            assert_eq!(
                refused.map(|_| ()),
                Err(expected),
                "{} {change:?}",
                shape.profile.name()
            );
        }
    }
}

/// Replaces each string that equals `old`, at any depth.
fn replace(value: &mut Value, old: &str, new: &Value) {
    match value {
        Value::String(string) if string == old => *value = new.clone(),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, old, new)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| replace(value, old, new)),
        _ => {}
    }
}

#[tokio::test]
async fn no_profile_treats_malformed_organization_as_absent() {
    for shape in shapes().into_iter().filter(|shape| shape.org.is_some()) {
        let issuer = issuer(shape.issuer);
        for odd in [
            json!(null),
            json!(7),
            json!(""),
            json!(["org_1"]),
            json!({ "id": "org_1" }),
        ] {
            let mut claims = shape.machine.clone();
            replace(&mut claims, shape.org.unwrap(), &odd);
            assert_ne!(claims, shape.machine, "{}", shape.profile.name());
            // `token` removes a claim that is `null`, so the test writes `null` directly.
            let token = token(&issuer, shape.typ, claims.clone());
            let nulls = claims
                .as_object()
                .unwrap()
                .iter()
                .filter(|(_, value)| value.is_null());
            let token = nulls.fold(token, |token, (name, _)| {
                token.claim(name.clone(), Value::Null)
            });
            let refused = verifier(&issuer, &shape.profile)
                .verify(&token.token())
                .await;
            let expected = Rejection::InvalidClaims(TokenError::InvalidOrganization);
            assert_eq!(
                refused.map(|_| ()),
                Err(expected),
                "{} {odd}",
                shape.profile.name()
            );
        }
    }
}

/// Cognito's tokens have no audience. They are rejected unless the audience check is waived. Then
/// the list of clients decides.
#[tokio::test]
async fn cognito_requires_audience_waiver_and_client_list() {
    let issuer = issuer("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example");
    let machine = json!({ "client_id": "1example", "sub": "1example", "token_use": "access", "scope": "invoices/read", "version": 2, "aud": null });
    let refused = verify(&issuer, &Profile::COGNITO, None, machine.clone()).await;
    assert_eq!(
        refused.map(|_| ()),
        Err(Rejection::InvalidClaims(TokenError::MissingClaim("aud")))
    );

    let waived = |clients: [&str; 1]| {
        Verifier::issuer(issuer.url())
            .dangerous_accept_any_audience()
            .profile(Profile::COGNITO)
            .allow_clients(clients)
            .jwk_set(issuer.jwks())
            .build()
            .unwrap()
    };
    let good = token(&issuer, None, machine);
    let claims = waived(["1example"]).verify(&good.token()).await.unwrap();
    assert_eq!(
        (claims.client_id(), claims.scopes().to_string().as_str()),
        ("1example", "invoices/read")
    );
    assert_eq!(
        waived(["2other"]).verify(&good.token()).await.map(|_| ()),
        Err(Rejection::ClientNotAllowed)
    );
    // An access token of a user, and an ID token.
    for no_machine in [
        good.clone().claim("sub", "5f6e"),
        good.claim("token_use", "id"),
    ] {
        let refused = waived(["1example"]).verify(&no_machine.token()).await;
        assert_eq!(
            refused.map(|_| ()),
            Err(Rejection::InvalidClaims(TokenError::WrongGrantType))
        );
    }
}

#[tokio::test]
async fn okta_and_keycloak_use_configured_organization_claim() {
    let okta = issuer("https://acme.okta.com/oauth2/default");
    let machine =
        json!({ "cid": "0oa5", "sub": "0oa5", "scp": ["read"], "tenant": { "id": "org_1" } });
    let verifier = Verifier::issuer(okta.url())
        .audience(API)
        .profile(Profile::OKTA)
        .organization_claim("/tenant/id");
    let claims = verifier
        .jwk_set(okta.jwks())
        .build()
        .unwrap()
        .verify(&token(&okta, None, machine).token())
        .await
        .unwrap();
    assert_eq!(claims.org_code().map(OrgCode::as_str), Some("org_1"));

    // Keycloak's own claim is an array. If the configuration names it by mistake, tokens are
    // rejected and never treated as global.
    let keycloak = issuer("https://keycloak.acme.com/realms/acme");
    let machine = json!({ "azp": "svc", "client_id": "svc", "organization": ["acme"] });
    let verifier = Verifier::issuer(keycloak.url())
        .audience(API)
        .profile(Profile::KEYCLOAK)
        .organization_claim("/organization");
    let verifier = verifier.jwk_set(keycloak.jwks()).build().unwrap();
    let refused = verifier
        .verify(&token(&keycloak, None, machine).token())
        .await;
    assert_eq!(
        refused.map(|_| ()),
        Err(Rejection::InvalidClaims(TokenError::InvalidOrganization))
    );
}

/// A profile that is not in `ALL` has no name in `Config`.
#[test]
fn every_profile_is_in_the_list_of_all() {
    let sources = [
        include_str!("../../src/verifier/profile/base.rs"),
        include_str!("../../src/verifier/profile/known.rs"),
        include_str!("../../src/verifier/profile/self_hosted.rs"),
    ];
    let constants = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.trim().strip_prefix("pub const "))
        .filter_map(|line| line.strip_suffix(": Self = Self {"));
    let constants: Vec<String> = constants.map(str::to_lowercase).collect();
    assert_eq!(constants.len(), Profile::ALL.len());
    for constant in constants {
        assert!(Profile::from_name(&constant).is_some(), "{constant}");
    }
}

#[test]
fn profiles_have_unique_names_and_test_tokens() {
    let names: Vec<&str> = Profile::ALL.iter().map(Profile::name).collect();
    for name in &names {
        assert_eq!(
            names.iter().filter(|other| other == &name).count(),
            1,
            "{name}"
        );
        assert_eq!(
            Profile::from_name(name).map(|profile| profile.name()),
            Some(*name)
        );
        let guide = include_str!("../../src/guide/issuers.md");
        let tables = ["| profile | `iss` |", "| profile | at the issuer | here |"];
        for header in tables {
            let (_, table) = guide.split_once(header).unwrap();
            let (table, _) = table.split_once("\n\n").unwrap();
            // Other chapters say what to configure for these two.
            let is_listed = table.contains(&format!("\n| `{name}` | "));
            let is_elsewhere = header.contains("here") && ["kinde", "generic"].contains(name);
            assert!(is_listed || is_elsewhere, "{name}: {header}");
        }
        let readme = include_str!("../../README.md").to_lowercase();
        assert!(
            *name == "generic" || readme.contains(*name),
            "{name} is not in the README"
        );
        assert!(
            *name == "cognito" || shapes().iter().any(|shape| shape.profile.name() == *name),
            "{name}"
        );
    }
}
