//! Values that are not one compact JWS with one JSON object (RFC 7515 §7.1, RFC 8725 §3.14).

use serde_json::{Value, json};

use super::forge::{more_members, segments, with_header, with_payload};
use super::forgery::{Expected, Forgery, forgeries};
use crate::testing::encoding::base64url;
use crate::testing::mint::TokenBuilder;

/// A million dots. Not part of [`all`](super::all), because most servers close the connection
/// before the client has sent the whole value.
#[must_use]
pub fn a_million_dots(_good: &TokenBuilder) -> Forgery {
    Forgery::new(
        "a_million_dots",
        "A million dots.",
        &".".repeat(1_000_000),
        Expected::TOO_LONG,
    )
}

forgeries! {
    /// There is no token after the scheme.
    no_token(_good) -> INVALID_REQUEST { String::new() }

    /// The token is the JSON serialization of a JWS (CVE-2022-39227).
    json_serialization(good) -> INVALID_REQUEST {
        let token = good.token();
        let (protected, payload, signature) = segments(&token);
        json!({ "payload": payload, "protected": protected, "signature": signature }).to_string()
    }

    /// The token has padding in its middle, which no bearer token may have (RFC 6750 §2.1).
    padded_base64(good) -> INVALID_REQUEST { good.token().replace('.', "=.") }

    /// The token is in quotes.
    quoted_token(good) -> INVALID_REQUEST { format!("\"{}\"", good.token()) }

    /// There is a space in the token.
    space_in_token(good) -> INVALID_REQUEST { good.token().replacen('.', ". ", 1) }

    /// There are two tokens in one header.
    two_tokens(good) -> INVALID_REQUEST { format!("{0}, Bearer {0}", good.token()) }

    /// The dots are written as `%2E`.
    percent_encoded(good) -> INVALID_REQUEST { good.token().replace('.', "%2E") }

    /// The token is valid, but a claim makes it longer than 64 KiB.
    oversized(good) -> TOO_LONG { good.claim("padding", "p".repeat(48 * 1024)).token() }

    /// The value is 60,000 dots (CVE-2025-27144).
    many_dots(_good) -> TOO_LONG { ".".repeat(60_000) }

    /// The value is an opaque key.
    opaque_key(_good) -> INVALID_TOKEN { "k_live_3f9a2b7c8d1e4f5a6b7c8d9e0f1a2b3c".into() }

    /// The token has no signature and no last dot.
    two_segments(good) -> INVALID_TOKEN {
        let token = good.token();
        let (header, payload, _) = segments(&token);
        format!("{header}.{payload}")
    }

    /// The token is valid, but a fourth segment follows.
    four_segments(good) -> INVALID_TOKEN { good.token() + ".e30" }

    /// The token has the five segments of an encrypted token (RFC 7516 §7.1).
    five_segments_jwe(_good) -> INVALID_TOKEN {
        let header = base64url(r#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"1"}"#);
        format!("{header}.{0}.{0}.{0}.{0}", base64url("encrypted"))
    }

    /// The value consists of four dots.
    four_dots(_good) -> INVALID_TOKEN { "....".into() }

    /// The token has three empty segments.
    empty_segments(_good) -> INVALID_TOKEN { "..".into() }

    /// The header parameter `alg` is a duplicate.
    duplicate_alg(good) -> INVALID_TOKEN { with_header(&good, more_members(&good.header_json(), r#""alg":"none""#)) }

    /// The header lists a registered name as critical (RFC 7515 §4.1.11).
    crit_header(good) -> INVALID_TOKEN { let exp = good.value("exp").clone(); critical(good.header("exp", exp), "exp") }

    /// The header lists an unknown extension as critical.
    crit_unknown(good) -> INVALID_TOKEN { critical(good.header("http://example.com/x", true), "http://example.com/x") }

    /// The header's array of critical names is empty.
    crit_empty(good) -> INVALID_TOKEN { good.header("crit", json!([])).token() }

    /// The header says that the payload is not encoded (RFC 7797).
    b64_false(good) -> INVALID_TOKEN { critical(good.header("b64", false), "b64") }

    /// The payload contains 1,000 nested arrays.
    nested_deep_json(good) -> INVALID_TOKEN {
        let deep = format!(r#""deep":{}1{}"#, "[".repeat(1_000), "]".repeat(1_000));
        with_payload(&good, more_members(&good.payload_json(), &deep))
    }

    /// Another object follows the payload.
    trailing_json(good) -> INVALID_TOKEN { with_payload(&good, good.payload_json() + "{}") }

    /// Another object follows the header.
    trailing_json_in_header(good) -> INVALID_TOKEN { with_header(&good, good.header_json() + "{}") }

    /// The payload is not UTF-8.
    not_utf8(good) -> INVALID_TOKEN { with_payload(&good, broken(&good.payload_json())) }

    /// The header is not UTF-8.
    header_not_utf8(good) -> INVALID_TOKEN { with_header(&good, broken(&good.header_json())) }

    /// The payload begins with a byte order mark.
    byte_order_mark(good) -> INVALID_TOKEN { with_payload(&good, format!("\u{feff}{}", good.payload_json())) }

    /// The payload is an array that contains the claims.
    payload_is_a_list(good) -> INVALID_TOKEN { with_payload(&good, format!("[{}]", good.payload_json())) }

    /// The payload is empty.
    payload_is_empty(good) -> INVALID_TOKEN { with_payload(&good, "") }

    /// The header is an array that contains the parameters.
    header_is_a_list(good) -> INVALID_TOKEN { with_header(&good, format!("[{}]", good.header_json())) }

    /// The payload is itself a token.
    nested_token(good) -> INVALID_TOKEN { with_payload(&good.clone().header("cty", "JWT"), good.token()) }
}

fn critical(token: TokenBuilder, name: &str) -> String {
    token.header("crit", Value::from(vec![name])).token()
}

/// Returns a JSON object with a member that is not UTF-8: an overlong encoding of a slash.
fn broken(object: &str) -> Vec<u8> {
    let (open, rest) = object.split_at_checked(1).unwrap_or_default();
    [open.as_bytes(), b"\"x\":\"\xc0\xaf\",", rest.as_bytes()].concat()
}
