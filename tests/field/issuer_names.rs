//! Issuers with an `iss` that is no https URL: keys at a URL, which rotate, and issuers inside a
//! private network.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm, SigningKey};
use tower_m2m::{BoxError, Clock, Config, Issuer, Verifier};

use super::support::{ISSUER, NOW, jwks, key, token};

const KEYS: &str = "https://keys.example/jwks";

/// Serves the keys that are in the list at the time, and records what is requested.
#[derive(Clone, Default)]
struct KeyServer {
    keys: Arc<Mutex<Vec<SigningKey>>>,
    requested: Arc<Mutex<Vec<String>>>,
}

impl KeyServer {
    fn publish(&self, keys: &[&SigningKey]) {
        *self.keys.lock().unwrap() = keys.iter().map(|&key| key.clone()).collect();
    }

    fn requested(&self) -> Vec<String> {
        self.requested.lock().unwrap().clone()
    }

    fn serve(&self, issuer: Issuer) -> Issuer {
        let server = self.clone();
        issuer.fetch_with(move |request| {
            server
                .requested
                .lock()
                .unwrap()
                .push(request.uri().to_string());
            let keys: Vec<_> = server
                .keys
                .lock()
                .unwrap()
                .iter()
                .map(SigningKey::public_jwk)
                .collect();
            async move { Ok::<_, BoxError>(http::Response::new(jwks(&keys).into_bytes())) }
        })
    }
}

fn named(kid: &str) -> SigningKey {
    key(SigningAlgorithm::EdDsa).with_kid(kid)
}

/// AD FS, Stytch, Descope, FusionAuth and SPIFFE rotate their keys, so keys by value would stop
/// working.
#[tokio::test]
async fn keys_of_an_issuer_that_is_no_url_rotate() {
    for iss in [
        "http://adfs.acme.com/adfs/services/trust",
        "stytch.com/project-live-1",
        "P2abcdefghijklmnop",
        "acme.com",
        "spiffe://acme.com",
        "https://issuer.example/?tenant=1#2",
    ] {
        let (first, second, server) = (named("1"), named("2"), KeyServer::default());
        let trusted = server.serve(Verifier::issuer(iss).audience(AUDIENCE).jwks_url(KEYS));
        let verifier = Verifier::builder([trusted])
            .clock(Clock::manual(NOW))
            .build()
            .unwrap();
        server.publish(&[&first]);
        let of = |key: &SigningKey, iss: &str| token(key, &json!({ "iss": iss }));
        assert!(verifier.verify(&of(&first, iss)).await.is_ok(), "{iss}");
        server.publish(&[&second]);
        assert!(verifier.verify(&of(&second, iss)).await.is_ok(), "{iss}");
        // The name is compared as it is, and no metadata of it is requested.
        for other in [
            format!("{iss}/"),
            iss.to_uppercase(),
            format!(" {iss}"),
            String::new(),
        ] {
            let rejection = verifier.verify(&of(&second, &other)).await.unwrap_err();
            assert_eq!(rejection.code(), "untrusted_issuer", "{other}");
        }
        assert!(
            server.requested().iter().all(|url| url == KEYS),
            "{iss}: {:?}",
            server.requested()
        );
    }
}

/// The same in a file and in the environment. The URL of the keys is checked as always.
#[test]
fn keys_url_of_such_an_issuer_is_still_https() {
    let (iss, http) = ("spiffe://acme.com", "http://keys.example/jwks");
    for (url, is_valid) in [
        (KEYS, true),
        ("http://127.0.0.1:9/jwks", true),
        (http, false),
        ("spiffe://acme.com/jwks", false),
        ("/jwks", false),
        ("", false),
    ] {
        let in_code = Verifier::issuer(iss)
            .audience(AUDIENCE)
            .jwks_url(url)
            .build();
        let file = json!({ "issuers": [{ "issuer": iss, "audience": AUDIENCE, "jwks_url": url }] });
        let in_file = serde_json::from_value::<Config>(file).unwrap().build();
        let vars = [
            ("M2M_ISSUER", iss),
            ("M2M_AUDIENCE", AUDIENCE),
            ("M2M_JWKS_URL", url),
        ];
        let in_environment = Config::from_vars(vars).and_then(|config| config.build());
        for result in [in_code, in_file, in_environment] {
            assert_eq!(result.is_ok(), is_valid, "{url:?}: {result:?}");
        }
    }
    // The name of an http issuer allows no http for its keys.
    let http_issuer = Verifier::issuer("http://keycloak:8080/realms/acme").audience(AUDIENCE);
    assert_eq!(
        http_issuer.jwks_url(http).build().unwrap_err().setting(),
        "jwks_url"
    );
    let longest = "x".repeat(512);
    for (iss, is_valid) in [
        (&*longest, true),
        (&format!("{longest}x"), false),
        ("", false),
        ("a\tb", false),
    ] {
        let result = Verifier::issuer(iss)
            .audience(AUDIENCE)
            .jwks_url(KEYS)
            .build();
        assert_eq!(result.is_ok(), is_valid, "{} characters", iss.len());
    }
    for setting in ["jwks_url", "M2M_JWKS_URL"] {
        let vars = [("M2M_ISSUER", iss), ("M2M_AUDIENCE", AUDIENCE)];
        let error = if setting == "jwks_url" {
            Verifier::issuer(iss).audience(AUDIENCE).build().map(|_| ())
        } else {
            Config::from_vars(vars)
                .and_then(|config| config.build())
                .map(|_| ())
        };
        let error = error.unwrap_err().to_string();
        assert!(error.contains(setting), "{error}");
    }
}

