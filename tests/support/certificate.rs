//! Self-signed certificates, made by the test.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

/// The alternative name of 127.0.0.1.
pub(crate) const LOOPBACK: [u8; 6] = [0x87, 4, 127, 0, 0, 1];
/// A date that is not reached.
pub(crate) const FOR_LONG: &str = "491231235959Z";

/// Returns a certificate (RFC 5280 §4.1) and its key in PKCS#8.
pub(crate) fn self_signed(name: &[u8], not_before: &str, not_after: &str) -> (Vec<u8>, Vec<u8>) {
    const ECDSA_WITH_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    const EC_PUBLIC_KEY: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    const P256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
    const ALTERNATIVE_NAME: &[u8] = &[0x06, 3, 0x55, 0x1d, 0x11];

    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
    let algorithm = sequence(&[ECDSA_WITH_SHA256]);
    let subject = sequence(&[&tlv(
        0x31,
        &[&sequence(&[COMMON_NAME, &tlv(0x0c, &[b"an issuer"])])],
    )]);
    let validity = sequence(&[
        &tlv(0x17, &[not_before.as_bytes()]),
        &tlv(0x17, &[not_after.as_bytes()]),
    ]);
    let public_key = sequence(&[
        &sequence(&[EC_PUBLIC_KEY, P256]),
        &tlv(0x03, &[&[0], key.public_key().as_ref()]),
    ]);
    let extension = sequence(&[ALTERNATIVE_NAME, &tlv(0x04, &[&sequence(&[name])])]);
    let version = tlv(0xa0, &[&tlv(0x02, &[&[2]])]);
    let to_be_signed = sequence(&[
        &version,
        &tlv(0x02, &[&[1]]),
        &algorithm,
        &subject,
        &validity,
        &subject,
        &public_key,
        &tlv(0xa3, &[&sequence(&[&extension])]),
    ]);
    let signature = key.sign(&random, &to_be_signed).unwrap();
    let certificate = sequence(&[
        &to_be_signed,
        &algorithm,
        &tlv(0x03, &[&[0], signature.as_ref()]),
    ]);
    (certificate, pkcs8.as_ref().to_vec())
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

/// Encodes tag, length and value (X.690 §8.1), up to 65,535 bytes.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
    let mut all = vec![tag];
    match (high, low) {
        (0, 0..=127) => all.push(low),
        (0, _) => all.extend([0x81, low]),
        _ => all.extend([0x82, high, low]),
    }
    all.extend(value);
    all
}
