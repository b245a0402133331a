//! API keys that Kinde reports, but not as valid keys of an organization.
//!
//! The server under test accepts keys of organizations only, which is the default.

use serde_json::json;

use super::opaque_forgeries;
use crate::testing::api_keys::ApiKey;
use crate::testing::forged::forgery::{Expected, Forgery};

/// Returns a key of another API. Only a server that names its own API rejects it.
#[must_use]
pub fn key_of_another_api(good: &ApiKey) -> Forgery {
    let key = good.sibling().api_ids(["api_of_another_server"]);
    Forgery::new(
        "key_of_another_api",
        "The key belongs to another API.",
        key.secret(),
        Expected::INVALID_TOKEN,
    )
}

opaque_forgeries! {
    /// Returns every forgery of this file for a valid key, except [`key_of_another_api`].
    fn (good: &ApiKey) = (good);

    /// The key was revoked.
    revoked_key -> INVALID_TOKEN {
        let key = good.sibling();
        key.revoke();
        key.secret().to_owned()
    }

    /// The key was rotated, and this is its old secret.
    rotated_key -> INVALID_TOKEN {
        let key = good.sibling();
        let _ = key.rotated();
        key.secret().to_owned()
    }

    /// The key is valid, but its status is not `active`.
    valid_but_inactive_key -> INVALID_TOKEN { secret(&good.sibling().member("status", "inactive")) }

    /// The status of the key is `active`, but it is not valid.
    active_but_invalid_key -> INVALID_TOKEN { secret(&good.sibling().member("is_valid", false)) }

    /// The key belongs to a user without an organization.
    key_of_a_user -> INVALID_TOKEN {
        secret(&good.sibling().user("kp_attacker").member("org_code", json!(null)).details("organization_id", json!(null)).details("type", "user"))
    }

    /// The key belongs to a user of the organization.
    key_of_a_member -> INVALID_TOKEN { secret(&good.sibling().user("kp_attacker").details("type", "user")) }

    /// The organization is empty.
    key_of_empty_organization -> INVALID_TOKEN { organization(good, json!("")) }

    /// The organization is a number.
    key_of_numeric_organization -> INVALID_TOKEN { organization(good, json!(7)) }

    /// The organization is an array.
    key_of_several_organizations -> INVALID_TOKEN { organization(good, json!(["org_a", "org_b"])) }

    /// The organization is an object.
    key_of_organization_object -> INVALID_TOKEN { organization(good, json!({ "code": "org_a" })) }

    /// The organization is a blank.
    key_of_blank_organization -> INVALID_TOKEN { organization(good, json!(" ")) }

    /// The scopes are a number.
    key_with_numeric_scopes -> INVALID_TOKEN { secret(&good.sibling().member("scopes", 7)) }

    /// The ID of the key is missing.
    key_without_id -> INVALID_TOKEN { secret(&good.sibling().without("key_id")) }

    /// The ID of the key is a number.
    key_with_numeric_id -> INVALID_TOKEN { secret(&good.sibling().member("key_id", 7)) }
}

fn secret(key: &ApiKey) -> String {
    key.secret().to_owned()
}

fn organization(good: &ApiKey, org_code: serde_json::Value) -> String {
    let key = good.sibling().details("organization_id", org_code.clone());
    secret(&key.member("org_code", org_code))
}
