//! The type of a forgery, and the macro that defines forgeries.

use std::fmt;

use crate::testing::mint::TokenBuilder;

/// A token that must be rejected. `Debug` does not show it.
#[derive(Clone)]
pub struct Forgery {
    name: &'static str,
    description: &'static str,
    authorization: String,
    expected: Expected,
}

impl Forgery {
    /// Returns the name of the function that created it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns one sentence that says why the token is invalid.
    #[must_use]
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// Returns the value of the `Authorization` header, in visible ASCII.
    #[must_use]
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// Returns the part after the scheme: the token, or the characters that replace it.
    #[must_use]
    pub fn token(&self) -> &str {
        self.authorization
            .strip_prefix("Bearer ")
            .unwrap_or_default()
    }

    /// Returns the response of a correct server.
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

/// The response of a correct server (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    status: u16,
    error: &'static str,
    /// Another correct status, for example if the server's own header limit rejects the request
    /// before the layer (RFC 6585 §5).
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
    /// A key that the issuer did not publish. A server that may not fetch keys at the moment cannot
    /// know this, so 503 is also correct.
    pub(super) const UNKNOWN_KEY: Self = Self {
        or_status: Some(503),
        ..Self::INVALID_TOKEN
    };
    /// A string with characters that no bearer token has. A server that compares prefixes first
    /// rejects it as an unknown token.
    pub(super) const UNREADABLE: Self = Self {
        or_status: Some(401),
        ..Self::INVALID_REQUEST
    };
    pub(super) const TOO_LONG: Self = Self {
        or_status: Some(431),
        ..Self::INVALID_REQUEST
    };

    /// A malformed event (RFC 8935 §2.4). `error` is `err` of the body.
    pub(super) const INVALID_EVENT: Self = Self {
        status: 400,
        error: "invalid_request",
        or_status: None,
    };
    pub(super) const INVALID_KEY: Self = Self {
        error: "invalid_key",
        ..Self::INVALID_EVENT
    };
    pub(super) const AUTHENTICATION_FAILED: Self = Self {
        error: "authentication_failed",
        ..Self::INVALID_EVENT
    };
    pub(super) const INVALID_ISSUER: Self = Self {
        error: "invalid_issuer",
        ..Self::INVALID_EVENT
    };
    pub(super) const INVALID_AUDIENCE: Self = Self {
        error: "invalid_audience",
        ..Self::INVALID_EVENT
    };
    pub(super) const ACCESS_DENIED: Self = Self {
        error: "access_denied",
        ..Self::INVALID_EVENT
    };

    /// Returns the status: 401 for an invalid token, 400 if the value is not a bearer token.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the challenge's `error`, or `err` of the body for an event.
    #[must_use]
    pub fn error(&self) -> &'static str {
        self.error
    }

    /// Returns `true` if this status is correct. For an oversized header, 431 from the server's own
    /// limit is also correct. For an opaque credential with characters that no credential has, 401
    /// is. For an unknown key, 503 is.
    #[must_use]
    pub fn allows(&self, status: u16) -> bool {
        status == self.status || Some(status) == self.or_status
    }
}

pub(super) type Forge = fn(&TokenBuilder) -> Forgery;

/// Defines each forgery once. Its sentence becomes the documentation and [`Forgery::description`],
/// its name becomes the function and [`Forgery::name`], and every forgery is in `ALL`.
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
