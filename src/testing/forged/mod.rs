//! Tokens that no server may accept: each is a good token with one thing wrong.
//!
//! Every function takes the good token that your API would let in, and returns a [`Forgery`]: what to send, and how a
//! correct server answers. [`attack`] sends them all and reports.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use tower_m2m::testing::{LocalIssuer, forged};
//!
//! # async fn call_my_api(authorization: String) -> (u16, Option<String>, String) {
//! #     if authorization.contains("control") { return (200, None, String::new()) }
//! #     (401, Some("Bearer error=\"invalid_token\"".into()), String::new())
//! # }
//! let issuer = LocalIssuer::in_process("https://acme.kinde.com")?;
//! let good = issuer.org("org_a").scopes(["read:invoices"]);
//!
//! // `call_my_api` sends the header value and returns status, `WWW-Authenticate` and body.
//! let report = forged::attack(&good, call_my_api).await;
//! println!("{report}");
//! // In a test: report.assert_all_refused();
//!
//! let one = forged::key_confusion_hs256(&good);
//! assert_eq!((one.expected().status(), one.expected().error()), (401, "invalid_token"));
//! # Ok(())
//! # }
//! ```
//!
//! The tokens are as fresh as the good one: build it just before the attack when the clock is the system's. Those that
//! name a key server of their own point below the issuer's URL, so that
//! [`LocalIssuer::hits`](super::LocalIssuer::hits) of [`Endpoint::Other`](super::Endpoint::Other) shows whether the
//! server under attack went there.

mod algorithms;
mod audiences;
mod forge;
mod keys;
mod kinds;
mod orgs;
mod report;
mod shapes;
mod signatures;
mod times;

use std::fmt;

use super::mint::TokenBuilder;
use super::profile::Profile;

pub use algorithms::*;
pub use audiences::*;
pub use keys::*;
pub use kinds::*;
pub use orgs::*;
pub use report::{Report, attack, attack_with};
pub use shapes::*;
pub use signatures::*;
pub use times::*;

/// Every forgery, except those that are no forgery for the good token's [`Profile`]: outside Kinde a user's token
/// cannot be told from a machine's by its grant type.
#[must_use]
pub fn all(good: &TokenBuilder) -> Vec<Forgery> {
    let everywhere = [
        algorithms::ALL,
        signatures::ALL,
        keys::ALL,
        times::ALL,
        audiences::ALL,
        orgs::ALL,
        kinds::ALL,
        shapes::ALL,
    ];
    let here: &[Forge] = if good.profile() == Profile::Kinde {
        kinds::of_kinde::ALL
    } else {
        &[]
    };
    let forges = everywhere.into_iter().flatten().chain(here);
    forges.map(|forge| forge(good)).collect()
}

/// One token that must be refused. `Debug` does not show it.
#[derive(Clone)]
pub struct Forgery {
    name: &'static str,
    about: &'static str,
    authorization: String,
    expected: Expected,
}

impl Forgery {
    /// The name of the function that made it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// One sentence on what is wrong with it.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// The value of the `Authorization` header, visible ASCII.
    #[must_use]
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// What follows the scheme: the token, or what stands in its place.
    #[must_use]
    pub fn token(&self) -> &str {
        self.authorization
            .strip_prefix("Bearer ")
            .unwrap_or_default()
    }

    /// How a correct server answers.
    #[must_use]
    pub fn expected(&self) -> Expected {
        self.expected
    }

    fn new(name: &'static str, about: &'static str, token: &str, expected: Expected) -> Self {
        Self {
            name,
            about,
            authorization: format!("Bearer {token}"),
            expected,
        }
    }
}

impl fmt::Debug for Forgery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forgery")
            .field("name", &self.name)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

/// The answer of a correct server (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    status: u16,
    error: &'static str,
    /// What a server's own limit on headers answers before any middleware sees the request (RFC 6585 §5).
    or_status: Option<u16>,
}

impl Expected {
    const INVALID_TOKEN: Self = Self {
        status: 401,
        error: "invalid_token",
        or_status: None,
    };
    const INVALID_REQUEST: Self = Self {
        status: 400,
        error: "invalid_request",
        or_status: None,
    };
    const TOO_LONG: Self = Self {
        or_status: Some(431),
        ..Self::INVALID_REQUEST
    };

    /// The status: 401 for a token that is not acceptable, 400 for what is no bearer token at all.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The challenge's `error`.
    #[must_use]
    pub fn error(&self) -> &'static str {
        self.error
    }

    /// Whether this status is right. A header that is far too long may meet the server's own limit first: 431.
    #[must_use]
    pub fn allows(&self, status: u16) -> bool {
        status == self.status || Some(status) == self.or_status
    }
}

type Forge = fn(&TokenBuilder) -> Forgery;

/// Writes each forgery once: its sentence becomes both the documentation and [`Forgery::about`], its name both the
/// function and [`Forgery::name`], and nobody can leave it out of `ALL`.
macro_rules! forgeries {
    ($(#[doc = $about:literal] $name:ident($good:ident) -> $expected:ident $token:block)*) => {
        $(
            #[doc = $about]
            #[must_use]
            pub fn $name(good: &crate::testing::TokenBuilder) -> crate::testing::forged::Forgery {
                let $good = good.clone();
                let token: String = $token;
                crate::testing::forged::Forgery::new(
                    stringify!($name),
                    $about.trim_ascii(),
                    &token,
                    crate::testing::forged::Expected::$expected,
                )
            }
        )*

        pub(in crate::testing::forged) const ALL: &[crate::testing::forged::Forge] = &[$($name),*];
    };
}
use forgeries;
