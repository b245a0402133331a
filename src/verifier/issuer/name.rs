//! The checks of an issuer's name: whether tokens with this `iss` can exist, and whether its keys
//! may be fetched.

use super::Issuer;
use crate::jwks::{PlainHttp, is_allowed_url, is_secure_url};
use crate::verifier::config_error::{Advice, ConfigError};

/// The longest name, in characters, of an issuer if its metadata is not fetched.
const MAX_ISSUER_LEN: usize = 512;

pub(super) const PLACEHOLDER: &str = "contains a placeholder: write the value itself in place of the part between { and } or < and >, or after $";

/// The hosts of Microsoft Entra ID with endpoints for several tenants. No token has such an
/// endpoint in its `iss`.
const ENTRA_HOSTS: [&str; 4] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.windows.net",
];
const ENTRA_ENDPOINTS: [&str; 3] = ["common", "organizations", "consumers"];

impl Issuer {
    pub(super) fn check_name(&self, issuer: &str) -> Result<(), ConfigError> {
        if has_placeholder(issuer) {
            return Err(ConfigError::new("issuer", PLACEHOLDER));
        }
        if is_for_several_tenants(issuer) {
            let problem = "is an endpoint for several tenants, which no token names: write the tenant's ID in its place, as in \
                 https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0, one issuer for each tenant";
            return Err(ConfigError::new("issuer", problem));
        }
        if self.keys.url.as_deref().is_some_and(has_placeholder) {
            return Err(ConfigError::new("jwks_url", PLACEHOLDER));
        }
        let plain_http = self.timing.plain_http;
        if plain_http == PlainHttp::Anywhere && !issuer.starts_with("http://") {
            return Err(ConfigError::new(
                "dangerous_allow_http",
                "is for an issuer whose `iss` begins with http://: remove it",
            ));
        }
        if self.keys.set.is_some() || self.keys.pem.is_some() || self.keys.url.is_some() {
            // The metadata is not fetched, so the name is only compared.
            let is_plain = !issuer.is_empty()
                && issuer.chars().count() <= MAX_ISSUER_LEN
                && !issuer.chars().any(char::is_control);
            return is_plain.then_some(()).ok_or_else(|| {
                ConfigError::new(
                    "issuer",
                    "must have 1 to 512 characters and no control characters, and equal `iss` character for character",
                )
            });
        }
        if is_allowed_url(issuer, plain_http) && !issuer.contains('?') {
            return Ok(());
        }
        let problem = "must be an https URL without query and fragment (http is accepted on loopback only), character for \
             character what `iss` says";
        let error = ConfigError::new("issuer", problem);
        if is_allowed_url(issuer, PlainHttp::Anywhere) && !is_secure_url(issuer) {
            return Err(error.with_advice(Advice {
                code: "inside a private network, dangerous_allow_http() accepts http",
                file: "inside a private network, dangerous_allow_http = \"yes\" accepts http",
                environment: "http cannot be allowed in the environment, only in code or in a file",
            }));
        }
        Err(error.with_advice(Advice {
            code: "if `iss` is not such a URL, there is no metadata: set jwks_url, jwk_set or public_key_pem",
            file: "if `iss` is not such a URL, there is no metadata: set `jwks_url`, `jwk_set` or `public_key_pem`",
            environment: "if `iss` is not such a URL, there is no metadata: set M2M_JWKS_URL",
        }))
    }
}

/// Returns `true` if a placeholder of a sample was not replaced: `{tenantid}`, `<realm>`,
/// `$PROJECT_SLUG`.
pub(super) fn has_placeholder(text: &str) -> bool {
    text.contains(['{', '}', '<', '>']) || text.split('$').skip(1).any(is_variable)
}

/// Returns `true` for the name of a variable. Azure's `$web` is not one.
fn is_variable(name: &str) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    name.as_bytes()
        .iter()
        .take_while(|byte| is_letter(byte))
        .count()
        >= 2
}

fn is_for_several_tenants(issuer: &str) -> bool {
    let Some((host, path)) = issuer
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let endpoint = path.split('/').next().unwrap_or_default();
    ENTRA_HOSTS.contains(&host) && ENTRA_ENDPOINTS.contains(&endpoint)
}
