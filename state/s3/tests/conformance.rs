//! The store over documents does with a bucket what every store must do.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests; the helpers around them too")]

use pilotis_state::Holder;
use pilotis_state::conformance::World;
use pilotis_state_document::DocumentStore;
use pilotis_state_process::this_process;
use pilotis_state_s3::S3Document;
use pilotis_state_s3::server::{self, Bucket};

struct InABucket(Bucket);

impl World for InABucket {
    type Store = DocumentStore<S3Document>;
    fn connect(&self) -> DocumentStore<S3Document> {
        DocumentStore::open(S3Document::new(&self.0.options()).unwrap()).unwrap()
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
    let Some(bucket) = server::bucket() else { return };
    InABucket(bucket)
});
