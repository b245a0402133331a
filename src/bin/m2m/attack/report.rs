//! The report: each attack, what was sent, what was expected and what was found.

use serde::Serialize;

use crate::settings::OUTPUT_VERSION;

/// The groups of attacks, in the order of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Group {
    Control,
    Forged,
    Headers,
    Preflights,
    Scopes,
    Organizations,
    Keys,
}

impl Group {
    pub(super) const ALL: [Self; 7] = [
        Self::Control,
        Self::Forged,
        Self::Headers,
        Self::Preflights,
        Self::Scopes,
        Self::Organizations,
        Self::Keys,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Forged => "forged",
            Self::Headers => "headers",
            Self::Preflights => "preflights",
            Self::Scopes => "scopes",
            Self::Organizations => "organizations",
            Self::Keys => "keys",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Passed,
    Failed,
    Deviation,
    Skipped,
}

/// How much of a run was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The server accepted no valid token, so no attack was sent.
    NotStarted,
    /// The run reached its time limit.
    Stopped,
    Complete,
}

/// One attack.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AttackRow {
    pub(super) group: Group,
    pub(super) name: String,
    pub(super) description: String,
    /// The request without the token.
    pub(super) sent: String,
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Conclusion {
    Passed,
    Failed,
    /// The server does not accept a valid token, or some attacks were not sent.
    Undecided,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) deviations: usize,
    pub(super) skipped: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct AttackReport {
    version: u32,
    pub(super) url: String,
    conclusion: Conclusion,
    pub(super) is_strict: bool,
    pub(super) seconds: f64,
    pub(super) counts: Counts,
    pub(super) attacks: Vec<AttackRow>,
}

impl AttackReport {
    pub(super) fn new(
        url: &str,
        is_strict: bool,
        progress: Progress,
        seconds: f64,
        attacks: Vec<AttackRow>,
    ) -> Self {
        let counts = Counts::new(&attacks);
        let conclusion = match counts {
            _ if progress == Progress::NotStarted => Conclusion::Undecided,
            counts if counts.failed > 0 || (is_strict && counts.deviations > 0) => {
                Conclusion::Failed
            }
            _ if progress == Progress::Stopped => Conclusion::Undecided,
            _ => Conclusion::Passed,
        };
        Self {
            version: OUTPUT_VERSION,
            url: url.to_owned(),
            conclusion,
            is_strict,
            seconds,
            counts,
            attacks,
        }
    }

    pub(super) fn conclusion(&self) -> Conclusion {
        self.conclusion
    }

    pub(super) fn group(&self, group: Group) -> impl Iterator<Item = &AttackRow> {
        self.attacks.iter().filter(move |row| row.group == group)
    }
}

impl Counts {
    pub(super) fn new<'a>(rows: impl IntoIterator<Item = &'a AttackRow>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            match row.outcome {
                Outcome::Passed => counts.passed += 1,
                Outcome::Failed => counts.failed += 1,
                Outcome::Deviation => counts.deviations += 1,
                Outcome::Skipped => counts.skipped += 1,
            }
        }
        counts
    }
}
