//! Assertions of tests, checked against a plan or against what an apply has made; and which conditions a test has expected to fail.

use pilotis_config::{Condition, Expected};
use pilotis_diag::{Diagnostic, Diagnostics, Severity};
use pilotis_lang::{Cause, Compiled, Frame, describe};
use pilotis_value::diff::{Difference, diff};
use pilotis_value::{Path, Step, Type, Value, convert};

use crate::codes;
use crate::machine::conditions::{INVALID_RESULT, evaluate, not_a_message, shown_values};
use crate::machine::evaluate::Evaluation;
use crate::machine::frame::ShownFrame;

/// So many places where two values differ are enough to know.
const MOST_DIFFERENCES: usize = 8;

/// What came of an assertion.
#[derive(Clone, Debug)]
pub enum Held {
    /// It holds. Warnings about it may have been given.
    Yes(Diagnostics),
    /// It doesn't: why, first.
    No(Diagnostics),
    /// It can't be told: it has errors, or something in it isn't known.
    Error(Diagnostics),
}

impl Evaluation {
    /// True for a message that can be shown, or whose own mistakes say why not.
    fn is_text(&self, message: &Compiled, frame: &dyn Frame) -> bool {
        let mut own = Diagnostics::new();
        let value = message.eval(frame, &self.machine().surroundings(), &mut own);
        own.has_errors()
            || convert::convert(&value.unmark_deep().0, &Type::String).is_ok_and(|v| !v.is_null())
    }

    /// Where the two sides of a comparison of collections differ: each place, and what is there on either side. Never a secret.
    fn differences(&self, assertion: &Condition, frame: &dyn Frame) -> Vec<(String, String)> {
        let machine = self.machine();
        let compared = assertion.condition.compared(frame, &machine.surroundings());
        let Some([(span, left), (_, right)]) = compared else { return Vec::new() };
        let collection = |v: &Value| v.as_elements().is_some() || v.as_entries().is_some();
        let shown = |v: &Value| v.marks_deep().is_empty() && v.is_wholly_known();
        if !(collection(&left) && collection(&right) && shown(&left) && shown(&right)) {
            return Vec::new();
        }
        let name = machine.config.sources.text(span);
        // What is put together on the spot has no name of its own.
        let name = if name.contains(|c: char| "{[( \n".contains(c)) { "the left side" } else { name };
        let text = |v: &Option<Value>| match v {
            Some(v) => describe(v, Cause::Other).map(|d| d.trim_start_matches("is ").to_owned()),
            None => Some("not there".to_owned()),
        };
        let place = |d: Difference| {
            let path = match d.path.0.last() {
                // An element of a set is its own place.
                Some(Step::Element(_)) => Path(d.path.0[..d.path.0.len() - 1].to_vec()),
                _ => d.path.clone(),
            };
            let clause = format!("is {} on the left, {} on the right", text(&d.before)?, text(&d.after)?);
            Some((format!("{name}{path}"), clause))
        };
        diff(&left, &right).into_iter().filter_map(place).take(MOST_DIFFERENCES).collect()
    }

    /// Checks an assertion. `frame` has the names that only tests have, and for all else what [`Evaluation::value`] says.
    pub fn check(&self, assertion: &Condition, frame: &dyn Frame) -> Held {
        let machine = self.machine();
        let mut own = Diagnostics::new();
        let held = evaluate(machine, assertion, frame, &mut own);
        let mut own: Diagnostics = own.into_iter().map(of_run).collect();
        let span = assertion.condition.span();
        let values = |cause| shown_values(machine, &assertion.condition, frame, cause);
        match held {
            _ if own.has_errors() => Held::Error(own),
            Some(Ok(())) => Held::Yes(own),
            Some(Err(_)) if !self.is_text(&assertion.error_message, frame) => {
                let why = "string required";
                Held::Error(not_a_message(why).at(assertion.error_message.span()).into())
            }
            Some(Err(message)) => {
                let mut d = Diagnostic::error("Test assertion failed")
                    .code(codes::ASSERTION)
                    .detail(message)
                    .at(span);
                d.values = values(Cause::Other);
                d.values.extend(self.differences(assertion, &ShownFrame::of(frame, &assertion.condition)));
                let mut all = Diagnostics::from(d);
                all.extend(own);
                Held::No(all)
            }
            None => {
                let mut d = Diagnostic::error("Unknown condition value")
                    .code(codes::ASSERTION)
                    .detail("Condition expression could not be evaluated at this time. This means you have executed a `run` block with `command = plan` and one of the values your condition depended on is not known until after the plan has been applied. Either remove this value from your condition, or execute an `apply` command from this `run` block. Alternatively, if there is an override for this value, you can make it available during the plan phase by setting `override_during = plan` in the `override_` block.")
                    .at(span);
                d.values = values(Cause::Unknown);
                own.push(d);
                Held::Error(own)
            }
        }
    }
}

/// What is said of a condition, as Terraform says it of a run's.
fn of_run(mut diagnostic: Diagnostic) -> Diagnostic {
    if diagnostic.code == Some(codes::CONDITION) && diagnostic.summary == INVALID_RESULT {
        diagnostic.summary = "Invalid condition run".into();
    }
    diagnostic
}

/// True for what a condition of a block says that does not hold (or, of a check, that can't be told yet).
pub fn is_condition(diagnostic: &Diagnostic) -> bool {
    let of_variables = diagnostic.address.as_deref().is_some_and(|a| a.contains("var."));
    match diagnostic.code {
        Some(codes::PRECONDITION | codes::POSTCONDITION | codes::CHECK) => true,
        Some(code) => of_variables && code == pilotis_config::VALIDATION,
        None => false,
    }
}

/// Takes out of `diags` what a run expects to fail, and turns failed checks that nobody expects into errors. What was expected and did
/// not happen is told by [`Broken::missing`].
#[derive(Debug)]
pub struct Broken<'a> {
    expected: &'a [Expected],
    met: Vec<bool>,
}

impl<'a> Broken<'a> {
    /// Nothing has failed yet.
    pub fn new(expected: &'a [Expected]) -> Broken<'a> {
        Broken { expected, met: vec![false; expected.len()] }
    }

    /// What is left of diagnostics, and those that were expected, by whom.
    pub fn sift(&mut self, diags: Diagnostics) -> (Diagnostics, Vec<(Diagnostic, Expected)>) {
        let mut left = Diagnostics::new();
        let mut met = Vec::new();
        for mut d in diags {
            if !is_condition(&d) {
                left.push(d);
                continue;
            }
            let address = d.address.clone().unwrap_or_default();
            let places: Vec<usize> =
                (0..self.expected.len()).filter(|i| self.expected[*i].means(&address)).collect();
            if places.is_empty() {
                // A check only warns, but in a test it is one more assertion.
                d.severity = Severity::Error;
                left.push(d);
                continue;
            }
            for place in &places {
                self.met[*place] = true;
            }
            met.push((d, self.expected[places[0]].clone()));
        }
        (left, met)
    }

    /// What was expected to fail and did not.
    pub fn missing(&self) -> Diagnostics {
        let missing = self.expected.iter().zip(&self.met).filter(|(_, met)| !**met);
        missing
            .map(|(expected, _)| {
                Diagnostic::error("Missing expected failure")
                    .code(codes::MISSING_FAILURE)
                    .at(expected.span)
                    .detail(format!(
                        "The checkable object, {}, was expected to report an error but did not.",
                        expected.address
                    ))
            })
            .collect()
    }
}
