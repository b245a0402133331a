//! The settings of API keys.

use std::time::Duration;

use http::Request;

use super::timing::IntrospectionTiming;
use crate::http_client::{ClientSecret, Fetcher};
use crate::util::BoxError;

/// The settings for API keys. The issuer is queried about each key.
///
/// The issuer's response is used for [`time_to_live`](Self::time_to_live). A key that is revoked at
/// the issuer is therefore accepted for up to that time.
///
/// The order of the setters makes no difference.
///
/// ```
/// use tower_m2m::ApiKeys;
///
/// # fn secret() -> String { String::new() }
/// let keys = ApiKeys::kinde().client_credentials("m2m-client-id", secret()).api_id("api_0195");
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until an issuer has them"]
pub struct ApiKeys {
    pub(crate) client: Option<ClientSecret>,
    pub(crate) api_id: Option<String>,
    pub(crate) user_keys: UserKeys,
    pub(crate) kinde_domain: Option<String>,
    /// Empty if the default prefix is used.
    pub(crate) prefixes: Vec<String>,
    pub(crate) header: Option<String>,
    pub(crate) timing: IntrospectionTiming,
    pub(crate) send: Option<Fetcher>,
}

/// The rule about the API keys of users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UserKeys {
    #[default]
    Rejected,
    Allowed,
}

impl ApiKeys {
    /// Creates the settings for Kinde's API keys: `k_live_…`.
    pub fn kinde() -> Self {
        Self {
            client: None,
            api_id: None,
            user_keys: UserKeys::Rejected,
            kinde_domain: None,
            prefixes: Vec::new(),
            header: None,
            timing: IntrospectionTiming::default(),
            send: None,
        }
    }

    /// Sets the machine-to-machine application that this service uses at Kinde's API. Default:
    /// requests carry no access token.
    ///
    /// The application needs the scope `read:api_keys` of the Kinde Management API.
    pub fn client_credentials(
        mut self,
        client_id: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        self.client = Some(ClientSecret::new(client_id, secret));
        self
    }

    /// Accepts only keys that belong to this API. Default: keys of every API of the business are
    /// accepted, and a layer without a required scope rejects them.
    ///
    /// Kinde is then queried twice about a key: whether it is valid, and which API it belongs to.
    pub fn api_id(mut self, api_id: impl Into<String>) -> Self {
        self.api_id = Some(api_id.into());
        self
    }

    /// Accepts API keys of users too. Default: only the keys of organizations and environments are
    /// accepted.
    ///
    /// A layer admits them only with `allow_users`. They never count as global.
    pub fn allow_user_keys(mut self) -> Self {
        self.user_keys = UserKeys::Allowed;
        self
    }

    /// Sets the Kinde domain, such as `acme` or `acme.kinde.com`. Default: the issuer's own.
    ///
    /// If the issuer is a custom domain, this is required, because Kinde's API is at the Kinde
    /// domain only.
    pub fn kinde_domain(mut self, domain: impl Into<String>) -> Self {
        self.kinde_domain = Some(domain.into());
        self
    }

    /// Adds a prefix by which an API key is recognized. Default: `k_live_`, if none is added.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Reads API keys from this header too, such as `x-api-key`. Default: only from
    /// `Authorization`.
    ///
    /// A request with credentials in both headers is rejected with 400. Headers with another kind
    /// of credential are invalid: `Authorization` itself, `Proxy-Authorization`, `DPoP`,
    /// `Client-Cert` and `Client-Cert-Chain`.
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = Some(name.into());
        self
    }

    /// Sets how long a response is fresh. Default: 60 s. From 1 s to 1 h.
    ///
    /// It is also how long a revoked key is still accepted, at most, while the issuer is reachable.
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

    /// Sets how long the issuer may take to verify a key, with all requests that this needs.
    /// Default: 1 s. Maximum: 1 minute.
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
}
