//! `pilotis init`: fetches the modules that come from Git; providers and blueprints are built in.

use crate::args::InitArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::modules::Upgrade;
use crate::test_files::Wanted;
use crate::view::View;
use crate::workspace;

/// `-upgrade`, `-upgrade=true`, `-upgrade=false`, or addresses of repositories.
fn upgrade(given: &[String]) -> Upgrade {
    match given.last().map(String::as_str) {
        None | Some("false") => Upgrade::None,
        Some("true") => Upgrade::All,
        Some(_) => Upgrade::Only(given.iter().filter(|g| *g != "true" && *g != "false").cloned().collect()),
    }
}

/// Fetches modules, pins them, and checks that the configuration can be read.
pub(crate) fn run(args: &InitArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    let (configuration, mut diagnostics, modules) =
        folder.prepare(&upgrade(&args.upgrade), &Wanted::all(&args.directory))?;
    diagnostics.sort();
    view.diagnostics(&diagnostics, &configuration.sources);
    if diagnostics.has_errors() {
        return Ok(Exit::Error);
    }
    // What can't be gone on from is said now, not by the first plan.
    folder
        .place_of(&workspace::selected(&folder.disk.cwd)?.name, &configuration.settings)
        .snapshot(&folder)?;
    let message = match modules {
        0 => "Nothing to prepare: providers and blueprints are built in. Go on with pilotis plan.".to_owned(),
        1 => {
            "1 module from Git: fetched, and pinned in .pilotis.lock.hcl. Go on with pilotis plan.".to_owned()
        }
        n => format!(
            "{n} modules from Git: fetched, and pinned in .pilotis.lock.hcl. Go on with pilotis plan."
        ),
    };
    if view.json {
        view.line(&serde_json::json!({
            "@level": "info", "@message": message,
            "@module": "terraform.ui", "@timestamp": crate::clock::rfc3339_now(),
            "message_code": "output_init_success_message", "type": "init_output",
        }));
    } else {
        view.print(&format!("{message}\n"));
    }
    Ok(Exit::Done)
}
