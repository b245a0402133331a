//! A subscriber, a metrics recorder and a panic hook during which another thread uses the verifier.
//! None of them may run while this crate holds a lock that the other thread needs.
#![allow(dead_code, reason = "not every program uses all of it")]

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::recorder::fields;

const BLOCKED: &str = "the other thread waited during";

/// What another thread does during each event, span, metric and panic of this thread.
#[derive(Clone, Default)]
pub(crate) struct OtherThread {
    call: Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl OtherThread {
    /// Sets what the other thread does. Until then, it does not run.
    pub(crate) fn calls(&self, call: impl Fn() + Send + Sync + 'static) {
        assert!(self.call.set(Box::new(call)).is_ok());
    }

    /// Returns `true` if it ran during an event or metric with this text. Fails if it ever waited
    /// for this thread.
    pub(crate) fn has_seen(&self, text: &str) -> bool {
        let seen = self.seen.lock().unwrap();
        let blocked = seen.iter().find(|line| line.starts_with(BLOCKED));
        assert_eq!(blocked, None);
        seen.iter().any(|line| line.contains(text))
    }

    fn run(&self, what: String) {
        if self.call.get().is_none() {
            return;
        }
        let (other, (sender, done)) = (self.clone(), channel());
        // It has no runtime, subscriber or recorder.
        std::thread::spawn(move || {
            other.call.get().unwrap()();
            sender.send(()).is_ok()
        });
        // Without an end of this wait, a lock that both need would hang the test.
        let line = match done.recv_timeout(Duration::from_secs(10)) {
            Ok(()) => what,
            Err(_) => format!("{BLOCKED} {what}"),
        };
        self.seen.lock().unwrap().push(line);
    }

    /// Runs `work` while panics of this thread make the other thread run, also panics that are
    /// caught.
    pub(crate) fn during_panics<T>(&self, work: impl FnOnce() -> T) -> T {
        let (other, thread) = (self.clone(), std::thread::current().id());
        let previous = Arc::new(std::panic::take_hook());
        let inner = Arc::clone(&previous);
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == thread {
                other.run("panic".to_owned());
            } else {
                inner(panic);
            }
        }));
        let result = work();
        std::panic::set_hook(Box::new(move |panic| previous(panic)));
        result
    }
}

impl Subscriber for OtherThread {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_m2m")
    }

    fn event(&self, event: &Event<'_>) {
        self.run(fields(event));
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.run(span.metadata().name().to_owned());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[cfg(feature = "metrics")]
impl metrics::Recorder for OtherThread {
    fn describe_counter(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }

    fn describe_gauge(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }

    fn describe_histogram(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        self.run(key.name().to_owned());
        metrics::Counter::noop()
    }

    fn register_gauge(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        self.run(key.name().to_owned());
        metrics::Gauge::noop()
    }

    fn register_histogram(
        &self,
        key: &metrics::Key,
        _: &metrics::Metadata<'_>,
    ) -> metrics::Histogram {
        self.run(key.name().to_owned());
        metrics::Histogram::noop()
    }
}

/// Runs `work` in a thread of its own. A thread that blocks fails the test, which would hang
/// otherwise.
pub(crate) fn without_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, result) = channel();
    let worker = std::thread::spawn(move || sender.send(work()).is_ok());
    let result = result.recv_timeout(Duration::from_secs(60));
    let is_blocked = matches!(result, Err(RecvTimeoutError::Timeout));
    assert!(!is_blocked, "the thread blocks: it waits for a lock");
    result.unwrap_or_else(|_| resume_unwind(worker.join().unwrap_err()))
}
