use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::PublicJwk;
use crate::token::{Algorithm, JsonObject, JsonValue, ProofError};

fn thumbprint(jwk: &str, algorithm: Algorithm) -> Result<String, ProofError> {
    let document = format!(r#"{{"jwk":{jwk}}}"#);
    let json = JsonObject::parse(document.as_bytes()).unwrap();
    let Some(JsonValue::Object(members)) = json.get("jwk") else {
        panic!("{jwk} is no object");
    };
    let jwk = PublicJwk::read(&json, members, algorithm)?;
    Ok(URL_SAFE_NO_PAD.encode(jwk.canonical().thumbprint()))
}

/// Rule 107.
///
/// RFC 7638 §3.1, RFC 9449 §4.1 with §6.1, RFC 8037 appendix A.3.
#[test]
fn thumbprints_are_those_of_the_rfcs() {
    const RSA: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    const EC: &str = r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#;
    const OKP: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    for (jwk, algorithm, expected) in [
        (
            RSA,
            Algorithm::RS256,
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        ),
        (
            EC,
            Algorithm::ES256,
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
        ),
        (
            OKP,
            Algorithm::EdDSA,
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        ),
    ] {
        assert_eq!(thumbprint(jwk, algorithm).as_deref(), Ok(expected));
    }
}

/// Rules 100, 102.
#[test]
fn private_and_unsuitable_keys_are_rejected() {
    const X: &str = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs";
    for (jwk, expected) in [
        (
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{X}","d":"{X}"}}"#),
            ProofError::PrivateKey,
        ),
        (
            format!(r#"{{"d":null,"kty":"EC","crv":"P-256","x":"{X}","y":"{X}"}}"#),
            ProofError::PrivateKey,
        ),
        (
            r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(),
            ProofError::PrivateKey,
        ),
        (r#"{"kty":"oct"}"#.to_owned(), ProofError::PrivateKey),
        (
            format!(r#"{{"kty":"AKP","pub":"{X}"}}"#),
            ProofError::InvalidKey,
        ),
        (
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}"}}"#),
            ProofError::InvalidKey,
        ),
        (
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":7}}"#),
            ProofError::InvalidKey,
        ),
        (
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"a\"b"}}"#),
            ProofError::InvalidKey,
        ),
        (
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{X}","alg":"ES384"}}"#),
            ProofError::InvalidKey,
        ),
        (
            format!(r#"{{"crv":"P-256","x":"{X}","y":"{X}"}}"#),
            ProofError::InvalidKey,
        ),
        ("{}".to_owned(), ProofError::InvalidKey),
    ] {
        assert_eq!(thumbprint(&jwk, Algorithm::ES256), Err(expected), "{jwk}");
    }
}
