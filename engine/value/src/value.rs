//! The value: a kind, its marks, and what is known of what is inside.

mod digest;
mod entries;
mod marked;
#[cfg(test)]
pub(crate) mod samples;
mod shared;
mod walk;

use std::sync::Arc;

use ecow::EcoString;

use crate::{Marks, Number, Type};

pub use digest::Digest;
pub use entries::EntryMap;
pub use shared::SharedType;

/// A value. Cloning costs a pointer bump at most.
///
/// Printing one never shows what is marked sensitive: `Debug` writes `(sensitive)` in its place.
#[derive(Clone)]
pub struct Value {
    kind: Kind,
    marks: Marks,
}

/// What a value is. A collection carries its element type, so that an empty one has a type too.
#[derive(Clone)]
pub enum Kind {
    /// A null of a type.
    Null(Type),
    /// Not known before apply.
    Unknown(Arc<Unknown>),
    /// A bool.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string in NFC.
    String(EcoString),
    /// A list; every element has the element type.
    List(Arc<Elements>),
    /// A set: no doubles, in Terraform's order. Elements carry no marks of their own (the set does).
    Set(Arc<Elements>),
    /// A tuple.
    Tuple(Arc<Elements>),
    /// A map, sorted by key.
    Map(Arc<Entries>),
    /// An object, sorted by attribute name.
    Object(Arc<Entries>),
}

/// An unknown value: its type, and what is known of it all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its type; `Dynamic` if that is not known either.
    pub ty: Type,
    /// What is known of it.
    pub refinement: Refinement,
}

/// What is known of an unknown value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refinement {
    /// It will not be null.
    pub not_null: bool,
    /// A string will begin with this.
    pub prefix: Option<EcoString>,
    /// A collection will have at least this many elements.
    pub min_length: Option<u64>,
    /// A collection will have at most this many elements.
    pub max_length: Option<u64>,
}

/// Elements of a list, set or tuple. Made by the constructors of [`Value`] only.
pub struct Elements {
    pub(crate) ty: Type,
    pub(crate) items: Vec<Value>,
    pub(crate) inside: Inside,
}

/// Entries of a map or object. Made by the constructors of [`Value`] only.
#[derive(Clone)]
pub struct Entries {
    pub(crate) ty: Type,
    pub(crate) items: EntryMap,
    pub(crate) inside: Inside,
}

/// What occurs anywhere inside a collection: computed once, when it is made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inside {
    pub(crate) marks: Marks,
    pub(crate) unknown: bool,
    size: u64,
    depth: u32,
}

impl Inside {
    fn of<'a>(values: impl Iterator<Item = &'a Value>) -> Inside {
        values.fold(Inside::default(), |acc, v| Inside {
            marks: acc.marks | v.marks_deep(),
            unknown: acc.unknown || !v.is_wholly_known(),
            size: acc.size.saturating_add(v.size()),
            depth: acc.depth.max(v.depth()),
        })
    }
}

