//! The functions, as data: what each takes, and what it does.
//!
//! One file a subject. The evaluator handles arity, argument conversion, unknown, null and marked arguments by the flags
//! here, so that an implementation sees known, unmarked, converted values unless it asks for more. `try` and `can` are
//! the evaluator's: they don't evaluate all their arguments.

mod conversion;
mod crypto;
mod date;
mod encoding;
mod files;
mod format;
mod hash;
mod lists;
mod maps;
mod network;
mod numeric;
mod pattern;
mod sets;
mod strings;
mod tables;
mod templates;
mod tfvars;
mod yaml;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pilotis_value::{Marks, Number, Type, Value};

use crate::Surroundings;

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name, for messages and the reference.
    pub name: &'static str,
    /// Its type; arguments are converted.
    pub ty: fn() -> Type,
    /// Null is passed on (else it is an error).
    pub allow_null: bool,
    /// An unknown (also one deep inside) is passed on (else the result is unknown).
    pub allow_unknown: bool,
    /// Marks are passed on (else they are taken off and put on the result).
    pub allow_marked: bool,
    /// The argument must be written as a reference: a literal or a computed value is a mistake.
    pub reference: bool,
}

/// A function.
#[derive(Clone, Copy)]
pub struct FunctionDef {
    /// `max`; with its namespace for others than the built-in: `provider::pilotis::base36`.
    pub name: &'static str,
    /// Fixed parameters.
    pub params: &'static [Param],
    /// The parameter that takes all further arguments.
    pub variadic: Option<Param>,
    /// The type of the result for arguments of these values (used when the result is unknown).
    pub returns: fn(&[Value]) -> Type,
    /// What it does.
    pub call: fn(&[Value], &Surroundings<'_>) -> Result<Value, FunctionError>,
    /// One sentence for the reference.
    pub doc: &'static str,
}

/// Why a function failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// Which argument is to blame, from 0.
    pub argument: Option<usize>,
    /// What is wrong, as a clause. Never a sensitive value: arguments that were marked are named, not shown.
    pub message: String,
}

/// What a function gives.
type Outcome = Result<Value, FunctionError>;

/// No function makes a list longer or a text wider than this: a typing mistake must not eat all memory.
const MAX_LENGTH: usize = 100_000;
/// No function makes a text of more bytes than this out of a shorter one.
const MAX_TEXT: usize = 100 * MAX_LENGTH;

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static FunctionDef>> = LazyLock::new(|| {
    let subjects: [&'static [FunctionDef]; 18] = [
        conversion::FUNCTIONS,
        crypto::FUNCTIONS,
        date::FUNCTIONS,
        encoding::FUNCTIONS,
        files::FUNCTIONS,
        format::FUNCTIONS,
        hash::FUNCTIONS,
        lists::FUNCTIONS,
        maps::FUNCTIONS,
        network::FUNCTIONS,
        numeric::FUNCTIONS,
        pattern::FUNCTIONS,
        sets::FUNCTIONS,
        strings::FUNCTIONS,
        tables::FUNCTIONS,
        templates::FUNCTIONS,
        tfvars::FUNCTIONS,
        yaml::FUNCTIONS,
    ];
    subjects.into_iter().flatten().map(|def| (def.name, def)).collect()
});

/// The function of a name.
pub fn find(name: &str) -> Option<&'static FunctionDef> {
    BY_NAME.get(name).copied()
}

/// All functions, sorted by name.
pub fn all() -> impl Iterator<Item = &'static FunctionDef> {
    BY_NAME.values().copied()
}

/// Writing definitions.
impl Param {
    /// One that wants a known, non-null value and no marks.
    const fn new(name: &'static str, ty: fn() -> Type) -> Param {
        Param { name, ty, allow_null: false, allow_unknown: false, allow_marked: false, reference: false }
    }
    const fn nullable(mut self) -> Param {
        self.allow_null = true;
        self
    }
    const fn unknown(mut self) -> Param {
        self.allow_unknown = true;
        self
    }
    const fn marked(mut self) -> Param {
        self.allow_marked = true;
        self
    }
    const fn reference(mut self) -> Param {
        self.reference = true;
        self
    }
}

