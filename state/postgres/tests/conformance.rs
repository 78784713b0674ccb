//! The PostgreSQL store does what every store must do.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests; the helpers around them too")]

use pilotis_state::Holder;
use pilotis_state::conformance::World;
use pilotis_state_postgres::PostgresStore;
use pilotis_state_postgres::server::{self, Schema};
use pilotis_state_process::this_process;

struct InASchema(Schema);

impl World for InASchema {
    type Store = PostgresStore;
    fn connect(&self) -> PostgresStore {
        PostgresStore::open(&self.0.options()).unwrap()
    }
    fn living(&self) -> Holder {
        this_process("marie@laptop")
    }
    fn dead(&self) -> Holder {
        Holder { pid: u32::MAX, ..this_process("paul@laptop") }
    }
}

pilotis_state::conformance!(in one test: {
    // Said by the server's search that there is none.
    let Some(schema) = server::schema() else { return };
    InASchema(schema)
});
