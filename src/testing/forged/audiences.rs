//! For somebody else, or from somebody else.

use serde_json::json;

use super::forge::{other_case, with_more_claims};
use super::forgery::forgeries;
use crate::testing::mint::TokenBuilder;

forgeries! {
    /// It is for another API of the same issuer.
    wrong_audience(good) -> INVALID_TOKEN { good.audience("https://another-api.example").token() }

    /// It is for nobody, as Kinde's tokens are when the client asked for no audience.
    empty_audience(good) -> INVALID_TOKEN { good.claim("aud", json!([])).token() }

    /// It does not say whom it is for.
    missing_audience(good) -> INVALID_TOKEN { good.without("aud").token() }

    /// It is for `null`.
    audience_null(good) -> INVALID_TOKEN { good.claim("aud", json!(null)).token() }

    /// It is for an audience that begins like the right one.
    audience_prefix(good) -> INVALID_TOKEN { let aud = audience(&good) + ".evil.example"; good.audience(aud).token() }

    /// It is for the right audience in the wrong case.
    audience_wrong_case(good) -> INVALID_TOKEN { let aud = other_case(&audience(&good)); good.audience(aud).token() }

    /// Its audience is the key of an object.
    audience_as_object(good) -> INVALID_TOKEN {
        let aud = json!({ audience(&good): true });
        good.claim("aud", aud).token()
    }

    /// Its audiences are the right one and a number.
    audience_with_number(good) -> INVALID_TOKEN { let aud = json!([audience(&good), 7]); good.claim("aud", aud).token() }

    /// It says that somebody else issued it.
    wrong_issuer(good) -> INVALID_TOKEN { good.claim("iss", "https://evil.example").token() }

    /// Its issuer has a slash that the real one has not.
    issuer_with_slash(good) -> INVALID_TOKEN { let iss = issuer(&good) + "/"; good.claim("iss", iss).token() }

    /// Its issuer begins like the right one.
    issuer_prefix(good) -> INVALID_TOKEN { let iss = issuer(&good) + ".evil.example"; good.claim("iss", iss).token() }

    /// Its issuer is the right one in the wrong case.
    issuer_wrong_case(good) -> INVALID_TOKEN { let iss = other_case(&issuer(&good)); good.claim("iss", iss).token() }

    /// Its issuer is a list with the right one in it (CVE-2025-30144).
    issuer_as_list(good) -> INVALID_TOKEN {
        let iss = json!([issuer(&good), "https://evil.example"]);
        good.claim("iss", iss).token()
    }

    /// It does not say who issued it.
    missing_issuer(good) -> INVALID_TOKEN { good.without("iss").token() }

    /// It names an issuer twice, somebody else first.
    duplicate_claim(good) -> INVALID_TOKEN { with_more_claims(&good, r#""iss":"https://evil.example""#) }

    /// Its scope is a number.
    scope_as_number(good) -> INVALID_TOKEN { good.claim("scope", 7).token() }
}

fn issuer(good: &TokenBuilder) -> String {
    good.value("iss").as_str().unwrap_or_default().to_owned()
}

/// The first of the good token's audiences.
fn audience(good: &TokenBuilder) -> String {
    let aud = good.value("aud");
    let first = aud.as_array().and_then(|list| list.first()).unwrap_or(aud);
    first.as_str().map_or_else(String::new, str::to_owned)
}
