//! A signal that something changed, for many waiting tasks.

use tokio::sync::watch;

/// A signal that something changed which can end open streams. Clones share it.
///
/// Changes are coalesced: a task that waits is woken once, however many changes there were.
#[derive(Clone, Debug)]
pub(crate) struct Changes(watch::Sender<()>);

/// Sees the changes since it was created or last marked as seen.
#[derive(Clone, Debug)]
pub(crate) struct ChangeWatch(watch::Receiver<()>);

impl Changes {
    /// Wakes all tasks that wait. It never waits itself.
    pub(crate) fn notify(&self) {
        self.0.send_replace(());
    }

    pub(crate) fn watch(&self) -> ChangeWatch {
        ChangeWatch(self.0.subscribe())
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl ChangeWatch {
    /// Returns `true` if there was a change since the last call.
    pub(crate) fn take_change(&mut self) -> bool {
        let has_changed = self.0.has_changed().unwrap_or(false);
        if has_changed {
            self.0.mark_unchanged();
        }
        has_changed
    }

    /// Waits for the next change. It never returns if no more changes can come.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
