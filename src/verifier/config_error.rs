//! The error for an invalid setting.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// An invalid setting. It is always found at build time.
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
    advice: Option<Advice>,
}

/// The advice what to write instead, for each place where settings are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) code: &'static str,
    pub(crate) file: &'static str,
    pub(crate) environment: &'static str,
}

impl ConfigError {
    pub(crate) fn new(
        setting: impl Into<Cow<'static, str>>,
        problem: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            setting: setting.into(),
            problem: problem.into(),
            advice: None,
        }
    }

    /// Adds the advice what to write instead. The problem does not contain it, because it depends
    /// on the place.
    pub(crate) fn with_advice(self, advice: Advice) -> Self {
        Self {
            advice: Some(advice),
            ..self
        }
    }

    /// Returns the same error with the name of the table that contains the setting.
    #[cfg(any(feature = "dpop", feature = "introspection", feature = "mtls"))]
    pub(crate) fn in_table(mut self, table: &str) -> Self {
        self.setting = format!("{table}.{}", self.setting).into();
        self
    }

    /// Returns the same error with the name that the setting has in this source.
    pub(crate) fn at(mut self, source: &SettingSource) -> Self {
        self.setting = source.name(self.setting);
        if let Some(advice) = self.advice.take() {
            let advice = match source {
                SettingSource::Code => advice.code,
                SettingSource::File | SettingSource::Listed(_) => advice.file,
                SettingSource::Environment(_) => advice.environment,
            };
            self.problem = format!("{}: {advice}", self.problem).into();
        }
        self
    }

    /// Returns the name of the setting: that of the method which sets it, such as `leeway` or
    /// `api_keys.prefix`, the place in a configuration such as `issuers[1].leeway`, or the
    /// environment variable.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// Returns what is wrong with the setting, and what to do.
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
    // A `main` that returns the error prints this format.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

/// The place where an issuer's settings are written, so that an error can name it.
#[derive(Clone, Debug, Default)]
pub(crate) enum SettingSource {
    /// In code: a setting has the name of its method.
    #[default]
    Code,
    /// In a file, as a setting of the verifier.
    File,
    /// In the array of issuers of a configuration.
    Listed(usize),
    /// In the environment: the settings and the variables that set them.
    Environment(Arc<[(&'static str, &'static str)]>),
}

impl SettingSource {
    /// Returns the name that a setting has in this source.
    fn name(&self, setting: Cow<'static, str>) -> Cow<'static, str> {
        match self {
            Self::Code | Self::File => setting,
            Self::Listed(at) => format!("issuers[{at}].{setting}").into(),
            Self::Environment(given) => match given.iter().find(|(name, _)| *name == setting) {
                Some((_, variable)) => Cow::Borrowed(variable),
                None => setting,
            },
        }
    }
}
