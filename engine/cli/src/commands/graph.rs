//! `pilotis graph`

use crate::args::GraphArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::view::View;

/// Writes the dependency graph in DOT; calls nothing.
pub(crate) fn run(_args: &GraphArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::plain(true);
    let (configuration, mut diagnostics) = folder.configuration();
    diagnostics.sort();
    view.diagnostics(&diagnostics, &configuration.sources);
    if diagnostics.has_errors() {
        return Ok(Exit::Error);
    }
    match pilotis_plan::dot(&configuration) {
        Ok(dot) => {
            view.print(&dot);
            Ok(Exit::Done)
        }
        Err(diagnostics) => {
            view.diagnostics(&diagnostics, &configuration.sources);
            Ok(Exit::Error)
        }
    }
}
