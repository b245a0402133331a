//! The failure of a request, with the pause that the server requires.

use std::time::Duration;

/// The reason why a request failed, and how long the server wants no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestFailure<E> {
    pub(crate) error: E,
    pub(crate) retry_after: Option<Duration>,
}

impl<E> From<E> for RequestFailure<E> {
    fn from(error: E) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}