/// Returns a verifier with a resolver that gives this issuer for every name.
fn resolving(
    give: impl Fn(String) -> Issuer + Send + Sync + 'static,
    called_with: &Arc<Mutex<Vec<String>>>,
) -> Verifier {
    let called_with = Arc::clone(called_with);
    let resolver = move |iss: String| {
        called_with.lock().unwrap().push(iss.clone());
        let issuer = give(iss);
        async move { Ok(Some(issuer)) }
    };
    let builder = Verifier::builder([]).clock(Clock::manual(NOW));
    builder.resolve_issuers_with(resolver).build().unwrap()
}

/// http is for listed issuers: a resolved one can be a customer's.
#[tokio::test]
async fn http_is_never_allowed_for_a_resolved_issuer() {
    let (key, server, called_with) = (named("1"), KeyServer::default(), Arc::default());
    server.publish(&[&key]);
    for iss in [
        "http://keycloak:8080/realms/acme",
        "http://10.0.0.1/x",
        "spiffe://acme.com",
        "acme.com",
    ] {
        let give = {
            let server = server.clone();
            move |iss| server.serve(Verifier::issuer(iss).audience(AUDIENCE).jwks_url(KEYS))
        };
        let verifier = resolving(give, &called_with);
        let rejection = verifier
            .verify(&token(&key, &json!({ "iss": iss })))
            .await
            .unwrap_err();
        assert_eq!(rejection.code(), "untrusted_issuer", "{iss}");
    }
    assert!(
        called_with.lock().unwrap().is_empty(),
        "a name that is no secure URL reaches no resolver"
    );
    // An application that allows http for every issuer that it resolves gets an error and no keys.
    for change in [
        |issuer: Issuer| issuer.dangerous_allow_http(),
        |issuer: Issuer| {
            issuer
                .dangerous_allow_http()
                .jwks_url("http://keys.example/jwks")
        },
        |issuer: Issuer| issuer.jwks_url("http://keys.example/jwks"),
    ] {
        let give = {
            let server = server.clone();
            move |iss| change(server.serve(Verifier::issuer(iss).audience(AUDIENCE)))
        };
        let verifier = resolving(give, &called_with);
        let rejection = verifier
            .verify(&token(&key, &json!({ "iss": ISSUER })))
            .await
            .unwrap_err();
        assert_eq!(rejection.code(), "keys_unavailable");
    }
    assert!(server.requested().is_empty(), "{:?}", server.requested());
}

/// Metadata of an https issuer that names http keys is an error for listed and for resolved
/// issuers.
#[tokio::test]
async fn metadata_of_https_issuers_never_leads_to_http() {
    let key = named("1");
    for jwks_uri in [
        "http://keys.example/jwks",
        "http://127.0.0.1/jwks",
        "HTTP://keys.example/jwks",
        "http:keys",
    ] {
        let requested: Arc<Mutex<Vec<String>>> = Arc::default();
        let serve = {
            let (requested, set) = (Arc::clone(&requested), jwks(&[key.public_jwk()]));
            move |issuer: Issuer| {
                let (requested, set) = (Arc::clone(&requested), set.clone());
                issuer.fetch_with(move |request| {
                    let url = request.uri().to_string();
                    let body = if url.contains("/.well-known/") {
                        json!({ "issuer": ISSUER, "jwks_uri": jwks_uri }).to_string()
                    } else {
                        set.clone()
                    };
                    requested.lock().unwrap().push(url);
                    async move { Ok::<_, BoxError>(http::Response::new(body.into_bytes())) }
                })
            }
        };
        let listed = serve(Verifier::issuer(ISSUER).audience(AUDIENCE));
        let listed = Verifier::builder([listed])
            .clock(Clock::manual(NOW))
            .build()
            .unwrap();
        let resolved = resolving(
            move |iss| serve(Verifier::issuer(iss).audience(AUDIENCE)),
            &Arc::default(),
        );
        for verifier in [listed, resolved] {
            let rejection = verifier.verify(&token(&key, &json!({}))).await.unwrap_err();
            assert_eq!(rejection.code(), "keys_unavailable", "{jwks_uri}");
        }
        let requested = requested.lock().unwrap();
        assert!(
            !requested.is_empty()
                && requested
                    .iter()
                    .all(|url| url.starts_with("https://issuer.example/.well-known/")),
            "{requested:?}"
        );
    }
}
