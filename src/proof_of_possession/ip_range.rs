//! Ranges of IP addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of IP addresses, such as `10.0.0.0/8`, `fd00::/8` or one address.
///
/// An IPv4 address that is mapped into IPv6 (`::ffff:10.0.0.1`) counts as the IPv4 address, in
/// ranges and in peers. Sockets that accept both versions report IPv4 peers in this form.
///
/// ```
/// use tower_m2m::IpRange;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let range: IpRange = "10.0.0.0/8".parse()?;
/// assert!(range.contains("10.1.2.3".parse()?));
/// assert!(range.contains("::ffff:10.1.2.3".parse()?));
/// assert!(!range.contains("11.0.0.0".parse()?));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpRange(Range);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Range {
    V4 { first: u32, bits: u32 },
    V6 { first: u128, bits: u32 },
}

impl IpRange {
    /// Returns `true` if the address is in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.0, address.to_canonical()) {
            (Range::V4 { first, bits }, IpAddr::V4(address)) => {
                (first ^ address.to_bits()).leading_zeros() >= bits
            }
            (Range::V6 { first, bits }, IpAddr::V6(address)) => {
                (first ^ address.to_bits()).leading_zeros() >= bits
            }
            _ => false,
        }
    }

    /// Returns `true` if the range has more addresses than the largest private network:
    /// `10.0.0.0/8` (RFC 1918) or `fc00::/7` (RFC 4193).
    pub(crate) fn is_broad(&self) -> bool {
        match self.0 {
            Range::V4 { bits, .. } => bits < 8,
            Range::V6 { bits, .. } => bits < 7,
        }
    }

    /// Creates the range of all addresses that have the first bits of this one. Returns `None` if
    /// another bit is set, because the range is probably a mistake.
    fn new(address: IpAddr, bits: Option<u8>) -> Option<Self> {
        let bits = bits.map(u32::from);
        let range = match address {
            IpAddr::V4(address) => v4(address, bits.unwrap_or(32)),
            IpAddr::V6(address) => match (address.to_ipv4_mapped(), bits.unwrap_or(128)) {
                (Some(mapped), bits @ 96..) => v4(mapped, bits - 96),
                (_, bits) => v6(address, bits),
            },
        };
        range.map(Self)
    }
}

fn v4(address: Ipv4Addr, bits: u32) -> Option<Range> {
    let first = address.to_bits();
    let is_range = bits <= 32 && (bits == 32 || first << bits == 0);
    is_range.then_some(Range::V4 { first, bits })
}

fn v6(address: Ipv6Addr, bits: u32) -> Option<Range> {
    let first = address.to_bits();
    let is_range = bits <= 128 && (bits == 128 || first << bits == 0);
    is_range.then_some(Range::V6 { first, bits })
}

/// The range of one address.
impl From<IpAddr> for IpRange {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => Range::V4 {
                first: address.to_bits(),
                bits: 32,
            },
            IpAddr::V6(address) => Range::V6 {
                first: address.to_bits(),
                bits: 128,
            },
        })
    }
}

impl FromStr for IpRange {
    type Err = InvalidIpRange;

    fn from_str(text: &str) -> Result<Self, InvalidIpRange> {
        let (address, bits) = match text.split_once('/') {
            None => (text, None),
            Some((address, bits)) => {
                // `u8::from_str` accepts a sign and leading zeros.
                let is_number = bits.bytes().all(|byte| byte.is_ascii_digit());
                if !is_number || (bits.len() > 1 && bits.starts_with('0')) {
                    return Err(InvalidIpRange);
                }
                (address, Some(bits.parse().map_err(|_| InvalidIpRange)?))
            }
        };
        let address = address.parse().map_err(|_| InvalidIpRange)?;
        Self::new(address, bits).ok_or(InvalidIpRange)
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Range::V4 { first, bits } => write!(f, "{}/{bits}", Ipv4Addr::from_bits(first)),
            Range::V6 { first, bits } => write!(f, "{}/{bits}", Ipv6Addr::from_bits(first)),
        }
    }
}

/// The string is not a range of IP addresses: an address, or the first address of the range
/// followed by `/` and the number of bits that all addresses have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidIpRange;

impl fmt::Display for InvalidIpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a range of IP addresses: expected an address, or the first address of the range and the number of its \
             bits, such as 10.0.0.0/8",
        )
    }
}

impl std::error::Error for InvalidIpRange {}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
