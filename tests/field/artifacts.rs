//! What real issuers publish and send: each artifact is one row with its outcome, and the reason if
//! a user would expect another one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tower_m2m::jwks::{KeySet, UnusableKey};
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm, SigningKey};
use tower_m2m::{Algorithm, Clock, Config, Issuer, Verifier};

use super::support::{ISSUER, NOW, jwks, key, sign, verify};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field/vectors")
}

fn read(path: &str) -> String {
    let path = folder().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rows<T: serde::de::DeserializeOwned>(table: &str) -> Vec<T> {
    serde_json::from_str(&read(table)).unwrap_or_else(|error| panic!("{table}: {error}"))
}

/// Asserts that the folder has a file for each row, and no other.
fn assert_each_file_has_a_row<'a>(name: &str, files: impl Iterator<Item = &'a str>) {
    let rows: BTreeSet<String> = files.map(ToOwned::to_owned).collect();
    let found = std::fs::read_dir(folder().join(name)).unwrap();
    let found = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(rows, found.collect(), "{name}");
}

/// Where a file comes from. What may not be copied is rebuilt with keys of our own.
#[derive(Deserialize)]
struct Source {
    license: String,
    origin: Option<String>,
    path: Option<String>,
}

impl Source {
    fn assert_may_be_copied(&self, file: &str) {
        let is_copied = self.license != "own";
        let permissive = ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "own"];
        assert!(permissive.contains(&self.license.as_str()), "{file}");
        assert_eq!(
            self.origin.is_some() && self.path.is_some(),
            is_copied,
            "{file}"
        );
        if let Some(origin) = &self.origin {
            assert!(
                read("README.md").contains(&format!("| {origin} |")),
                "{origin} is not in README.md"
            );
        }
    }
}

/// A published key set. Every algorithm is allowed, so that no key is left out because of a
/// setting.
#[derive(Deserialize)]
struct KeySetRow {
    file: String,
    product: String,
    #[serde(flatten)]
    source: Source,
    /// The configured issuer, if the keys name theirs.
    issuer: Option<String>,
    /// Each key with the algorithm that it is used with, or the reason why it is not used.
    keys: Vec<String>,
    reason: Option<String>,
}

/// Serves one document, whatever is requested, and keeps the URLs.
fn serve(issuer: Issuer, document: &str, requested: &Arc<Mutex<Vec<String>>>) -> Issuer {
    let (document, requested) = (document.to_owned(), Arc::clone(requested));
    issuer.fetch_with(move |request| {
        let url = request.uri().to_string();
        requested.lock().unwrap().push(url);
        let document = document.clone();
        async move { Ok(http::Response::new(document.into_bytes())) }
    })
}

fn unusable(key: &UnusableKey) -> String {
    let kid = key.kid.as_deref().unwrap_or("-");
    let member = key
        .member
        .map_or(String::new(), |member| format!(" ({member})"));
    format!("{kid}: {:?}{member}", key.reason)
}

/// Fetches the set as a listed issuer's, and returns every key with what became of it.
async fn keys_of(document: &str, issuer: &str) -> Vec<String> {
    let trusted = Verifier::issuer(issuer)
        .audience(AUDIENCE)
        .algorithms(Algorithm::ALL)
        .jwks_url("https://issuer.example/jwks");
    let trusted = serve(trusted, document, &Arc::default());
    let builder = Verifier::builder([trusted]).clock(Clock::manual(NOW));
    let verifier = builder.build().unwrap();
    let _ = verifier.verify(&token_of_unknown_key(issuer)).await;
    let status = verifier.status().remove(0);
    if let Some(error) = status.last_error {
        let set = KeySet::parse(document.as_bytes(), &Algorithm::ALL).ok();
        let keys = set.iter().flat_map(KeySet::unusable_keys).map(unusable);
        return std::iter::once(error.code().to_owned())
            .chain(keys)
            .collect();
    }
    let usable = status.keys.iter().map(|key| {
        let kid = key.kid.as_deref().unwrap_or("-");
        format!("{kid}: {}", key.algorithm.name())
    });
    usable
        .chain(status.unusable_keys.iter().map(unusable))
        .collect()
}

/// A token of this issuer with an unknown key: the verifier has to look at the issuer's keys.
fn token_of_unknown_key(issuer: &str) -> String {
    let key = key(SigningAlgorithm::EdDsa);
    let claims = json!({ "iss": issuer, "aud": AUDIENCE, "exp": NOW + 600, "client_id": "c" });
    sign(
        &key,
        r#"{"alg":"EdDSA","kid":"unknown"}"#,
        &claims.to_string(),
    )
}

async fn check_key_sets() -> usize {
    let rows: Vec<KeySetRow> = rows("key_sets.json");
    assert_each_file_has_a_row("key_sets", rows.iter().map(|row| row.file.as_str()));
    for row in &rows {
        row.source.assert_may_be_copied(&row.file);
        let document = read(&format!("key_sets/{}", row.file));
        let keys = keys_of(&document, row.issuer.as_deref().unwrap_or(ISSUER)).await;
        assert_eq!(keys, row.keys, "{}: {}", row.file, row.product);
        let is_used = |key: &String| {
            Algorithm::ALL
                .iter()
                .any(|all| key.ends_with(&format!(": {}", all.name())))
        };
        assert!(
            row.reason.is_some() || keys.iter().all(is_used),
            "{}: a reason, if a key is not used",
            row.file
        );
    }
    rows.len()
}

/// A published metadata document.
#[derive(Deserialize)]
struct MetadataRow {
    file: String,
    product: String,
    #[serde(flatten)]
    source: Source,
    issuer: String,
    tries: Vec<MetadataTry>,
}

