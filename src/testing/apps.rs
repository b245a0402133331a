//! M2M applications that may obtain tokens.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::Value;

use super::mint::TokenBuilder;

/// A machine-to-machine application. Register it with
/// [`LocalIssuer::add_app`](super::LocalIssuer::add_app).
///
/// `Debug` never shows a secret.
///
/// ```
/// use tower_m2m::testing::App;
///
/// let app = App::org("svc-acme", "s3cret", "org_a")
///     .audience("https://api.example.com")
///     .scopes(["read:invoices", "write:invoices"]);
/// assert!(!format!("{app:?}").contains("s3cret"));
/// ```
#[derive(Clone)]
pub struct App {
    client_id: String,
    secrets: Vec<String>,
    org_code: Option<String>,
    audiences: Vec<String>,
    scopes: Vec<String>,
    lifetime: Option<Duration>,
    extras: Vec<Extra>,
}

/// The treatment of earlier secrets during a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretRotation {
    /// The old secrets stop working immediately. Kinde's default.
    RevokeOld,
    /// The old secrets continue to work in addition to the new one.
    KeepOld,
}

impl App {
    /// Creates an app that belongs to one organization.
    #[must_use]
    pub fn org(
        client_id: impl Into<String>,
        secret: impl Into<String>,
        org_code: impl Into<String>,
    ) -> Self {
        let app = Self::global(client_id, secret);
        Self {
            org_code: Some(org_code.into()),
            ..app
        }
    }

    /// Creates an app that belongs to no organization.
    #[must_use]
    pub fn global(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            secrets: vec![secret.into()],
            org_code: None,
            audiences: Vec::new(),
            scopes: Vec::new(),
            lifetime: None,
            extras: Vec::new(),
        }
    }

    /// Authorizes one more API for this app. Default: no API.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Enables scopes for this app. Default: no scopes.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// Sets the lifetime of this app's tokens. Default: the issuer's setting.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Adds a property to this app's tokens, like [`TokenBuilder::property`].
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extras.push(Extra::Property(name.into(), value.into()));
        self
    }

    /// Adds a feature flag to this app's tokens, like [`TokenBuilder::flag`].
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extras.push(Extra::Flag(name.into(), value.into()));
        self
    }

    /// Adds a claim to this app's tokens, as a workflow of the issuer can.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extras.push(Extra::Claim(name.into(), value.into()));
        self
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn audiences(&self) -> &[String] {
        &self.audiences
    }

    pub(super) fn enabled_scopes(&self) -> &[String] {
        &self.scopes
    }

    pub(super) fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    pub(super) fn knows(&self, secret: &str) -> bool {
        let mut secrets = self.secrets.iter();
        secrets.any(|valid| verify_slices_are_equal(valid.as_bytes(), secret.as_bytes()).is_ok())
    }

    pub(super) fn rotate_secret(&mut self, secret: String, old: SecretRotation) {
        if old == SecretRotation::RevokeOld {
            self.secrets.clear();
        }
        self.secrets.push(secret);
    }

    /// Adds the claims that all tokens of this app have.
    pub(super) fn stamp(&self, token: TokenBuilder) -> TokenBuilder {
        let token = token.client(&self.client_id);
        let token = match &self.org_code {
            Some(org_code) => token.org(org_code),
            None => token,
        };
        self.extras
            .iter()
            .cloned()
            .fold(token, |token, extra| match extra {
                Extra::Property(name, value) => token.property(name, value),
                Extra::Flag(name, value) => token.flag(name, value),
                Extra::Claim(name, value) => token.claim(name, value),
            })
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("client_id", &self.client_id)
            .field("org_code", &self.org_code)
            .field("audiences", &self.audiences)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum Extra {
    Property(String, Value),
    Flag(String, Value),
    Claim(String, Value),
}
