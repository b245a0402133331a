//! A setting that cannot be used.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A setting that cannot be used: found at build time, never later.
///
/// ```
/// use tower_m2m::Verifier;
///
/// let error = Verifier::issuer("http://issuer.example").audience("https://api.acme.com").build().unwrap_err();
/// assert_eq!(error.setting(), "issuer");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: Cow<'static, str>,
    problem: Cow<'static, str>,
}

impl ConfigError {
    pub(crate) fn new(
        setting: impl Into<Cow<'static, str>>,
        problem: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            setting: setting.into(),
            problem: problem.into(),
        }
    }

    /// The same error, of a setting that is written there.
    pub(crate) fn at(self, source: &SettingSource) -> Self {
        Self {
            setting: source.name(self.setting),
            ..self
        }
    }

    /// The name of the setting: that of the method which sets it, the place in a configuration such as
    /// `issuers[1].leeway`, or the variable of the environment.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
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

impl fmt::Debug for ConfigError {
    // What a `main` that returns it prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

/// Where an issuer's settings are written, so that an error can name the place.
#[derive(Clone, Debug, Default)]
pub(crate) enum SettingSource {
    /// In code, where a setting has the name of the method.
    #[default]
    Code,
    /// In a configuration's list of issuers.
    Listed(usize),
    /// In the environment: settings, and the variables that set them.
    Environment(Arc<[(&'static str, &'static str)]>),
}

impl SettingSource {
    /// The name that a setting has there.
    fn name(&self, setting: Cow<'static, str>) -> Cow<'static, str> {
        match self {
            Self::Code => setting,
            Self::Listed(at) => format!("issuers[{at}].{setting}").into(),
            Self::Environment(given) => match given.iter().find(|(name, _)| *name == setting) {
                Some((_, variable)) => Cow::Borrowed(variable),
                None => setting,
            },
        }
    }
}
