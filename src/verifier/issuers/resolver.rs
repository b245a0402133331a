//! Issuers that are known only at run time: the application is asked once, and its answers are kept for a while.
//!
//! Whoever sends a token chooses its `iss`, so everything here is bounded: the answers that are kept, the questions that
//! are asked at once, the time that one may take. An `iss` that could not be an issuer is never asked about.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::negative_cache::Reason;
use super::resolved::{Desk, Function, Open, Settings, State, unavailable};
use super::trusted::{Answer, Trusted, Whose};
use crate::jwks::{HttpClients, SavedKeys, is_secure_url};
use crate::util::unwinding;

/// How long one question may take, how many are open at once, and how many requests may wait for them.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const OPEN_MAX: usize = 64;
const WAITING_MAX: usize = 4096;

/// No issuer's name is longer.
const NAME_MAX: usize = 512;

/// Dropping it ends the questions that are open.
pub(crate) struct Resolver(Arc<Desk>);

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

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
