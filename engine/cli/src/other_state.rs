//! The states that `terraform_remote_state` reads: databases of this program, and Terraform's files.

use std::path::Path;

use pilotis_apply::{OtherState, OtherStates};
use pilotis_config::Settings;
use pilotis_state::{OutputRecord, Store as _, terraform};
use pilotis_state_sqlite::SqliteStore;

use crate::place;
use crate::takeover::was_taken_over;
use crate::workspace::DEFAULT;

/// Other states, as files.
pub(crate) struct StateFiles;

impl OtherStates for StateFiles {
    fn outputs(&self, state: &OtherState) -> Result<Option<Vec<OutputRecord>>, String> {
        let settings = Settings { state: state.path.clone(), workspace_dir: state.workspace_dir.clone() };
        let workspace = state.workspace.as_deref().unwrap_or(DEFAULT);
        crate::workspace::check(workspace).map_err(|e| e.to_string())?;
        let (database, terraform) = place::files(&state.base, workspace, &settings);
        // What was taken over is read where it is now; a database in which nothing is stored says nothing.
        if database.is_file() && !is_json(&database) {
            let mut store = SqliteStore::open_existing(&database).map_err(|e| e.to_string())?;
            if let Some(store) = &mut store
                && store.serial().map_err(|e| e.to_string())? > 0
            {
                return store.outputs().map(Some).map_err(|e| e.to_string());
            }
        }
        let file = terraform.unwrap_or_else(|| database.clone());
        if is_json(&file) { read(&file, &database).map(Some) } else { Ok(None) }
    }
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
