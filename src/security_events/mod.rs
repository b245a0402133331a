//! Events of an issuer that take effect: Kinde's webhooks, and Security Event Tokens (RFC 8417).
//!
//! `receiver` is the service and `processor` the path of an event. `set` and `kinde` are pure
//! parsers, and `effects` is the table of effects.

mod apply;
mod body;
mod critical;
mod effects;
mod error;
mod event;
mod kinde;
mod order;
mod poll;
mod poll_error;
mod processor;
mod readers;
mod received;
mod receiver;
mod response;
mod secret;
mod seen;
mod set;
mod settings;
mod states;
mod status;
mod subject;
mod timestamp;

pub use error::EventError;
pub use poll::{EventPoller, Polled};
pub use poll_error::PollError;
pub use receiver::EventReceiver;
pub use settings::{NeedsEventAudience, SecurityEventSettings};
pub use status::{EventReceiverStatus, StreamStatus};
