//! Settings with which no token could ever be accepted, or that must be meant: each is an error
//! that says what to write.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tower_m2m::testing::{AUDIENCE, LocalIssuer};
use tower_m2m::{BoxError, ClaimCondition, Config, Issuer, Profile, Verifier};

fn problem(issuer: Issuer) -> (String, String) {
    let error = issuer.build().unwrap_err();
    (error.setting().to_owned(), error.problem().to_owned())
}

#[test]
fn placeholders_are_errors() {
    let issuer = |iss: &str| Verifier::issuer(iss).audience(AUDIENCE);
    for (issuer, setting) in [
        (
            issuer("https://login.microsoftonline.com/{tenantid}/v2.0"),
            "issuer",
        ),
        (issuer("https://keycloak.acme.com/realms/<realm>"), "issuer"),
        (
            issuer("https://login.microsoftonline.com/common/v2.0"),
            "issuer",
        ),
        (
            issuer("https://login.microsoftonline.com/organizations/v2.0"),
            "issuer",
        ),
        (
            issuer("https://login.microsoftonline.us/consumers/v2.0"),
            "issuer",
        ),
        (
            Verifier::issuer("https://issuer.example").audience("api://{application id}"),
            "audience",
        ),
        (
            issuer("https://issuer.example").jwks_url("https://issuer.example/{tenant}/keys"),
            "jwks_url",
        ),
        (
            issuer("https://$PROJECT_SLUG.projects.oryapis.com"),
            "issuer",
        ),
        (
            Verifier::issuer("https://issuer.example").audience("api://$CLIENT_ID"),
            "audience",
        ),
    ] {
        let (found, problem) = problem(issuer.profile(Profile::ENTRA));
        assert_eq!(found, setting, "{problem}");
        assert!(problem.contains("write the"), "{problem}");
    }
    let tenant = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0";
    assert!(issuer(tenant).build().is_ok());
    assert!(issuer("https://issuer.example/common/v2.0").build().is_ok());
    // A container of Azure's storage.
    let container = "https://acme.blob.core.windows.net/$web/";
    assert!(issuer(container).build().is_ok());
}

/// A claim name where a pointer is meant, and pointers that lead nowhere, in every setting that
/// takes one.
#[test]
fn pointers_that_can_never_match_are_errors() {
    type Setter = fn(Issuer, &str) -> Issuer;
    let settings: [(&str, Setter); 6] = [
        ("organization_claim", |issuer, pointer| {
            issuer.organization_claim(pointer)
        }),
        ("organization_claim_key", |issuer, pointer| {
            issuer.organization_claim_key(pointer)
        }),
        ("scope_claim", |issuer, pointer| issuer.scope_claim(pointer)),
        ("require_claim", |issuer, pointer| {
            issuer.require_claim(pointer, "x")
        }),
        ("require_claim", |issuer, pointer| {
            issuer.require_claim("/azp", ClaimCondition::same_as(pointer))
        }),
        ("require_header", |issuer, pointer| {
            issuer.require_header(pointer, "x")
        }),
    ];
    let issuer = || Verifier::issuer("https://issuer.example").audience(AUDIENCE);
    let too_deep = "/a".repeat(9);
    for (setting, set) in settings {
        for pointer in [
            "",
            "/",
            "org_code",
            "tenant/id",
            "$.org",
            "/a~b",
            "/a~",
            &too_deep,
        ] {
            let (found, problem) = problem(set(issuer(), pointer));
            assert_eq!(found, setting, "{pointer:?}: {problem}");
        }
        assert!(set(issuer(), "/tenant/id").build().is_ok(), "{setting}");
    }
    for (setting, set) in &settings[..5] {
        for pointer in ["/nonce", "/cnf/jkt", "/act/sub", "/sub/id", "/exp/0"] {
            let (found, problem) = problem(set(issuer(), pointer));
            assert_eq!(found, *setting, "{pointer:?}");
            assert!(problem.starts_with("can never match"), "{problem}");
        }
    }
    for (issuer, setting) in [
        (issuer().organization_claim("/exp"), "organization_claim"),
        (issuer().scope_claim("/iat"), "scope_claim"),
        (issuer().client_id_claim("/nbf"), "client_id_claim"),
        (issuer().client_id_claim("exp"), "client_id_claim"),
        (issuer().client_id_claim("nonce"), "client_id_claim"),
        (issuer().client_id_claim("act"), "client_id_claim"),
        (issuer().client_id_claim("/tenant~"), "client_id_claim"),
        (
            issuer().organization_claim_key("/sub"),
            "organization_claim_key",
        ),
        (
            issuer().organization_claim_key("/jti"),
            "organization_claim_key",
        ),
        (issuer().require_header("/crit/0", "x"), "require_header"),
        (issuer().require_header("/b64", "x"), "require_header"),
    ] {
        let (found, problem) = problem(issuer);
        assert_eq!(found, setting, "{problem}");
    }
    assert!(issuer().organization_claim("/sub").build().is_ok());
    // The name of a claim can have slashes.
    let slashes = issuer().client_id_claim("oidc.circleci.com/project-id");
    assert!(slashes.build().is_ok());
}

