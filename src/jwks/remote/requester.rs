//! The client of a request that needs a key.

/// The client of a request that needs a key, by the unverified name in its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Requester {
    pub(super) name: ClientHash,
    pub(super) kind: RequesterKind,
}

/// The keyed hash of a client's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientHash(pub(super) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RequesterKind {
    /// A token of this client was verified.
    Known,
    /// Any other client, such as an attacker who invents names of keys.
    Unknown,
}
