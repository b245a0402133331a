//! The settings of DPoP (RFC 9449).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::duration::duration;
use super::secret::Secret;
use super::words::StringOrList;
use super::written_values::read_settings;
use crate::proof_of_possession::{Dpop, ProofOfPossession};
use crate::token::Algorithm;
use crate::verifier::{ConfigError, Issuer, VerifierBuilder};

/// The variable for the key of nonces.
pub(super) const NONCE_KEY: &str = "M2M_DPOP_NONCE_KEY";

/// DPoP for the tokens of an issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DpopConfig {
    base_url: Option<String>,
    algorithms: Option<StringOrList>,
    max_proof_age: Option<String>,
}

/// The numbers of used proofs that are stored.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaxProofsSetting {
    total: Option<usize>,
    per_key: Option<usize>,
}

impl DpopConfig {
    /// Applies the settings to an issuer.
    pub(super) fn apply(&self, issuer: Issuer) -> Result<Issuer, ConfigError> {
        let dpop = self.to_settings();
        Ok(issuer.proof_of_possession(dpop.map_err(|error| error.in_table("dpop"))?))
    }

    fn to_settings(&self) -> Result<Dpop, ConfigError> {
        let Some(base_url) = &self.base_url else {
            return Err(ConfigError::new(
                "base_url",
                "is missing: the public base URL of the API, such as https://api.acme.com",
            ));
        };
        let mut dpop = ProofOfPossession::dpop(base_url);
        if let Some(names) = &self.algorithms {
            let algorithms: Result<Vec<Algorithm>, _> = names.iter().map(str::parse).collect();
            let names = || Algorithm::ALL.map(Algorithm::name).join(", ");
            let unknown = |_| {
                let problem = format!("must be one or more of {}", names());
                ConfigError::new("algorithms", problem)
            };
            dpop = dpop.algorithms(algorithms.map_err(unknown)?);
        }
        if let Some(text) = &self.max_proof_age {
            dpop = dpop.max_proof_age(duration(text, "max_proof_age")?);
        }
        match dpop.invalid_setting() {
            Some((setting, problem)) => Err(ConfigError::new(setting, problem)),
            None => Ok(dpop),
        }
    }
}

/// Checks the table `max_proofs`, so that an error names the setting in the table.
pub(super) fn check_max_proofs(settings: &Map<String, Value>) -> Result<(), ConfigError> {
    let Some(Value::Object(limits)) = settings.get("max_proofs") else {
        return Ok(());
    };
    let limits = read_settings::<MaxProofsSetting>(limits.clone());
    limits.map_or_else(|error| Err(error.in_table("max_proofs")), |_| Ok(()))
}

/// Applies the settings of the verifier.
pub(super) fn apply(
    mut builder: VerifierBuilder,
    nonce_key: Option<&Secret>,
    max_proofs: Option<MaxProofsSetting>,
) -> Result<VerifierBuilder, ConfigError> {
    if let Some(key) = nonce_key {
        builder = builder.dpop_nonce_key(key.as_str());
    }
    if let Some(MaxProofsSetting { total, per_key }) = max_proofs {
        let given = |number: Option<usize>, setting| {
            let error = ConfigError::new(setting, "is missing: write a number of proofs");
            number.ok_or_else(|| error.in_table("max_proofs"))
        };
        builder = builder.max_proofs(given(total, "total")?, given(per_key, "per_key")?);
    }
    Ok(builder)
}
