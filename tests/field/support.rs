//! Provides keys, tokens with exactly the given claims, and verifiers with fixed keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use tower_m2m::testing::{AUDIENCE, SigningAlgorithm, SigningKey};
use tower_m2m::{Claims, Clock, Issuer, Rejection, Verifier};

pub(crate) const NOW: i64 = 1_750_000_000;
pub(crate) const ISSUER: &str = "https://issuer.example";

/// Returns a new key. Only RSA keys take time.
pub(crate) fn key(algorithm: SigningAlgorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().with_kid("k")
}

pub(crate) fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// Returns an object with other members. `None` removes a member.
pub(crate) fn with(object: &Value, changes: &[(&str, Option<Value>)]) -> Value {
    let mut object = object.as_object().unwrap().clone();
    for (name, value) in changes {
        match value {
            None => object.remove(*name),
            Some(value) => object.insert((*name).to_owned(), value.clone()),
        };
    }
    Value::Object(object)
}

/// Returns a token of these claims, and of `exp` and `aud` if they are missing.
pub(crate) fn token(key: &SigningKey, claims: &Value) -> String {
    let mut payload = Map::from_iter([
        ("iss".to_owned(), json!(ISSUER)),
        ("aud".to_owned(), json!(AUDIENCE)),
        ("exp".to_owned(), json!(NOW + 600)),
        ("client_id".to_owned(), json!("client")),
    ]);
    payload.extend(claims.as_object().unwrap().clone());
    let header = json!({ "alg": key.algorithm().as_str(), "kid": key.kid(), "typ": "JWT" });
    sign(
        key,
        &header.to_string(),
        &Value::Object(payload).to_string(),
    )
}

/// Returns a token of exactly this header and payload.
pub(crate) fn sign(key: &SigningKey, header: &str, payload: &str) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let input = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(payload.as_bytes())
    );
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", encode(&signature))
}

/// Returns a verifier with a clock at [`NOW`].
pub(crate) fn build(issuer: Issuer) -> Verifier {
    Verifier::builder([issuer])
        .clock(Clock::manual(NOW))
        .build()
        .unwrap()
}

/// Verifies a token with fixed keys, which never waits.
pub(crate) fn verify(verifier: &Verifier, token: &str) -> Result<Claims, Rejection> {
    let future = std::pin::pin!(verifier.verify(token));
    match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(verdict) => verdict,
        std::task::Poll::Pending => panic!("it waited"),
    }
}

/// Returns the code of the rejection.
pub(crate) fn verdict(verifier: &Verifier, token: &str) -> Result<(), &'static str> {
    verify(verifier, token)
        .map(|_| ())
        .map_err(|rejection| rejection.code())
}
