//! Rust structs as schemas and values: the traits that the derives implement.
//!
//! Here live `Attr` (a Rust type that is an attribute's type), `Model` (a struct that is a block) and `Described` (a struct that is a
//! resource type or data source). No I/O, no service.
//!
//! # The derives
//!
//! ```
//! use pilotis_sdk::{Resource, model::Described as _};
//!
//! /// A group of projects.
//! #[derive(Clone, Debug, Resource)]
//! #[resource(type = "forge_group", scope(), key(id), natural_key(path), lacks(lock))]
//! pub struct Group {
//!     /// Made by the service.
//!     #[attr(computed)]
//!     pub id: String,
//!     /// Where it is.
//!     #[attr(force_new)]
//!     pub path: String,
//!     /// Nobody can be added below.
//!     #[attr(optional, computed)]
//!     pub lock: Option<bool>,
//! }
//! assert_eq!(Group::schema().refresh.natural_key, ["path"]);
//! ```
//!
//! On the struct, `#[resource(…)]` (or `#[data_source(…)]`, `#[ephemeral(…)]`): `type = "…"`, `version = 1`, `scope(a, b)` (may be listed; `scope()`: all of
//! the service in one listing), `key(…)`, `natural_key(…)`, `lacks(…)`; see [`pilotis_schema::Refresh`]. Doc comments become the
//! reference.
//!
//! On a field, `#[attr(…)]`:
//! - `required`, `optional`, `computed`, or `optional, computed`. Unless said, `Option<T>` and fields with a default are optional, the
//!   rest required. An unknown or null computed attribute reads as its type's `Default`.
//! - `default = "x"` (string, bool or whole number), `force_new`, `write_only`, `volatile`, `deprecated = "…"`,
//! - `one_of("a", "b")`, `compare = "quantity"` (also `case_insensitive`, `json`, `trailing_space`, `instant`),
//! - `secret = "given_never_returned"` (also `given_masked`, `made_shown_once`, `made_readable`, `readable`),
//! - `local`: a wish about the provider's doing that the service doesn't store; kept as the configuration gave it,
//! - `name = "type"` where the field can't be called so; `api = "visibility"` where the service calls it otherwise (`api = ""`: not in the
//!   service's object); see [`crate::json`],
//! - `block` with `min = 1`, `max = 1`: nested blocks. `Vec` is a list, `BTreeSet` a set, `Option` at most one, `BTreeMap` labelled.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use pilotis_schema::{Attribute, Block, NestedBlock, Nesting, Presence, ResourceSchema};
use pilotis_value::{ObjectType, Type, Value};

use crate::{Error, ErrorKind};

/// A Rust type that is the type of an attribute.
pub trait Attr: Sized {
    /// The type of its values.
    fn ty() -> Type;
    /// The type that a configuration is converted to: as [`Attr::ty`], with the attributes of nested objects that may be left out.
    fn written_ty() -> Type {
        Self::ty()
    }
    /// The only texts that it takes (for elements too); empty: any.
    fn one_of() -> Vec<String> {
        Vec::new()
    }
    /// The value.
    fn to_value(&self) -> Value;
    /// Reads a value, which must be known and of the type.
    fn from_value(value: &Value) -> Result<Self, ModelError>;
}

/// A struct that is a block: attributes and nested blocks.
pub trait Model: Sized {
    /// Its attributes and nested blocks.
    fn block() -> Block;
    /// The value, of the block's implied type, with secrets marked sensitive.
    fn to_value(&self) -> Value;
    /// Reads a value of the block's implied type. Unknown computed attributes read as their `Default`; others must be known.
    fn from_value(value: &Value) -> Result<Self, ModelError>;
}

/// A struct that is a resource type, a data source or an ephemeral resource.
pub trait Described: Model {
    /// `gitlab_group`
    const TYPE_NAME: &'static str;
    /// Attributes that the service doesn't store.
    const LOCAL: &'static [&'static str];
    /// Attributes that the service's own object has, and how the service calls them.
    const API: &'static [(&'static str, &'static str)];
    /// The schema.
    fn schema() -> ResourceSchema;
    /// The schema, made once.
    fn shared_schema() -> &'static ResourceSchema;
}

/// Why a value is not what a struct wants. A defect of the engine or the provider, not of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ModelError {
    /// Attribute names from the outside in, joined with dots.
    pub path: String,
    /// What is wrong; never holds the value.
    pub message: String,
}

