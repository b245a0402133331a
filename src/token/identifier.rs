//! The form of a client ID, a subject or a `jti`.

/// Not empty, bounded, and without control characters, since it is written to logs.
pub(crate) fn is_identifier(text: &str) -> bool {
    // Nearly every one is printable ASCII, which is seen at once.
    let is_plain = || {
        text.bytes()
            .fold(true, |plain, byte| plain & matches!(byte, 0x20..=0x7e))
    };
    !text.is_empty() && text.len() <= 512 && (is_plain() || !text.chars().any(char::is_control))
}
