//! `pilotis state`: looks into the state here, edits it by hand in the files beside.

mod backup;
mod file;
mod history;
mod mv;
mod provider;
mod rekey;
pub(crate) mod restore;
mod rm;

use anyhow::{Context as _, bail};
use pilotis_config::display;
use pilotis_report::{StateObject, text};
use pilotis_schema::address::Target;

use crate::args::{StateArgs, StateCommand, StateListArgs, StateShowArgs};
use crate::exit::Exit;
use crate::folder::Folder;
use crate::planning::style;
use crate::records;
use crate::view::View;

/// Looks into the state or edits it; calls nothing.
pub(crate) fn run(args: &StateArgs) -> anyhow::Result<Exit> {
    match &args.command {
        StateCommand::List(args) => list(args),
        StateCommand::Show(args) => show(args),
        StateCommand::Mv(args) => mv::run(args),
        StateCommand::Rm(args) => rm::run(args),
        StateCommand::Import(args) => file::import(args),
        StateCommand::Export(args) => file::export(args),
        StateCommand::Pull(args) => file::pull(args),
        StateCommand::Push(args) => file::push(args),
        StateCommand::ReplaceProvider(args) => provider::run(args),
        StateCommand::History(args) => history::run(args),
        StateCommand::Restore(_) => unreachable!("it talks to services, and main runs it"),
        StateCommand::Backup(args) => backup::backup(args),
        StateCommand::Recover(args) => backup::recover(args),
        StateCommand::Rekey(args) => rekey::run(args),
    }
}

fn list(args: &StateListArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let (configuration, _) = folder.configuration();
    let targets: Vec<Target> = args
        .addresses
        .iter()
        .map(|text| {
            display::parse_target(&configuration, text).with_context(|| format!("{text:?} is no address"))
        })
        .collect::<anyhow::Result<_>>()?;
    let snapshot = folder.place(&args.state, &configuration)?.snapshot(&folder)?;
    let objects = records::decode(&snapshot, &folder, &configuration)?;
    let wanted = |o: &&StateObject<'_>| targets.is_empty() || targets.iter().any(|t| t.contains(&o.address));
    let lines: String = objects.iter().filter(wanted).map(|o| text::state_list_entry(o) + "\n").collect();
    View::plain(true).print(&lines);
    if lines.is_empty() && !targets.is_empty() {
        bail!("the state has nothing at {}", args.addresses.join(", "));
    }
    Ok(Exit::Done)
}

fn show(args: &StateShowArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    let (configuration, _) = folder.configuration();
    let target = display::parse_target(&configuration, &args.address)
        .with_context(|| format!("{:?} is no address", args.address))?;
    let snapshot = folder.place(&args.state, &configuration)?.snapshot(&folder)?;
    let objects = records::decode(&snapshot, &folder, &configuration)?;
    let found: Vec<_> = objects.iter().filter(|o| target.contains(&o.address)).collect();
    match found.as_slice() {
        [object] if view.json => {
            let json = pilotis_report::json::state(
                &[(*object).clone()],
                [],
                &[],
                env!("CARGO_PKG_VERSION"),
                pilotis_report::json::Secrets::Reveal,
            );
            view.print(&format!("{:#}\n", json["values"]["root_module"]));
        }
        [object] => view.print(&text::state_object(object, &style(&view))),
        [] => {
            let names: Vec<_> = objects.iter().map(|o| o.display.as_str()).collect();
            let hint = pilotis_diag::did_you_mean(&args.address, names)
                .map(|close| format!("; did you mean {close}?"));
            bail!("the state has no {}{}", args.address, hint.unwrap_or_default());
        }
        several => {
            let names: Vec<_> = several.iter().map(|o| o.display.as_str()).take(5).collect();
            bail!("{} stands for {} objects: name one, as {}", args.address, several.len(), names.join(", "));
        }
    }
    Ok(Exit::Done)
}
