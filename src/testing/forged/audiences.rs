//! Tokens for another audience or from another issuer.

use serde_json::json;

use super::forge::{other_case, with_more_claims};
use super::forgery::forgeries;
use crate::testing::mint::TokenBuilder;

forgeries! {
    /// The audience is another API of the same issuer.
    wrong_audience(good) -> INVALID_TOKEN { good.audience("https://another-api.example").token() }

    /// The audience is empty, as in Kinde's tokens if the client requested no audience.
    empty_audience(good) -> INVALID_TOKEN { good.claim("aud", json!([])).token() }

    /// The audience is missing.
    missing_audience(good) -> INVALID_TOKEN { good.without("aud").token() }

    /// The audience is `null`.
    audience_null(good) -> INVALID_TOKEN { good.claim("aud", json!(null)).token() }

    /// The audience begins with the right one.
    audience_prefix(good) -> INVALID_TOKEN { let aud = audience(&good) + ".evil.example"; good.audience(aud).token() }

    /// The audience is the right one in the wrong case.
    audience_wrong_case(good) -> INVALID_TOKEN { let aud = other_case(&audience(&good)); good.audience(aud).token() }

    /// The audience is the key of an object.
    audience_as_object(good) -> INVALID_TOKEN {
        let aud = json!({ audience(&good): true });
        good.claim("aud", aud).token()
    }

    /// The audience is an array of the right one and a number.
    audience_with_number(good) -> INVALID_TOKEN { let aud = json!([audience(&good), 7]); good.claim("aud", aud).token() }

    /// The issuer is another one.
    wrong_issuer(good) -> INVALID_TOKEN { good.claim("iss", "https://evil.example").token() }

    /// The issuer has a trailing slash that the real one does not have.
    issuer_with_slash(good) -> INVALID_TOKEN { let iss = issuer(&good) + "/"; good.claim("iss", iss).token() }

    /// The issuer begins with the right one.
    issuer_prefix(good) -> INVALID_TOKEN { let iss = issuer(&good) + ".evil.example"; good.claim("iss", iss).token() }

    /// The issuer is the right one in the wrong case.
    issuer_wrong_case(good) -> INVALID_TOKEN { let iss = other_case(&issuer(&good)); good.claim("iss", iss).token() }

    /// The issuer is an array that contains the right one (CVE-2025-30144).
    issuer_as_list(good) -> INVALID_TOKEN {
        let iss = json!([issuer(&good), "https://evil.example"]);
        good.claim("iss", iss).token()
    }

    /// The issuer is missing.
    missing_issuer(good) -> INVALID_TOKEN { good.without("iss").token() }

    /// The claim `iss` is a duplicate, and the first value is another issuer.
    duplicate_claim(good) -> INVALID_TOKEN { with_more_claims(&good, r#""iss":"https://evil.example""#) }

    /// The scope is a number.
    scope_as_number(good) -> INVALID_TOKEN { good.claim("scope", 7).token() }
}

fn issuer(good: &TokenBuilder) -> String {
    good.value("iss").as_str().unwrap_or_default().to_owned()
}

/// Returns the first audience of the valid token.
fn audience(good: &TokenBuilder) -> String {
    let aud = good.value("aud");
    let first = aud.as_array().and_then(|list| list.first()).unwrap_or(aud);
    first.as_str().map_or_else(String::new, str::to_owned)
}