#[test]
fn certificates_that_are_none_are_errors() {
    let key = "PRIVATE KEY-----";
    let private = format!("-----BEGIN {key}\nAAAA\n-----END {key}\n");
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, expected) in [
        (
            "/etc/ssl/certs/corporate-ca.pem".to_owned(),
            "not the path of the file",
        ),
        (String::new(), "contains no certificate"),
        (private.clone(), "contains a private key"),
        (format!("{certificate}{private}"), "contains a private key"),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(),
            "is not a certificate",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(),
            "contains no certificate",
        ),
    ] {
        let issuer = Verifier::kinde("acme")
            .audience(AUDIENCE)
            .ca_certificate_pem(pem.clone());
        let (setting, problem) = problem(issuer);
        assert_eq!(setting, "ca_certificate_pem");
        assert!(problem.contains(expected), "{pem}: {problem}");
        let config = json!({ "issuers": [{ "kinde": "acme", "audience": AUDIENCE, "ca_certificate_pem": pem }] });
        let error = serde_json::from_value::<Config>(config)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("issuers[0].ca_certificate_pem: "),
            "{error}"
        );
    }
}

/// An `iss` that is no URL, of issuers whose keys are given by value.
#[tokio::test]
async fn issuer_name_is_only_compared_if_keys_are_given() {
    let longest = "x".repeat(512);
    for iss in [
        "http://adfs.acme.com/adfs/services/trust",
        "acme.com",
        "stytch.com/project-live-1",
        "P2abcdefghijklmnop",
        "spiffe://acme.com",
        "urn:acme:issuer?x=1#y",
        "Käufer GmbH",
        &longest,
    ] {
        let local = LocalIssuer::in_process(iss).unwrap();
        let issuer = || Verifier::issuer(iss).audience(AUDIENCE);
        let verifier = issuer().jwk_set(local.jwks()).build().unwrap();
        let token = local.org("org_a").claim("client_id", "c1").token();
        assert!(verifier.verify(&token).await.is_ok(), "{iss}");
        let other = local
            .org("org_a")
            .claim("client_id", "c1")
            .claim("iss", format!("{iss}/"));
        assert!(verifier.verify(&other.token()).await.is_err(), "{iss}");
        let (setting, _) = problem(issuer());
        assert_eq!(setting, "issuer", "{iss} without keys");
    }
    let keys = LocalIssuer::in_process("https://issuer.example")
        .unwrap()
        .jwks();
    for iss in [
        String::new(),
        "a\nb".to_owned(),
        "x".repeat(513),
        "\u{7f}".to_owned(),
    ] {
        let (setting, problem) = problem(Verifier::issuer(&iss).audience(AUDIENCE).jwk_set(&keys));
        assert_eq!(setting, "issuer");
        assert!(
            problem.starts_with("must have 1 to 512 characters"),
            "{problem}"
        );
    }
}

const PRIVATE_NETWORK: &str = "http://keycloak:8080/realms/acme";

