//! The issuers that the application resolved: their cache, the resolutions in flight, and the change
//! that an outcome makes.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::negative_cache::{Reason, RefusedIssuers};
use super::trusted::{Answer, Trusted, Whose};
use crate::clock::Clock;
use crate::jwks::{HttpClients, SavedKeys};
use crate::util::BoxError;
use crate::verifier::config_error::ConfigError;
use crate::verifier::issuer::Issuer;

/// How long an issuer is trusted before the application is asked again, with and without waiting for the answer.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);
const TRUSTED_FOR: Duration = Duration::from_secs(10 * 60);

pub(in crate::verifier) type Resolving =
    Pin<Box<dyn Future<Output = Result<Option<Issuer>, BoxError>> + Send>>;
pub(in crate::verifier) type Function = dyn Fn(String) -> Resolving + Send + Sync;

/// What the resolved issuers of a verifier are made with.
pub(crate) struct Settings {
    pub(crate) function: Arc<Function>,
    pub(crate) kept: usize,
    pub(crate) clock: Clock,
}

pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) clients: HttpClients,
    pub(super) waiting: Semaphore,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) known: HashMap<Arc<str>, Known>,
    pub(super) refused: RefusedIssuers,
    pub(super) open: HashMap<Arc<str>, Open>,
    /// Each serves once, when its issuer is first resolved: what was fetched since is younger, and knows which keys are gone.
    pub(super) saved: Vec<SavedKeys>,
}

pub(super) struct Known {
    pub(super) trusted: Arc<Trusted>,
    pub(super) ask_again_at: Instant,
}

/// A question that is under way, in a task of its own: the request that asked may go away.
pub(super) struct Open {
    pub(super) answer: watch::Receiver<Option<Answer>>,
    pub(super) task: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Desk {
    pub(super) fn conclude(
        &self,
        iss: &Arc<str>,
        outcome: Result<Option<Issuer>, &'static str>,
    ) -> Answer {
        let now = Instant::now();
        let trusted = outcome.map_err(str::to_owned).and_then(|issuer| {
            issuer
                .map(|issuer| self.trusted(iss, issuer, now))
                .transpose()
        });
        let mut state = self.state();
        state.open.remove(iss);
        match trusted {
            Ok(Some(trusted)) => {
                Answer::Trusted(Whose::Resolved(self.keep(&mut state, trusted, now)))
            }
            Ok(None) => {
                state.known.remove(iss);
                state.refused.remember(iss, Reason::NotTrusted, now);
                Answer::NotTrusted
            }
            Err(problem) => {
                crate::telemetry::events::resolver_failed(&problem);
                let until = state.refused.remember(iss, Reason::NoAnswer, now);
                if let Some(known) = state.known.get_mut(iss) {
                    known.ask_again_at = until;
                }
                unavailable(until.saturating_duration_since(now))
            }
        }
    }

    /// The application's answer is checked as a listed issuer is.
    fn trusted(&self, iss: &str, issuer: Issuer, now: Instant) -> Result<Trusted, String> {
        let trusted = issuer.into_trusted_issuer(&self.settings.clock, &self.clients);
        let mut trusted = trusted.map_err(|error: ConfigError| error.to_string())?;
        if *trusted.issuer != *iss {
            return Err("another issuer than the one that was asked for".to_owned());
        }
        trusted.until = Some(now + TRUSTED_FOR);
        Ok(trusted)
    }

    fn keep(&self, state: &mut State, trusted: Trusted, now: Instant) -> Arc<Trusted> {
        if let Some(before) = state.known.get(&trusted.issuer) {
            trusted.keys.adopt(&before.trusted.keys);
            trusted.vouched(before.trusted.last_vouched());
        } else {
            let saved = state
                .saved
                .extract_if(.., |saved| saved.is_of(&trusted.issuer));
            saved.for_each(|saved| trusted.keys.restore(&saved));
        }
        let trusted = Arc::new(trusted);
        let known = Known {
            trusted: Arc::clone(&trusted),
            ask_again_at: now + ASK_AGAIN_AFTER,
        };
        state.known.insert(Arc::clone(&trusted.issuer), known);
        if state.known.len() > self.settings.kept {
            // The one that vouched for no token for the longest time: names that only forged tokens bear push each other
            // out, and not the issuers of those who call.
            let others = state
                .known
                .iter()
                .filter(|(iss, _)| **iss != trusted.issuer);
            let oldest =
                others.min_by_key(|(_, known)| (known.trusted.last_vouched(), known.ask_again_at));
            let oldest = oldest.map(|(iss, _)| Arc::clone(iss));
            oldest.and_then(|iss| state.known.remove(&iss));
        }
        trusted
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn unavailable(retry_after: Duration) -> Answer {
    Answer::Unavailable {
        retry_after: retry_after.max(Duration::from_secs(1)),
    }
}
