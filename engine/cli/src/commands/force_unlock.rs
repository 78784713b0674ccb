//! `pilotis force-unlock`: takes the leases of a run away whose process is dead, where nobody can tell.

use std::io::BufRead as _;

use anyhow::{Context as _, bail};
use pilotis_state::{RunId, StateError};

use crate::args::ForceUnlockArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::view::View;

/// Takes them away, after asking. If that run is alive all the same, it begins nothing any more.
pub(crate) fn run(args: &ForceUnlockArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::plain(true);
    let configuration = folder.configuration().0;
    let Some(mut store) = folder.place(&args.state, &configuration)?.open_existing(&folder)? else {
        bail!("there is no state, and so no lock");
    };
    let leases = store.snapshot()?.leases;
    let Some(lease) = leases.iter().find(|l| *l.run.0 == *args.id) else {
        let held: Vec<String> = leases.iter().map(ToString::to_string).collect();
        let held = if held.is_empty() { "nobody holds a lock".to_owned() } else { held.join("\n  ") };
        bail!("Failed to unlock state: no run {} holds a lock.\n\n  {held}", args.id);
    };
    if !args.force {
        view.print(&format!(
            "Do you really want to force-unlock?\n  {lease}.\n  That run begins nothing any more, and others may change the same objects,\n  though it may still be at work. Only 'yes' will be accepted to confirm.\n\n  Enter a value: "
        ));
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("the answer can't be read")?;
        view.print("\n");
        if line.trim() != "yes" {
            view.print("force-unlock cancelled.\n");
            return Ok(Exit::Error);
        }
    }
    match store.revoke(&RunId(args.id.as_str().into())) {
        // It has just ended by itself.
        Ok(()) | Err(StateError::NotFound { .. }) => {}
        Err(e) => return Err(e.into()),
    }
    view.print(
        "Pilotis state has been successfully unlocked!\n\nThe state has been unlocked, and commands should now be able to obtain a new\nlock on it.\n",
    );
    Ok(Exit::Done)
}
