//! `pilotis state import`, `export`, `pull` and `push`: the state as Terraform's file.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use pilotis_config::Configuration;
use pilotis_state::edit;
use pilotis_state::terraform::{self, Imported};

use crate::args::{StateExportArgs, StateFileArgs, StateImportArgs, StatePullArgs, StatePushArgs};
use crate::exit::Exit;
use crate::folder::Folder;
use crate::hand::{self, Way};
use crate::takeover::understood;
use crate::view::View;

/// The version that an exported state says it was written by: the one whose language this is.
const TERRAFORM: &str = "1.11.4";

/// Takes a whole Terraform state into an empty one; calls nothing.
pub(crate) fn import(args: &StateImportArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let (configuration, _) = folder.configuration();
    let imported = read(&args.file, &folder)?;
    if !starts_from(&args.file, &args.state, &folder, &configuration)? {
        let way = if args.dry_run { Way::Dry } else { Way::Make };
        hand::edit(&folder, &args.state, &configuration, way, |s| edit::import(s, &imported))?;
    } else if !args.dry_run {
        folder.place(&args.state, &configuration)?.open(&folder)?.commit(&[])?;
    }
    let verb = if args.dry_run { "Would take in" } else { "Took in" };
    let mut said = format!(
        "{verb} {} and {} of {} (serial {}).\n",
        counted(imported.resources.len(), "object"),
        counted(imported.outputs.len(), "output"),
        args.file,
        imported.serial
    );
    if imported.left_out > 0 {
        let sources = counted(imported.left_out, "data source");
        said += &format!("{sources} left out: every plan reads them anew.\n");
    }
    View::plain(true).print(&said);
    Ok(Exit::Done)
}

/// Writes the state as a file that Terraform reads.
pub(crate) fn export(args: &StateExportArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let Some(text) = exported(&args.state, &folder)? else {
        bail!("there is no state yet: nothing was applied")
    };
    let path = folder.disk.cwd.join(&args.file);
    if path.exists() && !args.force {
        bail!("{} is there already: name another file, or add -force to replace it", args.file);
    }
    crate::private::write(&path, text.as_bytes())
        .with_context(|| format!("{} can't be written", args.file))?;
    View::plain(true).print(&format!("Wrote the state to {}. It may hold secrets, in clear.\n", args.file));
    Ok(Exit::Done)
}

/// Writes the state to standard output; nothing if there is none.
pub(crate) fn pull(args: &StatePullArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    if let Some(text) = exported(&args.state, &folder)? {
        View::plain(true).print(&text);
    }
    Ok(Exit::Done)
}

/// Puts a state file in the place of the state; calls nothing.
pub(crate) fn push(args: &StatePushArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let (configuration, _) = folder.configuration();
    let pushed = read(&args.file, &folder)?;
    hand::edit(&folder, &args.state, &configuration, Way::Make, |s| edit::push(s, &pushed, args.force))?;
    Ok(Exit::Done)
}

fn exported(args: &StateFileArgs, folder: &Folder) -> anyhow::Result<Option<String>> {
    let (configuration, _) = folder.configuration();
    let snapshot = folder.place(args, &configuration)?.snapshot(folder)?;
    Ok((snapshot.serial > 0).then(|| terraform::export(&snapshot, TERRAFORM)))
}

fn read(file: &str, folder: &Folder) -> anyhow::Result<Imported> {
    let mut text = String::new();
    if file == "-" {
        std::io::stdin().read_to_string(&mut text).context("standard input can't be read")?;
    } else {
        text = std::fs::read_to_string(folder.disk.cwd.join(file))
            .with_context(|| format!("{file} can't be read"))?;
    }
    understood(&text, folder).with_context(|| format!("Error reading the Terraform state {file}"))
}

/// True if the state starts from that very file anyway.
fn starts_from(
    file: &str,
    args: &StateFileArgs,
    folder: &Folder,
    configuration: &Configuration,
) -> anyhow::Result<bool> {
    let place = folder.place(args, configuration)?;
    let same = |terraform: &Path| {
        let file = folder.disk.cwd.join(file).canonicalize().ok();
        file.is_some() && file == terraform.canonicalize().ok()
    };
    Ok(place.terraform().is_some_and(same) && place.is_to_take_over(folder)?)
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
