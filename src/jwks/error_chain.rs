//! The errors below an error, as strings of bounded length.

use std::error::Error;
use std::fmt;

/// One error of a chain. It is a string, so that no type of an optional dependency is public.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ErrorMessage {
    message: String,
    source: Option<Box<ErrorMessage>>,
}

impl ErrorMessage {
    /// Returns the first error of a chain with these messages, or `None` if there are none.
    pub(super) fn chain(messages: Vec<String>) -> Option<Box<Self>> {
        messages.into_iter().rev().fold(None, |source, message| {
            Some(Box::new(Self { message, source }))
        })
    }
}

impl fmt::Display for ErrorMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ErrorMessage {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
