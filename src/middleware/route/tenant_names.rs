//! Names of route parameters that mean a tenant, and names that often do.

use super::parameter::is_parameter_name;

/// Names that mean a tenant, alone or with one of [`SUFFIXES`].
const TENANT_NAMES: [&str; 4] = ["org", "organization", "organisation", "tenant"];

/// Names that often mean a tenant, and often something that belongs to one.
const POSSIBLE_TENANT_NAMES: [&str; 6] = [
    "account",
    "workspace",
    "customer",
    "company",
    "team",
    "client",
];

/// The suffixes that a name may have.
const SUFFIXES: [&str; 11] = [
    "id", "ids", "code", "key", "slug", "name", "uuid", "guid", "ref", "handle", "number",
];

/// The longest name that is compared with the lists. A longer one is in neither.
const LONGEST: usize = 64;

/// The meaning of a parameter's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameMeaning {
    Other,
    /// It often means a tenant: the parameter is reported if no layer compares it.
    PossibleTenant,
    /// It means a tenant: a layer must compare or ignore the parameter.
    Tenant,
}

/// The lists of names of one layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct TenantNames {
    /// `None` for the default list.
    pub(crate) tenant: Option<Vec<String>>,
    /// `None` for the default list.
    pub(crate) possible: Option<Vec<String>>,
}

impl TenantNames {
    pub(crate) fn meaning(&self, parameter: &str) -> NameMeaning {
        if self.tenant.is_none() && self.possible.is_none() && is_in_no_default_list(parameter) {
            return NameMeaning::Other;
        }
        let mut buffer = [0; LONGEST];
        let Some(name) = normalized(parameter, &mut buffer) else {
            return NameMeaning::Other;
        };
        if is_listed(name, self.tenant.as_deref(), &TENANT_NAMES) {
            NameMeaning::Tenant
        } else if is_listed(name, self.possible.as_deref(), &POSSIBLE_TENANT_NAMES) {
            NameMeaning::PossibleTenant
        } else {
            NameMeaning::Other
        }
    }
}

/// Returns `true` if a parameter can have this name or one that is formed of it.
pub(super) fn can_be_listed(name: &str) -> bool {
    let mut buffer = [0; LONGEST];
    is_parameter_name(name) && normalized(name, &mut buffer).is_some_and(|name| !name.is_empty())
}

/// Returns `true` for most names that the default lists do not contain, by the first letter.
fn is_in_no_default_list(name: &str) -> bool {
    let first = name.bytes().find(|byte| !matches!(byte, b'-' | b'_'));
    !matches!(
        first,
        Some(b'o' | b'O' | b't' | b'T' | b'a' | b'A' | b'w' | b'W' | b'c' | b'C')
    )
}

/// Returns the name in lower case without `-` and `_`, or `None` if it is longer than any listed
/// name.
fn normalized<'b>(name: &str, buffer: &'b mut [u8; LONGEST]) -> Option<&'b [u8]> {
    let bytes = name
        .bytes()
        .filter(|byte| !matches!(byte, b'-' | b'_'))
        .map(|byte| byte.to_ascii_lowercase());
    let mut length = 0;
    for byte in bytes {
        *buffer.get_mut(length)? = byte;
        length += 1;
    }
    buffer.get(..length)
}

fn is_listed(name: &[u8], custom: Option<&[String]>, default: &[&str]) -> bool {
    match custom {
        None => default.iter().any(|listed| says(name, listed.as_bytes())),
        Some(custom) => custom.iter().any(|listed| {
            let mut buffer = [0; LONGEST];
            normalized(listed, &mut buffer).is_some_and(|listed| says(name, listed))
        }),
    }
}

/// Returns `true` if the name is the listed one, in the singular or plural, alone or with one
/// suffix.
fn says(name: &[u8], listed: &[u8]) -> bool {
    let rest = match (name.strip_prefix(listed), listed.strip_suffix(b"y")) {
        (Some(rest), _) => rest,
        (None, Some(stem)) => {
            let Some(rest) = name
                .strip_prefix(stem)
                .and_then(|rest| rest.strip_prefix(b"ies"))
            else {
                return false;
            };
            rest
        }
        (None, None) => return false,
    };
    !listed.is_empty() && (is_suffix(rest) || rest.strip_prefix(b"s").is_some_and(is_suffix))
}

fn is_suffix(rest: &[u8]) -> bool {
    let singular = rest.strip_suffix(b"s").unwrap_or(rest);
    rest.is_empty()
        || SUFFIXES
            .iter()
            .any(|suffix| rest == suffix.as_bytes() || singular == suffix.as_bytes())
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
