//! Valid tokens of another type, which the same issuer signs with the same key (RFC 8725 §3.12).

use serde_json::{Map, json};

use super::forge::{by_attacker, with_payload};
use super::forgery::forgeries;

forgeries! {
    /// The ID token of a signed-in user.
    id_token(good) -> INVALID_TOKEN {
        let (iss, client) = (good.value("iss").clone(), client(&good));
        let token = good.without("gty").without("scope").without("scp").without("azp").without("org_code");
        let token = token.claim("sub", "kp_0a1b2c3d").claim("aud", json!([iss, client])).claim("nonce", "n-0S6_WzA2Mj");
        token.claim("at_hash", "MTIzNDU2Nzg5MGFiY2RlZg").claim("org_codes", json!(["org_a"])).header("typ", "JWT").token()
    }

    /// The body of a webhook, without `iss`, `aud` and `exp`.
    webhook_body(good) -> INVALID_TOKEN {
        let event = json!({
            "type": "user.created", "source": "admin", "event_id": "event_0198", "timestamp": "2025-06-28T22:44:28Z",
            "data": { "user": { "id": "kp_0a1b2c3d", "organizations": [{ "code": "org_a" }] } },
        });
        with_payload(&good.header("typ", "JWT"), event.to_string())
    }

    /// A logout token (OpenID Connect Back-Channel Logout §2.4).
    logout_token(good) -> INVALID_TOKEN {
        let events = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
        let token = good.without("gty").without("scope").without("scp").claim("events", events);
        token.claim("sub", "kp_0a1b2c3d").header("typ", "logout+jwt").token()
    }

    /// A `DPoP` proof (RFC 9449 §4.2), signed by the client's own key.
    dpop_proof(good) -> INVALID_TOKEN {
        let payload = Map::from_iter([
            ("jti".to_owned(), good.value("jti").clone()),
            ("htm".to_owned(), "GET".into()),
            ("htu".to_owned(), "https://api.example.com/".into()),
            ("iat".to_owned(), good.value("iat").clone()),
        ]);
        let bare = ["aud", "exp", "iss", "azp", "gty", "scope", "scp", "v", "org_code", "sub", "client_id"];
        let proof = bare.into_iter().fold(good, crate::testing::mint::TokenBuilder::without);
        let proof = payload.into_iter().fold(proof, |token, (name, value)| token.claim(name, value));
        by_attacker(&proof, |token, key| {
            token.header("typ", "dpop+jwt").header("jwk", key.public_jwk()).without_header("kid")
        })
    }

    /// A client's own assertion for the token endpoint (RFC 7523 §3).
    client_assertion(good) -> INVALID_TOKEN {
        let client = client(&good);
        by_attacker(&good, |token, _| token.without("gty").claim("iss", client.clone()).claim("sub", client))
    }

    /// The type is not that of an access token.
    typ_unknown(good) -> INVALID_TOKEN { good.header("typ", "secevent+jwt").token() }

    /// The type is a number.
    typ_as_number(good) -> INVALID_TOKEN { good.header("typ", 7).token() }

    /// The token is bound to a key by `DPoP`, but sent without the proof (RFC 9449 §7.2).
    cnf_bound(good) -> INVALID_TOKEN {
        good.claim("cnf", json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" })).token()
    }

    /// The token is bound to a client certificate, but sent without it (RFC 8705 §3).
    cnf_bound_to_certificate(good) -> INVALID_TOKEN {
        good.claim("cnf", json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" })).token()
    }
}

fn client(good: &crate::testing::mint::TokenBuilder) -> serde_json::Value {
    [good.value("azp"), good.value("client_id")]
        .into_iter()
        .find(|id| id.is_string())
        .cloned()
        .unwrap_or_default()
}

pub use kinde_only::*;

/// Forgeries that only Kinde's grant type can distinguish from machine tokens.
pub(super) mod kinde_only {
    use serde_json::json;

    use crate::testing::forged::forgery::forgeries;

    forgeries! {
        /// A user's access token, with the same issuer, key, audience, and an organization.
        user_token(good) -> INVALID_TOKEN {
            let token = good.without("gty").without("scope").claim("scp", json!(["openid", "profile", "email"]));
            token.claim("sub", "kp_0a1b2c3d").claim("permissions", json!([])).claim("feature_flags", json!({})).token()
        }

        /// The grant type is missing.
        gty_missing(good) -> INVALID_TOKEN { good.without("gty").token() }

        /// The grant type is that of a user's sign-in.
        gty_authorization_code(good) -> INVALID_TOKEN { good.claim("gty", json!(["authorization_code"])).token() }

        /// The grant types are those of a machine and of a user's sign-in.
        gty_of_machine_and_user(good) -> INVALID_TOKEN {
            good.claim("gty", json!(["client_credentials", "authorization_code"])).token()
        }

        /// The grant types are those of a machine and of a refresh token.
        gty_of_machine_and_refresh(good) -> INVALID_TOKEN {
            good.claim("gty", json!(["refresh_token", "client_credentials"])).token()
        }

        /// The grant type only begins with the right one.
        gty_prefix(good) -> INVALID_TOKEN { good.claim("gty", json!(["client_credentials_x"])).token() }

        /// The grant type is empty.
        gty_empty(good) -> INVALID_TOKEN { good.claim("gty", json!([])).token() }

        /// The grant type is `null`.
        gty_null(good) -> INVALID_TOKEN { good.claim("gty", json!(null)).token() }

        /// The grant type is the key of an object.
        gty_as_object(good) -> INVALID_TOKEN { good.claim("gty", json!({ "client_credentials": true })).token() }
    }
}
