//! The newest audit entry of each state, as this user has seen it: by it a journal is noticed that was cut short or written anew.

use pilotis_state::audit::{AuditEntry, Hash, Head};
use pilotis_state::{StateError, Store};

use crate::memory::Seen;

/// The newest entry of each lineage: its number and its hash in hex.
pub(crate) struct Heads(Seen);

impl Heads {
    /// None on a machine without a home.
    pub(crate) fn of_this_user() -> Option<Heads> {
        Seen::of_this_user("audit").map(Heads)
    }

    /// The newest that was seen.
    pub(crate) fn newest(&self, lineage: &str) -> Option<Head> {
        let text = self.0.read(lineage)?;
        let (seq, hash) = text.trim().split_once(' ')?;
        Some(Head { seq: seq.parse().ok()?, hash: from_hex(hash)? })
    }

    /// This one was seen.
    pub(crate) fn remember(&self, lineage: &str, head: Head) {
        self.0.write(lineage, &format!("{} {}\n", head.seq, hex(&head.hash)));
    }

    /// Where that of a lineage is.
    pub(crate) fn place(&self, lineage: &str) -> String {
        self.0.place(lineage)
    }
}

/// The newest entry that was seen of a lineage, if a journal doesn't have it.
pub(crate) fn not_in(lineage: &str, journal: &[AuditEntry]) -> Option<Head> {
    let seen = Heads::of_this_user()?.newest(lineage).filter(|head| head.seq > 0)?;
    let is_there = journal.iter().any(|entry| entry.head() == seen);
    (!is_there).then_some(seen)
}

/// Remembers the newest entry after a run. If what is remembered already isn't in the journal any more, it stays remembered: `audit verify`
/// is to find out.
pub(crate) fn keep(store: &mut dyn Store) -> Result<(), StateError> {
    let Some(heads) = Heads::of_this_user() else { return Ok(()) };
    let head = store.audit_head()?;
    let lineage = store.head()?.lineage;
    let still_there = match heads.newest(&lineage) {
        None => head.seq > 0,
        Some(known) if known == head => false,
        Some(known) if known.seq == 0 => true,
        Some(known) => store.audit(known.seq - 1, 1)?.first().is_some_and(|entry| entry.head() == known),
    };
    if still_there {
        heads.remember(&lineage, head);
    }
    Ok(())
}

/// `3fa41c…`
pub(crate) fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Hash> {
    let digits = text.is_ascii() && text.len() == 64;
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    let bytes: Vec<u8> = digits.then(|| (0..64).step_by(2).map_while(byte).collect())?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = Head::empty().hash;
        assert_eq!(from_hex(&hex(&hash)), Some(hash));
        for wrong in ["", "zz", &"g0".repeat(32), &"é".repeat(32), &"00".repeat(33)] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }
}
