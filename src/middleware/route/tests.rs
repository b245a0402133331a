use super::*;

fn found(source: &OrganizationSource, uri: &str, headers: &[(&str, &str)]) -> OrgLookup<'static> {
    let request = headers
        .iter()
        .fold(Request::get(uri), |request, (name, value)| {
            request.header(*name, *value)
        });
    match source.find(&request.body(()).unwrap()) {
        OrgLookup::Organization(code) => org(&code),
        OrgLookup::Absent => OrgLookup::Absent,
        OrgLookup::Ambiguous => OrgLookup::Ambiguous,
    }
}

fn org(code: &str) -> OrgLookup<'static> {
    OrgLookup::Organization(code.to_owned().into())
}

/// Rules 75, 158.
///
/// A path that can be read in two ways names no organization for certain.
#[test]
fn path_template_finds_one_organization_or_is_ambiguous() {
    let source = OrganizationSource::path("/orgs/{org_code}/invoices/*");
    for (path, expected) in [
        ("/orgs/org_a/invoices/7", org("org_a")),
        ("/orgs/org_a/invoices", org("org_a")),
        ("/orgs/org_a/invoices/", org("org_a")),
        ("/orgs/%6Frg_a/invoices/7", org("org_a")),
        ("/%6Frgs/org_a/invoices/7", org("org_a")),
        ("/orgs/ORG_A/invoices/7", org("ORG_A")),
        ("/healthz", OrgLookup::Absent),
        ("/", OrgLookup::Absent),
        ("/orgs//invoices/7", OrgLookup::Ambiguous),
        ("//orgs/org_b/invoices/7", OrgLookup::Ambiguous),
        ("/x/../orgs/org_b/invoices/7", OrgLookup::Ambiguous),
        ("/x/%2e%2E/orgs/org_b/invoices/7", OrgLookup::Ambiguous),
        ("/./orgs/org_b/invoices/7", OrgLookup::Ambiguous),
        ("/orgs/org_a%2F..%2Forg_b/invoices/7", OrgLookup::Ambiguous),
        ("/%2Forgs/org_b/invoices", OrgLookup::Ambiguous),
        ("/orgs%2Forg_b/invoices", OrgLookup::Ambiguous),
        ("/orgs/org_a/invoices/a%2Fb", org("org_a")),
        ("/files/a%2Fb//c", OrgLookup::Absent),
        ("/orgs/org_a/../org_b/invoices", OrgLookup::Ambiguous),
        ("/orgs/org_a%5Corg_b/invoices/7", OrgLookup::Ambiguous),
        ("/orgs/org_%ff/invoices/7", OrgLookup::Ambiguous),
        ("/orgs/org_%zz/invoices/7", OrgLookup::Ambiguous),
        ("/orgs/org_%6/invoices/7", OrgLookup::Ambiguous),
        ("/Orgs/org_b/invoices/7", OrgLookup::Ambiguous),
        ("/orgs;v=1/org_b/invoices", OrgLookup::Ambiguous),
        ("/..;/orgs/org_b/invoices", OrgLookup::Ambiguous),
        ("/x/..;a=b/orgs/org_b/invoices", OrgLookup::Ambiguous),
        ("/%256Frgs/org_b/invoices", OrgLookup::Ambiguous),
        ("/%252e%252e/orgs/org_b/invoices", OrgLookup::Ambiguous),
        ("/orgs%252Forg_b/invoices", OrgLookup::Ambiguous),
        ("/orgs%00/org_b/invoices", OrgLookup::Ambiguous),
        ("/orgs%20/org_b/invoices", OrgLookup::Ambiguous),
        ("/orgs/org_a;v=1/invoices", OrgLookup::Ambiguous),
        ("/orgs/org_a/invoices/7;v=1", org("org_a")),
        ("/orgs/org_a/invoices/100%25", org("org_a")),
    ] {
        assert_eq!(found(&source, path, &[]), expected, "{path}");
    }
}

/// A template without `*` covers what is below it too: a forgotten star must not open a door.
#[test]
fn template_without_wildcard_matches_longer_paths() {
    let source = OrganizationSource::path("/orgs/{org_code}");
    for (path, expected) in [
        ("/orgs/org_a", org("org_a")),
        ("/orgs/org_a/", org("org_a")),
        ("/orgs/org_a/x/y", org("org_a")),
        ("/orgs", OrgLookup::Absent),
    ] {
        assert_eq!(found(&source, path, &[]), expected, "{path}");
        assert_eq!(
            found(
                &OrganizationSource::path("/orgs/{org_code}/{*rest}"),
                path,
                &[]
            ),
            expected,
            "{path}"
        );
    }
    assert_eq!(found(&source, "/orgs/", &[]), OrgLookup::Ambiguous);
}

