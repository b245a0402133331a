//! A setting that cannot be used.

use std::borrow::Cow;
use std::fmt;

/// A setting that cannot be used: found at build time, never later.
///
/// ```
/// use tower_m2m::Verifier;
///
/// let error = Verifier::issuer("http://issuer.example").audience("https://api.acme.com").build().unwrap_err();
/// assert_eq!(error.setting(), "issuer");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    setting: &'static str,
    problem: Cow<'static, str>,
}

impl ConfigError {
    pub(crate) fn new(setting: &'static str, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { setting, problem: problem.into() }
    }

    /// The name of the setting: that of the method which sets it.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// What is wrong with it, and what to do.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}

impl std::error::Error for ConfigError {}
