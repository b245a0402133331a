//! Signatures that do not belong to their header and payload.

use super::forge::{segments, signature, with_signature};
use super::forgery::forgeries;
use crate::testing::encoding::{base64url, uuid};

forgeries! {
    /// One bit of the signature is flipped.
    bad_signature(good) -> INVALID_TOKEN {
        let mut signature = signature(&good);
        let middle = signature.len() / 2;
        if let Some(byte) = signature.get_mut(middle) {
            *byte ^= 1;
        }
        with_signature(&good, signature)
    }

    /// Half of the signature is missing.
    truncated_signature(good) -> INVALID_TOKEN {
        let mut signature = signature(&good);
        signature.truncate(signature.len() / 2);
        with_signature(&good, signature)
    }

    /// There is no signature (CVE-2020-28042).
    empty_signature(good) -> INVALID_TOKEN { with_signature(&good, []) }

    /// The signature has the right length and consists of zeros.
    zero_signature(good) -> INVALID_TOKEN { with_signature(&good, vec![0; signature(&good).len()]) }

    /// The right signature is repeated.
    doubled_signature(good) -> INVALID_TOKEN { with_signature(&good, signature(&good).repeat(2)) }

    /// The right signature has one more byte at its end.
    extended_signature(good) -> INVALID_TOKEN {
        let mut signature = signature(&good);
        signature.push(0);
        with_signature(&good, signature)
    }

    /// The organization and the scopes were changed after the token was signed.
    swapped_payload(good) -> INVALID_TOKEN {
        let signature = signature(&good);
        with_signature(&good.org("org_victim").scopes(["admin"]), signature)
    }

    /// The header was changed after the token was signed.
    swapped_header(good) -> INVALID_TOKEN {
        let signature = signature(&good);
        with_signature(&good.header("x", 1), signature)
    }

    /// The signature has base64 padding, which a JWS never has (RFC 7515 §2).
    padded_signature(good) -> INVALID_TOKEN { good.token() + "==" }

    /// The signature bytes are the same in another spelling, with bits set that base64 ignores.
    non_canonical_base64(good) -> INVALID_TOKEN {
        let token = good.token();
        let bits = signature(&good).len() % 3;
        match token.char_indices().next_back() {
            // There are 4 unused bits after a single last byte and 2 after a pair. The last bit is
            // unused in both.
            Some((at, last)) if bits != 0 => {
                let sibling = sibling(last);
                token.get(..at).unwrap_or_default().to_owned() + &sibling.to_string()
            }
            // There are no unused bits. One more letter does not encode another byte.
            _ => token + "A",
        }
    }

    /// The signature is in the alphabet of standard base64, with `+` and `/`.
    standard_base64(good) -> INVALID_TOKEN {
        // Try tokens until the two spellings differ. A second try is almost never needed.
        let tokens = (0..64).map(|_| good.clone().claim("jti", uuid()).token());
        let token = tokens.into_iter().find(|token| segments(token).2.contains(['-', '_']));
        let token = token.unwrap_or_default();
        let (header, payload, signature) = segments(&token);
        format!("{header}.{payload}.{}", signature.replace('-', "+").replace('_', "/"))
    }

    /// The signature is valid for the decoded payload instead of the encoded one (RFC 7515 §5.1).
    signature_over_decoded_text(good) -> INVALID_TOKEN {
        let decoded = format!("{}.{}", good.header_json(), good.payload_json());
        let signature = good.key().sign(decoded.as_bytes()).unwrap_or_default();
        with_signature(&good, signature)
    }
}

/// Returns the letter that differs in the last of its six bits.
fn sibling(letter: char) -> char {
    let alphabet = (0..64_u8).filter_map(|value| base64url([value << 2]).chars().next());
    let letters: Vec<char> = alphabet.collect();
    let position = letters
        .iter()
        .position(|&candidate| candidate == letter)
        .unwrap_or_default();
    letters.get(position ^ 1).copied().unwrap_or(letter)
}
