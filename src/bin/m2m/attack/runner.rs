//! Sends attacks, one after the other, and collects the report.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, sleep};
use tower_m2m::testing::assertions::TestResponse;

use super::case::{Case, found, sent};
use super::plan::Plan;
use super::report::{AttackReport, AttackRow, Group, Outcome, Progress};
use crate::arguments::AttackOptions;
use crate::client::{SendError, TargetUrl, send};

/// The longest time for one request.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// The pause between two attempts of a request that is repeated.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Runner<'a> {
    target: &'a TargetUrl,
    started: Instant,
    deadline: Instant,
    rows: Vec<AttackRow>,
    pub(super) progress: Progress,
    pub(super) bar: ProgressBar,
}

impl<'a> Runner<'a> {
    pub(super) fn new(plan: &'a Plan<'_>) -> Self {
        let started = Instant::now();
        let bar = ProgressBar::no_length();
        if !io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {pos} requests, {elapsed}: {wide_msg}")
        {
            bar.set_style(style);
        }
        Self {
            target: &plan.target,
            started,
            deadline: started + plan.longest_run(),
            rows: Vec::new(),
            progress: Progress::NotStarted,
            bar,
        }
    }

    pub(super) fn finish(self, options: &AttackOptions) -> AttackReport {
        self.bar.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        AttackReport::new(
            &options.url,
            options.strict,
            self.progress,
            seconds,
            self.rows,
        )
    }

    /// Sends an attack once, and assesses the response. If the connection breaks, the attack is
    /// sent a second time, because a server may close a connection at any time.
    pub(super) async fn attack(&mut self, case: &Case<'_>) {
        if self.is_over(case.group, &case.name) {
            return;
        }
        let mut result = self.send(case).await;
        if matches!(result, Err(SendError::Broken(_) | SendError::Connect(_))) {
            result = self.send(case).await;
        }
        self.record_result(case, &result);
    }

    /// Assesses the result of an attack by the rules for all attacks and by its own, and records
    /// it.
    pub(super) fn record_result(
        &mut self,
        case: &Case<'_>,
        result: &Result<TestResponse, SendError>,
    ) {
        let (outcome, found) = match result {
            Ok(response) => match case.assess(response) {
                (outcome, None) => (outcome, found(response)),
                (outcome, Some(why)) => (outcome, format!("{}: {why}", found(response))),
            },
            Err(error) if case.is_over_long => (
                Outcome::Deviation,
                format!("{error} (the request is very long)"),
            ),
            Err(error) => (Outcome::Failed, error.to_string()),
        };
        self.record(case, outcome, found);
    }

    pub(super) fn record(&mut self, case: &Case<'_>, outcome: Outcome, found: String) {
        self.rows.push(AttackRow {
            group: case.group,
            name: case.name.clone(),
            description: case.description.clone(),
            sent: sent(&case.request),
            expected: case.expected.clone(),
            found,
            outcome,
        });
    }

    /// Records an attack that was not sent.
    pub(super) fn skip(&mut self, group: Group, name: &str, why: &str) {
        self.rows.push(AttackRow {
            group,
            name: name.to_owned(),
            description: String::new(),
            sent: "no request".to_owned(),
            expected: String::new(),
            found: why.to_owned(),
            outcome: Outcome::Skipped,
        });
    }

    /// Returns `true` if the run reached its time limit, and records that the attack is not sent.
    pub(super) fn is_over(&mut self, group: Group, name: &str) -> bool {
        let is_over = Instant::now() >= self.deadline;
        if is_over {
            self.progress = Progress::Stopped;
            self.skip(group, name, "not sent: the run reached its time limit");
        }
        is_over
    }

    /// Sends the request of an attack.
    pub(super) async fn send(&self, case: &Case<'_>) -> Result<TestResponse, SendError> {
        self.bar
            .set_message(format!("{} {}", case.group.name(), case.name));
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(SendError::TimedOut);
        }
        let response = send(self.target, case.request.clone(), REQUEST_LIMIT.min(left)).await;
        self.bar.inc(1);
        response
    }

    /// Sends the request repeatedly until the response satisfies the condition or the time is over.
    /// Returns the last result, and `true` if the condition was satisfied.
    pub(super) async fn until(
        &self,
        case: &Case<'_>,
        limit: Duration,
        condition: impl Fn(&TestResponse) -> bool,
    ) -> (Result<TestResponse, SendError>, bool) {
        let end = (Instant::now() + limit).min(self.deadline);
        loop {
            let result = self.send(case).await;
            let is_satisfied = result.as_ref().is_ok_and(&condition);
            if is_satisfied || Instant::now() + PAUSE >= end {
                return (result, is_satisfied);
            }
            sleep(PAUSE).await;
        }
    }
}

pub(super) fn describe(result: &Result<TestResponse, SendError>) -> String {
    match result {
        Ok(response) => found(response),
        Err(error) => error.to_string(),
    }
}
