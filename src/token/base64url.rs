//! Strict base64url without padding (RFC 7515 §2, RFC 8725bis §3.14).

use base64::Engine as _;
use base64::engine::general_purpose::NO_PAD;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod engine {
    use std::sync::LazyLock;

    use base64::engine::Simd;

    /// Many characters at a time, where the processor can.
    pub(super) static URL_SAFE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(super::NO_PAD));
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod engine {
    use base64::alphabet;
    use base64::engine::GeneralPurpose;

    pub(super) const URL_SAFE: GeneralPurpose =
        GeneralPurpose::new(&alphabet::URL_SAFE, super::NO_PAD);
}

/// How many bytes a text decodes to, if it is one that decodes.
pub(super) const fn decoded_len(text: &[u8]) -> usize {
    text.len() / 4 * 3 + text.len() % 4 * 3 / 4
}

/// Writes the octets that a text stands for into `buf`, and says how many they are. Nothing for another alphabet, padding,
/// white space, a length that no text has, bits that are left over and not zero, and a buffer that is too short.
pub(super) fn decode(text: &[u8], buf: &mut [u8]) -> Option<usize> {
    engine::URL_SAFE.decode_slice(text, buf).ok()
}
