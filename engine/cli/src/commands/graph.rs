//! `pilotis graph`

use pilotis_report::text;

use crate::args::GraphArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::view::View;

/// Writes the dependency graph; calls nothing.
pub(crate) fn run(args: &GraphArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::plain(true);
    let (configuration, mut diagnostics) = folder.configuration();
    diagnostics.sort();
    view.diagnostics(&diagnostics, &configuration.sources);
    if diagnostics.has_errors() {
        return Ok(Exit::Error);
    }
    match pilotis_plan::dependencies(&configuration) {
        Ok(all) => {
            view.print(&match (args.tree, args.svg) {
                (true, _) => text::tree(&all),
                (_, true) => pilotis_report::picture(&all),
                _ => text::dot(&all),
            });
            Ok(Exit::Done)
        }
        Err(diagnostics) => {
            view.diagnostics(&diagnostics, &configuration.sources);
            Ok(Exit::Error)
        }
    }
}
