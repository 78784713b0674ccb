//! Writes to the state: what waits together is committed together.
//!
//! One commit is in flight at a time. While it becomes durable, more comes to wait, so that the busier a run is, the more goes
//! into one transaction. A commit that a row refuses is taken apart, and each part is tried by itself.

use std::collections::VecDeque;

use pilotis_state::{Action, Expect, Write};

use crate::machine::apply::EffectId;
use crate::machine::{Machine, Pending};
use crate::{CommitFailure, Request};

/// What happens once a part is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The apply may begin.
    Begin,
    /// The effect's call may leave.
    Call(EffectId),
    /// The effect is done.
    Done(EffectId),
    /// The object is made, and its programs may run.
    Made(EffectId),
    /// The object's programs are done, and it is good.
    Provisioned(EffectId),
    /// What a row says of its own place is brought up to date: a courtesy, dropped if the row has changed meanwhile.
    Courtesy,
    /// Nothing.
    Nothing,
    /// The run is over.
    End,
}

/// Writes that belong together.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) writes: Vec<Write>,
    pub(crate) then: Then,
    /// It was refused once, and what it expects of rows was taken out.
    pub(crate) forced: bool,
}

/// What waits to be committed.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    waiting: Vec<Part>,
    /// Parts of a refused commit, each to be tried by itself.
    apart: VecDeque<Part>,
    in_flight: bool,
}

impl Commits {
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.apart.is_empty() && !self.in_flight
    }
}

impl Machine {
    /// Has writes committed with the next commit.
    pub(crate) fn commit(&mut self, writes: Vec<Write>, then: Then) {
        let part = Part { writes, then, forced: false };
        if let Some(apply) = &mut self.applying {
            apply.commits.waiting.push(part);
        }
    }

    /// Asks for a commit, if something waits and none is in flight.
    pub(crate) fn flush(&mut self) {
        let Some(apply) = &mut self.applying else { return };
        let commits = &mut apply.commits;
        if commits.in_flight {
            return;
        }
        let parts = match commits.apart.pop_front() {
            Some(part) => vec![part],
            None => std::mem::take(&mut commits.waiting),
        };
        if parts.is_empty() {
            return;
        }
        commits.in_flight = true;
        let writes = parts.iter().flat_map(|p| p.writes.iter().cloned()).collect();
        self.ask(Pending::Commit(parts), Request::Commit(writes));
    }

    pub(crate) fn committed(&mut self, parts: Vec<Part>, result: Result<(), CommitFailure>) {
        let Some(apply) = &mut self.applying else { return };
        apply.commits.in_flight = false;
        match result {
            Ok(()) => {
                apply.places.committed();
                parts.into_iter().for_each(|part| self.durable(part.then));
            }
            Err(CommitFailure::Broken(why)) => self.state_broken(parts, &why),
            Err(_) if parts.len() > 1 => {
                // In order, and before what came to wait since.
                for part in parts.into_iter().rev() {
                    apply.commits.apart.push_front(part);
                }
            }
            Err(failure) => {
                for part in parts {
                    self.refused(part, &failure);
                }
            }
        }
    }

    fn durable(&mut self, then: Then) {
        match then {
            Then::Begin => self.begin_effects(),
            Then::Call(effect) => self.await_place(effect),
            Then::Made(effect) => self.run_program(effect),
            Then::Done(_) | Then::Provisioned(_) | Then::Courtesy | Then::Nothing => {}
            Then::End => self.end_apply(),
        }
    }

    fn refused(&mut self, mut part: Part, failure: &CommitFailure) {
        match part.then {
            Then::Call(effect) => self.not_begun(effect, &failure.to_string()),
            Then::Begin => self.cannot_begin(&failure.to_string()),
            Then::Provisioned(effect) => self.taken_over(effect, &failure.to_string()),
            Then::Courtesy => {}
            // This run had lost its leases, and another one has found out what became of the effect: what it stored holds.
            then if matches!(failure, CommitFailure::Settled(_)) => self.durable(then),
            Then::Done(_) | Then::Made(_) | Then::Nothing | Then::End if !part.forced => {
                part.writes = forced(part.writes);
                part.forced = true;
                if let Some(apply) = &mut self.applying {
                    apply.commits.apart.push_front(part);
                }
            }
            Then::Done(_) | Then::Made(_) | Then::Nothing | Then::End => {
                self.state_broken(vec![part], &failure.to_string());
            }
        }
    }
}

/// The writes of a part that a row refused, without what they expect of it. What was made is stored whatever the row has become meanwhile,
/// since nothing that was made may be forgotten. Of what was changed or removed only the end is noted: the row is newer, and
/// the next look at the object corrects it if it has to.
fn forced(writes: Vec<Write>) -> Vec<Write> {
    let made = |w: &Write| matches!(w, Write::Finish { change, .. } if change.action == Action::Create);
    let made = writes.iter().any(made);
    let force = |write| match write {
        Write::Put { record, .. } => made.then_some(Write::Put { record, expect: Expect::Any }),
        Write::Remove { .. } => None,
        other => Some(other),
    };
    writes.into_iter().filter_map(force).collect()
}
