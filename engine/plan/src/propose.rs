//! What an object is to become: the recorded object and the configuration, put together by the schema alone.
//!
//! No service is asked. Who says what an attribute is (the configuration, the service, or the service unless the
//! configuration does) stands in the schema, and so does what forces a new object.

use std::collections::BTreeMap;

use pilotis_schema::{Attribute, Block, Compare, NestedBlock, Nesting, Presence, ResourceSchema};
use pilotis_value::{EntryMap, Marks, Path, Refinement, Step, Type, Value};

use crate::same::same;

/// What an object is to become.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proposal {
    /// The object. What the service will say is unknown; what is never stored is null.
    pub(crate) value: Value,
    /// It isn't what it is now.
    pub(crate) changed: bool,
    /// The changes that force a new object.
    pub(crate) replace: Vec<Path>,
}

/// The proposal for an object. `prior` is none if there is no object, or if it is to be made anew.
pub(crate) fn propose(schema: &ResourceSchema, prior: Option<&Value>, config: &Value) -> Proposal {
    let block = &schema.block;
    let kept = merge(block, prior, config);
    let Some(prior) = prior else {
        let value = identified(&unsettle(block, None, &kept, config), &schema.refresh.key);
        return Proposal { value, changed: true, replace: Vec::new() };
    };
    if kept == *prior {
        return Proposal { value: prior.clone(), changed: false, replace: Vec::new() };
    }
    let value = unsettle(block, Some(prior), &kept, config);
    let mut replace = Vec::new();
    forced(block, prior, &value, &Path::default(), &mut replace);
    Proposal { value, changed: true, replace }
}

/// What identifies an object is never null, whatever else is known of it.
fn identified(value: &Value, key: &[String]) -> Value {
    let Some(entries) = value.as_entries() else { return value.clone() };
    let unknown = |name: &&String| entries.get(name.as_str()).is_some_and(|v| !v.is_known());
    let mut named = key.iter().filter(unknown).peekable();
    if named.peek().is_none() {
        return value.clone();
    }
    let mut entries = entries.clone();
    for name in named {
        let entry = entries.get_mut(name.as_str()).expect("it was found unknown");
        let refinement = Refinement { not_null: true, ..Refinement::default() };
        *entry = Value::unknown_refined(entry.ty(), refinement).with_marks(entry.marks());
    }
    Value::object(entries).with_marks(value.marks())
}

/// The configuration, with what the service said where the configuration says nothing.
fn merge(block: &Block, prior: Option<&Value>, config: &Value) -> Value {
    if config.is_null() || !config.is_known() {
        return config.clone();
    }
    let prior = prior.filter(|p| p.is_known() && !p.is_null());
    let mut entries = Vec::with_capacity(block.attributes.len() + block.blocks.len());
    for (name, attribute) in &block.attributes {
        let said = config.get(name);
        let was = prior.and_then(|p| p.get(name));
        entries.push((name.as_str().into(), merge_attribute(attribute, was, said)));
    }
    for (name, nested) in &block.blocks {
        let ty = nested.implied_type();
        let said = config.get(name).cloned().unwrap_or_else(|| Value::null(ty));
        let was = prior.and_then(|p| p.get(name));
        entries.push((name.as_str().into(), merge_nested(nested, was, &said)));
    }
    keep(prior, Value::object(entries.into()).with_marks(config.marks()))
}

/// The old value if the new one is equal to it: equal values are then one allocation, and quick to compare.
fn keep(prior: Option<&Value>, value: Value) -> Value {
    match prior {
        Some(prior) if *prior == value => prior.clone(),
        _ => value,
    }
}

fn merge_attribute(attribute: &Attribute, was: Option<&Value>, said: Option<&Value>) -> Value {
    let value = merge_plain(attribute, was, said);
    // A secret that is not set is none (as in `record`): null stays unmarked.
    if attribute.secret.is_some() && !value.is_null() { value.with_marks(Marks::SENSITIVE) } else { value }
}

fn merge_plain(attribute: &Attribute, was: Option<&Value>, said: Option<&Value>) -> Value {
    let ty = || attribute.ty.without_optional();
    if attribute.write_only {
        return Value::null(ty());
    }
    let said = said.filter(|v| !v.is_null());
    match (attribute.presence, said) {
        (Presence::Computed, _) | (Presence::OptionalComputed, None) => {
            was.cloned().unwrap_or_else(|| Value::unknown(ty()))
        }
        (Presence::OptionalComputed, Some(said)) => settle(attribute, was, &fill(was, said)),
        (_, None) => Value::null(ty()),
        (_, Some(said)) => settle(attribute, was, said),
    }
}

