//! The base profiles, as data.

use std::borrow::Cow;

use super::assumptions::GRANT_TYPES_OF_USERS;
use super::condition::{ClaimMatcher, ClaimRule};
use super::{KidRequirement, Profile};
use crate::token::{Algorithm, OrgCodePattern};

impl Profile {
    /// Kinde: `azp`, `org_code`, `scope`, and the grant type `client_credentials` in `gty`. The
    /// grant type is required, because user tokens come from the same issuer with the same keys,
    /// often for the same audience, and have `org_code` too. If the `gty` of a token also contains
    /// a grant type of a user (`authorization_code`, `refresh_token`, `implicit`, `password`, the
    /// device code), the token is rejected.
    ///
    /// `scope` contains the granted scopes. `scp` repeats the requested scopes and counts only if
    /// `scope` is absent.
    ///
    /// Tokens without `kid` are rejected, because Kinde's tokens always have one.
    pub const KINDE: Self = Self {
        name: "kinde",
        client_id: Cow::Borrowed(&[Cow::Borrowed("azp")]),
        organization: Cow::Borrowed("/org_code"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scope"), Cow::Borrowed("/scp")]),
        machine_claims: Cow::Borrowed(&[ClaimRule::new(
            "/gty",
            ClaimMatcher::ContainsWithout {
                required: "client_credentials",
                excluded: GRANT_TYPES_OF_USERS,
            },
        )]),
        algorithms: &[Algorithm::RS256],
        kid: KidRequirement::Required,
        org_code_pattern: Some(OrgCodePattern::with_prefix("org_")),
        assumption: None,
    };

    /// Any issuer that follows RFC 9068: `client_id`, or else `azp`; `scope`, or else `scp`; the
    /// organization in `org_code`. No grant type is required, because the RFC defines no claim for
    /// it.
    pub const GENERIC: Self = Self {
        name: "generic",
        client_id: Cow::Borrowed(&[Cow::Borrowed("client_id"), Cow::Borrowed("azp")]),
        organization: Cow::Borrowed("/org_code"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scope"), Cow::Borrowed("/scp")]),
        machine_claims: Cow::Borrowed(&[]),
        algorithms: &[Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: None,
    };
}
