use super::*;

fn scope(name: &'static str) -> Scope {
    Scope::from_static(name)
}

#[test]
fn scope_requirements_combine() {
    let granted = Scopes::parse("a b").unwrap();
    for (requirement, met) in [
        (ScopeRequirement::none(), true),
        (ScopeRequirement::all([scope("a"), scope("b")]), true),
        (ScopeRequirement::all([scope("a"), scope("c")]), false),
        (ScopeRequirement::any([scope("c"), scope("b")]), true),
        (ScopeRequirement::any([]), false),
        (
            ScopeRequirement::any([scope("c")]).or(ScopeRequirement::all([scope("a"), scope("b")])),
            true,
        ),
        (
            ScopeRequirement::any([scope("a"), scope("x")]).and(scope("y")),
            false,
        ),
        (
            ScopeRequirement::any([scope("a"), scope("x")]).and(scope("b")),
            true,
        ),
    ] {
        assert_eq!(requirement.is_satisfied_by(&granted), met, "{requirement}");
    }
    let either = ScopeRequirement::all([scope("a"), scope("b"), scope("a")]).or(scope("c"));
    assert_eq!(either.challenge(), "a b");
    assert_eq!(
        (either.to_string(), scope("a").to_string()),
        ("a b a | c".to_owned(), "a".to_owned())
    );
    assert_eq!(either.scopes().len(), 3);
    assert_eq!(
        either
            .alternatives()
            .map(<[Scope]>::len)
            .collect::<Vec<_>>(),
        [3, 1]
    );
    assert_eq!(ScopeRequirement::any([]).challenge(), "");
    assert_eq!(
        ScopeRequirement::any([scope("a"), scope("x")])
            .and(scope("b"))
            .challenge(),
        "a b"
    );
}
