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
