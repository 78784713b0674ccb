//! A state in a document does what every store does, also on a server where somebody else is often faster, where answers get lost, and
//! with a lock of the server's own.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use pilotis_state::conformance::{World, run};
use pilotis_state::{Holder, StateError, Store as _, Write};
use pilotis_state_document::{Document, DocumentStore, Stored, Tag};
use pilotis_state_process::this_process;

/// A server in memory.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    text: Option<Vec<u8>>,
    version: u64,
    calls: u64,
    /// Every second write happens, and its answer is lost.
    loses_answers: bool,
    /// Every third write comes too late.
    is_busy: bool,
}

impl Document for Shelf {
    fn location(&self) -> &str {
        "shelf"
    }

    fn read(&mut self) -> Result<Option<Stored>, StateError> {
        let kept = self.0.lock().unwrap();
        Ok(kept.text.clone().map(|text| Stored { text, tag: Tag(kept.version.to_string()) }))
    }

    fn replace(&mut self, text: Vec<u8>, _: u64, after: Option<&Tag>) -> Result<Option<Tag>, StateError> {
        let mut kept = self.0.lock().unwrap();
        kept.calls += 1;
        if kept.is_busy && kept.calls.is_multiple_of(3) && kept.text.is_some() {
            // Somebody has written the same again.
            kept.version += 1;
        }
        let newest = kept.text.is_some().then(|| Tag(kept.version.to_string()));
        if newest.as_ref() != after {
            return Ok(None);
        }
        kept.version += 1;
        kept.text = Some(text);
        if kept.loses_answers && kept.calls.is_multiple_of(2) {
            let source = "the connection was reset".into();
            return Err(StateError::Io { location: "shelf".into(), source });
        }
        Ok(Some(Tag(kept.version.to_string())))
    }

    fn remove(&mut self) -> Result<(), StateError> {
        self.0.lock().unwrap().text = None;
        Ok(())
    }
}

impl World for Shelf {
    type Store = DocumentStore<Shelf>;

    fn connect(&self) -> DocumentStore<Shelf> {
        DocumentStore::open(self.clone()).unwrap()
    }

    fn living(&self) -> Holder {
        this_process("marie@laptop")
    }

    fn dead(&self) -> Holder {
        Holder { pid: u32::MAX, ..self.living() }
    }
}

fn with(set: impl Fn(&mut Kept)) -> Shelf {
    let shelf = Shelf::default();
    set(&mut shelf.0.lock().unwrap());
    shelf
}

mod quiet {
    pilotis_state::conformance!(super::Shelf::default());
}

mod busy {
    pilotis_state::conformance!(super::with(|kept| kept.is_busy = true));
}

mod losing_answers {
    pilotis_state::conformance!(super::with(|kept| {
        kept.is_busy = true;
        kept.loses_answers = true;
    }));
}

#[test]
fn a_state_that_was_removed_is_not_begun_anew_by_who_still_has_it() {
    let shelf = Shelf::default();
    let (mut ours, theirs) = (shelf.connect(), shelf.connect());
    ours.commit(&[Write::StartRun(run("1"))]).unwrap();
    theirs.delete().unwrap();
    let refused = ours.commit(&[Write::StartRun(run("2"))]).unwrap_err();
    assert!(refused.to_string().contains("somebody has removed it"), "{refused}");
    assert_eq!(shelf.0.lock().unwrap().text, None, "nothing stands in its place");
    assert!(ours.snapshot().is_err(), "it isn't an empty one either");
}
