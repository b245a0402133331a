//! Organizations that are none: a token whose `org_code` cannot be read must never pass for a global one.

use serde_json::json;

use super::forge::with_more_claims;
use super::forgery::forgeries;

forgeries! {
    /// Its organization is `null`.
    org_code_null(good) -> INVALID_TOKEN { good.claim("org_code", json!(null)).token() }

    /// Its organization is the empty text.
    org_code_empty(good) -> INVALID_TOKEN { good.claim("org_code", "").token() }

    /// Its organization is a number.
    org_code_number(good) -> INVALID_TOKEN { good.claim("org_code", 7).token() }

    /// Its organization is a list.
    org_code_list(good) -> INVALID_TOKEN { good.claim("org_code", json!(["org_a", "org_b"])).token() }

    /// Its organization is an object.
    org_code_object(good) -> INVALID_TOKEN { good.claim("org_code", json!({ "v": "org_a" })).token() }

    /// Its organization is `true`.
    org_code_boolean(good) -> INVALID_TOKEN { good.claim("org_code", true).token() }

    /// Its organization ends in a line break and a header.
    org_code_with_line_break(good) -> INVALID_TOKEN { good.claim("org_code", "org_a\r\nx-admin: 1").token() }

    /// Its organization is two thousand letters long.
    org_code_over_long(good) -> INVALID_TOKEN { good.claim("org_code", "o".repeat(2_000)).token() }

    /// It names two organizations.
    duplicate_org_code(good) -> INVALID_TOKEN {
        with_more_claims(&good.org("org_a"), r#""org_code":"org_victim""#)
    }
}
