//! Which addresses keys may be fetched from.
//!
//! An issuer that the application does not operate must not make this process send requests to its own network. So hosts
//! other than the issuer's own must have public addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The setting: whether private addresses are restricted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrivateAddresses {
    Restricted,
    Allowed,
}

/// Which addresses an issuer's metadata and keys may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressRule {
    /// Any: the issuer is on loopback, or the application removed the restriction.
    Any,
    /// Any at the issuer's own host, and public ones elsewhere.
    PublicElsewhere,
    /// Public ones only.
    Public,
}

impl AddressRule {
    /// Returns the rule for an issuer in the configuration.
    pub(crate) fn for_listed(issuer: &str) -> Self {
        match host(issuer).map(HostKind::new) {
            Some(HostKind::Loopback) => Self::Any,
            _ => Self::PublicElsewhere,
        }
    }

    /// Returns `true` if a URL must have a public address.
    pub(crate) fn requires_public(self, url: &str, issuer: &str) -> bool {
        match self {
            Self::Any => false,
            Self::PublicElsewhere => !has_same_host(url, issuer),
            Self::Public => true,
        }
    }

    /// Returns `true` if the rule allows the host that is written in the URL. A name is checked when it is resolved.
    pub(crate) fn allows(self, url: &str, issuer: &str) -> bool {
        !self.requires_public(url, issuer)
            || host(url).is_some_and(|host| {
                matches!(HostKind::new(host), HostKind::Name | HostKind::Public)
            })
    }
}

/// A host as it is written in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostKind {
    /// A name. Its addresses are not known yet.
    Name,
    Public,
    Loopback,
    /// Neither public nor loopback, or not clear.
    Other,
}

impl HostKind {
    fn new(host: &str) -> Self {
        let host = host.strip_suffix('.').unwrap_or(host);
        let literal = match host.strip_prefix('[') {
            Some(rest) => rest
                .strip_suffix(']')
                .and_then(|text| text.parse().ok())
                .map(IpAddr::V6),
            None => host.parse().ok().map(IpAddr::V4),
        };
        match literal {
            Some(address) if is_public(address) => Self::Public,
            Some(address) if address.to_canonical().is_loopback() => Self::Loopback,
            Some(_) => Self::Other,
            None if host.starts_with('[') || ends_in_a_number(host) => Self::Other,
            None if is_localhost(host) => Self::Loopback,
            None => Self::Name,
        }
    }
}

/// Names of this machine (RFC 6761 §6.3).
fn is_localhost(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    last.eq_ignore_ascii_case("localhost")
}

/// Returns `true` if a URL client reads the host as an IPv4 address, in whatever form: `127.1`, `0x7f.1`, `2130706433`
/// (URL Standard, "ends in a number").
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let hex = last
        .strip_prefix("0x")
        .or_else(|| last.strip_prefix("0X"))
        .is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits(last) || hex
}

fn has_same_host(a: &str, b: &str) -> bool {
    matches!((host(a), host(b)), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b))
}

fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    authority.get(..end).filter(|host| !host.is_empty())
}

/// Returns `true` if the address is a public unicast address (the registries of IANA for special-purpose addresses).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The blocks that are not public: address and prefix length.
const SPECIAL_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast; then reserved addresses and broadcast.
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !SPECIAL_V4.iter().any(|(block, length)| {
        let block = u32::from(Ipv4Addr::from(*block));
        (bits ^ block) >> (32 - length) == 0
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        // IPv4-mapped addresses, and NAT64 (RFC 6052 §2.1): the embedded address decides.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(v4(high, low))
        }
        // 6to4 (RFC 3056 §2).
        [0x2002, high, low, ..] => is_public_v4(v4(high, low)),
        // Teredo and other protocol assignments; documentation (RFC 3849, RFC 9637).
        [0x2001, 0..0x200 | 0xdb8, ..] | [0x3fff, 0..0x1000, ..] => false,
        // All other public addresses are in 2000::/3. Unique local, link-local, multicast, loopback and unspecified
        // addresses, and local NAT64 (RFC 8215), are not.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
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
}
