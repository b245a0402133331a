//! Keys that are not the issuer's, and ways to make a server use them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::forge::{by_attacker, with_hmac};
use super::forgery::forgeries;
use crate::testing::mint::TokenBuilder;

forgeries! {
    /// Another issuer's signature under this issuer's `kid`.
    other_issuer_same_kid(good) -> INVALID_TOKEN { by_attacker(&good, |token, _| token.header("kid", good.key().kid())) }

    /// A `kid` that the issuer never published.
    unknown_kid(good) -> INVALID_TOKEN { by_attacker(&good, |token, _| token) }

    /// Another key's signature without a `kid`, for a server that tries whatever key it has.
    foreign_key_without_kid(good) -> INVALID_TOKEN { by_attacker(&good, |token, _| token.without_header("kid")) }

    /// The `kid` is a number.
    kid_as_number(good) -> INVALID_TOKEN { by_attacker(&good, |token, _| token.header("kid", 1)) }

    /// The `kid` is a path to an empty file, signed with an empty secret.
    kid_path_traversal(good) -> INVALID_TOKEN {
        with_hmac(good.header("kid", "../../../../../../dev/null"), "HS256", b"")
    }

    /// The `kid` is a piece of SQL.
    kid_sql(good) -> INVALID_TOKEN {
        by_attacker(&good, |token, _| token.header("kid", "x' UNION SELECT 'secret' --"))
    }

    /// The `kid` is two thousand letters long.
    kid_over_long(good) -> INVALID_TOKEN { by_attacker(&good, |token, _| token.header("kid", "k".repeat(2_000))) }

    /// The header brings the key along (CVE-2018-0114).
    embedded_jwk(good) -> INVALID_TOKEN { by_attacker(&good, |token, key| token.header("jwk", key.public_jwk())) }

    /// The header brings the key along under the `kid` of a real one.
    embedded_jwk_same_kid(good) -> INVALID_TOKEN {
        by_attacker(&good, |token, key| {
            let kid = good.key().kid();
            token.header("jwk", key.clone().with_kid(kid).public_jwk()).header("kid", kid)
        })
    }

    /// The header says where to fetch the key (CVE-2024-21643).
    jku_header(good) -> INVALID_TOKEN { by_attacker(&good, |token, _| token.header("jku", elsewhere(&good, "jwks"))) }

    /// The header says where to fetch a certificate.
    x5u_header(good) -> INVALID_TOKEN { by_attacker(&good, |token, _| token.header("x5u", elsewhere(&good, "pem"))) }

    /// The header brings something like a certificate along.
    x5c_header(good) -> INVALID_TOKEN {
        by_attacker(&good, |token, key| token.header("x5c", json!([STANDARD.encode(key.public_der())])))
    }
}

/// A place below the issuer's URL that the issuer does not use.
fn elsewhere(good: &TokenBuilder, what: &str) -> Value {
    let issuer = good.value("iss").as_str().unwrap_or_default();
    format!("{issuer}/forged/{what}").into()
}
