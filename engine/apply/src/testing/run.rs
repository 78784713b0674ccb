//! One run: its plan, its apply if it has one, its assertions.

use std::collections::BTreeMap;
use std::sync::Arc;

use pilotis_config::{Command, Configuration, Expected, RootVariables, SuiteRun, test_variables};
use pilotis_diag::{Diagnostic, Diagnostics, Label, Severity, SourceMap};
use pilotis_lang::Surroundings;
use pilotis_plan::{
    Broken, Evaluation, Held, Known, Overrides, Plan, PlanMode, PlanOptions, is_condition, is_told_by_apply,
    validate,
};
use pilotis_state::RunKind;
use pilotis_value::Value;

use super::arguments::{Arguments, Outputs, TestFrame, arguments, configured};
use super::{TestStatus, Tester};
use crate::drive::now;
use crate::engine::{ApplyOptions, Engine, EngineError, Planned};
use crate::{Quiet, sandboxed};

/// What came of a run, for what comes after it.
#[derive(Default)]
pub(super) struct Ran {
    pub(super) diagnostics: Diagnostics,
    /// The plan that it made.
    pub(super) plan: Option<Plan>,
    /// It has carried that out, wholly or in part.
    pub(super) applied: bool,
    /// Its outputs.
    pub(super) outputs: Option<Value>,
    /// An assertion did not hold, and nothing else went wrong.
    pub(super) failed: bool,
}

impl Ran {
    fn stopped(diagnostics: Diagnostics) -> Ran {
        Ran { diagnostics, ..Ran::default() }
    }

    pub(super) fn status(&self) -> TestStatus {
        match (self.diagnostics.has_errors(), self.failed) {
            (true, true) => TestStatus::Fail,
            (true, false) => TestStatus::Error,
            (false, _) => TestStatus::Pass,
        }
    }
}

/// What a run is made with, and what removes it again.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) configuration: Arc<Configuration>,
    pub(super) variables: RootVariables,
    pub(super) options: PlanOptions,
    /// Providers that use the sandbox.
    pub(super) sandboxed: Vec<String>,
}

/// Works out what a run is made with. None if something is wrong with it.
pub(super) fn set_up(
    tester: &Tester<'_>,
    run: &SuiteRun,
    outside: &[pilotis_config::VariableSource],
    before: &Outputs,
    sources: &mut SourceMap,
    diags: &mut Diagnostics,
) -> Option<(Setup, Arguments)> {
    diags.extend(run.meaning.clone());
    diags.extend(run.wrong.clone());
    if diags.has_errors() {
        return None;
    }
    let settings = &tester.settings;
    let surroundings =
        Surroundings { files: &*settings.files, plan_time_ms: now().0, apply_time_ms: Some(now().0) };
    let arguments = arguments(&run.prepared, &run.outer, before, &surroundings, diags);
    if diags.has_errors() {
        return None;
    }
    let configuration = configured(&run.configuration, &arguments);
    let root = &configuration.modules[0];
    let name = &run.run.name;
    let variables = test_variables(root, outside, arguments.given.clone(), name, sources, diags);
    let cwd = settings.base_dir.display().to_string();
    let known = Known { files: &*settings.files, cwd: &cwd, workspace: &settings.workspace, now: now() };
    // What is only a warning, the plan will say.
    let found = validate(&configuration, &known, diags).into_iter();
    diags.extend(found.filter(|d| d.severity == Severity::Error));
    if diags.has_errors() {
        return None;
    }
    let prepared = &run.prepared;
    let options = PlanOptions {
        mode: if prepared.refresh_only { PlanMode::RefreshOnly } else { PlanMode::Normal },
        refresh: prepared.refresh,
        replace: prepared.replace.clone(),
        targets: prepared.targets.clone(),
        workspace: settings.workspace.clone(),
        cwd,
        overrides: Overrides {
            objects: prepared.objects.clone(),
            modules: prepared.modules.clone(),
            mocks: arguments.mocks.clone(),
        },
        ..PlanOptions::default()
    };
    let sandboxed = match tester.sandbox_for_all {
        true => tester.sandbox.keys().cloned().collect(),
        false => sandboxed(root, &variables, surroundings),
    };
    Some((Setup { configuration: Arc::new(configuration), variables, options, sandboxed }, arguments))
}

