//! What profiles rely on: how users' tokens differ from those of machines.

pub(super) const USERS_DO_NOT_CHOOSE_SUBJECTS: &str = "a user's token whose `sub` equals a client ID is accepted: make sure that the \
     issuer lets no user choose its subject, or list the clients with allow_clients";

pub(super) const USERS_DO_NOT_CHOOSE_PREFIXES: &str = "a user's token whose `sub` begins like a machine's is accepted: make sure that the \
     issuer lets no user choose its subject, or list the clients with allow_clients";

pub(super) const NO_CLIENT_ID_FOR_USERS: &str = "a user's token with a `client_id` that equals `azp` is accepted: make sure that no mapper \
     writes `client_id` into tokens of users, or list the clients with allow_clients";

/// The grant types of users. A client with such a grant type acts for a user.
pub(super) const GRANT_TYPES_OF_USERS: &[&str] = &[
    "authorization_code",
    "refresh_token",
    "implicit",
    "password",
    "urn:ietf:params:oauth:grant-type:device_code",
];
