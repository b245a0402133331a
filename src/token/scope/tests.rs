use super::*;

fn scope(name: &'static str) -> Scope {
    Scope::from_static(name)
}

/// Rule 18.
///
/// Only the characters of RFC 6749 §3.3.
#[test]
fn scope_accepts_only_rfc6749_characters() {
    for byte in 0..=u8::MAX {
        let text = String::from_utf8_lossy(&[b'a', byte]).into_owned();
        let allowed = matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        assert_eq!(Scope::new(text).is_ok(), allowed, "{byte:#x}");
    }
    assert_eq!(Scope::new(""), Err(InvalidScope));
    assert_eq!(Scope::new("é"), Err(InvalidScope));
}

/// Rule 77.
///
/// Exact, case-sensitive, no prefix, no substring.
#[test]
fn scopes_match_exactly() {
    let granted = Scopes::parse("read:all readonly Write").unwrap();
    for (name, is_granted) in [
        ("read:all", true),
        ("readonly", true),
        ("read", false),
        ("all", false),
        ("write", false),
        ("Write", true),
        ("read:al", false),
        ("read:all2", false),
    ] {
        assert_eq!(granted.contains(&scope(name)), is_granted, "{name}");
    }
    assert!(!Scopes::default().contains(&scope("read")));
}

#[test]
fn scope_lists_are_normalized_and_validated() {
    for list in ["a b", "  a  b ", " a b", "a b ", "a  b"] {
        let scopes = Scopes::parse(list).unwrap();
        assert_eq!(
            (scopes.as_str(), scopes.is_empty()),
            ("a b", false),
            "{list:?}"
        );
    }
    assert_eq!(Scopes::parse("").unwrap().iter().count(), 0);
    for blank in ["", " ", "   "] {
        assert!(Scopes::parse(blank).unwrap().is_empty());
    }
    assert_eq!(Scopes::parse("a\tb"), Err(InvalidScope));
    assert_eq!(Scopes::parse("a \"b\""), Err(InvalidScope));
}
