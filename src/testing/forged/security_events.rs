//! Security Event Tokens that no receiver may accept. Each is a valid one with one error.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use serde_json::json;
//! use tower_m2m::testing::{LocalIssuer, events, forged};
//!
//! let issuer = LocalIssuer::in_process("https://idp.example")?;
//! let subject = json!({ "format": "iss_sub", "iss": issuer.url(), "sub": "user_1" });
//! let good = issuer.security_event(events::SESSION_REVOKED, subject, json!({}));
//! for forgery in forged::security_events::all(&good) {
//!     // POST forgery.token() with `application/secevent+jwt`, and expect this status:
//!     assert_eq!(forgery.expected().status(), 400, "{}", forgery.name());
//! }
//! # Ok(())
//! # }
//! ```

use serde_json::{Value, json};

use super::forge::{by_attacker, signature, with_hmac, with_more_claims, with_signature};
use super::opaque::opaque_forgeries;
use crate::testing::events::{ACCOUNT_DISABLED, SESSION_REVOKED};
use crate::testing::mint::TokenBuilder;

opaque_forgeries! {
    /// Returns every forgery of this file for a valid `session-revoked` event with a subject of the
    /// format `iss_sub`.
    fn (good: &TokenBuilder) = (good);

    /// Another key signed it, with the name of the issuer's key.
    set_of_attacker -> AUTHENTICATION_FAILED {
        let kid = good.header_value("kid").clone();
        by_attacker(good, |token, _| token.header("kid", kid))
    }

    /// Another key signed it, with its own name.
    set_of_unknown_key -> INVALID_KEY { by_attacker(good, |token, _| token) }

    /// It is not signed.
    set_unsigned -> INVALID_EVENT { good.clone().header("alg", "none").token() }

    /// HMAC with a well-known secret signs it.
    set_hmac -> INVALID_EVENT { with_hmac(good.clone(), "HS256", b"secret") }

    /// The signature is empty.
    set_without_signature -> INVALID_EVENT { with_signature(good, []) }

    /// The subject was changed after the signature.
    set_changed_subject -> AUTHENTICATION_FAILED {
        let other = good.clone().claim("sub_id", subject(good, "other"));
        with_signature(&other, signature(good))
    }

    /// The type is that of other JWTs.
    set_typed_as_jwt -> INVALID_EVENT { good.clone().header("typ", "JWT").token() }

    /// It has no type.
    set_without_typ -> INVALID_EVENT { good.clone().without_header("typ").token() }

    /// It has no issuer.
    set_without_iss -> INVALID_ISSUER { good.clone().without("iss").token() }

    /// The issuer has a trailing slash.
    set_of_similar_issuer -> INVALID_ISSUER {
        let issuer = good.value("iss").as_str().unwrap_or_default();
        good.clone().claim("iss", format!("{issuer}/")).token()
    }

    /// It has no audience.
    set_without_aud -> INVALID_AUDIENCE { good.clone().without("aud").token() }

    /// It is for another receiver (sharedsignals#257).
    set_for_other_receiver -> INVALID_AUDIENCE { good.clone().audience("https://other.example/events").token() }

    /// It has no ID (Abblix#333).
    set_without_jti -> INVALID_EVENT { good.clone().without("jti").token() }

    /// It has no time.
    set_without_iat -> INVALID_EVENT { good.clone().without("iat").token() }

    /// It has an expiry, which SSF forbids.
    set_with_exp -> INVALID_EVENT { good.clone().claim("exp", good.now() + 3600).token() }

    /// It has a subject claim, which SSF forbids.
    set_with_sub -> INVALID_EVENT { good.clone().claim("sub", "user_1").token() }

    /// It has two events.
    set_with_two_events -> INVALID_EVENT {
        good.clone().claim("events", json!({ SESSION_REVOKED: {}, ACCOUNT_DISABLED: {} })).token()
    }

    /// It has no event.
    set_without_events -> INVALID_EVENT { good.clone().claim("events", json!({})).token() }

    /// The event is `null`.
    set_with_null_event -> INVALID_EVENT { good.clone().claim("events", json!({ SESSION_REVOKED: null })).token() }

    /// It has no subject.
    set_without_subject -> INVALID_EVENT { good.clone().without("sub_id").token() }

    /// The subject belongs to another issuer.
    set_about_other_issuer -> ACCESS_DENIED {
        let subject = json!({ "format": "iss_sub", "iss": "https://other.example", "sub": "user_1" });
        good.clone().claim("sub_id", subject).token()
    }

    /// The event and the token name different subjects.
    set_with_two_subjects -> INVALID_EVENT {
        let events = json!({ SESSION_REVOKED: { "subject": subject(good, "other") } });
        good.clone().claim("events", events).token()
    }

    /// It is 8 days old.
    set_too_old -> INVALID_EVENT { good.clone().claim("iat", good.now() - 8 * 86_400).token() }

    /// It is dated an hour in the future.
    set_in_future -> INVALID_EVENT { good.clone().claim("iat", good.now() + 3600).token() }

    /// The event happens an hour in the future.
    set_about_the_future -> INVALID_EVENT { good.clone().claim("toe", good.now() + 3600).token() }

    /// The audience is a duplicate member.
    set_duplicate_audience -> INVALID_EVENT { with_more_claims(good, r#""aud":"https://other.example""#) }
}

fn subject(good: &TokenBuilder, sub: &str) -> Value {
    json!({ "format": "iss_sub", "iss": good.value("iss"), "sub": sub })
}