impl ModelError {
    fn new(message: impl Into<String>) -> ModelError {
        ModelError { path: String::new(), message: message.into() }
    }
    /// A text that is none of those.
    pub fn not_one_of(texts: &[&str]) -> ModelError {
        ModelError::new(format!("must be one of {}", texts.join(", ")))
    }
    /// The same, one attribute further out.
    pub fn inside(mut self, name: &str) -> ModelError {
        self.path = if self.path.is_empty() { name.to_owned() } else { format!("{name}.{}", self.path) };
        self
    }
}

impl From<ModelError> for Error {
    fn from(e: ModelError) -> Error {
        Error::new(ErrorKind::Internal, "A value doesn't fit its schema")
            .detail(e.to_string())
            .help("This is a defect of the provider or of the engine: please report it.")
    }
}

fn wanted(what: &str, value: &Value) -> ModelError {
    if value.is_null() {
        ModelError::new(format!("{what} is required, and it is null"))
    } else if !value.is_known() {
        ModelError::new(format!("{what} is required, and it is not known"))
    } else {
        ModelError::new(format!("{what} is required, and it is {}", value.ty().friendly_name()))
    }
}

macro_rules! scalar {
    ($rust:ty, $ty:expr, $what:literal, |$v:ident| $read:expr, |$s:ident| $make:expr) => {
        impl Attr for $rust {
            fn ty() -> Type {
                $ty
            }
            fn to_value(&self) -> Value {
                let $s = self;
                $make
            }
            fn from_value($v: &Value) -> Result<Self, ModelError> {
                $read.ok_or_else(|| wanted($what, $v))
            }
        }
    };
}

scalar!(String, Type::String, "a string", |v| v.as_str().map(str::to_owned), |s| Value::string(s));
scalar!(bool, Type::Bool, "a bool", |v| v.as_bool(), |s| Value::bool(*s));
scalar!(i64, Type::Number, "a whole number", |v| v.as_i64(), |s| Value::number(*s));
scalar!(f64, Type::Number, "a number", |v| v.as_number().map(|n| n.to_f64()), |s| {
    // The shortest decimal that reads back as the same double: what a person would have written.
    Value::number(pilotis_value::Number::parse(&format!("{s:?}")).unwrap_or(pilotis_value::Number::Int(0)))
});

impl Attr for Value {
    fn ty() -> Type {
        Type::Dynamic
    }
    fn to_value(&self) -> Value {
        self.clone()
    }
    fn from_value(value: &Value) -> Result<Self, ModelError> {
        Ok(value.clone())
    }
}

