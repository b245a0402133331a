//! The settings of certificate-bound tokens (RFC 8705).

use serde::Deserialize;

use super::variables::split_list;
use super::words::StringOrList;
use crate::proof_of_possession::{IpRange, ProofOfPossession};
use crate::verifier::{ConfigError, Issuer};

/// The variable that accepts certificate-bound tokens.
const ENABLED: &str = "M2M_MTLS";

/// The variable for the proxies that send `Client-Cert`.
const HEADER_FROM: &str = "M2M_MTLS_CLIENT_CERT_HEADER_FROM";

/// Each setting and its variable.
pub(super) const SETTINGS: [(&str, &str); 2] = [
    ("mtls", ENABLED),
    ("mtls.client_cert_header_from", HEADER_FROM),
];

/// Certificate-bound tokens of an issuer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MtlsConfig {
    client_cert_header_from: Option<StringOrList>,
}

impl MtlsConfig {
    /// Applies the settings to an issuer.
    pub(super) fn apply(&self, issuer: Issuer) -> Result<Issuer, ConfigError> {
        let mut mtls = ProofOfPossession::mtls();
        if let Some(ranges) = &self.client_cert_header_from {
            let ranges: Result<Vec<IpRange>, _> = ranges.iter().map(str::parse).collect();
            let ranges = ranges.ok().filter(|ranges| !ranges.is_empty());
            mtls = mtls.client_cert_header_from(ranges.ok_or_else(|| {
                let problem = "must be one or more ranges of IP addresses, such as 10.0.0.0/8 (no bit after the given number \
                     may be set)";
                ConfigError::new("client_cert_header_from", problem).in_table("mtls")
            })?);
        }
        Ok(issuer.proof_of_possession(mtls))
    }
}

/// Sets the setting of a variable. Returns `false` if the variable is of another kind.
pub(super) fn set(
    settings: &mut Option<MtlsConfig>,
    variable: &str,
    value: &str,
) -> Result<bool, ConfigError> {
    match variable {
        ENABLED if value == "yes" => {
            settings.get_or_insert_default();
        }
        ENABLED => {
            return Err(ConfigError::new(ENABLED, "must be `yes`, or unset"));
        }
        HEADER_FROM => {
            let ranges = split_list(value).map(str::to_owned).collect();
            settings.get_or_insert_default().client_cert_header_from =
                Some(StringOrList::Many(ranges));
        }
        _ => return Ok(false),
    }
    Ok(true)
}
