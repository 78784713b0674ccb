//! Rules of variables: `validation` blocks, checked for the values of a call; the diagnostic points at what the caller wrote.

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, Span};
use pilotis_lang::{Cause, Compiled, Frame, Slot, Surroundings};
use pilotis_value::convert::convert;
use pilotis_value::{EntryMap, Kind, Marks, Path, Step, Type, Value};

use crate::body::{NoFiles, NoFrame};
use crate::{Condition, Module, Symbol, codes};

/// Who gave the values.
pub struct Asker<'a> {
    /// Where a part of a variable's value was written.
    pub place: &'a dyn Fn(u32, &Path) -> Option<Span>,
    /// Word and label of the blueprint's block; none for a `module` block and for the root module.
    pub block: Option<(&'a str, &'a str)>,
}

/// What came of the rules of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All hold.
    Pass,
    /// One doesn't, or could not be evaluated; there is a diagnostic.
    Fail,
    /// One can't be decided yet.
    Unknown,
}

/// Checks the rules of one variable for a value (converted, defaulted). `frame` is the called module's.
pub fn check_variable(
    module: &Module,
    variable: u32,
    value: &Value,
    frame: &dyn Frame,
    surroundings: &Surroundings<'_>,
    asker: &Asker<'_>,
    diags: &mut Diagnostics,
) -> Verdict {
    let mut verdict = Verdict::Pass;
    for rule in &module.variables[variable as usize].validations {
        match holds(rule, frame, surroundings, diags) {
            Some(Some(true)) => {}
            Some(None) if verdict == Verdict::Pass => verdict = Verdict::Unknown,
            Some(None) => {}
            None => verdict = Verdict::Fail,
            Some(Some(false)) => {
                verdict = Verdict::Fail;
                let parts = blamed(module, variable, rule, value, frame, surroundings);
                let message = message(rule, frame, surroundings, diags);
                for part in parts {
                    diags.push(broken(module, variable, rule, &part, value, &message, asker));
                }
            }
        }
    }
    verdict
}

/// Checks the rules that refer to constants only. `values` are by variable; none where it isn't known while loading.
pub(crate) fn check_constants(
    module: &Module,
    values: &[Option<Value>],
    given: &[u32],
    asker: &Asker<'_>,
    diags: &mut Diagnostics,
) {
    let surroundings = Surroundings { files: &NoFiles, plan_time_ms: 0, apply_time_ms: None };
    let frame = Constants { symbols: &module.symbols, values };
    for i in given {
        let Some(value) = &values[*i as usize] else { continue };
        // Errors of a condition itself (it reads a file …) wait for the plan.
        let mut found = Diagnostics::new();
        check_variable(module, *i, value, &frame, &surroundings, asker, &mut found);
        diags.extend(found.into_iter().filter(|d| d.code == Some(codes::VALIDATION)));
    }
}

/// What is known of an expression while loading: references in it are unknown. None if that has errors, which wait for the plan.
pub(crate) fn foreseen(compiled: &Compiled) -> Option<Value> {
    if let Some(value) = compiled.constant() {
        return Some(value.clone());
    }
    let surroundings = Surroundings { files: &NoFiles, plan_time_ms: 0, apply_time_ms: None };
    let mut found = Diagnostics::new();
    let value = compiled.eval(&NoFrame, &surroundings, &mut found);
    (!found.has_errors()).then_some(value)
}

struct Constants<'a> {
    symbols: &'a [Symbol],
    values: &'a [Option<Value>],
}

impl Frame for Constants<'_> {
    fn get(&self, slot: Slot) -> Value {
        let value = match self.symbols.get(slot.0 as usize) {
            Some(Symbol::Variable(i)) => self.values[*i as usize].clone(),
            _ => None,
        };
        value.unwrap_or_else(|| Value::unknown(Type::Dynamic))
    }
}

/// A frame in which one variable has another value.
struct Narrowed<'a> {
    frame: &'a dyn Frame,
    slot: Slot,
    value: Value,
}

impl Frame for Narrowed<'_> {
    fn get(&self, slot: Slot) -> Value {
        if slot == self.slot { self.value.clone() } else { self.frame.get(slot) }
    }
}

