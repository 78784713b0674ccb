//! The SQLite store does what every store must do.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

use pilotis_state::Holder;
use pilotis_state::conformance::World;
use pilotis_state_process::this_process;
use pilotis_state_sqlite::SqliteStore;
use tempfile::TempDir;

struct InAFile(TempDir);

impl World for InAFile {
    type Store = SqliteStore;
    fn connect(&self) -> SqliteStore {
        SqliteStore::open(self.0.path().join("state.db")).unwrap()
    }
    fn living(&self) -> Holder {
        this_process("marie@laptop")
    }
    fn dead(&self) -> Holder {
        Holder { pid: u32::MAX, ..this_process("paul@laptop") }
    }
}

pilotis_state::conformance!(InAFile(tempfile::tempdir().unwrap()));
