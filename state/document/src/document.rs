//! What a server must be able to do.

use pilotis_state::{Lease, RunId, StateError};

/// Names one version of a document, as the server does: an ETag, a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(pub String);

/// A version of a document.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its text. It may hold secrets.
    pub text: Vec<u8>,
    /// Its name.
    pub tag: Tag,
}

/// What became of the wish to lock the whole document at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerLock {
    /// The server has no locks: leases in the document are all there is.
    None,
    /// Ours, now or since before.
    Taken,
    /// Somebody else's. `run` is the lock's id, `address` is `"*"`, and the times and the holder are as far as the server says.
    Held(Lease),
}

/// A document on a server. Calls block until the server has answered.
pub trait Document: Send {
    /// Where it is, for messages: a URL without credentials.
    fn location(&self) -> &str;
    /// The newest version; none if nothing was ever written, or it was removed.
    fn read(&mut self) -> Result<Option<Stored>, StateError>;
    /// Writes the next version durably, if `after` is still the newest one (none: if there is none), and names it; none if it isn't: then
    /// nothing was written. `serial` counts versions, and is above that of every version before.
    ///
    /// An error means that it may have been written or not: the store looks.
    fn replace(&mut self, text: Vec<u8>, serial: u64, after: Option<&Tag>)
    -> Result<Option<Tag>, StateError>;
    /// Takes the server's own lock of the whole document for the run of this lease, so that other programs keep away.
    fn lock(&mut self, lease: &Lease) -> Result<ServerLock, StateError> {
        let _ = lease;
        Ok(ServerLock::None)
    }
    /// Gives the server's lock of this run back, or takes it from it; false if the run has none.
    fn unlock(&mut self, run: &RunId) -> Result<bool, StateError> {
        let _ = run;
        Ok(false)
    }
    /// Removes it, with all of its versions.
    fn remove(&mut self) -> Result<(), StateError>;
}
