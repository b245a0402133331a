//! Claims of the application's own type.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::token::Custom;

/// Decodes the claims into a type of the application's.
#[derive(Clone, Copy)]
pub(crate) struct CustomDecoder(pub(super) fn(&[u8]) -> Option<Custom>);

impl CustomDecoder {
    pub(crate) fn new<T: DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self(|payload| {
            let custom: T = serde_json::from_slice(payload).ok()?;
            Some(Arc::new(custom) as Arc<dyn Any + Send + Sync>)
        })
    }
}

impl fmt::Debug for CustomDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomDecoder")
    }
}
