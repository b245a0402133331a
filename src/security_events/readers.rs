//! The requests whose bodies are read: a bounded number. The oldest one ends for a new one, so slow
//! bodies do not keep other senders out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::error::EventError;
use crate::util::lock;

/// The bodies that are read at a time. Clones share them.
#[derive(Clone)]
pub(super) struct BodyReaders(Arc<Mutex<Readers>>);

struct Readers {
    max: usize,
    next: u64,
    /// The readers from the oldest to the newest. A reader ends if its sender is dropped.
    current: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A body that is being read.
struct BodyReader {
    readers: BodyReaders,
    number: u64,
}

impl BodyReaders {
    pub(super) fn new(max: usize) -> Self {
        Self(Arc::new(Mutex::new(Readers {
            max,
            next: 0,
            current: BTreeMap::new(),
        })))
    }

    /// Reads a body. If there are too many readers, the oldest one ends with
    /// [`EventError::Busy`].
    pub(super) async fn read<T>(
        &self,
        body: impl Future<Output = Result<T, EventError>>,
    ) -> Result<T, EventError> {
        let (sender, ended) = oneshot::channel();
        let reader = self.enter(sender);
        let result = tokio::select! {
            biased;
            result = body => result,
            _ = ended => Err(EventError::Busy),
        };
        drop(reader);
        result
    }

    fn enter(&self, sender: oneshot::Sender<()>) -> BodyReader {
        let mut readers = lock(&self.0);
        let number = readers.next;
        readers.next += 1;
        let oldest = if readers.current.len() >= readers.max {
            readers.current.pop_first()
        } else {
            None
        };
        readers.current.insert(number, sender);
        drop(readers);
        // It wakes the task of the oldest reader, outside the lock.
        drop(oldest);
        BodyReader {
            readers: self.clone(),
            number,
        }
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        lock(&self.readers.0).current.remove(&self.number);
    }
}
