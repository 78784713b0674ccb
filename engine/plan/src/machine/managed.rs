//! Managed resources: each instance's object, and what is to be done with it.

use std::sync::Arc;

use pilotis_config::BodyContext;
use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_schema::address::{Instance, Key, Mode, Resource as ResourceAddress};
use pilotis_value::{Marks, Path, Value};

use crate::graph::{NodeId, NodeKind};
use crate::machine::conditions::{Checked, ConditionKind};
use crate::machine::ignore::ignore;
use crate::machine::{Cause, InstanceId, Machine, Object, ObjectId, Rep};
use crate::propose::propose;
use crate::record::ObjectType;
use crate::{PlanAction, PlanMode, codes};

/// Mistakes of this many instances of one block are enough to know.
const MAX_FAILED_INSTANCES: usize = 10;

impl Machine {
    pub(crate) fn visit_managed(&mut self, id: NodeId) {
        if self.destroying() {
            self.objects_as_stored(id);
            return self.complete(id);
        }
        self.make_objects(id, Mode::Managed);
        if self.look_again(id) + self.ask_imports(id) == 0 {
            self.plan_block(id);
        }
    }

    /// The objects of a block's instances, not planned yet.
    pub(crate) fn make_objects(&mut self, id: NodeId, mode: Mode) {
        let config = self.config.clone();
        let node = self.graph.node(id);
        let NodeKind::Resource(index) = node.kind else { return };
        let module = &config.modules[self.graph.scope(node.scope).module.0 as usize];
        let block = &module.resources[index as usize];
        let ty = self.type_of(block.mode, &block.type_name, &block.schema);
        for instance in self.instances(node.scope) {
            let mut objects = Vec::new();
            if self.is_stood_in(node.scope, instance) {
                self.nodes[id.0 as usize].objects.push(objects);
                continue;
            }
            if let Some(cause) = self.blocked(id, instance) {
                self.fail_because(id, instance, cause);
            } else {
                let name = self.address_of(id, instance, &Rep::One);
                match self.repeat(&block.repetition, node.scope, instance, &name) {
                    None => self.fail(id, instance, &name),
                    Some(reps) => {
                        objects.reserve_exact(reps.len());
                        for rep in reps {
                            match self.choose_provider(id, instance, &rep) {
                                Some(by) => objects.push(self.add_object(id, instance, rep, by, &ty, mode)),
                                None => self.fail(id, instance, &name),
                            }
                        }
                    }
                }
            }
            self.nodes[id.0 as usize].objects.push(objects);
        }
    }

    fn type_of(
        &mut self,
        mode: Mode,
        type_name: &str,
        schema: &Arc<pilotis_schema::ResourceSchema>,
    ) -> Arc<ObjectType> {
        let make = || Arc::new(ObjectType::new(schema.clone()));
        self.types.entry((mode, type_name.to_owned())).or_insert_with(make).clone()
    }

    fn add_object(
        &mut self,
        node: NodeId,
        instance: InstanceId,
        rep: Rep,
        provider: u32,
        ty: &Arc<ObjectType>,
        mode: Mode,
    ) -> ObjectId {
        let mut address = self.address_of(node, instance, &rep);
        let row = if mode == Mode::Managed { self.rows.current(&address) } else { None };
        let id = self.objects.len() as ObjectId;
        if let Some(row) = row {
            let row = self.rows.get_mut(row);
            row.object = Some(id);
            // The same text: kept once.
            address = row.record.key.address.clone();
        }
        let null = Value::null(ty.ty.clone());
        self.objects.push(Object {
            node: Some(node),
            instance,
            rep,
            address,
            row,
            provider,
            ty: ty.clone(),
            before: null.clone(),
            after: null,
            action: PlanAction::NoOp,
            reason: None,
            replace: Vec::new(),
            importing: None,
            skipped: false,
        });
        id
    }

