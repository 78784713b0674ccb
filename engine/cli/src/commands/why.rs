//! `pilotis why`

use anyhow::{Context as _, bail};
use pilotis_config::display;
use pilotis_plan::why::{WhyError, why};
use pilotis_report::{json, text};

use crate::args::WhyArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::planning::style;
use crate::view::View;

/// Says what an object is derived from; evaluates and calls nothing.
pub(crate) fn run(args: &WhyArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    folder.require_configuration()?;
    let (configuration, mut diagnostics) = folder.configuration();
    diagnostics.sort();
    if diagnostics.has_errors() {
        view.diagnostics(&diagnostics, &configuration.sources);
        return Ok(Exit::Error);
    }
    let target = display::parse_target(&configuration, &args.address)
        .with_context(|| format!("{:?} is no address", args.address))?;
    match why(&configuration, &target) {
        Ok(found) if view.json => view.line(&json::why(&found, &configuration.sources)),
        Ok(found) => view.print(&text::why(&found, &configuration.sources, &style(&view))),
        Err(WhyError::Graph(diagnostics)) => {
            view.diagnostics(&diagnostics, &configuration.sources);
            return Ok(Exit::Error);
        }
        Err(WhyError::Unknown { address, known }) => {
            let close = pilotis_diag::did_you_mean(&address, known.iter().map(String::as_str));
            let hint = close.map(|close| format!("; did you mean {close}?")).unwrap_or_default();
            bail!("the configuration has no {address}{hint}");
        }
    }
    Ok(Exit::Done)
}
