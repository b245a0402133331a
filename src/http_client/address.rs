//! The addresses that keys may be fetched from.
//!
//! An issuer that the application does not operate must not make this process send requests to its
//! own network. So hosts other than the issuer's own must have public addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The setting whether private addresses are restricted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrivateAddresses {
    Restricted,
    Allowed,
}

/// The addresses that an issuer's metadata and keys may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressRule {
    /// Any address: the issuer is on loopback, or the application removed the restriction.
    Any,
    /// Any address at the issuer's own host, and only public addresses elsewhere.
    PublicElsewhere,
    /// Only public addresses.
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

    /// Returns `true` if the rule allows the host that is written in the URL. A name is checked
    /// when it is resolved.
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
    /// A name with addresses that are not known yet.
    Name,
    Public,
    Loopback,
    /// Neither public nor loopback, or unclear.
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

/// Returns `true` for names of this machine (RFC 6761 §6.3).
fn is_localhost(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    last.eq_ignore_ascii_case("localhost")
}

/// Returns `true` if a URL client reads the host as an IPv4 address, in whatever form: `127.1`,
/// `0x7f.1`, `2130706433` (URL Standard, "ends in a number").
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

/// Returns `true` if the address is a public unicast address (the registries of IANA for
/// special-purpose addresses).
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
        // All other public addresses are in 2000::/3. Unique local, link-local, multicast, loopback
        // and unspecified addresses, and local NAT64 (RFC 8215), are not.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