/// Serves metadata and keys of an issuer, and keeps the URLs that were requested.
fn fetching(
    issuer: Issuer,
    jwks_uri: &'static str,
    local: &Arc<LocalIssuer>,
    requested: &Arc<Mutex<Vec<String>>>,
) -> Issuer {
    let (local, requested) = (Arc::clone(local), Arc::clone(requested));
    issuer.fetch_with(move |request| {
        let url = request.uri().to_string();
        let body = if url.ends_with("openid-configuration") {
            json!({ "issuer": local.url(), "jwks_uri": jwks_uri }).to_string()
        } else {
            local.jwks()
        };
        requested.lock().unwrap().push(url);
        async move { Ok::<_, BoxError>(http::Response::new(body.into_bytes())) }
    })
}

#[tokio::test]
async fn http_issuer_is_accepted_only_if_it_is_allowed() {
    let local = Arc::new(LocalIssuer::in_process(PRIVATE_NETWORK).unwrap());
    let issuer = || Verifier::issuer(PRIVATE_NETWORK).audience(AUDIENCE);
    let (setting, message) = problem(issuer());
    assert_eq!(setting, "issuer");
    assert!(message.contains("dangerous_allow_http()"), "{message}");

    let requested = Arc::default();
    let jwks_uri = "http://keycloak:8080/realms/acme/certs";
    let allowed = fetching(issuer(), jwks_uri, &local, &requested).dangerous_allow_http();
    let verifier = allowed.build().unwrap();
    let token = local.org("org_a").claim("client_id", "c1").token();
    verifier.verify(&token).await.unwrap();
    let metadata = format!("{PRIVATE_NETWORK}/.well-known/openid-configuration");
    assert_eq!(*requested.lock().unwrap(), [metadata, jwks_uri.to_owned()]);
    let weak = verifier.weak_settings();
    assert!(
        weak.iter()
            .any(|weak| weak.setting == "dangerous_allow_http"),
        "{weak:?}"
    );

    let config = json!({ "issuers": [{ "issuer": PRIVATE_NETWORK, "audience": AUDIENCE, "dangerous_allow_http": "yes" }] });
    assert!(
        serde_json::from_value::<Config>(config)
            .unwrap()
            .build()
            .is_ok()
    );
    let in_environment = Config::from_vars([
        ("M2M_ISSUER", PRIVATE_NETWORK),
        ("M2M_AUDIENCE", AUDIENCE),
        ("M2M_DANGEROUS_ALLOW_HTTP", "yes"),
    ]);
    assert_eq!(
        in_environment.unwrap_err().setting(),
        "M2M_DANGEROUS_ALLOW_HTTP"
    );
}

/// An https issuer never leads to http, whatever its metadata says, and has no use for the setting.
#[tokio::test]
async fn https_issuer_never_leads_to_http() {
    let https = "https://issuer.example";
    let (setting, _) = problem(
        Verifier::issuer(https)
            .audience(AUDIENCE)
            .dangerous_allow_http(),
    );
    assert_eq!(setting, "dangerous_allow_http");
    let local = Arc::new(LocalIssuer::in_process(https).unwrap());
    let token = local.org("org_a").claim("client_id", "c1").token();
    let issuer = Verifier::issuer(https).audience(AUDIENCE);
    let verifier = fetching(
        issuer,
        "http://keycloak:8080/certs",
        &local,
        &Arc::default(),
    )
    .build()
    .unwrap();
    assert!(verifier.verify(&token).await.is_err());
    let (setting, _) = problem(
        Verifier::issuer(https)
            .audience(AUDIENCE)
            .jwks_url("http://keycloak:8080/certs"),
    );
    assert_eq!(setting, "jwks_url");
    // Loopback needs no setting, and has no weak one.
    let loopback = Verifier::issuer("http://127.0.0.1:9")
        .audience(AUDIENCE)
        .dangerous_allow_http();
    let weak = loopback.build().unwrap().weak_settings();
    assert!(
        weak.iter()
            .all(|weak| weak.setting != "dangerous_allow_http"),
        "{weak:?}"
    );
}
