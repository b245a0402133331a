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

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
