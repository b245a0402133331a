use super::*;

#[test]
fn pattern_matches_prefix_and_letters_or_digits() {
    let pattern = OrgCodePattern::with_prefix("org_");
    for code in ["org_a", "org_ba4a2311eb1", "org_B", "org_0", "org_settings"] {
        assert!(pattern.matches(code), "{code}");
        assert!(pattern.may_occur_in(&format!("/x/{code}/y")), "{code}");
    }
    for other in [
        "org_", "org", "ORG_a", "xorg_a", "org_a_b", "org_a-b", "org_a/b", "org_é", "",
    ] {
        assert!(!pattern.matches(other), "{other}");
    }
}

#[test]
fn path_without_the_prefix_contains_no_code() {
    let pattern = OrgCodePattern::with_prefix("org_");
    for path in ["/orgs/7/invoices", "/", "", "org-a"] {
        assert!(!pattern.may_occur_in(path), "{path}");
    }
    for path in ["/%6Frg_a", "/org%5Fa", "%"] {
        assert!(pattern.may_occur_in(path), "{path}");
    }
}

#[test]
fn pattern_needs_a_prefix_and_one_star_at_the_end() {
    assert_eq!(
        OrgCodePattern::parse("org_*"),
        Some(OrgCodePattern::with_prefix("org_"))
    );
    for pattern in [
        "", "*", "org_", "*org", "org_**", "or*g_*", "org/*", "org *",
    ] {
        assert_eq!(OrgCodePattern::parse(pattern), None, "{pattern}");
    }
}
