//! Codes of the syntax errors: stable, one for each kind of mistake.

/// A page for each, which `pilotis explain` shows.
pub const EXPLANATIONS: &str = include_str!("codes.md");

/// A character or operator that the language does not have.
pub(crate) const CHARACTER: &str = "E0101";
/// A string, heredoc or comment without its end.
pub(crate) const UNTERMINATED: &str = "E0102";
/// A block or bracket without its end, or an end without its start.
pub(crate) const UNCLOSED: &str = "E0103";
/// Something else than an argument or a block.
pub(crate) const ITEM: &str = "E0104";
/// A comma or line feed is missing, or is too many.
pub(crate) const SEPARATOR: &str = "E0105";
/// An argument is set twice.
pub(crate) const DUPLICATE: &str = "E0106";
/// Not an expression.
pub(crate) const EXPRESSION: &str = "E0107";
/// A template's `${` or `%{` is wrong.
pub(crate) const TEMPLATE: &str = "E0108";
/// A backslash that escapes nothing.
pub(crate) const ESCAPE: &str = "E0109";
/// Nested too deeply.
pub(crate) const DEPTH: &str = "E0110";
/// A `for` expression is wrong.
pub(crate) const FOR: &str = "E0111";
/// A key, an index or an attribute name is wrong.
pub(crate) const KEY: &str = "E0112";
/// Not JSON.
pub(crate) const JSON: &str = "E0113";
