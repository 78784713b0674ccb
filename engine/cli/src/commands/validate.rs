//! `pilotis validate`

use std::collections::BTreeSet;

use pilotis_config::Suite;
use pilotis_diag::{Diagnostics, Severity, to_json};
use serde_json::json;

use crate::args::ValidateArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::test_files::Wanted;
use crate::view::View;

/// Checks the configuration; calls nothing.
pub(crate) fn run(args: &ValidateArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    let (configuration, mut diagnostics) = folder.configuration();
    let found = folder.validate(&configuration, &diagnostics);
    diagnostics.extend(found);
    let mut sources = configuration.sources.clone();
    if !args.no_tests {
        let (suite, found) = folder.tests(&Wanted::all(&args.directory), sources, true)?;
        diagnostics.extend(found);
        diagnostics.extend(of_runs(&suite, &folder));
        sources = suite.sources;
    }
    diagnostics.sort();
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    if view.json {
        let all: Vec<_> = diagnostics.iter().map(|d| to_json(d, &sources)).collect();
        let json = json!({
            "format_version": "1.0", "valid": errors == 0, "error_count": errors, "warning_count": warnings,
            "diagnostics": all,
        });
        view.print(&format!("{json:#}\n"));
    } else {
        view.diagnostics(&diagnostics, &sources);
        if errors == 0 {
            let but = if warnings > 0 { ", but there were warnings" } else { "" };
            view.print(&format!("Success! The configuration is valid{but}.\n"));
        }
    }
    Ok(if errors == 0 { Exit::Done } else { Exit::Error })
}

/// What is wrong with runs of tests, and with the modules that only they are about.
fn of_runs(suite: &Suite, folder: &Folder) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut seen = BTreeSet::from(["."]);
    for run in suite.files.iter().flat_map(|f| &f.runs) {
        diagnostics.extend(run.wrong.clone());
        diagnostics
            .extend(run.prepared.assertions.iter().filter_map(|a| a.as_ref().err().cloned()).flatten());
        if seen.insert(run.dir.as_str()) {
            diagnostics.extend(run.meaning.clone());
            let found = folder.validate(&run.configuration, &diagnostics);
            diagnostics.extend(found);
        }
    }
    diagnostics
}
