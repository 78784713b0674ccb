//! Codes of the syntax errors: stable, one for each kind of mistake.

/// A page for each, which `pilotis explain` shows.
pub const EXPLANATIONS: &str = include_str!("codes.md");

/// A character or operator that the language does not have.
pub(super) const CHARACTER: &str = "E0101";
/// A string, heredoc or comment without its end.
pub(super) const UNTERMINATED: &str = "E0102";
/// A block or bracket without its end, or an end without its start.
pub(super) const UNCLOSED: &str = "E0103";
/// Something else than an argument or a block.
pub(super) const ITEM: &str = "E0104";
/// A comma or line feed is missing, or is too many.
pub(super) const SEPARATOR: &str = "E0105";
/// An argument is set twice.
pub(super) const DUPLICATE: &str = "E0106";
/// Not an expression.
pub(super) const EXPRESSION: &str = "E0107";
/// A template's `${` or `%{` is wrong.
pub(super) const TEMPLATE: &str = "E0108";
/// A backslash that escapes nothing.
pub(super) const ESCAPE: &str = "E0109";
/// Nested too deeply.
pub(super) const DEPTH: &str = "E0110";
/// A `for` expression is wrong.
pub(super) const FOR: &str = "E0111";
/// A key, an index or an attribute name is wrong.
pub(super) const KEY: &str = "E0112";
