use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};

use super::{CLIENT_CERT, MAX_BYTES, certificate_from};
use crate::proof_of_possession::ClientCertificate;
use crate::token::CertificateHeaderError as E;

fn read(values: &[&str]) -> Result<Option<ClientCertificate>, E> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(CLIENT_CERT, HeaderValue::from_str(value).unwrap());
    }
    certificate_from(&headers)
}

/// Rules 253, 334.
#[test]
fn one_byte_sequence_is_read() {
    for (value, expected) in [
        (":AQID:", Some(&[1, 2, 3][..])),
        (" :AQID: ", Some(&[1, 2, 3][..])),
        (":+/8=:", Some(&[0xfb, 0xff][..])),
        // RFC 8941 §4.2.7: padding may be absent, and pad bits may be set.
        (":+/8:", Some(&[0xfb, 0xff][..])),
        (":+/9=:", Some(&[0xfb, 0xff][..])),
        ("::", None),
        (" :: ", None),
    ] {
        let expected = expected.map(ClientCertificate::from_der);
        assert_eq!(read(&[value]), Ok(expected), "{value}");
    }
    assert_eq!(read(&[]), Ok(None));
}

/// Rule 253.
#[test]
fn other_values_are_rejected() {
    let pem = "-----BEGIN%20CERTIFICATE-----%0AAQID%0A-----END%20CERTIFICATE-----%0A";
    for value in [
        "",
        ":",
        ":::",
        "AQID",
        ":AQID",
        "AQID:",
        ": AQID:",
        ":AQ ID:",
        ":AQID: :AQID:",
        ":AQID:AQID:",
        ":AQID:;a=1",
        ":A:",
        ":=:",
        ":AQI==:",
        ":-_8=:",
        ":%2B%2F8%3D:",
        "\":AQID:\"",
        pem,
        "-----BEGIN CERTIFICATE-----",
        "Hash=00;Cert=\"AQID\"",
    ] {
        assert_eq!(read(&[value]), Err(E::Malformed), "{value}");
    }
}

/// Rule 253.
#[test]
fn several_certificates_are_rejected() {
    for values in [
        &[":AQID:", ":AQID:"][..],
        &["::", ":AQID:"],
        &["", ""],
        &[":AQID:,:AQID:"],
        &[":AQID:, "],
        &[","],
        &["::, :AQID:"],
    ] {
        assert_eq!(read(values), Err(E::Multiple), "{values:?}");
    }
}

/// Rule 253.
#[test]
fn value_may_have_16_kib() {
    // 12,285 bytes are 16,380 characters, and the colons are 2.
    let longest = format!("  :{}:", STANDARD.encode([7; 12_285]));
    assert_eq!(longest.len(), MAX_BYTES);
    assert_eq!(
        read(&[&longest]),
        Ok(Some(ClientCertificate::from_der([7; 12_285])))
    );
    let too_long = format!("{longest} ");
    assert_eq!(read(&[&too_long]), Err(E::TooLong));
    let commas = ",".repeat(MAX_BYTES + 1);
    assert_eq!(read(&[&commas]), Err(E::TooLong));
}

/// Rule 334.
///
/// An empty certificate fits no token, not even one that is bound to the hash of nothing.
#[test]
fn empty_certificate_fits_no_thumbprint() {
    let empty = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"");
    let empty: [u8; 32] = empty.as_ref().try_into().unwrap();
    assert!(!ClientCertificate::from_der(b"").matches(&empty));
    let one = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"1");
    let one: [u8; 32] = one.as_ref().try_into().unwrap();
    assert!(ClientCertificate::from_der(b"1").matches(&one));
    assert!(!ClientCertificate::from_der(b"2").matches(&one));
}