/// What is said, in the words of what was, if both mean the same.
fn settle(attribute: &Attribute, was: Option<&Value>, said: &Value) -> Value {
    let Some(was) = was.filter(|w| !w.is_null()) else { return said.clone() };
    if attribute.compare == Compare::Exact {
        return keep(Some(was), said.clone());
    }
    keep_same(attribute.compare, was, said)
}

fn keep_same(compare: Compare, was: &Value, said: &Value) -> Value {
    if same(compare, was, said) {
        return with_marks_of(was, said);
    }
    let (Some(old), Some(new)) = (was.as_entries(), said.as_entries()) else { return said.clone() };
    let entry = |(key, value): (&ecow::EcoString, &Value)| {
        let value = old.get(key).map_or_else(|| value.clone(), |was| keep_same(compare, was, value));
        (key.clone(), value)
    };
    let entries: BTreeMap<_, _> = new.iter().map(entry).collect();
    let value = match said.ty() {
        Type::Map(element) => Value::map((*element).clone(), entries.into()),
        _ => Value::object(entries.into()),
    };
    value.with_marks(said.marks())
}

/// The old text with the new marks: a value that became sensitive has changed, one that is only written differently has not.
fn with_marks_of(was: &Value, said: &Value) -> Value {
    if was.marks_deep() == said.marks_deep() {
        return was.clone();
    }
    was.clone().unmark_deep().0.with_marks(said.marks_deep())
}

/// An object that the service completes: members that are not set keep what the service said of them.
fn fill(was: Option<&Value>, said: &Value) -> Value {
    let Some(was) = was else { return said.clone() };
    let (Type::Object(_), Some(old), Some(new)) = (said.ty(), was.as_entries(), said.as_entries()) else {
        return said.clone();
    };
    let member = |(name, value): (&ecow::EcoString, &Value)| {
        let value = match old.get(name) {
            Some(was) if value.is_null() => was.clone(),
            was => fill(was, value),
        };
        (name.clone(), value)
    };
    Value::object(new.iter().map(member).collect()).with_marks(said.marks())
}

fn merge_nested(nested: &NestedBlock, was: Option<&Value>, said: &Value) -> Value {
    if !said.is_known() || said.is_null() {
        return said.clone();
    }
    let was = was.filter(|w| w.is_known() && !w.is_null());
    let block = &nested.block;
    let merged = match nested.nesting {
        Nesting::Single => merge(block, was, said),
        Nesting::List => {
            let old = was.and_then(Value::as_elements).unwrap_or_default();
            let new = said.as_elements().unwrap_or_default();
            let items = new.iter().enumerate().map(|(i, v)| merge(block, old.get(i), v)).collect();
            Value::list(block.implied_type(), items)
        }
        Nesting::Map => {
            let old = was.and_then(Value::as_entries);
            let entries = said.as_entries().into_iter().flatten();
            let merged = entries.map(|(k, v)| (k.clone(), merge(block, old.and_then(|o| o.get(k)), v)));
            Value::map(block.implied_type(), merged.collect())
        }
        Nesting::Set => merge_set(block, was, said),
    };
    keep(was, merged.with_marks(said.marks()))
}

/// Elements of a set have no name: one goes with the old one of which everything that a configuration can say is the same.
fn merge_set(block: &Block, was: Option<&Value>, said: &Value) -> Value {
    let old = was.and_then(Value::as_elements).unwrap_or_default();
    let mut used = vec![false; old.len()];
    let new = said.as_elements().unwrap_or_default();
    let pair = |value: &Value| {
        let found = old.iter().enumerate().position(|(i, was)| !used[i] && says_the_same(block, was, value));
        let was = found.map(|i| {
            used[i] = true;
            &old[i]
        });
        merge(block, was, value)
    };
    let items = new.iter().map(pair).collect();
    Value::set(block.implied_type(), items)
}

fn says_the_same(block: &Block, was: &Value, said: &Value) -> bool {
    let attribute = |(name, attribute): (&String, &Attribute)| {
        let (Some(was), Some(said)) = (was.get(name), said.get(name)) else { return true };
        let silent = said.is_null() && attribute.is_computed();
        attribute.presence == Presence::Computed || silent || same(attribute.compare, was, said)
    };
    let nested = |(name, nested): (&String, &NestedBlock)| {
        let (Some(was), Some(said)) = (was.get(name), said.get(name)) else { return true };
        merge_nested(nested, Some(was), said) == *was
    };
    block.attributes.iter().all(attribute) && block.blocks.iter().all(nested)
}

