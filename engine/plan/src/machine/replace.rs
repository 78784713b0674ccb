//! Why an object is replaced.

use pilotis_config::{Repetition, Symbol, Trigger};
use pilotis_diag::Diagnostics;
use pilotis_state::Status;
use pilotis_value::{Path, Step};

use crate::graph::{NodeId, NodeKind};
use crate::machine::{Machine, ObjectId, Rep};
use crate::propose::Proposal;
use crate::{PlanAction, Reason};

impl Machine {
    /// Why an object that is there has to be made anew, if it has to. Of several reasons the one counts that Terraform tells.
    pub(crate) fn why_replace(
        &mut self,
        id: NodeId,
        object: ObjectId,
        proposal: &Proposal,
    ) -> Option<Reason> {
        let config = self.config.clone();
        let node = self.graph.node(id);
        let NodeKind::Resource(index) = node.kind else { return None };
        let block = &config.modules[self.graph.scope(node.scope).module.0 as usize].resources[index as usize];
        let mut triggers = block.lifecycle.replace_triggered_by.iter();
        if triggers.any(|t| self.triggers(id, object, t)) {
            return Some(Reason::Triggers);
        }
        if self.is_tainted(object) {
            return Some(Reason::Tainted);
        }
        if self.is_to_be_replaced(&self.objects[object as usize].address) {
            return Some(Reason::Requested);
        }
        (!proposal.replace.is_empty()).then_some(Reason::CannotUpdate)
    }

    /// It is to be replaced at the next chance, as the state says.
    pub(crate) fn is_tainted(&self, object: ObjectId) -> bool {
        let row = self.objects[object as usize].row;
        row.is_some_and(|row| self.rows.get(row).record.status == Status::Tainted)
    }

    /// True if what a `replace_triggered_by` names changes in this plan.
    fn triggers(&mut self, id: NodeId, object: ObjectId, trigger: &Trigger) -> bool {
        let scope = self.graph.node(id).scope;
        let symbol = self.module(scope).symbols.get(trigger.reference.slot.0 as usize);
        let Some(Symbol::Resource(index)) = symbol else { return false };
        let source = self.graph.id(scope, NodeKind::Resource(*index));
        let Some((key, path)) = self.trigger_place(source, object, trigger) else { return false };
        let instance = self.objects[object as usize].instance;
        let objects = self.nodes[source.0 as usize].objects.get(instance as usize);
        let chosen = |o: &&ObjectId| match (&key, &self.objects[**o as usize].rep) {
            (None, _) => true,
            (Some(Step::Index(n)), Rep::Count(m)) => n == m,
            (Some(Step::Key(k) | Step::Attribute(k)), Rep::Each(key, _)) => k == key,
            _ => false,
        };
        objects.into_iter().flatten().filter(chosen).any(|o| {
            let source = &self.objects[*o as usize];
            let changes = matches!(
                source.action,
                PlanAction::Update | PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete
            );
            changes && (path.0.is_empty() || source.before.get_path(&path) != source.after.get_path(&path))
        })
    }

    /// The instance's key (none: any), and the place in the object. None if the key can't be told.
    #[allow(clippy::option_option, reason = "no key is one too")]
    fn trigger_place(
        &mut self,
        source: NodeId,
        object: ObjectId,
        trigger: &Trigger,
    ) -> Option<(Option<Step>, Path)> {
        let steps = &trigger.reference.path.0;
        if let Some(key) = &trigger.key {
            let of = &self.objects[object as usize];
            let scope = self.graph.node(source).scope;
            let mut diags = Diagnostics::new();
            let (value, failed) = self.eval(key, &self.frame(scope, of.instance, &of.rep), &mut diags);
            self.diags.extend(diags);
            let text = value.as_str().map(|k| Step::Key(k.into()));
            let step = text.or_else(|| value.as_i64().and_then(|n| u64::try_from(n).ok()).map(Step::Index));
            return step.filter(|_| !failed).map(|step| (Some(step), trigger.path.clone()));
        }
        let repeated = !matches!(self.block(source).repetition, Repetition::One);
        Some(match steps.split_first() {
            Some((first, rest)) if repeated => (Some(first.clone()), Path(rest.to_vec())),
            _ => (None, Path(steps.clone())),
        })
    }
}
