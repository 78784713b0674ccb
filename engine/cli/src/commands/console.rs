//! `pilotis console`: expressions typed or piped in, their values shown.
//!
//! Here is what an expression is evaluated against, and how a piped input is read; the prompt of a terminal is in `prompt`.

mod completion;
mod prompt;

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;

use anyhow::Context as _;
use pilotis_config::{Configuration, RootVariables, given_variables};
use pilotis_diag::{Diagnostics, SourceMap};
use pilotis_plan::{Evaluation, Inputs, PlanOptions};
use pilotis_report::text;
use pilotis_syntax::ast::{Expr, ExprKind};
use pilotis_syntax::{is_open, parse_expression};

use crate::args::ConsoleArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::interrupt::Interrupt;
use crate::planning;
use crate::session::{Session, Wanted};
use crate::view::View;

const HELP: &str = "\
Type an expression, as it would stand in the configuration, and its value is shown: var.region, length(local.zones),
[for p in gitlab_project.all : p.path]. Nothing is changed. Tab completes names; exit or Ctrl-D leaves.
";

/// Evaluates expressions against the configuration and the state, or with `-plan` against what would be.
pub(crate) async fn run(args: &ConsoleArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::plain(args.no_color);
    let found = if args.plan { planned(args, &folder, &view).await? } else { stored(args, &folder, &view)? };
    let mut console = match found {
        Ok(console) => console,
        Err(exit) => return Ok(exit),
    };
    if std::io::stdin().is_terminal() { prompt::run(&mut console) } else { piped(&mut console) }
}

/// What came of one input.
enum Said {
    /// A value was shown, or the help.
    Value,
    /// There is none; the diagnostics were shown.
    Errors,
    /// Leave.
    Exit,
}

/// What expressions are evaluated against, and where their values are shown.
struct Console {
    configuration: Arc<Configuration>,
    sources: SourceMap,
    evaluation: Evaluation,
    view: View,
}

impl Console {
    /// Evaluates one input and shows what comes of it.
    fn say(&mut self, input: &str) -> Said {
        match input.trim() {
            "exit" => return Said::Exit,
            "help" => {
                self.view.print(HELP);
                return Said::Value;
            }
            _ => {}
        }
        let file = self.sources.add("<console-input>", input);
        let (expr, mut diagnostics) = parse_expression(&self.sources, file);
        let mut shown = None;
        if !diagnostics.has_errors() {
            let compiled = self.configuration.modules[0].expression(&expr, &mut diagnostics);
            if !diagnostics.has_errors() {
                shown = Some(self.evaluation.eval(&compiled, &mut diagnostics));
            }
        }
        self.view.diagnostics(&diagnostics, &self.sources);
        match shown.filter(|_| !diagnostics.has_errors()) {
            None => Said::Errors,
            Some(value) => {
                let text = match value.as_str() {
                    // The name of a type is no text to be quoted.
                    Some(name) if asks_type(&expr) && !value.has_sensitive() => name.to_owned(),
                    _ => text::console(&value),
                };
                self.view.print(&format!("{text}\n"));
                Said::Value
            }
        }
    }
}

/// The whole expression is `type(…)`.
fn asks_type(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call(call) if call.name.len() == 1 && call.name[0] == "type")
}

/// Reads expressions from a pipe or a file: one a line, or over as many lines as it needs. The first error ends it.
fn piped(console: &mut Console) -> anyhow::Result<Exit> {
    let mut input = String::new();
    for line in std::io::stdin().lock().lines() {
        input.push_str(&line.context("standard input can't be read")?);
        input.push('\n');
        if is_open(&input) {
            continue;
        }
        match say_unless_blank(console, &std::mem::take(&mut input)) {
            Said::Value => {}
            Said::Errors => return Ok(Exit::Error),
            Said::Exit => return Ok(Exit::Done),
        }
    }
    // What is still open is told as the mistake that it is.
    match say_unless_blank(console, &input) {
        Said::Errors => Ok(Exit::Error),
        Said::Value | Said::Exit => Ok(Exit::Done),
    }
}

fn say_unless_blank(console: &mut Console, input: &str) -> Said {
    if input.trim().is_empty() { Said::Value } else { console.say(input) }
}

/// A console on the state as it is: nothing is called, and no state is made where there is none.
fn stored(args: &ConsoleArgs, folder: &Folder, view: &View) -> anyhow::Result<Result<Console, Exit>> {
    let (configuration, mut diagnostics) = folder.configuration();
    let mut sources = configuration.sources.clone();
    let mut variables = RootVariables::default();
    if !diagnostics.has_errors() {
        let given = folder.variable_sources(&args.variables)?;
        variables = given_variables(&configuration.modules[0], &given, &mut sources, &mut diagnostics);
    }
    diagnostics.sort();
    view.diagnostics(&diagnostics, &sources);
    if diagnostics.has_errors() {
        return Ok(Err(Exit::Error));
    }
    let place = folder.place(&args.state, &configuration)?.or_empty();
    let snapshot = place.snapshot(folder)?;
    let configuration = Arc::new(configuration);
    let now = crate::clock::now();
    let evaluation = Evaluation::of_state(Inputs {
        configuration: configuration.clone(),
        schemas: folder.schemas(),
        variables,
        options: PlanOptions { refresh: false, ..planning::surroundings(folder)? },
        snapshot: Arc::new(snapshot),
        files: folder.disk.clone(),
        started: now,
        now,
        seed: 0,
    });
    warn(evaluation.diagnostics(), &sources, view);
    Ok(Ok(Console { configuration, sources, evaluation, view: *view }))
}

/// Mistakes in the configuration don't hinder expressions that have nothing to do with them.
fn warn(diagnostics: &Diagnostics, sources: &SourceMap, view: &View) {
    view.diagnostics(diagnostics, sources);
    if diagnostics.has_errors() {
        view.say("\nWarning: because of the problems above, some values may be missing.\n\n");
    }
}

/// A console on what a plan says that things will be; how to exit if there is no plan.
async fn planned(args: &ConsoleArgs, folder: &Folder, view: &View) -> anyhow::Result<Result<Console, Exit>> {
    folder.require_configuration()?;
    let interrupt = Interrupt::listen();
    let wanted = Wanted { variables: &args.variables, state: &args.state, parallelism: args.parallelism };
    let Some(session) = Session::begin(folder, view, &wanted).await? else { return Ok(Err(Exit::Error)) };
    let options = planning::surroundings(folder)?;
    let planned = planning::plan(&session, options, view, &interrupt).await?;
    let console = planned.and_then(|planned| {
        planning::show(&planned.plan.diagnostics, &session, view);
        if planned.plan.diagnostics.has_errors() {
            return Err(Exit::Error);
        }
        Ok(Console {
            configuration: session.configuration.clone(),
            sources: session.sources.clone(),
            evaluation: Evaluation::of_plan(*planned.machine),
            view: *view,
        })
    });
    session.end().await;
    Ok(console)
}
