use super::*;

/// Rule 58.
///
/// Https by form, loopback the only exception.
#[test]
fn url_is_secure_if_https_or_loopback() {
    for (url, is_secure) in [
        ("https://acme.kinde.com", true),
        ("https://acme.kinde.com:8443/a?b=c", true),
        ("http://127.0.0.1:4000", true),
        ("http://127.9.9.9", true),
        ("http://[::1]:4000/x", true),
        ("http://localhost:4000", true),
        ("http://acme.kinde.com", false),
        ("http://localhost.example.com", false),
        ("http://127.0.0.1.example.com", false),
        ("http://0.0.0.0", false),
        ("http://10.0.0.1", false),
        ("https://user@acme.kinde.com", false),
        ("https://acme.kinde.com#f", false),
        ("https://acme.kinde.com\\@evil.example", false),
        ("https://acme kinde.com", false),
        ("http://localhost:[::1]1/", false),
        ("http://localhost:evil.example/", false),
        ("https://acme.kinde.com:65536/", false),
        ("https://acme.kinde.com:+443/", false),
        ("https://acme.kinde.com:/", false),
        ("https://:443/", false),
        ("https://", false),
        ("ftp://acme.kinde.com", false),
        ("file:///etc/passwd", false),
        ("/well-known", false),
        ("acme.kinde.com", false),
        ("", false),
    ] {
        assert_eq!(is_secure_url(url), is_secure, "{url}");
    }
}
