//! The settings of DPoP (RFC 9449).

use serde::Deserialize;

use super::duration::duration;
use super::secret::Secret;
use super::words::StringOrList;
use crate::proof_of_possession::ProofOfPossession;
use crate::token::Algorithm;
use crate::verifier::{ConfigError, Issuer, VerifierBuilder};

/// The variable for the base URL of an issuer's DPoP.
pub(super) const BASE_URL: &str = "M2M_DPOP_BASE_URL";

/// The variable for the key of nonces.
pub(super) const NONCE_KEY: &str = "M2M_DPOP_NONCE_KEY";

/// DPoP for the tokens of an issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DpopConfig {
    base_url: String,
    algorithms: Option<StringOrList>,
    max_proof_age: Option<String>,
}

/// The numbers of used proofs that are stored.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaxProofsSetting {
    total: usize,
    per_key: usize,
}

impl DpopConfig {
    pub(super) fn with_base_url(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            algorithms: None,
            max_proof_age: None,
        }
    }

    /// Applies the settings to an issuer.
    pub(super) fn apply(&self, issuer: Issuer) -> Result<Issuer, ConfigError> {
        let at = |error: ConfigError| error.in_table("dpop");
        let mut dpop = ProofOfPossession::dpop(&self.base_url);
        if let Some(names) = &self.algorithms {
            let algorithms: Result<Vec<Algorithm>, _> = names.iter().map(str::parse).collect();
            let names = || Algorithm::ALL.map(Algorithm::name).join(", ");
            let unknown = |_| {
                let problem = format!("must be one or more of {}", names());
                at(ConfigError::new("algorithms", problem))
            };
            dpop = dpop.algorithms(algorithms.map_err(unknown)?);
        }
        if let Some(text) = &self.max_proof_age {
            dpop = dpop.max_proof_age(duration(text, "max_proof_age").map_err(at)?);
        }
        Ok(issuer.proof_of_possession(dpop))
    }
}

/// Applies the settings of the verifier.
pub(super) fn apply(
    mut builder: VerifierBuilder,
    nonce_key: Option<&Secret>,
    max_proofs: Option<MaxProofsSetting>,
) -> VerifierBuilder {
    if let Some(key) = nonce_key {
        builder = builder.dpop_nonce_key(key.as_str());
    }
    if let Some(MaxProofsSetting { total, per_key }) = max_proofs {
        builder = builder.max_proofs(total, per_key);
    }
    builder
}
