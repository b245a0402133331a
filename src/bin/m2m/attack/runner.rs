//! Sends attacks, one after the other, and collects the report.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, sleep};
use tower_m2m::testing::TokenBuilder;
use tower_m2m::testing::assertions::TestResponse;

use super::case::{Case, found, is_success, sent};
use super::plan::Plan;
use super::report::{AttackReport, AttackRow, Group, Outcome};
use crate::arguments::AttackOptions;
use crate::client::{SendError, TargetUrl, send};

/// The longest time for one request.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// The pause between two attempts of a request that is repeated.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Runner<'a> {
    target: &'a TargetUrl,
    started: Instant,
    deadline: Instant,
    rows: Vec<AttackRow>,
    is_decided: bool,
    progress: ProgressBar,
}

impl<'a> Runner<'a> {
    pub(super) fn new(plan: &'a Plan<'_>) -> Self {
        let started = Instant::now();
        let progress = ProgressBar::no_length();
        if !io::stderr().is_terminal() {
            progress.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {pos} requests, {elapsed}: {wide_msg}")
        {
            progress.set_style(style);
        }
        Self {
            target: &plan.target,
            started,
            deadline: started + plan.longest_run(),
            rows: Vec::new(),
            is_decided: false,
            progress,
        }
    }

    pub(super) fn finish(self, options: &AttackOptions) -> AttackReport {
        self.progress.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        AttackReport::new(
            &options.url,
            options.strict,
            self.is_decided,
            seconds,
            self.rows,
        )
    }

    /// Sends an attack once, and assesses the response. If the connection breaks, the attack is
    /// sent a second time, because a server may close a connection at any time.
    pub(super) async fn attack(&mut self, case: &Case<'_>) {
        let mut result = self.send(case).await;
        if matches!(result, Err(SendError::Broken(_) | SendError::Connect(_))) {
            result = self.send(case).await;
        }
        let (outcome, found) = match result {
            Ok(response) => match case.assess(&response) {
                (outcome, None) => (outcome, found(&response)),
                (outcome, Some(why)) => (outcome, format!("{}: {why}", found(&response))),
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
        self.push(AttackRow {
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
        self.push(AttackRow {
            group,
            name: name.to_owned(),
            description: String::new(),
            sent: "no request".to_owned(),
            expected: String::new(),
            found: why.to_owned(),
            outcome: Outcome::Skipped,
        });
    }

    /// Sends the request of an attack.
    pub(super) async fn send(&self, case: &Case<'_>) -> Result<TestResponse, SendError> {
        self.progress
            .set_message(format!("{} {}", case.group.name(), case.name));
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(SendError::TimedOut);
        }
        let response = send(self.target, case.request.clone(), REQUEST_LIMIT.min(left)).await;
        self.progress.inc(1);
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

    /// Waits until the server accepts a valid token, and returns the response. If it does not, no
    /// attack is sent.
    pub(super) async fn wait_until_accepted(&mut self, plan: &Plan<'_>) -> Option<TestResponse> {
        let case = valid(plan, "before the attacks", &plan.good())?;
        let (result, is_accepted) = self
            .until(&case, plan.wait(), |response| is_success(response.status()))
            .await;
        if is_accepted {
            self.is_decided = true;
            let response = result.ok()?;
            self.record(&case, Outcome::Passed, found(&response));
            return Some(response);
        }
        let found = result.map_or_else(|error| error.to_string(), |response| found(&response));
        let (issuer, audience) = (plan.issuer.url(), &plan.options.audience);
        let scopes = plan.options.scope.join(" ");
        let hint = format!(
            "{found}: the server does not accept a valid token. It has the issuer {issuer}, the audience {audience}, \
             the organization {} and the scopes \"{scopes}\": does the server expect others?",
            plan.options.org
        );
        self.record(&case, Outcome::Failed, hint);
        None
    }

    /// Sends a valid token, and returns `true` if the server accepts it. Only then the rejections
    /// before it prove something.
    pub(super) async fn control(&mut self, plan: &Plan<'_>, when: &str) -> bool {
        let Some(case) = valid(plan, when, &plan.good()) else {
            return false;
        };
        let (result, is_accepted) = self
            .until(&case, REQUEST_LIMIT, |response| {
                is_success(response.status())
            })
            .await;
        let found = result.map_or_else(|error| error.to_string(), |response| found(&response));
        if is_accepted {
            self.record(&case, Outcome::Passed, found);
        } else {
            let found = format!(
                "{found}: the server rejects a valid token too, so the results before prove nothing"
            );
            self.record(&case, Outcome::Failed, found);
        }
        is_accepted
    }

    fn push(&mut self, row: AttackRow) {
        self.rows.push(row);
    }
}

/// Returns the request with a valid token.
pub(super) fn valid<'a>(plan: &Plan<'_>, when: &str, token: &TokenBuilder) -> Option<Case<'a>> {
    let request = plan.with_authorization(&token.bearer())?;
    let name = format!("valid token {when}");
    Some(Case::new(
        Group::Control,
        name,
        "The valid token must be accepted.",
        "2xx",
        request,
        |response| {
            if is_success(response.status()) {
                (Outcome::Passed, None)
            } else {
                (
                    Outcome::Failed,
                    Some("the server rejects a valid token".to_owned()),
                )
            }
        },
    ))
}
