use super::*;

#[test]
fn distance_counts_edits() {
    for (left, right, expected) in [
        ("", "", 0),
        ("", "abc", 3),
        ("leeway", "leewey", 1),
        ("leeway", "leway", 1),
        ("kitten", "sitting", 3),
        ("jwks_url", "jwks_uri", 1),
    ] {
        assert_eq!(distance(left, right), expected, "{left} {right}");
        assert_eq!(distance(right, left), expected, "{right} {left}");
    }
    assert_eq!(distance(&"x".repeat(65), "x"), usize::MAX);
}

#[test]
fn nearest_name_is_suggested_if_it_is_near() {
    let listed = ["leeway", "max_age", "audience"];
    assert_eq!(nearest("leewey", listed), Some("leeway"));
    assert_eq!(nearest("audiences", listed), Some("audience"));
    assert_eq!(nearest("client_secret", listed), None);
}
