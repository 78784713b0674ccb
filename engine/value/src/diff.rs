//! Structural difference of two values, as data; how it looks is for the report to say.

use std::collections::BTreeSet;

use ecow::EcoString;

use crate::{EntryMap, Kind, Marks, Path, Step, Value};

/// One place where two values differ.
///
/// The values have the marks of all that is around them, so that a part of a secret is still a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where.
    pub path: Path,
    /// What was there; none if it is new.
    pub before: Option<Value>,
    /// What is there; none if it is gone.
    pub after: Option<Value>,
}

/// All places where two values differ, deepest places named, in order. Marks alone are a difference too.
///
/// Lists and tuples are compared by index, objects and maps by name, sets by element. What is of another type (a tuple
/// that was a list, a null that was an object) differs as a whole.
pub fn diff(before: &Value, after: &Value) -> Vec<Difference> {
    let mut comparison = Comparison { path: Path::default(), found: Vec::new() };
    comparison.compare((before, Marks::empty()), (after, Marks::empty()));
    comparison.found
}

/// A value with the marks of what is around it.
type Around<'v> = (&'v Value, Marks);

struct Comparison {
    path: Path,
    found: Vec<Difference>,
}

impl Comparison {
    fn add(&mut self, before: Option<Around<'_>>, after: Option<Around<'_>>) {
        let marked = |(value, marks): Around<'_>| value.clone().with_marks(marks);
        self.found.push(Difference {
            path: self.path.clone(),
            before: before.map(marked),
            after: after.map(marked),
        });
    }

    fn inside(&mut self, step: Step, f: impl FnOnce(&mut Comparison)) {
        self.path.0.push(step);
        f(self);
        self.path.0.pop();
    }

    fn compare(&mut self, before: Around<'_>, after: Around<'_>) {
        let (own_before, own_after) = (before.0.marks() | before.1, after.0.marks() | after.1);
        if before.0 == after.0 && own_before == own_after {
            return;
        }
        if own_before != own_after {
            return self.add(Some(before), Some(after));
        }
        let found = self.found.len();
        match (before.0.kind(), after.0.kind()) {
            (Kind::List(a), Kind::List(b)) | (Kind::Tuple(a), Kind::Tuple(b)) => {
                self.by_index(a.items(), b.items(), own_before);
            }
            (Kind::Set(a), Kind::Set(b)) => self.by_element(a.items(), b.items(), own_before),
            (Kind::Map(a), Kind::Map(b)) => self.by_name(a.items(), b.items(), own_before, Step::Key),
            (Kind::Object(a), Kind::Object(b)) => {
                self.by_name(a.items(), b.items(), own_before, Step::Attribute)
            }
            _ => return self.add(Some(before), Some(after)),
        }
        // Nothing inside differs but the type does (an empty list of another element type).
        if self.found.len() == found {
            self.add(Some(before), Some(after));
        }
    }

    fn pair(&mut self, step: Step, before: Option<&Value>, after: Option<&Value>, marks: Marks) {
        self.inside(step, |this| match (before, after) {
            (Some(before), Some(after)) => this.compare((before, marks), (after, marks)),
            (before, after) => this.add(before.map(|v| (v, marks)), after.map(|v| (v, marks))),
        });
    }

    fn by_index(&mut self, before: &[Value], after: &[Value], marks: Marks) {
        for i in 0..before.len().max(after.len()) {
            self.pair(Step::Index(i as u64), before.get(i), after.get(i), marks);
        }
    }

    fn by_element(&mut self, before: &[Value], after: &[Value], marks: Marks) {
        let canonical = |value: &Value| {
            let mut bytes = Vec::new();
            value.write_canonical(&mut bytes);
            bytes
        };
        let had: BTreeSet<_> = before.iter().map(canonical).collect();
        let has: BTreeSet<_> = after.iter().map(canonical).collect();
        for gone in before.iter().filter(|v| !has.contains(&canonical(v))) {
            self.pair(Step::Element(gone.clone()), Some(gone), None, marks);
        }
        for new in after.iter().filter(|v| !had.contains(&canonical(v))) {
            self.pair(Step::Element(new.clone()), None, Some(new), marks);
        }
    }

    fn by_name(&mut self, before: &EntryMap, after: &EntryMap, marks: Marks, step: fn(EcoString) -> Step) {
        let names: BTreeSet<&EcoString> = before.keys().chain(after.keys()).collect();
        for name in names {
            self.pair(step(name.clone()), before.get(name), after.get(name), marks);
        }
    }
}

#[cfg(test)]
mod tests;
