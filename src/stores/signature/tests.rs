use super::*;

const JSON: &[u8] = b"{\"v\":1}";

fn signer(namespace: &str, key: u8) -> RecordSigner {
    RecordSigner::new(namespace, Some(&[key; 32]), &[])
}

/// Rule 193.
#[test]
fn only_authentic_records_are_opened() {
    let signer = signer("acme:m2m", 1);
    let stored = signer.sign(JSON);
    assert_eq!(signer.open(&stored).unwrap().json, JSON);
    let mut changed = stored.clone();
    *changed.last_mut().unwrap() = b' ';
    let without = RecordSigner::new("acme:m2m", None, &[]).sign(JSON);
    for other in [&changed[..], &without, &stored[1..], b"", b".", b"AAAA.{}"] {
        assert_eq!(signer.open(other), None);
    }
}

/// Rule 193.
#[test]
fn record_of_another_namespace_or_key_is_not_authentic() {
    let stored = signer("acme:m2m", 1).sign(JSON);
    assert_eq!(signer("acme:test", 1).open(&stored), None);
    assert_eq!(signer("acme:m2", 1).open(&stored), None);
    assert_eq!(signer("acme:m2m", 2).open(&stored), None);
}

/// Rule 193.
#[test]
fn record_of_an_accepted_key_is_opened() {
    let earlier = signer("acme:m2m", 1).sign(JSON);
    let accepted = [vec![7; 32], vec![1; 32]];
    let new = RecordSigner::new("acme:m2m", Some(&[2; 32]), &accepted);
    let opened = new.open(&earlier).unwrap();
    assert_eq!(
        (opened.json, opened.signed_with),
        (JSON, SignedWith::AcceptedKey)
    );
    let own = new.sign(JSON);
    assert_eq!(new.open(&own).unwrap().signed_with, SignedWith::OwnKey);
    assert_eq!(
        signer("acme:m2m", 1).open(&own),
        None,
        "it signs with its own key"
    );
}

/// A replica without a key reads all records.
#[test]
fn records_are_read_without_a_key() {
    let without = RecordSigner::new("acme:m2m", None, &[]);
    for stored in [signer("acme:m2m", 1).sign(JSON), without.sign(JSON)] {
        let opened = without.open(&stored).unwrap();
        assert_eq!(
            (opened.json, opened.signed_with),
            (JSON, SignedWith::Unchecked)
        );
    }
}
