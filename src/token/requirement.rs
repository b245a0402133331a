//! The scopes that a route requires of a token (RFC 6749 §3.3).

use std::fmt;

use super::scope::{Scope, Scopes};

/// The scopes that a route requires: all scopes of a list, or all of at least one of several lists.
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
    /// Never empty. Every token satisfies a list without scopes.
    alternatives: Vec<Vec<Scope>>,
}

impl ScopeRequirement {
    /// Requires no scope.
    #[must_use]
    pub fn none() -> Self {
        Self::all([])
    }

    /// Requires all of these scopes.
    #[must_use]
    pub fn all(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self {
            alternatives: vec![scopes.into_iter().collect()],
        }
    }

    /// Requires at least one of these scopes. No token satisfies an empty list.
    #[must_use]
    pub fn any(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self {
            alternatives: scopes.into_iter().map(|scope| vec![scope]).collect(),
        }
    }

    /// Requires either this or the other one.
    #[must_use]
    pub fn or(mut self, other: impl Into<Self>) -> Self {
        self.alternatives.extend(other.into().alternatives);
        self
    }

    /// Requires both this and the other one.
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

    /// Returns `true` if a token with these scopes satisfies the requirement.
    #[must_use]
    pub fn is_satisfied_by(&self, granted: &Scopes) -> bool {
        self.alternatives
            .iter()
            .any(|all| all.iter().all(|scope| granted.contains(scope)))
    }

    /// Returns `true` if every token satisfies the requirement, because an alternative has no
    /// scopes.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.alternatives.iter().any(Vec::is_empty)
    }

    /// Returns the alternatives. A token needs all scopes of one of them. OpenAPI calls them
    /// security requirement objects.
    pub fn alternatives(&self) -> impl Iterator<Item = &[Scope]> {
        self.alternatives.iter().map(Vec::as_slice)
    }

    /// Returns every scope once, in the order of declaration.
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

    /// Returns the `scope` of a challenge (RFC 6750 §3): the first alternative. A client that gets
    /// exactly these scopes satisfies the requirement.
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
#[cfg(tower_m2m_unit_tests)]
mod tests;