/// A template that can find no organization rejects every request.
#[test]
fn invalid_template_rejects_every_request() {
    for template in [
        "",
        "/",
        "/t/{tenant}/*",
        "/t/{orgcode}/*",
        "/t/:org_code/*",
        "/t/{org_code}.json",
        "{org_code}/x",
        "/t/{*org_code}",
        "/*/{org_code}",
        "/t/{org_code}/{}",
        "/t/{org_code}/{a*}",
    ] {
        let source = OrganizationSource::path(template);
        for path in ["/t/org_a/x", "/org_a/x", "/t", "/"] {
            assert_eq!(
                found(&source, path, &[]),
                OrgLookup::Ambiguous,
                "{template} {path}"
            );
        }
    }
}

#[test]
fn parameter_matches_one_segment_and_needs_both_braces() {
    let source = OrganizationSource::path("/{region}/orgs/{org_code}");
    assert_eq!(found(&source, "/eu/orgs/org_a", &[]), org("org_a"));
    assert_eq!(found(&source, "/eu/x/orgs/org_a", &[]), OrgLookup::Absent);
    for template in ["/{v1/{org_code}", "/v1}/{org_code}"] {
        assert_eq!(
            found(&OrganizationSource::path(template), "/v2/org_a", &[]),
            OrgLookup::Ambiguous,
            "{template}"
        );
    }
}

#[test]
fn two_organization_sources_must_agree() {
    let source = OrganizationSource::path("/{org_code}/of/{org_code}");
    assert_eq!(found(&source, "/org_a/of/org_a", &[]), org("org_a"));
    assert_eq!(found(&source, "/org_a/of/org_b", &[]), OrgLookup::Ambiguous);
}

/// Rule 158.
#[test]
fn subdomain_is_exactly_one_label() {
    let source = OrganizationSource::subdomain_of("api.example.com");
    for (host, expected) in [
        ("org-a.api.example.com", org("org-a")),
        ("org-a.API.example.com:8443", org("org-a")),
        ("api.example.com", OrgLookup::Absent),
        ("x.org-a.api.example.com", OrgLookup::Ambiguous),
        (".api.example.com", OrgLookup::Ambiguous),
        ("org-aapi.example.com", OrgLookup::Ambiguous),
        ("evil.example", OrgLookup::Ambiguous),
        ("a/b.api.example.com", OrgLookup::Ambiguous),
    ] {
        assert_eq!(found(&source, "/", &[("host", host)]), expected, "{host}");
    }
    assert_eq!(found(&source, "/", &[]), OrgLookup::Ambiguous);
    let target = "http://org-a.api.example.com/";
    assert_eq!(found(&source, target, &[]), org("org-a"));
    assert_eq!(
        found(&source, target, &[("host", "ORG-A.api.example.com:80")]),
        org("org-a")
    );
    assert_eq!(
        found(
            &source,
            "/",
            &[
                ("host", "org-a.api.example.com"),
                ("host", "org-b.api.example.com")
            ]
        ),
        OrgLookup::Ambiguous
    );
    assert_eq!(
        found(
            &source,
            "http://org-a.api.example.com/",
            &[("host", "org-b.api.example.com")]
        ),
        OrgLookup::Ambiguous
    );
}

/// Rule 158.
#[test]
fn organization_header_is_single_and_plain() {
    let source = OrganizationSource::header(HeaderName::from_static("x-org"));
    assert_eq!(found(&source, "/", &[]), OrgLookup::Absent);
    assert_eq!(found(&source, "/", &[("x-org", "org_a")]), org("org_a"));
    assert_eq!(
        found(&source, "/", &[("x-org", "org_a"), ("x-org", "org_a")]),
        OrgLookup::Ambiguous
    );
    for odd in ["", "..", "a/b", "a\\b"] {
        assert_eq!(
            found(&source, "/", &[("x-org", odd)]),
            OrgLookup::Ambiguous,
            "{odd:?}"
        );
    }
}
