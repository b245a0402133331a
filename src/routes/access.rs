//! The access rule of a route.

use crate::middleware::AuthorizeLayer;

/// The decision that any caller may call a route, without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it is written as a value")]
pub struct Public;

/// The access rule of a route, created from an [`AuthorizeLayer`] or from [`Public`].
#[derive(Clone, Debug)]
pub struct Access(pub(super) AccessRule);

#[derive(Clone, Debug)]
pub(super) enum AccessRule {
    Public,
    PublicPerTenant,
    Layer(AuthorizeLayer),
}

/// The decision that any caller may call a route, although the name of one of its parameters means
/// a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it is written as a value")]
pub struct PublicPerTenant;

impl From<PublicPerTenant> for Access {
    fn from(_: PublicPerTenant) -> Self {
        Self(AccessRule::PublicPerTenant)
    }
}

impl From<Public> for Access {
    fn from(_: Public) -> Self {
        Self(AccessRule::Public)
    }
}

impl From<AuthorizeLayer> for Access {
    fn from(layer: AuthorizeLayer) -> Self {
        Self(AccessRule::Layer(layer))
    }
}

impl From<&AuthorizeLayer> for Access {
    fn from(layer: &AuthorizeLayer) -> Self {
        Self(AccessRule::Layer(layer.clone()))
    }
}
