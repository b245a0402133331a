//! The task that follows the store: it loads all entries, then applies every change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::grace;
use super::load;
use super::mode::Mode;
use super::record::RecordKey;
use super::replication::{FIRST_PAUSE, Replication, Requested, TICK};
use super::reports::{self, Reports};
use super::store::{self, DenylistChanges, StoreChange, StoreCursor};
use crate::telemetry::events;
use crate::util::{backoff, catch_panic, lock};

/// A store that sends nothing for this long has stopped, so the connection begins again.
const SILENCE: Duration = Duration::from_secs(30);

/// The shortest time between two loads that the store did not require.
const BETWEEN_RELOADS: Duration = Duration::from_secs(1);

/// The pause before a list that was full is loaded again.
const BETWEEN_INCOMPLETE_LOADS: Duration = Duration::from_secs(60);

/// The longest pause before the next attempt to connect. An attempt costs the store little, and
/// denials are late until it succeeds.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The message if the store ended its connection without an error.
const CONNECTION_ENDED: &str = "the store ended the connection";

pub(super) struct Follower {
    pub(super) replication: Arc<Replication>,
    pub(super) cursor: Option<StoreCursor>,
    pub(super) mode: Mode,
    /// Whether the store sent data since the last failure.
    pub(super) has_data: bool,
    pub(super) reports: Reports,
    pub(super) load_began: Instant,
    /// When the connection began, until the store has confirmed that all changes were sent.
    pub(super) unconfirmed_since: Option<Instant>,
    /// The recent writes that were received after the cursor.
    pub(super) received: Vec<RecordKey>,
    /// Whether the application confirmed, before the first load, that the store is new.
    pub(super) is_new_confirmed: bool,
}

enum End {
    Reload,
    Failed(Arc<str>),
}

/// Follows the store until the task is aborted.
pub(super) async fn run(replication: Arc<Replication>) {
    let mut follower = Follower {
        reports: Reports::new(&replication),
        replication,
        cursor: None,
        mode: Mode::Following(None),
        has_data: false,
        load_began: Instant::now(),
        unconfirmed_since: None,
        received: Vec::new(),
        is_new_confirmed: false,
    };
    let mut failures = 0;
    loop {
        follower.has_data = false;
        let pause = match follower.follow().await {
            End::Reload => BETWEEN_RELOADS,
            End::Failed(message) => {
                failures = if follower.has_data { 1 } else { failures + 1 };
                let jitter = follower.replication.jitter.next();
                let pause = backoff(failures, FIRST_PAUSE, LONGEST_PAUSE, jitter);
                let replication = &follower.replication;
                reports::store_failed(replication, message, failures, pause, follower.has_data);
                pause
            }
        };
        follower.pause(pause).await;
    }
}

impl Follower {
    /// Runs one connection to the store.
    async fn follow(&mut self) -> End {
        grace::restart(&mut self.mode);
        if self.cursor.is_none() || matches!(self.mode, Mode::Loading(_)) {
            self.begin_load();
        }
        self.unconfirmed_since = Some(Instant::now());
        let unconfirmed = std::mem::take(&mut self.received);
        self.replication.writes.forget_received(unconfirmed);
        let replication = Arc::clone(&self.replication);
        let (changes, mut receiver) = DenylistChanges::channel();
        let follow = replication.store.follow(self.cursor.clone(), changes);
        let mut follow = std::pin::pin!(catch_panic(follow));
        let (mut last_message, mut is_open) = (Instant::now(), true);
        loop {
            self.replication.show_sign_of_life();
            let grace_ends = self.mode.grace().map(|grace| grace.until);
            let wake = self.next_report().min(last_message + SILENCE);
            let wake = grace_ends.map_or(wake, |end| wake.min(end));
            tokio::select! {
                biased;
                change = receiver.recv(), if is_open => match change {
                    Some(change) => {
                        last_message = Instant::now();
                        self.apply(change);
                    }
                    None => is_open = false,
                },
                ended = &mut follow => {
                    self.drain(&mut receiver);
                    let ended = store::result_of(ended).err();
                    return End::Failed(ended.unwrap_or_else(|| CONNECTION_ENDED.into()));
                }
                requested = replication.requests.next() => {
                    self.handle(requested);
                    if requested.reload {
                        return End::Reload;
                    }
                }
                () = sleep_until(wake) => {
                    self.on_timer();
                    grace::finish_if_due(&self.replication, &mut self.mode);
                    if last_message.elapsed() >= SILENCE {
                        return End::Failed("the store sent nothing for 30 s".into());
                    }
                }
            }
        }
    }

    fn drain(&mut self, receiver: &mut mpsc::Receiver<StoreChange>) {
        while let Ok(change) = receiver.try_recv() {
            self.apply(change);
        }
    }

    /// Waits before the next connection, and does what is due in the meantime.
    async fn pause(&mut self, pause: Duration) {
        let end = Instant::now() + pause;
        let replication = Arc::clone(&self.replication);
        while Instant::now() < end {
            self.replication.show_sign_of_life();
            tokio::select! {
                biased;
                requested = replication.requests.next() => self.handle(requested),
                () = sleep_until(end.min(self.next_report())) => self.on_timer(),
            }
        }
    }

    /// Does what was requested. The next connection loads all entries if that was requested.
    fn handle(&mut self, requested: Requested) {
        if requested.confirm_empty {
            self.confirm_empty();
        }
        if requested.reload {
            self.cursor = None;
        }
    }

    fn confirm_empty(&mut self) {
        let (entries, is_loaded) = (self.replication.list.len(), self.mode.is_loaded());
        let is_first_load = lock(&self.replication.history).loads == 0;
        if grace::confirm(&self.replication, &mut self.mode) {
            events::denylist_empty_confirmed(entries, self.replication.list.len());
        } else if is_first_load && !is_loaded {
            self.is_new_confirmed = true;
        } else {
            events::denylist_not_empty(entries);
        }
    }

    pub(super) fn begin_load(&mut self) {
        self.cursor = None;
        self.load_began = Instant::now();
        self.mode = Mode::Loading(load::start_load(&self.replication, &mut self.mode));
    }

    /// Returns when something has to be reported that the store does not cause.
    fn next_report(&self) -> Instant {
        (Instant::now() + TICK).min(self.reports.next_change(&self.replication))
    }

    fn on_timer(&mut self) {
        self.reports.update(&self.replication);
        self.replication.report_state();
        let is_incomplete = lock(&self.replication.history).is_incomplete;
        if is_incomplete && self.load_began.elapsed() > BETWEEN_INCOMPLETE_LOADS {
            self.replication.requests.reload();
        }
    }
}
