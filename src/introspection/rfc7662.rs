//! The settings of token introspection (RFC 7662).

use std::time::Duration;

use super::client_secret::ClientSecret;
use super::timing::IntrospectionTiming;

/// How opaque access tokens are verified: at the issuer's introspection endpoint (RFC 7662).
///
/// The issuer's response is used for [`time_to_live`](Self::time_to_live), and never after the token's `exp`. A
/// token that is revoked at the issuer is therefore accepted for up to that time.
///
/// The order of the setters makes no difference.
///
/// ```
/// use std::time::Duration;
/// use tower_m2m::Introspection;
///
/// # fn secret() -> String { String::new() }
/// let introspection = Introspection::from_metadata()
///     .client_credentials("api", secret())
///     .time_to_live(Duration::from_secs(30));
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until an issuer has them"]
#[allow(dead_code, reason = "no issuer takes the settings yet")]
pub struct Introspection {
    /// `None` if the issuer's metadata names the endpoint.
    pub(crate) endpoint: Option<String>,
    pub(crate) client: Option<ClientAuthentication>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) missing_token_type: MissingTokenType,
    pub(crate) timing: IntrospectionTiming,
}

/// How this service authenticates at the introspection endpoint (RFC 6749 §2.3.1).
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "no issuer takes the settings yet")]
pub(crate) enum ClientAuthentication {
    /// In the `Authorization` header.
    Basic(ClientSecret),
    /// In the form.
    Body(ClientSecret),
}

/// Whether a response may lack both `token_type` and `token_use`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MissingTokenType {
    #[default]
    Rejected,
    Allowed,
}

impl Introspection {
    /// Uses the `introspection_endpoint` of the issuer's metadata (RFC 8414 §2).
    pub fn from_metadata() -> Self {
        Self::new(None)
    }

    /// Uses this endpoint. It must be an https URL; http is accepted on loopback only.
    pub fn endpoint(url: impl Into<String>) -> Self {
        Self::new(Some(url.into()))
    }

    fn new(endpoint: Option<String>) -> Self {
        Self {
            endpoint,
            client: None,
            prefixes: Vec::new(),
            missing_token_type: MissingTokenType::Rejected,
            timing: IntrospectionTiming::default(),
        }
    }

    /// Sets the client ID and the secret that this service sends in the `Authorization` header
    /// (`client_secret_basic`). Default: the request is not authenticated, which most issuers reject.
    pub fn client_credentials(
        mut self,
        client_id: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        self.client = Some(ClientAuthentication::Basic(ClientSecret {
            client_id: client_id.into(),
            secret: secret.into(),
        }));
        self
    }

    /// Sets the client ID and the secret that this service sends in the form (`client_secret_post`), for an
    /// issuer that does not accept them in the header. Default: as
    /// [`client_credentials`](Self::client_credentials).
    pub fn client_credentials_in_body(
        mut self,
        client_id: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        self.client = Some(ClientAuthentication::Body(ClientSecret {
            client_id: client_id.into(),
            secret: secret.into(),
        }));
        self
    }

    /// Adds a prefix by which the issuer's opaque tokens are recognized, such as `ory_at_`. Default: every
    /// credential that has the characters of a token and not the form of a JWT.
    ///
    /// If opaque tokens of the issuer have two dots and otherwise only base64url characters, a prefix is required,
    /// because such a token is read as a JWT.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Accepts responses that have neither `token_type` nor `token_use`. Default: they are rejected, because some
    /// issuers report refresh tokens in this way.
    pub fn allow_missing_token_type(mut self) -> Self {
        self.missing_token_type = MissingTokenType::Allowed;
        self
    }

    /// Sets how long a response is fresh. Default: 60 s. From 1 s to 1 h.
    ///
    /// It is also how long a revoked token is still accepted, at most, while the issuer is reachable.
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.timing.time_to_live = time_to_live;
        self
    }

    /// Sets how long a response is used after it became stale, while the issuer fails. Then the response to the
    /// request is 503. Default: 5 min. From 0 to 1 day.
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.timing.max_stale = max_stale;
        self
    }

    /// Sets how long the issuer may take to respond. Default: 1 s. Maximum: 1 minute.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timing.timeout = timeout;
        self
    }
}
