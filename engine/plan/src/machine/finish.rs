//! The plan, put together when all is known that can be.

use pilotis_diag::Diagnostic;
use pilotis_schema::address::{Instance, Mode};
use pilotis_value::{Marks, Type, Value, json};

use crate::digest::PlanDigest;
use crate::graph::ScopeId;
use crate::machine::rows::Seen;
use crate::machine::{Machine, Object};
use crate::{OutputChange, Plan, PlanAction, PlanMode, ResourceChange, Unseen, codes};

impl Machine {
    /// Makes the plan from what was found out.
    pub(crate) fn finish_plan(&mut self) {
        if self.open_nodes > 0 && !self.diags.has_errors() {
            self.diagnose(
                Diagnostic::error("The plan could not be finished")
                    .detail("Some blocks wait for each other. This is a defect of Pilotis."),
            );
        }
        if !self.diags.has_errors() || self.nodes.iter().any(|n| n.done) {
            self.plan_orphans();
        }
        if self.targets.partial {
            self.of_plan.push(
                Diagnostic::warning("Resource targeting is in effect")
                    .code(codes::TARGET)
                    .detail("Only a part of the configuration was planned; the rest may need changes too."),
            );
        }
        self.read_checks_again();
        let changes = self.changes();
        let outputs = self.output_changes();
        let mut digest = PlanDigest::new();
        for change in &changes {
            let resource = &change.address.resource;
            let ty = self.types.get(&(resource.mode, resource.type_name.clone()));
            digest.change(change, ty.map_or(&[], |ty| ty.schema.refresh.key.as_slice()));
        }
        outputs.iter().for_each(|o| digest.output(o));
        let programs = self.planned_programs();
        let data = self.known_data();
        programs.iter().for_each(|p| digest.programs(p));
        let mut drift = std::mem::take(&mut self.drift);
        for entry in &mut drift {
            entry.display = self.display_instance(&entry.address);
            let of = &entry.address.resource;
            if let Some(ty) = self.types.get(&(of.mode, of.type_name.clone())) {
                (entry.before, entry.after) = ty.shown(&entry.before, &entry.after);
            }
        }
        drift.sort_by(|a, b| a.address.cmp(&b.address));
        let unseen = self.unseen.iter().map(|(key, why)| {
            let display = match &key.deposed {
                None => self.display_text(&key.address),
                Some(_) => key.to_string(),
            };
            Unseen { key: key.clone(), display, why: why.clone() }
        });
        let mut unseen: Vec<Unseen> = unseen.collect();
        unseen.sort();
        unseen.dedup();
        self.diags.sort();
        let mut diagnostics = self.diags.clone();
        diagnostics.extend(std::mem::take(&mut self.of_plan));
        diagnostics.sort();
        self.plan = Some(Plan {
            changes,
            drift,
            outputs,
            digest: digest.finish(),
            diagnostics,
            unseen,
            checks: self.checked_blocks(),
            calls: (0, 0),
            partial: self.targets.partial,
            programs,
            data,
        });
    }

    /// All changes in address order.
    fn changes(&self) -> Vec<ResourceChange> {
        if self.options.mode == PlanMode::RefreshOnly {
            return Vec::new();
        }
        let is_told = |o: &Object| o.action == PlanAction::NoOp && self.is_in_no_state(o);
        let listed = |o: &&Object| !(o.skipped || is_told(o));
        let mut changes = Vec::with_capacity(self.objects.iter().filter(listed).count());
        changes.extend(self.objects.iter().filter(listed).map(|o| self.change(o)));
        changes.sort_unstable_by(|a, b| (&a.address, &a.deposed).cmp(&(&b.address, &b.deposed)));
        changes
    }

    /// It is read or opened, and not stored.
    fn is_in_no_state(&self, object: &Object) -> bool {
        object.node.is_some_and(|id| self.block(id).mode != Mode::Managed)
    }

    fn change(&self, object: &Object) -> ResourceChange {
        let address = self.instance_of(object);
        let row = object.row.map(|row| self.rows.get(row));
        let moved_from = row.and_then(|r| r.moved_from.as_ref()).and_then(|a| a.parse::<Instance>().ok());
        let moved_from = moved_from.map(Box::new);
        let (before, after) = object.ty.shown(&object.before, &object.after);
        ResourceChange {
            display: match object.node {
                Some(_) => self.display_of(object),
                None => self.display_instance(&address).into(),
            },
            address,
            deposed: row.and_then(|r| r.record.key.deposed.as_ref()).map(ToString::to_string),
            moved_from,
            provider: self.providers[object.provider as usize].address.clone(),
            action: object.action,
            reason: object.reason,
            before,
            after,
            replace_paths: object.replace.clone(),
            importing: object.importing.clone(),
        }
    }

    /// Outputs of the root module, with those that are gone.
    fn output_changes(&self) -> Vec<OutputChange> {
        let mut changes: Vec<OutputChange> = Vec::new();
        for (id, output) in self.root_outputs() {
            let before = self.old_output(&output.name);
            if self.destroying() {
                if before.is_some() && !self.targets.partial {
                    changes.push(OutputChange {
                        name: output.name,
                        before,
                        after: None,
                        sensitive: output.sensitive,
                    });
                }
                continue;
            }
            if !self.nodes[id.0 as usize].done || self.failures.contains_key(&id) {
                continue;
            }
            let after = self.node_value(id, 0);
            if before.is_none() && after.is_null() {
                continue;
            }
            if self.options.mode == PlanMode::RefreshOnly && !after.is_wholly_known() {
                continue;
            }
            changes.push(OutputChange {
                name: output.name,
                before,
                after: Some(after),
                sensitive: output.sensitive,
            });
        }
        let declared = |name: &str| self.module(ScopeId(0)).outputs.iter().any(|o| o.name == name);
        for old in self.old_outputs.iter().filter(|o| !declared(&o.name) && !self.targets.partial) {
            changes.push(OutputChange {
                name: old.name.clone(),
                before: self.old_output(&old.name),
                after: None,
                sensitive: old.sensitive,
            });
        }
        changes.sort_by(|a, b| a.name.cmp(&b.name));
        changes
    }

    /// The stored value of an output.
    fn old_output(&self, name: &str) -> Option<Value> {
        let old = self.old_outputs.iter().find(|o| o.name == name)?;
        let value = json::decode(old.value.as_bytes(), &Type::Dynamic).ok()?;
        Some(if old.sensitive { value.with_marks(Marks::SENSITIVE) } else { value })
    }

    /// What was seen of the stored objects in this plan: for the state's observations.
    pub fn observations(&self) -> Vec<pilotis_state::Observation> {
        let seen = |row: &super::rows::Row| {
            let attributes = match &row.seen {
                Seen::NotLooked | Seen::Unseen => return None,
                Seen::Gone => None,
                Seen::Same => Some(row.record.attributes.clone()),
                Seen::Changed(value) => {
                    let ty = self.types.get(&(Mode::Managed, row.record.type_name.to_string()))?;
                    Some(ty.encode(value).ok()?.attributes)
                }
            };
            let mut key = row.record.key.clone();
            if let Some(from) = &row.moved_from {
                key.address = from.clone();
            }
            Some(pilotis_state::Observation { key, at: self.now, attributes, complete: true })
        };
        self.rows.all.iter().filter_map(seen).collect()
    }
}
