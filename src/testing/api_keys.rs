//! API keys as Kinde issues them.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::credentials::{KeyRecord, KeyStatus};
use super::encoding::{hex, random};
use super::state::IssuerState;

/// An API key that a [`LocalIssuer`](super::LocalIssuer) issued. Create it with
/// [`LocalIssuer::api_key`](super::LocalIssuer::api_key).
///
/// The key works at once. A setter changes it at the issuer and can be called at any time, also
/// through a clone. `Debug` never shows the key.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use tower_m2m::testing::LocalIssuer;
///
/// let issuer = LocalIssuer::start().await?;
/// let key = issuer.api_key("org_a").scopes(["read:invoices"]);
/// assert!(key.secret().starts_with("k_live_"));
/// assert!(!format!("{key:?}").contains(key.secret()));
///
/// issuer.revoke(&key);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ApiKey {
    issuer: Arc<IssuerState>,
    id: String,
    secret: String,
}

impl ApiKey {
    pub(super) fn issue(issuer: &Arc<IssuerState>, kind: &str) -> Self {
        let secret = new_secret();
        let id = format!("api_key_{}", hex(&random::<16>().unwrap_or_default(), ""));
        let record = KeyRecord {
            verified: verify_response(&id),
            details: description(&id, kind, &secret),
            secret: secret.clone(),
            status: KeyStatus::Active,
        };
        issuer.state().credentials.keys.insert(id.clone(), record);
        Self {
            issuer: Arc::clone(issuer),
            id,
            secret,
        }
    }

    /// Issues another key that is reported in the same way.
    pub(super) fn sibling(&self) -> Self {
        let sibling = Self::issue(&self.issuer, "organization");
        let mut state = self.issuer.state();
        let keys = &mut state.credentials.keys;
        let reported = keys
            .get(&self.id)
            .map(|key| (key.verified.clone(), key.details.clone()));
        if let (Some((verified, details)), Some(record)) = (reported, keys.get_mut(&sibling.id)) {
            record.verified = verified;
            record.details = details;
            record
                .verified
                .insert("key_id".into(), sibling.id.clone().into());
            record
                .details
                .insert("id".into(), sibling.id.clone().into());
        }
        drop(state);
        sibling
    }

    /// Makes the key inactive.
    pub(super) fn revoke(&self) {
        self.issuer.state().credentials.revoke(&self.secret);
    }

    /// Replaces the secret at the issuer.
    pub(super) fn rotated(&self) -> Self {
        let secret = new_secret();
        self.change(|record| record.secret.clone_from(&secret));
        Self {
            secret,
            ..self.clone()
        }
    }

    /// Returns the key itself, the value that a client sends.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Returns the ID of the key, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the value of an `Authorization` header with this key.
    #[must_use]
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.secret)
    }
}

/// Changes at the issuer.
#[allow(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "a setter changes the key at the issuer, also if the returned handle is dropped"
)]
impl ApiKey {
    /// Sets the scopes. Default: no scopes.
    pub fn scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        self.member("scopes", scopes.clone())
            .details("scopes", scopes)
    }

    /// Sets the organization in both responses. Default: null, except for the key of an
    /// organization.
    pub fn org(self, org_code: impl Into<String>) -> Self {
        let org_code = org_code.into();
        self.member("org_code", org_code.clone())
            .details("organization_id", org_code)
    }

    /// Sets the user in both responses. Default: null, except for the key of a user. Kinde's own
    /// sample has an organization and a user.
    pub fn user(self, user: impl Into<String>) -> Self {
        let user = user.into();
        self.member("user_id", user.clone())
            .details("user_id", user)
    }

    /// Sets the APIs that the key belongs to. Default: none.
    pub fn api_ids<S: Into<String>>(self, ids: impl IntoIterator<Item = S>) -> Self {
        let ids: Vec<String> = ids.into_iter().map(Into::into).collect();
        self.details("api_ids", ids)
    }

    /// Sets a member of the verify response to any value, well-formed or not.
    pub fn member(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.change(|record| record.verified.insert(name.to_owned(), value));
        self
    }

    /// Removes a member from the verify response.
    pub fn without(self, name: &str) -> Self {
        self.change(|record| record.verified.remove(name));
        self
    }

    /// Sets a member of the response that describes this key to any value, such as `type`.
    pub fn details(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.change(|record| record.details.insert(name.to_owned(), value));
        self
    }

    /// Removes a member from the response that describes this key.
    pub fn without_details(self, name: &str) -> Self {
        self.change(|record| record.details.remove(name));
        self
    }

    fn change<T>(&self, change: impl FnOnce(&mut KeyRecord) -> T) {
        let mut state = self.issuer.state();
        if let Some(record) = state.credentials.keys.get_mut(&self.id) {
            change(record);
        }
    }
}

fn new_secret() -> String {
    format!("k_live_{}", hex(&random::<18>().unwrap_or_default(), ""))
}

/// Returns the documented response of the verify endpoint.
fn verify_response(id: &str) -> Map<String, Value> {
    object(json!({
        "code": "API_KEY_VERIFIED",
        "message": "API key verified",
        "is_valid": true,
        "key_id": id,
        "status": "active",
        "scopes": [],
        "org_code": null,
        "user_id": null,
        "last_verified_on": "2024-11-18T13:32:03+11",
        "verification_count": 0,
    }))
}

/// Returns the documented description of a key.
fn description(id: &str, kind: &str, secret: &str) -> Map<String, Value> {
    let suffix = secret.get(secret.len().saturating_sub(4)..);
    object(json!({
        "id": id,
        "name": "a key for tests",
        "type": kind,
        "status": "active",
        "key_prefix": secret.get(..6),
        "key_suffix": suffix,
        "created_on": "2024-11-18T13:32:03+11",
        "last_verified_on": "2024-11-18T13:32:03+11",
        "last_verified_ip": "127.0.0.1",
        "created_by": "kp_admin",
        "api_ids": [],
        "scopes": [],
        "verification_count": 0,
        "organization_id": null,
        "user_id": null,
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

impl AsRef<str> for ApiKey {
    fn as_ref(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
