//! The issuer of a Kinde business, from its domain.

use crate::jwks::is_secure_url;
use crate::verifier::config_error::{Advice, ConfigError};

/// Returns the issuer for any usual form of a Kinde domain.
pub(crate) fn kinde_issuer(domain: &str) -> Result<String, ConfigError> {
    let host = domain.strip_prefix("https://").unwrap_or(domain);
    let host = host.strip_suffix('/').unwrap_or(host);
    let labels = |host: &str| {
        !host.is_empty()
            && host.split('.').all(|label| {
                !label.is_empty()
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    };
    let loopback = domain.starts_with("http://") && is_secure_url(domain);
    if loopback {
        return Ok(domain.strip_suffix('/').unwrap_or(domain).to_owned());
    }
    if !labels(host) {
        return Err(ConfigError::new(
            "kinde",
            "must be a Kinde domain such as acme, acme.kinde.com or https://acme.kinde.com",
        ));
    }
    let host = host.to_ascii_lowercase();
    if !host.contains('.') {
        return Ok(format!("https://{host}.kinde.com"));
    }
    if !host.ends_with(".kinde.com") {
        let problem = "is not under kinde.com: machine-to-machine tokens come from the Kinde domain, even if users see \
             a custom domain";
        return Err(ConfigError::new("kinde", problem).with_advice(Advice {
            code: "for an issuer that is a custom domain, use Verifier::issuer(url) and .profile(Profile::KINDE)",
            file: "for an issuer that is a custom domain, write `issuer` with its URL, and `profile` with \"kinde\"",
            environment: "for an issuer that is a custom domain, set M2M_ISSUER to its URL and M2M_PROFILE=kinde",
        }));
    }
    Ok(format!("https://{host}"))
}

/// Returns where Kinde's API is: at the Kinde domain, also if the issuer is a custom domain.
#[cfg(any(feature = "introspection", feature = "security-events"))]
pub(crate) fn kinde_api(issuer: &str, kinde_domain: Option<&str>) -> Result<String, ConfigError> {
    if let Some(domain) = kinde_domain {
        return kinde_issuer(domain)
            .map_err(|error| ConfigError::new("kinde_domain", error.problem().to_owned()));
    }
    let is_kinde = issuer
        .strip_prefix("https://")
        .is_some_and(|host| host.ends_with(".kinde.com") && !host.contains('/'));
    let is_loopback = issuer.starts_with("http://") && is_secure_url(issuer);
    if is_kinde || is_loopback {
        return Ok(issuer.strip_suffix('/').unwrap_or(issuer).to_owned());
    }
    Err(ConfigError::new(
        "kinde_domain",
        "is required, because the issuer is no Kinde domain: Kinde's API is at the Kinde domain only",
    ))
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