impl Elements {
    /// The elements, in order.
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

impl Entries {
    /// The entries, by key.
    pub fn items(&self) -> &EntryMap {
        &self.items
    }
}

impl From<Kind> for Value {
    fn from(kind: Kind) -> Value {
        Value { kind, marks: Marks::empty() }
    }
}

/// Making values.
impl Value {
    /// A null of a type (`Type::Dynamic` for the bare `null`).
    pub fn null(ty: Type) -> Value {
        Kind::Null(ty).into()
    }
    /// An unknown of a type, with nothing more known.
    pub fn unknown(ty: Type) -> Value {
        Value::unknown_refined(ty, Refinement::default())
    }
    /// An unknown of a type with what is known of it.
    pub fn unknown_refined(ty: Type, refinement: Refinement) -> Value {
        Kind::Unknown(Arc::new(Unknown { ty, refinement })).into()
    }
    /// An unknown of a type that won't be null.
    pub fn unknown_not_null(ty: Type) -> Value {
        Value::unknown_refined(ty, Refinement { not_null: true, ..Refinement::default() })
    }
    /// If it is unknown, the same with more known of it; a known value stays as it is.
    pub fn refine(mut self, refine: impl FnOnce(&mut Refinement)) -> Value {
        if let Kind::Unknown(unknown) = &mut self.kind {
            refine(&mut Arc::make_mut(unknown).refinement);
        }
        self
    }
    /// A bool.
    pub fn bool(b: bool) -> Value {
        Kind::Bool(b).into()
    }
    /// A number.
    pub fn number(n: impl Into<Number>) -> Value {
        Kind::Number(n.into()).into()
    }
    /// A string; normalised to NFC.
    pub fn string(s: impl AsRef<str>) -> Value {
        let s = s.as_ref();
        if s.is_ascii() {
            return Kind::String(EcoString::from(s)).into();
        }
        if unicode_normalization::is_nfc_quick(s.chars()) == unicode_normalization::IsNormalized::Yes {
            return Kind::String(EcoString::from(s)).into();
        }
        use unicode_normalization::UnicodeNormalization as _;
        Kind::String(s.nfc().collect()).into()
    }
    /// A list. Every element must have the type `element` (nulls and unknowns of it included); convert before.
    pub fn list(element: Type, items: Vec<Value>) -> Value {
        let inside = Inside::of(items.iter());
        Kind::List(Arc::new(Elements { ty: Type::list(element), items, inside })).into()
    }
    /// A set: sorts, removes doubles, and moves marks of elements to the set.
    pub fn set(element: Type, items: Vec<Value>) -> Value {
        let mut marks = Marks::empty();
        let items = items
            .into_iter()
            .map(|v| {
                let (v, m) = v.unmark_deep();
                marks |= m;
                v
            })
            .collect();
        let items = crate::convert::set_order(items);
        let inside = Inside::of(items.iter());
        Value { kind: Kind::Set(Arc::new(Elements { ty: Type::set(element), items, inside })), marks }
    }
    /// A tuple.
    pub fn tuple(items: Vec<Value>) -> Value {
        let ty = Type::tuple(items.iter().map(Value::ty));
        let inside = Inside::of(items.iter());
        Kind::Tuple(Arc::new(Elements { ty, items, inside })).into()
    }
    /// A map. Every element must have the type `element`; convert before.
    pub fn map(element: Type, items: EntryMap) -> Value {
        let inside = Inside::of(items.values());
        Kind::Map(Arc::new(Entries { ty: Type::map(element), items, inside })).into()
    }
    /// An object.
    pub fn object(items: EntryMap) -> Value {
        let ty = Type::object(items.iter().map(|(k, v)| (k.clone(), v.ty())));
        let inside = Inside::of(items.values());
        Kind::Object(Arc::new(Entries { ty, items, inside })).into()
    }
    /// An object whose type is known already: saves making it for each of many.
    pub(crate) fn object_of_type(ty: Type, items: EntryMap) -> Value {
        let inside = Inside::of(items.values());
        Kind::Object(Arc::new(Entries { ty, items, inside })).into()
    }
    /// An object from pairs.
    pub fn object_of<K: Into<EcoString>>(items: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::object(items.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }
}

/// Looking at values.
impl Value {
    /// What it is, marks aside.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }
    /// Its type.
    pub fn ty(&self) -> Type {
        match &self.kind {
            Kind::Null(t) => t.clone(),
            Kind::Unknown(u) => u.ty.clone(),
            Kind::Bool(_) => Type::Bool,
            Kind::Number(_) => Type::Number,
            Kind::String(_) => Type::String,
            Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => e.ty.clone(),
            Kind::Map(e) | Kind::Object(e) => e.ty.clone(),
        }
    }
    /// True if it has exactly this type.
    pub fn has_type(&self, ty: &Type) -> bool {
        match &self.kind {
            Kind::Null(t) => t == ty,
            Kind::Unknown(u) => u.ty == *ty,
            Kind::Bool(_) => *ty == Type::Bool,
            Kind::Number(_) => *ty == Type::Number,
            Kind::String(_) => *ty == Type::String,
            Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => e.ty == *ty,
            Kind::Map(e) | Kind::Object(e) => e.ty == *ty,
        }
    }
    /// True for a null of any type.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null(_))
    }
    /// True if it is known not to be null: it is something, or an unknown of which that is known.
    pub fn is_surely_not_null(&self) -> bool {
        match &self.kind {
            Kind::Null(_) => false,
            Kind::Unknown(unknown) => unknown.refinement.not_null,
            _ => true,
        }
    }
    /// False only if the value itself is unknown.
    pub fn is_known(&self) -> bool {
        !matches!(self.kind, Kind::Unknown(_))
    }
    /// True if nothing in it is unknown. Costs nothing.
    pub fn is_wholly_known(&self) -> bool {
        match &self.kind {
            Kind::Unknown(_) => false,
            Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => !e.inside.unknown,
            Kind::Map(e) | Kind::Object(e) => !e.inside.unknown,
            _ => true,
        }
    }
    /// How many values it is, written out: itself and all that is inside; a text counts one more for every 32 bytes, a
    /// number for every 32 digits. What is in it several times counts several times, though it is in memory once. Costs
    /// nothing.
    pub fn size(&self) -> u64 {
        match &self.kind {
            Kind::String(s) => 1 + s.len() as u64 / 32,
            Kind::Number(n @ Number::Big(_)) => 1 + n.bits() / 106,
            Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => e.inside.size.saturating_add(1),
            Kind::Map(e) | Kind::Object(e) => e.inside.size.saturating_add(1),
            _ => 1,
        }
    }
    /// How many levels of collections it has. Costs nothing.
    pub fn depth(&self) -> u32 {
        match &self.kind {
            Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => e.inside.depth.saturating_add(1),
            Kind::Map(e) | Kind::Object(e) => e.inside.depth.saturating_add(1),
            _ => 0,
        }
    }
    /// The text of a known, non-null string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(s) => Some(s),
            _ => None,
        }
    }
    /// A known, non-null bool.
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(b) => Some(b),
            _ => None,
        }
    }
    /// A known, non-null number.
    pub fn as_number(&self) -> Option<&Number> {
        match &self.kind {
            Kind::Number(n) => Some(n),
            _ => None,
        }
    }
    /// A known whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::to_i64)
    }
    /// The elements of a known list, set or tuple.
    pub fn as_elements(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => Some(&e.items),
            _ => None,
        }
    }
    /// The entries of a known map or object.
    pub fn as_entries(&self) -> Option<&EntryMap> {
        match &self.kind {
            Kind::Map(e) | Kind::Object(e) => Some(&e.items),
            _ => None,
        }
    }
    /// An attribute of a known object, or the element of a known map; without this value's own marks.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_entries().and_then(|e| e.get(name))
    }
}

