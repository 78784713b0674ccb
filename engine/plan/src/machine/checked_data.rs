//! Data sources inside a `check`: what they look at may be what the run changes. So they are read again when all else is done, and a read that
//! fails is a check that doesn't hold, not an error.

use pilotis_diag::Severity;
use pilotis_schema::address::Mode;

use crate::graph::{NodeId, NodeKind};
use crate::machine::effects::known_only;
use crate::machine::provider::service_error;
use crate::machine::{Machine, ObjectId};
use crate::{CheckStatus, Failure, PlanAction, PlanMode, Reason};

impl Machine {
    /// The check that a data source stands in.
    pub(crate) fn check_around(&self, id: NodeId) -> Option<NodeId> {
        let node = self.graph.node(id);
        let NodeKind::Resource(index) = node.kind else { return None };
        let check = self.resource(node.scope, index).in_check?;
        Some(self.graph.id(node.scope, NodeKind::Check(check)))
    }

    /// A read inside a check failed: the check doesn't hold, and its assertions say nothing. False if it stands in no check.
    pub(crate) fn check_read_failed(&mut self, id: NodeId, object: ObjectId, failure: &Failure) -> bool {
        let Some(check) = self.check_around(id) else { return false };
        let of = &mut self.objects[object as usize];
        of.after = known_only(&of.after).0;
        let (instance, address) = (of.instance, of.address.clone());
        let mut warning = service_error(failure).address(&*address).at(self.block(id).span);
        warning.severity = Severity::Warning;
        let problem = format!("{}: {}", warning.summary, warning.detail);
        self.diagnose(warning);
        let scope = self.graph.node(check).scope;
        let NodeKind::Check(index) = self.graph.node(check).kind else { return true };
        let name = &self.module(scope).checks[index as usize].name;
        let address = format!("{}check.{name}", self.instance(scope, instance).prefix);
        self.note_check(check, &address, CheckStatus::Fail, vec![problem]);
        self.unread_checks.insert((check, instance));
        true
    }

    /// Where something is done, data sources of checks are read once more.
    pub(crate) fn read_checks_again(&mut self) {
        let does = |action| !matches!(action, PlanAction::NoOp | PlanAction::Read);
        let in_check = |node: Option<NodeId>| node.filter(|id| self.check_around(*id).is_some());
        if self.options.mode != PlanMode::Normal || !self.objects.iter().any(|o| !o.skipped && does(o.action))
        {
            return;
        }
        let again: Vec<(ObjectId, NodeId)> = (0..self.objects.len() as ObjectId)
            .filter_map(|o| Some((o, in_check(self.objects[o as usize].node)?)))
            .filter(|(o, id)| {
                let of = &self.objects[*o as usize];
                self.block(*id).mode == Mode::Data && !of.skipped && of.action == PlanAction::NoOp
            })
            .collect();
        for (object, id) in again {
            let of = &mut self.objects[object as usize];
            (of.action, of.reason) = (PlanAction::Read, Some(Reason::CheckNested));
            self.nodes[id.0 as usize].settled = false;
            if let Some(check) = self.check_around(id) {
                self.nodes[check.0 as usize].settled = false;
            }
        }
    }
}
