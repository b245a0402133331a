//! Settings of a local issuer.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;

use super::algorithm::SigningAlgorithm;
use super::defaults::AUDIENCE;
use super::issuer::LocalIssuer;
use super::keyring::KeyRing;
use super::profile::Profile;
use super::state::{Admin, ApiKeyAccess, IssuerSettings, IssuerState};
use crate::clock::Clock;

/// Settings of a [`LocalIssuer`]. Create them with [`LocalIssuer::builder`].
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use tower_m2m::Clock;
/// use tower_m2m::testing::{LocalIssuer, Profile, SigningAlgorithm};
///
/// let clock = Clock::manual(1_750_000_000);
/// let issuer = LocalIssuer::builder()
///     .clock(clock.clone())
///     .algorithm(SigningAlgorithm::Es256)
///     .profile(Profile::Rfc9068)
///     .in_process("https://issuer.example")?;
/// # assert_eq!(issuer.url(), "https://issuer.example");
/// # Ok(())
/// # }
/// ```
#[must_use = "the issuer starts only with `start` or `in_process`"]
pub struct LocalIssuerBuilder {
    listen: SocketAddr,
    algorithm: SigningAlgorithm,
    settings: IssuerSettings,
}

impl LocalIssuerBuilder {
    fn new() -> Self {
        let settings = IssuerSettings {
            clock: Clock::system(),
            profile: Profile::default(),
            lifetime: Duration::from_secs(86_400),
            audience: AUDIENCE.into(),
            admin: Admin::Absent,
            api_key_access: ApiKeyAccess::Public,
            path: String::new(),
        };
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        Self {
            listen,
            algorithm: SigningAlgorithm::default(),
            settings,
        }
    }

    /// Sets the address to listen on. Default: `127.0.0.1` and a free port. If the address is not
    /// loopback, [`start`](Self::start) fails.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the clock that is used when tokens are minted. Default: the system clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Sets the signature algorithm of the issuer's keys. Default: RS256.
    pub fn algorithm(mut self, algorithm: SigningAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Sets the profile of the minted tokens. Default: Kinde's.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.settings.profile = profile;
        self
    }

    /// Sets the lifetime of the minted tokens. Default: 24 h, as at Kinde.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.lifetime = lifetime;
        self
    }

    /// Sets the audience of tokens for which the test names none. Default:
    /// [`AUDIENCE`](super::AUDIENCE).
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.settings.audience = audience.into();
        self
    }

    /// Sets a path in the issuer's URL, such as `/tenants/a`. Default: no path. Leading and
    /// trailing slashes are removed.
    pub fn path(mut self, path: &str) -> Self {
        let path = path.trim_matches('/');
        self.settings.path = if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        };
        self
    }

    /// Offers endpoints under `/admin` that add apps, rotate keys and secrets, and set faults.
    /// Default: not offered.
    pub fn with_admin(mut self) -> Self {
        self.settings.admin = Admin::Offered;
        self
    }

    /// Makes the endpoint that verifies API keys require a token for the Management API with the
    /// scope `read:api_keys`. Default: any caller may verify a key. Kinde's pages disagree about
    /// this. The endpoint that describes a key always requires such a token.
    pub fn protect_api_keys(mut self) -> Self {
        self.settings.api_key_access = ApiKeyAccess::Protected;
        self
    }

    /// Generates a key and starts the server on the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns an error if the address is not loopback or is in use, or if no key can be generated.
    pub async fn start(self) -> io::Result<LocalIssuer> {
        if !self.listen.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the local issuer issues tokens to any caller and listens only on loopback: use a loopback address",
            ));
        }
        let listener = TcpListener::bind(self.listen).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}{}", self.settings.path);
        let keys = KeyRing::generate(self.algorithm)?;
        Ok(LocalIssuer::serving(
            IssuerState::new(self.settings, url, keys),
            listener,
            address,
        ))
    }

    /// Generates a key and starts no server. The issuer's tokens carry `issuer_url` unchanged as
    /// their `iss`.
    ///
    /// # Errors
    ///
    /// Returns an error if no key can be generated.
    pub fn in_process(self, issuer_url: &str) -> io::Result<LocalIssuer> {
        let keys = KeyRing::generate(self.algorithm)?;
        Ok(LocalIssuer::silent(IssuerState::new(
            self.settings,
            issuer_url.to_owned(),
            keys,
        )))
    }
}

/// Construction.
impl LocalIssuer {
    /// Starts a server on a free port of `127.0.0.1`, on the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns an error if no port can be opened or no key can be generated.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Creates an issuer without a server. Its tokens carry `issuer_url` as their `iss`.
    ///
    /// # Errors
    ///
    /// Returns an error if no key can be generated.
    pub fn in_process(issuer_url: &str) -> io::Result<Self> {
        Self::builder().in_process(issuer_url)
    }

    /// Creates a builder for an issuer with other settings.
    pub fn builder() -> LocalIssuerBuilder {
        LocalIssuerBuilder::new()
    }
}

impl fmt::Debug for LocalIssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIssuerBuilder")
            .field("listen", &self.listen)
            .field("algorithm", &self.algorithm)
            .field("profile", &self.settings.profile)
            .finish_non_exhaustive()
    }
}
