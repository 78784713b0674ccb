//! `pilotis init`: fetches the modules that come from Git; providers and blueprints are built in.

use crate::args::InitArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::view::View;

/// Fetches modules, pins them, and checks that the configuration can be read.
pub(crate) fn run(args: &InitArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    let (configuration, mut diagnostics, modules) = folder.prepare(args.upgrade)?;
    diagnostics.sort();
    view.diagnostics(&diagnostics, &configuration.sources);
    if diagnostics.has_errors() {
        return Ok(Exit::Error);
    }
    if view.json {
        view.line(&serde_json::json!({
            "@level": "info", "@message": "Pilotis needs no initialization: providers are built in.",
            "@module": "terraform.ui", "@timestamp": crate::clock::rfc3339_now(),
            "message_code": "output_init_success_message", "type": "init_output",
        }));
    } else if modules > 0 {
        let noun = if modules == 1 { "module" } else { "modules" };
        view.print(&format!(
            "{modules} {noun} from Git: fetched, and pinned in .pilotis.lock.hcl. Go on with pilotis plan.\n"
        ));
    } else {
        view.print("Nothing to prepare: providers and blueprints are built in. Go on with pilotis plan.\n");
    }
    Ok(Exit::Done)
}
