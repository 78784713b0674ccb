//! Templates: `templatefile`, `templatestring`.

use std::cell::Cell;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, SourceMap, Span};
use pilotis_syntax::ast::Traversal;
use pilotis_syntax::parse_template;
use pilotis_value::convert::convert;
use pilotis_value::{Marks, Type, Value};

use super::files::read_text;
use super::{
    FunctionDef, FunctionError, Outcome, Param, any, fail, fail_argument, gives_any, gives_string, string,
    text,
};
use crate::{Frame, Resolved, Resolver, Slot, Surroundings, compile_template};

/// How deep templates may render templates.
const MAX_DEPTH: usize = 16;
/// How many templates a template may render, all in all: a few files that each render the next ten times would take forever.
const MAX_RENDERED: usize = 10_000;

const VARS: Param = Param::new("vars", any).unknown().marked();

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "templatefile",
        params: &[Param::new("path", string), VARS],
        variadic: None,
        returns: gives_any,
        call: |args, around| render(text(args, 0)?, read_text(args, around)?, &args[1], around),
        doc: "The text of a template file, with values for the names in it.",
    },
    FunctionDef {
        name: "templatestring",
        params: &[Param::new("template", string).reference(), VARS],
        variadic: None,
        returns: gives_string,
        call: |args, around| {
            let Some(template) = args[0].as_str() else {
                return fail_argument(0, "invalid template value: a string is required");
            };
            let result = render("<templatestring argument>", template.to_owned(), &args[1], around)?;
            convert(&result, &Type::String).or_else(|_| fail("the result of the template is no text"))
        },
        doc: "The text of a template that comes from elsewhere, with values for the names in it.",
    },
];

thread_local! {
    /// How many templates are being rendered, one inside of the other.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// How many were rendered since the outermost of them began.
    static RENDERED: Cell<usize> = const { Cell::new(0) };
}

/// One more template, as long as it lives.
struct Level;

impl Level {
    fn enter() -> Result<Level, FunctionError> {
        let depth = DEPTH.get() + 1;
        if depth > MAX_DEPTH {
            return fail(format!(
                "more than {MAX_DEPTH} templates render each other; one of them renders itself"
            ));
        }
        let rendered = if depth == 1 { 1 } else { RENDERED.get() + 1 };
        if rendered > MAX_RENDERED {
            return fail(format!("more than {MAX_RENDERED} templates are rendered by one"));
        }
        RENDERED.set(rendered);
        DEPTH.set(depth);
        Ok(Level)
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// The names of a template: a slot for each that is used.
struct Names<'v> {
    vars: &'v Value,
    slots: Vec<EcoString>,
    /// A name has no value: what is wrong is what the template was given.
    missing: bool,
}

impl Resolver for Names<'_> {
    fn resolve(&mut self, traversal: &Traversal) -> Result<Resolved, Diagnostic> {
        let name = &traversal.root.text;
        if self.vars.get(name).is_none() {
            self.missing = true;
            let mut known: Vec<&str> =
                self.vars.as_entries().into_iter().flatten().map(|(k, _)| k.as_str()).collect();
            known.sort_unstable();
            let help = match known.as_slice() {
                [] => "The template is given no values.".to_owned(),
                known => format!("It is given: {}.", known.join(", ")),
            };
            return Err(Diagnostic::error("Missing value for a template")
                .detail(format!("the values do not contain key {name:?}. {help}"))
                .at(traversal.root.span));
        }
        let slot = self.slots.iter().position(|s| s == name).unwrap_or_else(|| {
            self.slots.push(name.clone());
            self.slots.len() - 1
        });
        Ok(Resolved { slot: Slot(slot as u32), consumed: 1 })
    }
}

/// The values of those slots.
struct Values(Vec<Value>);

impl Frame for Values {
    fn get(&self, slot: Slot) -> Value {
        self.0.get(slot.0 as usize).cloned().unwrap_or_else(|| Value::unknown(Type::Dynamic))
    }
}

fn render(name: &str, template: String, vars: &Value, around: &Surroundings<'_>) -> Outcome {
    let (vars, marks) = vars.clone().unmark();
    match vars.ty() {
        Type::Map(_) | Type::Object(_) => {}
        Type::Dynamic if !vars.is_known() => {}
        _ => return fail_argument(1, "invalid vars value: must be a map"),
    }
    if !vars.is_known() {
        return Ok(Value::unknown(Type::Dynamic).with_marks(marks));
    }
    for key in vars.as_entries().into_iter().flatten().map(|(k, _)| k) {
        let mut chars = key.chars();
        let begins = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if !begins || !chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            return fail_argument(
                1,
                format!(
                    "invalid template variable name {key:?}: must be letters, digits and underscores, a letter first"
                ),
            );
        }
    }
    let _level = Level::enter()?;
    let mut sources = SourceMap::default();
    let length = template.len() as u32;
    let file = sources.add(name, template);
    let (parsed, mut diags) = parse_template(&sources, file);
    let span = Span { file, start: 0, end: length };
    let mut names = Names { vars: &vars, slots: Vec::new(), missing: false };
    let compiled = compile_template(&parsed, span, &mut names, &mut diags);
    let value = if diags.has_errors() {
        Value::null(Type::Dynamic)
    } else {
        let values = names
            .slots
            .iter()
            .map(|name| vars.get(name).cloned().unwrap_or_else(|| Value::null(Type::Dynamic)));
        compiled.eval(&Values(values.collect()), around, &mut diags)
    };
    if diags.has_errors() {
        let error = failure(&sources, &diags, marks | vars.marks_deep());
        return Err(FunctionError { argument: names.missing.then_some(1), ..error });
    }
    if value.is_null() {
        return fail(format!("{name}: the result of the template is null, which is no text"));
    }
    Ok(value.with_marks(marks))
}

/// The errors of a template in one clause each, with places: its text isn't among the sources that the caller shows.
pub(super) fn failure(sources: &SourceMap, diags: &Diagnostics, marks: Marks) -> FunctionError {
    let mut lines = Vec::new();
    for diagnostic in diags.iter() {
        let place = diagnostic.primary.as_ref().map_or_else(String::new, |label| {
            let file = sources.file(label.span.file);
            let (line, column) = file.line_column(label.span.start);
            format!("{}:{line},{column}: ", file.name)
        });
        let detail =
            if marks.contains(Marks::SENSITIVE) { "" } else { diagnostic.detail.trim_end_matches('.') };
        let colon = if detail.is_empty() { "" } else { ": " };
        lines.push(format!("{place}{}{colon}{detail}", diagnostic.summary));
    }
    FunctionError::new(lines.join("; "))
}
