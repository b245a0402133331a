use super::*;

#[test]
fn gzip_checksum_is_crc32() {
    let mut checksum = Checksum::new();
    for &byte in b"123456789" {
        checksum.update(byte);
    }
    assert_eq!(checksum.value(), 0xcbf4_3926);
}

#[test]
fn gzip_output_is_small() {
    assert!(bomb(b"{\"keys\":[]}", 1_000_000).len() < 7_000);
}
