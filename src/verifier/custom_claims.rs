//! Claims of the application's own type.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::token::Custom;

/// Decodes the claims into a type of the application.
#[derive(Clone, Copy)]
pub(crate) struct CustomDecoder {
    pub(super) decode: fn(&[u8]) -> Option<Custom>,
    target: TypeId,
}

/// The type into which an issuer's claims are decoded.
#[derive(Clone, Copy, Debug)]
pub(super) enum CustomSetting {
    Unset,
    Set(CustomDecoder),
    /// Two different types are set, and each of them would be a requirement.
    Contradicting,
}

impl CustomSetting {
    pub(super) fn and(self, decoder: CustomDecoder) -> Self {
        match self {
            Self::Unset => Self::Set(decoder),
            Self::Set(first) if first.target == decoder.target => self,
            Self::Set(_) | Self::Contradicting => Self::Contradicting,
        }
    }

    pub(super) fn is_contradicting(self) -> bool {
        matches!(self, Self::Contradicting)
    }

    pub(super) fn decoder(self) -> Option<CustomDecoder> {
        match self {
            Self::Set(decoder) => Some(decoder),
            Self::Unset | Self::Contradicting => None,
        }
    }
}

impl CustomDecoder {
    pub(crate) fn new<T: DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self {
            decode: |payload| {
                let custom: T = serde_json::from_slice(payload).ok()?;
                Some(Arc::new(custom) as Arc<dyn Any + Send + Sync>)
            },
            target: TypeId::of::<T>(),
        }
    }
}

impl fmt::Debug for CustomDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomDecoder")
    }
}
