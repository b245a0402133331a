use super::*;

#[test]
fn special_purpose_addresses_are_not_public() {
    for (address, expected) in [
        ("0.0.0.0", false),
        ("0.255.255.255", false),
        ("1.0.0.0", true),
        ("9.255.255.255", true),
        ("10.0.0.0", false),
        ("10.255.255.255", false),
        ("11.0.0.0", true),
        ("100.63.255.255", true),
        ("100.64.0.0", false),
        ("100.127.255.255", false),
        ("100.128.0.0", true),
        ("126.255.255.255", true),
        ("127.0.0.1", false),
        ("127.255.255.255", false),
        ("128.0.0.0", true),
        ("169.253.255.255", true),
        ("169.254.169.254", false),
        ("169.255.0.0", true),
        ("172.15.255.255", true),
        ("172.16.0.0", false),
        ("172.31.255.255", false),
        ("172.32.0.0", true),
        ("192.0.0.8", false),
        ("192.0.1.0", true),
        ("192.0.2.1", false),
        ("192.88.99.1", false),
        ("192.167.255.255", true),
        ("192.168.0.0", false),
        ("192.169.0.0", true),
        ("198.17.255.255", true),
        ("198.18.0.0", false),
        ("198.19.255.255", false),
        ("198.20.0.0", true),
        ("198.51.100.7", false),
        ("203.0.113.7", false),
        ("223.255.255.255", true),
        ("224.0.0.1", false),
        ("239.255.255.255", false),
        ("240.0.0.1", false),
        ("255.255.255.255", false),
        ("::", false),
        ("::1", false),
        ("::127.0.0.1", false),
        ("::8.8.8.8", false),
        ("::ffff:127.0.0.1", false),
        ("::ffff:10.1.2.3", false),
        ("::ffff:8.8.8.8", true),
        ("64:ff9b::10.1.2.3", false),
        ("64:ff9b::169.254.169.254", false),
        ("64:ff9b::8.8.8.8", true),
        ("64:ff9b:1::8.8.8.8", false),
        ("100::1", false),
        ("2000::1", true),
        ("2001::1", false),
        ("2001:1ff::1", false),
        ("2001:200::1", true),
        ("2001:db8::1", false),
        ("2001:4860:4860::8888", true),
        ("2002:7f00:1::1", false),
        ("2002:808:808::1", true),
        ("3fff::1", false),
        ("3fff:fff::1", false),
        ("3fff:1000::1", true),
        ("4000::1", false),
        ("5f00::1", false),
        ("fc00::1", false),
        ("fdff::1", false),
        ("fe80::1", false),
        ("febf::1", false),
        ("fec0::1", false),
        ("ff02::1", false),
    ] {
        assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
    }
}

/// Every form of an address that a URL client reads as one.
#[test]
fn private_host_is_recognized_in_every_form() {
    let issuer = "https://issuer.example";
    for (url, allowed) in [
        ("https://keys.example/jwks", true),
        ("https://keys.example:8443/jwks", true),
        ("https://8.8.8.8/jwks", true),
        ("https://[2001:4860:4860::8888]:8443/jwks", true),
        ("https://127.0.0.1/jwks", false),
        ("https://127.0.0.1.:8443/jwks", false),
        ("https://127.1/jwks", false),
        ("https://2130706433/jwks", false),
        ("https://134744072/jwks", false),
        ("https://0x7f000001/jwks", false),
        ("https://0X7F.0.0.1/jwks", false),
        ("https://0177.0.0.1/jwks", false),
        ("https://127.0.0.0x1/jwks", false),
        ("https://1.2.3.4.5/jwks", false),
        ("https://keys.1/jwks", false),
        ("https://keys.0x/jwks", false),
        ("https://keys.0xg/jwks", true),
        ("https://169.254.169.254/latest/meta-data", false),
        ("https://localhost/jwks", false),
        ("https://LOCALHOST.:1/jwks", false),
        ("https://keys.localhost/jwks", false),
        ("https://localhost.example/jwks", true),
        ("https://[::1]/jwks", false),
        ("https://[::]/jwks", false),
        ("https://[::ffff:10.0.0.1]/jwks", false),
        ("https://[fe80::1%25eth0]/jwks", false),
        ("https://[fd00::1]?x", false),
        ("https://[::1", false),
        ("https://", false),
        ("", false),
    ] {
        let rule = AddressRule::PublicElsewhere;
        assert_eq!(rule.allows(url, issuer), allowed, "{url}");
        assert_eq!(AddressRule::Public.allows(url, issuer), allowed, "{url}");
        assert!(AddressRule::Any.allows(url, issuer), "{url}");
    }
}

#[test]
fn issuers_own_host_may_be_private_if_listed() {
    for issuer in [
        "https://10.0.0.1",
        "https://10.0.0.1:8443/realms/a",
        "https://[fd00::1]",
    ] {
        let rule = AddressRule::for_listed(issuer);
        assert_eq!(rule, AddressRule::PublicElsewhere);
        let keys = issuer.replace("https://10.0.0.1:8443", "https://10.0.0.1");
        assert!(rule.allows(&format!("{keys}/jwks"), issuer), "{issuer}");
        assert!(!rule.allows("https://10.0.0.2/jwks", issuer), "{issuer}");
        assert!(!AddressRule::Public.allows(issuer, issuer), "{issuer}");
    }
    let rule = AddressRule::PublicElsewhere;
    assert!(!rule.requires_public("https://A.example:1/jwks", "https://a.example/x"));
    assert!(rule.requires_public("https://b.a.example/jwks", "https://a.example"));
    for issuer in [
        "http://127.0.0.1:4000",
        "https://localhost",
        "http://[::1]:1",
    ] {
        assert_eq!(
            AddressRule::for_listed(issuer),
            AddressRule::Any,
            "{issuer}"
        );
    }
}
