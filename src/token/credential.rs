//! What kind of credential claims come from, and what proved it.

use std::fmt;

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

/// What proved that a credential is valid, for later checks that it still is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialProof {
    /// The key that verified the signature.
    Key(KeyFingerprint),
    /// The issuer's response about an opaque credential.
    #[cfg_attr(not(feature = "introspection"), allow(dead_code))]
    Introspection(IntrospectedCredential),
}

/// A number that two keys share only if they are the same key: its name, its algorithm, its public
/// part and the issuer that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyFingerprint(pub(crate) u64);

/// An opaque credential that its issuer reported as active.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct IntrospectedCredential {
    /// The keyed digest of the credential.
    pub(crate) digest: [u64; 2],
    /// The first second in which the credential is expired, or `i64::MAX` if the issuer did not
    /// name one.
    pub(crate) expires_at: i64,
}

impl fmt::Debug for IntrospectedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectedCredential")
            .finish_non_exhaustive()
    }
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