/// Marks.
impl Value {
    /// Marks of the value itself.
    pub fn marks(&self) -> Marks {
        self.marks
    }
    /// Marks of the value and of all that is inside. Costs nothing.
    pub fn marks_deep(&self) -> Marks {
        self.marks
            | match &self.kind {
                Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => e.inside.marks,
                Kind::Map(e) | Kind::Object(e) => e.inside.marks,
                _ => Marks::empty(),
            }
    }
    /// Sensitive itself, or holds something that is.
    pub fn has_sensitive(&self) -> bool {
        self.marks_deep().contains(Marks::SENSITIVE)
    }
    /// The same value with more marks.
    pub fn with_marks(mut self, marks: Marks) -> Value {
        self.marks |= marks;
        self
    }
    /// The same value without the marks that it has itself, and those.
    pub fn unmark(mut self) -> (Value, Marks) {
        let marks = std::mem::take(&mut self.marks);
        (self, marks)
    }
    /// The same value without any mark inside, and all the marks that were found.
    pub fn unmark_deep(self) -> (Value, Marks) {
        let found = self.marks_deep();
        if found.is_empty() {
            return (self, found);
        }
        let strip = |v: &Value| v.clone().unmark_deep().0;
        let kind = match self.kind {
            Kind::List(e) => Kind::List(Arc::new(Elements::stripped(&e, strip))),
            Kind::Set(e) => Kind::Set(Arc::new(Elements::stripped(&e, strip))),
            Kind::Tuple(e) => Kind::Tuple(Arc::new(Elements::stripped(&e, strip))),
            Kind::Map(e) => Kind::Map(Arc::new(Entries::stripped(&e, strip))),
            Kind::Object(e) => Kind::Object(Arc::new(Entries::stripped(&e, strip))),
            other => other,
        };
        (Value { kind, marks: Marks::empty() }, found)
    }
}

impl Elements {
    fn stripped(&self, strip: impl Fn(&Value) -> Value) -> Elements {
        let items = self.items.iter().map(strip).collect();
        let inside = Inside { marks: Marks::empty(), ..self.inside };
        Elements { ty: self.ty.clone(), items, inside }
    }
}

impl Entries {
    fn stripped(&self, strip: impl Fn(&Value) -> Value) -> Entries {
        let items = self.items.iter().map(|(k, v)| (k.clone(), strip(v))).collect();
        let inside = Inside { marks: Marks::empty(), ..self.inside };
        Entries { ty: self.ty.clone(), items, inside }
    }
}

/// Identity, not the `==` of the language: same kind, same type, same marks, unknowns equal to themselves.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.marks == other.marks
            && match (&self.kind, &other.kind) {
                (Kind::Null(a), Kind::Null(b)) => a == b,
                (Kind::Unknown(a), Kind::Unknown(b)) => a == b,
                (Kind::Bool(a), Kind::Bool(b)) => a == b,
                (Kind::Number(a), Kind::Number(b)) => a == b,
                (Kind::String(a), Kind::String(b)) => a == b,
                (Kind::List(a), Kind::List(b))
                | (Kind::Set(a), Kind::Set(b))
                | (Kind::Tuple(a), Kind::Tuple(b)) => {
                    Arc::ptr_eq(a, b) || (a.ty == b.ty && a.items == b.items)
                }
                (Kind::Map(a), Kind::Map(b)) | (Kind::Object(a), Kind::Object(b)) => {
                    Arc::ptr_eq(a, b) || (a.ty == b.ty && a.items == b.items)
                }
                _ => false,
            }
    }
}

impl Eq for Value {}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.marks.contains(Marks::SENSITIVE) {
            return f.write_str("(sensitive)");
        }
        match &self.kind {
            Kind::Null(_) => f.write_str("null"),
            Kind::Unknown(u) => write!(f, "(unknown {})", u.ty),
            Kind::Bool(b) => write!(f, "{b}"),
            Kind::Number(n) => write!(f, "{n}"),
            Kind::String(s) => write!(f, "{:?}", s.as_str()),
            Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => f.debug_list().entries(&e.items).finish(),
            Kind::Map(e) | Kind::Object(e) => f.debug_map().entries(&e.items).finish(),
        }
    }
}

#[cfg(test)]
mod tests;
