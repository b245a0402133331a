//! The environment variables of an issuer's settings.

use super::issuer::IssuerConfig;
use super::variables::split_list;
use super::words::StringOrList;

type Setter = fn(&mut IssuerConfig, &str);

/// A setting, its variable, and its setter. Two variables of one setting must have equal values.
pub(super) const VARIABLES: [(&str, &str, Setter); 20] = [
    ("kinde", "KINDE_DOMAIN", |issuer, text| {
        issuer.kinde = Some(text.into());
    }),
    ("kinde", "KINDE_ISSUER_URL", |issuer, text| {
        issuer.kinde = Some(text.into());
    }),
    ("audience", "KINDE_AUDIENCE", |issuer, text| {
        issuer.audience = Some(list(text));
    }),
    ("issuer", "M2M_ISSUER", |issuer, text| {
        issuer.issuer = Some(text.into());
    }),
    ("audience", "M2M_AUDIENCE", |issuer, text| {
        issuer.audience = Some(list(text));
    }),
    ("profile", "M2M_PROFILE", |issuer, text| {
        issuer.profile = Some(text.into());
    }),
    ("algorithms", "M2M_ALGORITHMS", |issuer, text| {
        issuer.algorithms = Some(list(text));
    }),
    ("leeway", "M2M_LEEWAY", |issuer, text| {
        issuer.leeway = Some(text.into());
    }),
    ("max_age", "M2M_MAX_AGE", |issuer, text| {
        issuer.max_age = Some(text.into());
    }),
    (
        "organization_claim",
        "M2M_ORGANIZATION_CLAIM",
        |issuer, text| {
            issuer.organization_claim = Some(text.into());
        },
    ),
    (
        "organization_code_pattern",
        "M2M_ORGANIZATION_CODE_PATTERN",
        |issuer, text| issuer.organization_code_pattern = Some(text.into()),
    ),
    ("scope_claim", "M2M_SCOPE_CLAIM", |issuer, text| {
        issuer.scope_claim = Some(text.into());
    }),
    ("client_id_claim", "M2M_CLIENT_ID_CLAIM", |issuer, text| {
        issuer.client_id_claim = Some(text.into());
    }),
    (
        "allow_organizations",
        "M2M_ALLOW_ORGANIZATIONS",
        |issuer, text| {
            issuer.allow_organizations = Some(list(text));
        },
    ),
    ("allow_clients", "M2M_ALLOW_CLIENTS", |issuer, text| {
        issuer.allow_clients = Some(list(text));
    }),
    ("jwks_url", "M2M_JWKS_URL", |issuer, text| {
        issuer.jwks_url = Some(text.into());
    }),
    (
        "keys_time_to_live",
        "M2M_KEYS_TIME_TO_LIVE",
        |issuer, text| {
            issuer.keys_time_to_live = Some(text.into());
        },
    ),
    ("keys_max_stale", "M2M_KEYS_MAX_STALE", |issuer, text| {
        issuer.keys_max_stale = Some(text.into());
    }),
    (
        "unknown_kid_cooldown",
        "M2M_UNKNOWN_KID_COOLDOWN",
        |issuer, text| {
            issuer.unknown_kid_cooldown = Some(text.into());
        },
    ),
    ("fetch_timeout", "M2M_FETCH_TIMEOUT", |issuer, text| {
        issuer.fetch_timeout = Some(text.into());
    }),
];

/// Parses values that are separated by commas or spaces.
fn list(text: &str) -> StringOrList {
    StringOrList::Many(split_list(text).map(str::to_owned).collect())
}
