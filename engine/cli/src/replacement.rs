//! One state in the place of another, which is kept: what `state recover` and `state rekey` do.
//!
//! Files and databases are put aside under another name, and a new one is made. A document on a server is replaced as one version, by a
//! write that is refused if anybody has changed it since it was read.

use anyhow::bail;
use pilotis_state::whole::Whole;
use pilotis_state::{MemoryStore, RunId, StateError, Store};
use pilotis_state_document::{Document, DocumentStore, ServerLock, Stored, Text};
use pilotis_state_encryption::{EncryptedStore, Keyring};

use crate::folder::Folder;
use crate::hand;
use crate::place::{Place, encrypted};

/// A state that is to take the place of another one.
pub(crate) struct Replacement<'a> {
    /// What it holds.
    pub(crate) whole: &'a Whole,
    /// The serial that it is to have.
    pub(crate) serial: u64,
    /// A word for the name under which the other one is kept.
    pub(crate) why: &'static str,
    /// What the server has of before is to go, but for what is kept: it is not to be read any more.
    pub(crate) forgets: bool,
    /// The run that does it.
    pub(crate) run: &'a RunId,
}

/// A state that is held by the lease of a run.
pub(crate) struct Locked {
    pub(crate) store: Box<dyn Store>,
    /// What it holds.
    pub(crate) whole: Whole,
}

impl Replacement<'_> {
    /// Puts it in the place of what is there: the state that is held, or one that can't be read. Says as what that one is kept.
    pub(crate) fn put(
        &self,
        place: &Place,
        folder: &Folder,
        there: Option<Locked>,
    ) -> anyhow::Result<String> {
        let Some(Locked { mut store, whole }) = there else { return place.replace(self, None, folder) };
        if !place.is_document() {
            // Nobody is at work on it; whoever opened it before looks at what is put aside.
            store.release(self.run)?;
            drop(store);
            return place.replace(self, None, folder);
        }
        // The lease is in the version that is replaced, and gone with it.
        let kept = place.replace(self, Some(&whole), folder);
        if kept.is_err() {
            store.release(self.run)?;
        }
        kept
    }

    /// Fills an empty state, and reads it back.
    pub(crate) fn write(&self, store: &mut dyn Store) -> anyhow::Result<()> {
        fill(store, self.whole, self.serial)
    }

    /// Writes it over a document, once that is kept.
    pub(crate) fn write_over<D: Document>(
        &self,
        mut document: D,
        there: Option<&Whole>,
        keys: &Keyring,
        keep: impl FnOnce(&Stored) -> anyhow::Result<String>,
    ) -> anyhow::Result<String> {
        if let ServerLock::Held(lease) = document.lock(&hand::lease_of_all(self.run, crate::clock::now()))? {
            return Err(StateError::Locked { lease }.into());
        }
        let location = document.location().to_owned();
        let Some(stored) = document.read()? else { bail!("{location} is gone meanwhile") };
        if let Some(there) = there
            && held(&location, &stored, keys)?.digest() != there.digest()
        {
            bail!("{location} was changed meanwhile: try again");
        }
        let kept = keep(&stored)?;
        let nothing = Box::new(|_: &mut D| Ok(()));
        let store = DocumentStore::beginning(document, Some(&stored), MemoryStore::default(), nothing);
        let mut store = encrypted(store, keys);
        let written = self.write(&mut store);
        let released = store.release(self.run);
        written?;
        released?;
        Ok(kept)
    }
}

/// What a version of a document holds.
fn held(location: &str, stored: &Stored, keys: &Keyring) -> Result<Whole, StateError> {
    read(Text::new(location, stored.text.clone()), keys)
}

/// What a document holds that was kept: a version of a server, a file.
pub(crate) fn read(text: Text, keys: &Keyring) -> Result<Whole, StateError> {
    // Old on purpose: nothing is remembered of it.
    EncryptedStore::new(DocumentStore::open(text)?, keys.clone()).whole()
}

/// Fills an empty state, and reads it back.
pub(crate) fn fill(store: &mut dyn Store, whole: &Whole, serial: u64) -> anyhow::Result<()> {
    let empty = store.snapshot()?.serial;
    store.commit(&whole.writes(empty, serial))?;
    let expected = Whole { serial, ..whole.clone() };
    if store.whole()?.digest() != expected.digest() {
        bail!("what {} holds is not what was written to it", store.location());
    }
    Ok(())
}
