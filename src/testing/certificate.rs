//! Self-signed certificates (RFC 5280 §4.1), which the test utilities encode themselves.

use std::io;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::encoding::random;

/// A certificate and its key, both in DER.
pub(super) struct SelfSigned {
    pub(super) certificate: Vec<u8>,
    /// In PKCS#8.
    pub(super) key: Vec<u8>,
}

/// Returns a new certificate for a new P-256 key. It is valid until 2049.
pub(super) fn self_signed() -> io::Result<SelfSigned> {
    const ECDSA_WITH_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    const EC_PUBLIC_KEY: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    const P256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];

    let failed = |_| io::Error::other("failed to create a certificate");
    let rng = SystemRandom::new();
    let key =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).map_err(failed)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref())
        .map_err(|_| io::Error::other("failed to read the key of a certificate"))?;
    let algorithm = sequence(&[ECDSA_WITH_SHA256]);
    // Each has a name of its own, so that a server can trust several.
    let mut serial = random::<8>()?;
    serial[0] = 0x40 | (serial[0] & 0x3f);
    let name: Vec<u8> = format!("client {:x}", u64::from_be_bytes(serial)).into();
    let subject = sequence(&[&tlv(
        0x31,
        &[&sequence(&[COMMON_NAME, &tlv(0x0c, &[&name])])],
    )]);
    let validity = sequence(&[
        &tlv(0x17, &[b"200101000000Z"]),
        &tlv(0x17, &[b"491231235959Z"]),
    ]);
    let public_key = sequence(&[
        &sequence(&[EC_PUBLIC_KEY, P256]),
        &tlv(0x03, &[&[0], pair.public_key().as_ref()]),
    ]);
    let to_be_signed = sequence(&[
        &tlv(0xa0, &[&tlv(0x02, &[&[2]])]),
        &tlv(0x02, &[&serial]),
        &algorithm,
        &subject,
        &validity,
        &subject,
        &public_key,
    ]);
    let signature = pair.sign(&rng, &to_be_signed).map_err(failed)?;
    let certificate = sequence(&[
        &to_be_signed,
        &algorithm,
        &tlv(0x03, &[&[0], signature.as_ref()]),
    ]);
    Ok(SelfSigned {
        certificate,
        key: key.as_ref().to_vec(),
    })
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

/// Encodes tag, length and value (X.690 §8.1).
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let length = value.len().to_be_bytes();
    let digits = length.iter().position(|byte| *byte != 0);
    let digits = digits.and_then(|at| length.get(at..)).unwrap_or(&[0]);
    let mut all = vec![tag];
    match digits {
        [short @ 0..=0x7f] => all.push(*short),
        long => {
            // At most 8 bytes.
            all.extend(u8::try_from(long.len()).map(|count| 0x80 | count));
            all.extend(long);
        }
    }
    all.extend(value);
    all
}
