use super::*;

const ISSUER: &str = "https://issuer.example";

fn record(expiry: EntryExpiry) -> DenylistRecord {
    DenylistRecord::new(&DenylistEntry::client(ISSUER, "c1"), expiry).unwrap()
}

/// Rule 191.
#[test]
fn record_keeps_unknown_members() {
    let json = r#"{"v":7,"kind":"client","issuer":"https://issuer.example","name":"c1","expires_at":9,"reason":{"ticket":[1]}}"#;
    let newer = DenylistRecord::from_json(json.as_bytes()).unwrap();
    assert!(newer.entry().is_some());
    assert_eq!(newer.key(), record(EntryExpiry::Never).key());
    let merged = record(EntryExpiry::UnixSeconds(10)).merged_with(&newer);
    let written: Value = serde_json::from_slice(&merged.to_json()).unwrap();
    assert_eq!(written["reason"]["ticket"][0], 1);
    assert_eq!(written["v"], 7);
    assert_eq!(written["expires_at"], 10);
}

/// Rule 191.
#[test]
fn record_of_an_unknown_kind_has_no_entry() {
    for json in [
        r#"{"v":2,"kind":"network","issuer":"i","name":"n"}"#,
        r#"{"v":1,"kind":"client","origin":"gateway","issuer":"i","name":"n"}"#,
    ] {
        let unknown = DenylistRecord::from_json(json.as_bytes()).unwrap();
        assert!(unknown.entry().is_none(), "{json}");
        assert!(unknown.key().entry().is_none(), "{json}");
    }
}

/// Rule 191.
#[test]
fn malformed_record_is_an_error() {
    for json in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"v":0,"kind":"client","issuer":"i","name":"n"}"#,
        r#"{"v":1,"kind":"client","issuer":"i","name":""}"#,
        r#"{"v":1,"kind":"client","issuer":"i","name":"n","name":"m"}"#,
        r#"{"v":1,"kind":"client","issuer":"i","name":"n","expires_at":"soon"}"#,
        r#"{"v":1,"kind":"client","issuer":"i","name":"n","expires_at":1.5}"#,
        r#"{"v":1,"kind":"client","issuer":"i","name":"n"} x"#,
    ] {
        let error = DenylistRecord::from_json(json.as_bytes());
        assert_eq!(error.unwrap_err(), RecordError::Malformed, "{json}");
    }
    let long = format!(
        r#"{{"v":1,"kind":"client","issuer":"i","name":"n","x":"{}"}}"#,
        "x".repeat(MAX_BYTES)
    );
    let error = DenylistRecord::from_json(long.as_bytes()).unwrap_err();
    assert_eq!(error, RecordError::TooLong);
    let entry = DenylistEntry::client("i".repeat(600), "c".repeat(500));
    let error = DenylistRecord::new(&entry, EntryExpiry::Never).unwrap_err();
    assert_eq!(error, RecordError::TooLong);
}

/// Rule 196.
#[test]
fn later_expiry_wins() {
    let (early, late) = (
        record(EntryExpiry::UnixSeconds(10)),
        record(EntryExpiry::UnixSeconds(20)),
    );
    let never = record(EntryExpiry::Never);
    let merged = |one: &DenylistRecord, stored| one.clone().merged_with(stored);
    assert_eq!(merged(&early, &late), late, "it changes nothing");
    assert_eq!(merged(&late, &early).expires_at(), Some(20));
    assert_eq!(merged(&late, &never), never);
    assert_eq!(merged(&never, &late).expires_at(), None);
    assert!(merged(&never, &late).stamp() > late.stamp());
}

/// Rules 189, 197.
///
/// The order of the writes of one entry does not depend on the clocks of the replicas.
#[test]
fn later_one_of_a_removal_and_a_denial_stays() {
    let at = |stamp: i64, record: DenylistRecord| DenylistRecord {
        stamp: Some(stamp),
        ..record
    };
    let denied = at(1_000, record(EntryExpiry::Never));
    let removal = DenylistRecord::removal(&denied.key());
    for clock in [10, 100_000] {
        let removed = at(clock, removal.clone()).merged_with(&denied);
        assert!(removed.is_removal() && removed.stamp() > denied.stamp());
        assert_eq!(removal.clone().merged_with(&removed), removed);
        // The removed write, after the store lost it.
        assert_eq!(denied.clone().again().merged_with(&removed), removed);
        for later in [5, 200_000] {
            let again = at(later, record(EntryExpiry::UnixSeconds(9))).merged_with(&removed);
            assert!(!again.is_removal() && again.stamp() > removed.stamp());
            assert_eq!(again.expires_at(), Some(9));
            // It is newer than the removal, also if the store loses it.
            let lost = again.clone().again().merged_with(&removed);
            assert!(!lost.is_removal());
        }
    }
}

/// The removal of the longest record fits.
#[test]
fn removal_of_a_long_record_can_be_read() {
    for length in (1..MAX_BYTES).rev() {
        let entry = DenylistEntry::client(ISSUER, "c".repeat(length)).issued_before(7);
        if let Ok(record) = DenylistRecord::new(&entry, EntryExpiry::Never) {
            let removal = DenylistRecord::removal(&record.key()).to_json();
            let removal = DenylistRecord::from_json(&removal).unwrap();
            assert_eq!(removal.key(), record.key());
            return;
        }
    }
    panic!("no record fits");
}

#[test]
fn key_is_parsed_only_in_its_own_form() {
    let entry = DenylistEntry::organization(ISSUER, "org_a").issued_before(7);
    let record = DenylistRecord::new(&entry, EntryExpiry::Never).unwrap();
    let key = record.key();
    assert_eq!(RecordKey::parse(key.as_str()), Ok(key.clone()));
    let (found, slot) = key.entry().unwrap();
    assert_eq!(RecordKey::from_entry(&found, slot), key);
    assert_ne!(
        DenylistRecord::new(
            &DenylistEntry::organization(ISSUER, "org_a"),
            EntryExpiry::Never
        )
        .unwrap()
        .key(),
        key
    );
    for other in ["", "[]", r#"["client"]"#, "x"] {
        assert!(RecordKey::parse(other).is_err(), "{other}");
    }
    let spaced = key.as_str().replacen(',', ", ", 1);
    assert_eq!(RecordKey::parse(&spaced), Err(RecordError::Malformed));
}

/// Rule 197.
///
/// Boundary pair.
#[test]
fn obsolete_record_applies_on_no_replica() {
    let record = record(EntryExpiry::UnixSeconds(1_000));
    assert_eq!(record.applies_until(), 1_600);
    assert!(!record.is_obsolete(1_600 + 3_600));
    assert!(record.is_obsolete(1_601 + 3_600));
}
