use super::contains_duplicate;

#[test]
fn duplicate_scopes_are_found_at_any_place() {
    for (scopes, expected) in [
        (&[][..], false),
        (&["a"], false),
        (&["a", "a"], true),
        (&["read", "read:invoices", "read:invoice"], false),
        (&["a", "b", "c", "a"], true),
        (&["a", "b", "c", "b"], true),
        (&["read", "Read"], false),
    ] {
        assert_eq!(contains_duplicate(scopes), expected, "{scopes:?}");
    }
}
