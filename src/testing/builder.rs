//! How a local issuer is set up.

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
use super::state::{Admin, IssuerSettings, IssuerState};
use crate::clock::Clock;

/// Settings of a [`LocalIssuer`], from [`LocalIssuer::builder`].
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
#[must_use = "nothing starts before `start` or `in_process`"]
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
            path: String::new(),
        };
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        Self {
            listen,
            algorithm: SigningAlgorithm::default(),
            settings,
        }
    }

    /// Where to listen. `127.0.0.1` on a free port by default; anything but loopback is refused at the start.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Where "now" comes from when tokens are minted. The system's clock by default.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// What the issuer's keys sign with. RS256 by default.
    pub fn algorithm(mut self, algorithm: SigningAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Whose tokens it imitates. Kinde's by default.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.settings.profile = profile;
        self
    }

    /// How long its tokens live. A day by default, as Kinde's do.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.lifetime = lifetime;
        self
    }

    /// The audience of tokens that name none. [`AUDIENCE`](super::AUDIENCE) by default.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.settings.audience = audience.into();
        self
    }

    /// A path in the issuer's URL, such as `/tenants/a`. None by default. Slashes at either end do not matter.
    pub fn path(mut self, path: &str) -> Self {
        let path = path.trim_matches('/');
        self.settings.path = if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        };
        self
    }

    /// Offers endpoints under `/admin` that add apps, rotate keys and secrets, and set faults. Not offered by default.
    pub fn with_admin(mut self) -> Self {
        self.settings.admin = Admin::Offered;
        self
    }

    /// Makes a key and starts the server, on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address is not loopback or is taken, or no key could be made.
    pub async fn start(self) -> io::Result<LocalIssuer> {
        if !self.listen.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the local issuer hands out tokens and listens on loopback only",
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

    /// Makes a key and no server: an issuer whose tokens carry `issuer_url` as their `iss`, as it is written.
    ///
    /// # Errors
    ///
    /// When no key could be made.
    pub fn in_process(self, issuer_url: &str) -> io::Result<LocalIssuer> {
        let keys = KeyRing::generate(self.algorithm)?;
        Ok(LocalIssuer::silent(IssuerState::new(
            self.settings,
            issuer_url.to_owned(),
            keys,
        )))
    }
}

/// Starting it.
impl LocalIssuer {
    /// Starts a server on a free port of `127.0.0.1`, on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When no port could be opened or no key made.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// An issuer without a server, whose tokens carry `issuer_url` as their `iss`.
    ///
    /// # Errors
    ///
    /// When no key could be made.
    pub fn in_process(issuer_url: &str) -> io::Result<Self> {
        Self::builder().in_process(issuer_url)
    }

    /// An issuer with settings of its own.
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
