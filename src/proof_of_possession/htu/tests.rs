use super::BaseUrl;

fn matches(base: &str, htu: &str, path: &str) -> bool {
    BaseUrl::parse(base).unwrap().matches(htu, path)
}

/// Rules 104, 240.
#[test]
fn equivalent_urls_match() {
    const BASE: &str = "https://api.acme.com";
    for (htu, path) in [
        ("https://api.acme.com/invoices", "/invoices"),
        ("HTTPS://API.acme.COM/invoices", "/invoices"),
        ("https://api.acme.com:443/invoices", "/invoices"),
        ("https://api.acme.com:/invoices", "/invoices"),
        ("https://api.acme.com:0443/invoices", "/invoices"),
        ("https://api.acme.com", "/"),
        ("https://api.acme.com/", ""),
        ("https://api.acme.com/%7Euser", "/~user"),
        ("https://api.acme.com/~user", "/%7euser"),
        ("https://api.acme.com/a%2fb", "/a%2Fb"),
        ("https://api.acme.com/./a/../b/", "/b/"),
        ("https://api.acme.com/a/%2e%2E/b", "/b"),
        ("https://api.acme.com/a/.../b", "/a/.../b"),
        ("https://api.acme.com/..", "/"),
        ("https://api.acme.com/a%7Bb%7D", "/a{b}"),
        ("https://api.acme.com/a:b@c", "/a:b@c"),
        ("https://api.acme.com/caf%C3%A9", "/caf%c3%a9"),
    ] {
        assert!(matches(BASE, htu, path), "{htu} {path}");
    }
    assert!(matches(
        "http://127.0.0.1:3000/",
        "http://127.0.0.1:3000/x",
        "/x"
    ));
    assert!(matches("http://[::1]:80", "http://[::1]/x", "/x"));
    assert!(matches(
        "https://acme.com/api/",
        "https://acme.com/api/x",
        "/x"
    ));
}

/// Rules 104, 240.
#[test]
fn other_urls_do_not_match() {
    const BASE: &str = "https://api.acme.com";
    for (htu, path) in [
        ("https://api.acme.com/invoices", "/invoice"),
        ("https://api.acme.com/invoices/", "/invoices"),
        ("https://api.acme.com/Invoices", "/invoices"),
        ("https://api.acme.com/a//b", "/a/b"),
        ("https://api.acme.com/a%2Fb", "/a/b"),
        ("https://api.acme.com/a%252Fb", "/a%2Fb"),
        ("http://api.acme.com/invoices", "/invoices"),
        ("https://api.acme.com:8443/invoices", "/invoices"),
        ("https://api.acme.com.evil.example/invoices", "/invoices"),
        ("https://evil.example/invoices", "/invoices"),
        ("https://user@api.acme.com/invoices", "/invoices"),
        ("https://api.acme.com@evil.example/invoices", "/invoices"),
        ("https://api.acme.com/invoices?page=1", "/invoices"),
        ("https://api.acme.com/invoices?", "/invoices"),
        ("https://api.acme.com/invoices#top", "/invoices"),
        ("https://api.acme.com/invoices#", "/invoices"),
        ("/invoices", "/invoices"),
        ("//api.acme.com/invoices", "/invoices"),
        ("api.acme.com/invoices", "/invoices"),
        ("https:///invoices", "/invoices"),
        ("https://:443/invoices", "/invoices"),
        ("https://api.acme.com:99999/invoices", "/invoices"),
        ("https://api.acme.com:x/invoices", "/invoices"),
        ("https://api.acme.com/%zz", "/%zz"),
        ("https://api.acme.com/%4", "/%4"),
        ("https://api.acme.com/%", "/%"),
        (" https://api.acme.com/invoices", "/invoices"),
        ("https://api.acme.com/invoices\n", "/invoices"),
        ("https://api.acme.com\\invoices", "/invoices"),
        ("", "/invoices"),
        ("https://api.acme.com*", "*"),
        // Routers do not resolve dot segments.
        ("https://api.acme.com/b", "/a/../b"),
        ("https://api.acme.com/a/../b", "/a/../b"),
        ("https://api.acme.com/b", "/a/%2e%2e/b"),
        ("https://api.acme.com/b", "/a/.%2E/b"),
        ("https://api.acme.com/a", "/a/."),
        ("https://api.acme.com/a/", "/a/%2e"),
    ] {
        assert!(!matches(BASE, htu, path), "{htu} {path}");
    }
    // The prefix that a proxy removes is a part of the URL.
    assert!(!matches("https://acme.com/api", "https://acme.com/x", "/x"));
    assert!(!matches(
        "https://acme.com/api",
        "https://acme.com/x",
        "/../x"
    ));
}

/// Rule 241.
#[test]
fn base_url_must_be_absolute() {
    for url in [
        "",
        "api.acme.com",
        "/api",
        "ftp://acme.com",
        "https://",
        "https://a@acme.com",
        "https://acme.com?x",
        "https://acme.com#x",
        "https://acme.com:x",
        "https://ac me.com",
    ] {
        assert!(BaseUrl::parse(url).is_err(), "{url}");
    }
}
