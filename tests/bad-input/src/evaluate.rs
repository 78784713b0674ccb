//! Evaluating: nothing panics, a secret stays in its mark, the same is the same again, a value that can be written is read back.

use pilotis_diag::{Diagnostics, SourceMap};
use pilotis_lang::{Compiled, compile};
use pilotis_syntax::parse_expression;
use pilotis_value::{Marks, Value};

use crate::syntax::placed;
use crate::world::{SECRET, World, surroundings};

/// Longer texts find nothing that shorter ones don't.
const MAX_TEXT: usize = 4096;
/// Nested loops multiply, and so do functions that make long values: their time is what was asked for.
const MAX_COSTLY: usize = 3;
const COSTLY: &[&str] =
    &["for", "range", "setproduct", "format", "cidr", "indent", "replace", "chunk", "join", "pow"];

/// True if evaluating it may take as long as its author wants: that is no finding.
pub(crate) fn is_costly(text: &str) -> bool {
    text.len() > MAX_TEXT
        || text.contains("bcrypt")
        || COSTLY.iter().map(|word| text.matches(word).count()).sum::<usize>() > MAX_COSTLY
}

/// Any text is compiled and evaluated, as `console` does it.
pub fn evaluate(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    if is_costly(&text) {
        return;
    }
    evaluated(&text, &World::default());
}

/// The value of an expression in a world, and what is said; none if it is no valid expression.
pub fn evaluated(text: &str, world: &World) -> Option<(Value, Diagnostics)> {
    let mut sources = SourceMap::default();
    let file = sources.add("fuzz.hcl", text);
    let (expr, mut diagnostics) = parse_expression(&sources, file);
    if diagnostics.has_errors() {
        return None;
    }
    let compiled = compile(&expr, &mut world.clone(), &[], &mut diagnostics);
    if diagnostics.has_errors() {
        placed(&diagnostics, &sources);
        return None;
    }
    Some(checked_in(&compiled, world, &sources, diagnostics))
}

/// What holds for every value, in the default world.
pub(crate) fn checked(compiled: &Compiled, sources: &SourceMap, diagnostics: Diagnostics) {
    checked_in(compiled, &World::default(), sources, diagnostics);
}

fn checked_in(
    compiled: &Compiled,
    world: &World,
    sources: &SourceMap,
    mut diagnostics: Diagnostics,
) -> (Value, Diagnostics) {
    let value = compiled.eval(world, &surroundings(), &mut diagnostics);
    assert!(!leaks(&value), "a secret got out of its mark");
    assert!(!format!("{value:?}").contains(SECRET), "Debug shows a secret");
    assert!(!format!("{diagnostics:?}").contains(SECRET), "a diagnostic shows a secret");
    placed(&diagnostics, sources);
    let again = compiled.eval(world, &surroundings(), &mut Diagnostics::new());
    assert!(value == again, "the same again: {value:?}, {again:?}");
    (value, diagnostics)
}

/// The secret stands somewhere in a value where no mark covers it.
fn leaks(value: &Value) -> bool {
    if value.marks().contains(Marks::SENSITIVE) {
        return false;
    }
    value.as_str().is_some_and(|s| s.contains(SECRET))
        || value.as_elements().is_some_and(|items| items.iter().any(leaks))
        || value.as_entries().is_some_and(|e| e.iter().any(|(k, v)| k.contains(SECRET) || leaks(v)))
}
