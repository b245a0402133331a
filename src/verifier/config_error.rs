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
    advice: Option<Advice>,
}

/// What to write instead, in each place where a setting can be written.
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

    /// Adds what to write instead. The problem does not contain it, because it depends on the place.
    pub(crate) fn with_advice(self, advice: Advice) -> Self {
        Self {
            advice: Some(advice),
            ..self
        }
    }

    /// The same error, of a setting that is written there.
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
    /// In a file, as a setting of the verifier.
    File,
    /// In a configuration's list of issuers.
    Listed(usize),
    /// In the environment: settings, and the variables that set them.
    Environment(Arc<[(&'static str, &'static str)]>),
}

impl SettingSource {
    /// The name that a setting has there.
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
