//! What plan, apply, destroy and drift have in common: from flags to a plan.

use anyhow::{Context as _, bail};
use pilotis_apply::{EngineError, Planned, programs_refused};
use pilotis_config::{Configuration, display};
use pilotis_diag::{Diagnostic, Diagnostics, SourceMap};
use pilotis_plan::planfile::PlanFile;
use pilotis_plan::{Plan, PlanMode, PlanOptions};
use pilotis_report::Style;
use pilotis_report::json::events;
use pilotis_schema::address::{Instance, Mode, Target};
use pilotis_state::StateError;

use crate::args::{PlanningArgs, Refresh};
use crate::exit::Exit;
use crate::folder::Folder;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::session::{Session, Wanted};
use crate::view::View;
use crate::workspace;

impl<'a> From<&'a PlanningArgs> for Wanted<'a> {
    fn from(args: &'a PlanningArgs) -> Wanted<'a> {
        Wanted { variables: &args.variables, state: &args.state, parallelism: args.parallelism }
    }
}

/// Options of a plan as its surroundings say: working folder and workspace.
pub(crate) fn surroundings(folder: &Folder) -> anyhow::Result<PlanOptions> {
    let cwd = folder.disk.cwd.display().to_string();
    let workspace = workspace::selected(&folder.disk.cwd)?.name;
    Ok(PlanOptions { cwd, workspace, ..PlanOptions::default() })
}

/// Options of a plan, from flags.
pub(crate) fn options(
    args: &PlanningArgs,
    destroy: bool,
    folder: &Folder,
    configuration: &Configuration,
) -> anyhow::Result<PlanOptions> {
    let mode = match (destroy, args.refresh_only) {
        (true, true) => bail!("-destroy and -refresh-only don't go together"),
        (true, false) => PlanMode::Destroy,
        (false, true) => PlanMode::RefreshOnly,
        (false, false) => PlanMode::Normal,
    };
    if args.refresh_only && args.refresh != Refresh::True {
        bail!("-refresh-only looks at everything: it doesn't go together with another -refresh");
    }
    let targets = |flag: &str, texts: &[String]| -> anyhow::Result<Vec<Target>> {
        texts
            .iter()
            .map(|t| {
                display::parse_target(configuration, t)
                    .with_context(|| format!("{flag}={t}"))
                    .with_context(|| format!("Invalid target {t:?}"))
            })
            .collect()
    };
    let replace: anyhow::Result<Vec<Instance>> = args
        .replace
        .iter()
        .map(|text| {
            match display::parse_target(configuration, text).with_context(|| format!("-replace={text}"))? {
                Target::Instance(Instance { resource, .. }) | Target::Resource(resource)
                    if resource.mode != Mode::Managed =>
                {
                    bail!("-replace={text}: only managed resources can be replaced")
                }
                Target::Instance(instance) => Ok(instance),
                Target::Resource(resource) => Ok(Instance { resource, key: None }),
                Target::Module(_) => bail!("-replace={text}: this is a module; name one object"),
            }
        })
        .collect();
    Ok(PlanOptions {
        mode,
        refresh: args.refresh == Refresh::True,
        targets: targets("-target", &args.target)?,
        excludes: targets("-exclude", &args.exclude)?,
        replace: replace?,
        ..surroundings(folder)?
    })
}

