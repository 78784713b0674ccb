//! Visiting, rebuilding and picking what is inside of a value.

use std::sync::Arc;

use super::{Elements, Entries, EntryMap, Inside, Kind, Value};
use crate::unify::unify;
use crate::{Path, Step, Type};

impl Value {
    /// Calls `visit` with every place of the value, from the outside in and in order; it says whether to go inside. The
    /// values given have only their own marks, not those of what is around them.
    pub fn walk(&self, visit: &mut impl FnMut(&Path, &Value) -> bool) {
        walk_at(self, &mut Path::default(), visit);
    }

    /// Rebuilds the value from the inside out: `change` is given each place with all that is inside of it changed
    /// already. Marks stay unless `change` takes them off. A list, set or map whose elements become different types
    /// takes the type that they unify to, and is a tuple or object if there is none.
    pub fn transform<E>(
        &self,
        change: &mut impl FnMut(&Path, Value) -> Result<Value, E>,
    ) -> Result<Value, E> {
        transform_at(self, &mut Path::default(), change)
    }

    /// What is at a place, with the marks of all that is around it; none if it isn't there (or is inside of a null or
    /// unknown).
    pub fn get_path(&self, path: &Path) -> Option<Value> {
        let mut marks = self.marks();
        let mut at = self;
        for step in &path.0 {
            at = at.child(step)?;
            marks |= at.marks();
        }
        Some(at.clone().with_marks(marks))
    }

    /// What is one step inside, with its own marks only.
    pub fn child(&self, step: &Step) -> Option<&Value> {
        match (&self.kind, step) {
            (Kind::Object(e) | Kind::Map(e), Step::Attribute(name) | Step::Key(name)) => e.items.get(name),
            (Kind::List(e) | Kind::Tuple(e), Step::Index(i)) => e.items.get(usize::try_from(*i).ok()?),
            (Kind::Set(e), Step::Element(wanted)) => e.items.iter().find(|v| *v == wanted),
            _ => None,
        }
    }

    /// The same value with what is one step inside replaced; none if nothing is there. The new one must have the same
    /// type as the old one.
    pub(crate) fn replace_child(&self, step: &Step, change: impl FnOnce(&Value) -> Value) -> Option<Value> {
        let kind = match (&self.kind, step) {
            (Kind::Set(_), _) => return None,
            (Kind::List(e) | Kind::Tuple(e), Step::Index(i)) => {
                let index = usize::try_from(*i).ok()?;
                let new = change(e.items.get(index)?);
                let mut items = e.items.clone();
                items[index] = new;
                let inside = Inside::of(items.iter());
                let elements = Arc::new(Elements { ty: e.ty.clone(), items, inside });
                if matches!(self.kind, Kind::List(_)) { Kind::List(elements) } else { Kind::Tuple(elements) }
            }
            (Kind::Object(e) | Kind::Map(e), Step::Attribute(name) | Step::Key(name)) => {
                let new = change(e.items.get(name)?);
                let mut items = e.items.clone();
                items.insert(name.clone(), new);
                let inside = Inside::of(items.values());
                let entries = Arc::new(Entries { ty: e.ty.clone(), items, inside });
                if matches!(self.kind, Kind::Map(_)) { Kind::Map(entries) } else { Kind::Object(entries) }
            }
            _ => return None,
        };
        Some(Value { kind, marks: self.marks })
    }
}

/// The steps to the children of a value, with the children.
pub(crate) fn children(value: &Value) -> Box<dyn Iterator<Item = (Step, &Value)> + '_> {
    match &value.kind {
        Kind::List(e) | Kind::Tuple(e) => {
            Box::new(e.items.iter().enumerate().map(|(i, v)| (Step::Index(i as u64), v)))
        }
        Kind::Set(e) => Box::new(e.items.iter().map(|v| (Step::Element(v.clone()), v))),
        Kind::Map(e) => Box::new(e.items.iter().map(|(k, v)| (Step::Key(k.clone()), v))),
        Kind::Object(e) => Box::new(e.items.iter().map(|(k, v)| (Step::Attribute(k.clone()), v))),
        _ => Box::new(std::iter::empty()),
    }
}

fn walk_at(value: &Value, path: &mut Path, visit: &mut impl FnMut(&Path, &Value) -> bool) {
    if !visit(path, value) {
        return;
    }
    for (step, child) in children(value) {
        path.0.push(step);
        walk_at(child, path, visit);
        path.0.pop();
    }
}

fn transform_at<E>(
    value: &Value,
    path: &mut Path,
    change: &mut impl FnMut(&Path, Value) -> Result<Value, E>,
) -> Result<Value, E> {
    let mut items = Vec::new();
    for (step, child) in children(value) {
        path.0.push(step);
        let changed = transform_at(child, path, change);
        let step = path.0.pop();
        items.push((step, changed?));
    }
    let unchanged = items.iter().zip(children(value)).all(|((_, new), (_, old))| new == old);
    let rebuilt = if unchanged { value.clone() } else { rebuild(value, items).with_marks(value.marks) };
    change(path, rebuilt)
}

fn rebuild(like: &Value, items: Vec<(Option<Step>, Value)>) -> Value {
    let named = |items: Vec<(Option<Step>, Value)>| -> EntryMap {
        items
            .into_iter()
            .filter_map(|(step, v)| match step {
                Some(Step::Attribute(name) | Step::Key(name)) => Some((name, v)),
                _ => None,
            })
            .collect()
    };
    if matches!(like.kind, Kind::Object(_)) {
        return Value::object(named(items));
    }
    if matches!(like.kind, Kind::Tuple(_)) {
        return Value::tuple(items.into_iter().map(|(_, v)| v).collect());
    }
    let types: Vec<Type> = items.iter().map(|(_, v)| v.ty()).collect();
    let element = unify(&types);
    let uniform = element.as_ref().and_then(|ty| {
        let convert =
            |(step, v): &(Option<Step>, Value)| Some((step.clone(), crate::convert::convert(v, ty).ok()?));
        items.iter().map(convert).collect::<Option<Vec<_>>>()
    });
    match (&like.kind, element, uniform) {
        (Kind::Map(_), Some(ty), Some(items)) => Value::map(ty, named(items)),
        (Kind::Map(_), ..) => Value::object(named(items)),
        (Kind::Set(_), Some(ty), Some(items)) => Value::set(ty, items.into_iter().map(|(_, v)| v).collect()),
        (_, Some(ty), Some(items)) => Value::list(ty, items.into_iter().map(|(_, v)| v).collect()),
        _ => Value::tuple(items.into_iter().map(|(_, v)| v).collect()),
    }
}
