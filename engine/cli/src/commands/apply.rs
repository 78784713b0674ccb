//! `pilotis apply` and `pilotis destroy`

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Instant;

use anyhow::{Context as _, bail};
use pilotis_apply::{ApplyOptions, ApplyReport, Planned, programs_refused};
use pilotis_diag::{Diagnostic, Diagnostics, Severity};
use pilotis_plan::planfile::SavedPlan;
use pilotis_plan::{KeptMadeOf, PlanMode};
use pilotis_report::json::events;
use pilotis_report::{Counts, text};
use pilotis_state::audit::Approval;
use pilotis_state::{RunKind, RunStatus};

use crate::args::ApplyArgs;
use crate::commands::output;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::heads;
use crate::interrupt::Interrupt;
use crate::planning;
use crate::progress::Progress;
use crate::session::Session;
use crate::view::View;
use crate::workspace;

/// Plans, asks, and does it.
pub(crate) async fn run(args: &ApplyArgs, destroy: bool) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    view.begin();
    let destroy = destroy || args.destroy;
    let interrupt = Interrupt::listen();
    if let Some(file) = &args.plan {
        return saved(args, file, &folder, &view, &interrupt).await;
    }
    if view.json && !args.auto_approve {
        bail!("-json can't ask: add -auto-approve, or apply a saved plan");
    }
    if !destroy {
        folder.require_configuration()?;
    }
    let Some(session) = Session::begin(&folder, &view, &(&args.planning).into()).await? else {
        return Ok(Exit::Error);
    };
    let options = planning::options(&args.planning, destroy, &folder, &session.configuration)?;
    let options = match planning::narrowed(&args.planning, options, &session, &view, &interrupt).await? {
        Ok(options) => options,
        Err(exit) => {
            session.end().await;
            return Ok(exit);
        }
    };
    let kept = options.clone();
    let exit = match planning::plan(&session, options, &view, &interrupt).await? {
        Err(exit) => exit,
        Ok(planned) => {
            planning::show_plan(&planned.plan, &session, &view);
            if planned.plan.diagnostics.has_errors() || refuses(args, &planned, &session, &view) {
                Exit::Error
            } else if !args.auto_approve
                && !Counts::of(&planned.plan).is_empty()
                && !approved(&view, destroy, &interrupt).await?
            {
                view.print(if destroy { "\nDestroy cancelled.\n" } else { "\nApply cancelled.\n" });
                if interrupt.soft.is_cancelled() { Exit::Interrupted } else { Exit::Error }
            } else {
                carry_out(
                    &session,
                    planned,
                    session.made_of(&kept).and_then(|of| of.write().ok()),
                    args,
                    destroy,
                    &view,
                    &interrupt,
                )
                .await?
            }
        }
    };
    session.end().await;
    Ok(exit)
}

/// Applies a saved plan: nothing is asked, it was reviewed.
async fn saved(
    args: &ApplyArgs,
    file: &str,
    folder: &Folder,
    view: &View,
    interrupt: &Interrupt,
) -> anyhow::Result<Exit> {
    let given = &args.planning;
    if !given.target.is_empty() || args.destroy {
        bail!("{file} is a saved plan, which holds its options: give none here");
    }
    let bytes = std::fs::read(file).with_context(|| format!("the saved plan {file} can't be read"))?;
    let unusable = || format!("{file} can't be applied");
    let plain = folder.unsealed_plan(&bytes).with_context(unusable)?;
    let saved = SavedPlan::read(&plain).with_context(unusable)?;
    let whole = || saved.whole().with_context(unusable);
    let first = match &saved.excerpt {
        Some(excerpt) => excerpt,
        None => &whole()?,
    };
    let (made_in, selected) = (&first.options.workspace, workspace::selected(&folder.disk.cwd)?.name);
    if *made_in != selected {
        bail!(
            "{file} was made in the workspace {made_in:?}, and {selected:?} is selected. Nothing was done; to apply it: pilotis workspace select {made_in}"
        );
    }
    let destroy = first.options.mode == PlanMode::Destroy;
    let wanted = given.into();
    let session = Session::of_plan(first, folder, view, &wanted).await?;
    let Some(mut session) = session else { return Ok(Exit::Error) };
    let planned = match &saved.excerpt {
        None => planning::plan_again(first, &session, view, interrupt).await?,
        Some(excerpt) => match planning::plan_from_excerpt(excerpt, &session, view, interrupt).await? {
            Err(exit) => Err(exit),
            Ok(Some(planned)) => Ok(planned),
            Ok(None) => {
                let whole = whole()?;
                match session.read_plan(&whole, folder, view, &wanted)? {
                    true => planning::plan_again(&whole, &session, view, interrupt).await?,
                    false => Err(Exit::Error),
                }
            }
        },
    };
    let exit = match planned {
        Err(exit) => exit,
        Ok(mut planned) => {
            // Warnings were given when it was planned.
            let said = std::mem::take(&mut planned.plan.diagnostics);
            planned.plan.diagnostics = said.into_iter().filter(|d| d.severity == Severity::Error).collect();
            planning::show_plan(&planned.plan, &session, view);
            if planned.plan.diagnostics.has_errors() {
                Exit::Error
            } else {
                let made_of = saved.made_of();
                carry_out(&session, planned, made_of, args, destroy, view, interrupt).await?
            }
        }
    };
    session.end().await;
    Ok(exit)
}

