//! Against replay: an old copy of a state is as well encrypted as the newest one, so somebody has to remember which that is.

use std::fmt;

use pilotis_state::{StateError, Write};

/// Remembers, elsewhere than in a state, how far states had come.
pub trait Memory: Send {
    /// The newest serial that a state of this lineage was seen at.
    fn newest(&self, lineage: &str) -> Option<u64>;
    /// A state of this lineage was at this serial. What can't be written down is forgotten: a memory that fails is no reason not to
    /// work.
    fn remember(&mut self, lineage: &str, serial: u64);
    /// Where that of a lineage is, for whoever has put an old state back on purpose.
    fn place(&self, lineage: &str) -> String;
}

/// How far a state is known to have come.
#[derive(Default)]
pub(crate) struct Newest {
    memory: Option<Box<dyn Memory>>,
    /// Lineage and serial: of the last reading, and counted on since. Others may have come further.
    known: Option<(String, u64)>,
}

impl fmt::Debug for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newest").field("known", &self.known).finish_non_exhaustive()
    }
}

impl Newest {
    pub(crate) fn of(memory: Box<dyn Memory>) -> Newest {
        Newest { memory: Some(memory), known: None }
    }

    /// The state was read: an error if it is older than one that was seen.
    pub(crate) fn read(&mut self, location: &str, lineage: &str, serial: u64) -> Result<(), StateError> {
        let Some(memory) = &self.memory else { return Ok(()) };
        if let Some(seen) = memory.newest(lineage).filter(|seen| *seen > serial) {
            let (location, memory) = (location.to_owned(), memory.place(lineage));
            return Err(StateError::Older { location, serial, seen, memory });
        }
        self.known = Some((lineage.to_owned(), serial));
        self.keep();
        Ok(())
    }

    /// Something was committed.
    pub(crate) fn committed(&mut self, writes: &[Write]) {
        match &mut self.known {
            // Of another lineage from now on, which is learnt when it is read.
            known if writes.iter().any(|w| matches!(w, Write::Become { .. })) => *known = None,
            Some((_, serial)) => *serial += 1,
            None => {}
        }
    }

    /// Writes down what is known.
    pub(crate) fn keep(&mut self) {
        if let (Some(memory), Some((lineage, serial))) = (&mut self.memory, &self.known)
            && memory.newest(lineage).is_none_or(|newest| newest < *serial)
        {
            memory.remember(lineage, *serial);
        }
    }
}

impl Drop for Newest {
    fn drop(&mut self) {
        self.keep();
    }
}
