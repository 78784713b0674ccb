//! A type that most of many objects have, kept once for all of them.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Kind, Value};
use crate::Type;

/// The type of the object that came last. Objects of one schema are made one by one, each with a type of its own, which is larger than
/// they are; as most of them have the same one, the type of the one before is the type of the next.
#[derive(Debug, Default)]
pub struct SharedType(Mutex<Option<Type>>);

impl SharedType {
    /// The same value; if it is an object, its type is one with that of the object before, if both are equal.
    #[must_use]
    pub fn share(&self, mut value: Value) -> Value {
        let Kind::Object(entries) = &mut value.kind else { return value };
        // Every change of the lock's content is one assignment: a poisoned one holds a type all the same.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*last, &entries.ty) {
            (Some(Type::Object(one)), Type::Object(same)) if Arc::ptr_eq(one, same) => {}
            (Some(one), equal) if one == equal => Arc::make_mut(entries).ty = one.clone(),
            _ => *last = Some(entries.ty.clone()),
        }
        drop(last);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_types_are_one() {
        let shared = SharedType::default();
        let make =
            |n: &str| shared.share(Value::object_of([("a", Value::string(n)), ("b", Value::bool(true))]));
        let (one, two) = (make("1"), make("2"));
        let other = shared.share(Value::object_of([("a", Value::bool(true))]));
        let (Type::Object(a), Type::Object(b), Type::Object(c)) = (one.ty(), two.ty(), other.ty()) else {
            panic!("objects have object types")
        };
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!(c.attributes.len(), 1);
        assert_eq!(two.get("a"), Some(&Value::string("2")));
    }
}
