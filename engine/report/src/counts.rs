//! How much a plan would do and a run did, in numbers.

use pilotis_plan::{Applied, ObjectResult, Plan, PlanAction, ResourceChange};
use pilotis_schema::address::Mode;

/// Numbers of changes, counted as Terraform does: a replacement is one added and one destroyed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects that are made.
    pub add: usize,
    /// Objects that are changed in place.
    pub change: usize,
    /// Objects that are removed.
    pub destroy: usize,
    /// Objects that are taken over.
    pub import: usize,
    /// Objects that are forgotten, and stay where they are.
    pub forget: usize,
    /// Objects that get another address.
    pub moved: usize,
    /// Of the added and destroyed: objects that are replaced.
    pub replace: usize,
    /// Data sources that are read during apply.
    pub read: usize,
    /// Outputs that change.
    pub outputs: usize,
}

impl Counts {
    /// Of a plan.
    pub fn of(plan: &Plan) -> Counts {
        let mut counts = Counts::of_changes(&plan.changes);
        counts.outputs = plan.outputs.iter().filter(|o| o.before != o.after).count();
        counts
    }

    /// Of some changes.
    pub fn of_changes<'a>(changes: impl IntoIterator<Item = &'a ResourceChange>) -> Counts {
        let mut counts = Counts::default();
        for change in changes {
            counts.import += usize::from(change.importing.is_some());
            counts.moved += usize::from(change.moved_from.is_some());
            match change.action {
                PlanAction::NoOp => {}
                PlanAction::Read => counts.read += 1,
                _ if change.address.resource.mode == Mode::Data => {}
                PlanAction::Create => counts.add += 1,
                PlanAction::Update => counts.change += 1,
                PlanAction::Delete => counts.destroy += 1,
                PlanAction::Forget => counts.forget += 1,
                PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete => {
                    counts.add += 1;
                    counts.destroy += 1;
                    counts.replace += 1;
                }
            }
        }
        counts
    }

    /// Nothing at all would be done, not even in the state.
    pub fn is_empty(&self) -> bool {
        *self == Counts { read: self.read, ..Counts::default() }
    }

    /// Something is done to an object of a service.
    pub fn touches_objects(&self) -> bool {
        self.add + self.change + self.destroy + self.import + self.forget > 0
    }

    /// `3 to add, 1 to change, 0 to destroy`, with imports before and forgotten ones after if there are any.
    pub fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if self.import > 0 {
            parts.push(format!("{} to import", self.import));
        }
        parts.push(format!("{} to add", self.add));
        parts.push(format!("{} to change", self.change));
        parts.push(format!("{} to destroy", self.destroy));
        if self.forget > 0 {
            parts.push(format!("{} to forget", self.forget));
        }
        parts.join(", ")
    }

    /// The same without what is zero: `3 to add, 1 to move`.
    pub fn short(&self) -> String {
        let numbers = [
            (self.import, "to import"),
            (self.add.saturating_sub(self.replace), "to add"),
            (self.change, "to change"),
            (self.replace, "to replace"),
            (self.destroy.saturating_sub(self.replace), "to destroy"),
            (self.forget, "to forget"),
            (self.moved, "to move"),
            (self.read, "to read"),
        ];
        let parts: Vec<String> =
            numbers.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if parts.is_empty() { "no changes".to_owned() } else { parts.join(", ") }
    }
}

/// Numbers of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Objects made.
    pub added: usize,
    /// Objects changed.
    pub changed: usize,
    /// Objects removed.
    pub destroyed: usize,
    /// Objects forgotten.
    pub forgotten: usize,
    /// Changes that were done.
    pub done: usize,
    /// Changes that failed.
    pub failed: usize,
    /// Changes that were not tried.
    pub not_attempted: usize,
    /// Changes of which nobody knows.
    pub unknown: usize,
}

impl Totals {
    /// Of a run.
    pub fn of(applied: &Applied) -> Totals {
        let (done, failed, not_attempted, unknown) = applied.counts();
        let mut totals = Totals { done, failed, not_attempted, unknown, ..Totals::default() };
        for object in applied.objects.iter().filter(|o| o.result == ObjectResult::Done) {
            match object.action {
                PlanAction::NoOp | PlanAction::Read => {}
                PlanAction::Create => totals.added += 1,
                PlanAction::Update => totals.changed += 1,
                PlanAction::Delete => totals.destroyed += 1,
                PlanAction::Forget => totals.forgotten += 1,
                PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete => {
                    totals.added += 1;
                    totals.destroyed += 1;
                }
            }
        }
        totals
    }

    /// Everything was done.
    pub fn is_complete(&self) -> bool {
        self.failed + self.not_attempted + self.unknown == 0
    }
}
