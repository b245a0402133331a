//! What a forgery is, and how one is written down.

use std::fmt;

use crate::testing::mint::TokenBuilder;

/// One token that must be refused. `Debug` does not show it.
#[derive(Clone)]
pub struct Forgery {
    name: &'static str,
    description: &'static str,
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
    pub fn description(&self) -> &'static str {
        self.description
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

    pub(super) fn new(
        name: &'static str,
        description: &'static str,
        token: &str,
        expected: Expected,
    ) -> Self {
        Self {
            name,
            description,
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
    pub(super) const INVALID_TOKEN: Self = Self {
        status: 401,
        error: "invalid_token",
        or_status: None,
    };
    pub(super) const INVALID_REQUEST: Self = Self {
        status: 400,
        error: "invalid_request",
        or_status: None,
    };
    pub(super) const TOO_LONG: Self = Self {
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

pub(super) type Forge = fn(&TokenBuilder) -> Forgery;

/// Writes each forgery once: its sentence becomes both the documentation and [`Forgery::description`], its name both the
/// function and [`Forgery::name`], and nobody can leave it out of `ALL`.
macro_rules! forgeries {
    ($(#[doc = $about:literal] $name:ident($good:ident) -> $expected:ident $token:block)*) => {
        $(
            #[doc = $about]
            #[must_use]
            pub fn $name(good: &crate::testing::mint::TokenBuilder) -> crate::testing::forged::forgery::Forgery {
                let $good = good.clone();
                let token: String = $token;
                crate::testing::forged::forgery::Forgery::new(
                    stringify!($name),
                    $about.trim_ascii(),
                    &token,
                    crate::testing::forged::forgery::Expected::$expected,
                )
            }
        )*

        pub(in crate::testing::forged) const ALL: &[crate::testing::forged::forgery::Forge] = &[$($name),*];
    };
}
pub(super) use forgeries;
