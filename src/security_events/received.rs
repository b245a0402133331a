//! A verified event of any source.

use super::event::SecurityEvent;
use super::kinde::Webhook;

/// A verified event.
pub(super) struct Received {
    pub(super) id: Box<str>,
    pub(super) issued_at: i64,
    /// When it happened, in milliseconds.
    pub(super) time: Option<i64>,
    pub(super) code: &'static str,
    pub(super) event: ReceivedEvent,
}

pub(super) enum ReceivedEvent {
    Webhook(Webhook),
    Set(SecurityEvent),
}

impl From<Webhook> for Received {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.id.clone(),
            issued_at: webhook.sent_at,
            time: webhook.time,
            code: webhook.code,
            event: ReceivedEvent::Webhook(webhook),
        }
    }
}

impl From<SecurityEvent> for Received {
    fn from(event: SecurityEvent) -> Self {
        Self {
            id: event.id.clone(),
            issued_at: event.issued_at,
            time: Some(event.time.saturating_mul(1000)),
            code: event.kind.code(),
            event: ReceivedEvent::Set(event),
        }
    }
}
