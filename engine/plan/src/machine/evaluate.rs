//! Expressions evaluated against the state, or against a plan: what `pilotis console` does.
//!
//! The walk through the graph is the planner's, with what would ask a service left out: an object is what the state has, and
//! one that it doesn't have is unknown. Nothing is planned, no request is made.

use std::collections::BTreeMap;

use pilotis_diag::Diagnostics;
use pilotis_lang::{Compiled, Frame as _, Slot, Surroundings};
use pilotis_value::{Marks, Type, Value};

use crate::Inputs;
use crate::graph::{NodeId, NodeKind, ScopeId};
use crate::machine::frame::ShownFrame;
use crate::machine::{Machine, Rep};

/// The values that expressions of the root module refer to.
pub struct Evaluation(Machine);

impl Evaluation {
    /// Against the state. Options of the inputs other than the working folder and the workspace mean nothing.
    pub fn of_state(inputs: Inputs) -> Evaluation {
        let mut machine = Machine::new(inputs);
        // `timestamp()` is no promise to anybody here.
        machine.apply_time = Some(machine.now);
        while let Some(id) = machine.ready.pop_front() {
            machine.look(id);
        }
        machine.diags.sort();
        Evaluation(machine)
    }

    /// Against what a plan says that things will be. The plan was made and taken.
    pub fn of_plan(machine: Machine) -> Evaluation {
        Evaluation(machine)
    }

    /// What went wrong on the way: values that depend on it are unknown.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.0.diags
    }

    /// The value of a slot of the root module.
    pub fn value(&self, slot: Slot) -> Value {
        self.0.frame(ScopeId(0), 0, &Rep::One).get(slot)
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.0
    }

    /// The outputs of the root module. Those that are not known yet are unknown, those that could not be made are null.
    pub fn outputs(&self) -> BTreeMap<String, Value> {
        let value = |(node, output): (NodeId, pilotis_config::Output)| {
            let value = match self.0.failures.contains_key(&node) {
                true => Value::null(Type::Dynamic),
                false => self.0.node_value(node, 0),
            };
            (output.name, value)
        };
        self.0.root_outputs().into_iter().map(value).collect()
    }

    /// What functions may know.
    pub fn surroundings(&self) -> Surroundings<'_> {
        self.0.surroundings()
    }

    /// The value of an expression that was compiled in the root module, as it is shown.
    pub fn eval(&self, compiled: &Compiled, diags: &mut Diagnostics) -> Value {
        let frame = self.0.frame(ScopeId(0), 0, &Rep::One);
        self.0.eval(compiled, &ShownFrame::of(&frame, compiled), diags).0
    }
}

impl Machine {
    /// Visits a node without asking anybody.
    fn look(&mut self, id: NodeId) {
        match self.graph.node(id).kind {
            NodeKind::Resource(_) if self.is_ephemeral(id) => {
                // Nobody opens anything to look at it.
                let unknown = Value::unknown(Type::Dynamic).with_marks(Marks::EPHEMERAL);
                let instances = self.instances(self.graph.node(id).scope);
                self.nodes[id.0 as usize].values = instances.map(|_| unknown.clone()).collect();
            }
            NodeKind::Resource(_) => self.look_at_objects(id),
            NodeKind::Provider(_) | NodeKind::Validation(_) | NodeKind::Check(_) => {}
            NodeKind::Variable(_) | NodeKind::Local(_) | NodeKind::Output(_) | NodeKind::Expand(_) => {
                return self.visit(id);
            }
        }
        self.complete(id);
    }

    /// The objects of a block as the state has them. How many a block will have, an apply says: one without any is unknown.
    fn look_at_objects(&mut self, id: NodeId) {
        self.objects_as_stored(id);
        for instance in self.instances(self.graph.node(id).scope) {
            let stored = &self.nodes[id.0 as usize].objects[instance as usize];
            if stored.is_empty() {
                self.nodes[id.0 as usize].values[instance as usize] = Value::unknown(Type::Dynamic);
            }
        }
    }
}
