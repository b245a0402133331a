use super::*;

/// Rule 193.
#[test]
fn value_without_a_valid_hmac_is_not_authentic() {
    let signer = RecordSigner::new(Some(&[7; 32]));
    let stored = signer.sign(Meaning::Record, b"{}");
    assert_eq!(signer.open(Meaning::Record, &stored), Some(&b"{}"[..]));
    assert_eq!(signer.open(Meaning::Removal, &stored), None);
    assert_eq!(signer.open(Meaning::Record, b"{}"), None);
    assert_eq!(signer.open(Meaning::Record, b".{}"), None);
    assert_eq!(signer.open(Meaning::Record, b""), None);
    let other = RecordSigner::new(Some(&[8; 32]));
    assert_eq!(other.open(Meaning::Record, &stored), None);
    for at in 0..stored.len() {
        let mut changed = stored.clone();
        changed[at] ^= 1;
        assert_eq!(signer.open(Meaning::Record, &changed), None, "{at}");
    }
}

#[test]
fn replica_without_a_key_reads_both_forms() {
    let (with, without) = (RecordSigner::new(Some(&[7; 32])), RecordSigner::new(None));
    let stored = with.sign(Meaning::Removal, br#"["a.b"]"#);
    let expected = Some(&br#"["a.b"]"#[..]);
    assert_eq!(without.open(Meaning::Removal, &stored), expected);
    assert_eq!(without.open(Meaning::Removal, br#"["a.b"]"#), expected);
}