    /// The address of an object, in parts.
    pub(crate) fn instance_of(&self, object: &Object) -> Instance {
        let Some(id) = object.node else {
            return object.address.parse().expect("addresses of rows were read before");
        };
        let block = self.block(id);
        let scope = self.graph.node(id).scope;
        let resource = ResourceAddress {
            module: self.instance(scope, object.instance).path.clone(),
            mode: block.mode,
            type_name: block.type_name.clone(),
            name: block.name.clone(),
        };
        Instance { resource, key: object.rep.key() }
    }

    /// Plans all objects of a block.
    pub(crate) fn plan_block(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let mut failed = 0;
        for instance in self.instances(node.scope) {
            for object in self.nodes[id.0 as usize].objects[instance as usize].clone() {
                if failed >= MAX_FAILED_INSTANCES || self.objects[object as usize].skipped {
                    self.objects[object as usize].skipped = true;
                    continue;
                }
                if let Some(cause) = self.provider_failure(object) {
                    self.leave_for(id, instance, object, cause);
                    continue;
                }
                if !self.plan_object(id, object) {
                    failed += 1;
                    let of = &mut self.objects[object as usize];
                    of.skipped = true;
                    of.after = Value::unknown(of.ty.ty.clone());
                    let address = of.address.clone();
                    self.fail(id, instance, &address);
                }
            }
            let value = self.resource_value(id, instance);
            self.nodes[id.0 as usize].values.push(value);
        }
        self.complete(id);
    }

    /// Leaves an object out of the plan because of something else.
    pub(crate) fn leave_for(&mut self, id: NodeId, instance: InstanceId, object: ObjectId, cause: Cause) {
        let of = &mut self.objects[object as usize];
        of.skipped = true;
        of.after = Value::unknown(of.ty.ty.clone());
        self.fail_because(id, instance, cause);
    }

    /// Leaves an object as it is, and out of the plan.
    fn leave(&mut self, object: ObjectId) {
        let row = self.objects[object as usize].row;
        let live = row.and_then(|row| self.live(row));
        let of = &mut self.objects[object as usize];
        of.skipped = true;
        of.after = live.unwrap_or_else(|| Value::unknown(of.ty.ty.clone()));
        of.before = of.after.clone();
    }

    /// Plans one object; false if it can't be planned, and the diagnostics say why.
    fn plan_object(&mut self, id: NodeId, object: ObjectId) -> bool {
        let address = self.objects[object as usize].address.clone();
        if self.is_filtered(id) && !self.is_targeted(id, &self.instance_of(&self.objects[object as usize])) {
            self.leave(object);
            return true;
        }
        let row = self.objects[object as usize].row;
        if row.is_some_and(|r| self.rows.get(r).unsettled) || self.unsettled_new.contains(&address) {
            // Was said when it was found out.
            return false;
        }
        let before = match row {
            Some(row) => self.live(row),
            None => Some(self.objects[object as usize].before.clone()).filter(|v| !v.is_null()),
        };
        if row.is_some()
            && before.is_none()
            && !matches!(row.map(|r| &self.rows.get(r).seen), Some(super::rows::Seen::Gone))
        {
            return false;
        }
        if self.options.mode == PlanMode::RefreshOnly {
            let of = &mut self.objects[object as usize];
            of.skipped = before.is_none();
            of.after = before.unwrap_or_else(|| Value::unknown(of.ty.ty.clone()));
            of.before = of.after.clone();
            return true;
        }
        let Some(config) = self.object_config(id, object) else { return false };
        self.decide(id, object, before, &config)
    }

