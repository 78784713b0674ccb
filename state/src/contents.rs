//! All that a state holds at one moment, leases too, in a form that can be written as a document and read back.
//!
//! A [`Whole`] is what is copied from one store to another; this is one store's own memory. Where it is kept is not known here.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::whole::Whole;
use crate::{Lease, RunId};

/// All that a state holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// What a copy has too.
    pub whole: Whole,
    /// The leases, of the dead too.
    pub leases: Vec<Lease>,
    /// Runs that begin nothing any more.
    pub fenced: Vec<RunId>,
}

impl Contents {
    /// What is wrong with it: what no store writes, and a document that somebody has edited may say.
    pub fn problem(&self) -> Option<String> {
        let Whole { runs, changes, intents, made_of, resources, serial, .. } = &self.whole;
        let runs: HashSet<&RunId> = runs.iter().map(|run| &run.id).collect();
        let told = changes.iter().map(|c| &c.run).chain(intents.iter().map(|i| &i.run));
        let mut told = told.chain(made_of.iter().map(|(run, _)| run));
        if let Some(run) = told.find(|run| !runs.contains(run)) {
            return Some(format!("it tells of a run {} that it doesn't have", run.0));
        }
        let newest = i64::try_from(*serial).unwrap_or(i64::MAX);
        let newer = resources.iter().find(|r| r.version > newest)?;
        Some(format!("{} is newer than the state itself", newer.key))
    }
}
