use super::*;

/// Rule 79.
///
/// The well-known part is appended or inserted; a terminating slash is dropped first.
#[test]
fn metadata_url_appends_or_inserts_well_known_path() {
    for (issuer, openid, oauth) in [
        (
            "https://a.example",
            "https://a.example/.well-known/openid-configuration",
            "https://a.example/.well-known/oauth-authorization-server",
        ),
        (
            "https://a.example/",
            "https://a.example/.well-known/openid-configuration",
            "https://a.example/.well-known/oauth-authorization-server",
        ),
        (
            "https://a.b/r",
            "https://a.b/r/.well-known/openid-configuration",
            "https://a.b/.well-known/oauth-authorization-server/r",
        ),
        (
            "https://a.example:8443/realms/r",
            "https://a.example:8443/realms/r/.well-known/openid-configuration",
            "https://a.example:8443/.well-known/oauth-authorization-server/realms/r",
        ),
    ] {
        assert_eq!(metadata_urls(issuer), [openid, oauth]);
    }
}

/// Rules 80–82.
///
/// The issuer is identical, `jwks_uri` is https, unknown members are ignored.
#[test]
fn metadata_requires_same_issuer_and_https_jwks_uri() {
    let document = |issuer: &str, uri: &str| {
        format!(r#"{{"issuer":"{issuer}","jwks_uri":"{uri}","extra":[1]}}"#).into_bytes()
    };
    let read = |issuer: &str, uri: &str, expected: &str| jwks_uri(&document(issuer, uri), expected);
    let (a, keys) = ("https://a.example", "https://keys.example/jwks");
    assert_eq!(read(a, keys, a).as_deref(), Ok(keys));
    for other in [
        "https://a.example/",
        "https://A.example",
        "https://a.example:443",
        "http://a.example",
        "https://b.example",
    ] {
        let found = other.to_owned();
        let wrong = JwksError::WrongIssuer { found };
        assert_eq!(read(other, keys, a), Err(wrong), "{other}");
    }
    for uri in [
        "http://keys.example/jwks",
        "http://127.0.0.1/jwks",
        "file:///etc/passwd",
        "/jwks",
        "",
    ] {
        assert_eq!(read(a, uri, a), Err(JwksError::InsecureJwksUri), "{uri}");
    }
    for uri in ["https://127.0.0.1/jwks", "https://[fd00::1]/jwks"] {
        assert_eq!(read(a, uri, a), Err(JwksError::PrivateAddress), "{uri}");
    }
    let private = "https://10.0.0.1/realms/a";
    let own = "https://10.0.0.1:8443/jwks";
    assert_eq!(read(private, own, private).as_deref(), Ok(own));
    let local = "http://127.0.0.1:4000";
    assert_eq!(
        read(local, "http://127.0.0.1:4000/jwks", local).as_deref(),
        Ok("http://127.0.0.1:4000/jwks")
    );
    for document in [
        "",
        "[]",
        "<html>",
        "{}",
        r#"{"issuer":"https://a.example"}"#,
        r#"{"issuer":["https://a.example"],"jwks_uri":"x"}"#,
        r#"{"issuer":"https://a.example","jwks_uri":["https://a.example/k"]}"#,
        r#"{"jwks_uri":"https://a.example/k"}"#,
    ] {
        assert_eq!(
            jwks_uri(document.as_bytes(), a),
            Err(JwksError::Malformed),
            "{document}"
        );
    }
    for document in [
        r#"{"issuer":"https://b.example"}"#,
        r#"{"issuer":"https://b.example","jwks_uri":1}"#,
    ] {
        assert_eq!(
            jwks_uri(document.as_bytes(), a),
            Err(JwksError::WrongIssuer {
                found: "https://b.example".to_owned()
            }),
            "{document}"
        );
    }
    let passed_over = [
        &br#"{"issuer":"https://a.example","jwks_uri":"https://a.example/k","x":""#[..],
        b"\xff",
        br#""}"#,
    ]
    .concat();
    assert_eq!(jwks_uri(&passed_over, a), Err(JwksError::Malformed));
}
