//! The limits of a key set that the application set.

use crate::jwks::KeySetLimits;

/// The limits that the application set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LimitSettings {
    pub(super) bytes: Option<usize>,
    pub(super) usable_keys: Option<usize>,
}

impl LimitSettings {
    pub(super) fn or(self, defaults: KeySetLimits) -> KeySetLimits {
        KeySetLimits {
            bytes: self.bytes.unwrap_or(defaults.bytes),
            usable_keys: self.usable_keys.unwrap_or(defaults.usable_keys),
        }
    }
}