/// What comes of the document with these settings.
#[derive(Deserialize)]
struct MetadataTry {
    #[serde(default)]
    settings: Map<String, Value>,
    result: String,
    reason: Option<String>,
}

/// Returns where the keys are fetched from, or why they are not.
async fn location_of_keys(document: &str, issuer: &str, settings: &Map<String, Value>) -> String {
    let mut trusted = Verifier::issuer(issuer).audience(AUDIENCE);
    for (setting, value) in settings {
        trusted = match (setting.as_str(), value.as_str().unwrap()) {
            ("dangerous_allow_http", "yes") => trusted.dangerous_allow_http(),
            ("jwks_url", url) => trusted.jwks_url(url),
            ("jwk_set", set) => trusted.jwk_set(set),
            other => panic!("{other:?}"),
        };
    }
    let requested = Arc::default();
    let trusted = serve(trusted, document, &requested);
    let verifier = match Verifier::builder([trusted])
        .clock(Clock::manual(NOW))
        .build()
    {
        Ok(verifier) => verifier,
        Err(error) => return format!("configuration: {}", error.setting()),
    };
    let _ = verifier.verify(&token_of_unknown_key(issuer)).await;
    let requested = requested.lock().unwrap();
    let keys = requested.iter().find(|url| {
        !url.contains("/.well-known/openid-configuration")
            && !url.contains("/.well-known/oauth-authorization-server")
            || url.ends_with("/jwks")
    });
    match keys {
        Some(url) => format!("keys at {url}"),
        None => verifier.status()[0]
            .last_error
            .as_ref()
            .unwrap()
            .code()
            .to_owned(),
    }
}

async fn check_metadata() -> usize {
    let rows: Vec<MetadataRow> = rows("metadata.json");
    assert_each_file_has_a_row("metadata", rows.iter().map(|row| row.file.as_str()));
    for row in &rows {
        row.source.assert_may_be_copied(&row.file);
        let document = read(&format!("metadata/{}", row.file));
        for attempt in &row.tries {
            let result = location_of_keys(&document, &row.issuer, &attempt.settings).await;
            let case = format!("{}: {}, {:?}", row.file, row.product, attempt.settings);
            assert_eq!(result, attempt.result, "{case}");
            let is_expected = result.starts_with("keys at ") && attempt.settings.is_empty();
            assert_eq!(
                attempt.reason.is_some(),
                !is_expected,
                "{case}: a reason, if the document alone does not suffice"
            );
        }
    }
    rows.len()
}

/// A token of a product: its header and claims, with other values than the source.
#[derive(Deserialize)]
struct TokenRow {
    product: String,
    name: String,
    kind: TokenKind,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    tries: Vec<TokenTry>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum TokenKind {
    Machine,
    User,
    Other,
}

/// What comes of the token with these settings, which are those of [`Config`].
#[derive(Deserialize)]
struct TokenTry {
    settings: Map<String, Value>,
    result: String,
    reason: Option<String>,
}

fn result_of(row: &TokenRow, settings: &Map<String, Value>, key: &SigningKey) -> String {
    let mut issuer = settings.clone();
    if !issuer.contains_key("issuer") {
        issuer.insert(
            "issuer".to_owned(),
            row.claims
                .get("iss")
                .cloned()
                .unwrap_or_else(|| ISSUER.into()),
        );
    }
    if !issuer.contains_key("jwks_url") {
        issuer.insert("jwk_set".to_owned(), jwks(&[key.public_jwk()]).into());
    }
    let config: Result<Config, _> = serde_json::from_value(json!({ "issuers": [issuer] }));
    let config = config.unwrap_or_else(|error| panic!("{}: {error}", row.name));
    let builder = config
        .builder()
        .and_then(|builder| builder.clock(Clock::manual(NOW)).build());
    let verifier = match builder {
        Ok(verifier) => verifier,
        Err(error) => return format!("configuration: {}", error.setting()),
    };
    let mut header = row.header.clone();
    header.insert("alg".to_owned(), key.algorithm().as_str().into());
    header.insert("kid".to_owned(), key.kid().into());
    let claims = Value::Object(row.claims.clone()).to_string();
    match verify(
        &verifier,
        &sign(key, &Value::Object(header).to_string(), &claims),
    ) {
        Err(rejection) => format!("rejected: {}", rejection.code()),
        Ok(claims) => {
            let organization = claims.org_code().map_or("none", |org| org.as_str());
            format!(
                "accepted: client {}, organization {organization}, scopes [{}]",
                claims.client_id(),
                claims.scopes().as_str()
            )
        }
    }
}

fn check_tokens() -> usize {
    let key = key(SigningAlgorithm::Rs256);
    let rows: Vec<TokenRow> = rows("tokens.json");
    for row in &rows {
        for attempt in &row.tries {
            let result = result_of(row, &attempt.settings, &key);
            let case = format!("{}: {}, {:?}", row.product, row.name, attempt.settings);
            assert_eq!(result, attempt.result, "{case}");
            let is_expected = result.starts_with("accepted: ") == (row.kind == TokenKind::Machine);
            assert!(
                is_expected || attempt.reason.is_some(),
                "{case}: a reason, if a machine is rejected or a user is accepted"
            );
        }
    }
    rows.len()
}

/// Every artifact: 111 key sets, 56 metadata documents, 106 shapes of tokens.
#[tokio::test]
async fn every_artifact_has_its_outcome() {
    let counts = (
        check_key_sets().await,
        check_metadata().await,
        check_tokens(),
    );
    assert_eq!(counts, (111, 56, 106));
}
