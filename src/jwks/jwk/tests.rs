use super::*;

/// Both alphabets and padding are encodings of the same bytes. Everything else is malformed.
#[test]
fn member_encodings_are_equivalent_or_malformed() {
    for text in ["-_8", "-_8=", "+/8", "+/8="] {
        assert_eq!(octets(Some(text)), Ok(vec![0xfb, 0xff]), "{text}");
    }
    for text in [
        "",
        "=",
        "A",
        "AB==C",
        "-_8==",
        "-/8",
        "+_8",
        "-_9",
        " -_8",
        "-_8\n",
        "-_\u{a0}8",
        "-_8\0",
        "-._8",
        "A===",
        "AQAB=",
        "AQAB====",
    ] {
        assert_eq!(octets(Some(text)), Err(KeyError::Malformed), "{text:?}");
    }
    assert_eq!(octets(None), Err(KeyError::Malformed));
}

#[test]
fn coordinate_length_is_restored() {
    for (text, bytes) in [
        ("AAECAw", Ok(vec![0, 1, 2, 3])),
        ("AQID", Ok(vec![0, 1, 2, 3])),
        ("AAABAgM", Ok(vec![0, 1, 2, 3])),
        ("AA", Ok(vec![0, 0, 0, 0])),
        ("AQIDBAU", Err(KeyError::Malformed)),
        ("", Err(KeyError::Malformed)),
    ] {
        assert_eq!(coordinate(Some(text), 4), bytes, "{text}");
    }
    assert_eq!(exact_octets(Some("AQID"), 4), Err(KeyError::Malformed));
    assert_eq!(exact_octets(Some("AQIDBA"), 4), Ok(vec![1, 2, 3, 4]));
}
