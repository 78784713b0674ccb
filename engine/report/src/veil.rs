//! What is sensitive on one side of a change is no less so on the other.

use pilotis_value::{Kind, Marks, Value};

/// The value, marked sensitive if it was declared so.
pub(crate) fn guarded(value: Value, sensitive: bool) -> Value {
    if sensitive { value.with_marks(Marks::SENSITIVE) } else { value }
}

/// Both sides, each with the sensitive marks of the other, place by place; where the places cannot be told apart, as a whole.
pub(crate) fn veiled(before: &Value, after: &Value) -> (Value, Value) {
    (one(before, after), one(after, before))
}

fn one(value: &Value, other: &Value) -> Value {
    if !other.has_sensitive()
        || value.marks().contains(Marks::SENSITIVE)
        || value.is_null()
        || !value.is_known()
    {
        return value.clone();
    }
    if other.marks().contains(Marks::SENSITIVE) {
        return value.clone().with_marks(Marks::SENSITIVE);
    }
    let marks = value.marks();
    let inner = match (value.kind(), other.kind()) {
        (Kind::Object(e), Kind::Object(o) | Kind::Map(o)) => {
            let item = |name, item: &Value| {
                o.items().get(name).map_or_else(|| item.clone(), |other| one(item, other))
            };
            Value::object(e.items().iter().map(|(name, v)| (name.clone(), item(name, v))).collect())
        }
        (Kind::Tuple(e), Kind::Tuple(o) | Kind::List(o)) if e.items().len() == o.items().len() => {
            Value::tuple(e.items().iter().zip(o.items()).map(|(v, other)| one(v, other)).collect())
        }
        _ => value.clone().with_marks(Marks::SENSITIVE),
    };
    inner.with_marks(marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_takes_the_marks_of_the_other() {
        let pair = |user, pass| Value::object_of([("user", user), ("pass", pass)]);
        let secret = || Value::string("x").with_marks(Marks::SENSITIVE);
        let (before, after) =
            veiled(&pair(secret(), Value::string("x")), &pair(Value::string("x"), secret()));
        assert_eq!(before, pair(secret(), secret()));
        assert_eq!(after, before);
        let (text, _) = veiled(&Value::string("x"), &pair(Value::string("u"), secret()));
        assert!(text.has_sensitive(), "what has another shape is hidden as a whole");
    }
}
