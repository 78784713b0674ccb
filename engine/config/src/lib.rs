//! The Configuration: modules loaded once, blueprints desugared, blocks decoded against schemas, expressions compiled.
//!
//! Static: nothing here is an instance, nothing is evaluated but what must be constant. Sources come through [`Sources`]; no file is
//! read here. Below this crate nobody knows what a blueprint is.

mod addresses;
mod backend;
mod blueprint;
mod body;
mod codes;
mod compile;
mod declare;
mod decode;
pub mod display;
mod encryption;
mod expression;
mod generate;
mod json;
mod load;
mod model;
mod names;
mod outline;
mod overrides;
mod places;
mod required;
mod settings;
mod shape;
mod source;
mod sources;
mod test_file;
mod types;
mod validation;
mod variables;
mod version;

pub use backend::{Backend, backend_arguments, backend_file, has_backend_argument};
pub use body::{BodyContext, CompiledBody};
pub use codes::{EXPLANATIONS, TEST_REFERENCE, VALIDATION};
pub use encryption::{Encryption, EncryptionMethod, EncryptionTarget, KeyProvider, KeyProviderKind};
pub use generate::{block_text, with_missing_blocks};
pub use load::{GivenProvider, LoadOptions, Loaded, load, load_apart, module_folder};
pub use model::*;
pub use outline::{Content, Referred, Subject, Written};
pub use settings::LANGUAGE;
pub use source::{FETCHED, GitSource};
pub use sources::{Schemas, Sources};
pub use test_file::{
    Command, Expected, FoundTest, Mock, MockedType, ModuleSource, Outside, OutsideNames, OverriddenModule,
    OverriddenObject, Prepared, Provided, Run, Suite, SuiteFile, SuiteRun, TestFile, is_mock_file,
    is_test_file, load_tests, read_test,
};
pub use validation::{Asker, Verdict, check_variable};
pub use variables::{
    RootVariables, TestValue, VariableSource, given_ephemeral, given_variables, outer_values, root_variables,
    test_variables,
};