/// Carries a run out on a state.
pub(super) async fn carry_out(
    tester: &Tester<'_>,
    engine: &Engine,
    run: &SuiteRun,
    setup: &Setup,
    arguments: &Arguments,
    before: &Outputs,
) -> Ran {
    let Setup { configuration, variables, options, .. } = setup.clone();
    let planned = engine.plan(configuration, variables, options, &Quiet, &tester.soft).await;
    let Planned { plan, machine, connections, head } = match planned {
        Ok(planned) => planned,
        Err(e) => return Ran::stopped(explained(e)),
    };
    let mut broken = Broken::new(&run.prepared.expected);
    let is_apply = run.run.command == Command::Apply;
    // What an apply will tell anew is left to it.
    let told = plan.diagnostics.clone().into_iter().filter(|d| !(is_apply && is_told_by_apply(d)));
    let (mut diagnostics, met) = broken.sift(told.collect());
    for (original, expected) in met.into_iter().filter(|(d, _)| is_apply && d.severity == Severity::Error) {
        diagnostics.push(expected_too_early(&original, &expected));
        diagnostics.push(original);
    }
    if diagnostics.iter().all(is_condition) && diagnostics.has_errors() {
        // Only conditions have failed: those that should have and did not are worth being told too.
        diagnostics.extend(broken.missing());
    }
    let mut diagnostics = placed(diagnostics, arguments);
    let unseen = plan.unseen.iter().map(|u| {
        Diagnostic::error("Object can't be looked at")
            .detail(format!("{}: {}", u.display, u.why))
            .address(u.key.address.to_string())
    });
    diagnostics.extend(unseen);
    let ran = Ran { diagnostics, plan: Some(plan.clone()), ..Ran::default() };
    if ran.diagnostics.has_errors() {
        return ran;
    }
    if !is_apply {
        return judged(ran, &Evaluation::of_plan(*machine), run, arguments, before, &broken);
    }
    let planned = Planned { plan, machine, connections, head };
    apply(tester, engine, planned, ran, run, arguments, before, broken).await
}

#[allow(clippy::too_many_arguments, reason = "one caller; a struct would only rename them")]
async fn apply(
    tester: &Tester<'_>,
    engine: &Engine,
    planned: Planned,
    mut ran: Ran,
    run: &SuiteRun,
    arguments: &Arguments,
    before: &Outputs,
    mut broken: Broken<'_>,
) -> Ran {
    let options = ApplyOptions {
        kind: RunKind::Apply,
        allow_programs: tester.allow_programs,
        made_of: None,
        approval: pilotis_state::audit::Approval::AutoApprove,
    };
    let applied = engine.apply_keeping(planned, options, &Quiet, &tester.soft, &tester.hard).await;
    ran.applied = true;
    let (report, machine) = match applied {
        Ok(applied) => applied,
        Err(e) => {
            ran.diagnostics.extend(explained(e));
            return ran;
        }
    };
    let (left, met) = broken.sift(report.applied.diagnostics.clone());
    ran.diagnostics.extend(left);
    let (_, failed, not_attempted, unknown) = report.applied.counts();
    let all_expected = met.iter().any(|(d, _)| d.severity == Severity::Error);
    if failed + not_attempted + unknown > 0 && !all_expected && !ran.diagnostics.has_errors() {
        ran.diagnostics.extend(undone(&report.applied, tester.soft.is_cancelled()));
    }
    if ran.diagnostics.has_errors() {
        return ran;
    }
    judged(ran, &Evaluation::of_plan(*machine), run, arguments, before, &broken)
}

