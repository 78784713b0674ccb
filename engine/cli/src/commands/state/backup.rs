//! `pilotis state backup` and `recover`: a copy of a state with everything in it, and the way back from one.

use std::path::Path;

use anyhow::{Context as _, bail};
use pilotis_state::whole::Whole;
use pilotis_state::{RunId, StateError, Store};
use pilotis_state_encryption::{EncryptedStore, Keyring};
use pilotis_state_sqlite::SqliteStore;

use crate::args::{StateBackupArgs, StateRecoverArgs};
use crate::exit::Exit;
use crate::folder::{Folder, duration};
use crate::hand;
use crate::view::View;

/// How far the serial goes on when a backup takes the place of a state: nobody knows any more how far it had come, and a plan that was made
/// meanwhile must not fit by accident.
const BEYOND: u64 = 1_000;

/// Writes the state as it is at this moment into a file; whoever is at work goes on.
pub(crate) fn backup(args: &StateBackupArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let configuration = folder.configuration().0;
    let keys = folder.keys(&configuration)?.state;
    let path = folder.disk.cwd.join(&args.file);
    if path.exists() {
        bail!("{} is there already: a backup never replaces another one", args.file);
    }
    let store = folder.place(&args.state, &configuration)?.open_existing(&folder)?;
    let whole = store.map(|mut store| store.whole()).transpose()?.filter(|whole| !whole.is_empty());
    let Some(whole) = whole else { bail!("there is no state yet: nothing was applied") };
    // Under its name only once it is whole.
    let partial = path.with_file_name(format!(
        ".{}.{}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        std::process::id()
    ));
    let written = filled(&partial, &whole, &keys).and_then(|()| Ok(std::fs::rename(&partial, &path)?));
    if written.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    written.with_context(|| format!("{} was not written", args.file))?;
    View::plain(true).print(&format!(
        "Wrote the state as it is now to {}: {} objects, {} runs, serial {}. {}\n`pilotis state list -state={}` looks into it, `pilotis state recover {}` brings it back.\n",
        args.file,
        whole.resources.len(),
        whole.runs.len(),
        whole.serial,
        match keys.seals() {
            true => "It is encrypted as the state is.",
            false => "It may hold secrets, in clear.",
        },
        args.file,
        args.file
    ));
    Ok(Exit::Done)
}

/// Puts a backup in the place of the state; what was there is put aside.
pub(crate) fn recover(args: &StateRecoverArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let configuration = folder.configuration().0;
    let Some(backup) = SqliteStore::open_existing(folder.disk.cwd.join(&args.file))? else {
        bail!("there is no file {}", args.file)
    };
    // Old on purpose: nothing is remembered of it.
    let mut backup = EncryptedStore::new(backup, folder.keys(&configuration)?.state);
    let whole = backup.whole()?;
    if whole.is_empty() {
        bail!("{} holds no state", args.file);
    }
    let place = folder.place(&args.state, &configuration)?.or_empty();
    let mut serial = whole.serial;
    let mut aside = None;
    match place.make(&folder).and_then(|mut store| Ok((store.whole()?, store))) {
        Ok((there, _)) if there.is_empty() => {}
        Ok((there, _)) if there.digest() == whole.digest() => {
            View::plain(true).print("Nothing to recover: the state is what the backup holds.\n");
            return Ok(Exit::Done);
        }
        Ok((there, store)) if !args.force => bail!(
            "{} holds a state (serial {}; the backup's is {}): -force puts it aside, and the backup in its place",
            store.location(),
            there.serial,
            whole.serial
        ),
        Ok((there, mut store)) => {
            let id = RunId(uuid::Uuid::new_v4().to_string().into());
            // Nobody is at work on it; whoever opened it before looks at what is put aside.
            hand::lock(&mut *store, &id, duration(&args.state.lock_timeout)?)?;
            store.release(&id)?;
            drop(store);
            serial = serial.max(there.serial);
            aside = Some(place.put_aside("replaced")?);
        }
        Err(e) if args.force && is_damaged(&e) => aside = Some(place.put_aside("replaced")?),
        Err(e) => return Err(e),
    }
    let serial = serial + BEYOND;
    let mut store = place.make(&folder)?;
    write(&mut *store, &whole, serial)?;
    let mut said = format!(
        "Recovered {} objects and {} runs from {}; the serial goes on at {serial}, so that no plan made before fits any more.\n",
        whole.resources.len(),
        whole.runs.len(),
        args.file
    );
    if let Some(name) = aside {
        said += &format!("What was there is kept as {name}.\n");
    }
    said += "`pilotis plan` shows what has changed since the backup.\n";
    View::plain(true).print(&said);
    Ok(Exit::Done)
}

fn is_damaged(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<StateError>(), Some(StateError::Corrupt { .. }))
}

/// Makes a database of it. It is closed again, so that all is in the one file.
fn filled(path: &Path, whole: &Whole, keys: &Keyring) -> anyhow::Result<()> {
    write(&mut EncryptedStore::new(SqliteStore::open(path)?, keys.clone()), whole, whole.serial)
}

/// Fills an empty state, and reads it back.
pub(super) fn write(store: &mut dyn Store, whole: &Whole, serial: u64) -> anyhow::Result<()> {
    let empty = store.snapshot()?.serial;
    store.commit(&whole.writes(empty, serial))?;
    let expected = Whole { serial, ..whole.clone() };
    if store.whole()?.digest() != expected.digest() {
        bail!("what {} holds is not what was written to it", store.location());
    }
    Ok(())
}
