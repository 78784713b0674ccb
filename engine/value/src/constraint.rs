//! Type constraints with defaults: `object({ a = optional(string, "x") })`.

use std::collections::BTreeMap;

use ecow::EcoString;

use crate::convert::{ConvertError, convert};
use crate::{EntryMap, Kind, Type, Value};

/// What a `variable` block's `type` says: a type (with optional attributes, and `Dynamic` for `any`) and the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// The type to convert to.
    pub ty: Type,
    /// Defaults of optional attributes, if there are any.
    pub defaults: Option<Defaults>,
}

/// Defaults of optional attributes, following the shape of the type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Defaults {
    /// Defaults of this object's attributes.
    pub values: BTreeMap<EcoString, Value>,
    /// Defaults deeper inside: by attribute name, by tuple index written as text, or `""` for a collection's elements.
    pub children: BTreeMap<EcoString, Defaults>,
}

impl Constraint {
    /// `any`
    pub fn any() -> Constraint {
        Constraint { ty: Type::Dynamic, defaults: None }
    }
    /// Fills defaults in, then converts.
    pub fn apply(&self, value: &Value) -> Result<Value, ConvertError> {
        match &self.defaults {
            Some(defaults) => convert(&defaults.fill(value), &self.ty),
            None => convert(value, &self.ty),
        }
    }
}

impl Defaults {
    /// True if nothing has a default.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.children.values().all(Defaults::is_empty)
    }

    /// The value with absent and null attributes filled in, at every level. A null or unknown stays what it is; a
    /// collection comes back as a tuple or object, to be converted after.
    pub fn fill(&self, value: &Value) -> Value {
        if self.is_empty() {
            return value.clone();
        }
        let filled = match value.kind() {
            Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) if !e.items().is_empty() => {
                let fill = |(i, v): (usize, &Value)| match self.child(&i.to_string()) {
                    Some(defaults) => defaults.fill(v),
                    None => v.clone(),
                };
                Value::tuple(e.items().iter().enumerate().map(fill).collect())
            }
            Kind::Map(e) if e.items().is_empty() && self.values.is_empty() => return value.clone(),
            Kind::Map(e) | Kind::Object(e) => Value::object(self.fill_entries(e.items())),
            _ => return value.clone(),
        };
        filled.with_marks(value.marks())
    }

    fn fill_entries(&self, entries: &EntryMap) -> EntryMap {
        let fill = |name: &str, v: &Value| self.child(name).map_or_else(|| v.clone(), |d| d.fill(v));
        let mut filled: EntryMap = entries.iter().map(|(name, v)| (name.clone(), fill(name, v))).collect();
        for (name, default) in &self.values {
            let absent = filled.get(name).is_none_or(Value::is_null);
            if absent {
                filled.insert(name.clone(), fill(name, default));
            }
        }
        filled
    }

    fn child(&self, name: &str) -> Option<&Defaults> {
        self.children.get(name).or_else(|| self.children.get(""))
    }
}

#[cfg(test)]
mod tests;
