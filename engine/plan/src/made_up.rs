//! Values that nobody is asked for: what a mock or an override gives for the attributes that a service decides.

use std::collections::BTreeMap;

use ecow::EcoString;
use pilotis_schema::{Attribute, Block};
use pilotis_value::{Kind, Type, Value};

/// What is filled in.
pub(crate) struct Blanks<'a> {
    /// Values by attribute, and for nested blocks objects of them; what is not known in it isn't given.
    pub(crate) given: Option<&'a Value>,
    /// What the configuration says: only what it leaves open is filled in. None: everything that is not known.
    pub(crate) config: Option<&'a Value>,
    /// What is null is open too.
    pub(crate) nulls: bool,
}

/// An object with everything in it that a service would decide. `text` gives texts that are unlike each other.
pub(crate) fn complete(
    block: &Block,
    value: &Value,
    blanks: &Blanks<'_>,
    text: &mut dyn FnMut() -> String,
) -> Value {
    let Some(entries) = value.as_entries() else { return value.clone() };
    let mut filled = entries.clone();
    for (name, attribute) in &block.attributes {
        if let Some(current) = entries.get(name.as_str()) {
            filled.insert(name.as_str().into(), attribute_value(name, attribute, current, blanks, text));
        }
    }
    for (name, nested) in &block.blocks {
        let Some(current) = entries.get(name.as_str()) else { continue };
        let given = blanks.given.and_then(|g| g.get(name));
        let mut each = |element: &Value, config: Option<&Value>| {
            let blanks = Blanks { given: given.and_then(of_element), config, nulls: blanks.nulls };
            complete(&nested.block, element, &blanks, text)
        };
        let config = blanks.config.and_then(|c| c.get(name));
        filled.insert(name.as_str().into(), elements(current, config, &mut each));
    }
    Value::object(filled).with_marks(value.marks())
}

/// For blocks that are several, what is given holds for each: an object, not a collection of them.
fn of_element(given: &Value) -> Option<&Value> {
    Some(given).filter(|g| matches!(g.kind(), Kind::Object(_)))
}

