//! Strict base64url without padding (RFC 7515 §2, RFC 8725bis §3.14).

use base64::Engine as _;
use base64::engine::general_purpose::NO_PAD;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod engine {
    use std::sync::LazyLock;

    use base64::engine::Simd;

    /// Decodes many characters at a time, if the processor supports it.
    pub(super) static URL_SAFE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(super::NO_PAD));
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod engine {
    use base64::alphabet;
    use base64::engine::GeneralPurpose;

    pub(super) const URL_SAFE: GeneralPurpose =
        GeneralPurpose::new(&alphabet::URL_SAFE, super::NO_PAD);
}

/// Returns how many bytes a string of this length decodes to.
pub(super) const fn decoded_len(text: &[u8]) -> usize {
    text.len() / 4 * 3 + text.len() % 4 * 3 / 4
}

/// Decodes into `buf` and returns the number of octets. Returns `None` if the string has another
/// alphabet, padding, white space, an impossible length, or unused bits that are not zero, or if
/// the buffer is too short.
pub(super) fn decode(text: &[u8], buf: &mut [u8]) -> Option<usize> {
    engine::URL_SAFE.decode_slice(text, buf).ok()
}

/// Decodes exactly 32 bytes, such as a SHA-256 digest or a thumbprint. Returns `None` for any other
/// length, and as [`decode`] does.
pub(crate) fn decode_32_bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    // A longer string does not fit, and a shorter one leaves a rest.
    (decode(text.as_bytes(), &mut bytes) == Some(bytes.len())).then_some(bytes)
}

#[cfg(test)]
#[cfg(tower_m2m_unit_tests)]
mod tests;