const fn any() -> Type {
    Type::Dynamic
}
const fn number() -> Type {
    Type::Number
}
const fn string() -> Type {
    Type::String
}
fn list_of_any() -> Type {
    Type::list(Type::Dynamic)
}
fn list_of_strings() -> Type {
    Type::list(Type::String)
}
fn list_of_bools() -> Type {
    Type::list(Type::Bool)
}

fn gives_any(_: &[Value]) -> Type {
    Type::Dynamic
}
fn gives_bool(_: &[Value]) -> Type {
    Type::Bool
}
fn gives_number(_: &[Value]) -> Type {
    Type::Number
}
fn gives_string(_: &[Value]) -> Type {
    Type::String
}
fn gives_strings(_: &[Value]) -> Type {
    list_of_strings()
}
/// The type of the first argument.
fn gives_first(args: &[Value]) -> Type {
    args.first().map_or(Type::Dynamic, Value::ty)
}

/// Failing.
impl FunctionError {
    fn new(message: impl Into<String>) -> FunctionError {
        FunctionError { argument: None, message: message.into() }
    }
    fn argument(argument: usize, message: impl Into<String>) -> FunctionError {
        FunctionError { argument: Some(argument), message: message.into() }
    }
}

fn fail<T>(message: impl Into<String>) -> Result<T, FunctionError> {
    Err(FunctionError::new(message))
}

fn fail_argument<T>(argument: usize, message: impl Into<String>) -> Result<T, FunctionError> {
    Err(FunctionError::argument(argument, message))
}

/// A text argument. The evaluator has converted it; anything else is said rather than trusted.
fn text(args: &[Value], i: usize) -> Result<&str, FunctionError> {
    args.get(i).and_then(Value::as_str).ok_or_else(|| FunctionError::argument(i, "a string is required"))
}

fn numeral(args: &[Value], i: usize) -> Result<&Number, FunctionError> {
    args.get(i).and_then(Value::as_number).ok_or_else(|| FunctionError::argument(i, "a number is required"))
}

const NOT_WHOLE: &str = "value must be a whole number, between -9223372036854775808 and 9223372036854775807";

fn whole(args: &[Value], i: usize) -> Result<i64, FunctionError> {
    numeral(args, i)?.to_i64().ok_or_else(|| FunctionError::new(NOT_WHOLE))
}

fn elements(args: &[Value], i: usize) -> Result<&[Value], FunctionError> {
    args.get(i).and_then(Value::as_elements).ok_or_else(|| FunctionError::argument(i, "a list is required"))
}

/// The arguments without the marks that they have themselves, and those marks: for functions that look at a collection
/// without looking at what is inside, so that its elements keep theirs.
fn open(args: &[Value]) -> (Vec<Value>, Marks) {
    let mut marks = Marks::empty();
    let bare = args
        .iter()
        .map(|v| {
            let (v, found) = v.clone().unmark();
            marks |= found;
            v
        })
        .collect();
    (bare, marks)
}

/// True if one of the arguments is itself unknown.
fn any_unknown(args: &[Value]) -> bool {
    args.iter().any(|v| !v.is_known())
}

/// An unknown that won't be null.
fn unknown(ty: Type) -> Value {
    let refinement = pilotis_value::Refinement { not_null: true, ..Default::default() };
    if ty == Type::Dynamic { Value::unknown(ty) } else { Value::unknown_refined(ty, refinement) }
}

fn strings_list(items: impl IntoIterator<Item = impl AsRef<str>>) -> Value {
    Value::list(Type::String, items.into_iter().map(Value::string).collect())
}

#[cfg(test)]
mod tests;