/// With `-refresh=changed`: the options that look at what would change; else as they are.
pub(crate) async fn narrowed(
    args: &PlanningArgs,
    options: PlanOptions,
    session: &Session,
    view: &View,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<PlanOptions, Exit>> {
    if args.refresh != Refresh::Changed {
        return Ok(Ok(options));
    }
    let progress = Progress::planning(*view);
    let (configuration, variables) = (session.configuration.clone(), session.variables.clone());
    let engine = &session.engine;
    let found =
        engine.looking_at_changes(configuration, variables, options, &progress, &interrupt.soft).await;
    progress.finish();
    match found {
        Ok(options) => Ok(Ok(options)),
        Err(e) => Ok(Err(failed(e, session, view)?)),
    }
}

/// A plan, or how to exit because there is none.
pub(crate) async fn plan(
    session: &Session,
    options: PlanOptions,
    view: &View,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<Planned, Exit>> {
    let progress = Progress::planning(*view);
    let (configuration, variables) = (session.configuration.clone(), session.variables.clone());
    let planned = session.engine.plan(configuration, variables, options, &progress, &interrupt.soft).await;
    progress.finish();
    match planned {
        Ok(planned) => Ok(Ok(planned)),
        Err(e) => Ok(Err(failed(e, session, view)?)),
    }
}

/// The same, with what is needed to save the plan.
pub(crate) async fn plan_to_save(
    session: &Session,
    options: PlanOptions,
    view: &View,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<(Planned, PlanFile), Exit>> {
    let progress = Progress::planning(*view);
    let (configuration, variables) = (session.configuration.clone(), session.variables.clone());
    let (modules, given) = (session.modules.clone(), session.given_ephemeral.clone());
    let engine = &session.engine;
    let planned = engine
        .plan_to_save(modules, configuration, variables, given, options, &progress, &interrupt.soft)
        .await;
    progress.finish();
    match planned {
        Ok(planned) => Ok(Ok(planned)),
        Err(e) => Ok(Err(failed(e, session, view)?)),
    }
}

/// A saved plan, made again from its excerpt; none if the whole must tell.
pub(crate) async fn plan_from_excerpt(
    file: &PlanFile,
    session: &Session,
    view: &View,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<Option<Planned>, Exit>> {
    let progress = Progress::planning(*view);
    let (configuration, given) = (session.configuration.clone(), &session.variables);
    let planned =
        session.engine.plan_from_excerpt(file, configuration, given, &progress, &interrupt.soft).await;
    progress.finish();
    match planned {
        Ok(planned) => Ok(Ok(planned)),
        Err(e) => Ok(Err(failed(e, session, view)?)),
    }
}

/// A saved plan, made again on the state of today; or how to exit because it doesn't hold any more.
pub(crate) async fn plan_again(
    file: &PlanFile,
    session: &Session,
    view: &View,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<Planned, Exit>> {
    let progress = Progress::planning(*view);
    let configuration = session.configuration.clone();
    let given = &session.variables;
    let planned = session.engine.plan_again(file, configuration, given, &progress, &interrupt.soft).await;
    progress.finish();
    match planned {
        Ok(planned) => Ok(Ok(planned)),
        Err(e) => Ok(Err(failed(e, session, view)?)),
    }
}

/// The environment lets provisioners run their programs.
pub(crate) fn programs_allowed() -> bool {
    std::env::var_os("PILOTIS_ALLOW_EXEC").is_some_and(|v| v == "1" || v == "true")
}

/// Says that an apply of the plan runs programs, if it would be refused as things are.
pub(crate) fn warn_of_programs(plan: &Plan, session: &Session, view: &View) {
    let Some(refused) = programs_refused(plan, programs_allowed()) else { return };
    let mut warning = Diagnostic::warning("The apply runs programs")
        .detail(
            "Provisioners of this plan run programs on this machine, which an apply must be allowed to do.",
        )
        .help("Look at the commands, and give apply `-allow-exec`.");
    warning.code = refused.code;
    warning.primary = refused.primary;
    show(&Diagnostics::from(warning), session, view);
}

/// Shows why the engine could not, and says how to exit.
pub(crate) fn failed(error: EngineError, session: &Session, view: &View) -> anyhow::Result<Exit> {
    match error {
        EngineError::Diagnostics(diagnostics) => {
            show(&diagnostics, session, view);
            Ok(Exit::Error)
        }
        EngineError::Interrupted => {
            match view.json {
                true => refuse(view, "Interrupted", "Nothing was changed."),
                false => view.say("Interrupted: nothing was changed.\n"),
            }
            Ok(Exit::Interrupted)
        }
        EngineError::State(StateError::Locked { lease }) => {
            let detail = format!(
                "{lease}. Wait for that run, or give -lock-timeout=5m to wait for it here. If its process is dead for certain, `pilotis force-unlock {}` ends it.",
                lease.run.0
            );
            refuse(view, "the state is locked", &detail);
            Ok(Exit::Locked)
        }
        EngineError::Stale(keys) => {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            let keys = keys.join(", ");
            let detail =
                format!("Since it was made, somebody else has changed {keys}. Nothing was done; plan again.");
            refuse(view, "the plan is stale", &detail);
            Ok(Exit::Stale)
        }
        EngineError::Different { .. } if view.json => {
            refuse(
                view,
                "the saved plan is stale",
                "On the state of today it would do something else. Nothing was done; plan again.",
            );
            Ok(Exit::Stale)
        }
        EngineError::Different { saved, now } => {
            view.say("Error: the saved plan is stale\n\nOn the state of today it would do something else. Nothing was done. It was:\n");
            view.say(&pilotis_report::text::plan(&saved, &style(view), &crate::builtin::lost));
            view.say("\nIt would now be:\n");
            view.say(&pilotis_report::text::plan(&now, &style(view), &crate::builtin::lost));
            Ok(Exit::Stale)
        }
        // As itself, so that what to do next is said of it.
        EngineError::State(error) => Err(error.into()),
        other => Err(other.into()),
    }
}

/// Says why nothing is done: for people as text, for programs as an event.
fn refuse(view: &View, summary: &str, detail: &str) {
    if view.json {
        view.diagnostics(
            &Diagnostics::from(Diagnostic::error(summary).detail(detail)),
            &SourceMap::default(),
        );
    } else {
        view.say(&format!("Error: {summary}\n\n{detail}\n"));
    }
}

/// Shows diagnostics with the run's sources. Addresses are the screen's for people, Terraform's for programs.
pub(crate) fn show(diagnostics: &Diagnostics, session: &Session, view: &View) {
    let mut diagnostics = diagnostics.clone();
    diagnostics.sort();
    if !view.json {
        let shown = diagnostics.into_iter().map(|mut diagnostic| {
            let address = diagnostic.address.as_deref().and_then(|a| a.parse::<Instance>().ok());
            if let Some(address) = address {
                diagnostic.address = Some(display::display(&session.configuration, &address));
            }
            diagnostic
        });
        diagnostics = shown.collect();
    }
    view.diagnostics(&diagnostics, &session.sources);
}

/// How a plan looks here.
pub(crate) fn style(view: &View) -> Style {
    Style { color: view.color, width: view.width, show_unchanged: false }
}

/// Shows a plan: as text, or as events.
pub(crate) fn show_plan(plan: &Plan, session: &Session, view: &View) {
    if plan.diagnostics.has_errors() {
        // A part of a plan would be taken for the plan: "no changes" above an error says the opposite of what is true.
        show(&plan.diagnostics, session, view);
        if !view.json {
            view.say("\nThere is no plan because of this; nothing was changed.\n");
        }
        return;
    }
    if view.json {
        let at = crate::clock::rfc3339_now();
        for drift in &plan.drift {
            view.line(&events::resource_drift(drift, &at));
        }
        for change in plan.changes.iter().filter_map(|c| events::planned_change(c, &at)) {
            view.line(&change);
        }
        view.line(&events::plan_summary(plan, &at));
        let outputs = plan.outputs.iter().map(|o| {
            let action = match (&o.before, &o.after) {
                (None, Some(_)) => "create",
                (Some(_), None) => "delete",
                (Some(before), Some(after)) if before != after => "update",
                _ => "noop",
            };
            (o.name.as_str(), Some(action), o.after.as_ref(), o.sensitive)
        });
        if !plan.outputs.is_empty() {
            view.line(&events::outputs(outputs, &at));
        }
    } else {
        view.print(&pilotis_report::text::plan(plan, &style(view), &crate::builtin::lost));
        if let (reads, 0) = plan.calls
            && reads > 0
        {
            view.print(&format!("Looked at the services with {reads} read calls and no write call.\n"));
        }
    }
    show(&plan.diagnostics, session, view);
}

/// How a plan without an apply ends.
pub(crate) fn exit_of(plan: &Plan, detailed: bool) -> Exit {
    if plan.diagnostics.has_errors() {
        Exit::Error
    } else if !plan.unseen.is_empty() {
        Exit::Incomplete
    } else if detailed && !pilotis_report::Counts::of(plan).is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    }
}
