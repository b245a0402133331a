//! The assumptions of profiles about the difference between user tokens and machine tokens.

pub(super) const USERS_DO_NOT_CHOOSE_SUBJECTS: &str = "if the `sub` of a user token equals a client ID, the token is accepted: make sure that the \
     issuer lets no user choose its subject, or list the clients with allow_clients";

pub(super) const USERS_DO_NOT_CHOOSE_PREFIXES: &str = "if the `sub` of a user token begins like that of a machine, the token is accepted: make sure that the \
     issuer lets no user choose its subject, or list the clients with allow_clients";

pub(super) const NO_CLIENT_ID_FOR_USERS: &str = "if the `client_id` of a user token equals `azp`, the token is accepted: make sure that no mapper \
     writes `client_id` into tokens of users, or list the clients with allow_clients";

/// The grant types of users. A client with such a grant type acts for a user.
pub(super) const GRANT_TYPES_OF_USERS: &[&str] = &[
    "authorization_code",
    "refresh_token",
    "implicit",
    "password",
    "urn:ietf:params:oauth:grant-type:device_code",
];
