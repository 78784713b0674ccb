//! Terraform's state file, version 4: in and out, so that nobody is locked in or out.
//!
//! Text to records and records to text; nothing here knows where a file lies, nor what a provider declares. Data sources are read anew by every
//! plan, so one that can't be taken in is left out; what a provider's plugin kept for itself (`private`) means nothing here and is left out.

mod read;
mod write;

use std::fmt;

use pilotis_value::json;

use crate::{OutputRecord, ResourceRecord};

pub use read::import;
pub use write::export;

/// Why a text is not a state that can be taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not JSON.
    #[error("the state is not valid JSON: {0}")]
    Json(#[from] json::JsonError),
    /// Of another version.
    #[error("the state has version {found}; only version 4 can be read (Terraform 0.12 and later write it)")]
    Version {
        /// What it says.
        found: String,
    },
    /// Some of its objects or outputs can't be taken in; nothing was.
    #[error("{0}")]
    Objects(Problems),
}

/// What is wrong with a state, one line for each object.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

/// More would hide what there is to do.
const SHOWN: usize = 20;

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "{} problem{all}, so nothing was taken in:", self.0.len())?;
        for problem in self.0.iter().take(SHOWN) {
            write!(f, "\n  - {problem}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// A state that was taken in.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// As in the file.
    pub lineage: String,
    /// As in the file.
    pub serial: u64,
    /// All managed objects, sorted by key. Versions and digests are to be filled in by whoever stores them.
    pub resources: Vec<ResourceRecord>,
    /// Outputs of the root module.
    pub outputs: Vec<OutputRecord>,
    /// What data sources said when they were last read, sorted by key.
    pub data: Vec<ResourceRecord>,
    /// Data sources that were left out: every plan reads them anew.
    pub left_out: usize,
}

#[cfg(test)]
mod tests;
