//! Stored objects that the configuration doesn't have: removed, or forgotten if a `removed` block says so.

use pilotis_config::Repetition;
use pilotis_diag::{Diagnostic, Span};
use pilotis_schema::address::{Instance, Mode, ModulePath, Target};
use pilotis_value::Value;

use crate::graph::{NodeId, ScopeId};
use crate::machine::rows::Seen;
use crate::machine::{Machine, Object, ObjectId, Rep};
use crate::{PlanAction, PlanMode, Reason, codes};

impl Machine {
    /// Plans every stored object that no block has claimed.
    pub(crate) fn plan_orphans(&mut self) {
        if self.options.mode == PlanMode::RefreshOnly {
            return;
        }
        self.check_removed();
        for id in self.rows.ids() {
            let row = self.rows.get(id);
            if row.ignored || !row.included || row.object.is_some() || row.unsettled {
                continue;
            }
            if matches!(row.seen, Seen::Gone) {
                continue;
            }
            let Ok(instance) = row.record.key.address.parse::<Instance>() else { continue };
            let deposed = row.record.key.deposed.is_some();
            if let Some(node) = row.node
                && !self.destroying()
                && self.is_uncertain(node, &instance)
            {
                continue;
            }
            self.plan_orphan(id, &instance, deposed);
        }
    }

    /// The instances of a block can't be told, because of an error or a target: nothing of it is removed.
    pub(crate) fn is_uncertain(&self, node: NodeId, instance: &Instance) -> bool {
        let scope = self.graph.node(node).scope;
        if !self.nodes[node.0 as usize].included {
            return true;
        }
        let here = self.instances(scope).find(|i| self.instance(scope, *i).path == instance.resource.module);
        let failed =
            |node: &NodeId, at: u32| self.failures.get(node).is_some_and(|f| f.iter().any(|(i, _)| *i == at));
        match here {
            Some(here) => failed(&node, here),
            // Its module instance is not there (any more): if that could be told, it is an orphan.
            None => self.calls_above(scope).iter().any(|expand| self.failures.contains_key(expand)),
        }
    }

    fn calls_above(&self, scope: ScopeId) -> Vec<NodeId> {
        let mut calls = Vec::new();
        let mut at = scope;
        while let Some((above, call)) = self.graph.scope(at).parent {
            calls.push(self.graph.id(above, crate::graph::NodeKind::Expand(call)));
            at = above;
        }
        calls
    }

    fn plan_orphan(&mut self, id: u32, instance: &Instance, deposed: bool) {
        let Some(before) = self.live(id) else { return };
        let row = self.rows.get(id);
        let (address, type_name) = (row.record.key.address.clone(), row.record.type_name.clone());
        let (node, provider, protected) = (row.node, row.provider, row.record.protected);
        let Some(ty) = self.object_type(Mode::Managed, &type_name) else { return };
        let Some(provider) = provider else {
            self.diagnose(
                Diagnostic::error("Provider configuration not present")
                    .code(codes::PROVIDER)
                    .address(&*address)
                    .detail(format!(
                        "It was made with {}, which this program doesn't have.",
                        self.rows.get(id).record.provider
                    )),
            );
            return;
        };
        let reason = if deposed || self.destroying() { None } else { Some(self.why_delete(instance, node)) };
        let keeps = if deposed || self.destroying() { None } else { self.removed_block(instance) };
        let action = match keeps {
            Some(false) => PlanAction::Forget,
            _ => PlanAction::Delete,
        };
        if action == PlanAction::Delete && !deposed && self.guards(id, node, instance, protected) {
            return;
        }
        let object = Object {
            // What is said of the block (its values, its instances) doesn't hold for an object that the block doesn't have.
            node: None,
            instance: 0,
            rep: Rep::One,
            address,
            row: Some(id),
            provider,
            after: Value::null(ty.ty.clone()),
            ty,
            before,
            action,
            reason,
            replace: Vec::new(),
            importing: None,
            skipped: false,
        };
        let number = self.objects.len() as ObjectId;
        self.objects.push(object);
        self.rows.get_mut(id).object = Some(number);
    }

