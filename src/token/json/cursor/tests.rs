use super::*;

/// Each special byte at each position, between bytes that are almost special.
#[test]
fn first_special_byte_is_found_at_every_position() {
    let plain_len = |text: &[u8]| {
        let mut cursor = Cursor::new(std::str::from_utf8(text).unwrap());
        cursor.skip_plain();
        cursor.at()
    };
    for filling in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f] {
        let plain = [filling; 40];
        assert_eq!(plain_len(&plain), 40, "{filling:#x}");
        for at in 0..40 {
            for special in (0..0x20).chain([b'"', b'\\']) {
                let mut bytes = plain;
                bytes[at] = special;
                bytes[at + 1..].fill(b'"');
                assert_eq!(plain_len(&bytes), at, "{special:#x} behind {filling:#x}");
            }
        }
    }
}

/// Bytes of non-ASCII characters are never special.
#[test]
fn non_ascii_bytes_are_not_special() {
    for byte in 0x80..=0xff {
        assert_eq!(special_bytes(u64::from_le_bytes([byte; 8])), 0, "{byte:#x}");
    }
    let mut cursor = Cursor::new("\u{80}\u{a2}\u{dc}ü€😀\u{10ffff}\"");
    cursor.skip_plain();
    assert_eq!(cursor.next(), Some(b'"'));
    assert!(cursor.is_at_end());
}
