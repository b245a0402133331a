//! Sends `Client-Cert` headers with a token that is bound to a fixed certificate, and reads them a
//! second time. Also parses ranges of addresses.

use std::net::IpAddr;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use tower_m2m::{IpRange, PeerAddress, ProofOfPossession, Rejection, Verifier};

use crate::support::{AUDIENCE, ISSUER, KID, NOW, issuer, now, sign};

/// The certificate. Its encoding has both characters that base64url does not have, and padding.
const DER: &[u8] = &[0x30, 0x03, 0xfb, 0xff, 0xfe, 0x3e, 0x3f];

const MAX_BYTES: usize = 16 * 1024;

static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, DER));
    let claims = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{},"client_id":"c","cnf":{{"x5t#S256":"{thumbprint}"}}}}"#,
        NOW + 3600
    );
    sign(
        format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}"#).as_bytes(),
        claims.as_bytes(),
    )
});

/// Checks one request. The first line of the input is a range, the second one the address of the
/// peer. Each further line is a `Client-Cert` header. An empty range or address means a valid one.
pub fn check(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next()?).ok();
    let range = text().filter(|line| !line.is_empty());
    let range = range.unwrap_or("10.0.0.0/8");
    let peer = text().and_then(|line| line.parse().ok());
    let peer = peer.unwrap_or(IpAddr::from([10, 0, 0, 1]));
    let parsed: Result<IpRange, _> = range.parse();
    let expected = read_range(range);
    assert_eq!(parsed.is_ok(), expected.is_some(), "{range}");
    let (Ok(parsed), Some(expected)) = (parsed, expected) else {
        return;
    };
    assert_eq!(parsed.to_string().parse(), Ok(parsed));
    let is_proxy = contains(expected, peer);
    assert_eq!(parsed.contains(peer), is_proxy, "{range} {peer}");

    let values: Vec<&[u8]> = lines.collect();
    let mut request = Request::new(());
    let bearer = format!("Bearer {}", *TOKEN);
    let bearer = HeaderValue::try_from(bearer).expect("base64url and dots");
    request.headers_mut().insert(AUTHORIZATION, bearer);
    for value in &values {
        let Ok(value) = HeaderValue::from_bytes(value) else {
            return;
        };
        request.headers_mut().append("client-cert", value);
    }
    let address = PeerAddress::new((peer, 1).into());
    request.extensions_mut().insert(address);
    let (parts, ()) = request.into_parts();
    let verified = now(verifier(parsed).verify_request(&parts));
    let expected = if is_proxy {
        read(&values)
    } else {
        Header::Absent
    };
    match (verified, expected) {
        (Ok(claims), Header::Certificate(der)) => {
            assert!(claims.is_bound());
            assert_eq!(der, DER, "another certificate was accepted");
        }
        (Err(Rejection::InvalidCertificateHeader(_)), Header::Malformed) => {}
        (Err(Rejection::InvalidClaims(error)), Header::Absent) => {
            assert_eq!(error.code(), "certificate_missing");
        }
        (Err(Rejection::InvalidClaims(error)), Header::Certificate(der)) => {
            assert_eq!(error.code(), "wrong_certificate");
            assert_ne!(der, DER, "the certificate was rejected");
        }
        (verified, expected) => panic!("{verified:?} {expected:?}"),
    }
}

fn verifier(range: IpRange) -> Verifier {
    issuer(|issuer| {
        issuer.proof_of_possession(ProofOfPossession::mtls().client_cert_header_from([range]))
    })
}

#[derive(Debug)]
enum Header {
    Absent,
    Malformed,
    Certificate(Vec<u8>),
}

/// Reads the headers a second time, bit by bit.
fn read(values: &[&[u8]]) -> Header {
    let value = match values {
        [] => return Header::Absent,
        [value] if value.len() <= MAX_BYTES => value,
        _ => return Header::Malformed,
    };
    let value = value.trim_ascii();
    let inner = value
        .strip_prefix(b":")
        .and_then(|rest| rest.strip_suffix(b":"));
    match inner.and_then(decode) {
        None => Header::Malformed,
        Some(der) if der.is_empty() => Header::Absent,
        Some(der) => Header::Certificate(der),
    }
}

/// Decodes base64 with or without padding (RFC 8941 §4.2.7).
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.iter().position(|byte| *byte == b'=');
    let (digits, padding) = text.split_at(digits.unwrap_or(text.len()));
    let is_padded = padding.iter().all(|byte| *byte == b'=')
        && (padding.is_empty() || matches!((digits.len() % 4, padding.len()), (2, 2) | (3, 1)));
    // Padding that is only in part there is accepted by some decoders, and by this one too.
    let is_partly_padded = digits.len() % 4 == 2 && padding == b"=";
    if !(is_padded || is_partly_padded) || digits.len() % 4 == 1 {
        return None;
    }
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

/// Returns the first address of a range as IPv6, and the number of its bits.
fn read_range(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        None => (text, None),
        Some((address, bits)) => {
            let number: u32 = bits.parse().ok()?;
            // One way to write each number.
            if number.to_string() != bits {
                return None;
            }
            (address, Some(number))
        }
    };
    let address: IpAddr = address.parse().ok()?;
    let length = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(length);
    let set = bit_list(address);
    if bits > length || set.iter().skip(bits as usize).any(|bit| *bit) {
        return None;
    }
    match address.to_canonical() {
        canonical if canonical == address => Some((address, bits)),
        canonical if bits >= 96 => Some((canonical, bits - 96)),
        _ => Some((address, bits)),
    }
}

fn contains((first, bits): (IpAddr, u32), address: IpAddr) -> bool {
    let (first, address) = (bit_list(first), bit_list(address.to_canonical()));
    first.len() == address.len()
        && first
            .iter()
            .zip(&address)
            .take(bits as usize)
            .all(|(left, right)| left == right)
}

fn bit_list(address: IpAddr) -> Vec<bool> {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let bits = octets
        .into_iter()
        .flat_map(|octet| (0..8).map(move |at| octet & (0x80 >> at) != 0));
    bits.collect()
}
