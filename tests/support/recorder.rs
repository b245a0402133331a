//! Records the events of this crate, so that a test can compare them.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Records what a function reads of each event of this crate, up to a level.
#[derive(Clone)]
pub(crate) struct Recorder<T> {
    level: Level,
    read: fn(&Event<'_>) -> Option<T>,
    events: Arc<Mutex<Vec<T>>>,
}

impl<T> Recorder<T> {
    pub(crate) fn new(level: Level, read: fn(&Event<'_>) -> Option<T>) -> Self {
        Self {
            level,
            read,
            events: Arc::default(),
        }
    }

    /// Returns what was recorded since the last call.
    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.events.lock().unwrap())
    }
}

impl Recorder<String> {
    /// Records each event as one line: the level, the message, and the fields.
    pub(crate) fn lines(level: Level) -> Self {
        Self::new(level, |event| {
            let level = event.metadata().level();
            Some(format!("{level}{}", fields(event)))
        })
    }
}

impl<T: Send + 'static> Subscriber for Recorder<T> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_m2m") && *metadata.level() <= self.level
    }

    fn event(&self, event: &Event<'_>) {
        self.events.lock().unwrap().extend((self.read)(event));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Returns the message and the fields, with a space before each.
pub(crate) fn fields(event: &Event<'_>) -> String {
    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            if field.name() == "message" {
                write!(self.0, " {value:?}").unwrap();
            } else {
                write!(self.0, " {field}={value:?}").unwrap();
            }
        }
    }

    let mut line = Line(String::new());
    event.record(&mut line);
    line.0
}
