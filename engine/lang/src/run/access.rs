//! Attributes, indexes and keys.

use std::borrow::Cow;

use pilotis_diag::{Diagnostic, Span, did_you_mean};
use pilotis_value::convert::convert;
use pilotis_value::{Kind, Marks, ObjectType, Type, Value};

use super::{Evaluator, dynamic};
use crate::codes;
use crate::node::{Node, StepKind, WalkStep};

/// Why a step leads nowhere.
struct Miss {
    code: &'static str,
    summary: &'static str,
    detail: String,
    help: Option<String>,
}

fn miss(code: &'static str, summary: &'static str, detail: impl Into<String>) -> Miss {
    Miss { code, summary, detail: detail.into(), help: None }
}

impl Miss {
    fn diagnostic(self, span: Span) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.summary).code(self.code).detail(self.detail).at(span);
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

impl Evaluator<'_> {
    /// Goes into a value by borrow; only what is found is cloned. Marks on the way stick to it. The node is the whole, for a diagnostic.
    pub(super) fn walk(&mut self, base: &Value, steps: &[WalkStep], node: &Node) -> Value {
        let mut current = base;
        let mut marks = Marks::empty();
        for (i, step) in steps.iter().enumerate() {
            marks |= current.marks();
            match into(current, &step.kind) {
                Ok(Cow::Borrowed(next)) => current = next,
                Ok(Cow::Owned(next)) => {
                    return self.walk(&next, &steps[i + 1..], node).with_marks(marks);
                }
                Err(miss) => {
                    let diagnostic = miss.diagnostic(step.span);
                    return self.fail_at(diagnostic, &[node], Type::Dynamic).with_marks(marks);
                }
            }
        }
        current.clone().with_marks(marks)
    }

    pub(super) fn index(&mut self, node: &Node, base_node: &Node, key_node: &Node) -> Value {
        let base = self.run(base_node);
        let (key, key_marks) = self.run(key_node).unmark_deep();
        let marks = base.marks() | key_marks;
        let result = match index(&base, &key) {
            Ok(found) => found.into_owned(),
            Err(miss) => {
                let diagnostic = miss.diagnostic(key_node.span);
                self.fail_at(diagnostic, &[node], Type::Dynamic)
            }
        };
        result.with_marks(marks)
    }
}

/// What steps lead to, as far as they lead, and how far that is.
pub(super) fn reach(base: &Value, steps: &[WalkStep]) -> (Value, usize) {
    let mut current = Cow::Borrowed(base);
    let mut marks = Marks::empty();
    for (i, step) in steps.iter().enumerate() {
        let here = current.marks();
        let Ok(next) = into(&current, &step.kind).map(Cow::into_owned) else {
            return (current.into_owned().with_marks(marks), i);
        };
        marks |= here;
        current = Cow::Owned(next);
    }
    (current.into_owned().with_marks(marks), steps.len())
}

fn into<'v>(value: &'v Value, step: &StepKind) -> Result<Cow<'v, Value>, Miss> {
    match step {
        StepKind::Attribute(name) => attribute(value, name),
        StepKind::Index(key) => index(value, key),
    }
}

/// `value.name`, without the value's own marks.
fn attribute<'v>(value: &'v Value, name: &str) -> Result<Cow<'v, Value>, Miss> {
    if let Kind::Object(entries) | Kind::Map(entries) = value.kind()
        && let Some(found) = entries.items().get(name)
    {
        return Ok(Cow::Borrowed(found));
    }
    let ty = value.ty();
    match &ty {
        Type::Dynamic if !value.is_null() => return Ok(Cow::Owned(dynamic())),
        Type::Bool | Type::Number | Type::String => {
            let detail =
                format!("Can't access attributes on a primitive-typed value ({}).", ty.friendly_name());
            return Err(miss(codes::ATTRIBUTE, "Unsupported attribute", detail));
        }
        _ => {}
    }
    if value.is_null() {
        let detail = "This value is null, so it does not have any attributes.";
        return Err(miss(codes::NULL, "Attempt to get attribute from null value", detail));
    }
    match &ty {
        Type::Object(object) => match object.attributes.get(name) {
            Some(ty) => Ok(Cow::Owned(Value::unknown(ty.clone()))),
            None => Err(no_attribute(name, shown_names(value, object))),
        },
        Type::Map(element) if !value.is_known() => Ok(Cow::Owned(Value::unknown((**element).clone()))),
        Type::Map(_) => {
            let detail = format!("This map does not have an element with the key {name:?}.");
            let mut miss = miss(codes::INDEX, "Missing map element", detail);
            miss.help = suggest_key(value, name);
            Err(miss)
        }
        Type::List(element) | Type::Set(element) if element.attribute(name).is_some() => {
            let detail = format!(
                "This value is a {}, which has no attributes of its own; its elements have an attribute {name:?}.",
                ty.friendly_name()
            );
            let mut miss = miss(codes::ATTRIBUTE, "Unsupported attribute", detail);
            miss.help = Some(format!(
                "Write `[*].{name}` for all elements, or `[0].{name}` for the first one of a list."
            ));
            Err(miss)
        }
        _ => Err(miss(
            codes::ATTRIBUTE,
            "Unsupported attribute",
            "This value does not have any attributes.".to_owned(),
        )),
    }
}

/// The names of an object's attributes. Names that were made from a secret mark their object: none of those is shown.
fn shown_names<'o>(value: &Value, object: &'o ObjectType) -> impl Iterator<Item = &'o str> {
    let secret = value.marks().contains(Marks::SENSITIVE);
    object.attributes.keys().filter(move |_| !secret).map(|k| k.as_str())
}