/// Breaches of a variable's rules are shown where the test gives the value.
fn placed(diagnostics: Diagnostics, arguments: &Arguments) -> Diagnostics {
    let place = |mut d: Diagnostic| {
        let name = d.address.as_deref().and_then(|a| a.strip_prefix("var."));
        let given = arguments.given.iter().rev().find(|v| Some(v.name.as_str()) == name);
        if let Some(given) = given.filter(|_| is_condition(&d)) {
            // The rule itself is beside it.
            d.primary = Some(Label { span: given.span, text: String::new() });
        }
        d
    };
    diagnostics.into_iter().map(place).collect()
}

/// Checks what was expected to fail, then the assertions.
fn judged(
    mut ran: Ran,
    evaluation: &Evaluation,
    run: &SuiteRun,
    arguments: &Arguments,
    before: &Outputs,
    broken: &Broken<'_>,
) -> Ran {
    let outputs: BTreeMap<String, Value> = evaluation.outputs();
    let entries = outputs.iter().map(|(name, value)| (name.as_str().into(), value.clone()));
    ran.outputs = Some(Value::object(entries.collect()));
    ran.diagnostics.extend(broken.missing());
    if ran.diagnostics.has_errors() {
        return ran;
    }
    let frame = TestFrame {
        names: &run.prepared.names,
        variables: &arguments.variables,
        runs: before,
        outputs: &outputs,
        module: Some(evaluation),
    };
    let mut erred = false;
    for assertion in &run.prepared.assertions {
        let held = match assertion {
            Ok(assertion) => evaluation.check(assertion, &frame),
            Err(wrong) => Held::Error(wrong.clone()),
        };
        match held {
            Held::Yes(warnings) => ran.diagnostics.extend(warnings),
            Held::No(why) => ran.diagnostics.extend(why),
            Held::Error(why) => {
                erred = true;
                ran.diagnostics.extend(why);
            }
        }
    }
    ran.failed = !erred && ran.diagnostics.has_errors();
    ran
}

/// A condition that was to fail during the apply has failed before there was one.
fn expected_too_early(original: &Diagnostic, expected: &Expected) -> Diagnostic {
    let address = original.address.as_deref().unwrap_or("a block");
    Diagnostic::warning("Expected failure while planning").detail(format!(
        "A custom condition within {address} failed during the planning stage and prevented the requested apply operation. While this was an expected failure, the apply operation could not be executed and so the overall test case will be marked as a failure and the original diagnostic included in the test report."
    ))
    .at(expected.span)
    .help("To expect this failure, say `command = plan` in the run.")
}

/// Objects that an apply has not done, where nothing else says why.
fn undone(applied: &pilotis_plan::Applied, interrupted: bool) -> Diagnostics {
    use pilotis_plan::ObjectResult;
    if interrupted {
        return Diagnostic::error("Interrupted")
            .detail("The run was interrupted: not all of it was carried out, and its assertions were not checked.")
            .into();
    }
    let why = |o: &pilotis_plan::ObjectOutcome| {
        let why = match &o.result {
            ObjectResult::Done => return None,
            ObjectResult::Failed(why) | ObjectResult::NotAttempted(why) | ObjectResult::Unknown(why) => why,
        };
        Some(
            Diagnostic::error("Object not done")
                .address(&*o.address)
                .detail(format!("{}: {why}.", o.display)),
        )
    };
    applied.objects.iter().filter_map(why).collect()
}

/// Why the engine could not, as diagnostics.
pub(super) fn explained(error: EngineError) -> Diagnostics {
    match error {
        EngineError::Diagnostics(diagnostics) => diagnostics,
        EngineError::Interrupted => Diagnostic::error("Interrupted")
            .detail("The run was interrupted before anything was done.")
            .into(),
        other => Diagnostic::error("The run could not be carried out").detail(other.to_string()).into(),
    }
}
