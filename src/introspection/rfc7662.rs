//! The settings of token introspection (RFC 7662).

use std::time::Duration;

use http::Request;

use super::timing::IntrospectionTiming;
use crate::http_client::{ClientSecret, Fetcher};
use crate::util::BoxError;

/// The settings for opaque access tokens, which the issuer's introspection endpoint verifies
/// (RFC 7662).
///
/// The issuer's response is used for [`time_to_live`](Self::time_to_live), and not again after the
/// token's `exp`. A token that is revoked at the issuer is therefore accepted for up to that time.
/// During the [leeway](crate::Issuer::leeway) after `exp`, the issuer is queried for each request.
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
pub struct Introspection {
    /// `None` if the issuer's metadata names the endpoint.
    pub(crate) endpoint: Option<String>,
    pub(crate) basic: Option<ClientSecret>,
    pub(crate) body: Option<ClientSecret>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) missing_token_type: MissingTokenType,
    pub(crate) timing: IntrospectionTiming,
    pub(crate) send: Option<Fetcher>,
}

/// The authentication of this service at the introspection endpoint (RFC 6749 §2.3.1).
#[derive(Clone, Debug)]
pub(crate) enum ClientAuthentication {
    /// In the `Authorization` header.
    Basic(ClientSecret),
    /// In the form.
    Body(ClientSecret),
}

/// The rule about responses that lack both `token_type` and `token_use`.
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
            basic: None,
            body: None,
            prefixes: Vec::new(),
            missing_token_type: MissingTokenType::Rejected,
            timing: IntrospectionTiming::default(),
            send: None,
        }
    }

    /// Sets the client ID and the secret that this service sends in the `Authorization` header
    /// (`client_secret_basic`). Default: the request is not authenticated, which most issuers
    /// reject.
    pub fn client_credentials(
        mut self,
        client_id: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        self.basic = Some(ClientSecret::new(client_id, secret));
        self
    }

    /// Sets the client ID and the secret that this service sends in the form
    /// (`client_secret_post`), for an issuer that does not accept them in the header. Default: the
    /// form has no credentials. It cannot be combined with
    /// [`client_credentials`](Self::client_credentials).
    pub fn client_credentials_in_body(
        mut self,
        client_id: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        self.body = Some(ClientSecret::new(client_id, secret));
        self
    }

    /// Adds a prefix by which the issuer's opaque tokens are recognized, such as `ory_at_`.
    /// Default: every credential that has the characters of a token and not the form of a JWT.
    ///
    /// If opaque tokens of the issuer have two dots and otherwise only base64url characters, a
    /// prefix is required, because such a token is read as a JWT.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Accepts responses that have neither `token_type` nor `token_use`. Default: they are
    /// rejected, because some issuers report refresh tokens in this way.
    pub fn allow_missing_token_type(mut self) -> Self {
        self.missing_token_type = MissingTokenType::Allowed;
        self
    }

    /// Sets how long a response is fresh. Default: 60 s. From 1 s to 1 h.
    ///
    /// It is also how long a revoked token is still accepted, at most, while the issuer is
    /// reachable.
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.timing.time_to_live = time_to_live;
        self
    }

    /// Sets how long a response is used after it became stale, while the issuer fails. Then the
    /// response to the request is 503. Default: 5 min. From 0 to 1 day.
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.timing.max_stale = max_stale;
        self
    }

    /// Sets how long the issuer may take to respond. Default: 1 s. Maximum: 1 minute.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timing.timeout = timeout;
        self
    }

    /// Sends requests to the issuer with a function of the application instead of the HTTP client
    /// of this crate. Default: the HTTP client.
    ///
    /// The function must not follow redirects. A response of more than 64 KiB is rejected. It runs
    /// within [`timeout`](Self::timeout).
    pub fn send_with<F, R>(mut self, send: F) -> Self
    where
        F: Fn(Request<Vec<u8>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<http::Response<Vec<u8>>, BoxError>> + Send + 'static,
    {
        self.send = Some(Fetcher::function(send));
        self
    }

    pub(crate) fn has_two_authentications(&self) -> bool {
        self.basic.is_some() && self.body.is_some()
    }

    pub(crate) fn authentication(&self) -> Option<ClientAuthentication> {
        let basic = self.basic.clone().map(ClientAuthentication::Basic);
        basic.or_else(|| self.body.clone().map(ClientAuthentication::Body))
    }
}
