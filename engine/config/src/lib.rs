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
mod types;
mod validation;
mod variables;
mod version;

pub use backend::{Backend, backend_arguments, backend_file};
pub use body::{BodyContext, CompiledBody};
pub use codes::EXPLANATIONS;
pub use encryption::{Encryption, EncryptionMethod, EncryptionTarget, KeyProvider, KeyProviderKind};
pub use generate::{block_text, with_missing_blocks};
pub use load::{LoadOptions, Loaded, load, load_apart};
pub use model::*;
pub use outline::{Content, Referred, Subject, Written};
pub use settings::LANGUAGE;
pub use source::{FETCHED, GitSource};
pub use sources::{Schemas, Sources};
pub use validation::{Asker, Verdict, check_variable};
pub use variables::{RootVariables, VariableSource, given_ephemeral, given_variables, root_variables};
