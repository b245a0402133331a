//! Scopes and organization codes: exact, with no hierarchy and no similar names.

use tower_m2m::OrgCode;
use tower_m2m::Scope;
use tower_m2m::token::{ScopeRequirement, Scopes};

/// The first line is a list of scopes, the second one what is asked for, and the text as a whole an organization code.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    organization(text);
    let (granted, asked) = text.split_once('\n').unwrap_or((text, ""));
    let words: Vec<&str> = granted.split(' ').filter(|word| !word.is_empty()).collect();
    let is_token = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| ('!'..='~').contains(&c) && c != '"' && c != '\\')
    };
    let parsed = Scopes::parse(granted);
    assert_eq!(parsed.is_ok(), words.iter().all(|word| is_token(word)));
    assert_eq!(Scope::new(asked.to_owned()).is_ok(), is_token(asked));
    let Ok(scopes) = parsed else { return };
    assert_eq!(scopes.iter().collect::<Vec<_>>(), words);
    assert_eq!(scopes.is_empty(), words.is_empty());
    // Printed and read again it is the same.
    assert_eq!(Scopes::parse(&scopes.to_string()).as_ref(), Ok(&scopes));
    let has = |name: &str| words.contains(&name);
    let mut all = Vec::new();
    for name in asked.split(' ') {
        let Ok(scope) = Scope::new(name.to_owned()) else {
            continue;
        };
        assert_eq!(scopes.contains(&scope), has(name));
        all.push(scope);
    }
    for word in &words {
        // No part of a scope is that scope, and no longer one is, and no other case is.
        for other in [
            word.get(1..),
            word.get(..word.len() - 1),
            Some(&*format!("{word}:x")),
            Some(&*word.to_ascii_uppercase()),
        ] {
            if let Some(Ok(scope)) = other.map(|other| Scope::new(other.to_owned())) {
                assert_eq!(scopes.contains(&scope), has(scope.as_str()));
            }
        }
    }
    let (every, any) = (
        all.iter().all(|s| has(s.as_str())),
        all.iter().any(|s| has(s.as_str())),
    );
    let (need_all, need_any) = (
        ScopeRequirement::all(all.clone()),
        ScopeRequirement::any(all.clone()),
    );
    assert_eq!(need_all.is_satisfied_by(&scopes), every);
    assert_eq!(need_any.is_satisfied_by(&scopes), any);
    assert_eq!(
        need_all
            .clone()
            .and(need_any.clone())
            .is_satisfied_by(&scopes),
        every && any
    );
    assert_eq!(
        need_all.clone().or(need_any).is_satisfied_by(&scopes),
        every || any
    );
    // Whoever gets what the challenge names is let in.
    let challenge = need_all.challenge();
    assert!(
        need_all
            .is_satisfied_by(&Scopes::parse(&challenge).expect("a challenge is a list of scopes"))
    );
}

fn organization(code: &str) {
    let accepted = OrgCode::is_valid_code(code);
    let bounded = (1..=128).contains(&code.len());
    if code.is_ascii() {
        assert_eq!(
            accepted,
            bounded && code.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
        );
    } else if accepted {
        assert!(bounded && !code.chars().any(|c| c.is_whitespace() || c.is_control()));
        assert_eq!(code.trim(), code);
    }
}
