//! The known issuers whose software also runs on your own servers, as data: the form of their
//! tokens.
//!
//! The data comes from documentation and source code, not from a live tenant.

use std::borrow::Cow;

use super::assumptions as assume;
use super::condition::{ClaimMatcher, ClaimRule};
use super::known::SUBJECT_IS_CLIENT;
use super::{KidRequirement, Profile};
use crate::token::Algorithm;

impl Profile {
    /// Keycloak: `https://keycloak.acme.com/realms/{realm}`. The audience comes from an audience
    /// mapper, which you must add. The default `account` is not the audience of your API.
    ///
    /// Only the token of a service account has `client_id`. The mapper of the client scope
    /// `service_account` writes it, and it must be equal to `azp`. Older versions write `clientId`
    /// instead, which is read if `client_id` is absent. The claim `organization` is not read by
    /// default, and every token is global. If it is an array of aliases, call
    /// [`organization_claim("/organization/0")`](crate::Issuer::organization_claim). If it is an
    /// object by alias, call
    /// [`organization_claim_key("/organization")`](crate::Issuer::organization_claim_key).
    ///
    /// **Assumption**: no mapper writes `client_id` or `clientId` into tokens of users. If one
    /// does, a user's token for that client is accepted as a machine token.
    /// [`weak_settings`](crate::Verifier::weak_settings) reports it unless the clients are listed
    /// with [`allow_clients`](crate::Issuer::allow_clients) or a further claim is
    /// [required](crate::Issuer::require_claim).
    pub const KEYCLOAK: Self = Self {
        name: "keycloak",
        client_id: Cow::Borrowed(&[Cow::Borrowed("client_id"), Cow::Borrowed("clientId")]),
        organization: Cow::Borrowed("/org_code"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scope")]),
        machine_claims: Cow::Borrowed(&[ClaimRule::new(
            "/azp",
            ClaimMatcher::IsClient { suffix: "" },
        )]),
        algorithms: &[
            Algorithm::RS256,
            Algorithm::PS256,
            Algorithm::ES256,
            Algorithm::EdDSA,
        ],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: Some(assume::NO_CLIENT_ID_FOR_USERS),
    };

    /// Ory Hydra with JWT access tokens. The issuer is the configured URL, often with a slash at
    /// its end.
    ///
    /// The scopes are the array `scp`, or the string `scope` if Hydra is configured so. Claims of a
    /// token hook are in `ext`, with the organization in `/ext/org_code` unless [configured
    /// otherwise](crate::Issuer::organization_claim). The `sub` of a machine token is its
    /// `client_id`.
    ///
    /// **Assumption**: no user has a subject that equals a client ID. Hydra takes the subject from
    /// the application that signs users in. If this application lets users choose the subject, a
    /// user can take the client's ID. [`weak_settings`](crate::Verifier::weak_settings) reports it
    /// unless the clients are listed with [`allow_clients`](crate::Issuer::allow_clients) or a
    /// further claim is [required](crate::Issuer::require_claim).
    ///
    /// Hydra writes `ext` into every token. If `ext` has no `org_code`, the token is rejected. To
    /// accept global tokens, call
    /// [`organization_may_be_absent_in("/ext")`](crate::Issuer::organization_may_be_absent_in).
    pub const HYDRA: Self = Self {
        name: "hydra",
        client_id: Cow::Borrowed(&[Cow::Borrowed("client_id")]),
        organization: Cow::Borrowed("/ext/org_code"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scp"), Cow::Borrowed("/scope")]),
        machine_claims: Cow::Borrowed(&[SUBJECT_IS_CLIENT]),
        algorithms: &[Algorithm::RS256, Algorithm::ES256],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: Some(assume::USERS_DO_NOT_CHOOSE_SUBJECTS),
    };

    /// Zitadel with JWT access tokens: the instance's URL. The audience is the project's ID.
    ///
    /// The organization is that of the service user, in `urn:zitadel:iam:user:resourceowner:id`.
    /// The client must request the scope of the same name. The tokens have no scopes. Roles are a
    /// map by organization, which is not read, because a role that one organization granted does
    /// not apply to another. **No claim distinguishes machines from users**: list the clients with
    /// [`allow_clients`](crate::Issuer::allow_clients).
    pub const ZITADEL: Self = Self {
        name: "zitadel",
        client_id: Cow::Borrowed(&[Cow::Borrowed("client_id"), Cow::Borrowed("azp")]),
        organization: Cow::Borrowed("/urn:zitadel:iam:user:resourceowner:id"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scope")]),
        machine_claims: Cow::Borrowed(&[]),
        algorithms: &[Algorithm::RS256],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: None,
    };
}
