//! A state document behind the protocol of Terraform's `http` backend, as GitLab's managed state speaks it.
//!
//! Here lives all that knows this protocol: addresses and methods, the lock's JSON, what a status means. What the document holds is not
//! known here, beyond that it is JSON.

mod answer;
mod document;
mod lock;
mod options;
mod wire;

pub use document::HttpDocument;
pub use options::{Options, OptionsError, location};
