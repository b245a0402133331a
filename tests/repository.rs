//! Checks the repository as a whole: it contains no private key, its indexes are complete, and its
//! prose follows the rules.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "repository/documents.rs"]
mod documents;
#[path = "repository/files.rs"]
mod files;
#[path = "repository/prose.rs"]
mod prose;
#[path = "repository/text.rs"]
mod text;

use std::fs;
use std::path::Path;

/// Test keys are created in each run. Published test vectors, with private keys that are printed in
/// RFCs, are in `vectors`.
#[test]
fn repository_contains_no_private_key() {
    let root = files::root();
    if !root.join(".git").exists() {
        eprintln!("not a checkout, so there are no files to check");
        return;
    }
    let tracked = files::tracked();
    let files: Vec<&String> = tracked
        .iter()
        .filter(|file| !file.split('/').any(|part| part == "vectors"))
        .collect();
    for expected in ["Cargo.toml", "src/testing/keys.rs"] {
        assert!(files.iter().any(|file| *file == expected), "{expected}");
    }
    for file in files {
        let content = fs::read(root.join(file)).unwrap();
        assert!(
            !holds_private_key(&String::from_utf8_lossy(&content)),
            "{file} holds a private key"
        );
        let kind = Path::new(file)
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_ascii_lowercase();
        assert!(
            !["key", "p8", "p12", "pfx", "jks"].contains(&kind.as_str()),
            "{file} is a key file by its name"
        );
    }
}

/// Returns `true` for a PEM block (RFC 7468 §10, §11 and the older forms) or the private member of
/// a JWK (RFC 7518 §6.2.2, §6.3.2), also if it is quoted in source code.
fn holds_private_key(text: &str) -> bool {
    let text: String = text
        .chars()
        .filter(|&letter| letter != '\\' && !letter.is_whitespace())
        .collect();
    let pem = text.match_indices("-----BEGIN").any(|(at, begin)| {
        let label = text[at + begin.len()..]
            .split("-----")
            .next()
            .unwrap_or_default();
        label.ends_with("PRIVATEKEY")
    });
    let jwk = text.match_indices("\"d\":\"").any(|(at, member)| {
        let value = text[at + member.len()..].chars();
        value
            .take_while(|&letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
            .count()
            >= 32
    });
    pem || jwk
}

#[test]
fn private_key_check_finds_every_format() {
    let value = "x".repeat(43);
    for label in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
    ] {
        assert!(
            holds_private_key(&format!("a\n-----BEGIN {label}-----\nMIIE")),
            "{label}"
        );
    }
    assert!(holds_private_key(&format!(
        r#"{{"kty":"OKP", "d" : "{value}"}}"#
    )));
    assert!(holds_private_key(&format!(
        r#"let jwk = "{{\"d\":\"{value}\"}}";"#
    )));
    assert!(!holds_private_key("-----BEGIN PUBLIC KEY-----\nMIIB"));
    assert!(!holds_private_key(r#"{"d":"short","x":"d"}"#));
}
