//! A state on a server does what every store must do: with the server's lock of all of it, and with the leases in the document alone.

use pilotis_state::Holder;
use pilotis_state::conformance::World;
use pilotis_state_document::DocumentStore;
use pilotis_state_http::HttpDocument;
use pilotis_state_process::this_process;

use crate::place::{Place, dead};

struct AtGitLab {
    place: Place,
    locks: bool,
}

impl World for AtGitLab {
    type Store = DocumentStore<HttpDocument>;

    fn connect(&self) -> DocumentStore<HttpDocument> {
        DocumentStore::open(HttpDocument::new(&self.place.options(self.locks)).unwrap()).unwrap()
    }

    fn living(&self) -> Holder {
        this_process("marie@laptop")
    }

    fn dead(&self) -> Holder {
        dead()
    }

    fn locks_everything(&self) -> bool {
        self.locks
    }
}

mod with_leases_alone {
    pilotis_state::conformance!(super::AtGitLab { place: super::Place::new(), locks: false });
}

mod with_the_lock {
    pilotis_state::conformance!(super::AtGitLab { place: super::Place::new(), locks: true });
}
