use super::*;

/// Rules 75, 156.
///
/// A strict and limited form.
#[test]
fn organization_code_is_a_bounded_identifier() {
    for (code, is_valid) in [
        ("org_ba4a2311eb1", true),
        ("a", true),
        ("8f14e45f-ceea-467f-a9e9-2d4f1a1b2c3d", true),
        ("Zürich", true),
        ("", false),
        (" ", false),
        ("org a", false),
        ("org_a ", false),
        ("org_a\n", false),
        ("org_a\0", false),
        ("org_a\u{a0}", false),
        ("org_a\u{200b}", false),
        ("\u{feff}org_a", false),
    ] {
        assert_eq!(OrgCode::is_valid_code(code), is_valid, "{code:?}");
    }
    assert!(OrgCode::is_valid_code(&"a".repeat(128)));
    assert!(!OrgCode::is_valid_code(&"a".repeat(129)));
}

/// Rule 157.
///
/// The same code from two issuers means two tenants.
#[test]
fn same_code_of_two_issuers_is_two_tenants() {
    let org = |issuer: &str, code: &str| OrgCode::from_token(&Arc::from(issuer), code).unwrap();
    assert_eq!(
        org("https://a.example", "org_1"),
        org("https://a.example", "org_1")
    );
    assert_ne!(
        org("https://a.example", "org_1"),
        org("https://b.example", "org_1")
    );
    let set: std::collections::HashSet<_> = [
        org("https://a.example", "org_1"),
        org("https://b.example", "org_1"),
    ]
    .into();
    assert_eq!(set.len(), 2);
    assert_ne!(
        org("https://a.example", "org_1").to_path(),
        org("https://b.example", "org_1").to_path()
    );
    assert_eq!(
        org("https://a.example", "org_1").issuer(),
        "https://a.example"
    );
    assert!(
        org("https://a.example", "org_2") < org("https://b.example", "org_1"),
        "tenants of one issuer stand together"
    );
}

#[test]
fn organization_code_cannot_traverse_a_path() {
    let org = OrgCode::from_token(&Arc::from("https://a.example/x"), "../..").unwrap();
    assert_eq!(
        org.to_path(),
        "https%3A%2F%2Fa%2Eexample%2Fx/%2E%2E%2F%2E%2E"
    );
    let org = OrgCode::from_token(&Arc::from("x"), "org_8f14-Aé").unwrap();
    assert_eq!(org.to_path(), "x/org_8f14-A%C3%A9");
}
