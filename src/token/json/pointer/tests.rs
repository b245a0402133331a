use super::*;

/// The example of RFC 6901 §5, but for the whole document and the member with an empty name in its
/// own row.
#[test]
fn rfc6901_5_pointers() {
    let json = JsonObject::parse(
        br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"~1":9,"o":{"":10}}"#,
    )
    .unwrap();
    for (pointer, expected) in [
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ("/k\"l", 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/~01", 9),
        ("/o/", 10),
    ] {
        assert_eq!(
            json.pointer(pointer),
            Some(JsonValue::Integer(expected)),
            "{pointer}"
        );
    }
    assert_eq!(json.pointer("/foo/0"), Some(JsonValue::String("bar")));
    assert!(matches!(json.pointer("/foo"), Some(JsonValue::Array(_))));
    for pointer in [
        "", "foo", "/a/b", "/~1", "/m~n", "/m~", "/~2", "/foo/bar", "/o/x", "/a~1b/0",
    ] {
        assert_eq!(json.pointer(pointer), None, "{pointer}");
    }
}

#[test]
fn array_index_has_one_form() {
    let json = JsonObject::parse(br#"{"a":[[10,11],{"0":12,"-":13}],"0":14}"#).unwrap();
    for (pointer, expected) in [("/a/0/1", 11), ("/a/1/0", 12), ("/a/1/-", 13), ("/0", 14)] {
        assert_eq!(
            json.pointer(pointer),
            Some(JsonValue::Integer(expected)),
            "{pointer}"
        );
    }
    for step in [
        "-",
        "-0",
        "-1",
        "+0",
        "00",
        "01",
        "0x0",
        " 0",
        "0 ",
        "",
        "2",
        "4294967296",
        "18446744073709551616",
        "99999999999999999999999999",
        "1e0",
        "0.0",
        "\u{0660}",
        "~0",
        "~1",
    ] {
        assert_eq!(json.pointer(&format!("/a/{step}")), None, "{step:?}");
        assert_eq!(json.pointer(&format!("/a/0/{step}")), None, "{step:?}");
    }
}
