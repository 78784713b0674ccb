//! The OpenAPI v2 document in the protobuf form that kubectl asks for. Writes only; nothing is read in this form.
//! <https://github.com/google/gnostic-models/blob/main/openapiv2/OpenAPIv2.proto>

use serde_json::{Map, Value};

use super::yaml;

/// A message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u64, value: &Value) {
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            self.bytes(field, text.as_bytes());
        }
    }

    fn texts(&mut self, field: u64, value: &Value) {
        for item in value.as_array().into_iter().flatten() {
            self.text(field, item);
        }
    }

    fn flag(&mut self, field: u64, value: &Value) {
        if value.as_bool() == Some(true) {
            self.varint(field << 3);
            self.varint(1);
        }
    }

    fn message(&mut self, field: u64, message: Message) {
        self.bytes(field, &message.0);
    }

    /// `x-…` entries.
    fn extensions(&mut self, field: u64, map: &Map<String, Value>) {
        for (name, value) in map.iter().filter(|(name, _)| name.starts_with("x-")) {
            let mut any = Message::default();
            any.bytes(2, yaml::write(value).as_bytes());
            let mut named = Message::default();
            named.bytes(1, name.as_bytes());
            named.message(2, any);
            self.message(field, named);
        }
    }

    /// A name and a message.
    fn named(&mut self, field: u64, name: &str, message: Message) {
        let mut named = Message::default();
        named.bytes(1, name.as_bytes());
        named.message(2, message);
        self.message(field, named);
    }
}

/// The document.
pub(crate) fn document(document: &Value) -> Vec<u8> {
    let mut out = Message::default();
    out.text(1, &document["swagger"]);
    let mut info = Message::default();
    info.text(1, &document["info"]["title"]);
    info.text(2, &document["info"]["version"]);
    out.message(2, info);
    let mut paths = Message::default();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        paths.named(2, path, path_item(item));
    }
    out.message(8, paths);
    let mut definitions = Message::default();
    for (name, definition) in document["definitions"].as_object().into_iter().flatten() {
        definitions.named(1, name, schema(definition));
    }
    out.message(9, definitions);
    out.0
}

fn path_item(item: &Value) -> Message {
    let mut out = Message::default();
    for (method, field) in [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)] {
        if item[method].is_object() {
            out.message(field, operation(&item[method]));
        }
    }
    out
}

fn operation(operation: &Value) -> Message {
    let mut out = Message::default();
    out.text(5, &operation["operationId"]);
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let mut query = Message::default();
        query.text(2, &parameter["in"]);
        query.text(4, &parameter["name"]);
        query.text(6, &parameter["type"]);
        let mut other = Message::default();
        other.message(3, query);
        let mut parameter = Message::default();
        parameter.message(2, other);
        let mut item = Message::default();
        item.message(1, parameter);
        out.message(8, item);
    }
    out.message(9, responses(&operation["responses"]));
    if let Some(map) = operation.as_object() {
        out.extensions(13, map);
    }
    out
}

fn responses(responses: &Value) -> Message {
    let mut out = Message::default();
    for (code, response) in responses.as_object().into_iter().flatten() {
        let mut inner = Message::default();
        inner.text(1, &response["description"]);
        let mut value = Message::default();
        value.message(1, inner);
        out.named(1, code, value);
    }
    out
}

fn schema(schema_of: &Value) -> Message {
    let mut out = Message::default();
    out.text(1, &schema_of["$ref"]);
    out.text(2, &schema_of["format"]);
    out.texts(19, &schema_of["required"]);
    match &schema_of["additionalProperties"] {
        Value::Null => {}
        Value::Bool(flag) => {
            let mut item = Message::default();
            item.flag(2, &Value::Bool(*flag));
            out.message(21, item);
        }
        inner => {
            let mut item = Message::default();
            item.message(1, schema(inner));
            out.message(21, item);
        }
    }
    if let Some(kind) = schema_of["type"].as_str() {
        let mut item = Message::default();
        item.bytes(1, kind.as_bytes());
        out.message(22, item);
    }
    if schema_of["items"].is_object() {
        let mut item = Message::default();
        item.message(1, schema(&schema_of["items"]));
        out.message(23, item);
    }
    if let Some(properties) = schema_of["properties"].as_object() {
        let mut list = Message::default();
        for (name, property) in properties {
            list.named(1, name, schema(property));
        }
        out.message(25, list);
    }
    if let Some(map) = schema_of.as_object() {
        out.extensions(31, map);
    }
    out
}
