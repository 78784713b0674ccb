//! `pilotis plan`

use anyhow::Context as _;
use pilotis_plan::Plan;
use pilotis_report::html;

use crate::args::PlanArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::generate;
use crate::interrupt::Interrupt;
use crate::planning;
use crate::session::Session;
use crate::view::View;

/// Shows what would change; changes nothing.
pub(crate) async fn run(args: &PlanArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
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
    let planned = match &args.out {
        None => planning::plan(&session, options, &view, &interrupt).await?.map(|planned| (planned, None)),
        Some(_) => {
            let planned = planning::plan_to_save(&session, options, &view, &interrupt).await?;
            planned.map(|(planned, file)| (planned, Some(file)))
        }
    };
    let exit = match planned {
        Err(exit) => exit,
        Ok((planned, file)) => {
            planning::show_plan(&planned.plan, &session, &view);
            planning::warn_of_programs(&planned.plan, &session, &view);
            if let Some(file) = written {
                view.say(&wrote(file));
            }
            let exit = planning::exit_of(&planned.plan, args.detailed_exitcode);
            if let (Some(path), false) = (&args.html, planned.plan.diagnostics.has_errors()) {
                write_page(path, &planned.plan, &folder, &crate::clock::rfc3339_now())?;
                view.say(&format!("\nWrote the plan as a page to {path}.\n"));
            }
            if let (Some(out), Some(file), false) = (&args.out, file, planned.plan.diagnostics.has_errors()) {
                write_private(out, &session.keys.write_plan(&file)?)
                    .with_context(|| format!("{out} can't be written"))?;
                view.say(&format!("\nSaved the plan to {out}. To do exactly this: pilotis apply {out}\n"));
            }
            exit
        }
    };
    session.end().await;
    Ok(exit)
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

/// Writes a file that only its owner may read: a plan holds values.
fn write_private(path: &str, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
