//! Keys that are valid in form and weak or slow.

use super::KeyError;

/// Checks that the exponent is odd, more than 1, and has at most 33 bits. A longer one makes each
/// verification slow and no key stronger.
pub(super) fn check_exponent(e: &[u8]) -> Result<(), KeyError> {
    match e {
        [] | [1] => Err(KeyError::InvalidExponent),
        [.., last] if last % 2 == 0 => Err(KeyError::InvalidExponent),
        [1, _, _, _, _] => Ok(()),
        e if e.len() <= 4 => Ok(()),
        _ => Err(KeyError::InvalidExponent),
    }
}

/// Returns `true` if an Ed25519 public key is one of the points of small order. For such a key,
/// some signatures are valid for every message (RUSTSEC-2026-0240). The list contains all their
/// encodings, canonical or not, without the sign bit.
pub(super) fn is_small_order(x: &[u8]) -> bool {
    const fn filled(first: u8, middle: u8, last: u8) -> [u8; 32] {
        let mut bytes = [middle; 32];
        [bytes[0], bytes[31]] = [first, last];
        bytes
    }
    const ORDER_8: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ];
    const ORDER_8_NEGATIVE: [u8; 32] = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ];
    const ENCODINGS: [[u8; 32]; 7] = [
        filled(0, 0, 0),
        filled(1, 0, 0),
        ORDER_8,
        ORDER_8_NEGATIVE,
        filled(0xec, 0xff, 0x7f),
        filled(0xed, 0xff, 0x7f),
        filled(0xee, 0xff, 0x7f),
    ];
    let Some((last, rest)) = x.split_last() else {
        return true;
    };
    ENCODINGS
        .iter()
        .filter_map(|encoding| encoding.split_last())
        .any(|(top, others)| rest == others && last & 0x7f == *top)
}