fn attribute_value(
    name: &str,
    attribute: &Attribute,
    current: &Value,
    blanks: &Blanks<'_>,
    text: &mut dyn FnMut() -> String,
) -> Value {
    let left_open = match blanks.config {
        Some(config) => config.get(name).is_none_or(Value::is_null),
        None => true,
    };
    let open = !current.is_known() || (blanks.nulls && current.is_null());
    if attribute.is_computed() && left_open && open {
        let given = blanks.given.and_then(|g| g.get(name)).filter(|v| v.is_known());
        let value = given.cloned().unwrap_or_else(|| of_type(&attribute.ty.without_optional(), text));
        return value.with_marks(current.marks());
    }
    if blanks.config.is_some() || current.is_wholly_known() {
        return current.clone();
    }
    let mut known = |_: &pilotis_value::Path, v: Value| -> Result<Value, std::convert::Infallible> {
        Ok(if v.is_known() { v } else { of_type(&v.ty(), text).with_marks(v.marks()) })
    };
    match current.transform(&mut known) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// The blocks of a type, each changed. `config` has those that are written, where they can be told apart by their place.
fn elements(
    value: &Value,
    config: Option<&Value>,
    each: &mut dyn FnMut(&Value, Option<&Value>) -> Value,
) -> Value {
    let at = |i: usize| config.and_then(|c| c.as_elements()).and_then(|e| e.get(i));
    let mut all = |items: &[Value]| -> Vec<Value> {
        items.iter().enumerate().map(|(i, v)| each(v, at(i).or(config.map(|_| v)))).collect()
    };
    match value.kind() {
        Kind::List(e) => {
            let items = all(e.items());
            let ty = items.first().map_or_else(|| element_type(value), Value::ty);
            Value::list(ty, items).with_marks(value.marks())
        }
        Kind::Set(e) => {
            let items = all(e.items());
            let ty = items.first().map_or_else(|| element_type(value), Value::ty);
            Value::set(ty, items).with_marks(value.marks())
        }
        Kind::Tuple(e) => Value::tuple(all(e.items())).with_marks(value.marks()),
        Kind::Map(e) => {
            let mut changed: BTreeMap<EcoString, Value> = BTreeMap::new();
            for (key, v) in e.items() {
                let written = config.map(|c| c.get(key).unwrap_or(v));
                changed.insert(key.clone(), each(v, written));
            }
            let ty = changed.values().next().map_or_else(|| element_type(value), Value::ty);
            Value::map(ty, changed.into()).with_marks(value.marks())
        }
        Kind::Object(_) => each(value, config),
        _ => value.clone(),
    }
}

fn element_type(collection: &Value) -> Type {
    match collection.ty() {
        Type::List(element) | Type::Set(element) | Type::Map(element) => (*element).clone(),
        _ => Type::Dynamic,
    }
}

/// A value of a type: texts are made up, all else is zero or empty.
fn of_type(ty: &Type, text: &mut dyn FnMut() -> String) -> Value {
    match ty {
        Type::String => Value::string(text()),
        Type::Number => Value::number(0),
        Type::Bool => Value::bool(false),
        Type::List(element) => Value::list((**element).clone(), Vec::new()),
        Type::Set(element) => Value::set((**element).clone(), Vec::new()),
        Type::Map(element) => Value::map((**element).clone(), BTreeMap::new().into()),
        Type::Tuple(items) => Value::tuple(items.iter().map(|ty| of_type(ty, text)).collect()),
        Type::Object(object) => Value::object(
            object.attributes.iter().map(|(name, ty)| (name.clone(), of_type(ty, text))).collect(),
        ),
        Type::Dynamic => Value::null(Type::Dynamic),
    }
}

/// `value` with what is known in `other` where it isn't.
pub(crate) fn known_from(value: &Value, other: &Value) -> Value {
    let mut known = |path: &pilotis_value::Path, v: Value| -> Result<Value, std::convert::Infallible> {
        if v.is_known() {
            return Ok(v);
        }
        let found = other.get_path(path).filter(Value::is_known);
        Ok(found.map_or_else(|| v.clone(), |found| found.unmark().0.with_marks(v.marks())))
    };
    match value.transform(&mut known) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use pilotis_schema::{NestedBlock, Nesting, Presence};

    use super::*;

    fn block() -> Block {
        let attribute = |ty, presence| Attribute { presence, ..Attribute::new(ty) };
        let attributes = [
            ("name", attribute(Type::String, Presence::Required)),
            ("note", attribute(Type::String, Presence::Optional)),
            ("id", attribute(Type::String, Presence::Computed)),
            ("size", attribute(Type::Number, Presence::OptionalComputed)),
            ("tags", attribute(Type::map(Type::String), Presence::Computed)),
        ];
        let port = Block {
            attributes: [
                ("open".to_owned(), attribute(Type::Bool, Presence::OptionalComputed)),
                ("url".to_owned(), attribute(Type::String, Presence::Computed)),
            ]
            .into(),
            ..Block::default()
        };
        let nested = NestedBlock { nesting: Nesting::List, block: port, min: 0, max: None };
        Block {
            attributes: attributes.into_iter().map(|(n, a)| (n.to_owned(), a)).collect(),
            blocks: [("port".to_owned(), nested)].into(),
            ..Block::default()
        }
    }

    fn unknown(ty: Type) -> Value {
        Value::unknown(ty)
    }

    fn planned() -> Value {
        let port = Value::object_of([("open", Value::bool(true)), ("url", unknown(Type::String))]);
        Value::object_of([
            ("name", Value::string("n")),
            ("note", Value::null(Type::String)),
            ("id", unknown(Type::String)),
            ("size", unknown(Type::Number)),
            ("tags", unknown(Type::map(Type::String))),
            ("port", Value::list(port.ty(), vec![port])),
        ])
    }

    fn filled(given: &Value, blanks: impl FnOnce(Blanks<'_>) -> Value) -> Value {
        blanks(Blanks { given: Some(given), config: None, nulls: false })
    }

    #[test]
    fn what_a_service_decides_is_made_up_by_its_type_and_what_is_given_counts() {
        let given = Value::object_of([("size", Value::number(7)), ("name", Value::string("ignored"))]);
        let mut count = 0;
        let mut text = || {
            count += 1;
            format!("text{count}")
        };
        let made = filled(&given, |blanks| complete(&block(), &planned(), &blanks, &mut text));
        assert!(made.is_wholly_known());
        assert_eq!(made.get("name"), Some(&Value::string("n")));
        assert_eq!(made.get("note"), Some(&Value::null(Type::String)), "only what is computed is made up");
        assert_eq!(made.get("id"), Some(&Value::string("text1")));
        assert_eq!(made.get("size"), Some(&Value::number(7)));
        assert_eq!(made.get("tags"), Some(&Value::map(Type::String, BTreeMap::new().into())));
        let port = &made.get("port").and_then(Value::as_elements).expect("a list")[0];
        assert_eq!(port.get("open"), Some(&Value::bool(true)));
        assert_eq!(port.get("url"), Some(&Value::string("text2")));
    }

    #[test]
    fn given_values_of_nested_blocks_hold_for_each_of_them() {
        let port = Value::object_of([("url", Value::string("given"))]);
        let given = Value::object_of([("port", port)]);
        let made = filled(&given, |blanks| complete(&block(), &planned(), &blanks, &mut String::new));
        let port = &made.get("port").and_then(Value::as_elements).expect("a list")[0];
        assert_eq!(port.get("url"), Some(&Value::string("given")));
    }

    #[test]
    fn while_planning_only_what_the_configuration_leaves_open_is_filled_in() {
        let config = Value::object_of([
            ("name", unknown(Type::String)),
            ("id", Value::null(Type::String)),
            ("size", unknown(Type::Number)),
        ]);
        let blanks = Blanks { given: None, config: Some(&config), nulls: false };
        let made = complete(&block(), &planned(), &blanks, &mut || "made".into());
        assert_eq!(made.get("id"), Some(&Value::string("made")));
        assert!(!made.get("size").expect("it is there").is_known(), "it comes from something not known yet");
    }

    #[test]
    fn known_values_are_taken_over_where_there_are_none() {
        let before = Value::object_of([("id", Value::string("1")), ("name", Value::string("old"))]);
        let after = Value::object_of([("id", unknown(Type::String)), ("name", Value::string("new"))]);
        let known = known_from(&after, &before);
        assert_eq!(known.get("id"), Some(&Value::string("1")));
        assert_eq!(known.get("name"), Some(&Value::string("new")));
    }
}