/// The condition's bool (`Some(None)`: not known yet); none after an error.
fn holds(
    rule: &Condition,
    frame: &dyn Frame,
    surroundings: &Surroundings<'_>,
    diags: &mut Diagnostics,
) -> Option<Option<bool>> {
    let mut found = Diagnostics::new();
    let (value, _) = rule.condition.eval(frame, surroundings, &mut found).unmark_deep();
    let failed = found.has_errors();
    diags.extend(found);
    if failed {
        return None;
    }
    let why = if value.is_null() {
        "Condition expression must return either true or false, not null.".to_owned()
    } else {
        match convert(&value, &Type::Bool) {
            Ok(value) => return Some(value.as_bool()),
            Err(e) => format!("Invalid condition result value: {}.", e.message),
        }
    };
    diags.push(
        Diagnostic::error("Invalid variable validation result")
            .code(codes::WRONG_TYPE)
            .detail(why)
            .at(rule.condition.span()),
    );
    None
}

fn message(
    rule: &Condition,
    frame: &dyn Frame,
    surroundings: &Surroundings<'_>,
    diags: &mut Diagnostics,
) -> String {
    let value = rule.error_message.eval(frame, surroundings, diags);
    if value.has_sensitive() {
        return "The error message included a sensitive value, so it will not be displayed.".into();
    }
    if value.marks_deep().contains(Marks::EPHEMERAL) {
        return "The error message included an ephemeral value, so it will not be displayed.".into();
    }
    value.as_str().unwrap_or("A rule of the variable doesn't hold.").trim().to_owned()
}

/// Most parts of a value that are tried one by one.
const MAX_PARTS: usize = 64;

/// Which parts of a value break a rule: entries of a map or list that do so each by itself, and in them the one attribute without
/// which the rule would hold or be open. The whole value if that finds none.
fn blamed(
    module: &Module,
    variable: u32,
    rule: &Condition,
    value: &Value,
    frame: &dyn Frame,
    surroundings: &Surroundings<'_>,
) -> Vec<Path> {
    let slot = module.symbols.iter().position(|s| *s == Symbol::Variable(variable)).map(|i| Slot(i as u32));
    let Some(slot) = slot else { return vec![Path::default()] };
    let breaks = |changed: Value| {
        let narrowed = Narrowed { frame, slot, value: changed };
        holds(rule, &narrowed, surroundings, &mut Diagnostics::new()) == Some(Some(false))
    };
    let entries: Vec<Step> = match value.kind() {
        Kind::Map(e) => e.items().keys().map(|k| Step::Key(k.clone())).collect(),
        Kind::List(e) => (0..e.items().len()).map(|i| Step::Index(i as u64)).collect(),
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for step in entries {
        let alone = only(value, &step);
        if breaks(alone.clone()) {
            let inside = Path(vec![step]);
            found.push(culprit(&alone, &inside, &breaks).unwrap_or(inside));
        }
    }
    if found.is_empty() {
        found.push(culprit(value, &Path::default(), &breaks).unwrap_or_default());
    }
    found
}

/// A map or list of one of its entries.
fn only(value: &Value, step: &Step) -> Value {
    let element = value.ty().element().cloned().unwrap_or(Type::Dynamic);
    let alone = match (value.kind(), step) {
        (Kind::Map(e), Step::Key(key)) => Value::map(
            element,
            e.items().iter().filter(|(k, _)| *k == key).map(|(k, v)| (k.clone(), v.clone())).collect(),
        ),
        // The others become unknown, so that positions stay.
        (Kind::List(e), Step::Index(n)) => {
            let keep =
                |(i, v): (usize, &Value)| if i as u64 == *n { v.clone() } else { Value::unknown(v.ty()) };
            Value::list(element, e.items().iter().enumerate().map(keep).collect())
        }
        _ => value.clone(),
    };
    alone.with_marks(value.marks())
}

/// The one part under a path whose absence undoes the breach; none if it isn't one.
fn culprit(value: &Value, under: &Path, breaks: &dyn Fn(Value) -> bool) -> Option<Path> {
    let mut parts = Vec::new();
    let start = under.0.iter().try_fold(value, |v, step| part(v, step))?;
    leaves(start, under, &mut parts);
    if parts.len() > MAX_PARTS {
        return None;
    }
    let mut guilty = parts.into_iter().filter(|path| !path.0.is_empty() && !breaks(without(value, &path.0)));
    match (guilty.next(), guilty.next()) {
        (Some(path), None) => Some(path),
        _ => None,
    }
}

fn part<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    match step {
        Step::Attribute(name) | Step::Key(name) => value.get(name),
        Step::Index(n) => value.as_elements()?.get(usize::try_from(*n).ok()?),
        Step::Element(_) => None,
    }
}