    /// Says so if an object may not be removed. The protection outlives the block: it is stored with the object.
    fn guards(&mut self, id: u32, node: Option<NodeId>, instance: &Instance, stored: bool) -> bool {
        let block = node.filter(|n| {
            // The whole block is there still, or its instance is.
            self.destroying()
                || self.graph.find_scope(&instance.resource.module.0) == Some(self.graph.node(*n).scope)
        });
        let by_block = block.map(|n| {
            let scope = self.graph.node(n).scope;
            let here = self.scopes[scope.0 as usize].instances.iter().any(|i| i.protected);
            self.block(n).lifecycle.prevent_destroy || here || self.call_protects(scope)
        });
        let protected = by_block.unwrap_or(stored);
        if !protected {
            return false;
        }
        let address = self.rows.get(id).record.key.address.clone();
        let display = self.display_instance(instance);
        let mut diagnostic =
            Diagnostic::error("Instance cannot be destroyed").code(codes::PROTECTED).address(&*address);
        if let Some(node) = block {
            diagnostic = diagnostic
                .at(self.block(node).span)
                .detail(format!("{display} has lifecycle.prevent_destroy set, and the plan removes it."))
                .help("Take prevent_destroy out and apply, then remove it; or leave it out with -exclude.");
        } else {
            diagnostic = diagnostic
                .detail(format!(
                    "{display} was made with lifecycle.prevent_destroy, which is stored with it and holds though its block is gone."
                ))
                .help("Put the block back without prevent_destroy and apply, then take it out; or keep the object with a `removed` block that says destroy = false.");
        }
        self.diagnose(diagnostic);
        true
    }

    /// A blueprint's block above says `prevent_destroy`.
    fn call_protects(&self, scope: ScopeId) -> bool {
        let mut at = scope;
        while let Some((above, call)) = self.graph.scope(at).parent {
            if self.module(above).calls[call as usize].prevent_destroy {
                return true;
            }
            at = above;
        }
        false
    }

    fn why_delete(&self, instance: &Instance, node: Option<NodeId>) -> Reason {
        let Some(node) = node else { return Reason::NoResourceConfig };
        let scope = self.graph.node(node).scope;
        let here = self.instances(scope).any(|i| self.instance(scope, i).path == instance.resource.module);
        if !here {
            return Reason::NoModule;
        }
        match (&self.block(node).repetition, &instance.key) {
            (Repetition::Count(_), Some(pilotis_schema::address::Key::Int(_))) => Reason::CountIndex,
            (Repetition::ForEach(_), Some(pilotis_schema::address::Key::String(_))) => Reason::EachKey,
            _ => Reason::WrongRepetition,
        }
    }

    /// What a `removed` block says of an address: destroy (true), forget (false), or nothing.
    fn removed_block(&self, instance: &Instance) -> Option<bool> {
        let path = &instance.resource.module.0;
        (0..=path.len()).find_map(|depth| {
            let scope = self.graph.find_scope(&path[..depth])?;
            let mut inside = instance.clone();
            inside.resource.module.0.drain(..depth);
            self.module(scope).removed.iter().find(|r| r.from.contains(&inside)).map(|r| r.destroy)
        })
    }

    fn check_removed(&mut self) {
        let config = self.config.clone();
        for index in 0..self.graph.scopes.len() {
            let scope = ScopeId(index as u32);
            for removed in &config.modules[self.graph.scope(scope).module.0 as usize].removed {
                if let Some(declared) = self.still_declared(scope, &removed.from) {
                    self.diagnose(
                        Diagnostic::error("Removed resource still exists")
                            .code(codes::REMOVED)
                            .at(declared)
                            .also(removed.span, "says that it was removed")
                            .detail(format!(
                                "This says that {} was removed, but it is still declared.",
                                removed.from
                            )),
                    );
                }
            }
        }
    }

    /// The block that a `removed` block speaks of, if it is still there.
    fn still_declared(&self, scope: ScopeId, from: &Target) -> Option<Span> {
        let inside = |path: &ModulePath| path.0.iter().try_fold(scope, |at, step| self.graph.step(at, step));
        match from {
            Target::Module(path) => {
                let (above, call) = self.graph.scope(inside(path)?).parent?;
                Some(self.module(above).calls[call as usize].span)
            }
            Target::Resource(resource) | Target::Instance(Instance { resource, .. }) => {
                let mut blocks = self.module(inside(&resource.module)?).resources.iter();
                let same = blocks.find(|b| b.type_name == resource.type_name && b.name == resource.name);
                same.map(|b| b.span)
            }
        }
    }

    /// An address as a person reads it, with blueprints' words.
    pub(crate) fn display_instance(&self, instance: &Instance) -> String {
        pilotis_config::display::display(&self.config, instance)
    }

    /// The same for the text of an address; text that is none stays as it is.
    pub(crate) fn display_text(&self, address: &str) -> String {
        address.parse().map_or_else(|_| address.to_owned(), |instance| self.display_instance(&instance))
    }
}
