//! The states that `terraform_remote_state` reads: databases of this program, files or in PostgreSQL, and Terraform's files.

use std::path::Path;

use pilotis_apply::{OtherState, OtherStates};
use pilotis_state::{OutputRecord, Store, terraform};
use pilotis_state_encryption::{EncryptedStore, Keyring};
use pilotis_state_sqlite::SqliteStore;

use crate::backend::Chosen;
use crate::place;
use crate::takeover::{self, was_taken_over};
use crate::workspace::DEFAULT;

/// Other states, wherever they are.
pub(crate) struct States;

impl OtherStates for States {
    fn outputs(&self, state: &OtherState) -> Result<Option<Vec<OutputRecord>>, String> {
        let workspace = state.workspace.as_deref().unwrap_or(DEFAULT);
        crate::workspace::check(workspace).map_err(|e| e.to_string())?;
        let backend = Chosen::named(state.backend.clone());
        if !backend.is_local() {
            let remote = backend.remote(workspace).map_err(|e| format!("{e:#}"))?;
            if let Some(text) = remote.terraform().map_err(|e| e.to_string())? {
                return takeover::remote::outputs(&text).map(Some);
            }
            // One that is encrypted says so.
            let store = remote.ours(&Keyring::clear()).map_err(|e| e.to_string())?;
            let snapshot = store.map(|mut store| store.snapshot()).transpose().map_err(|e| e.to_string())?;
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
                return readable(store).outputs().map(Some).map_err(|e| e.to_string());
            }
        }
        let file = terraform.unwrap_or_else(|| database.clone());
        if is_json(&file) { read(&file, &database).map(Some) } else { Ok(None) }
    }
}

/// One that is encrypted says so.
fn readable<S: Store>(store: S) -> EncryptedStore<S> {
    EncryptedStore::new(store, Keyring::clear())
}

fn is_json(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.trim_ascii_start().starts_with(b"{"))
}

fn read(file: &Path, database: &Path) -> Result<Vec<OutputRecord>, String> {
    let said = |what: &dyn std::fmt::Display| format!("{}: {what}", file.display());
    let text = std::fs::read_to_string(file).map_err(|e| said(&e))?;
    if was_taken_over(&text) {
        return Err(said(&format!("it was taken over into {}, which is gone", database.display())));
    }
    terraform::import(&text).map(|imported| imported.outputs).map_err(|e| said(&e))
}
