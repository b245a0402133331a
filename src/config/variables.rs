//! The environment variables that belong to this crate.

use super::features::missing_feature;
use super::nearest::{distance, nearest};
use crate::verifier::{ConfigError, kinde_issuer};

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
    if let Some(feature) = missing_feature(name) {
        let problem = format!("needs the feature `{feature}` of this crate");
        return ConfigError::new(name.to_owned(), problem);
    }
    let meant = mistaken_for(name, variables).or_else(|| nearest(name, variables.iter().copied()));
    let problem = if let Some(variable) = meant {
        format!("is not a setting: did you mean {variable}?")
    } else {
        format!("is not a setting: there are {}", variables.join(", "))
    };
    ConfigError::new(name.to_owned(), problem)
}

/// Returns the values that commas or spaces separate.
pub(super) fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t', '\n'])
        .filter(|part| !part.is_empty())
}

/// Returns `true` if two variables of one setting have equal values.
pub(super) fn is_same_value(setting: &str, left: &str, right: &str) -> bool {
    if setting == "kinde" {
        let (left, right) = (kinde_issuer(left), kinde_issuer(right));
        return left.is_ok() && left == right;
    }
    let sorted = |text| {
        let mut entries: Vec<&str> = split_list(text).collect();
        entries.sort_unstable();
        entries
    };
    sorted(left) == sorted(right)
}
