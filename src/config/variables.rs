//! The environment variables that belong to this crate.

use super::nearest::{distance, nearest};
use crate::verifier::ConfigError;

/// Returns `true` if the variable is a setting or probably a misspelled one.
pub(super) fn is_read(name: &str, variables: &[&str]) -> bool {
    if let Some(suffix) = name.strip_prefix("M2M_") {
        return !is_foreign(suffix);
    }
    variables.contains(&name) || mistaken_for(name, variables).is_some()
}

/// Returns `true` for names of `M2M_` variables that other programs set: the credentials of a
/// client, and the variables that Kubernetes sets for a Service named `m2m`.
fn is_foreign(suffix: &str) -> bool {
    match suffix {
        "CLIENT_ID" | "CLIENT_SECRET" | "SERVICE_HOST" | "SERVICE_PORT" | "PORT" => true,
        _ => {
            let name = suffix.strip_prefix("SERVICE_PORT_");
            name.is_some_and(|name| !name.is_empty())
                || suffix.strip_prefix("PORT_").is_some_and(is_service_port)
        }
    }
}

/// Returns `true` for `80_TCP`, also followed by `_PROTO`, `_PORT` or `_ADDR`.
fn is_service_port(text: &str) -> bool {
    let mut parts = text.split('_');
    let number = parts
        .next()
        .is_some_and(|number| number.parse::<u16>().is_ok());
    let protocol = matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"));
    let detail = matches!(parts.next(), None | Some("PROTO" | "PORT" | "ADDR"));
    number && protocol && detail && parts.next().is_none()
}

/// Returns the variable that a `KINDE_` variable probably means. Kinde's own libraries read
/// variables with this prefix too, and none of those is so similar.
fn mistaken_for<'v>(name: &str, variables: &[&'v str]) -> Option<&'v str> {
    let suffix = name.strip_prefix("KINDE_")?;
    let suffix_of = |variable: &'v str| {
        variable
            .strip_prefix("M2M_")
            .or_else(|| variable.strip_prefix("KINDE_"))
            .unwrap_or(variable)
    };
    variables
        .iter()
        .map(|variable| (distance(suffix, suffix_of(variable)), *variable))
        .filter(|(distance, _)| *distance <= 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, variable)| variable)
}

pub(super) fn unknown_variable(name: &str, variables: &[&str]) -> ConfigError {
    let meant = mistaken_for(name, variables).or_else(|| nearest(name, variables.iter().copied()));
    let problem = if let Some(variable) = meant {
        format!("is not a setting: did you mean {variable}?")
    } else {
        format!("is not a setting: there are {}", variables.join(", "))
    };
    ConfigError::new(name.to_owned(), problem)
}
