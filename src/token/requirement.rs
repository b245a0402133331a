//! What a route requires of the scopes of a token (RFC 6749 §3.3).

use std::fmt;

use super::scope::{Scope, Scopes};

/// Which scopes a route asks for: all of a list, or all of one of several lists.
///
/// ```
/// use tower_m2m::Scope;
/// use tower_m2m::token::{ScopeRequirement, Scopes};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (read, write, admin) = (Scope::from_static("read"), Scope::from_static("write"), Scope::from_static("admin"));
/// let both_or_admin = ScopeRequirement::all([read, write]).or(ScopeRequirement::all([admin]));
/// assert!(both_or_admin.is_satisfied_by(&Scopes::parse("write read")?));
/// assert!(both_or_admin.is_satisfied_by(&Scopes::parse("admin")?));
/// assert!(!both_or_admin.is_satisfied_by(&Scopes::parse("write")?));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ScopeRequirement {
    /// Never empty; a list without scopes is met by every token.
    alternatives: Vec<Vec<Scope>>,
}

impl ScopeRequirement {
    /// No scope is asked for.
    #[must_use]
    pub fn none() -> Self {
        Self::all([])
    }

    /// Every one of these scopes.
    #[must_use]
    pub fn all(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self {
            alternatives: vec![scopes.into_iter().collect()],
        }
    }

    /// At least one of these scopes. An empty list cannot be met.
    #[must_use]
    pub fn any(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self {
            alternatives: scopes.into_iter().map(|scope| vec![scope]).collect(),
        }
    }

    /// This, or the other: either is enough.
    #[must_use]
    pub fn or(mut self, other: impl Into<Self>) -> Self {
        self.alternatives.extend(other.into().alternatives);
        self
    }

    /// This, and the other too.
    #[must_use]
    pub fn and(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        let alternatives = self
            .alternatives
            .iter()
            .flat_map(|ours| {
                other
                    .alternatives
                    .iter()
                    .map(move |theirs| ours.iter().chain(theirs).cloned().collect())
            })
            .collect();
        Self { alternatives }
    }

    /// Whether a token with these scopes meets it.
    #[must_use]
    pub fn is_satisfied_by(&self, granted: &Scopes) -> bool {
        self.alternatives
            .iter()
            .any(|all| all.iter().all(|scope| granted.contains(scope)))
    }

    /// Whether every token meets it, since one of its alternatives asks for nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.alternatives.iter().any(Vec::is_empty)
    }

    /// The lists of which one has to be granted as a whole: what OpenAPI calls security requirement objects.
    pub fn alternatives(&self) -> impl Iterator<Item = &[Scope]> {
        self.alternatives.iter().map(Vec::as_slice)
    }

    /// Every scope that is named, once, in the order written.
    #[must_use]
    pub fn scopes(&self) -> Vec<&Scope> {
        let mut named: Vec<&Scope> = Vec::new();
        for scope in self.alternatives.iter().flatten() {
            if !named.contains(&scope) {
                named.push(scope);
            }
        }
        named
    }

    /// The value of a challenge's `scope` (RFC 6750 §3): the alternative written first, since a client that gets
    /// exactly these is let in.
    #[must_use]
    pub fn challenge(&self) -> String {
        let first = self
            .alternatives
            .first()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut text = String::new();
        for (at, scope) in first
            .iter()
            .enumerate()
            .filter(|(at, scope)| !first.iter().take(*at).any(|earlier| earlier == *scope))
        {
            if at > 0 {
                text.push(' ');
            }
            text.push_str(scope.as_str());
        }
        text
    }
}

impl From<Scope> for ScopeRequirement {
    fn from(scope: Scope) -> Self {
        Self::all([scope])
    }
}

impl fmt::Display for ScopeRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, all) in self.alternatives.iter().enumerate() {
            let between = if at > 0 { " | " } else { "" };
            let scopes: Vec<&str> = all.iter().map(Scope::as_str).collect();
            write!(f, "{between}{}", scopes.join(" "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for ScopeRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Requirement({self})")
    }
}

#[cfg(test)]
mod tests {
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
                ScopeRequirement::any([scope("c")])
                    .or(ScopeRequirement::all([scope("a"), scope("b")])),
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
}
