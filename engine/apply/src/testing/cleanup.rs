//! The removal of what the runs of a file made: states in the reverse order of the runs that changed them last, each wholly.

use pilotis_diag::{Diagnostic, Diagnostics, Severity, SourceMap};
use pilotis_plan::{PlanMode, PlanOptions};
use pilotis_state::RunKind;

use super::Tester;
use super::file::{Last, Session, SharedState, endpoints};
use super::report::TestEvent;
use super::run::explained;
use crate::Quiet;
use crate::engine::{ApplyOptions, Planned};

/// Removes all that the states hold. False if something is left.
pub(super) async fn remove_all(session: &mut Session<'_>, sources: &SourceMap) -> bool {
    let mut states: Vec<(Last, SharedState)> = std::mem::take(&mut session.states)
        .into_values()
        .filter_map(|state| Some((state.last.clone()?, state)))
        .collect();
    states.sort_by_key(|(last, _)| std::cmp::Reverse(last.index));
    let path = session.file.path.as_str();
    let mut clean = true;
    for (last, state) in &mut states {
        let tester = session.tester;
        if is_empty(state).await {
            continue;
        }
        tester.reporter.event(&TestEvent::RunTearingDown { path, run: &last.name });
        let mut diagnostics = remove(tester, last, state).await;
        let left = left(state, &mut diagnostics).await;
        diagnostics.sort();
        clean &= left.is_empty() && !diagnostics.has_errors();
        if !left.is_empty() || !diagnostics.is_empty() {
            let run = &last.name;
            tester.reporter.event(&TestEvent::CleanedUp {
                path,
                run,
                left: &left,
                diagnostics: &diagnostics,
                sources,
            });
        }
    }
    clean
}

/// True if there is nothing to be removed.
async fn is_empty(state: &SharedState) -> bool {
    let snapshot = state.engine.store().with(|store| store.snapshot()).await;
    snapshot.is_ok_and(|s| s.resources.is_empty() && s.intents.is_empty())
}

async fn remove(tester: &Tester<'_>, last: &Last, state: &mut SharedState) -> Diagnostics {
    let setup = last.setup.clone();
    state.engine.use_sandbox(endpoints(tester, &setup.sandboxed));
    let options = PlanOptions {
        mode: PlanMode::Destroy,
        refresh: true,
        targets: Vec::new(),
        replace: Vec::new(),
        ..setup.options
    };
    // Nobody stops what removes things, but one who has asked twice.
    let stop = &tester.hard;
    let planned = state.engine.plan(setup.configuration, setup.variables, options, &Quiet, stop).await;
    let planned: Planned = match planned {
        Ok(planned) => planned,
        Err(e) => return explained(e),
    };
    let mut diagnostics: Diagnostics = of_removal(planned.plan.diagnostics.clone());
    if diagnostics.has_errors() {
        return diagnostics;
    }
    let options = ApplyOptions {
        kind: RunKind::Destroy,
        allow_programs: tester.allow_programs,
        made_of: None,
        approval: pilotis_state::audit::Approval::AutoApprove,
    };
    match state.engine.apply(planned, options, &Quiet, stop, stop).await {
        Ok(report) => diagnostics.extend(of_removal(report.applied.diagnostics)),
        Err(e) => diagnostics.extend(explained(e)),
    }
    diagnostics
}

/// Only what keeps something from being removed is worth being told.
fn of_removal(diagnostics: Diagnostics) -> Diagnostics {
    diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect()
}

/// Addresses of what is still there.
async fn left(state: &SharedState, diagnostics: &mut Diagnostics) -> Vec<String> {
    match state.engine.store().with(|store| store.snapshot()).await {
        Ok(snapshot) => snapshot.resources.iter().map(|r| r.key.to_string()).collect(),
        Err(e) => {
            diagnostics.push(Diagnostic::error("The state of the test can't be read").detail(e.to_string()));
            Vec::new()
        }
    }
}
