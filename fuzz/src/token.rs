//! Compares the parsers of the compact serialization and of the JOSE header with a naive reading of
//! RFC 7515.

use serde_json::{Map, Value};
use tower_m2m::token::{CompactJws, JoseHeader};

/// Checks the input as a token and as a decoded header.
pub fn check(data: &[u8]) {
    header(data);
    let Ok(token) = std::str::from_utf8(data) else {
        return;
    };
    let mut room = vec![0; token.len()];
    let mut room = room.as_mut_slice();
    let read = CompactJws::split(token).and_then(|compact| {
        let (header, payload) = (
            compact.decode_header(&mut room)?.to_vec(),
            compact.decode_payload(&mut room)?.to_vec(),
        );
        let signature = compact.decode_signature(&mut room)?.to_vec();
        Ok((compact.signing_input(), (header, payload), signature))
    });
    let parts: Vec<&str> = token.split('.').collect();
    let naive = match parts.as_slice() {
        [header, payload, signature] if !signature.is_empty() && signature.len() <= 1366 => {
            decode(header).zip(decode(payload)).zip(decode(signature))
        }
        _ => None,
    };
    match (read, naive) {
        (Ok((input, decoded, signature)), Some((naive_decoded, naive_signature))) => {
            // Signature verification uses exactly the received octets.
            assert_eq!(
                input,
                token
                    .rsplit_once('.')
                    .map_or("", |(input, _)| input)
                    .as_bytes()
            );
            assert_eq!((&decoded, &signature), (&naive_decoded, &naive_signature));
            header(&decoded.0);
        }
        (Err(_), None) => {}
        (read, _) => panic!(
            "the parser and a naive reading disagree: {:?}",
            read.map(|_| ()).map_err(|error| error.code())
        ),
    }
}

fn header(text: &[u8]) {
    let Ok(header) = JoseHeader::parse(text) else {
        return;
    };
    let naive: Map<String, Value> =
        serde_json::from_slice(text).expect("an accepted header is a JSON object");
    let text_of = |name: &str| {
        naive
            .get(name)
            .map(|value| value.as_str().expect("a string"))
    };
    let algorithm = text_of("alg").expect("an accepted header has alg");
    assert!(
        algorithm == header.algorithm().name()
            || (algorithm == "Ed25519" && header.algorithm().name() == "EdDSA")
    );
    assert!(!algorithm.starts_with("HS") && !algorithm.eq_ignore_ascii_case("none"));
    assert_eq!(header.kid(), text_of("kid"));
    assert!(header.kid().is_none_or(|kid| kid.len() <= 256));
    assert!(naive.keys().all(|name| name != "crit" && name != "b64"));
    // Parsing the printed header again gives the same header.
    let printed = serde_json::to_vec(&naive).expect("it prints");
    let again = JoseHeader::parse(&printed).expect("the printed header is accepted");
    assert_eq!(
        (again.algorithm(), again.kid(), again.token_type()),
        (header.algorithm(), header.kid(), header.token_type())
    );
}

/// Decodes base64url without padding, bit by bit (RFC 4648 §5), and rejects stray bits (§3.5).
fn decode(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = Vec::with_capacity(text.len() * 6);
    for letter in text.chars() {
        let value = ALPHABET.find(letter)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1));
    }
    let whole = bits.len() / 8 * 8;
    let rest = &bits[whole..];
    let canonical = rest.len() < 6 && rest.iter().all(|bit| *bit == 0);
    canonical.then(|| {
        bits[..whole]
            .chunks(8)
            .map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | *bit as u8))
            .collect()
    })
}
