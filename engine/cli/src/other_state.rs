//! The states that `terraform_remote_state` reads: databases of this program, files or in PostgreSQL, and Terraform's files.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use pilotis_apply::{OtherState, OtherStates};
use pilotis_state::{OutputRecord, StateError, Store};
use pilotis_state_encryption::{EncryptedStore, Keyring};
use pilotis_state_sqlite::SqliteStore;

use crate::backend::Chosen;
use crate::place;
use crate::takeover::{self, was_taken_over};
use crate::workspace::DEFAULT;

/// Other states, wherever they are.
#[derive(Clone, Default)]
pub(crate) struct States {
    /// What opens them. A run says which keys there are, once it knows.
    keys: Arc<Mutex<Option<Keyring>>>,
}

impl States {
    /// From now on they are read with these keys.
    pub(crate) fn read_with(&self, keys: &Keyring) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys.clone());
    }

    fn keys(&self) -> Keyring {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.clone().unwrap_or_else(Keyring::clear)
    }
}

/// What stands in the way of reading one, and what to do where no key is named for it.
fn said(error: &StateError, keys: &Keyring) -> String {
    match error {
        StateError::Encryption { .. } if keys.is_clear() => format!(
            "{error}; what opens other states is said in `encryption {{ remote_state_data_sources {{ default {{ … }} }} }}`"
        ),
        _ => error.to_string(),
    }
}

/// The outputs of a text of Terraform's, where the keys don't say that it must be encrypted.
fn in_clear(text: &str, keys: &Keyring) -> Result<Vec<OutputRecord>, String> {
    let text = keys.open(&["state"], text).map_err(|e| format!("the state {e}"))?;
    takeover::remote::outputs(&text)
}

impl OtherStates for States {
    fn outputs(&self, state: &OtherState) -> Result<Option<Vec<OutputRecord>>, String> {
        let keys = self.keys();
        let workspace = state.workspace.as_deref().unwrap_or(DEFAULT);
        crate::workspace::check(workspace).map_err(|e| e.to_string())?;
        let backend = Chosen::named(state.backend.clone());
        if !backend.is_local() {
            let remote = backend.remote(workspace).map_err(|e| format!("{e:#}"))?;
            if let Some(text) = remote.terraform().map_err(|e| e.to_string())? {
                return in_clear(&text, &keys).map(Some);
            }
            let store = remote.ours(&keys).map_err(|e| e.to_string())?;
            let snapshot =
                store.map(|mut store| store.snapshot()).transpose().map_err(|e| said(&e, &keys))?;
            // A workspace in which nothing is stored says nothing.
            return Ok(snapshot.filter(|s| s.serial > 0).map(|s| s.outputs));
        }
        let (database, terraform) = place::files(&state.base, workspace, &backend.settings());
        // What was taken over is read where it is now; a database in which nothing is stored says nothing.
        if database.is_file() && !is_json(&database) {
            let store = SqliteStore::open_existing(&database).map_err(|e| e.to_string())?;
            if let Some(store) = store
                && store.serial().map_err(|e| e.to_string())? > 0
            {
                let outputs = EncryptedStore::new(store, keys.clone()).outputs();
                return outputs.map(Some).map_err(|e| said(&e, &keys));
            }
        }
        let file = terraform.unwrap_or_else(|| database.clone());
        if is_json(&file) { read(&file, &database, &keys).map(Some) } else { Ok(None) }
    }
}

fn is_json(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.trim_ascii_start().starts_with(b"{"))
}

fn read(file: &Path, database: &Path, keys: &Keyring) -> Result<Vec<OutputRecord>, String> {
    let said = |what: &dyn std::fmt::Display| format!("{}: {what}", file.display());
    let text = std::fs::read_to_string(file).map_err(|e| said(&e))?;
    if was_taken_over(&text) {
        return Err(said(&format!("it was taken over into {}, which is gone", database.display())));
    }
    in_clear(&text, keys).map_err(|e| said(&e))
}
