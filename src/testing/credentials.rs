//! The opaque credentials that an issuer has handed out, and how it responds to unknown ones.

use std::collections::BTreeMap;

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

/// What the issuer knows about opaque credentials.
pub(super) struct Credentials {
    /// By key ID.
    pub(super) keys: BTreeMap<String, KeyRecord>,
    /// The claims of opaque tokens, by token.
    pub(super) tokens: BTreeMap<String, Map<String, Value>>,
    /// Tokens for the Management API.
    management_tokens: BTreeMap<String, ManagementToken>,
    /// The error that the verify endpoint sends for unknown keys. `None` means 200 with `is_valid:
    /// false`.
    pub(super) unknown_key: Option<KindeError>,
    /// The error that the verify endpoint sends if the access token of the request is invalid.
    pub(super) rejected_client: KindeError,
    /// The error that the verify endpoint sends if the access token lacks the scope.
    pub(super) missing_scope: KindeError,
}

/// Why a request may not use the Management API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessDenied {
    /// It has no access token, or an invalid one.
    InvalidToken,
    /// The access token is valid and lacks the scope.
    MissingScope,
}

/// A token for the Management API.
pub(super) struct ManagementToken {
    pub(super) expires_at: i64,
    pub(super) scopes: Vec<String>,
}

/// A registered API key.
pub(super) struct KeyRecord {
    pub(super) secret: String,
    pub(super) status: KeyStatus,
    /// The members of the verify response.
    pub(super) verified: Map<String, Value>,
    /// The members of the object `api_key` in the response that describes the key.
    pub(super) details: Map<String, Value>,
}

/// The switch between a working and a revoked key.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum KeyStatus {
    Active,
    Revoked,
}

/// An error response of Kinde's Management API.
#[derive(Clone)]
pub(super) struct KindeError {
    pub(super) status: StatusCode,
    pub(super) code: String,
}

impl KindeError {
    pub(super) fn new(status: StatusCode, code: impl Into<String>) -> Self {
        let code = code.into();
        Self { status, code }
    }

    /// Returns the documented form of an error body.
    pub(super) fn body(&self) -> Value {
        json!({ "errors": [{ "code": self.code, "message": "The request failed" }] })
    }
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            keys: BTreeMap::new(),
            tokens: BTreeMap::new(),
            management_tokens: BTreeMap::new(),
            unknown_key: None,
            rejected_client: KindeError::new(StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS"),
            missing_scope: KindeError::new(StatusCode::FORBIDDEN, "INSUFFICIENT_SCOPE"),
        }
    }
}

impl Credentials {
    pub(super) fn key_with_secret(&mut self, secret: &str) -> Option<&mut KeyRecord> {
        self.keys.values_mut().find(|key| key.secret == secret)
    }

    /// Makes a credential inactive. An unknown one changes nothing.
    pub(super) fn revoke(&mut self, credential: &str) {
        self.tokens.remove(credential);
        if let Some(key) = self.key_with_secret(credential) {
            key.status = KeyStatus::Revoked;
            key.verified.insert("is_valid".into(), false.into());
            key.verified.insert("status".into(), "revoked".into());
            key.details.insert("status".into(), "revoked".into());
        }
    }

    /// Adds a token for the Management API and removes those that have expired.
    pub(super) fn add_management_token(&mut self, token: String, added: ManagementToken, now: i64) {
        self.management_tokens
            .retain(|_, token| token.expires_at > now);
        self.management_tokens.insert(token, added);
    }

    /// Checks that a request has a token for the Management API with this scope.
    pub(super) fn authorize(
        &self,
        headers: &HeaderMap,
        scope: &str,
        now: i64,
    ) -> Result<(), AccessDenied> {
        let authorization = headers.get(AUTHORIZATION);
        let token = authorization
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let token = token
            .and_then(|token| self.management_tokens.get(token))
            .filter(|token| token.expires_at > now)
            .ok_or(AccessDenied::InvalidToken)?;
        let has_scope = token.scopes.iter().any(|granted| granted == scope);
        has_scope.then_some(()).ok_or(AccessDenied::MissingScope)
    }
}
