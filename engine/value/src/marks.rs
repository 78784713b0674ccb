//! Marks: what a value must not be used for, carried from where it is read to where it is stored.

bitflags::bitflags! {
    /// The marks of one value (not of what is inside it; see [`crate::Value::marks_deep`]).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct Marks: u8 {
        /// Must not be shown to a person nor written to a log.
        const SENSITIVE = 1;
        /// Must not be stored: lives for one run only.
        const EPHEMERAL = 2;
        /// Was there when a plan was made, and is in no file: unknown where the plan is only shown.
        const WITHHELD = 4;
    }
}