    /// The value of an object's body; none if it has errors, or a precondition fails.
    pub(crate) fn object_config(&mut self, id: NodeId, object: ObjectId) -> Option<Value> {
        let config = self.config.clone();
        let node = self.graph.node(id);
        let NodeKind::Resource(index) = node.kind else { return None };
        let block = &config.modules[self.graph.scope(node.scope).module.0 as usize].resources[index as usize];
        let of = &self.objects[object as usize];
        let (instance, rep, address) = (of.instance, of.rep.clone(), of.address.clone());
        let conditions = &block.lifecycle.preconditions;
        let kind = ConditionKind::Precondition;
        let of = Checked { node: id, instance, rep: &rep, this: None, address: &address };
        let unchecked = conditions.is_empty() || self.destroying();
        if !unchecked && !self.check_all(conditions, kind, of) {
            return None;
        }
        let frame = self.frame(node.scope, instance, &rep);
        let mut diags = Diagnostics::new();
        let value =
            block.body.eval(&BodyContext { frame: &frame, surroundings: self.surroundings() }, &mut diags);
        let failed = diags.has_errors() || self.refuse_ephemeral(block, &value, &mut diags);
        let with_address = |d: Diagnostic| if d.address.is_none() { d.address(&*address) } else { d };
        self.diags.extend(diags.into_iter().map(with_address));
        (!failed).then_some(value)
    }

    /// A value that lives for one run only can't be stored; arguments that are never stored take it.
    fn refuse_ephemeral(
        &self,
        block: &pilotis_config::Resource,
        value: &Value,
        diags: &mut Diagnostics,
    ) -> bool {
        if block.mode == Mode::Ephemeral || !value.marks_deep().contains(Marks::EPHEMERAL) {
            return false;
        }
        let stored = |name: &str| block.schema.block.attributes.get(name).is_none_or(|a| !a.write_only);
        let mut refused = false;
        for (path, marks) in value.marked_paths() {
            let name = path.root_attribute().unwrap_or_default();
            if !marks.contains(Marks::EPHEMERAL) || !stored(name) {
                continue;
            }
            refused = true;
            diags.push(
                Diagnostic::error("Invalid use of ephemeral value")
                    .code(codes::EPHEMERAL)
                    .at(block.body.span_of(&path).unwrap_or(block.span))
                    .detail(format!(
                        "Ephemeral values are not valid for \"{name}\", because it is not a write-only attribute and must be persisted to state."
                    ))
                    .help("They may stand in write-only attributes, providers, locals, other ephemeral blocks and ephemeral outputs of modules."),
            );
        }
        refused
    }

    /// Decides what is done with an object, from what it is and what it is to be.
    fn decide(&mut self, id: NodeId, object: ObjectId, before: Option<Value>, config: &Value) -> bool {
        let ty = self.objects[object as usize].ty.clone();
        let address = self.objects[object as usize].address.clone();
        let lifecycle = self.block(id).lifecycle.clone();
        let ignored = before.as_ref().map(|b| ignore(&lifecycle.ignore_changes, &ty.schema.block, config, b));
        let proposal = propose(&ty.schema, before.as_ref(), ignored.as_ref().unwrap_or(config));
        let replace = match &before {
            None => None,
            Some(_) => self.why_replace(id, object, &proposal),
        };
        let (action, after) = match (&before, replace) {
            (None, _) => {
                let value = self.plan_made_up(object, None, config, proposal.value);
                (PlanAction::Create, ty.mark_secrets(value))
            }
            (Some(_), Some(_)) => {
                let new = propose(&ty.schema, None, config).value;
                let new = self.plan_made_up(object, None, config, new);
                let first = self.create_first[id.0 as usize];
                let action = if first { PlanAction::CreateThenDelete } else { PlanAction::DeleteThenCreate };
                (action, ty.mark_secrets(new))
            }
            (Some(before), None) if proposal.changed => {
                let value = self.plan_made_up(object, Some(before), config, proposal.value);
                (PlanAction::Update, ty.mark_secrets(value))
            }
            (Some(before), None) => (PlanAction::NoOp, before.clone()),
        };
        if replace.is_some() && self.protects(id, object) {
            let span = self.block(id).span;
            let why = format!(
                "{address} has lifecycle.prevent_destroy set, and the plan replaces it{}.",
                forced_by(&proposal.replace)
            );
            self.diagnose(
                Diagnostic::error("Instance cannot be destroyed")
                    .code(codes::PROTECTED)
                    .at(span)
                    .address(&*address)
                    .detail(why)
                    .help("Take prevent_destroy out to allow it, or leave what forces the replacement as it was."),
            );
            return false;
        }
        let tells_paths = replace.is_some() && !self.is_tainted(object);
        let of = &mut self.objects[object as usize];
        of.before = before.unwrap_or_else(|| Value::null(ty.ty.clone()));
        of.after = after;
        of.action = action;
        of.reason = replace;
        of.replace = if tells_paths { proposal.replace } else { Vec::new() };
        self.check_after(id, object)
    }

