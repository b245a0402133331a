//! Checks DPoP proofs that are signed with the right key, so that the fuzzer changes what a proof
//! says and not its signature.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Request;
use http::header::AUTHORIZATION;
use serde_json::Value;
use tower_m2m::{ProofOfPossession, Rejection, Verifier};

use crate::support::{AUDIENCE, ISSUER, KID, NOW, issuer, now, public_x, sign};

const BASE: &str = "https://api.example/v1";

/// A token that is bound to the key of the proofs.
static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, public_x());
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
    let claims = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{},"client_id":"c","cnf":{{"jkt":"{thumbprint}"}}}}"#,
        NOW + 3600
    );
    let header = format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}"#);
    sign(header.as_bytes(), claims.as_bytes())
});

/// Checks one proof. The input has up to five lines: the header, the claims, `htu`, the path of the
/// request, and its method. An empty line means a valid value, and the claims without `htu`
/// get the one of the third line.
pub fn check(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut line = || lines.next().filter(|line| !line.is_empty());
    let (header, claims) = (line(), line());
    let htu = line().and_then(|line| std::str::from_utf8(line).ok());
    let path = line()
        .and_then(|line| std::str::from_utf8(line).ok())
        .unwrap_or("/a");
    let method = line().unwrap_or(b"GET");
    let Ok(request) = Request::builder()
        .method(method)
        .uri(path)
        .header(AUTHORIZATION, format!("DPoP {}", *TOKEN))
        .body(())
    else {
        return;
    };
    let default_htu = format!("{BASE}{}", request.uri().path());
    let ath = URL_SAFE_NO_PAD.encode(digest(&SHA256, TOKEN.as_bytes()));
    let default_claims = serde_json::json!({
        "jti": "1", "htm": request.method().as_str(), "iat": NOW, "ath": ath,
        "htu": htu.unwrap_or(&default_htu),
    })
    .to_string();
    let default_header = format!(
        r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{}"}}}}"#,
        public_x()
    );
    let is_default = header.is_none() && claims.is_none() && htu.is_none();
    let header = header.unwrap_or(default_header.as_bytes());
    let claims = claims.unwrap_or(default_claims.as_bytes());
    let proof = sign(header, claims);
    let verifier = verifier();
    let send = |proof: &str| {
        let (mut parts, ()) = request.clone().into_parts();
        let value = http::HeaderValue::try_from(proof).expect("base64url and dots");
        parts.headers.insert("dpop", value);
        now(verifier.verify_request(&parts))
    };
    // The signature counts, whatever the proof says.
    let wrong = match proof.strip_suffix("AA") {
        Some(start) => format!("{start}QA"),
        None => format!("{}AA", proof.get(..proof.len() - 2).unwrap_or_default()),
    };
    assert!(send(&wrong).is_err(), "a wrong signature was accepted");
    match send(&proof) {
        Ok(claims) => {
            assert!(claims.is_bound());
            assert!(is_valid(header), "an invalid header was accepted");
            assert_valid_claims(&claims_of(&proof), request.method().as_str(), &ath);
            let replayed = send(&proof).expect_err("a replay was accepted");
            assert_eq!(replayed.code(), "proof_replayed");
        }
        Err(rejection) => {
            assert!(
                matches!(
                    rejection,
                    Rejection::InvalidProof(_) | Rejection::InvalidClaims(_)
                ),
                "{rejection:?}"
            );
            // Without a slash, the URI is an authority and has no path.
            let is_plain = path.starts_with('/')
                && !path.contains("//")
                && path
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'/');
            assert!(
                !(is_default && is_plain),
                "a valid proof was rejected: {rejection}"
            );
        }
    }
}

fn verifier() -> Verifier {
    issuer(|issuer| issuer.proof_of_possession(ProofOfPossession::dpop(BASE)))
}

fn claims_of(proof: &str) -> Value {
    let payload = proof.split('.').nth(1).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD
        .decode(payload)
        .expect("an accepted proof decodes");
    serde_json::from_slice(&bytes).expect("accepted claims are JSON")
}

/// Checks what an accepted header must say, with another parser.
fn is_valid(header: &[u8]) -> bool {
    let Ok(header) = serde_json::from_slice::<Value>(header) else {
        return false;
    };
    let jwk = &header["jwk"];
    header["typ"]
        .as_str()
        .is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt"))
        && matches!(header["alg"].as_str(), Some("EdDSA" | "Ed25519"))
        && jwk["x"] == public_x().as_str()
        && jwk["kty"] == "OKP"
        && jwk["crv"] == "Ed25519"
        && ["d", "k", "p", "q", "priv"]
            .iter()
            .all(|name| jwk.get(name).is_none())
        && header.get("crit").is_none()
}

fn assert_valid_claims(claims: &Value, method: &str, ath: &str) {
    assert_eq!(claims["htm"], method);
    assert_eq!(claims["ath"], ath);
    assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty()));
    let iat = claims["iat"].as_f64().expect("a number");
    assert!(
        (NOW as f64 - 60.0..NOW as f64 + 11.0).contains(&iat),
        "{iat}"
    );
    let exp = claims.get("exp").map(|exp| exp.as_f64().expect("a number"));
    assert!(exp.is_none_or(|exp| exp > NOW as f64 - 10.0), "{exp:?}");
    let nbf = claims.get("nbf").map(|nbf| nbf.as_f64().expect("a number"));
    assert!(nbf.is_none_or(|nbf| nbf < NOW as f64 + 11.0), "{nbf:?}");
    let htu = claims["htu"].as_str().expect("a string");
    assert!(!htu.contains(['?', '#']), "{htu}");
    let lower = htu.to_ascii_lowercase();
    assert!(lower.starts_with("https://api.example"), "{htu}");
    let rest = &lower["https://api.example".len()..];
    assert!(rest.starts_with('/') || rest.starts_with(':'), "{htu}");
}