fn no_attribute<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Miss {
    let detail = format!("This object does not have an attribute named {name:?}.");
    let mut miss = miss(codes::ATTRIBUTE, "Unsupported attribute", detail);
    let known: Vec<&str> = known.collect();
    let best = did_you_mean(name, known.iter().copied());
    miss.help = match (best, known.as_slice()) {
        (Some(best), _) => Some(format!("Did you mean {best:?}?")),
        // More than a handful would bury the message.
        (None, several @ [_, .., _]) if several.len() <= 10 => Some(format!(
            "It has {}.",
            several.iter().map(|k| format!("{k:?}")).collect::<Vec<_>>().join(", ")
        )),
        (None, _) => None,
    };
    miss
}

fn suggest_key(value: &Value, key: &str) -> Option<String> {
    if value.marks_deep().intersects(pilotis_value::Marks::SENSITIVE | pilotis_value::Marks::EPHEMERAL) {
        return None;
    }
    let keys = value.as_entries()?.keys().map(|k| k.as_str());
    did_you_mean(key, keys).map(|best| format!("Did you mean {best:?}?"))
}

const NO_ELEMENT: &str = "The given key does not identify an element in this collection value";

fn no_element(why: &str) -> Miss {
    let detail = if why.is_empty() { format!("{NO_ELEMENT}.") } else { format!("{NO_ELEMENT}: {why}.") };
    miss(codes::INDEX, "Invalid index", detail)
}

/// `value[key]`, without the value's own marks.
fn index<'v>(value: &'v Value, key: &Value) -> Result<Cow<'v, Value>, Miss> {
    let ty = value.ty();
    if value.is_null() {
        let detail = "This value is null, so it does not have any indices.";
        return Err(miss(codes::NULL, "Attempt to index null value", detail));
    }
    if key.is_null() {
        return Err(miss(codes::INDEX, "Invalid index", "Can't use a null value as an indexing key."));
    }
    match &ty {
        Type::Dynamic => Ok(Cow::Owned(dynamic())),
        Type::List(element) => {
            let unknown = || Value::unknown((**element).clone());
            position(value, key)?.map_or_else(|| Ok(Cow::Owned(unknown())), |i| element_at(value, i))
        }
        Type::Tuple(types) => match position(value, key)? {
            None => Ok(Cow::Owned(dynamic())),
            Some(i) if !value.is_known() => match types.get(i) {
                Some(ty) => Ok(Cow::Owned(Value::unknown(ty.clone()))),
                None => Err(beyond(types.len())),
            },
            Some(i) => element_at(value, i),
        },
        Type::Map(element) => {
            let Some(key) = text_key(key)? else {
                return Ok(Cow::Owned(Value::unknown((**element).clone())));
            };
            if !value.is_known() {
                return Ok(Cow::Owned(Value::unknown((**element).clone())));
            }
            match value.get(key.as_str().unwrap_or_default()) {
                Some(found) => Ok(Cow::Borrowed(found)),
                None => {
                    let mut miss = no_element("");
                    miss.help = suggest_key(value, key.as_str().unwrap_or_default());
                    Err(miss)
                }
            }
        }
        Type::Object(object) => {
            let Some(key) = text_key(key)? else { return Ok(Cow::Owned(dynamic())) };
            let key = key.as_str().unwrap_or_default();
            if let Some(found) = value.get(key) {
                return Ok(Cow::Borrowed(found));
            }
            match object.attributes.get(key) {
                Some(ty) => Ok(Cow::Owned(Value::unknown(ty.clone()))),
                None => {
                    let mut miss = no_element("");
                    let known = shown_names(value, object);
                    miss.help = did_you_mean(key, known).map(|best| format!("Did you mean {best:?}?"));
                    Err(miss)
                }
            }
        }
        Type::Set(_) => Err(miss(
            codes::INDEX,
            "Invalid index",
            "Elements of a set are identified only by their value and don't have any separate index or key to select with, so it's \
             only possible to perform operations across all elements of the set.",
        )),
        Type::Bool | Type::Number | Type::String => {
            Err(miss(codes::INDEX, "Invalid index", "This value does not have any indices."))
        }
    }
}

/// The key as a known string; none if it isn't known.
fn text_key(key: &Value) -> Result<Option<Value>, Miss> {
    let text = convert(key, &Type::String).map_err(|e| no_element(&e.message))?;
    Ok(text.is_known().then_some(text))
}

/// The key as a position; none if it isn't known, or the list isn't.
fn position(value: &Value, key: &Value) -> Result<Option<usize>, Miss> {
    let converted;
    let key = match key.kind() {
        Kind::Number(_) => key,
        _ => {
            converted = convert(key, &Type::Number).map_err(|e| no_element(&e.message))?;
            &converted
        }
    };
    let Some(number) = key.as_number() else { return Ok(None) };
    if number < &pilotis_value::Number::from(0) {
        return Err(no_element("a negative number is not a valid index for a sequence"));
    }
    match number.to_i64() {
        Some(_) if !value.is_known() && !matches!(value.ty(), Type::Tuple(_)) => Ok(None),
        Some(n) => Ok(Some(usize::try_from(n).unwrap_or(usize::MAX))),
        None if *number > pilotis_value::Number::from(i64::MAX) => Err(beyond(1)),
        None => Err(no_element("indexes must be whole numbers")),
    }
}

fn element_at(value: &Value, i: usize) -> Result<Cow<'_, Value>, Miss> {
    let items = value.as_elements().unwrap_or_default();
    items.get(i).map(Cow::Borrowed).ok_or_else(|| beyond(items.len()))
}

fn beyond(length: usize) -> Miss {
    if length == 0 {
        return no_element("the collection has no elements");
    }
    no_element("the given index is greater than or equal to the length of the collection")
}
