//! The checks of an issuer's settings.

use std::time::Duration;

use super::Issuer;
use super::name::{PLACEHOLDER, has_placeholder};
use super::pointer::{client_problem, header_problem, pointer_problem, string_problem};
use crate::jwks::certificate_problem;
use crate::token::{Algorithm, OrgCode};
use crate::verifier::config_error::{Advice, ConfigError};
use crate::verifier::profile::{ClaimMatcher, ClaimRule, RuleLocation};

pub(in crate::verifier) const LEEWAY_MAX: Duration = Duration::from_secs(5 * 60);
const A_MINUTE: Duration = Duration::from_secs(60);
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
const A_WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Issuer {
    /// Returns the issuer's name if its settings are valid. Keys and certificates are not read yet.
    pub(in crate::verifier) fn validated_name(&self) -> Result<String, ConfigError> {
        let name = self.issuer.clone().and_then(|issuer| {
            self.check(&issuer, &self.allowed_algorithms())
                .map(|()| issuer)
        });
        name.map_err(|error| error.at(&self.source))
    }

    fn check(&self, issuer: &str, algorithms: &[Algorithm]) -> Result<(), ConfigError> {
        self.check_name(issuer)?;
        if let Some(audiences) = &self.audiences {
            ensure(
                !audiences.is_empty(),
                "audience",
                "at least one is required: the identifier under which the API is registered at the issuer",
            )?;
            ensure(
                audiences.iter().all(|audience| !audience.trim().is_empty()),
                "audience",
                "must not be empty",
            )?;
            ensure(
                !audiences.iter().any(|audience| has_placeholder(audience)),
                "audience",
                PLACEHOLDER,
            )?;
        }
        for pem in &self.http.ca_certificates_pem {
            if let Some(problem) = certificate_problem(pem) {
                return Err(ConfigError::new("ca_certificate_pem", problem));
            }
        }
        self.check_tokens(algorithms)?;
        self.check_limits()?;
        #[cfg(any(feature = "dpop", feature = "mtls"))]
        self.check_possession()?;
        #[cfg(feature = "introspection")]
        self.check_opaque(issuer)?;
        self.check_combinations()?;
        self.check_key_timing()
    }

    /// Checks that no two settings contradict each other.
    fn check_combinations(&self) -> Result<(), ConfigError> {
        if self.tokens.has_contradicting_profile() {
            let problem = "must be `kinde` for a Kinde domain: tokens of users would be accepted";
            return Err(ConfigError::new("profile", problem).with_advice(Advice {
                code: "for an issuer with tokens of another form, use Verifier::issuer(url)",
                file: "for an issuer with tokens of another form, write `issuer` in place of `kinde`",
                environment: "for an issuer with tokens of another form, set M2M_ISSUER in place of the Kinde domain",
            }));
        }
        let keys = &self.keys;
        ensure(
            keys.url.is_none() || (keys.set.is_none() && keys.pem.is_none()),
            "jwks_url",
            "contradicts `jwk_set` or `public_key_pem`: keys come from one place",
        )?;
        ensure(
            keys.set.is_none() || keys.pem.is_none(),
            "jwk_set",
            "contradicts `public_key_pem`: keys come from one place",
        )?;
        ensure(
            !self.tokens.has_contradicting_code_pattern(),
            "organization_code_pattern",
            "contradicts `without_organization_code_pattern`: use one of the two",
        )?;
        ensure(
            !self.custom.is_contradicting(),
            "custom_claims",
            "is set with two different types: decode one type that has the members of both",
        )
    }

    /// Checks the settings about accepted tokens.
    fn check_tokens(&self, algorithms: &[Algorithm]) -> Result<(), ConfigError> {
        let profile = self.tokens.merged_profile();
        ensure(
            !self.tokens.has_invalid_code_pattern(),
            "organization_code_pattern",
            "must be a prefix followed by `*`, such as org_*",
        )?;
        ensure(
            !algorithms.is_empty(),
            "algorithms",
            "at least one is required",
        )?;
        ensure(
            self.leeway <= LEEWAY_MAX,
            "leeway",
            "must be at most 5 minutes",
        )?;
        ensure(
            self.max_age != Some(Duration::ZERO),
            "max_age",
            "must not be zero",
        )?;
        self.check_organization_claim()?;
        for rule in profile.machine_claims.iter() {
            check_rule(rule)?;
        }
        for pointer in profile.scopes.iter() {
            if let Some(problem) = string_problem(pointer) {
                return Err(ConfigError::new("scope_claim", problem));
            }
        }
        for claim in profile.client_id.iter() {
            if let Some(problem) = client_problem(claim) {
                return Err(ConfigError::new("client_id_claim", problem));
            }
        }
        ensure(
            self.organizations
                .iter()
                .flatten()
                .all(|code| OrgCode::is_valid_code(code)),
            "allow_organizations",
            "contains an invalid organization code",
        )?;
        ensure(
            self.clients
                .iter()
                .flatten()
                .all(|client| !client.is_empty()),
            "allow_clients",
            "contains an empty client ID",
        )
    }

    /// Checks the settings about fetching and using keys.
    fn check_key_timing(&self) -> Result<(), ConfigError> {
        ensure(
            (1..=64).contains(&self.max_keys_without_kid),
            "max_keys_without_kid",
            "must be from 1 to 64",
        )?;
        ensure(
            self.timing.time_to_live >= Duration::from_secs(1),
            "keys_time_to_live",
            "must be at least 1 second",
        )?;
        ensure(
            self.timing.time_to_live <= A_DAY,
            "keys_time_to_live",
            "must be at most 1 day: a removed key is trusted that long",
        )?;
        ensure(
            self.timing.max_stale <= A_WEEK,
            "keys_max_stale",
            "must be at most 7 days",
        )?;
        ensure(
            !self.timing.cooldown.is_zero() && self.timing.cooldown <= A_DAY,
            "unknown_kid_cooldown",
            "must be more than zero and at most 1 day",
        )?;
        ensure(
            !self.timing.unknown_kid_max_ttl.is_zero() && self.timing.unknown_kid_max_ttl <= A_DAY,
            "unknown_kid_max_ttl",
            "must be more than zero and at most 1 day",
        )?;
        ensure(
            !self.timing.timeout.is_zero() && self.timing.timeout <= A_MINUTE,
            "fetch_timeout",
            "must be more than zero and at most 1 minute",
        )?;
        ensure(
            self.http
                .connect_timeout
                .is_none_or(|limit| !limit.is_zero() && limit <= self.timing.timeout),
            "connect_timeout",
            "must be more than zero and at most fetch_timeout",
        )?;
        ensure(
            self.timing.initial_keys_timeout <= A_MINUTE,
            "initial_keys_timeout",
            "must be at most 1 minute",
        )
    }
}

pub(super) fn ensure(
    ok: bool,
    setting: &'static str,
    problem: &'static str,
) -> Result<(), ConfigError> {
    if ok {
        Ok(())
    } else {
        Err(ConfigError::new(setting, problem))
    }
}

fn check_rule(rule: &ClaimRule) -> Result<(), ConfigError> {
    let (setting, problem) = match rule.location {
        RuleLocation::Claims => ("require_claim", pointer_problem(&rule.claim)),
        RuleLocation::Header => ("require_header", header_problem(&rule.claim)),
    };
    let other = match &rule.matcher {
        ClaimMatcher::SameAs(pointer) => pointer_problem(pointer),
        ClaimMatcher::StartsWith(prefix) if prefix.is_empty() => {
            Some("must name a prefix that is not empty: every string begins with an empty one")
        }
        _ => None,
    };
    match problem.or(other) {
        Some(problem) => Err(ConfigError::new(setting, problem)),
        None => Ok(()),
    }
}
