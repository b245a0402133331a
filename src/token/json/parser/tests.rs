use super::*;
use crate::token::JsonValue;

/// This parser accepts and rejects the same documents as `serde_json`, with the same values.
#[test]
fn scalars_are_parsed_like_serde_json() {
    for text in [
        "0",
        "-0",
        "00",
        "-",
        "1",
        "-1",
        "01",
        "1.",
        ".5",
        "1.0",
        "1.5",
        "-1.5e3",
        "1e2",
        "1E+2",
        "1e-2",
        "1e",
        "1e+",
        "+1",
        "0x1",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551616",
        "1e308",
        "1e309",
        "-1e309",
        "NaN",
        "Infinity",
        "true",
        "false",
        "null",
        "True",
        "tru",
        "nul",
        "truex",
        "\"\"",
        "\"a\"",
        "\"a",
        "a\"",
        "\"\\\"",
        "\"\\\\\"",
        "\"\\/\\b\\f\\n\\r\\t\"",
        "\"\\x\"",
        "\"\\u0041\"",
        "\"\\u00fC\"",
        "\"\\u004\"",
        "\"\\u00g0\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ud83dx\"",
        "\"\\udbff\\udfff\"",
        "\"\\ud800\\udc00\"",
        "\"\\ud800\\ue000\"",
        "\"tab\there\"",
        "\"\u{7f}\u{80}ü€😀\"",
        "\"ü\\u00fc\\nü\"",
        " 1 ",
        "\u{a0}1",
        "\u{c}1",
        "1 2",
        "",
        " ",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[",
        "]",
        "[]",
        "[ ]",
        "[1 , 2]",
        "{",
        "{}",
        "{ }",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\" : 1 , \"b\" : [ ] }",
        "{\"a\":1}}",
        "[}",
        "{]",
    ] {
        let naive = serde_json::from_str::<serde_json::Value>(text);
        match (parse_document(text, MAX_VALUES, Vec::new()), naive) {
            (Ok(ours), Ok(naive)) => same(ours.value(0, &ours.nodes[0]), &naive, text),
            (Err(JsonError::Syntax), Err(_)) => {}
            (ours, theirs) => panic!("{text}: {ours:?}, but {theirs:?}"),
        }
    }
}

fn same(ours: JsonValue<'_>, theirs: &serde_json::Value, text: &str) {
    use serde_json::Value as Naive;
    let same = match (ours, theirs) {
        (JsonValue::Null, Naive::Null)
        | (JsonValue::Array(_), Naive::Array(_))
        | (JsonValue::Object(_), Naive::Object(_)) => true,
        (JsonValue::Bool(ours), Naive::Bool(theirs)) => ours == *theirs,
        (JsonValue::Integer(ours), Naive::Number(theirs)) if text.trim() == "-0" => {
            ours == 0 && theirs.as_f64() == Some(-0.0)
        }
        (JsonValue::Integer(ours), Naive::Number(theirs)) => Some(ours) == theirs.as_i64(),
        (JsonValue::Float(ours), Naive::Number(theirs)) => {
            theirs.as_i64().is_none() && Some(ours) == theirs.as_f64()
        }
        (JsonValue::String(ours), Naive::String(theirs)) => ours == theirs,
        _ => false,
    };
    assert!(same, "{text}");
}
