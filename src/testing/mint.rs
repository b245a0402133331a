//! Tokens for tests, with a setter for each deviation.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::keys::{SigningKey, compact};
use super::profile::Profile;
use crate::clock::seconds;

/// A token that is not signed yet. Create it with [`LocalIssuer::org`](super::LocalIssuer::org),
/// [`global`](super::LocalIssuer::global) or [`user`](super::LocalIssuer::user).
///
/// Without changes it is a valid token with the claims of the issuer's [`Profile`]. Setters apply
/// in the order of the calls, and a later one overrides an earlier one. "Now" is the time at which
/// the builder was created, on the issuer's clock.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::time::Duration;
/// use tower_m2m::testing::LocalIssuer;
///
/// let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
/// let good = issuer.org("org_a").scopes(["read:invoices"]).property("region", "eu");
/// let old = good.clone().expired_by(Duration::from_secs(1));
/// let odd = good.clone().claim("org_code", 7).header("typ", "at+jwt").without("jti");
/// # assert_ne!(old.token(), odd.token());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TokenBuilder {
    profile: Profile,
    now: i64,
    lifetime: i64,
    key: SigningKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl TokenBuilder {
    pub(super) fn new(
        profile: Profile,
        key: &SigningKey,
        now: i64,
        lifetime: i64,
        claims: Map<String, Value>,
    ) -> Self {
        let mut header = Map::new();
        header.insert("typ".into(), profile.typ().into());
        let builder = Self {
            profile,
            now,
            lifetime,
            key: key.clone(),
            header,
            claims,
        };
        builder.signed_with(key)
    }

    /// Signs the token and returns header, payload and signature with dots between them.
    #[must_use]
    pub fn token(&self) -> String {
        compact(self.header_json(), self.payload_json(), &self.key)
    }

    /// Returns the value of an `Authorization` header with this token.
    #[must_use]
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.token())
    }

    /// Sets the scopes. Default: no scopes.
    #[must_use]
    pub fn scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        self.claim("scope", scopes.join(" "))
    }

    /// Sets the organization (`org_code`).
    #[must_use]
    pub fn org(self, org_code: impl Into<String>) -> Self {
        self.claim("org_code", org_code.into())
    }

    /// Sets a single audience. Default: that of the issuer, which is [`AUDIENCE`](super::AUDIENCE)
    /// unless configured otherwise.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.audiences([audience])
    }

    /// Sets several audiences, or none.
    #[must_use]
    pub fn audiences<S: Into<String>>(mut self, audiences: impl IntoIterator<Item = S>) -> Self {
        let audiences: Vec<String> = audiences.into_iter().map(Into::into).collect();
        self.profile.set_audiences(&mut self.claims, &audiences);
        self
    }

    /// Sets the client. Default: [`CLIENT_ID`](super::CLIENT_ID).
    #[must_use]
    pub fn client(mut self, client_id: impl AsRef<str>) -> Self {
        self.profile
            .set_client(&mut self.claims, client_id.as_ref());
        self
    }

    /// Sets the time from now until the token expires. Default: 24 h, or the issuer's lifetime.
    #[must_use]
    pub fn expires_in(self, duration: Duration) -> Self {
        let at = self.now.saturating_add(seconds(duration));
        self.claim("exp", at)
    }

    /// Makes the token expired since this duration. It was issued one lifetime before it expired.
    #[must_use]
    pub fn expired_by(self, duration: Duration) -> Self {
        let at = self.now.saturating_sub(seconds(duration));
        let issued = at.saturating_sub(self.lifetime);
        self.claim("exp", at).issued_at(issued)
    }

    /// Sets only `iat`.
    #[must_use]
    pub fn issued_at(self, unix_seconds: i64) -> Self {
        self.claim("iat", unix_seconds)
    }

    /// Adds a property of the app in the form of Kinde's `application_properties`.
    #[must_use]
    pub fn property(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.member(
            "application_properties",
            name.into(),
            json!({ "v": value.into() }),
        )
    }

    /// Adds a feature flag in the form of Kinde's `feature_flags`.
    #[must_use]
    pub fn flag(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let value = value.into();
        let kind = match &value {
            Value::Bool(_) => "b",
            Value::String(_) => "s",
            Value::Number(_) => "i",
            _ => "j",
        };
        self.member(
            "feature_flags",
            name.into(),
            json!({ "t": kind, "v": value }),
        )
    }

    /// Sets a claim to any value, well-formed or not.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Removes a claim.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    /// Sets a header parameter to any value. The key's own algorithm signs, even if `alg` differs.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// Removes a header parameter.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Signs with another key and sets `alg` and `kid` in the header.
    #[must_use]
    pub fn signed_with(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self.header("alg", key.algorithm().as_str())
            .header("kid", key.kid())
    }

    /// Returns the header that will be signed.
    #[must_use]
    pub fn header_json(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }

    /// Returns the claims that will be signed.
    #[must_use]
    pub fn payload_json(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    pub(super) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    pub(super) fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    pub(super) fn now(&self) -> i64 {
        self.now
    }

    /// Replaces all claims.
    pub(super) fn with_claims(mut self, claims: impl FnOnce(&mut Map<String, Value>)) -> Self {
        self.claims.clear();
        claims(&mut self.claims);
        self
    }

    /// Returns the header parameter's value, or null.
    pub(super) fn header_value(&self, name: &str) -> &Value {
        self.header.get(name).unwrap_or(&Value::Null)
    }

    /// Returns the claim's value, or null.
    pub(super) fn value(&self, claim: &str) -> &Value {
        self.claims.get(claim).unwrap_or(&Value::Null)
    }

    pub(super) fn member(mut self, claim: &str, name: String, value: Value) -> Self {
        let mut members = match self.claims.remove(claim) {
            Some(Value::Object(members)) => members,
            _ => Map::new(),
        };
        members.insert(name, value);
        self.claim(claim, members)
    }
}

/// Shows profile, key and the names of the claims, never a value or the token.
impl fmt::Debug for TokenBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBuilder")
            .field("profile", &self.profile)
            .field("key", &self.key)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
