use super::duplicates::LINEAR_SCAN_MAX;
use super::*;

fn error(text: &[u8]) -> JsonError {
    JsonObject::parse(text).unwrap_err()
}

/// Rules 29, 30, 41, 59.
///
/// UTF-8, one object, no duplicate member at any depth, limited.
#[test]
fn json_is_one_bounded_object_without_duplicates() {
    for text in [
        &b""[..],
        b"{",
        b"{}x",
        b"{} {}",
        b"{'a':1}",
        b"{\"a\":01}",
        b"{\"a\":1e999}",
        b"\xef\xbb\xbf{}",
        b"{\"a\":\"\\ud800\"}",
    ] {
        assert_eq!(
            error(text),
            JsonError::Syntax,
            "{}",
            String::from_utf8_lossy(text)
        );
    }
    for text in [&b"[]"[..], b"1", b"\"a\"", b"null"] {
        assert_eq!(
            error(text),
            JsonError::NotAnObject,
            "{}",
            String::from_utf8_lossy(text)
        );
    }
    assert_eq!(error(b"{\"a\":\"\xff\"}"), JsonError::NotUtf8);
    assert_eq!(error(br#"{"a":1,"b":2,"a":1}"#), JsonError::DuplicateMember);
    assert_eq!(error(br#"{"a":1,"\u0061":1}"#), JsonError::DuplicateMember);
    assert_eq!(
        error(br#"{"o":{"a":[{"x":1,"x":2}]}}"#),
        JsonError::DuplicateMember
    );
    let names: Vec<String> = (0..100).map(|number| format!("\"m{number}\":0")).collect();
    let many = |last: usize| format!("{{{},\"m{last}\":0}}", names.join(","));
    assert!(JsonObject::parse(many(100).as_bytes()).is_ok());
    assert_eq!(error(many(99).as_bytes()), JsonError::DuplicateMember);
    assert_eq!(error(many(3).as_bytes()), JsonError::DuplicateMember);
    assert!(JsonObject::parse(br#"{"a":{"x":1},"b":{"x":1},"x":[{"x":1},{"x":1}]}"#).is_ok());
    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(JsonObject::parse(nested(8).as_bytes()).is_ok());
    assert_eq!(error(nested(9).as_bytes()), JsonError::TooDeep);
    assert_eq!(error(nested(5000).as_bytes()), JsonError::TooDeep);
    let lists = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(JsonObject::parse(lists(7).as_bytes()).is_ok());
    assert_eq!(
        error(lists(8).as_bytes()),
        JsonError::TooDeep,
        "arrays are levels too"
    );
    let wide = |items: usize| format!("{{\"a\":[{}1]}}", "1,".repeat(items - 1));
    assert!(JsonObject::parse(wide(1022).as_bytes()).is_ok());
    assert_eq!(error(wide(1023).as_bytes()), JsonError::TooLarge);
}

/// Rules 30, 41.
///
/// Sizes below and above the limit at which names are compared in another way.
#[test]
fn duplicate_members_are_found_in_any_object_size() {
    for count in 1..=LINEAR_SCAN_MAX + 2 {
        let names: Vec<String> = (0..count)
            .map(|number| format!("\"m{number}\":0"))
            .collect();
        for again in [0, count - 1] {
            let text = format!("{{{},\"m{again}\":0}}", names.join(","));
            assert_eq!(error(text.as_bytes()), JsonError::DuplicateMember, "{text}");
        }
        // The name of the outer object's member does not conflict with those inside.
        let text = format!("{{\"m{}\":{{{}}}}}", count - 1, names.join(","));
        assert!(JsonObject::parse(text.as_bytes()).is_ok(), "{text}");
    }
}

/// Rules 30, 41.
///
/// Names with equal fingerprints, and members with large node numbers, are still found and
/// distinguished.
#[test]
fn similar_member_names_are_distinguished() {
    let names: Vec<String> = ('a'..='z').map(|middle| format!("x{middle}y")).collect();
    for distance in [0, 1, 252, 253, 254, 255, 256, 300] {
        let members = |names: &[String]| {
            let members = names
                .iter()
                .enumerate()
                .map(|(number, name)| format!("\"{name}\":{number}"));
            members.collect::<Vec<_>>().join(",")
        };
        let text = format!(
            "{{\"list\":[{}0],{}}}",
            "0,".repeat(distance),
            members(&names)
        );
        let json = JsonObject::parse(text.as_bytes()).unwrap();
        for (number, name) in names.iter().enumerate() {
            assert_eq!(
                json.get(name),
                i64::try_from(number).ok().map(JsonValue::Integer),
                "{name} behind {distance}"
            );
        }
        assert_eq!(
            (json.get("x!y"), json.get("xay "), json.get("")),
            (None, None, None)
        );
        for name in &names {
            let text = format!("{},\"{name}\":0}}", text.trim_end_matches('}'));
            assert_eq!(
                error(text.as_bytes()),
                JsonError::DuplicateMember,
                "{name} behind {distance}"
            );
            let escaped = format!("\\u0078{}", &name[1..]);
            let text = text.replace(&format!("\"{name}\":0}}"), &format!("\"{escaped}\":0}}"));
            assert_eq!(
                error(text.as_bytes()),
                JsonError::DuplicateMember,
                "{escaped} behind {distance}"
            );
        }
    }
}

/// A nested member is not a member of the object, even if it has the same name.
#[test]
fn nested_members_are_not_members_of_the_object() {
    let json =
        JsonObject::parse(br#"{"a":{"exp":1,"b":[{"iss":2}]},"aud":3,"c":{"aud":4}}"#).unwrap();
    assert_eq!(
        (json.get("exp"), json.get("iss"), json.get("b")),
        (None, None, None)
    );
    assert_eq!(
        (json.get("aud"), json.pointer("/c/aud")),
        (Some(JsonValue::Integer(3)), Some(JsonValue::Integer(4)))
    );
    assert_eq!(json.pointer("/a/exp"), Some(JsonValue::Integer(1)));
    assert_eq!(json.pointer("/a/aud"), None);
}

#[test]
fn values_are_found_by_name_and_pointer() {
    let json = JsonObject::parse(br#"{"n":-5,"big":18446744073709551615,"f":1.5,"a":["x",["y"],"z"],"o":{"p/q":{"~":"deep"}},"s":"a\nb","t":true,"z":null}"#).unwrap();
    assert_eq!(json.get("n"), Some(JsonValue::Integer(-5)));
    assert!(matches!(json.get("big"), Some(JsonValue::Float(_))));
    assert_eq!(json.get("f"), Some(JsonValue::Float(1.5)));
    assert_eq!(json.get("s"), Some(JsonValue::String("a\nb")));
    assert_eq!(json.pointer("/o/p~1q/~0"), Some(JsonValue::String("deep")));
    assert_eq!(json.pointer("/o/nothing"), None);
    assert_eq!(json.pointer("/a/1/0"), Some(JsonValue::String("y")));
    assert_eq!(json.pointer("o"), None);
    let Some(JsonValue::Array(inside)) = json.get("a") else {
        panic!("an array")
    };
    assert_eq!(json.items(inside).count(), 3);
    assert_eq!(json.members().count(), 8);
}

/// Some parsers represent large numbers as an object. Here it stays an ordinary object,
/// regardless of the features that other crates enable.
#[test]
fn object_in_place_of_a_number_stays_an_object() {
    for digits in ["17", "1.5", "x", "NaN"] {
        let text = format!(r#"{{"exp":{{"$serde_json::private::Number":"{digits}"}}}}"#);
        assert!(
            matches!(
                JsonObject::parse(text.as_bytes()).unwrap().get("exp"),
                Some(JsonValue::Object(_))
            ),
            "{text}"
        );
    }
}

#[test]
fn debug_output_contains_no_value() {
    let json = JsonObject::parse(br#"{"secret":"hush"}"#).unwrap();
    assert!(!format!("{json:?} {:?}", json.get("secret")).contains("hush"));
}
