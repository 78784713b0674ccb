//! `pilotis validate`

use pilotis_diag::{Severity, to_json};
use serde_json::json;

use crate::args::ValidateArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::view::View;

/// Checks the configuration; calls nothing.
pub(crate) fn run(args: &ValidateArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    let (configuration, mut diagnostics) = folder.configuration();
    let found = folder.validate(&configuration, &diagnostics);
    diagnostics.extend(found);
    diagnostics.sort();
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    if view.json {
        let all: Vec<_> = diagnostics.iter().map(|d| to_json(d, &configuration.sources)).collect();
        let json = json!({
            "format_version": "1.0", "valid": errors == 0, "error_count": errors, "warning_count": warnings,
            "diagnostics": all,
        });
        view.print(&format!("{json:#}\n"));
    } else {
        view.diagnostics(&diagnostics, &configuration.sources);
        if errors == 0 {
            let but = if warnings > 0 { ", but there were warnings" } else { "" };
            view.print(&format!("Success! The configuration is valid{but}.\n"));
        }
    }
    Ok(if errors == 0 { Exit::Done } else { Exit::Error })
}
