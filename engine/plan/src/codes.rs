//! The stable codes of the planner's diagnostics. A code never changes its meaning; a new mistake gets a new code.

/// A page for each, which `pilotis explain` shows.
pub const EXPLANATIONS: &str = include_str!("codes.md");

/// Blocks that need each other.
pub(crate) const CYCLE: &str = "E0401";
/// A block that refers to itself.
pub(crate) const SELF_REFERENCE: &str = "E0402";
/// A `count` that is none.
pub(crate) const COUNT: &str = "E0403";
/// A `for_each` that is none.
pub(crate) const FOR_EACH: &str = "E0404";
/// A `count` or `for_each` that is not known yet.
pub(crate) const REPETITION_UNKNOWN: &str = "E0405";
/// An argument of a module that doesn't fit its variable.
pub(crate) const ARGUMENT: &str = "E0406";
/// A `precondition` that failed.
pub(crate) const PRECONDITION: &str = "E0408";
/// A `postcondition` that failed.
pub(crate) const POSTCONDITION: &str = "E0409";
/// A `check` that failed.
pub(crate) const CHECK: &str = "E0410";
/// A condition that can't be one.
pub(crate) const CONDITION: &str = "E0411";
/// An output that would show a secret.
pub(crate) const OUTPUT_SENSITIVE: &str = "E0413";
/// A `moved` block that can't be followed.
pub(crate) const MOVED: &str = "E0414";
/// An `import` block that can't be followed.
pub(crate) const IMPORT: &str = "E0415";
/// An object that may not be removed.
pub(crate) const PROTECTED: &str = "E0416";
/// `-target`, `-exclude` or `-replace` of something that there isn't.
pub(crate) const TARGET: &str = "E0417";
/// A provider that can't be used.
pub(crate) const PROVIDER: &str = "E0418";
/// A service that said no.
pub(crate) const SERVICE: &str = "E0419";
/// A stored object that can't be read.
pub(crate) const RECORD: &str = "E0420";
/// A provider that broke its promise.
pub(crate) const PROVIDER_DEFECT: &str = "E0421";
/// A change whose outcome is not known.
pub(crate) const UNSETTLED: &str = "E0422";
/// The final values ask for something that was not planned.
pub(crate) const INCONSISTENT: &str = "E0423";
/// The state can't be written.
pub(crate) const STATE: &str = "E0424";
/// `removed` of a block that is still there.
pub(crate) const REMOVED: &str = "E0425";
/// A value of one run only, where it would be stored or shown.
pub(crate) const EPHEMERAL: &str = "E0426";
/// The key of a provider's instance, or the keys of all, can't be told or mean nothing.
pub(crate) const PROVIDER_KEY: &str = "E0440";
/// An object goes through another instance of a provider than the one that made it.
pub(crate) const PROVIDER_CHANGED: &str = "W0441";
/// An assertion of a test that does not hold.
pub(crate) const ASSERTION: &str = "E0460";
/// A condition that a test expects not to hold, and that holds.
pub(crate) const MISSING_FAILURE: &str = "E0461";
/// A program of a provisioner that can't be run, or that failed.
pub(crate) const PROGRAM: &str = "E0450";
/// An apply would run programs, and was not allowed to.
pub const PROGRAMS_NOT_ALLOWED: &str = "E0451";