/// Asks. Anything but `yes` is no.
async fn approved(view: &View, destroy: bool, interrupt: &Interrupt) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() && std::env::var_os("CI").is_some() {
        bail!("nobody is there to approve: add -auto-approve, or apply a saved plan");
    }
    let question = if destroy {
        "\nDo you really want to destroy all of this? There is no undo.\n  Only 'yes' is taken as an answer.\n\n  Enter a value: "
    } else {
        "\nDo you want to perform these actions?\n  Only 'yes' is taken as an answer.\n\n  Enter a value: "
    };
    view.print(question);
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    tokio::select! {
        line = line => Ok(line?.context("the answer can't be read")?.trim() == "yes"),
        () = interrupt.soft.cancelled() => Ok(false),
    }
}

/// May provisioners run their programs?
fn allows_programs(args: &ApplyArgs) -> bool {
    args.allow_exec || planning::programs_allowed()
}

/// Says so if the plan would run programs and may not, before anything is asked.
fn refuses(args: &ApplyArgs, planned: &Planned, session: &Session, view: &View) -> bool {
    let refused = programs_refused(&planned.plan, allows_programs(args));
    if let Some(refused) = &refused {
        planning::show(&Diagnostics::from(refused.clone()), session, view);
    }
    refused.is_some()
}

/// Does what the plan says, and tells how it went.
#[allow(clippy::too_many_arguments, reason = "two callers; a struct would only rename them")]
async fn carry_out(
    session: &Session,
    planned: Planned,
    made_of: Option<KeptMadeOf>,
    args: &ApplyArgs,
    destroy: bool,
    view: &View,
    interrupt: &Interrupt,
) -> anyhow::Result<Exit> {
    let progress = Progress::applying(*view, &planned.plan);
    let said = planned.plan.diagnostics.clone();
    // Without a change there is nothing to approve.
    let nothing_asked = args.auto_approve || Counts::of(&planned.plan).is_empty();
    let incomplete = !planned.plan.unseen.is_empty();
    let began = Instant::now();
    let options = ApplyOptions {
        kind: if destroy { RunKind::Destroy } else { RunKind::Apply },
        allow_programs: allows_programs(args),
        made_of,
        approval: match (&args.plan, nothing_asked) {
            (Some(_), _) => Approval::SavedPlan,
            (None, true) => Approval::AutoApprove,
            (None, false) => Approval::TypedYes,
        },
    };
    let applied = session.engine.apply(planned, options, &progress, &interrupt.soft, &interrupt.hard).await;
    progress.finish();
    session.engine.store().with(heads::keep).await?;
    let report = match applied {
        Ok(report) => report,
        Err(e) => return planning::failed(e, session, view),
    };
    let applied = &report.applied;
    // What the plan has said already isn't said again.
    let is_new = |d: &&Diagnostic| !said.iter().any(|s| s == *d);
    let new: Diagnostics = applied.diagnostics.iter().filter(is_new).cloned().collect();
    let outputs = output::stored(&session.engine).await?;
    let outputs = || outputs.iter().map(|(name, value, sensitive)| (name.as_str(), value, *sensitive));
    if view.json {
        planning::show(&new, session, view);
        let at = crate::clock::rfc3339_now();
        view.line(&events::run_summary(applied, destroy, &at));
        view.line(&events::outputs(outputs().map(|(n, v, s)| (n, None, Some(v), s)), &at));
    } else {
        view.print(&format!("\n{}", text::run(applied, destroy, &planning::style(view))));
        view.print(&format!(
            "{} read and {} write calls in {:.1} s.\n",
            report.calls.0,
            report.calls.1,
            began.elapsed().as_secs_f64()
        ));
        if outputs().next().is_some() && report.applied.status == RunStatus::Done {
            view.print(&format!("\nOutputs:\n\n{}", text::outputs(outputs(), &planning::style(view))));
        }
        planning::show(&new, session, view);
    }
    Ok(match exit_of(&report, interrupt) {
        Exit::Done if incomplete => Exit::Incomplete,
        exit => exit,
    })
}

fn exit_of(report: &ApplyReport, interrupt: &Interrupt) -> Exit {
    match report.applied.status {
        RunStatus::Interrupted => Exit::Interrupted,
        _ if interrupt.soft.is_cancelled() && report.applied.status != RunStatus::Done => Exit::Interrupted,
        RunStatus::Done => Exit::Done,
        RunStatus::Partial => Exit::Partial,
        RunStatus::Failed | RunStatus::Running => Exit::Error,
    }
}
