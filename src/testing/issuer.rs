//! The issuer that a test uses.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;

use super::apps::{App, SecretRotation};
use super::documents;
use super::keys::{SigningKey, compact};
use super::mint::TokenBuilder;
use super::server::Server;
use super::state::{IssuerState, publish_next_key, rotate_key, rotate_secret};

/// An authorization server for tests, on loopback or without a socket.
///
/// It generates its keys when it starts and never stores them. If it is dropped, the server stops.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use tower_m2m::testing::{App, Endpoint, Fault, LocalIssuer};
///
/// let issuer = LocalIssuer::start().await?;
/// issuer.add_app(App::org("svc-acme", "s3cret", "org_a").audience("https://api.example.com"));
/// println!("curl {} -d grant_type=client_credentials …", issuer.token_endpoint());
///
/// issuer.set_fault(Endpoint::Jwks, Fault::Hang);
/// issuer.set_fault(Endpoint::Jwks, None);
/// let kid = issuer.rotate_key()?;
/// assert!(issuer.jwks().contains(&kid));
/// # Ok(())
/// # }
/// ```
pub struct LocalIssuer {
    pub(super) shared: Arc<IssuerState>,
    address: Option<SocketAddr>,
    server: Mutex<Option<Server>>,
}

/// URLs and defaults.
impl LocalIssuer {
    /// Returns the exact `iss` of its tokens, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Returns the URL of its keys.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        documents::jwks_uri(&self.shared)
    }

    /// Returns the URL of its token endpoint.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        documents::token_endpoint(&self.shared)
    }

    /// Returns the address that it listens on, or `None` if it has no server.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Returns the audience of tokens for which the test names none.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.shared.audience
    }
}

/// Minting without HTTP.
impl LocalIssuer {
    /// Creates a token of an app that belongs to this organization.
    #[must_use]
    pub fn org(&self, org_code: impl Into<String>) -> TokenBuilder {
        self.global().org(org_code)
    }

    /// Creates a token of an app that belongs to no organization.
    #[must_use]
    pub fn global(&self) -> TokenBuilder {
        self.shared.machine_token(self.shared.lifetime)
    }

    /// Creates an access token of a signed-in user such as `kp_1234`: same issuer, key and
    /// audience, but not a machine token.
    #[must_use]
    pub fn user(&self, user: &str) -> TokenBuilder {
        self.shared.user_token(user)
    }

    /// Signs any header and any bytes with the current key, for example duplicate members or broken
    /// UTF-8.
    #[must_use]
    pub fn sign_raw(&self, header_json: &str, payload: &[u8]) -> String {
        compact(header_json, payload, &self.signing_key())
    }

    /// Returns the key that signs at present.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        self.shared.state().keys.signing().clone()
    }

    /// Returns the published key set as a JSON document.
    #[must_use]
    pub fn jwks(&self) -> String {
        documents::jwks(&self.shared)
    }
}

/// Applications.
impl LocalIssuer {
    /// Registers an app. It replaces an app with the same client ID.
    pub fn add_app(&self, app: App) {
        self.shared
            .state()
            .apps
            .insert(app.client_id().to_owned(), app);
    }

    /// Gives an app a new secret and returns it.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such app.
    pub fn rotate_secret(&self, client_id: &str, old: SecretRotation) -> io::Result<String> {
        rotate_secret(&self.shared, client_id, old)
    }
}

/// Keys.
impl LocalIssuer {
    /// Generates a new key, publishes it, signs with it, and returns its `kid`. The old key stays
    /// published.
    ///
    /// # Errors
    ///
    /// Returns an error if no key can be generated.
    pub fn rotate_key(&self) -> io::Result<String> {
        rotate_key(&self.shared)
    }

    /// Generates a new key, publishes it, and returns its `kid`. The old key continues to sign.
    ///
    /// # Errors
    ///
    /// Returns an error if no key can be generated.
    pub fn publish_next_key(&self) -> io::Result<String> {
        publish_next_key(&self.shared)
    }

    /// Publishes a key that was generated elsewhere. It replaces a key with the same `kid` and does
    /// not sign yet.
    pub fn publish_key(&self, key: SigningKey) {
        self.shared.state().keys.publish(key);
    }

    /// Signs with the key of this `kid` from now on.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such key.
    pub fn use_key(&self, kid: &str) -> io::Result<()> {
        self.shared.state().keys.sign_with(kid)
    }

    /// Removes a key from the published set. If it is the signing key, it continues to sign, and no
    /// verifier can verify these signatures.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such key.
    pub fn remove_key(&self, kid: &str) -> io::Result<()> {
        self.shared.state().keys.withdraw(kid)
    }

    /// Replaces the signing key with another of the same `kid`. No issuer should do this, but some
    /// did.
    ///
    /// # Errors
    ///
    /// Returns an error if no key can be generated.
    pub fn replace_key_same_kid(&self) -> io::Result<()> {
        self.shared.state().keys.replace()
    }
}

impl LocalIssuer {
    pub(super) fn serving(shared: IssuerState, listener: TcpListener, address: SocketAddr) -> Self {
        let shared = Arc::new(shared);
        let server = Server::spawn(listener, Arc::clone(&shared));
        Self {
            shared,
            address: Some(address),
            server: Mutex::new(Some(server)),
        }
    }

    pub(super) fn silent(shared: IssuerState) -> Self {
        Self {
            shared: Arc::new(shared),
            address: None,
            server: Mutex::new(None),
        }
    }

    pub(super) fn slot(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIssuer")
            .field("url", &self.shared.url)
            .finish_non_exhaustive()
    }
}
