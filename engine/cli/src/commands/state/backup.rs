//! `pilotis state backup` and `recover`: a copy of a state with everything in it, and the way back from one.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use pilotis_state::whole::Whole;
use pilotis_state::{RunId, StateError, Store};
use pilotis_state_document::{Text, is_terraform};
use pilotis_state_encryption::{EncryptedStore, Keyring};
use pilotis_state_sqlite::SqliteStore;

use crate::args::{StateBackupArgs, StateRecoverArgs};
use crate::exit::Exit;
use crate::folder::{Folder, duration};
use crate::replacement::{self, Locked, Replacement};
use crate::view::View;
use crate::{hand, heads};

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
    let whole = kept(&args.file, &folder, &folder.keys(&configuration)?.state)?;
    if whole.is_empty() {
        bail!("{} holds no state", args.file);
    }
    let place = folder.place(&args.state, &configuration)?.or_empty();
    let run = RunId(uuid::Uuid::new_v4().to_string().into());
    let there = match place.make(&folder).and_then(|mut store| Ok((store.whole()?, store))) {
        Ok((there, store)) if there.is_empty() => There::Nothing(store),
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
        Ok((_, mut store)) => {
            hand::lock(&mut *store, &run, duration(&args.state.lock_timeout)?)?;
            There::State(Box::new(Locked { whole: store.whole()?, store }))
        }
        Err(e) if args.force && is_damaged(&e) => There::Damaged,
        Err(e) => return Err(e),
    };
    let newest = if let There::State(there) = &there { there.whole.serial } else { 0 };
    let serial = whole.serial.max(newest) + BEYOND;
    let with = Replacement { whole: &whole, serial, why: "replaced", forgets: false, run: &run };
    let aside = match there {
        There::Nothing(mut store) => {
            with.write(&mut *store)?;
            None
        }
        There::State(there) => Some(with.put(&place, &folder, Some(*there))?),
        There::Damaged => Some(with.put(&place, &folder, None)?),
    };
    View::plain(true).print(&said(&args.file, &whole, serial, aside));
    Ok(Exit::Done)
}

/// What is in the place of a state.
enum There {
    /// An empty one.
    Nothing(Box<dyn Store>),
    /// A state, which is held.
    State(Box<Locked>),
    /// One that can't be read.
    Damaged,
}

/// What a backup holds, or a document that a server kept: a version of GitLab's, an object of a bucket.
fn kept(file: &str, folder: &Folder, keys: &Keyring) -> anyhow::Result<Whole> {
    let path = folder.disk.cwd.join(file);
    let mut begin = [0; 1];
    let opened = std::fs::File::open(&path);
    if opened.is_ok_and(|mut file| file.read(&mut begin).is_ok()) && begin == *b"{" {
        let text = std::fs::read(&path).with_context(|| format!("{file} can't be read"))?;
        if is_terraform(&text) {
            bail!(
                "{file} is a state of Terraform's: `pilotis state push {file}` puts it in the place of the state"
            );
        }
        return Ok(replacement::read(Text::new(file, text), keys)?);
    }
    let Some(backup) = SqliteStore::open_existing(path)? else { bail!("there is no file {file}") };
    // Old on purpose: nothing is remembered of it.
    Ok(EncryptedStore::new(backup, keys.clone()).whole()?)
}

fn said(file: &str, whole: &Whole, serial: u64, aside: Option<String>) -> String {
    let mut said = format!(
        "Recovered {} objects and {} runs from {file}; the serial goes on at {serial}, so that no plan made before fits any more.\n",
        whole.resources.len(),
        whole.runs.len(),
    );
    if let Some(name) = aside {
        said += &format!("What was there is kept as {name}.\n");
    }
    if let Some(seen) = heads::not_in(&whole.lineage, &whole.audit) {
        let last = whole.audit.last().map_or(0, |entry| entry.seq);
        said += &format!(
            "The audit journal ends at entry {last} now, and entry {} was seen here: `pilotis audit verify` says so until `pilotis audit verify -accept` goes on from what is there.\n",
            seen.seq
        );
    }
    said += "`pilotis plan` shows what has changed since the backup.\n";
    said
}

fn is_damaged(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<StateError>(), Some(StateError::Corrupt { .. }))
}

/// Makes a database of it. It is closed again, so that all is in the one file.
fn filled(path: &Path, whole: &Whole, keys: &Keyring) -> anyhow::Result<()> {
    replacement::fill(&mut EncryptedStore::new(SqliteStore::open(path)?, keys.clone()), whole, whole.serial)
}
