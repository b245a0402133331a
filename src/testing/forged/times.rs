//! Wrong times, and times in the wrong form.

use std::time::Duration;

use serde_json::json;

use super::forge::{more_members, with_payload};
use super::forgery::{Expected, Forgery, forgeries};
use crate::testing::mint::TokenBuilder;

/// Longer than any leeway.
const HOUR: i64 = 3_600;

/// Returns a forgery that expired this long ago.
#[must_use]
pub fn expired_by(good: &TokenBuilder, ago: Duration) -> Forgery {
    let token = good.clone().expired_by(ago).token();
    Forgery::new(
        "expired_by",
        "It expired some time ago.",
        &token,
        Expected::INVALID_TOKEN,
    )
}

forgeries! {
    /// It expired an hour ago.
    expired(good) -> INVALID_TOKEN { good.expired_by(Duration::from_secs(3_600)).token() }

    /// It will be valid in an hour.
    not_yet_valid(good) -> INVALID_TOKEN { let at = good.now() + HOUR; good.claim("nbf", at).token() }

    /// It was issued one hour in the future.
    issued_in_the_future(good) -> INVALID_TOKEN {
        let at = good.now() + HOUR;
        good.claim("exp", at + HOUR).issued_at(at).token()
    }

    /// The expiry is missing, so it never expires.
    missing_exp(good) -> INVALID_TOKEN { good.without("exp").token() }

    /// The expiry is `null`.
    exp_null(good) -> INVALID_TOKEN { good.claim("exp", json!(null)).token() }

    /// The expiry is a string (CVE-2026-25537).
    exp_as_string(good) -> INVALID_TOKEN { let at = (good.now() + HOUR).to_string(); good.claim("exp", at).token() }

    /// The expiry is an array of times.
    exp_as_list(good) -> INVALID_TOKEN { let at = good.now() + HOUR; good.claim("exp", json!([at])).token() }

    /// The expiry is a number that no integer type can represent.
    exp_huge(good) -> INVALID_TOKEN { good.claim("exp", 1e308).token() }

    /// The expiry is a number that JSON cannot represent.
    exp_not_a_number(good) -> INVALID_TOKEN {
        let payload = good.clone().without("exp").payload_json();
        with_payload(&good, more_members(&payload, r#""exp":NaN"#))
    }

    /// It expired in 1970.
    exp_zero(good) -> INVALID_TOKEN { good.claim("exp", 0).token() }

    /// It expired before 1970.
    negative_exp(good) -> INVALID_TOKEN { good.claim("exp", -1).token() }

    /// The `nbf` is a string, with a time in the future (CVE-2026-25537).
    nbf_as_string(good) -> INVALID_TOKEN { let at = (good.now() + HOUR).to_string(); good.claim("nbf", at).token() }

    /// The `iat` is a string, with a time in the future.
    iat_as_string(good) -> INVALID_TOKEN { let at = (good.now() + HOUR).to_string(); good.claim("iat", at).token() }
}
