//! Sets of field paths and their `fieldsV1` form, as server-side apply uses them.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/>

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Map, Value};

use super::types::{Node, Shape};

/// One step of a path. The order is that of the API server's texts: fields, then keys, values, positions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A field or the key of a map.
    Field(String),
    /// An item of a list, by its key fields in the order of their names.
    Key(Vec<(String, Plain)>),
    /// An item of a set, by its value.
    Item(Plain),
    /// An item by its position.
    Index(usize),
}

/// A plain JSON value with an order.
#[derive(Clone, Debug)]
pub(crate) struct Plain(pub(crate) Value);

impl Plain {
    fn rank(&self) -> u8 {
        match &self.0 {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            _ => 3,
        }
    }
}

impl Ord for Plain {
    fn cmp(&self, other: &Plain) -> Ordering {
        match (&self.0, &other.0) {
            (Value::Number(a), Value::Number(b)) => {
                a.as_f64().unwrap_or(0.0).total_cmp(&b.as_f64().unwrap_or(0.0))
            }
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()).then_with(|| self.0.to_string().cmp(&other.0.to_string())),
        }
    }
}

impl PartialOrd for Plain {
    fn partial_cmp(&self, other: &Plain) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Plain {
    fn eq(&self, other: &Plain) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Plain {}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Field(name) => write!(out, ".{name}"),
            Step::Key(keys) => {
                let parts: Vec<String> =
                    keys.iter().map(|(name, value)| format!("{name}={}", value.0)).collect();
                write!(out, "[{}]", parts.join(","))
            }
            Step::Item(value) => write!(out, "[={}]", value.0),
            Step::Index(at) => write!(out, "[{at}]"),
        }
    }
}

impl Step {
    fn encode(&self) -> String {
        match self {
            Step::Field(name) => format!("f:{name}"),
            Step::Key(keys) => {
                let map: Map<String, Value> =
                    keys.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect();
                format!("k:{}", Value::Object(map))
            }
            Step::Item(value) => format!("v:{}", value.0),
            Step::Index(at) => format!("i:{at}"),
        }
    }

    fn decode(text: &str) -> Option<Step> {
        let (kind, rest) = text.split_once(':')?;
        Some(match kind {
            "f" => Step::Field(rest.to_owned()),
            "k" => {
                let Ok(Value::Object(map)) = serde_json::from_str(rest) else { return None };
                let mut keys: Vec<_> = map.into_iter().map(|(name, value)| (name, Plain(value))).collect();
                keys.sort();
                Step::Key(keys)
            }
            "v" => Step::Item(Plain(serde_json::from_str(rest).ok()?)),
            "i" => Step::Index(rest.parse().ok()?),
            _ => return None,
        })
    }
}

/// A set of paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Set {
    members: BTreeSet<Step>,
    children: BTreeMap<Step, Set>,
}

impl Set {
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(Set::is_empty)
    }

    pub(crate) fn insert(&mut self, path: &[Step]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Makes `step` a member, and `below` what is under it.
    pub(crate) fn put(&mut self, step: Step, member: bool, below: Set) {
        if !below.is_empty() {
            self.children.insert(step.clone(), below);
        }
        if member {
            self.members.insert(step);
        }
    }

    pub(crate) fn has(&self, step: &Step) -> bool {
        self.members.contains(step)
    }

    pub(crate) fn below(&self, step: &Step) -> Option<&Set> {
        self.children.get(step).filter(|set| !set.is_empty())
    }

    /// Removes one path, and nothing that is under it.
    pub(crate) fn remove(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [last] => {
                self.members.remove(&Step::Field((*last).to_owned()));
            }
            [first, rest @ ..] => {
                let step = Step::Field((*first).to_owned());
                if let Some(child) = self.children.get_mut(&step) {
                    child.remove(rest);
                    if child.is_empty() {
                        self.children.remove(&step);
                    }
                }
            }
        }
    }

    /// What one of the two has.
    pub(crate) fn union(&self, other: &Set) -> Set {
        let mut result = self.clone();
        result.members.extend(other.members.iter().cloned());
        for (step, set) in &other.children {
            let child = result.children.entry(step.clone()).or_default();
            *child = child.union(set);
        }
        result
    }

    /// What both have.
    pub(crate) fn intersection(&self, other: &Set) -> Set {
        let members = self.members.intersection(&other.members).cloned().collect();
        let mut children = BTreeMap::new();
        for (step, set) in &self.children {
            if let Some(theirs) = other.children.get(step) {
                let both = set.intersection(theirs);
                if !both.is_empty() {
                    children.insert(step.clone(), both);
                }
            }
        }
        Set { members, children }
    }

    /// What only this one has.
    pub(crate) fn difference(&self, other: &Set) -> Set {
        let members = self.members.difference(&other.members).cloned().collect();
        let mut children = BTreeMap::new();
        for (step, set) in &self.children {
            let left = match other.children.get(step) {
                Some(theirs) => set.difference(theirs),
                None => set.clone(),
            };
            if !left.is_empty() {
                children.insert(step.clone(), left);
            }
        }
        Set { members, children }
    }

    /// The same set with every struct field on the way to a member as a member itself.
    pub(crate) fn with_named_fields(&self, node: &Node) -> Set {
        let mut result = Set { members: self.members.clone(), children: BTreeMap::new() };
        for (step, set) in &self.children {
            let below = match (&node.shape, step) {
                (Shape::Struct(made), Step::Field(name)) => {
                    let field = made.field(name);
                    if field.is_some() {
                        result.members.insert(step.clone());
                    }
                    field.map(|field| set.with_named_fields(&field.node))
                }
                (Shape::Map { of, .. } | Shape::List { of, .. }, _) => Some(set.with_named_fields(of)),
                _ => None,
            };
            result.children.insert(step.clone(), below.unwrap_or_else(|| set.clone()));
        }
        result
    }

    /// Every path as text, members before what is under other members.
    pub(crate) fn paths(&self) -> Vec<String> {
        fn walk(set: &Set, prefix: &str, out: &mut Vec<String>) {
            out.extend(set.members.iter().map(|step| format!("{prefix}{step}")));
            for (step, child) in &set.children {
                walk(child, &format!("{prefix}{step}"), out);
            }
        }
        let mut out = Vec::new();
        walk(self, "", &mut out);
        out
    }

    /// The `fieldsV1` form.
    pub(crate) fn encode(&self) -> Value {
        let steps: BTreeSet<&Step> = self.members.iter().chain(self.children.keys()).collect();
        let mut map = Map::new();
        for step in steps {
            let mut inner = Map::new();
            if let Some(child) = self.children.get(step).filter(|child| !child.is_empty()) {
                if self.members.contains(step) {
                    inner.insert(".".into(), Value::Object(Map::new()));
                }
                if let Value::Object(fields) = child.encode() {
                    inner.extend(fields);
                }
            } else if !self.members.contains(step) {
                continue;
            }
            map.insert(step.encode(), Value::Object(inner));
        }
        Value::Object(map)
    }

    /// Reads the `fieldsV1` form; what cannot be read is left out.
    pub(crate) fn decode(value: &Value) -> Set {
        let mut set = Set::default();
        for (key, inner) in value.as_object().into_iter().flatten() {
            let Some(step) = Step::decode(key) else { continue };
            let fields = inner.as_object();
            let leaf = fields.is_none_or(Map::is_empty);
            if leaf || fields.is_some_and(|fields| fields.contains_key(".")) {
                set.members.insert(step.clone());
            }
            let child = Set::decode(inner);
            if !child.is_empty() {
                set.children.insert(step, child);
            }
        }
        set
    }
}
