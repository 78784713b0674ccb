//! The stable codes of loading. A code never changes its meaning; a new mistake gets a new code.

/// A page for each, which `pilotis explain` shows.
pub const EXPLANATIONS: &str = include_str!("codes.md");

/// A block type that may not stand here.
pub(crate) const UNKNOWN_BLOCK: &str = "E0301";
/// An argument that may not stand here.
pub(crate) const UNKNOWN_ARGUMENT: &str = "E0302";
/// An argument that must be given isn't.
pub(crate) const MISSING_ARGUMENT: &str = "E0303";
/// A value of the wrong type.
pub(crate) const WRONG_TYPE: &str = "E0304";
/// A value that isn't one of those that are possible.
pub(crate) const WRONG_VALUE: &str = "E0305";
/// Too few or too many labels.
pub(crate) const LABELS: &str = "E0306";
/// A name that is none.
pub(crate) const INVALID_NAME: &str = "E0307";
/// Two things with one name.
pub(crate) const DUPLICATE: &str = "E0308";
/// An argument that only the service sets.
pub(crate) const COMPUTED: &str = "E0309";
/// Too few or too many nested blocks.
pub(crate) const BLOCK_COUNT: &str = "E0310";
/// A `dynamic` block that makes no sense.
pub(crate) const DYNAMIC: &str = "E0311";
/// A deprecated argument.
pub(crate) const DEPRECATED: &str = "W0312";
/// A reference to what isn't declared.
pub(crate) const UNDECLARED: &str = "E0320";
/// A reference that is none, or not here.
pub(crate) const REFERENCE: &str = "E0321";
/// An attribute that what is referred to doesn't have.
pub(crate) const NO_ATTRIBUTE: &str = "E0322";
/// A reference to all instances where one is meant, or the reverse.
pub(crate) const INSTANCE_KEY: &str = "E0323";
/// A reference in quotes.
pub(crate) const QUOTED: &str = "W0324";
/// A resource type that no provider has.
pub(crate) const UNKNOWN_TYPE: &str = "E0330";
/// A provider that there isn't.
pub(crate) const UNKNOWN_PROVIDER: &str = "E0331";
/// A version or source that doesn't fit.
pub(crate) const VERSION: &str = "E0332";
/// A module that can't be read.
pub(crate) const MODULE: &str = "E0340";
/// A module that calls itself.
pub(crate) const MODULE_CYCLE: &str = "E0341";
/// A meta-argument that makes no sense.
pub(crate) const META: &str = "E0350";
/// An address that is none.
pub(crate) const ADDRESS: &str = "E0351";
/// A provider with several instances, used wrongly.
pub(crate) const PROVIDER_INSTANCE: &str = "E0352";
/// A provider's instances go away with what they would have to remove.
pub(crate) const SAME_FOR_EACH: &str = "W0353";
/// A module that isn't given the providers that it says it needs, or others.
pub(crate) const MODULE_PROVIDERS: &str = "E0354";
/// A provider that a module is given and doesn't ask for, or asks for in an old way or twice.
pub(crate) const OLD_PROVIDERS: &str = "W0355";
/// A backend in a module that is not the root.
pub(crate) const IGNORED_BACKEND: &str = "W0356";
/// An `encryption` block that makes no sense.
pub(crate) const ENCRYPTION: &str = "E0357";
/// A provisioner that can't be one.
pub(crate) const PROVISIONER: &str = "E0370";
/// A test file that can't be one.
pub(crate) const TEST_FILE: &str = "E0380";
/// A reference to what a test doesn't have, or not yet.
pub const TEST_REFERENCE: &str = "E0381";
/// An override of what isn't there.
pub(crate) const NOTHING_OVERRIDDEN: &str = "W0382";
/// A value that breaks a rule of its variable.
pub const VALIDATION: &str = "E0360";
/// A variable without a value, or a value without a variable.
pub(crate) const VARIABLE: &str = "E0361";
/// A value for a variable that isn't declared.
pub(crate) const UNDECLARED_VARIABLE: &str = "W0362";
