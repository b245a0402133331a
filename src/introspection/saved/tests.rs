use super::*;

/// Rule 323.
#[test]
fn export_is_read_as_a_whole_or_rejected() {
    let key = SavedDigestKey::random().unwrap();
    let digests = vec![key.digest(b"a"), key.digest(b"b")];
    let saved = SavedCredentials::new(&key, digests);
    let bytes = saved.to_bytes();
    assert_eq!(SavedCredentials::from_bytes(&bytes), Ok(saved.clone()));
    for len in 0..bytes.len() {
        let read = SavedCredentials::from_bytes(&bytes[..len]);
        assert_eq!(read, Err(SavedCredentialsError::InvalidLength), "{len}");
    }
    let longer = [&bytes[..], &[0]].concat();
    let error = Err(SavedCredentialsError::InvalidLength);
    assert_eq!(SavedCredentials::from_bytes(&longer), error);
    let mut other = bytes.clone();
    other[0] = 2;
    let error = Err(SavedCredentialsError::UnknownVersion);
    assert_eq!(SavedCredentials::from_bytes(&other), error);
    let with_count = |count: usize| {
        let number = u32::try_from(count).unwrap().to_be_bytes();
        [&bytes[..=KEY_LEN], &number, &vec![0; DIGEST_LEN * count]].concat()
    };
    let most = SavedCredentials::from_bytes(&with_count(MAX_SAVED));
    assert_eq!(most.unwrap().len(), MAX_SAVED);
    let too_many = with_count(MAX_SAVED + 1);
    let error = Err(SavedCredentialsError::TooManyEntries);
    assert_eq!(SavedCredentials::from_bytes(&too_many), error);
    assert_eq!(format!("{saved:?}"), "SavedCredentials { len: 2, .. }");
}

/// Rule 323.
#[test]
fn digest_depends_on_the_exported_key() {
    let (a, b) = (
        SavedDigestKey::random().unwrap(),
        SavedDigestKey::random().unwrap(),
    );
    assert!(a.digest(b"k_live_1") == SavedDigestKey::from_bytes(a.bytes).digest(b"k_live_1"));
    assert!(a.digest(b"k_live_1") != b.digest(b"k_live_1"));
    assert!(a.digest(b"k_live_1") != a.digest(b"k_live_2"));
}
