//! The secret that a transmitter sends in `Authorization`.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The digest of the configured value. Digests have one length, so a comparison says nothing about
/// the length of the secret.
#[derive(Clone)]
pub(super) struct AuthorizationSecret(Vec<u8>);

/// The shortest secret, in bytes.
const MIN_BYTES: usize = 16;

impl AuthorizationSecret {
    /// Returns the problem if the value cannot be used.
    pub(super) fn new(value: &str) -> Result<Self, &'static str> {
        if value.len() < MIN_BYTES {
            return Err("must have at least 16 characters");
        }
        if value.trim() != value || !value.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            return Err(
                "must be printable ASCII without spaces at its ends, because it is the value of a header",
            );
        }
        Ok(Self(digest(&SHA256, value.as_bytes()).as_ref().to_vec()))
    }

    /// Returns `true` if the request has the header once, with this value.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let sent = digest(&SHA256, value.as_bytes());
        verify_slices_are_equal(&self.0, sent.as_ref()).is_ok()
    }
}

impl fmt::Debug for AuthorizationSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationSecret")
            .finish_non_exhaustive()
    }
}
