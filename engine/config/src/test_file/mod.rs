//! Test files (`*.tftest.hcl`, `*.tftest.json`): what `pilotis test` runs.
//!
//! Here is what a test file says, and how it is read against a configuration. Its structure is read once; what its expressions mean
//! depends on the module that a run is about, and is compiled for each run. Nothing is evaluated but what must be constant, and nothing
//! is run here.

mod blocks;
mod fit;
mod mocks;
mod prepare;
mod read;
mod scope;
mod suite;

use pilotis_diag::Span;
use pilotis_schema::address::Mode;
use pilotis_syntax::ast::{Block, Expr};
use pilotis_value::Value;

use crate::ProviderRef;

pub use prepare::{Expected, OverriddenModule, OverriddenObject, Prepared, Provided};
pub use read::{is_mock_file, is_test_file, read_test};
pub use scope::{Outside, OutsideNames};
pub use suite::{FoundTest, Suite, SuiteFile, SuiteRun, load_tests};

/// A test file.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// Its path, to show.
    pub path: String,
    /// `variables`
    pub(crate) variables: Vec<Argument>,
    /// `provider` and `mock_provider`
    pub(crate) providers: Vec<TestProvider>,
    /// `override_resource`, `override_data`, `override_module`
    pub(crate) overrides: Vec<Override>,
    /// `run`, in order.
    pub runs: Vec<Run>,
}

/// A `run` block.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// What it does.
    pub command: Command,
    /// `plan_options`
    pub(crate) options: Options,
    /// `variables`
    pub(crate) variables: Vec<Argument>,
    /// `providers`: what the module calls each, and what the test file calls it. None: all of the file.
    pub(crate) providers: Option<Vec<(ProviderRef, ProviderRef, Span)>>,
    /// `module`: another module than the one in the folder.
    pub module: Option<ModuleSource>,
    /// Runs with the same key share their state. None: all runs of a module do.
    pub state_key: Option<String>,
    /// `assert`
    pub(crate) asserts: Vec<(Expr, Expr)>,
    /// `expect_failures`
    pub(crate) expected: Vec<Expr>,
    /// `override_resource`, `override_data`, `override_module`
    pub(crate) overrides: Vec<Override>,
    /// Its header.
    pub span: Span,
}

/// What a run does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Command {
    /// It makes a plan.
    Plan,
    /// It makes a plan, and carries it out.
    #[default]
    Apply,
}

/// `plan_options`
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) refresh_only: bool,
    pub(crate) refresh: bool,
    pub(crate) replace: Vec<Expr>,
    pub(crate) target: Vec<Expr>,
}

/// `source` of a run's `module`.
#[derive(Clone, Debug)]
pub struct ModuleSource {
    /// As it is written.
    pub text: String,
    /// Where.
    pub span: Span,
    /// The block's header.
    pub header: Span,
}

/// A name and its value.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) value: Expr,
}

/// A provider that a test file has.
#[derive(Clone, Debug)]
pub(crate) struct TestProvider {
    pub(crate) reference: ProviderRef,
    pub(crate) kind: ProviderKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum ProviderKind {
    /// `provider`
    Real(Block),
    /// `mock_provider`
    Mock(Mock),
}

/// A `mock_provider`: objects of it are made up.
#[derive(Clone, Debug, Default)]
pub struct Mock {
    /// What is made up is known when planning already, unless a type says otherwise.
    pub during_plan: bool,
    /// `mock_resource` and `mock_data`
    pub types: Vec<MockedType>,
    /// Overrides that stand in the block.
    pub(crate) overrides: Vec<Override>,
}

/// What the objects of a type are when a provider is mocked.
#[derive(Clone, Debug)]
pub struct MockedType {
    /// Managed resource or data source.
    pub mode: Mode,
    /// Of which type.
    pub type_name: String,
    /// Attributes that are not made up.
    pub defaults: Value,
    /// They are known when planning already.
    pub during_plan: bool,
    /// Where.
    pub span: Span,
}

/// An `override_…` block.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    pub(crate) kind: OverrideKind,
    pub(crate) target: Expr,
    /// `values` or `outputs`.
    pub(crate) values: Value,
    pub(crate) during_plan: bool,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OverrideKind {
    Resource,
    Data,
    Module,
}