/// Once something changes, what may change by itself, or along with it, is not known any more.
fn unsettle(block: &Block, prior: Option<&Value>, value: &Value, config: &Value) -> Value {
    let Some(entries) = value.as_entries() else { return value.clone() };
    let touched = |(_, a): &(&String, &Attribute)| a.volatile || a.follows.is_some();
    let any_nested = !block.blocks.is_empty();
    if !any_nested && !block.attributes.iter().any(|a| touched(&a)) {
        return value.clone();
    }
    let mut entries = entries.clone();
    for (name, attribute) in block.attributes.iter().filter(touched) {
        let said = config.get(name).is_some_and(|v| !v.is_null()) && attribute.is_argument();
        if said {
            continue;
        }
        let unknown = || Value::unknown(attribute.ty.without_optional());
        let Some(followed) = &attribute.follows else {
            entries.insert(name.as_str().into(), unknown());
            continue;
        };
        let plain = |v: Option<&Value>| v.map(|v| v.clone().unmark_deep().0);
        let now = plain(value.get(followed));
        if prior.is_some() && plain(prior.and_then(|p| p.get(followed))) == now {
            continue;
        }
        let follower = match now {
            Some(now) if now.is_null() && prior.is_none() => Value::null(attribute.ty.without_optional()),
            Some(now) if attribute.ty == Type::Dynamic => Value::unknown(now.ty()),
            _ => unknown(),
        };
        entries.insert(name.as_str().into(), follower);
    }
    for (name, nested) in &block.blocks {
        let (Some(now), Some(said)) = (value.get(name), config.get(name)) else { continue };
        // A block that stays as it is has still parts that change by themselves with the rest of the object.
        if prior.and_then(|p| p.get(name)) == Some(now) && !has_volatile(&nested.block) {
            continue;
        }
        entries.insert(name.as_str().into(), unsettle_nested(nested, now, said));
    }
    Value::object(entries).with_marks(value.marks())
}

fn has_volatile(block: &Block) -> bool {
    block.attributes.values().any(|a| a.volatile) || block.blocks.values().any(|b| has_volatile(&b.block))
}

fn unsettle_nested(nested: &NestedBlock, value: &Value, config: &Value) -> Value {
    let block = &nested.block;
    let each = |(v, c): (&Value, &Value)| unsettle(block, None, v, c);
    match nested.nesting {
        Nesting::Single => unsettle(block, None, value, config),
        Nesting::List => match (value.as_elements(), config.as_elements()) {
            (Some(v), Some(c)) => Value::list(block.implied_type(), v.iter().zip(c).map(each).collect())
                .with_marks(value.marks()),
            _ => value.clone(),
        },
        // Elements of a set and their configurations don't stand in the same order; what they compute stays as it is.
        Nesting::Set => value.clone(),
        Nesting::Map => match (value.as_entries(), config.as_entries()) {
            (Some(v), Some(c)) => {
                let pairs =
                    v.iter().filter_map(|(k, v)| Some((k.clone(), unsettle(block, None, v, c.get(k)?))));
                Value::map(block.implied_type(), pairs.collect()).with_marks(value.marks())
            }
            _ => value.clone(),
        },
    }
}

