//! `pilotis state rekey`: everything that the state holds, history too, encrypted anew with the key that the configuration names first.

use anyhow::bail;
use pilotis_state::RunId;

use crate::args::StateRekeyArgs;
use crate::exit::Exit;
use crate::folder::{Folder, duration};
use crate::hand;
use crate::replacement::{Locked, Replacement};
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
    hand::lock(&mut *store, &id, duration(&args.state.lock_timeout)?)?;
    let whole = match store.whole() {
        Ok(whole) => whole,
        Err(error) => {
            store.release(&id)?;
            return Err(error.into());
        }
    };
    let serial = whole.serial + 1;
    let with = Replacement { whole: &whole, serial, why: "rekeyed", forgets: true, run: &id };
    let aside = with.put(&place, &folder, Some(Locked { store, whole: whole.clone() }))?;
    let how = match keys.seals() {
        true => "encrypted anew",
        false => "written in clear",
    };
    let versions = match place.may_have_versions() {
        true => " The server may keep versions of before, as GitLab does: remove those as well.",
        false => "",
    };
    View::plain(true).print(&format!(
        "{} objects and {} runs were {how}, and read back. What was there is kept as {aside}: remove it once you need it no more.{versions}\n",
        whole.resources.len(),
        whole.runs.len()
    ));
    Ok(Exit::Done)
}
