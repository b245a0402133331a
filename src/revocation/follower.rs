//! The task that follows the store: it loads all entries, then applies every change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::denylist_error::DenylistError;
use super::load::{self, Authenticity, Mode};
use super::record::{DenylistRecord, RecordKey};
use super::replication::{FIRST_PAUSE, LONGEST_PAUSE, Replication, Requested, TICK};
use super::reports::{self, Reports};
use super::store::{self, DenylistChanges, StoreChange, StoreCursor};
use crate::telemetry::{events, metrics};
use crate::util::{backoff, catch_panic, lock};

/// A store that sends nothing for this long has stopped, so the connection begins again.
const SILENCE: Duration = Duration::from_secs(30);

/// The shortest time between two loads that the store did not require.
const BETWEEN_RELOADS: Duration = Duration::from_secs(1);

/// The pause before a list that was full is loaded again.
const BETWEEN_INCOMPLETE_LOADS: Duration = Duration::from_secs(60);

/// The message if the store ended its connection without an error.
const CONNECTION_ENDED: &str = "the store ended the connection";

struct Follower {
    replication: Arc<Replication>,
    cursor: Option<StoreCursor>,
    mode: Mode,
    /// Whether the store sent data since the last failure.
    has_data: bool,
    reports: Reports,
    load_began: Instant,
    /// When the connection began, until the store has confirmed that all changes were sent.
    unconfirmed_since: Option<Instant>,
    /// The writes of this replica that were received after the cursor.
    received: Vec<RecordKey>,
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
                reports::store_failed(&follower.replication, message, failures, pause);
                pause
            }
        };
        follower.pause(pause).await;
    }
}

impl Follower {
    /// Runs one connection to the store.
    async fn follow(&mut self) -> End {
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
            let wake = self.next_timer().min(last_message + SILENCE);
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
                () = sleep_until(end.min(self.next_timer())) => self.on_timer(),
            }
        }
    }

    /// Does what was requested. The next connection loads all entries if that was requested.
    fn handle(&mut self, requested: Requested) {
        if requested.confirm_empty {
            load::confirm_empty(&self.replication, &mut self.mode);
        }
        if requested.reload {
            self.cursor = None;
        }
    }

    fn begin_load(&mut self) {
        self.cursor = None;
        self.load_began = Instant::now();
        self.mode = Mode::Loading(load::start_load(&self.replication, &mut self.mode));
    }

    fn apply(&mut self, change: StoreChange) {
        self.has_data = true;
        match change {
            StoreChange::Added(record) => {
                self.mode.count(Authenticity::Authentic);
                self.added(record);
            }
            StoreChange::Removed(key) => self.removed(&key),
            StoreChange::CaughtUp(cursor) => {
                self.cursor = Some(cursor);
                self.received.clear();
                if let Mode::Loading(candidate) = &mut self.mode {
                    let candidate = std::mem::take(candidate);
                    self.mode = load::complete(&self.replication, candidate, self.load_began);
                }
                self.confirm();
                self.find_lost_writes();
                load::report(&self.replication, &self.mode);
            }
            StoreChange::Heartbeat => {
                self.confirm();
                self.find_lost_writes();
            }
            StoreChange::Gap => {
                lock(&self.replication.history).gaps += 1;
                events::denylist_gap();
                metrics::denylist_change("gap");
                self.begin_load();
            }
            StoreChange::Malformed => {
                lock(&self.replication.history).malformed += 1;
                metrics::denylist_record_ignored("malformed");
            }
            StoreChange::Unauthenticated => {
                self.mode.count(Authenticity::Unauthenticated);
                lock(&self.replication.history).unauthenticated += 1;
                metrics::denylist_record_ignored("unauthenticated");
            }
        }
    }

    fn find_lost_writes(&mut self) {
        if matches!(self.mode, Mode::Following(_))
            && let Some(connected_at) = self.unconfirmed_since.take()
        {
            self.replication.writes.write_unreceived_again(connected_at);
        }
    }

    /// An entry denies at once, also while all entries are loaded.
    fn added(&mut self, record: DenylistRecord) {
        let (replication, now) = (&self.replication, self.replication.list.unix_seconds());
        let key = record.key();
        let Some((entry, slot)) = record.entry() else {
            lock(&replication.history).unknown += 1;
            metrics::denylist_record_ignored("unknown_kind");
            return;
        };
        if replication.writes.received(&key, &record) {
            self.received.push(key.clone());
        }
        metrics::denylist_change("added");
        if record.applies_until() > now {
            let added = replication.list.add(slot, entry, record.applies_until());
            match added {
                Ok(()) => {}
                // Another verifier of the namespace trusts this issuer.
                Err(DenylistError::UnknownIssuer) => return,
                Err(DenylistError::InvalidName) => {
                    lock(&replication.history).malformed += 1;
                    metrics::denylist_record_ignored("malformed");
                    return;
                }
                Err(DenylistError::Full) => self.replication.report_full(),
            }
            if let Some(candidate) = self.mode.candidate() {
                candidate.insert(key, record, self.replication.list.limits.entries);
            }
        }
    }

    fn removed(&mut self, key: &RecordKey) {
        metrics::denylist_change("removed");
        if let Some(candidate) = self.mode.candidate() {
            candidate.remove(key);
        }
        if !self.replication.writes.is_removal_newer(key) {
            // This replica wrote the same entry, and it is not known which came first.
            self.replication.requests.reload();
        } else if matches!(self.mode, Mode::Following(_)) {
            self.remove_here(key);
        }
    }

    fn remove_here(&self, key: &RecordKey) {
        let Some((entry, removed)) = key.entry() else {
            lock(&self.replication.history).unknown += 1;
            metrics::denylist_record_ignored("unknown_kind");
            return;
        };
        self.replication.list.remove(&entry, |slot| slot == removed);
    }

    /// Records that the list is up to date, unless it is being loaded.
    fn confirm(&mut self) {
        if matches!(self.mode, Mode::Loading(_)) {
            return;
        }
        self.replication.last_data.confirm();
        lock(&self.replication.history).last_error = None;
        self.reports.confirmed(&self.replication);
    }

    /// Returns when something is due that the store does not cause.
    fn next_timer(&self) -> Instant {
        let next = (Instant::now() + TICK).min(self.reports.next_change(&self.replication));
        let empty_until = self.mode.empty_until();
        empty_until.map_or(next, |until| next.min(until))
    }

    fn on_timer(&mut self) {
        self.reports.update(&self.replication);
        load::finish_emptying(&self.replication, &mut self.mode);
        self.replication.report_state();
        let is_incomplete = lock(&self.replication.history).is_incomplete;
        if is_incomplete && self.load_began.elapsed() > BETWEEN_INCOMPLETE_LOADS {
            self.replication.requests.reload();
        }
    }
}
