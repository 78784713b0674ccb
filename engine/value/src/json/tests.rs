//! Values and types to JSON and back.

use proptest::prelude::*;

use super::*;
use crate::value::samples::known_value;
use crate::{Number, Refinement};

fn encoded(value: &Value, ty: &Type) -> String {
    let mut out = Vec::new();
    encode(value, ty, &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}
fn person() -> Type {
    Type::object([("name", Type::String), ("age", Type::Number), ("tags", Type::map(Type::Dynamic))])
}

#[test]
fn values_by_type() {
    let value = decode(br#"{"name":"ana","age":12345678901234567890.5}"#, &person()).expect("read");
    assert_eq!(value.get("name"), Some(&Value::string("ana")));
    assert_eq!(value.get("tags"), Some(&Value::null(Type::map(Type::Dynamic))));
    assert_eq!(encoded(&value, &person()), r#"{"age":12345678901234567890.5,"name":"ana","tags":null}"#);
}

#[test]
fn open_types_carry_theirs() {
    let value = Value::list(Type::String, vec![Value::string("a")]);
    assert_eq!(encoded(&value, &Type::Dynamic), r#"{"type":["list","string"],"value":["a"]}"#);
    for text in [
        r#"{"type":["list","string"],"value":["a"]}"#,
        r#" { "value" : ["a"], "type" : ["list", "string"] } "#,
    ] {
        assert_eq!(decode(text.as_bytes(), &Type::Dynamic).expect("read"), value);
    }
    assert_eq!(encoded(&Value::null(Type::Dynamic), &Type::Dynamic), "null");
    assert!(decode(br#"{"value":1}"#, &Type::Dynamic).is_err());
    assert!(decode(br#"{"type":"strange","value":1}"#, &Type::Dynamic).is_err());
}

#[test]
fn reading_says_where_and_what() {
    let fail = |json: &str| decode(json.as_bytes(), &person()).expect_err("refused").to_string();
    assert_eq!(fail(r#"{"age":[1]}"#), "value.age: number required");
    assert_eq!(fail(r#"{"age":"x"}"#), "value.age: a number is required");
    assert_eq!(fail(r#"{"size":1}"#), "value: unsupported attribute \"size\"");
    assert_eq!(fail(r#"{"age":1"#), "invalid JSON at byte 8: unexpected end");
    assert_eq!(fail(r#"{"age":01}"#), "invalid JSON at byte 7: a value is expected");
    assert_eq!(fail("[]"), "value: object required");
    assert_eq!(fail("{} x"), "invalid JSON at byte 3: more text after the value");
    assert_eq!(
        decode(b"\xff", &Type::String).expect_err("refused").to_string(),
        "invalid JSON at byte 0: not UTF-8"
    );
}

#[test]
fn what_cannot_be_written() {
    let refuse = |v: Value, ty: &Type| encode(&v, ty, &mut Vec::new()).expect_err("refused").to_string();
    let list = Value::list(Type::String, vec![Value::string("a"), Value::unknown(Type::String)]);
    assert_eq!(
        refuse(list, &Type::list(Type::String)),
        "value[1]: this value is not known yet, so it can't be written as JSON"
    );
    assert_eq!(
        refuse(Value::number(Number::infinity(false)), &Type::Number),
        "value: an infinite number can't be written as JSON"
    );
    assert_eq!(refuse(Value::tuple(vec![]), &Type::String), "value: string required, this is tuple");
}

#[test]
fn nesting_is_limited() {
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    assert!(from_json_text(&deep(MAX_DEPTH)).is_ok());
    assert!(matches!(from_json_text(&deep(MAX_DEPTH + 1)), Err(JsonError::Syntax { .. })));
    assert!(from_json_text(&"[".repeat(1_000_000)).is_err());
    let nested =
        (0..200).fold("\"x\"".to_owned(), |inner, _| format!(r#"{{"type":"dynamic","value":{inner}}}"#));
    assert!(decode(nested.as_bytes(), &Type::Dynamic).is_err());
}

#[test]
fn guessed_types() {
    let value = from_json_text(r#"{"b":[1,"x",null],"a":{"c":true},"b2":1e400}"#).expect("read");
    let ty = "object({a=object({c=bool}),b=tuple([number,string,any]),b2=number})";
    assert_eq!(value.ty().to_string(), ty);
    assert_eq!(
        from_json_text(r#"{"a":1,"a":2}"#).expect("read"),
        Value::object_of([("a", Value::number(2))])
    );
    assert_eq!(from_json_text(r#""\ud83d\ude00\u00e9\n\/""#).expect("read"), Value::string("😀é\n/"));
    assert_eq!(from_json_text(r#""\ud83dx""#).expect("read"), Value::string("\u{fffd}x"));
    for bad in
        ["", "{", "[1,]", "{\"a\"}", "nul", "'a'", "\"\n\"", "\"\\x\"", "\"\\u12g4\"", "+1", ".5", "1.", "-"]
    {
        assert!(from_json_text(bad).is_err(), "{bad}");
    }
}

#[test]
fn text_is_safe_in_html() {
    let value =
        Value::object_of([("b", Value::string("<a & b>\u{2028}\u{1}\u{7f}\t")), ("a", Value::bool(true))]);
    let text = to_json_text(&value).expect("written");
    assert_eq!(text, "{\"a\":true,\"b\":\"\\u003ca \\u0026 b\\u003e\\u2028\\u0001\u{7f}\\t\"}");
    let mut plain = Vec::new();
    encode_plain(&Value::string("<\u{2028}"), &mut plain).expect("written");
    assert_eq!(plain, "\"<\u{2028}\"".as_bytes());
}

#[test]
fn display_form_leaves_unknowns_out() {
    let unknown = Value::unknown_refined(Type::String, Refinement::default());
    let value =
        Value::object_of([("a", unknown.clone()), ("b", Value::tuple(vec![unknown, Value::number(1)]))]);
    assert_eq!(to_serde(&value), serde_json::json!({"b": [null, 1]}));
    assert_eq!(to_serde(&Value::number(u64::MAX)), serde_json::json!(u64::MAX));
    assert_eq!(to_serde(&Value::number(Number::parse("0.1").expect("a number"))), serde_json::json!(0.1));
}

#[test]
fn types() {
    let ty = Type::object([("a", Type::tuple([Type::Number, Type::Dynamic])), ("b", Type::set(Type::Bool))]);
    let json = serde_json::json!(["object", {"a": ["tuple", ["number", "dynamic"]], "b": ["set", "bool"]}]);
    assert_eq!(encode_type(&ty), json);
    assert_eq!(decode_type(&json), Ok(ty));
    for bad in [serde_json::json!("strin"), serde_json::json!(["list"]), serde_json::json!(1)] {
        assert!(decode_type(&bad).is_err());
    }
}

/// Without the last digits of doubles: not every reader gets them right.
fn coarse(json: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match json {
        Json::Number(n) => format!("{:.12e}", n.as_f64().expect("a double")).into(),
        Json::Array(items) => items.iter().map(coarse).collect(),
        Json::Object(members) => Json::Object(members.iter().map(|(k, v)| (k.clone(), coarse(v))).collect()),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn what_was_written_reads_back(value in known_value()) {
        for ty in [value.ty(), Type::Dynamic] {
            let mut out = Vec::new();
            encode(&value, &ty, &mut out).expect("written");
            let back = decode(&out, &ty);
            // The type of a null is not written where the type is open.
            if ty == Type::Dynamic && value.is_null() && value.ty() != Type::Dynamic {
                prop_assert!(back.expect("read").is_null());
            } else {
                prop_assert_eq!(back.expect("read"), value.clone());
            }
        }
    }
    #[test]
    fn other_readers_agree(value in known_value()) {
        let text = to_json_text(&value).expect("written");
        let other: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(coarse(&to_serde(&from_json_text(&text).expect("read"))), coarse(&other));
    }
    #[test]
    fn reading_never_panics(text in "[\\[\\]{}\":,0-9a-z\\\\ eu.-]{0,24}") {
        let _ = from_json_text(&text);
        let _ = decode(text.as_bytes(), &Type::Dynamic);
        let _ = decode(text.as_bytes(), &person());
        prop_assert_eq!(from_json_text(&text).is_ok(), serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }
}
