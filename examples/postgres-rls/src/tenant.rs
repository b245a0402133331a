//! Naming the tenant of a transaction, with a signature.

use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tower_m2m::OrgCode;

/// Names the tenant until the end of the transaction: `set_config(…, true)` is `SET LOCAL`.
pub(crate) const NAME_TENANT: &str = "SELECT set_config('app.issuer', $1, true), \
     set_config('app.org_code', $2, true), set_config('app.signature', $3, true)";

/// Removes what the previous user of a pooled connection could have left on it: cursors `WITH HOLD`
/// (they contain rows), settings, roles, locks, temporary tables. It is the list of `DISCARD ALL`
/// without the prepared statements, which the clients cache.
pub(crate) const CLEAN: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; \
     UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

/// The key that signs the names of tenants. `tenancy.keys` contains the same key.
///
/// PostgreSQL lets every role set `app.org_code`. The policies accept the value only with a
/// signature, so a statement in a handler cannot name another tenant.
#[derive(Clone)]
pub struct TenantKey(Hmac<Sha256>);

/// The key is not written as 64 to 128 hexadecimal digits.
#[derive(Debug)]
pub struct InvalidTenantKey;

impl TenantKey {
    /// Parses a key of 32 to 64 bytes from hexadecimal digits (`openssl rand -hex 32`).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidTenantKey`] if the string is something else.
    pub fn from_hex(digits: &str) -> Result<Self, InvalidTenantKey> {
        let bytes: Option<Vec<u8>> = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(hex_value(*high)? << 4 | hex_value(*low)?),
                _ => None,
            })
            .collect();
        let bytes = bytes
            .filter(|bytes| (32..=64).contains(&bytes.len()))
            .ok_or(InvalidTenantKey)?;
        Hmac::new_from_slice(&bytes)
            .map(Self)
            .map_err(|_| InvalidTenantKey)
    }

    /// Returns the values of `app.issuer`, `app.org_code` and `app.signature`.
    pub(crate) fn name<'o>(&self, org: &'o OrgCode) -> (&'o str, &'o str, String) {
        let (issuer, org_code) = (org.issuer(), org.as_str());
        (issuer, org_code, self.signature(issuer, org_code))
    }

    pub(crate) fn signature(&self, issuer: &str, org_code: &str) -> String {
        let mut mac = self.0.clone();
        // The length makes the two strings unambiguous.
        mac.update(format!("{}:{issuer}{org_code}", issuer.len()).as_bytes());
        let mut signature = String::with_capacity(64);
        for byte in mac.finalize().into_bytes() {
            let _ = write!(signature, "{byte:02x}");
        }
        signature
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

impl fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantKey(…)")
    }
}

impl fmt::Display for InvalidTenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tenant key is invalid: expected 64 to 128 hexadecimal digits")
    }
}

impl std::error::Error for InvalidTenantKey {}
