//! Webhooks that no receiver may accept. Each is a valid webhook of Kinde with one error.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use serde_json::json;
//! use tower_m2m::testing::{LocalIssuer, forged};
//!
//! let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
//! let good = issuer.kinde_webhook("user.deleted", json!({ "user": { "id": "kp_1" } }));
//! for forgery in forged::webhooks::all(&good) {
//!     // POST forgery.token() with `application/jwt`, and expect this status:
//!     assert_eq!(forgery.expected().status(), 400, "{}", forgery.name());
//! }
//! # Ok(())
//! # }
//! ```

use serde_json::{Value, json};

use super::forge::{by_attacker, signature, with_hmac, with_more_claims, with_signature};
use super::opaque::opaque_forgeries;
use crate::testing::events::timestamp;
use crate::testing::mint::TokenBuilder;

opaque_forgeries! {
    /// Returns every forgery of this file for a valid webhook.
    fn (good: &TokenBuilder) = (good);

    /// Another key signed it, with the name of the issuer's key.
    webhook_of_attacker -> AUTHENTICATION_FAILED {
        let kid = good.header_value("kid").clone();
        by_attacker(good, |token, _| token.header("kid", kid))
    }

    /// Another key signed it, with its own name.
    webhook_of_unknown_key -> INVALID_KEY { by_attacker(good, |token, _| token) }

    /// It has no name of a key.
    webhook_without_kid -> INVALID_KEY { good.clone().without_header("kid").token() }

    /// It is not signed.
    webhook_unsigned -> INVALID_EVENT { good.clone().header("alg", "none").token() }

    /// HMAC with a well-known secret signs it.
    webhook_hmac -> INVALID_EVENT { with_hmac(good.clone(), "HS256", b"secret") }

    /// The signature is empty.
    webhook_without_signature -> INVALID_EVENT { with_signature(good, []) }

    /// The data were changed after the signature.
    webhook_changed_data -> AUTHENTICATION_FAILED {
        let other = good.clone().claim("data", json!({ "user": { "id": "other" } }));
        with_signature(&other, signature(good))
    }

    /// It has no ID.
    webhook_without_event_id -> INVALID_EVENT { good.clone().without("event_id").token() }

    /// The ID is empty.
    webhook_empty_event_id -> INVALID_EVENT { good.clone().claim("event_id", "").token() }

    /// It has no type.
    webhook_without_type -> INVALID_EVENT { good.clone().without("type").token() }

    /// It has no time.
    webhook_without_timestamp -> INVALID_EVENT { good.clone().without("timestamp").token() }

    /// The time is a number.
    webhook_numeric_timestamp -> INVALID_EVENT { good.clone().claim("timestamp", good.now()).token() }

    /// It was sent 41 hours ago.
    webhook_too_old -> INVALID_EVENT {
        good.clone().claim("timestamp", timestamp(good.now() - 41 * 3600)).token()
    }

    /// It is dated an hour in the future.
    webhook_in_future -> INVALID_EVENT {
        good.clone().claim("timestamp", timestamp(good.now() + 3600)).token()
    }

    /// It has an expiry, as an access token has.
    webhook_with_exp -> INVALID_EVENT { good.clone().claim("exp", good.now() + 3600).token() }

    /// It has the audience `null`.
    webhook_with_null_audience -> INVALID_EVENT { good.clone().claim("aud", Value::Null).token() }

    /// It has a grant type, as an access token has.
    webhook_with_grant_type -> INVALID_EVENT { good.clone().claim("gty", json!(["client_credentials"])).token() }

    /// Another issuer is named.
    webhook_of_other_issuer -> INVALID_ISSUER { good.clone().claim("iss", "https://evil.kinde.com").token() }

    /// The type is that of an access token.
    webhook_typed_as_access_token -> INVALID_EVENT { good.clone().header("typ", "at+jwt").token() }

    /// The type of the event is a duplicate member.
    webhook_duplicate_type -> INVALID_EVENT { with_more_claims(good, r#""type":"organization.deleted""#) }
}
