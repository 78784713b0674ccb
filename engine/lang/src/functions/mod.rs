//! The functions, as data: what each takes, and what it does.
//!
//! One file a subject. The evaluator handles arity, argument conversion, unknown, null and marked arguments by the flags
//! here, so that an implementation sees known, unmarked, converted values unless it asks for more. Programs read the same
//! table with `pilotis metadata functions -json`, people in `docs/reference/functions.md`.

mod clusters;
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
mod trying;
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
    /// The argument may fail: the function evaluates it itself.
    pub lazy: bool,
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
/// Nothing makes a text of more bytes than this out of shorter ones.
pub(crate) const MAX_TEXT: usize = 100 * MAX_LENGTH;

/// All functions by subject, in the order of the reference.
pub const SUBJECTS: &[(&str, &[&[FunctionDef]])] = &[
    ("Numbers", &[numeric::FUNCTIONS]),
    ("Texts", &[strings::FUNCTIONS, format::FUNCTIONS, pattern::FUNCTIONS]),
    ("Lists and what has elements", &[lists::FUNCTIONS]),
    ("Maps and objects", &[maps::FUNCTIONS]),
    ("Sets", &[sets::FUNCTIONS]),
    ("Types, marks and errors", &[conversion::FUNCTIONS, trying::FUNCTIONS]),
    ("Encodings", &[encoding::FUNCTIONS, yaml::FUNCTIONS, tables::FUNCTIONS, tfvars::FUNCTIONS]),
    ("Files and templates", &[files::FUNCTIONS, templates::FUNCTIONS]),
    ("Times", &[date::FUNCTIONS]),
    ("Hashes and keys", &[hash::FUNCTIONS, crypto::FUNCTIONS]),
    ("Networks", &[network::FUNCTIONS]),
];

/// `EXPRESSION => RESULT`, one or more for each function, for the reference.
const EXAMPLES: &str = include_str!("examples.txt");

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static FunctionDef>> = LazyLock::new(|| {
    let all = SUBJECTS.iter().flat_map(|(_, parts)| parts.iter().copied().flatten());
    all.map(|def| (def.name, def)).collect()
});

/// The function of a name.
pub fn find(name: &str) -> Option<&'static FunctionDef> {
    BY_NAME.get(name).copied()
}

/// All functions, sorted by name.
pub fn all() -> impl Iterator<Item = &'static FunctionDef> {
    BY_NAME.values().copied()
}

/// Reading definitions.
impl FunctionDef {
    /// The type of the result as far as it doesn't depend on the arguments.
    pub fn return_type(&self) -> Type {
        let params = self.params.iter().chain(&self.variadic);
        (self.returns)(&params.map(|p| Value::unknown((p.ty)())).collect::<Vec<_>>())
    }

    /// Calls of it with what they give, as JSON or as a word in parentheses.
    pub fn examples(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let (own, name) = (format!("{}(", self.name), self.name);
        let lines = EXAMPLES.lines().skip_while(move |line| line.strip_prefix("# ") != Some(name)).skip(1);
        let lines = lines.take_while(|line| !line.starts_with("# "));
        lines.filter_map(|line| line.split_once(" => ")).filter(move |(call, _)| call.contains(&own))
    }
}

/// Writing definitions.
impl Param {
    /// One that wants a known, non-null value and no marks.
    const fn new(name: &'static str, ty: fn() -> Type) -> Param {
        Param {
            name,
            ty,
            allow_null: false,
            allow_unknown: false,
            allow_marked: false,
            reference: false,
            lazy: false,
        }
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
    const fn lazy(mut self) -> Param {
        self.lazy = true;
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
/// What a function gives whose result isn't promised to have a type while an argument has none.
fn typed_as(ty: Type, args: &[Value]) -> Type {
    if args.iter().any(|v| v.ty() == Type::Dynamic) { Type::Dynamic } else { ty }
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

/// A text that a function has made, if it isn't too long.
fn made(text: String) -> Outcome {
    if text.len() > MAX_TEXT {
        return fail(TOO_LONG);
    }
    Ok(Value::string(text))
}

const TOO_LONG: &str = "the text would be longer than 10000000 bytes";

fn strings_list(items: impl IntoIterator<Item = impl AsRef<str>>) -> Value {
    Value::list(Type::String, items.into_iter().map(Value::string).collect())
}

#[cfg(test)]
mod tests;
