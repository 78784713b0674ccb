//! Paths into a value.

use std::fmt;

use ecow::EcoString;

use crate::{Number, Value};

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `.name` of an object.
    Attribute(EcoString),
    /// `["key"]` of a map.
    Key(EcoString),
    /// `[n]` of a list or tuple.
    Index(u64),
    /// An element of a set, by its value.
    Element(Value),
}

/// Steps from the outside in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The path with one more step.
    pub fn child(&self, step: Step) -> Path {
        let mut steps = self.0.clone();
        steps.push(step);
        Path(steps)
    }
    /// The first attribute name, if the path starts with one.
    pub fn root_attribute(&self) -> Option<&str> {
        match self.0.first() {
            Some(Step::Attribute(name)) => Some(name),
            _ => None,
        }
    }
}

impl From<u64> for Step {
    fn from(n: u64) -> Step {
        Step::Index(n)
    }
}

/// `.a["k"][0]`
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{:?}]", key.as_str())?,
                Step::Index(n) => write!(f, "[{}]", Number::Int(*n as i64))?,
                Step::Element(_) => f.write_str("[…]")?,
            }
        }
        Ok(())
    }
}
