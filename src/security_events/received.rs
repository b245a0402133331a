//! A verified event of any source.

use super::event::{EventKind, SecurityEvent};
use super::kinde::{Webhook, WebhookKind};

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
    Webhook(WebhookKind),
    Set {
        kind: EventKind,
        /// When it happened, in seconds.
        time: i64,
    },
}

impl From<Webhook> for Received {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.id,
            issued_at: webhook.sent_at,
            time: webhook.time,
            code: webhook.code,
            event: ReceivedEvent::Webhook(webhook.kind),
        }
    }
}

impl From<SecurityEvent> for Received {
    fn from(event: SecurityEvent) -> Self {
        Self {
            id: event.id,
            issued_at: event.issued_at,
            time: Some(event.time.saturating_mul(1000)),
            code: event.kind.code(),
            event: ReceivedEvent::Set {
                kind: event.kind,
                time: event.time,
            },
        }
    }
}
