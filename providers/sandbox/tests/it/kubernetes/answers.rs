//! A list of requests and the answers that a kube-apiserver 1.36 gave to the like of them: status, and words.

use serde_json::Value;

use super::{Ask, cluster};

/// One JSON object a line: `ask` (method and path), `type`, `body`, and of the answer `status`, `message`, `fields`
/// (of the causes) and `has` (values by JSON pointer). In order: later ones depend on what earlier ones made.
const ANSWERS: &str = include_str!("answers.jsonl");

#[tokio::test]
async fn answers_are_those_of_a_real_server() {
    let cluster = cluster().await;
    for (number, line) in ANSWERS.lines().enumerate() {
        let entry: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("line {}: {error}", number + 1));
        let (method, path) = entry["ask"].as_str().unwrap().split_once(' ').unwrap();
        let kind = entry["type"].as_str().unwrap_or_default();
        let body = match &entry["body"] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let got = cluster.ask(Ask { method, path, kind, body, ..Ask::default() }).await;
        let place = format!("line {}: {}", number + 1, entry["ask"]);
        assert_eq!(u64::from(got.status), entry["status"].as_u64().unwrap(), "{place}: {}", got.body);
        if let Some(message) = entry["message"].as_str() {
            assert_eq!(got.body["message"], message, "{place}");
        }
        if let Some(fields) = entry["fields"].as_array() {
            let causes = got.body["details"]["causes"].as_array().cloned().unwrap_or_default();
            let found: Vec<Value> = causes.iter().map(|cause| cause["field"].clone()).collect();
            assert_eq!(&found, fields, "{place}");
        }
        for (pointer, value) in entry["has"].as_object().into_iter().flatten() {
            assert_eq!(got.body.pointer(pointer).unwrap_or(&Value::Null), value, "{place}: {pointer}");
        }
    }
}
