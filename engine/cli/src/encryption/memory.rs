//! How far encrypted states had come, as this user has seen it.

use pilotis_state_encryption::Memory;

use crate::memory::Seen;

/// The newest serial of each lineage.
pub(crate) struct Serials(Seen);

impl Serials {
    /// None on a machine without a home.
    pub(crate) fn of_this_user() -> Option<Serials> {
        Seen::of_this_user("serials").map(Serials)
    }
}

impl Memory for Serials {
    fn newest(&self, lineage: &str) -> Option<u64> {
        self.0.read(lineage)?.trim().parse().ok()
    }

    fn remember(&mut self, lineage: &str, serial: u64) {
        self.0.write(lineage, &format!("{serial}\n"));
    }

    fn place(&self, lineage: &str) -> String {
        self.0.place(lineage)
    }
}
