use std::net::IpAddr;

use super::{InvalidIpRange, IpRange};

fn range(text: &str) -> IpRange {
    text.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Rule 254.
#[test]
fn range_contains_exactly_its_addresses() {
    for (text, first, last, outside) in [
        (
            "10.0.0.0/8",
            "10.0.0.0",
            "10.255.255.255",
            ["9.255.255.255", "11.0.0.0"],
        ),
        (
            "192.168.1.128/25",
            "192.168.1.128",
            "192.168.1.255",
            ["192.168.1.127", "192.168.2.0"],
        ),
        (
            "203.0.113.7",
            "203.0.113.7",
            "203.0.113.7",
            ["203.0.113.6", "203.0.113.8"],
        ),
        (
            "203.0.113.7/32",
            "203.0.113.7",
            "203.0.113.7",
            ["203.0.113.6", "203.0.113.8"],
        ),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255", ["::1", "fe80::"]),
        ("::/0", "::2", "ffff::", ["10.0.0.1", "::ffff:10.0.0.1"]),
        ("fd00::/8", "fd00::", "fdff::1", ["fc00::", "fe00::"]),
        ("::1", "::1", "::1", ["::", "::2"]),
    ] {
        let range = range(text);
        for inside in [first, last] {
            assert!(range.contains(address(inside)), "{inside} in {text}");
        }
        for outside in outside {
            assert!(!range.contains(address(outside)), "{outside} in {text}");
        }
    }
}

/// Rule 254.
///
/// A socket for both versions reports IPv4 peers as mapped addresses.
#[test]
fn mapped_addresses_count_as_ipv4() {
    assert!(range("10.0.0.0/8").contains(address("::ffff:10.1.2.3")));
    assert!(!range("10.0.0.0/8").contains(address("::ffff:11.0.0.0")));
    // The deprecated compatible form is another address.
    assert!(!range("10.0.0.0/8").contains(address("::10.1.2.3")));
    assert_eq!(range("::ffff:10.0.0.0/104"), range("10.0.0.0/8"));
    assert_eq!(range("::ffff:10.0.0.1"), range("10.0.0.1"));
    assert_eq!(IpRange::from(address("::ffff:10.0.0.1")), range("10.0.0.1"));
    assert_eq!(IpRange::from(address("fd00::1")), range("fd00::1/128"));
}

#[test]
fn malformed_ranges_are_rejected() {
    for text in [
        "",
        "/",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "10.0.0.0/256",
        "10.0.0.0/8/8",
        "10.0.0.0 /8",
        " 10.0.0.0/8",
        "10.0.0/8",
        "010.0.0.0/8",
        "10.0.0.1/8",
        "fd00::1/8",
        "fd00::/129",
        "::ffff:0:0/95",
        "fe80::1%eth0",
        "10.0.0.0:80",
        "localhost",
        "*",
    ] {
        assert_eq!(text.parse::<IpRange>(), Err(InvalidIpRange), "{text}");
    }
}

#[test]
fn display_can_be_parsed_again() {
    for text in ["10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "::1/128"] {
        assert_eq!(range(text).to_string(), text);
    }
    assert_eq!(range("203.0.113.7").to_string(), "203.0.113.7/32");
}

#[test]
fn broad_ranges_are_larger_than_private_networks() {
    for (text, is_broad) in [
        ("10.0.0.0/8", false),
        ("8.0.0.0/7", true),
        ("0.0.0.0/0", true),
        ("fc00::/7", false),
        ("fc00::/6", true),
        ("::/0", true),
    ] {
        assert_eq!(range(text).is_broad(), is_broad, "{text}");
    }
}
