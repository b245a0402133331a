//! The issuer that a key belongs to.
//!
//! Key sets that several issuers share exist: Microsoft Entra publishes the keys of all tenants in one set, and the
//! member `issuer` of a key says whose tokens it signs. A template with `{tenantid}` names every tenant.

/// The placeholder in Entra's templates.
const TENANT: &str = "{tenantid}";

/// The issuers of Entra's version 1, and those of version 2 that have the same keys: host by host.
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

/// Which tokens of an issuer a key may verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyBinding {
    /// All of them.
    Any,
    /// Those whose `tid` is this tenant, which `iss` names too.
    Tenant(Box<str>),
    /// None: the key names an issuer, and the key set was read for no issuer.
    Unknown,
}

impl KeyBinding {
    /// Returns the binding of a key whose `issuer` is `named` in the key set of `issuer`, or `None` if no token of this
    /// issuer can match.
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

    /// Returns `true` if the key may verify a token. `tid` is called only if the key is bound to a tenant.
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
mod tests {
    use super::*;

    const TID: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
    const OTHER: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    fn binding(named: &str, issuer: &str) -> Option<KeyBinding> {
        let fill = |text: &str| text.replace("TID", TID).replace("OTHER", OTHER);
        KeyBinding::new(Some(&fill(named)), Some(&fill(issuer)))
    }

    #[test]
    fn key_is_bound_to_its_issuer() {
        let v2 = "https://login.microsoftonline.com/TID/v2.0";
        let tenant = Some(KeyBinding::Tenant(TID.into()));
        for (named, issuer, expected) in [
            (v2, v2, Some(KeyBinding::Any)),
            (v2, "https://sts.windows.net/TID/", Some(KeyBinding::Any)),
            ("https://sts.windows.net/TID/", v2, Some(KeyBinding::Any)),
            (
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                v2,
                tenant.clone(),
            ),
            (
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                "https://sts.windows.net/TID/",
                tenant.clone(),
            ),
            ("https://sts.windows.net/{tenantid}/", v2, tenant.clone()),
            (
                "https://sts.windows.net/{tenantid}/",
                "https://sts.windows.net/TID/",
                tenant.clone(),
            ),
            (
                "https://login.microsoftonline.us/{tenantid}/v2.0",
                "https://sts.windows.net/TID/",
                tenant.clone(),
            ),
            (
                "https://login.partner.microsoftonline.cn/{tenantid}/v2.0",
                "https://sts.chinacloudapi.cn/TID/",
                tenant.clone(),
            ),
            (
                "https://acme.ciamlogin.com/{tenantid}/v2.0",
                "https://acme.ciamlogin.com/TID/v2.0",
                tenant,
            ),
            // Another tenant, cloud, version or host.
            ("https://login.microsoftonline.com/OTHER/v2.0", v2, None),
            (
                "https://login.microsoftonline.com/OTHER/v2.0",
                "https://sts.windows.net/TID/",
                None,
            ),
            ("https://login.microsoftonline.us/{tenantid}/v2.0", v2, None),
            (
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                "https://sts.chinacloudapi.cn/TID/",
                None,
            ),
            ("https://login.microsoftonline.com/{tenantid}", v2, None),
            (
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                "https://evil.example/TID/v2.0",
                None,
            ),
            (
                "https://login.microsoftonline.com/{tenantid}/v2.0/",
                v2,
                None,
            ),
            // The placeholder means a GUID and nothing else.
            (
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                "https://login.microsoftonline.com/acme/v2.0",
                None,
            ),
            (
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                "https://login.microsoftonline.com//v2.0",
                None,
            ),
            (
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                "https://login.microsoftonline.com/{tenantid}/v2.0/x/v2.0",
                None,
            ),
            (
                "https://login.microsoftonline.com/{TENANTID}/v2.0",
                v2,
                None,
            ),
            ("{tenantid}", v2, None),
            ("https://issuer.example", "https://issuer.example/", None),
            ("", v2, None),
        ] {
            assert_eq!(binding(named, issuer), expected, "{named} for {issuer}");
        }
        assert_eq!(KeyBinding::new(None, Some(v2)), Some(KeyBinding::Any));
        assert_eq!(KeyBinding::new(Some(v2), None), Some(KeyBinding::Unknown));
    }

    #[test]
    fn tenant_of_token_is_compared_exactly() {
        let bound = KeyBinding::Tenant(TID.into());
        let upper = TID.to_uppercase();
        for tid in [
            None,
            Some(OTHER),
            Some(""),
            Some("{tenantid}"),
            Some(upper.as_str()),
        ] {
            assert!(!bound.allows(|| tid), "{tid:?}");
            assert!(KeyBinding::Any.allows(|| tid), "{tid:?}");
            assert!(!KeyBinding::Unknown.allows(|| tid), "{tid:?}");
        }
        assert!(bound.allows(|| Some(TID)));
    }

    #[test]
    fn guid_has_one_form() {
        assert!(is_guid(TID));
        for text in [
            "",
            "{tenantid}",
            "9188040d6c674c5bb11236a304b66dad",
            "9188040d-6c67-4c5b-b112-36a304b66da",
            "9188040g-6c67-4c5b-b112-36a304b66dad",
            "{9188040d-6c67-4c5b-b112-36a304b66dad}",
            "9188040d-6c67-4c5b-b112-36a304b66dad-",
            "+188040d-6c67-4c5b-b112-36a304b66dad",
        ] {
            assert!(!is_guid(text), "{text}");
        }
    }
}
