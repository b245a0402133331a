//! Issuers that are known only at run time: the application is asked once, and its answers are kept for a while.
//!
//! Whoever sends a token chooses its `iss`, so everything here is bounded: the answers that are kept, the questions that
//! are asked at once, the time that one may take. An `iss` that could not be an issuer is never asked about.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::issuers::{InUse, Trusted, Whose};
use super::refused::{Reason, RefusedIssuers};
use super::{ConfigError, Issuer};
use crate::clock::Clock;
use crate::jwks::{HttpClients, SavedKeys, is_secure_url};
use crate::util::{BoxError, unwinding};

/// How long an issuer is trusted before the application is asked again, with and without waiting for the answer.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);
const TRUSTED_FOR: Duration = Duration::from_secs(10 * 60);

/// How long one question may take, how many are open at once, and how many requests may wait for them.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const OPEN_MAX: usize = 64;
const WAITING_MAX: usize = 4096;

/// No issuer's name is longer.
const NAME_MAX: usize = 512;

pub(super) type Resolving = Pin<Box<dyn Future<Output = Result<Option<Issuer>, BoxError>> + Send>>;
pub(super) type Function = dyn Fn(String) -> Resolving + Send + Sync;

/// What is known of an `iss`.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Trusted(InUse),
    NotTrusted,
    /// The application gave no answer that could be used.
    Unavailable {
        retry_after: Duration,
    },
}

impl Answer {
    pub(crate) fn trusted(&self) -> Option<&InUse> {
        match self {
            Self::Trusted(issuer) => Some(issuer),
            Self::NotTrusted | Self::Unavailable { .. } => None,
        }
    }
}

/// What the resolved issuers of a verifier are made with.
pub(crate) struct Settings {
    pub(crate) function: Arc<Function>,
    pub(crate) kept: usize,
    pub(crate) clock: Clock,
}

/// Dropping it ends the questions that are open.
pub(crate) struct Resolver(Arc<Desk>);

struct Desk {
    settings: Settings,
    clients: HttpClients,
    waiting: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<Arc<str>, Known>,
    refused: RefusedIssuers,
    open: HashMap<Arc<str>, Open>,
    /// Each serves once, when its issuer is first resolved: what was fetched since is younger, and knows which keys are gone.
    saved: Vec<SavedKeys>,
}

struct Known {
    trusted: Arc<Trusted>,
    ask_again_at: Instant,
}

/// A question that is under way, in a task of its own: the request that asked may go away.
struct Open {
    answer: watch::Receiver<Option<Answer>>,
    task: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Resolver {
    pub(crate) fn new(settings: Settings, saved: Vec<SavedKeys>) -> Self {
        Self(Arc::new(Desk {
            settings,
            clients: HttpClients::default(),
            waiting: Semaphore::new(WAITING_MAX),
            state: Mutex::new(State {
                saved,
                ..State::default()
            }),
        }))
    }

    pub(crate) fn known(&self) -> Vec<Arc<Trusted>> {
        self.0
            .state()
            .known
            .values()
            .map(|known| Arc::clone(&known.trusted))
            .collect()
    }

    /// What is known without asking; nothing when the application has to be asked. An issuer in its last minutes is asked
    /// about in the background.
    pub(crate) fn look_up(&self, iss: &str) -> Option<Answer> {
        self.look_up_in(&mut self.0.state(), iss)
    }

    fn look_up_in(&self, state: &mut State, iss: &str) -> Option<Answer> {
        let now = Instant::now();
        if let Some(known) = state
            .known
            .get(iss)
            .filter(|known| known.trusted.until.is_some_and(|until| now < until))
        {
            let answer = Answer::Trusted(Whose::Resolved(Arc::clone(&known.trusted)));
            if now >= known.ask_again_at {
                // Whether it could be asked shows at the end of its time.
                let _ = self.ask(state, iss);
            }
            return Some(answer);
        }
        match state.refused.get(iss, now) {
            Some((Reason::NotTrusted, _)) => Some(Answer::NotTrusted),
            Some((Reason::NoAnswer, until)) => {
                Some(unavailable(until.saturating_duration_since(now)))
            }
            None if iss.len() > NAME_MAX || iss.contains('?') || !is_secure_url(iss) => {
                Some(Answer::NotTrusted)
            }
            None => None,
        }
    }

    pub(crate) async fn resolve(&self, iss: &str) -> Answer {
        // Nobody queues: over the bound means answered at once.
        let Ok(_place) = self.0.waiting.try_acquire() else {
            return unavailable(Duration::ZERO);
        };
        let asked = {
            let mut state = self.0.state();
            match self.look_up_in(&mut state, iss) {
                Some(answer) => return answer,
                None => self.ask(&mut state, iss),
            }
        };
        let Some(mut asked) = asked else {
            return unavailable(Duration::ZERO);
        };
        match timeout(
            ANSWER_WITHIN + Duration::from_secs(1),
            asked.wait_for(Option::is_some),
        )
        .await
        {
            Ok(Ok(answer)) => answer
                .clone()
                .unwrap_or_else(|| unavailable(Duration::ZERO)),
            // The task ended with its runtime, or nobody runs that one.
            Ok(Err(_)) | Err(_) => unavailable(Duration::ZERO),
        }
    }

    /// Asks, unless that is under way; nothing when too many questions are open, or there is nothing to ask in.
    fn ask(&self, state: &mut State, iss: &str) -> Option<watch::Receiver<Option<Answer>>> {
        // The sender of a question whose task ended with its runtime is gone.
        let is_live = |open: &Open| open.answer.has_changed().is_ok();
        if let Some(open) = state.open.get(iss).filter(|open| is_live(open)) {
            return Some(open.answer.clone());
        }
        if state.open.len() >= OPEN_MAX {
            state.open.retain(|_, open| is_live(open));
        }
        // Strangers' names do not keep those from being asked about that are trusted; there are only so many of these.
        let has_place = state.open.len() < OPEN_MAX || state.known.contains_key(iss);
        let runtime = Handle::try_current().ok().filter(|_| has_place)?;
        let iss: Arc<str> = iss.into();
        let (sender, answer) = watch::channel(None);
        let task = runtime.spawn(put(
            Arc::downgrade(&self.0),
            Arc::clone(&self.0.settings.function),
            Arc::clone(&iss),
            sender,
        ));
        state.open.insert(
            iss,
            Open {
                answer: answer.clone(),
                task: task.abort_handle(),
            },
        );
        Some(answer)
    }
}

/// Puts the question and keeps the answer.
async fn put(
    desk: Weak<Desk>,
    function: Arc<Function>,
    iss: Arc<str>,
    answer: watch::Sender<Option<Answer>>,
) {
    let name = iss.to_string();
    let outcome = timeout(
        ANSWER_WITHIN,
        unwinding(async move { function(name).await }),
    )
    .await;
    let outcome = match outcome {
        Ok(Some(Ok(issuer))) => Ok(issuer),
        Ok(Some(Err(_))) => Err("failed"),
        Ok(None) => Err("panicked"),
        Err(_) => Err("timed out"),
    };
    if let Some(desk) = desk.upgrade() {
        answer.send_replace(Some(desk.conclude(&iss, outcome)));
    }
}

impl Desk {
    fn conclude(&self, iss: &Arc<str>, outcome: Result<Option<Issuer>, &'static str>) -> Answer {
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
        let trusted = issuer.into_trusted(&self.settings.clock, &self.clients);
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(retry_after: Duration) -> Answer {
    Answer::Unavailable {
        retry_after: retry_after.max(Duration::from_secs(1)),
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
