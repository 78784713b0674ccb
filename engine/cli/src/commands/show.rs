//! `pilotis show`

use std::sync::Arc;

use anyhow::Context as _;
use pilotis_plan::planfile::PlanFile;
use pilotis_plan::stored_checks;
use pilotis_report::json::Secrets;
use pilotis_report::{StateObject, json, text};

use crate::args::ShowArgs;
use crate::commands::output;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::planning;
use crate::records;
use crate::view::View;

/// Shows the state, or a saved plan; calls no service.
pub(crate) async fn run(args: &ShowArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    if let Some(file) = &args.plan {
        return saved(file, args, &folder, &view);
    }
    let (configuration, _) = folder.configuration();
    let snapshot = folder.place(&args.state, &configuration)?.snapshot(&folder)?;
    let objects = records::decode(&snapshot, &folder, &configuration)?;
    let outputs = output::decode(snapshot.outputs.clone())?;
    let outputs = || outputs.iter().map(|(n, v, s)| (n.as_str(), v, *s));
    if view.json {
        let checks = stored_checks(&snapshot.checks);
        let document = json::state(&objects, outputs(), &checks, env!("CARGO_PKG_VERSION"), Secrets::Reveal);
        view.print(&format!("{document}\n"));
    } else if objects.is_empty() && snapshot.outputs.is_empty() {
        view.print("The state is empty.\n");
    } else {
        view.print(&all(&objects, &view));
        if outputs().next().is_some() {
            view.print(&format!("\nOutputs:\n\n{}", text::outputs(outputs(), &planning::style(&view))));
        }
    }
    Ok(Exit::Done)
}

fn all(objects: &[StateObject<'_>], view: &View) -> String {
    let texts: Vec<_> = objects.iter().map(|o| text::state_object(o, &planning::style(view))).collect();
    texts.join("\n")
}

/// A saved plan, made again from what is in the file alone.
fn saved(file: &str, args: &ShowArgs, folder: &Folder, view: &View) -> anyhow::Result<Exit> {
    let bytes = std::fs::read(file).with_context(|| format!("the saved plan {file} can't be read"))?;
    let unusable = || format!("{file} can't be shown");
    let saved =
        PlanFile::read(&folder.unsealed_plan(&bytes).with_context(unusable)?).with_context(unusable)?;
    let schemas = folder.schemas();
    let (configuration, diagnostics) = saved.configuration(&schemas);
    // The plan's document is read as one: what only warns was said when the plan was made.
    if diagnostics.has_errors() || !view.json {
        view.diagnostics(&diagnostics, &configuration.sources);
    }
    if diagnostics.has_errors() {
        return Ok(Exit::Error);
    }
    let configuration = Arc::new(configuration);
    let plan = saved
        .plan(configuration.clone(), schemas.clone())
        .with_context(|| format!("{file} can't be shown"))?;
    if let Some(page) = &args.html {
        let at = crate::clock::rfc3339(saved.started);
        crate::commands::plan::write_page(page, &plan, folder, &at)?;
        view.say(&format!("Wrote the plan as a page to {page}.\n"));
        return Ok(Exit::Done);
    }
    if !view.json {
        view.print(&text::plan(&plan, &planning::style(view), &crate::builtin::lost));
        return Ok(Exit::Done);
    }
    let objects = records::decode(&saved.snapshot, folder, &configuration)?;
    let variables: Vec<_> = saved.variables.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
    let document = json::PlanDocument {
        plan: &plan,
        prior: Some(&saved.snapshot),
        objects: &objects,
        configuration: Some((&configuration, &schemas)),
        variables: &variables,
        version: env!("CARGO_PKG_VERSION"),
        timestamp: &crate::clock::rfc3339(saved.started),
        secrets: Secrets::Reveal,
    };
    view.print(&format!("{}\n", json::plan(&document)));
    Ok(Exit::Done)
}
