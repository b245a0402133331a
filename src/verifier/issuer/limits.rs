//! The limits of an issuer's key set.

use super::Issuer;
use super::validate::ensure;
use crate::verifier::config_error::ConfigError;

impl Issuer {
    /// Sets the largest key set that is fetched, in bytes. Default: 1 MiB; 256 KiB for an issuer
    /// that [`resolve_issuers_with`](crate::VerifierBuilder::resolve_issuers_with) returned. From 1
    /// KiB to 16 MiB.
    ///
    /// A larger response counts as a failed fetch (`too_large`), and the previous key set stays in
    /// use.
    pub fn max_key_set_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = Some(bytes);
        self
    }

    /// Sets the largest number of usable keys in a key set. Default: 1,000; 100 for an issuer that
    /// [`resolve_issuers_with`](crate::VerifierBuilder::resolve_issuers_with) returned. From 1 to
    /// 10,000.
    ///
    /// Keys that cannot be used do not count. Further usable keys are not used
    /// ([`TooManyKeys`](crate::jwks::KeyError::TooManyKeys)).
    pub fn max_usable_keys(mut self, keys: usize) -> Self {
        self.limits.usable_keys = Some(keys);
        self
    }

    pub(super) fn check_limits(&self) -> Result<(), ConfigError> {
        ensure(
            self.limits
                .bytes
                .is_none_or(|bytes| (1024..=16 * 1024 * 1024).contains(&bytes)),
            "max_key_set_bytes",
            "must be from 1 KiB to 16 MiB",
        )?;
        ensure(
            self.limits
                .usable_keys
                .is_none_or(|keys| (1..=10_000).contains(&keys)),
            "max_usable_keys",
            "must be from 1 to 10,000",
        )
    }
}
