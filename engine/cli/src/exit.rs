//! Exit codes: what a script learns without reading.

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// In sync, or done.
    Done = 0,
    /// Something went wrong; nothing or not all was done, and the output says what.
    Error = 1,
    /// `-detailed-exitcode`: changes are pending.
    Changes = 2,
    /// Something changed behind our back (`drift`), or is laid out otherwise (`fmt -check`).
    Drift = 3,
    /// Not all could be looked at.
    Incomplete = 4,
    /// Some was done, some failed.
    Partial = 6,
    /// The saved plan is stale.
    Stale = 7,
    /// Somebody else holds the lock.
    Locked = 8,
    /// Interrupted by a person.
    Interrupted = 130,
}
