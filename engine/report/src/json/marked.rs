//! Values as JSON, and beside them which parts are unknown and which are sensitive.

use pilotis_value::{Kind, Marks, Value, json};
use serde_json::{Map, Value as Json};

use crate::text::SENSITIVE;

/// What becomes of a sensitive value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Secrets {
    /// The text `(sensitive value)` stands for it.
    #[default]
    Hide,
    /// It is written in clear, as Terraform's `show -json` does: for whoever asked for exactly that.
    Reveal,
}

/// The value. Unknown parts are left out of objects and maps, and are null in lists.
pub(crate) fn value(value: &Value, secrets: Secrets) -> Json {
    if secrets == Secrets::Hide && value.marks().intersects(Marks::SENSITIVE | Marks::EPHEMERAL) {
        return SENSITIVE.into();
    }
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) => Json::Null,
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => {
            e.items().iter().map(|item| self::value(item, secrets)).collect()
        }
        Kind::Map(e) | Kind::Object(e) => {
            let known = e.items().iter().filter(|(_, item)| item.is_known());
            Json::Object(known.map(|(name, item)| (name.to_string(), self::value(item, secrets))).collect())
        }
        Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => json::to_serde(value),
    }
}

/// Which parts are unknown: `true`, or the same shape with `true` where it is so. Of objects only what is not `false` is kept.
pub(crate) fn unknown(value: &Value) -> Json {
    if !value.is_known() {
        return Json::Bool(true);
    }
    shape(value, unknown)
}

/// The `after_unknown` of a resource: empty if everything is known.
pub(crate) fn unknown_of_resource(value: &Value) -> Json {
    if value.is_wholly_known() { Json::Object(Map::new()) } else { unknown(value) }
}

/// Which parts are sensitive, in the same way. An unknown value says it by its type.
pub(crate) fn sensitive(value: &Value) -> Json {
    use pilotis_value::Type;
    if value.marks().contains(Marks::SENSITIVE) {
        return Json::Bool(true);
    }
    if let Kind::Unknown(unknown) = value.kind() {
        return match unknown.ty {
            Type::List(_) | Type::Set(_) | Type::Tuple(_) => Json::Array(Vec::new()),
            Type::Map(_) | Type::Object(_) => Json::Object(Map::new()),
            _ => Json::Bool(false),
        };
    }
    shape(value, sensitive)
}

fn shape(value: &Value, inner: fn(&Value) -> Json) -> Json {
    match value.kind() {
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => e.items().iter().map(inner).collect(),
        Kind::Map(e) | Kind::Object(e) => {
            let parts = e.items().iter().map(|(name, item)| (name.to_string(), inner(item)));
            Json::Object(parts.filter(|(_, part)| *part != Json::Bool(false)).collect())
        }
        _ => Json::Bool(false),
    }
}
