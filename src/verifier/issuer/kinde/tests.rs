use super::*;

#[test]
fn kinde_domain_is_parsed_in_every_form() {
    for (domain, issuer) in [
        ("acme", "https://acme.kinde.com"),
        ("acme.kinde.com", "https://acme.kinde.com"),
        ("Acme.Kinde.com", "https://acme.kinde.com"),
        ("https://acme.kinde.com", "https://acme.kinde.com"),
        ("https://acme.kinde.com/", "https://acme.kinde.com"),
        ("acme.au.kinde.com", "https://acme.au.kinde.com"),
        ("http://127.0.0.1:4000", "http://127.0.0.1:4000"),
    ] {
        assert_eq!(kinde_issuer(domain).as_deref(), Ok(issuer), "{domain}");
    }
    for domain in [
        "",
        "/",
        "http://acme.kinde.com",
        "auth.acme.com",
        "acme.kinde.com.evil.example",
        "evilkinde.com",
        "a b",
        "acme/x",
        "acme@x",
        ".kinde.com",
        "https://",
    ] {
        assert!(kinde_issuer(domain).is_err(), "{domain}");
    }
}
