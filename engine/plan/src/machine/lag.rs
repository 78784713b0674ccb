//! Services that are late: what was done just now is not shown yet, and what was removed still is.
//!
//! Absence is believed where it lasts: an object that a look didn't find is looked for once more, after as long as its service may be
//! late, and open intents are asked about only then. So what a run has just made is not made twice by the next one. A service that
//! always shows what is (its connection says so) is believed at once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::graph::NodeId;
use crate::machine::provider::Link;
use crate::machine::{Machine, Pending};
use crate::{ProviderId, Request};

/// What goes on once time has passed.
#[derive(Debug)]
pub(crate) enum Later {
    /// These rows of a provider are read once more.
    Look(u32, Vec<u32>),
    /// The same, for a block that waits for them.
    LookAgain(NodeId, u32, Vec<u32>),
    /// Open intents of a provider are asked about.
    Settle(u32),
}

impl Machine {
    /// For how long a provider's service may show what was before.
    fn lag(&self, provider: u32) -> Duration {
        match &self.providers[provider as usize].link {
            Link::Connected(connected) => connected.lag,
            Link::Waiting | Link::Deferred | Link::Failed => Duration::ZERO,
        }
    }

    /// Goes on once a provider's service shows what is now.
    pub(crate) fn wait(&mut self, provider: u32, later: Later) {
        let time = self.lag(provider);
        if time.is_zero() {
            return self.waited(later);
        }
        self.ask(Pending::Wait(later), Request::Wait { provider: ProviderId(provider), time });
    }

    pub(crate) fn waited(&mut self, later: Later) {
        match later {
            Later::Look(provider, rows) => {
                self.read_rows(provider, rows);
                self.provider_step(provider);
            }
            Later::LookAgain(block, provider, rows) => self.ask_again(block, provider, rows),
            Later::Settle(provider) => self.ask_about_intents(provider),
        }
    }

    /// A look didn't find an object: it is gone, unless the service may only be late.
    pub(crate) fn row_missing(&mut self, id: u32) {
        let provider = self.rows.get(id).provider;
        let may_be_late = provider.is_some_and(|provider| !self.lag(provider).is_zero());
        let missed_before = std::mem::replace(&mut self.rows.get_mut(id).missed, true);
        if may_be_late && !missed_before {
            self.missing.push(id);
        } else {
            self.row_gone(id);
        }
    }

    /// Looks once more, later, for what a provider's answer didn't have.
    pub(crate) fn look_later(&mut self, provider: u32) {
        let rows = std::mem::take(&mut self.missing);
        if !rows.is_empty() {
            self.providers[provider as usize].open += 1;
            self.wait(provider, Later::Look(provider, rows));
        }
    }

    /// The same for what a block waits for.
    pub(crate) fn look_again_later(&mut self, block: NodeId) {
        let mut by_provider: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for row in std::mem::take(&mut self.missing) {
            if let Some(provider) = self.rows.get(row).provider {
                by_provider.entry(provider).or_default().push(row);
            }
        }
        for (provider, rows) in by_provider {
            *self.block_waits.entry(block).or_default() += 1;
            self.wait(provider, Later::LookAgain(block, provider, rows));
        }
    }
}