impl<T: Attr> Attr for Option<T> {
    fn ty() -> Type {
        T::ty()
    }
    fn written_ty() -> Type {
        T::written_ty()
    }
    fn one_of() -> Vec<String> {
        T::one_of()
    }
    fn to_value(&self) -> Value {
        self.as_ref().map_or_else(|| Value::null(T::ty()), T::to_value)
    }
    fn from_value(value: &Value) -> Result<Self, ModelError> {
        if value.is_null() { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl<T: Attr> Attr for Vec<T> {
    fn ty() -> Type {
        Type::list(T::ty())
    }
    fn written_ty() -> Type {
        Type::list(T::written_ty())
    }
    fn one_of() -> Vec<String> {
        T::one_of()
    }
    fn to_value(&self) -> Value {
        Value::list(T::ty(), self.iter().map(T::to_value).collect())
    }
    fn from_value(value: &Value) -> Result<Self, ModelError> {
        elements(value, "a list")
    }
}

impl<T: Attr + Ord> Attr for BTreeSet<T> {
    fn ty() -> Type {
        Type::set(T::ty())
    }
    fn written_ty() -> Type {
        Type::set(T::written_ty())
    }
    fn one_of() -> Vec<String> {
        T::one_of()
    }
    fn to_value(&self) -> Value {
        Value::set(T::ty(), self.iter().map(T::to_value).collect())
    }
    fn from_value(value: &Value) -> Result<Self, ModelError> {
        elements(value, "a set")
    }
}

impl<T: Attr> Attr for BTreeMap<String, T> {
    fn ty() -> Type {
        Type::map(T::ty())
    }
    fn written_ty() -> Type {
        Type::map(T::written_ty())
    }
    fn one_of() -> Vec<String> {
        T::one_of()
    }
    fn to_value(&self) -> Value {
        Value::map(T::ty(), self.iter().map(|(k, v)| (EcoString::from(k.as_str()), v.to_value())).collect())
    }
    fn from_value(value: &Value) -> Result<Self, ModelError> {
        let entries = value.as_entries().ok_or_else(|| wanted("a map", value))?;
        entries.iter().map(|(k, v)| Ok((k.to_string(), T::from_value(v).map_err(|e| e.inside(k))?))).collect()
    }
}

fn elements<T: Attr, C: FromIterator<T>>(value: &Value, what: &str) -> Result<C, ModelError> {
    let items = value.as_elements().ok_or_else(|| wanted(what, value))?;
    items.iter().enumerate().map(|(i, v)| T::from_value(v).map_err(|e| e.inside(&i.to_string()))).collect()
}

/// A field type that is one or more nested blocks.
pub trait BlockField {
    /// How several become a value.
    const NESTING: Nesting;
    /// What is in one.
    fn block() -> Block;
}

impl<T: Model> BlockField for Vec<T> {
    const NESTING: Nesting = Nesting::List;
    fn block() -> Block {
        T::block()
    }
}
impl<T: Model> BlockField for BTreeSet<T> {
    const NESTING: Nesting = Nesting::Set;
    fn block() -> Block {
        T::block()
    }
}
impl<T: Model> BlockField for Option<T> {
    const NESTING: Nesting = Nesting::Single;
    fn block() -> Block {
        T::block()
    }
}
impl<T: Model> BlockField for BTreeMap<String, T> {
    const NESTING: Nesting = Nesting::Map;
    fn block() -> Block {
        T::block()
    }
}

// What follows is called by derived code.

/// The schema of a nested block; the field's words, if there are any, replace the struct's.
#[doc(hidden)]
pub fn nested_block<T: BlockField>(doc: &str, min: usize, max: Option<usize>) -> NestedBlock {
    let mut block = T::block();
    if !doc.is_empty() {
        block.doc = doc.to_owned();
    }
    NestedBlock { nesting: T::NESTING, block, min, max }
}

/// The schema of an attribute, options aside.
#[doc(hidden)]
pub fn attribute<T: Attr>(presence: Presence, doc: &str) -> Attribute {
    let mut attribute = Attribute::new(T::written_ty());
    attribute.presence = presence;
    attribute.one_of = T::one_of();
    attribute.doc = doc.to_owned();
    attribute
}

/// The type of a nested object as a configuration may write it.
#[doc(hidden)]
pub fn with_optional(block: Block, optional: &[&str]) -> Type {
    let written = block.attributes.iter().map(|(name, a)| (EcoString::from(name.as_str()), a.ty.clone()));
    let blocks = block.blocks.iter().map(|(name, b)| (EcoString::from(name.as_str()), b.implied_type()));
    Type::Object(std::sync::Arc::new(ObjectType {
        attributes: written.chain(blocks).collect(),
        optional: optional.iter().map(|name| EcoString::from(*name)).collect(),
    }))
}

/// A secret attribute, marked as the engine marks it: as a whole, and not if it isn't set. Other marks would be a difference.
#[doc(hidden)]
pub fn sensitive(value: Value) -> Value {
    let value = value.unmark_deep().0;
    if value.is_null() { value } else { value.with_marks(pilotis_value::Marks::SENSITIVE) }
}

#[doc(hidden)]
pub fn expect_object(value: &Value) -> Result<(), ModelError> {
    if value.as_entries().is_some() { Ok(()) } else { Err(wanted("an object", value)) }
}

#[doc(hidden)]
pub fn dynamic_field(object: &Value, name: &str) -> Value {
    object.get(name).cloned().unwrap_or_else(|| Value::null(Type::Dynamic))
}

#[doc(hidden)]
pub fn required_field<T: Attr>(object: &Value, name: &str) -> Result<T, ModelError> {
    match object.get(name) {
        Some(value) => T::from_value(value).map_err(|e| e.inside(name)),
        None => Err(ModelError::new("the attribute is missing").inside(name)),
    }
}

#[doc(hidden)]
pub fn optional_field<T: Attr + Default>(object: &Value, name: &str) -> Result<T, ModelError> {
    match object.get(name) {
        Some(value) if !value.is_null() => T::from_value(value).map_err(|e| e.inside(name)),
        _ => Ok(T::default()),
    }
}

#[doc(hidden)]
pub fn computed_field<T: Attr + Default>(object: &Value, name: &str) -> Result<T, ModelError> {
    match object.get(name) {
        Some(value) if !value.is_null() && value.is_known() => {
            T::from_value(value).map_err(|e| e.inside(name))
        }
        _ => Ok(T::default()),
    }
}

#[doc(hidden)]
pub fn default_field<T: Attr>(object: &Value, name: &str, default: Value) -> Result<T, ModelError> {
    match object.get(name) {
        Some(value) if !value.is_null() => T::from_value(value).map_err(|e| e.inside(name)),
        _ => T::from_value(&default).map_err(|e| e.inside(name)),
    }
}
