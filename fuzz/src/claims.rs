//! Compares the JSON parser with `serde_json`.

use serde_json::Value as Naive;
use tower_m2m::token::{JsonError, JsonObject, JsonValue};

const MAX_DEPTH: usize = 8;
const MAX_VALUES: usize = 1024;

/// Checks one claims set.
pub fn check(data: &[u8]) {
    let naive = serde_json::from_slice::<Naive>(data);
    match (JsonObject::parse(data), naive) {
        (Ok(json), Ok(naive)) => {
            let members = naive.as_object().expect("only an object is accepted");
            assert!(depth(&naive) <= MAX_DEPTH && count(&naive) <= MAX_VALUES);
            assert_eq!(
                json.members().count(),
                members.len(),
                "a member was lost or is duplicate"
            );
            for (name, value) in json.members() {
                same(&json, value, &members[name]);
                let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
                assert_eq!(json.pointer(&pointer), Some(value));
                assert_eq!(json.get(name), Some(value));
                if let Naive::Array(items) = &members[name] {
                    for (at, item) in items.iter().enumerate() {
                        let value = json.pointer(&format!("{pointer}/{at}"));
                        same(&json, value.expect("it is there"), item);
                    }
                    assert!(
                        json.pointer(&format!("{pointer}/{}", items.len()))
                            .is_none()
                    );
                    assert!(json.pointer(&format!("{pointer}/-")).is_none());
                }
                if let Naive::Object(inner) = &members[name] {
                    for inside in inner.keys() {
                        let pointer =
                            format!("{pointer}/{}", inside.replace('~', "~0").replace('/', "~1"));
                        same(
                            &json,
                            json.pointer(&pointer).expect("the member exists"),
                            &inner[inside],
                        );
                    }
                }
            }
        }
        // `serde_json` drops duplicate members. If the parser rejects the printed value too, the
        // parser is wrong.
        (Err(error), Ok(naive)) => {
            let (deep, large) = (depth(&naive) > MAX_DEPTH, count(&naive) > MAX_VALUES);
            match error {
                JsonError::NotAnObject => assert!(!naive.is_object()),
                JsonError::TooDeep | JsonError::TooLarge | JsonError::DuplicateMember => {}
                other => panic!("rejected as {other:?}, but serde_json accepts it"),
            }
            if naive.is_object() && !deep && !large {
                let printed = serde_json::to_vec(&naive).expect("it prints");
                assert!(
                    JsonObject::parse(&printed).is_ok(),
                    "a plain object within the limits was rejected"
                );
            }
        }
        (Ok(_), Err(error)) => {
            // `serde_json` also rejects more than 128 levels and malformed numbers.
            panic!("accepted invalid JSON: {error}")
        }
        (Err(_), Err(_)) => {}
    }
}

fn same(json: &JsonObject<'_>, value: JsonValue<'_>, naive: &Naive) {
    match (value, naive) {
        (JsonValue::Null, Naive::Null) => {}
        (JsonValue::Bool(ours), Naive::Bool(theirs)) => assert_eq!(ours, *theirs),
        // The parser reads a negative zero as zero.
        (JsonValue::Integer(0), Naive::Number(theirs)) => assert_eq!(Some(0.0), theirs.as_f64()),
        (JsonValue::Integer(ours), Naive::Number(theirs)) => {
            assert_eq!(Some(ours), theirs.as_i64())
        }
        (JsonValue::Float(ours), Naive::Number(theirs)) => {
            assert!(theirs.as_i64().is_none(), "an integer was read as a float");
            assert_eq!(Some(ours), theirs.as_f64());
        }
        (JsonValue::String(ours), Naive::String(theirs)) => assert_eq!(ours, theirs),
        (JsonValue::Array(inside), Naive::Array(items)) => {
            assert_eq!(json.items(inside).count(), items.len());
            for (ours, theirs) in json.items(inside).zip(items) {
                same(json, ours, theirs);
            }
        }
        (JsonValue::Object(inside), Naive::Object(members)) => {
            assert_eq!(json.items(inside).count(), members.len())
        }
        _ => panic!("the value has another type"),
    }
}

fn depth(value: &Naive) -> usize {
    match value {
        Naive::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Naive::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn count(value: &Naive) -> usize {
    1 + match value {
        Naive::Array(items) => items.iter().map(count).sum(),
        Naive::Object(members) => members.values().map(count).sum::<usize>(),
        _ => 0,
    }
}
