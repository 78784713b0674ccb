//! All that a state holds at one moment, leases too, in a form that can be written as a document and read back.
//!
//! A [`Whole`] is what is copied from one store to another; this is one store's own memory. Where it is kept is not known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::audit::AuditEntry;
use crate::whole::Whole;
use crate::{Change, Intent, Lease, Observation, OutputRecord, ResourceRecord, Run, RunId};

/// All that a state holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    pub(crate) lineage: String,
    pub(crate) serial: u64,
    pub(crate) resources: Vec<ResourceRecord>,
    pub(crate) outputs: Vec<OutputRecord>,
    pub(crate) intents: Vec<Intent>,
    pub(crate) observations: Vec<Observation>,
    pub(crate) checks: Arc<str>,
    pub(crate) leases: Vec<Lease>,
    /// Runs that begin nothing any more.
    pub(crate) fenced: Vec<RunId>,
    pub(crate) runs: Vec<Run>,
    pub(crate) changes: Vec<Change>,
    pub(crate) made_of: MadeOf,
    pub(crate) audit: Vec<AuditEntry>,
}

/// What runs were made of; a text that several are made of stands there once.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MadeOf {
    texts: Vec<Arc<str>>,
    /// Which text is whose.
    runs: Vec<(RunId, usize)>,
}

impl MadeOf {
    fn of(made_of: Vec<(RunId, Arc<str>)>) -> MadeOf {
        let mut places = BTreeMap::new();
        let mut texts = Vec::new();
        let runs = made_of.into_iter().map(|(run, text)| {
            let place = *places.entry(text.clone()).or_insert_with(|| {
                texts.push(text);
                texts.len() - 1
            });
            (run, place)
        });
        let runs = runs.collect();
        MadeOf { texts, runs }
    }

    /// Each run's text.
    pub(crate) fn each(&self) -> impl Iterator<Item = (RunId, Arc<str>)> {
        self.runs.iter().filter_map(|(run, place)| Some((run.clone(), self.texts.get(*place)?.clone())))
    }
}

impl std::fmt::Debug for MadeOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The texts may hold secrets.
        write!(f, "({} runs)", self.runs.len())
    }
}

impl Contents {
    pub(crate) fn of(whole: Whole, leases: Vec<Lease>, fenced: Vec<RunId>) -> Contents {
        let Whole {
            lineage,
            serial,
            resources,
            outputs,
            intents,
            observations,
            runs,
            changes,
            made_of,
            checks,
            audit,
        } = whole;
        let made_of = MadeOf::of(made_of);
        Contents {
            lineage,
            serial,
            resources,
            outputs,
            intents,
            observations,
            checks,
            leases,
            fenced,
            runs,
            changes,
            made_of,
            audit,
        }
    }

    /// [`Snapshot::serial`](crate::Snapshot::serial)
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// [`Snapshot::lineage`](crate::Snapshot::lineage)
    pub fn lineage(&self) -> &str {
        &self.lineage
    }

    /// What is wrong with it: what no store writes, and a document that somebody has edited may say.
    pub fn problem(&self) -> Option<String> {
        let runs: std::collections::HashSet<&RunId> = self.runs.iter().map(|run| &run.id).collect();
        let unknown = self.changes.iter().map(|c| &c.run).chain(self.intents.iter().map(|i| &i.run));
        let unknown =
            unknown.chain(self.made_of.runs.iter().map(|(run, _)| run)).find(|run| !runs.contains(run));
        if let Some(run) = unknown {
            return Some(format!("it tells of a run {} that it doesn't have", run.0));
        }
        let newest = i64::try_from(self.serial).unwrap_or(i64::MAX);
        let newer = self.resources.iter().find(|r| r.version > newest)?;
        Some(format!("{} is newer than the state itself", newer.key))
    }
}