    /// Checks the postconditions of an object, as far as it is known.
    pub(crate) fn check_after(&mut self, id: NodeId, object: ObjectId) -> bool {
        let conditions = self.block(id).lifecycle.postconditions.clone();
        if conditions.is_empty() {
            return true;
        }
        let of = &self.objects[object as usize];
        let (instance, rep, address, after) =
            (of.instance, of.rep.clone(), of.address.clone(), of.after.clone());
        let kind = ConditionKind::Postcondition;
        let of = Checked { node: id, instance, rep: &rep, this: Some(&after), address: &address };
        self.check_all(&conditions, kind, of)
    }

    /// True if an object may not be removed, as the configuration says.
    pub(crate) fn protects(&self, id: NodeId, object: ObjectId) -> bool {
        let instance = self.objects[object as usize].instance;
        let scope = self.graph.node(id).scope;
        self.block(id).lifecycle.prevent_destroy || self.instance(scope, instance).protected
    }

    /// With `-destroy`, and to evaluate: the objects of a block as the state has them, for whom their values are needed.
    pub(crate) fn objects_as_stored(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let NodeKind::Resource(_) = node.kind else { return };
        let mine = self.rows_of_block(id);
        let ty = self.block(id).schema.clone();
        let (mode, type_name) = (self.block(id).mode, self.block(id).type_name.clone());
        let ty = self.type_of(mode, &type_name, &ty);
        for instance in self.instances(node.scope) {
            let path = self.instance(node.scope, instance).path.clone();
            let mut objects = Vec::new();
            for (row, address) in mine.iter().filter(|(_, address)| address.resource.module == path) {
                let rep = match &address.key {
                    None => Rep::One,
                    Some(Key::Int(n)) => Rep::Count(*n),
                    Some(Key::String(s)) => Rep::Each(s.as_str().into(), Value::string(s)),
                };
                // One that nobody has any more: its object is only looked at, and that has been said.
                let provider = self.rows.get(*row).provider.unwrap_or_default();
                let object = self.add_object(id, instance, rep, provider, &ty, mode);
                self.rows.get_mut(*row).object = None;
                self.objects[object as usize].row = Some(*row);
                self.leave(object);
                objects.push(object);
            }
            self.nodes[id.0 as usize].objects.push(objects);
            let value = self.resource_value(id, instance);
            self.nodes[id.0 as usize].values.push(value);
        }
    }

    /// The stored objects of a block, in all instances of its module, in the order of their keys.
    fn rows_of_block(&self, id: NodeId) -> Vec<(u32, Instance)> {
        let rows = self.rows.ids().map(|r| (r, self.rows.get(r)));
        let rows = rows.filter(|(_, row)| row.node == Some(id) && row.record.key.deposed.is_none());
        let mut mine: Vec<(u32, Instance)> =
            rows.filter_map(|(r, row)| Some((r, row.record.key.address.parse().ok()?))).collect();
        mine.sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
        mine
    }
}

fn forced_by(paths: &[Path]) -> String {
    let names: Vec<String> = paths.iter().map(|p| p.to_string().trim_start_matches('.').to_owned()).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(" because of {}", names.join(", ")),
    }
}
