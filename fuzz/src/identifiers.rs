//! Checks scopes and organization codes: matches are exact, without a hierarchy and without similar
//! names.

use tower_m2m::OrgCode;
use tower_m2m::Scope;
use tower_m2m::token::{ScopeRequirement, Scopes};

/// Checks scopes and an organization code. The first line contains granted scopes, the second line
/// required ones. The whole input is also checked as an organization code.
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
    // Parsing the printed scopes again gives the same scopes.
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
        // A part of a scope, a longer scope, or a scope in another case does not match.
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
    // A token with the scopes that the challenge names satisfies the requirement.
    let challenge = need_all.challenge();
    assert!(
        need_all.is_satisfied_by(
            &Scopes::parse(&challenge).expect("a challenge contains valid scopes")
        )
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
