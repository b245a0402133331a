//! The known issuers, as data: the form of their tokens. Those that also run on your own servers
//! are in `self_hosted.rs`.
//!
//! The data comes from documentation and source code, not from a live tenant.

use std::borrow::Cow;

use super::assumptions as assume;
use super::condition::{ClaimMatcher, ClaimRule};
use super::{KidRequirement, Profile};
use crate::token::Algorithm;

/// A machine token's subject is its client (RFC 9068 §2.2).
pub(super) const SUBJECT_IS_CLIENT: ClaimRule =
    ClaimRule::new("/sub", ClaimMatcher::IsClient { suffix: "" });

impl Profile {
    /// Auth0, with access tokens in its own form (`typ` is `JWT`, the client in `azp`) or that of
    /// RFC 9068 (`at+jwt`, `client_id`). The issuer ends with a slash: `https://acme.auth0.com/`.
    ///
    /// The organization is `org_id`. The subject of a machine token is the client ID followed by
    /// `@clients`. Only tokens of Auth0's own form have `gty`. If it is present, it must be
    /// `client-credentials`.
    pub const AUTH0: Self = Self {
        name: "auth0",
        client_id: Cow::Borrowed(&[Cow::Borrowed("client_id"), Cow::Borrowed("azp")]),
        organization: Cow::Borrowed("/org_id"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scope")]),
        machine_claims: Cow::Borrowed(&[
            ClaimRule::new("/sub", ClaimMatcher::IsClient { suffix: "@clients" }),
            ClaimRule::new(
                "/gty",
                ClaimMatcher::IsUnlessAbsent(Cow::Borrowed("client-credentials")),
            ),
        ]),
        algorithms: &[Algorithm::RS256, Algorithm::PS256],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: None,
    };

    /// Okta, with a custom authorization server: `https://acme.okta.com/oauth2/default`. Tokens of
    /// the org authorization server are opaque to all parties except Okta.
    ///
    /// The client is `cid`, the scopes are the array `scp`, and the `sub` of a machine token is its
    /// `cid`, without a `uid`. Okta has no claim for the organization: set the custom one with
    /// [`organization_claim`](crate::Issuer::organization_claim). Without it every token is global.
    pub const OKTA: Self = Self {
        name: "okta",
        client_id: Cow::Borrowed(&[Cow::Borrowed("cid")]),
        organization: Cow::Borrowed("/org_code"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scp")]),
        machine_claims: Cow::Borrowed(&[
            SUBJECT_IS_CLIENT,
            ClaimRule::new("/uid", ClaimMatcher::Absent),
        ]),
        algorithms: &[Algorithm::RS256],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: None,
    };

    /// Microsoft Entra ID, tokens of version 2: `https://login.microsoftonline.com/{tenant
    /// id}/v2.0`, one issuer for each allowed tenant. The audience is the API's application ID.
    ///
    /// The organization is `tid`, the client is `azp`, and the scopes are the application roles in
    /// `roles`, because the token of an application has no `scp`. The app registration must request
    /// the optional claim `idtyp`, which is `app` for machines. Only this claim identifies them
    /// with certainty, so tokens without it are rejected.
    pub const ENTRA: Self = Self {
        name: "entra",
        client_id: Cow::Borrowed(&[Cow::Borrowed("azp")]),
        organization: Cow::Borrowed("/tid"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/roles")]),
        machine_claims: Cow::Borrowed(&[
            ClaimRule::is("/idtyp", "app"),
            ClaimRule::new("/scp", ClaimMatcher::Absent),
        ]),
        algorithms: &[Algorithm::RS256],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: None,
    };

    /// Amazon Cognito: `https://cognito-idp.{region}.amazonaws.com/{pool id}`.
    ///
    /// Its machine-to-machine tokens have **no `aud`**, so you must accept any audience. Then every
    /// app client of the pool can call this API. List the allowed clients, and require scopes:
    /// their names begin with the name of the resource server. Cognito has no claim for the
    /// organization. If a trigger adds one, set it with
    /// [`organization_claim`](crate::Issuer::organization_claim).
    ///
    /// ```
    /// use tower_m2m::{Profile, Scope, Verifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::issuer("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example")
    ///     .dangerous_accept_any_audience()
    ///     .profile(Profile::COGNITO)
    ///     .allow_clients(["1example23456789"])
    ///     .build()?;
    /// let layer = verifier.layer().require(Scope::from_static("invoices/read")).allow_global();
    /// # Ok(())
    /// # }
    /// ```
    pub const COGNITO: Self = Self {
        name: "cognito",
        client_id: Cow::Borrowed(&[Cow::Borrowed("client_id")]),
        organization: Cow::Borrowed("/org_code"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scope")]),
        machine_claims: Cow::Borrowed(&[ClaimRule::is("/token_use", "access"), SUBJECT_IS_CLIENT]),
        algorithms: &[Algorithm::RS256],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: None,
    };

    /// WorkOS Connect: the AuthKit domain, `https://acme.authkit.app`. The audience of
    /// machine-to-machine tokens is the environment's client ID.
    ///
    /// The organization is `org_id`, and the `sub` of a machine token is its `client_id`.
    ///
    /// **Assumption**: no user can choose a subject that equals a client ID, and tokens of users
    /// have `sid`. [`weak_settings`](crate::Verifier::weak_settings) reports it unless the clients
    /// are listed with [`allow_clients`](crate::Issuer::allow_clients) or a further claim is
    /// [required](crate::Issuer::require_claim).
    pub const WORKOS: Self = Self {
        name: "workos",
        client_id: Cow::Borrowed(&[Cow::Borrowed("client_id")]),
        organization: Cow::Borrowed("/org_id"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scope")]),
        machine_claims: Cow::Borrowed(&[
            SUBJECT_IS_CLIENT,
            ClaimRule::new("/sid", ClaimMatcher::Absent),
        ]),
        algorithms: &[Algorithm::RS256],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: Some(assume::USERS_DO_NOT_CHOOSE_SUBJECTS),
    };

    /// Stytch machine-to-machine clients. Without a custom domain, `iss` is not an https URL, and
    /// [`jwks_url`](crate::Issuer::jwks_url) is required. The audience is the project's ID.
    ///
    /// The client is the subject, which begins with `m2m-client-`. Stytch has no claim for the
    /// organization. If the token's template adds one, set it with
    /// [`organization_claim`](crate::Issuer::organization_claim).
    ///
    /// **Assumption**: no user has a subject that begins with `m2m-client-`. No claim template may
    /// write `sub`. [`weak_settings`](crate::Verifier::weak_settings) reports it unless the clients
    /// are listed with [`allow_clients`](crate::Issuer::allow_clients) or a further claim is
    /// [required](crate::Issuer::require_claim).
    pub const STYTCH: Self = Self {
        name: "stytch",
        client_id: Cow::Borrowed(&[Cow::Borrowed("sub")]),
        organization: Cow::Borrowed("/org_code"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scope")]),
        machine_claims: Cow::Borrowed(&[ClaimRule::new(
            "/sub",
            ClaimMatcher::StartsWith(Cow::Borrowed("m2m-client-")),
        )]),
        algorithms: &[Algorithm::RS256],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: Some(assume::USERS_DO_NOT_CHOOSE_PREFIXES),
    };

    /// Clerk machines, with JWT tokens: the instance's URL. The audience is the ID of the machine
    /// that the token is for.
    ///
    /// The client is the subject, which begins with `mch_`. The scopes are in `scopes`. Clerk has
    /// no claim for the organization. If a custom claim of the token contains it, set it with
    /// [`organization_claim`](crate::Issuer::organization_claim).
    ///
    /// **Assumption**: no user has a subject that begins with `mch_`. A JWT template must not write
    /// `sub`. [`weak_settings`](crate::Verifier::weak_settings) reports it unless the clients are
    /// listed with [`allow_clients`](crate::Issuer::allow_clients) or a further claim is
    /// [required](crate::Issuer::require_claim).
    pub const CLERK: Self = Self {
        name: "clerk",
        client_id: Cow::Borrowed(&[Cow::Borrowed("sub")]),
        organization: Cow::Borrowed("/org_code"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scopes"), Cow::Borrowed("/scope")]),
        machine_claims: Cow::Borrowed(&[ClaimRule::new(
            "/sub",
            ClaimMatcher::StartsWith(Cow::Borrowed("mch_")),
        )]),
        algorithms: &[Algorithm::RS256],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: Some(assume::USERS_DO_NOT_CHOOSE_PREFIXES),
    };

    /// Scalekit API clients: the environment's URL.
    ///
    /// The organization is `oid`, the scopes are in `scopes`, and the `sub` of a machine token is
    /// its `client_id`. Tokens of API clients without an audience have **no `aud`**: see the
    /// guide's chapter on [issuers](crate::guide::issuers#what-to-configure).
    ///
    /// **Assumption**: no user can choose a subject that equals a client ID.
    /// [`weak_settings`](crate::Verifier::weak_settings) reports it unless the clients are listed
    /// with [`allow_clients`](crate::Issuer::allow_clients) or a further claim is
    /// [required](crate::Issuer::require_claim).
    pub const SCALEKIT: Self = Self {
        name: "scalekit",
        client_id: Cow::Borrowed(&[Cow::Borrowed("client_id")]),
        organization: Cow::Borrowed("/oid"),
        scopes: Cow::Borrowed(&[Cow::Borrowed("/scopes"), Cow::Borrowed("/scope")]),
        machine_claims: Cow::Borrowed(&[SUBJECT_IS_CLIENT]),
        algorithms: &[Algorithm::RS256],
        kid: KidRequirement::Optional,
        org_code_pattern: None,
        assumption: Some(assume::USERS_DO_NOT_CHOOSE_SUBJECTS),
    };
}
