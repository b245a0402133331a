//! Invalid organizations. A token with an unreadable `org_code` must never count as global.

use serde_json::json;

use super::forge::with_more_claims;
use super::forgery::forgeries;

forgeries! {
    /// The organization is `null`.
    org_code_null(good) -> INVALID_TOKEN { good.claim("org_code", json!(null)).token() }

    /// The organization is the empty string.
    org_code_empty(good) -> INVALID_TOKEN { good.claim("org_code", "").token() }

    /// The organization is a number.
    org_code_number(good) -> INVALID_TOKEN { good.claim("org_code", 7).token() }

    /// The organization is an array.
    org_code_list(good) -> INVALID_TOKEN { good.claim("org_code", json!(["org_a", "org_b"])).token() }

    /// The organization is an object.
    org_code_object(good) -> INVALID_TOKEN { good.claim("org_code", json!({ "v": "org_a" })).token() }

    /// The organization is `true`.
    org_code_boolean(good) -> INVALID_TOKEN { good.claim("org_code", true).token() }

    /// The organization ends in a line break and a header.
    org_code_with_line_break(good) -> INVALID_TOKEN { good.claim("org_code", "org_a\r\nx-admin: 1").token() }

    /// The organization is 2,000 characters long.
    org_code_over_long(good) -> INVALID_TOKEN { good.claim("org_code", "o".repeat(2_000)).token() }

    /// The claim `org_code` is a duplicate, with two organizations.
    duplicate_org_code(good) -> INVALID_TOKEN {
        with_more_claims(&good.org("org_a"), r#""org_code":"org_victim""#)
    }
}
