//! What kind of credential claims come from.

/// What kind of credential a caller sent: see
/// [`Claims::credential_kind`](crate::Claims::credential_kind).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialKind {
    /// A signed access token (RFC 9068), verified with the issuer's keys.
    Jwt,
    /// An opaque access token, verified at the issuer's introspection endpoint (RFC 7662).
    OpaqueToken,
    /// An API key, verified at the issuer.
    ApiKey,
}

/// What layers must know about a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CredentialFacts {
    pub(crate) kind: CredentialKind,
    pub(crate) holder: CredentialHolder,
    pub(crate) api: ApiBinding,
}

/// Whose credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialHolder {
    Machine,
    /// A user. Such a caller is never global.
    #[cfg_attr(not(feature = "introspection"), allow(dead_code))]
    User,
}

/// Whether the credential is known to be for this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApiBinding {
    Checked,
    /// It can be for another API of the same business, so a layer must require a scope.
    #[cfg_attr(not(feature = "introspection"), allow(dead_code))]
    Unchecked,
}

impl CredentialFacts {
    pub(crate) const JWT: Self = Self {
        kind: CredentialKind::Jwt,
        holder: CredentialHolder::Machine,
        api: ApiBinding::Checked,
    };
}