/// Paths of all parts that have no parts themselves.
fn leaves(value: &Value, path: &Path, out: &mut Vec<Path>) {
    match value.kind() {
        _ if out.len() > MAX_PARTS => {}
        Kind::Object(e) => {
            e.items().iter().for_each(|(k, v)| leaves(v, &path.child(Step::Attribute(k.clone())), out));
        }
        Kind::Map(e) => e.items().iter().for_each(|(k, v)| leaves(v, &path.child(Step::Key(k.clone())), out)),
        Kind::List(e) | Kind::Tuple(e) => {
            e.items()
                .iter()
                .enumerate()
                .for_each(|(i, v)| leaves(v, &path.child(Step::Index(i as u64)), out));
        }
        _ => out.push(path.clone()),
    }
}

/// The value with an unknown in the place of a part.
fn without(value: &Value, path: &[Step]) -> Value {
    let Some((first, rest)) = path.split_first() else { return Value::unknown(value.ty()) };
    let element = || value.ty().element().cloned().unwrap_or(Type::Dynamic);
    let changed = match (value.kind(), first) {
        (Kind::Object(e), Step::Attribute(name)) => Value::object(replaced(e.items(), name, rest)),
        (Kind::Map(e), Step::Key(key)) => Value::map(element(), replaced(e.items(), key, rest)),
        (Kind::List(e), Step::Index(n)) => Value::list(element(), replaced_at(e.items(), *n, rest)),
        (Kind::Tuple(e), Step::Index(n)) => Value::tuple(replaced_at(e.items(), *n, rest)),
        _ => return value.clone(),
    };
    changed.with_marks(value.marks())
}

fn replaced(entries: &EntryMap, name: &EcoString, rest: &[Step]) -> EntryMap {
    let change =
        |(k, v): (&EcoString, &Value)| (k.clone(), if k == name { without(v, rest) } else { v.clone() });
    entries.iter().map(change).collect()
}

fn replaced_at(items: &[Value], n: u64, rest: &[Step]) -> Vec<Value> {
    let change = |(i, v): (usize, &Value)| if i as u64 == n { without(v, rest) } else { v.clone() };
    items.iter().enumerate().map(change).collect()
}

fn broken(
    module: &Module,
    variable: u32,
    rule: &Condition,
    part: &Path,
    value: &Value,
    message: &str,
    asker: &Asker<'_>,
) -> Diagnostic {
    let declared = &module.variables[variable as usize];
    let key = match part.0.first() {
        Some(Step::Key(key)) if !value.has_sensitive() => Some(key.as_str()),
        _ => None,
    };
    let summary = match (asker.block, key) {
        (None, _) => "Invalid value for variable".to_owned(),
        (Some((word, label)), Some(key)) => {
            let what = crate::blueprint::member_word(module, variable);
            format!("Invalid {what} \"{key}\" in {word} \"{label}\"")
        }
        (Some((word, label)), None) if is_label(module, variable, value, label) => {
            format!("Invalid {word} name \"{label}\"")
        }
        (Some((word, label)), None) => format!("Invalid {} of {word} \"{label}\"", declared.name),
    };
    let mut d = Diagnostic::error(summary).code(codes::VALIDATION).detail(message);
    d = d.at((asker.place)(variable, part).unwrap_or(declared.span));
    if asker.block.is_none() {
        d = d.also(rule.condition.span(), "the rule that it breaks");
        if !value.marks_deep().intersects(Marks::SENSITIVE | Marks::EPHEMERAL)
            && let Some(text) = pilotis_lang::describe(value, Cause::Other)
        {
            d = d.value(format!("var.{}", declared.name), text);
        }
    }
    d
}

/// The value is the block's label.
fn is_label(module: &Module, variable: u32, value: &Value, label: &str) -> bool {
    crate::blueprint::label_variable(module) == Some(variable) && value.as_str() == Some(label)
}
