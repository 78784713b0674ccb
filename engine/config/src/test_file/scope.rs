//! What references mean in a test file: the names of the module that is tested, and those that only tests have.

use std::collections::BTreeSet;

use pilotis_diag::{Diagnostic, Span, did_you_mean};
use pilotis_lang::{Resolved, Resolver, Slot};
use pilotis_syntax::ast::{Traversal, TraversalStep};

use crate::codes;
use crate::names::Scope;

/// A name that the module under test knows nothing of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outside {
    /// `var.NAME`, which only the test gives.
    Variable(String),
    /// `output.NAME`: an output of the module.
    Output(String),
    /// `run.NAME`: the outputs of a run before.
    Run(String),
}

/// The names that only tests have, and their slots: those behind the slots of the module.
#[derive(Clone, Debug, Default)]
pub struct OutsideNames {
    first: u32,
    names: Vec<Outside>,
}

impl OutsideNames {
    /// Slots begin behind so many of the module.
    pub(super) fn behind(slots: usize) -> OutsideNames {
        OutsideNames { first: slots as u32, names: Vec::new() }
    }
    /// What a slot means; none if it is one of the module.
    pub fn get(&self, slot: Slot) -> Option<&Outside> {
        self.names.get(slot.0.checked_sub(self.first)? as usize)
    }
    fn slot(&mut self, name: Outside) -> Slot {
        let index = self.names.iter().position(|n| *n == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        Slot(self.first + index as u32)
    }
}

/// The runs that can be referred to.
#[derive(Clone, Copy)]
pub(super) struct Runs<'a> {
    /// Names of all runs of the file, in order.
    pub(super) all: &'a [String],
    /// How many of them come before.
    pub(super) before: usize,
}

/// Where variables, providers and the like are written.
pub(super) struct ArgumentScope<'a> {
    /// None in the file's own `variables`.
    pub(super) runs: Option<Runs<'a>>,
    /// Variables that have a value.
    pub(super) variables: &'a BTreeSet<String>,
    pub(super) names: &'a mut OutsideNames,
}

/// Where assertions are written.
pub(super) struct AssertionScope<'a> {
    pub(super) module: Scope<'a>,
    pub(super) outputs: BTreeSet<&'a str>,
    pub(super) variables: &'a BTreeSet<String>,
    pub(super) runs: Runs<'a>,
    pub(super) names: &'a mut OutsideNames,
}

fn invalid(detail: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error("Invalid reference").code(codes::REFERENCE).detail(detail).at(span)
}

/// The name after the root.
fn name(t: &Traversal) -> Result<(&str, Span), Diagnostic> {
    match t.steps.first() {
        Some(TraversalStep::Attribute(ident)) => Ok((&ident.text, t.root.span.to(ident.span))),
        _ => Err(invalid(
            format!(
                "The \"{}\" object cannot be accessed directly. Instead, access one of its attributes.",
                t.root.text
            ),
            t.span,
        )),
    }
}

impl Runs<'_> {
    fn resolve(&self, t: &Traversal, names: &mut OutsideNames) -> Result<Resolved, Diagnostic> {
        let (run, span) = name(t)?;
        let only = "You can only reference run blocks that are in the same test file and will execute before the current run block.";
        let d = |summary: &str, detail: String| {
            Diagnostic::error(summary).code(codes::TEST_REFERENCE).detail(detail).at(span)
        };
        match self.all.iter().position(|r| r == run) {
            Some(place) if place < self.before => {
                Ok(Resolved { slot: names.slot(Outside::Run(run.to_owned())), consumed: 1 })
            }
            Some(_) => Err(d(
                "Reference to unavailable run block",
                format!("The run block \"{run}\" has not executed yet. {only}"),
            )),
            None => {
                let d = d(
                    "Reference to unknown run block",
                    format!("The run block \"{run}\" does not exist within this test file. {only}"),
                );
                Err(match did_you_mean(run, self.all[..self.before].iter().map(String::as_str)) {
                    Some(best) => d.help(format!("Did you mean `run.{best}`?")),
                    None => d,
                })
            }
        }
    }
}

impl Resolver for ArgumentScope<'_> {
    fn resolve(&mut self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        match (t.root.text.as_str(), self.runs) {
            ("var", runs) => {
                let (variable, span) = name(t)?;
                if self.variables.contains(variable) {
                    let slot = self.names.slot(Outside::Variable(variable.to_owned()));
                    return Ok(Resolved { slot, consumed: 1 });
                }
                let (here, only) = match runs {
                    Some(_) => ("run block", "variables defined at the file or global levels"),
                    None => ("context", "global variables"),
                };
                let d = Diagnostic::error("Reference to unavailable variable")
                    .code(codes::TEST_REFERENCE)
                    .at(span)
                    .detail(format!(
                        "The input variable \"{variable}\" is not available to the current {here}. You can only reference {only}."
                    ));
                Err(match did_you_mean(variable, self.variables.iter().map(String::as_str)) {
                    Some(best) => d.help(format!("Did you mean `var.{best}`?")),
                    None => d,
                })
            }
            ("run", Some(runs)) => runs.resolve(t, self.names),
            ("run", None) => {
                Err(invalid("You can not reference run blocks from within the file variables block.", t.span))
            }
            (_, Some(_)) => Err(invalid(
                "You can only reference earlier run blocks, file level, and global variables while defining variables from inside a run block.",
                t.span,
            )),
            (_, None) => Err(invalid(
                "You can only reference global variables while defining variables at the file level.",
                t.span,
            )),
        }
    }
}

impl Resolver for AssertionScope<'_> {
    fn resolve(&mut self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        match t.root.text.as_str() {
            "output" => {
                let (output, span) = name(t)?;
                if self.outputs.contains(output) {
                    let slot = self.names.slot(Outside::Output(output.to_owned()));
                    return Ok(Resolved { slot, consumed: 1 });
                }
                let d = Diagnostic::error("Reference to undeclared output value")
                    .code(codes::UNDECLARED)
                    .detail(format!("An output value with the name \"{output}\" has not been declared."))
                    .at(span);
                Err(match did_you_mean(output, self.outputs.iter().copied()) {
                    Some(best) => d.help(format!("Did you mean `output.{best}`?")),
                    None => d,
                })
            }
            "run" => self.runs.resolve(t, self.names),
            "check" => Err(Diagnostic::error("Reference to \"check\" in invalid context")
                .code(codes::REFERENCE)
                .detail("The \"check\" object can only be referenced from an \"expect_failures\" attribute within a \"run\" block.")
                .at(t.span)),
            "var" => match name(t) {
                Ok((variable, _))
                    if !self.module.names.variables.contains_key(variable)
                        && self.variables.contains(variable) =>
                {
                    let slot = self.names.slot(Outside::Variable(variable.to_owned()));
                    Ok(Resolved { slot, consumed: 1 })
                }
                _ => self.module.resolve(t),
            },
            _ => self.module.resolve(t),
        }
    }
}