/// Collects the changes that force a new object.
fn forced(block: &Block, prior: &Value, value: &Value, at: &Path, out: &mut Vec<Path>) {
    for (name, attribute) in &block.attributes {
        if !attribute.force_new || !attribute.is_argument() {
            continue;
        }
        let strip = |v: Option<&Value>| v.map(|v| v.clone().unmark_deep().0).filter(|v| !v.is_null());
        if strip(prior.get(name)) != strip(value.get(name)) {
            out.push(at.child(Step::Attribute(name.as_str().into())));
        }
    }
    for (name, nested) in &block.blocks {
        let (was, is) = (prior.get(name), value.get(name));
        if was == is {
            continue;
        }
        let at = at.child(Step::Attribute(name.as_str().into()));
        let nothing = Value::null(block.implied_type());
        let (was, is) = (was.unwrap_or(&nothing), is.unwrap_or(&nothing));
        match nested.nesting {
            Nesting::Single => forced(&nested.block, was, is, &at, out),
            Nesting::List => {
                let (was, is) = (was.as_elements().unwrap_or_default(), is.as_elements().unwrap_or_default());
                for i in 0..was.len().max(is.len()) {
                    let at = at.child(Step::Index(i as u64));
                    forced(
                        &nested.block,
                        was.get(i).unwrap_or(&nothing),
                        is.get(i).unwrap_or(&nothing),
                        &at,
                        out,
                    );
                }
            }
            Nesting::Set => {
                let mut inside = Vec::new();
                let empty = Value::null(nested.block.implied_type());
                for element in is.as_elements().unwrap_or_default() {
                    if !was.as_elements().unwrap_or_default().contains(element) {
                        forced(&nested.block, &empty, element, &at, &mut inside);
                    }
                }
                for element in was.as_elements().unwrap_or_default() {
                    if !is.as_elements().unwrap_or_default().contains(element) {
                        forced(&nested.block, element, &empty, &at, &mut inside);
                    }
                }
                if !inside.is_empty() {
                    out.push(at);
                }
            }
            Nesting::Map => {
                let empty = EntryMap::new();
                let (was, is) = (was.as_entries().unwrap_or(&empty), is.as_entries().unwrap_or(&empty));
                let keys: std::collections::BTreeSet<_> = was.keys().chain(is.keys()).collect();
                for key in keys {
                    let at = at.child(Step::Key(key.clone()));
                    let (was, is) = (was.get(key).unwrap_or(&nothing), is.get(key).unwrap_or(&nothing));
                    forced(&nested.block, was, is, &at, out);
                }
            }
        }
    }
}

/// True if what a service gave back keeps to what was planned; else where it doesn't. What was unknown may be anything.
pub(crate) fn broken_promises(block: &Block, planned: &Value, actual: &Value) -> Vec<Path> {
    let mut out = Vec::new();
    check(block, planned, actual, &Path::default(), &mut out);
    out
}

fn check(block: &Block, planned: &Value, actual: &Value, at: &Path, out: &mut Vec<Path>) {
    for (name, attribute) in &block.attributes {
        let (Some(planned), Some(actual)) = (planned.get(name), actual.get(name)) else { continue };
        let completed = attribute.presence == Presence::OptionalComputed;
        if attribute.write_only || agrees(attribute.compare, completed, planned, actual) {
            continue;
        }
        out.push(at.child(Step::Attribute(name.as_str().into())));
    }
    for (name, nested) in &block.blocks {
        let (Some(planned), Some(actual)) = (planned.get(name), actual.get(name)) else { continue };
        if planned.is_wholly_known() && planned == actual {
            continue;
        }
        let at = at.child(Step::Attribute(name.as_str().into()));
        match (nested.nesting, planned.as_elements(), actual.as_elements()) {
            (Nesting::Single, ..) => check(&nested.block, planned, actual, &at, out),
            (Nesting::List, Some(p), Some(a)) if p.len() == a.len() => {
                for (i, (p, a)) in p.iter().zip(a).enumerate() {
                    check(&nested.block, p, a, &at.child(Step::Index(i as u64)), out);
                }
            }
            (Nesting::Set, Some(p), Some(a)) if p.len() == a.len() || !planned.is_wholly_known() => {}
            (Nesting::Map, ..) => {
                for (key, p) in planned.as_entries().into_iter().flatten() {
                    let at = at.child(Step::Key(key.clone()));
                    match actual.get(key) {
                        Some(a) => check(&nested.block, p, a, &at, out),
                        None => out.push(at),
                    }
                }
            }
            _ if !planned.is_known() => {}
            _ => out.push(at),
        }
    }
}

/// A value keeps to a planned one that may be unknown in part. `completed`: the service fills in what is null.
fn agrees(compare: Compare, completed: bool, planned: &Value, actual: &Value) -> bool {
    if !planned.is_known() || (completed && planned.is_null()) {
        return true;
    }
    if planned.is_wholly_known() && same(compare, planned, actual) {
        return true;
    }
    match (planned.as_entries(), actual.as_entries()) {
        (Some(p), Some(a)) => {
            return p.len() == a.len()
                && p.iter().all(|(k, p)| a.get(k).is_some_and(|a| agrees(compare, completed, p, a)));
        }
        (None, None) => {}
        _ => return false,
    }
    match (planned.as_elements(), actual.as_elements()) {
        // Which element is which can't be told; two that are unknown may turn out equal.
        (Some(p), Some(a)) if matches!(planned.ty(), Type::Set(_)) => {
            !planned.is_wholly_known() && a.len() <= p.len()
        }
        (Some(p), Some(a)) => {
            p.len() == a.len() && p.iter().zip(a).all(|(p, a)| agrees(compare, completed, p, a))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
