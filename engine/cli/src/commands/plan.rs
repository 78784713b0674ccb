//! `pilotis plan`

use std::path::Path;

use anyhow::Context as _;
use pilotis_plan::planfile::PlanFile;
use pilotis_plan::{Plan, PlanOptions};
use pilotis_report::html;

use crate::args::PlanArgs;
use crate::encryption::Keys;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::generate;
use crate::interrupt::Interrupt;
use crate::planning;
use crate::private;
use crate::session::Session;
use crate::view::View;

/// Shows what would change; changes nothing.
pub(crate) async fn run(args: &PlanArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    view.begin();
    let interrupt = Interrupt::listen();
    if !args.destroy {
        folder.require_configuration()?;
    }
    if let Some(file) = &args.generate_config_out {
        generate::check(file, &folder)?;
    }
    let wanted = (&args.planning).into();
    let Some(mut session) = Session::begin(&folder, &view, &wanted).await? else {
        return Ok(Exit::Error);
    };
    let mut written = None;
    if let Some(file) = &args.generate_config_out {
        let generated = generate::write(file, &folder, &session, &view, &interrupt).await?;
        if generated == Ok(true) {
            written = Some(file);
            session.end().await;
            let Some(again) = Session::begin(&folder, &view, &wanted).await? else {
                view.say(&wrote(file));
                return Ok(Exit::Error);
            };
            session = again;
        } else if let Err(exit) = generated {
            session.end().await;
            return Ok(exit);
        }
    }
    let options = planning::options(&args.planning, args.destroy, &folder, &session.configuration)?;
    let options = match planning::narrowed(&args.planning, options, &session, &view, &interrupt).await? {
        Ok(options) => options,
        Err(exit) => {
            session.end().await;
            return Ok(exit);
        }
    };
    let made = shown(&session, options, args.out.as_deref(), &view, &interrupt).await?;
    let exit = match made {
        Err(exit) => exit,
        Ok((plan, file)) => {
            if let Some(file) = written {
                view.say(&wrote(file));
            }
            if let (Some(path), false) = (&args.html, plan.diagnostics.has_errors()) {
                write_page(path, &plan, &folder, &crate::clock::rfc3339_now())?;
                view.say(&format!("\nWrote the plan as a page to {path}.\n"));
            }
            save(&plan, args.out.as_deref(), file, &session.keys, &view)?;
            planning::exit_of(&plan, args.detailed_exitcode)
        }
    };
    session.end().await;
    Ok(exit)
}

/// Makes a plan, shows it, and saves it if it is to be saved.
pub(crate) async fn make(
    session: &Session,
    options: PlanOptions,
    out: Option<&str>,
    view: &View,
    interrupt: &Interrupt,
) -> anyhow::Result<Exit> {
    match shown(session, options, out, view, interrupt).await? {
        Err(exit) => Ok(exit),
        Ok((plan, file)) => {
            save(&plan, out, file, &session.keys, view)?;
            Ok(planning::exit_of(&plan, false))
        }
    }
}

/// Makes a plan and shows it; with what is needed to save it, if it is to be.
async fn shown(
    session: &Session,
    options: PlanOptions,
    out: Option<&str>,
    view: &View,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<(Plan, Option<PlanFile>), Exit>> {
    let planned = match out {
        None => planning::plan(session, options, view, interrupt).await?.map(|planned| (planned, None)),
        Some(_) => {
            let planned = planning::plan_to_save(session, options, view, interrupt).await?;
            planned.map(|(planned, file)| (planned, Some(file)))
        }
    };
    Ok(planned.map(|(planned, file)| {
        planning::show_plan(&planned.plan, session, view);
        planning::warn_of_programs(&planned.plan, session, view);
        (planned.plan, file)
    }))
}

fn save(
    plan: &Plan,
    out: Option<&str>,
    file: Option<PlanFile>,
    keys: &Keys,
    view: &View,
) -> anyhow::Result<()> {
    if let (Some(out), Some(file), false) = (out, file, plan.diagnostics.has_errors()) {
        private::write(Path::new(out), &keys.write_plan(&file)?)
            .with_context(|| format!("{out} can't be written"))?;
        view.say(&format!("\nSaved the plan to {out}. To do exactly this: pilotis apply {out}\n"));
    }
    Ok(())
}

/// Writes a plan as a page.
pub(crate) fn write_page(path: &str, plan: &Plan, folder: &Folder, timestamp: &str) -> anyhow::Result<()> {
    let title = folder.disk.cwd.file_name().unwrap_or_default().to_string_lossy();
    let about = html::About { title: &title, timestamp, version: env!("CARGO_PKG_VERSION") };
    let page = html::plan(plan, &about, &crate::builtin::lost);
    std::fs::write(path, page).with_context(|| format!("{path} can't be written"))
}

fn wrote(file: &str) -> String {
    format!("\nWrote blocks for what is imported to {file}: look them over before you apply.\n")
}
