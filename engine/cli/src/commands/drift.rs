//! `pilotis drift`

use pilotis_report::{drift, text};

use anyhow::bail;

use crate::args::{DriftArgs, Refresh};
use crate::exit::Exit;
use crate::folder::Folder;
use crate::interrupt::Interrupt;
use crate::planning;
use crate::session::Session;
use crate::view::View;

/// Reports what was changed behind our back; changes nothing.
pub(crate) async fn run(args: &DriftArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    let interrupt = Interrupt::listen();
    folder.require_configuration()?;
    let Some(session) = Session::begin(&folder, &view, &(&args.planning).into()).await? else {
        return Ok(Exit::Error);
    };
    if args.planning.refresh == Refresh::Changed {
        bail!("drift looks at everything: -refresh=changed is for plan and apply");
    }
    let options = planning::options(&args.planning, false, &folder, &session.configuration)?;
    // The report is one document, not a stream of events.
    let quiet = View { json: false, ..view };
    let exit = match planning::plan(&session, options, &quiet, &interrupt).await? {
        Err(exit) => exit,
        Ok(planned) => {
            let plan = &planned.plan;
            if view.json {
                view.print(&format!("{:#}\n", drift::to_json(plan)));
            } else {
                view.print(&text::drift(plan, &planning::style(&view)));
            }
            planning::show(&plan.diagnostics, &session, &quiet);
            match planning::exit_of(plan, false) {
                Exit::Done if !plan.drift.is_empty() => Exit::Drift,
                exit => exit,
            }
        }
    };
    session.end().await;
    Ok(exit)
}
