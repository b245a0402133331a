//! Methods that issue and revoke opaque credentials.

use http::StatusCode;
use serde_json::{Map, Value};

use super::api_keys::ApiKey;
use super::credentials::KindeError;
use super::documents;
use super::encoding::{base64url, random};
use super::issuer::LocalIssuer;
use super::mint::TokenBuilder;
use super::opaque_tokens::OpaqueToken;

/// API keys.
impl LocalIssuer {
    /// Issues an API key of an organization.
    #[must_use]
    pub fn api_key(&self, org_code: impl Into<String>) -> ApiKey {
        ApiKey::issue(&self.shared, "organization").org(org_code)
    }

    /// Issues an API key of a user, such as `kp_1234`, who belongs to no organization.
    #[must_use]
    pub fn user_api_key(&self, user: impl Into<String>) -> ApiKey {
        ApiKey::issue(&self.shared, "user").user(user)
    }

    /// Issues an API key of the whole environment.
    #[must_use]
    pub fn environment_api_key(&self) -> ApiKey {
        ApiKey::issue(&self.shared, "environment")
    }

    /// Gives an API key a new secret, as a rotation at Kinde does. The ID stays, and the old secret
    /// stops working.
    #[must_use = "the new secret is in the returned key"]
    pub fn rotate_api_key(&self, key: &ApiKey) -> ApiKey {
        key.rotated()
    }

    /// Returns the audience of tokens for the Management API, which the endpoints of API keys and
    /// organizations require. Register it with [`App::audience`](super::App::audience) and give the
    /// app the scope `read:api_keys` or `read:organizations`.
    #[must_use]
    pub fn management_audience(&self) -> String {
        documents::management_audience(&self.shared)
    }

    /// Makes the verify endpoint respond to unknown and revoked keys with this status and this
    /// `errors[0].code`. Default: 200 with `is_valid: false`.
    pub fn set_unknown_key_response(&self, status: StatusCode, code: &str) {
        self.shared.state().credentials.unknown_key = Some(KindeError::new(status, code));
    }

    /// Makes the verify endpoint respond with this status and this `errors[0].code` if the access
    /// token of the request is invalid. Default: 401 with `INVALID_CREDENTIALS`.
    pub fn set_rejected_client_response(&self, status: StatusCode, code: &str) {
        self.shared.state().credentials.rejected_client = KindeError::new(status, code);
    }

    /// Makes the verify endpoint respond with this status and this `errors[0].code` if the access
    /// token of the request is valid and lacks the scope `read:api_keys`. Default: 403 with
    /// `INSUFFICIENT_SCOPE`.
    pub fn set_missing_scope_response(&self, status: StatusCode, code: &str) {
        self.shared.state().credentials.missing_scope = KindeError::new(status, code);
    }
}

/// Opaque tokens.
impl LocalIssuer {
    /// Issues an opaque token. Its introspection response (RFC 7662 §2.2) contains the claims of
    /// `claims`, and `active: true`, `token_type: "Bearer"` and `client_id` unless `claims` has
    /// other values for them.
    ///
    /// The issuer reports the claims as they are, also if the token has expired.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use tower_m2m::testing::LocalIssuer;
    ///
    /// let issuer = LocalIssuer::start().await?;
    /// let token = issuer.opaque_token(&issuer.org("org_a").scopes(["read:invoices"]));
    /// assert!(!token.token().contains('.'));
    ///
    /// issuer.revoke(&token);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn opaque_token(&self, claims: &TokenBuilder) -> OpaqueToken {
        self.opaque_token_named(new_token(), claims)
    }

    /// Issues this string as an opaque token. Use it for tokens with a prefix or with dots.
    #[must_use]
    pub fn opaque_token_named(
        &self,
        token: impl Into<String>,
        claims: &TokenBuilder,
    ) -> OpaqueToken {
        let mut response = response(claims);
        response
            .entry("token_type")
            .or_insert_with(|| "Bearer".into());
        self.register(token.into(), response)
    }

    /// Issues an opaque refresh token. Its introspection response is active and has no
    /// `token_type`, as that of `oidc-provider`. Ory Hydra sends `token_type: "Bearer"` and
    /// `token_use: "refresh_token"`, which are claims of an ordinary
    /// [`opaque_token`](Self::opaque_token).
    #[must_use]
    pub fn opaque_refresh_token(&self, claims: &TokenBuilder) -> OpaqueToken {
        self.register(new_token(), response(claims))
    }

    /// Revokes an [`ApiKey`](super::ApiKey) or an [`OpaqueToken`]: the issuer reports it as
    /// inactive from now on.
    pub fn revoke(&self, credential: impl AsRef<str>) {
        self.shared.state().credentials.revoke(credential.as_ref());
    }

    fn register(&self, token: String, response: Map<String, Value>) -> OpaqueToken {
        let mut state = self.shared.state();
        state.credentials.tokens.insert(token.clone(), response);
        OpaqueToken(token)
    }
}

/// Returns 43 characters, as `oidc-provider` does.
fn new_token() -> String {
    base64url(random::<32>().unwrap_or_default())
}

fn response(claims: &TokenBuilder) -> Map<String, Value> {
    let mut response = claims.claims().clone();
    response.entry("active").or_insert(Value::Bool(true));
    if let Some(client) = response.get("azp").cloned() {
        response.entry("client_id").or_insert(client);
    }
    response
}
