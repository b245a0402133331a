//! The issuer that a key belongs to.
//!
//! Several issuers can share a key set: Microsoft Entra publishes the keys of all tenants in one
//! set, and the `issuer` member of a key names the issuer that uses it. A template with
//! `{tenantid}` names every tenant.

/// The placeholder in Entra's templates.
const TENANT: &str = "{tenantid}";

/// The issuers of Entra's version 1, and those of version 2 that have the same keys, by host.
const VERSION_1: [(&str, &[&str]); 2] = [
    (
        "https://sts.windows.net/",
        &[
            "https://login.microsoftonline.com/",
            "https://login.microsoftonline.us/",
        ],
    ),
    (
        "https://sts.chinacloudapi.cn/",
        &["https://login.partner.microsoftonline.cn/"],
    ),
];

/// The tokens of an issuer that a key may verify.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum KeyBinding {
    /// All tokens.
    Any,
    /// Tokens with this tenant in `tid`. `iss` names the tenant too.
    Tenant(Box<str>),
    /// No tokens: the key names an issuer, and the key set was read without one.
    Unknown,
}

impl KeyBinding {
    /// Returns the binding of a key with the `issuer` member `named` in the key set of `issuer`.
    /// Returns `None` if no token of this issuer can match.
    pub(super) fn new(named: Option<&str>, issuer: Option<&str>) -> Option<Self> {
        let Some(named) = named else {
            return Some(Self::Any);
        };
        let Some(issuer) = issuer else {
            return Some(Self::Unknown);
        };
        if named == issuer {
            return Some(Self::Any);
        }
        version_2_forms(named).into_iter().find_map(|named| {
            version_2_forms(issuer)
                .iter()
                .find_map(|issuer| Self::compare(&named, issuer))
        })
    }

    fn compare(named: &str, issuer: &str) -> Option<Self> {
        if named == issuer {
            return Some(Self::Any);
        }
        let (prefix, suffix) = named.split_once(TENANT)?;
        let tenant = issuer.strip_prefix(prefix)?.strip_suffix(suffix)?;
        is_guid(tenant).then(|| Self::Tenant(tenant.into()))
    }

    /// Returns `true` if the key may verify a token. `tid` is called only if the key is bound to a
    /// tenant.
    pub(super) fn allows<'t>(&self, tid: impl FnOnce() -> Option<&'t str>) -> bool {
        match self {
            Self::Any => true,
            Self::Tenant(tenant) => tid() == Some(tenant),
            Self::Unknown => false,
        }
    }
}

/// Returns an issuer of version 1 in its forms of version 2, and every other issuer as it is.
fn version_2_forms(issuer: &str) -> Vec<String> {
    for (version_1, version_2) in VERSION_1 {
        let tenant = issuer
            .strip_prefix(version_1)
            .and_then(|rest| rest.strip_suffix('/'));
        if let Some(tenant) = tenant {
            let form = |origin: &&str| format!("{origin}{tenant}/v2.0");
            return version_2.iter().map(form).collect();
        }
    }
    vec![issuer.to_owned()]
}

/// Returns `true` for a GUID in the form `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
fn is_guid(text: &str) -> bool {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let is_hex = |group: &str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split('-').map(str::len).eq(GROUPS) && text.split('-').all(is_hex)
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
