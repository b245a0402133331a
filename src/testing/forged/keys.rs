//! Keys that are not the issuer's, and headers that make a server use them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::forge::{by_attacker, with_hmac};
use super::forgery::forgeries;
use crate::testing::encoding::uuid;
use crate::testing::mint::TokenBuilder;

forgeries! {
    /// Another issuer's key signed, under this issuer's `kid`.
    other_issuer_same_kid(good) -> INVALID_TOKEN { by_attacker(&good, |token, _| token.header("kid", good.key().kid())) }

    /// The issuer never published this `kid`.
    unknown_kid(good) -> UNKNOWN_KEY { by_attacker(&good, |token, _| token) }

    /// The issuer signed, but no key has this `kid`: a server with one fixed key accepts it.
    kid_of_no_key(good) -> UNKNOWN_KEY { good.header("kid", uuid()).token() }

    /// Another key signed and there is no `kid`, against a server that tries any key it has.
    foreign_key_without_kid(good) -> INVALID_TOKEN { by_attacker(&good, |token, _| token.without_header("kid")) }

    /// The `kid` is a number.
    kid_as_number(good) -> INVALID_TOKEN { by_attacker(&good, |token, _| token.header("kid", 1)) }

    /// The `kid` is a path to an empty file, and the secret is empty.
    kid_path_traversal(good) -> INVALID_TOKEN {
        with_hmac(good.header("kid", "../../../../../../dev/null"), "HS256", b"")
    }

    /// The `kid` is a fragment of SQL.
    kid_sql(good) -> UNKNOWN_KEY {
        by_attacker(&good, |token, _| token.header("kid", "x' UNION SELECT 'secret' --"))
    }

    /// The `kid` is 2,000 characters long.
    kid_over_long(good) -> UNKNOWN_KEY { by_attacker(&good, |token, _| token.header("kid", "k".repeat(2_000))) }

    /// The header contains the key (CVE-2018-0114).
    embedded_jwk(good) -> UNKNOWN_KEY { by_attacker(&good, |token, key| token.header("jwk", key.public_jwk())) }

    /// The header contains the key under the `kid` of a real one.
    embedded_jwk_same_kid(good) -> INVALID_TOKEN {
        by_attacker(&good, |token, key| {
            let kid = good.key().kid();
            token.header("jwk", key.clone().with_kid(kid).public_jwk()).header("kid", kid)
        })
    }

    /// The header names a URL of the key (CVE-2024-21643).
    jku_header(good) -> UNKNOWN_KEY { by_attacker(&good, |token, _| token.header("jku", elsewhere(&good, "jwks"))) }

    /// The header names a URL of a certificate.
    x5u_header(good) -> UNKNOWN_KEY { by_attacker(&good, |token, _| token.header("x5u", elsewhere(&good, "pem"))) }

    /// The header contains a public key in place of a certificate.
    x5c_header(good) -> UNKNOWN_KEY {
        by_attacker(&good, |token, key| token.header("x5c", json!([STANDARD.encode(key.public_der())])))
    }
}

/// Returns a URL below the issuer's that the issuer does not use.
fn elsewhere(good: &TokenBuilder, what: &str) -> Value {
    let issuer = good.value("iss").as_str().unwrap_or_default();
    format!("{issuer}/forged/{what}").into()
}
