//! What a verifier needs to check DPoP proofs.

use std::sync::Arc;

use super::config_error::{Advice, ConfigError, SettingSource};
use super::issuer::Issuer;
use super::issuers::IssuerRegistry;
use crate::clock::Clock;
use crate::proof_of_possession::{
    DpopRules, DpopState, NonceKey, ReplayGuard, ReplayLimits, StoreRunner,
};
use crate::token::Algorithm;

/// The settings about DPoP that do not belong to one issuer.
#[derive(Debug, Default)]
pub(super) struct DpopSettings {
    /// Only one may be set. All are kept, so that a second one is an error.
    pub(super) stores: Vec<StoreRunner>,
    pub(super) nonce_key: Option<NonceKey>,
    pub(super) limits: Option<ReplayLimits>,
    /// Where they are written, so that an error can name the variable.
    pub(super) source: SettingSource,
}

impl DpopSettings {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.stores.len() > 1 {
            return Err(ConfigError::new(
                "replay_store",
                "is set more than once: a verifier has one store",
            ));
        }
        if let Some(problem) = self.nonce_key.as_ref().and_then(NonceKey::problem) {
            return Err(ConfigError::new("dpop_nonce_key", problem));
        }
        let ReplayLimits { total, per_key } = self.limits.unwrap_or_default();
        if per_key == 0 || per_key > total {
            return Err(ConfigError::new(
                "max_proofs",
                "must be at least 1 for one key, and not more for one key than in total",
            ));
        }
        Ok(())
    }

    /// Checks that an issuer has DPoP if one of these settings is set, unless issuers are resolved.
    pub(super) fn check_effect(
        &self,
        issuers: &[Issuer],
        has_resolver: bool,
    ) -> Result<(), ConfigError> {
        let Some(setting) = self.first_set() else {
            return Ok(());
        };
        if has_resolver || issuers.iter().any(Issuer::has_dpop) {
            return Ok(());
        }
        let error = ConfigError::new(setting, "has no effect, because no issuer has DPoP");
        let error = error.with_advice(Advice {
            code: "add ProofOfPossession::dpop to an issuer",
            file: "add the table `dpop` to an issuer",
            environment: "set M2M_DPOP_BASE_URL",
        });
        Err(error.at(&self.source))
    }

    /// Returns the name of a setting that is set.
    fn first_set(&self) -> Option<&'static str> {
        if self.nonce_key.is_some() {
            return Some("dpop_nonce_key");
        }
        let limits = self.limits.map(|_| "max_proofs");
        limits.or_else(|| self.stores.first().map(|_| "replay_store"))
    }

    /// Returns what checks proofs, or `None` if no issuer has DPoP and none can be resolved.
    pub(super) fn build(
        self,
        issuers: &IssuerRegistry,
        max_bytes: usize,
        clock: &Clock,
    ) -> Option<Arc<DpopState>> {
        let rules = issuers
            .listed()
            .iter()
            .filter_map(|trusted| trusted.rules.possession.dpop.as_ref());
        let accepted: Vec<&Algorithm> = rules.flat_map(DpopRules::algorithms).collect();
        if accepted.is_empty() && !issuers.has_resolver() {
            return None;
        }
        let algorithms = Algorithm::ALL.into_iter();
        let algorithms = algorithms.filter(|algorithm| accepted.contains(&algorithm));
        let store = self.stores.into_iter().next();
        let replays = ReplayGuard::new(self.limits.unwrap_or_default(), store, clock.clone());
        Some(Arc::new(DpopState::new(
            replays,
            self.nonce_key,
            max_bytes,
            algorithms.collect(),
        )))
    }
}
