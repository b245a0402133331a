use super::*;

#[test]
fn uuids_are_version_4_and_unique() {
    let id = uuid();
    assert_eq!(id.len(), 36);
    assert_eq!(id.as_bytes()[14], b'4');
    assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    assert_ne!(id, uuid());
}

#[test]
fn public_key_components_are_parsed() {
    // SEQUENCE { INTEGER 0x00ff01, INTEGER 65537 }
    let der = [
        0x30, 0x0a, 0x02, 0x03, 0x00, 0xff, 0x01, 0x02, 0x03, 0x01, 0x00, 0x01,
    ];
    assert_eq!(
        rsa_components(&der),
        Some((&[0xff, 0x01][..], &[1, 0, 1][..]))
    );
    assert_eq!(rsa_components(&der[..8]), None);
}

#[test]
fn pem_lines_have_64_characters() {
    let pem = pem("PUBLIC KEY", &[7; 60]);
    assert!(pem.lines().all(|line| line.len() <= 64));
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    assert!(pem.ends_with("-----END PUBLIC KEY-----\n"));
}
