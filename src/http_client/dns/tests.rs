use super::*;

#[test]
fn proxy_host_is_read_from_any_form() {
    for (url, host) in [
        ("http://proxy.internal:3128", Some("proxy.internal")),
        ("proxy.internal:3128", Some("proxy.internal")),
        ("https://user:p:w@proxy.internal/", Some("proxy.internal")),
        ("socks5h://Proxy", Some("Proxy")),
        ("http://[fd00::1]:3128", None),
        ("", None),
    ] {
        assert_eq!(proxy_host(url).as_deref(), host, "{url}");
    }
}

#[tokio::test]
async fn name_of_a_private_address_is_not_resolved() {
    let resolver = |proxies: &[&str]| Resolver {
        only_public: true,
        proxies: proxies.iter().map(|&host| host.to_owned()).collect(),
    };
    let name = || "localhost".parse::<Name>().unwrap();
    let error = resolver(&["proxy"]).resolve(name()).await.err().unwrap();
    assert!(error.is::<PrivateAddress>(), "{error}");
    let found = resolver(&["LocalHost"]).resolve(name()).await.unwrap();
    assert!(found.count() > 0);
}
