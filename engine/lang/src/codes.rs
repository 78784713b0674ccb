//! The stable codes of the evaluator's diagnostics. A code never changes its meaning; a new mistake gets a new code.

/// A page for each, which `pilotis explain` shows.
pub const EXPLANATIONS: &str = include_str!("codes.md");

/// A function that there isn't.
pub(crate) const UNKNOWN_FUNCTION: &str = "E0201";
/// Too few or too many arguments.
pub(crate) const ARITY: &str = "E0202";
/// An argument that a function can't take.
pub(crate) const ARGUMENT: &str = "E0203";
/// A function failed.
pub(crate) const CALL_FAILED: &str = "E0204";
/// `...` after something that isn't a list, set or tuple.
pub(crate) const EXPANSION: &str = "E0205";
/// An operand of the wrong type.
pub(crate) const OPERAND: &str = "E0210";
/// An operation that has no result.
pub(crate) const OPERATION: &str = "E0211";
/// A condition that is null or no bool.
pub(crate) const CONDITION: &str = "E0212";
/// Two branches without a common type.
pub(crate) const BRANCHES: &str = "E0213";
/// An attribute that there isn't.
pub(crate) const ATTRIBUTE: &str = "E0220";
/// An index or key that there isn't.
pub(crate) const INDEX: &str = "E0221";
/// Looking into null.
pub(crate) const NULL: &str = "E0222";
/// A key of an object literal that is none.
pub(crate) const OBJECT_KEY: &str = "E0223";
/// A value that can't be part of a text.
pub(crate) const TEMPLATE: &str = "E0230";
/// `for` over what can't be gone through, and its other mistakes.
pub(crate) const FOR: &str = "E0240";
/// A splat of what can't be gone through.
pub(crate) const SPLAT: &str = "E0241";
/// An expression that is nested too deeply.
pub(crate) const DEPTH: &str = "E0250";
/// A value that would be too big, or take too long to make.
pub(crate) const TOO_BIG: &str = "E0251";
/// A type constraint that is none.
pub(crate) const CONSTRAINT: &str = "E0260";
/// A default that doesn't fit its type.
pub(crate) const DEFAULT: &str = "E0261";
/// A reference or call where only constants may stand.
pub(crate) const NOT_CONSTANT: &str = "E0262";
