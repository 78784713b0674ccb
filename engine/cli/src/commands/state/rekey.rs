//! `pilotis state rekey`: everything that the state holds, history too, encrypted anew with the key that the configuration names first.

use anyhow::bail;
use pilotis_state::RunId;

use crate::args::StateRekeyArgs;
use crate::commands::state::backup;
use crate::exit::Exit;
use crate::folder::{Folder, duration};
use crate::hand;
use crate::view::View;

/// Writes the state anew, and puts the old one aside.
pub(crate) fn run(args: &StateRekeyArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let configuration = folder.configuration().0;
    let keys = folder.keys(&configuration)?.state;
    if keys.is_clear() {
        bail!("the configuration has no `encryption` block that says how the state is encrypted");
    }
    let place = folder.place(&args.state, &configuration)?;
    let Some(mut store) = place.open_existing(&folder)? else {
        bail!("there is no state yet: what is written first will be encrypted")
    };
    let id = RunId(uuid::Uuid::new_v4().to_string().into());
    // Nobody is at work on it; whoever opened it before looks at what is put aside.
    hand::lock(&mut *store, &id, duration(&args.state.lock_timeout)?)?;
    let whole = store.whole()?;
    store.release(&id)?;
    drop(store);
    let aside = place.put_aside("rekeyed")?;
    backup::write(&mut *place.make(&folder)?, &whole, whole.serial + 1)?;
    let how = match keys.seals() {
        true => "encrypted anew",
        false => "written in clear",
    };
    View::plain(true).print(&format!(
        "{} objects and {} runs were {how}, and read back. What was there is kept as {aside}: remove it once you need it no more.\n",
        whole.resources.len(),
        whole.runs.len()
    ));
    Ok(Exit::Done)
}
