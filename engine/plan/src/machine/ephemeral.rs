//! Ephemeral resources: opened when somebody needs what they give, closed when the last who does is done.
//!
//! They are in no plan and in no state, and an apply doesn't go on with those of its plan, for a person may think for an hour
//! between the two: what was opened while planning is closed at its end, and opened anew by an apply if there is something to do that
//! needs it. Providers that were connected with it are connected anew then too.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use pilotis_diag::Diagnostic;
use pilotis_schema::address::Mode;
use pilotis_value::{Marks, Value};

use crate::graph::{NodeId, NodeKind};
use crate::machine::provider::service_error;
use crate::machine::schedule::UnitId;
use crate::machine::{Machine, ObjectId, Pending};
use crate::recording::without_withheld;
use crate::{Failure, ObjectResult, PlanAction, PlanMode, ProviderId, Request, RequestId, codes};

/// What is known of ephemeral resources.
#[derive(Debug, Default)]
pub(crate) struct Ephemerals {
    /// What is open, and the request that opened it.
    open: BTreeMap<ObjectId, RequestId>,
    /// Answers that a block waits for: first of those that open it, later of those that close it.
    waiting: HashMap<NodeId, usize>,
    /// While planning: how many nodes that use a block are not done yet.
    users: HashMap<NodeId, usize>,
    /// While planning: the blocks that a node uses.
    used: HashMap<NodeId, Vec<NodeId>>,
}

impl Machine {
    /// A node is an `ephemeral` block.
    pub(crate) fn is_ephemeral(&self, id: NodeId) -> bool {
        self.mode_of(id) == Some(Mode::Ephemeral)
    }

    fn mode_of(&self, id: NodeId) -> Option<Mode> {
        let node = self.graph.node(id);
        match node.kind {
            NodeKind::Resource(i) => Some(self.resource(node.scope, i).mode),
            _ => None,
        }
    }

    /// A node whose value is the same whatever an ephemeral resource gives: what is stored, and what is read.
    fn is_firm(&self, id: NodeId) -> bool {
        matches!(self.mode_of(id), Some(Mode::Managed | Mode::Data))
    }

    fn ephemeral_blocks(&self) -> Vec<NodeId> {
        self.graph.ids().filter(|id| self.nodes[id.0 as usize].included && self.is_ephemeral(*id)).collect()
    }

    /// All nodes that use an ephemeral block, also through others: through locals, outputs, providers, other ephemeral blocks, and as
    /// far as resources.
    pub(crate) fn users_of_ephemeral(&self, block: NodeId) -> HashSet<NodeId> {
        let mut found = HashSet::new();
        let mut todo = vec![block];
        while let Some(at) = todo.pop() {
            for (user, _) in self.graph.needed_by(at) {
                let new = self.nodes[user.0 as usize].included && found.insert(user);
                if new && !self.is_firm(user) {
                    todo.push(user);
                }
            }
        }
        found
    }

    /// Counts who uses what, before anything is visited.
    pub(crate) fn begin_ephemerals(&mut self) {
        for block in self.ephemeral_blocks() {
            let users = self.users_of_ephemeral(block);
            self.ephemerals.users.insert(block, users.len());
            for user in users {
                self.ephemerals.used.entry(user).or_default().push(block);
            }
        }
    }

    pub(crate) fn visit_ephemeral(&mut self, id: NodeId) {
        self.make_objects(id, Mode::Ephemeral);
        // As with data sources: what it is asked about may be still to be made.
        let pending = self.needs_pending(id);
        let objects: Vec<ObjectId> = self.nodes[id.0 as usize].objects.iter().flatten().copied().collect();
        let mut waiting = 0;
        for object in objects {
            let of = &mut self.objects[object as usize];
            of.after = Value::unknown(of.ty.ty.clone()).with_marks(Marks::EPHEMERAL);
            let of = &self.objects[object as usize];
            if self.is_filtered(id) && !self.is_targeted(id, &self.instance_of(of)) {
                self.objects[object as usize].skipped = true;
                continue;
            }
            if let Some(cause) = self.provider_failure(object) {
                let instance = self.objects[object as usize].instance;
                self.leave_for(id, instance, object, cause);
                continue;
            }
            let Some(config) = self.object_config(id, object).map(|config| without_withheld(&config)) else {
                self.open_failed(id, object);
                continue;
            };
            // Else an apply opens it, once all is known and there.
            if !pending && config.is_wholly_known() && self.has_connection(object) {
                waiting += 1;
                self.ask_open(id, object, config, Pending::Open(id, object));
            }
        }
        if waiting == 0 {
            return self.ephemeral_done(id);
        }
        self.ephemerals.waiting.insert(id, waiting);
    }

    fn has_connection(&self, object: ObjectId) -> bool {
        self.providers[self.objects[object as usize].provider as usize].is_connected()
    }

    fn ask_open(&mut self, id: NodeId, object: ObjectId, config: Value, pending: Pending) {
        let of = &self.objects[object as usize];
        let request = Request::Open {
            provider: ProviderId(of.provider),
            address: of.address.clone(),
            type_name: self.block(id).type_name.as_str().into(),
            config,
        };
        self.ask(pending, request);
    }

    pub(crate) fn opened(
        &mut self,
        request: RequestId,
        id: NodeId,
        object: ObjectId,
        result: Result<Option<Value>, Failure>,
    ) {
        if self.take_opened(request, id, object, result).is_err() {
            self.open_failed(id, object);
        }
        if self.answered_one(id) {
            self.ephemeral_done(id);
        }
    }

    /// One answer less for a block to wait for; true if that was the last.
    fn answered_one(&mut self, id: NodeId) -> bool {
        let Some(waiting) = self.ephemerals.waiting.get_mut(&id) else { return false };
        *waiting -= 1;
        let last = *waiting == 0;
        if last {
            self.ephemerals.waiting.remove(&id);
        }
        last
    }

    /// What was opened becomes the object's value; an error says why it can't be used, and the diagnostics say so too.
    fn take_opened(
        &mut self,
        request: RequestId,
        id: NodeId,
        object: ObjectId,
        result: Result<Option<Value>, Failure>,
    ) -> Result<(), String> {
        let of = &self.objects[object as usize];
        let (ty, address, span) = (of.ty.clone(), of.address.clone(), self.block(id).span);
        let value = match result {
            Ok(value) => value,
            Err(failure) => {
                self.diagnose(service_error(&failure).address(&*address).at(span));
                return Err(failure.to_string());
            }
        };
        self.ephemerals.open.insert(object, request);
        let value = match value {
            // The plan is only shown: what it was told when it was made is in no file.
            None => Value::unknown(ty.ty.clone()).with_marks(Marks::EPHEMERAL | Marks::WITHHELD),
            Some(value) if value.is_wholly_known() => ty.mark_secrets(value).with_marks(Marks::EPHEMERAL),
            Some(_) => {
                let why = "it was opened, and left values unknown";
                self.diagnose(
                    Diagnostic::error("Provider produced an inconsistent result")
                        .code(codes::PROVIDER_DEFECT)
                        .address(&*address)
                        .detail(format!(
                            "The ephemeral resource is of no use: {why}. This is a defect of the provider."
                        )),
                );
                return Err(why.into());
            }
        };
        self.objects[object as usize].after = value;
        let holds = self.destroying() || self.check_after(id, object);
        if holds { Ok(()) } else { Err("a postcondition does not hold".into()) }
    }

    fn open_failed(&mut self, id: NodeId, object: ObjectId) {
        let of = &mut self.objects[object as usize];
        of.skipped = true;
        of.after = Value::unknown(of.ty.ty.clone()).with_marks(Marks::EPHEMERAL);
        let (instance, address) = (of.instance, of.address.clone());
        self.fail(id, instance, &address);
    }

    fn ephemeral_done(&mut self, id: NodeId) {
        let scope = self.graph.node(id).scope;
        self.nodes[id.0 as usize].values =
            self.instances(scope).map(|instance| self.resource_value(id, instance)).collect();
        self.complete(id);
    }

    /// While planning: a node is done. What it used may be closed, unless others use it too.
    pub(crate) fn release(&mut self, id: NodeId) {
        match self.ephemerals.users.get(&id) {
            // An ephemeral block uses others for as long as it is open.
            Some(0) => self.close_block(id),
            Some(_) => {}
            None => self.no_longer_used_by(id),
        }
    }

    fn no_longer_used_by(&mut self, user: NodeId) {
        for block in self.ephemerals.used.remove(&user).unwrap_or_default() {
            let Some(users) = self.ephemerals.users.get_mut(&block) else { continue };
            *users -= 1;
            if *users == 0 && self.nodes[block.0 as usize].done {
                self.close_block(block);
            }
        }
    }

    fn close_block(&mut self, block: NodeId) {
        if self.ask_close(block, None) == 0 {
            self.no_longer_used_by(block);
        }
    }

    /// Asks for what is open of a block to be closed; how many.
    fn ask_close(&mut self, block: NodeId, unit: Option<UnitId>) -> usize {
        let objects: Vec<ObjectId> = self.nodes[block.0 as usize].objects.iter().flatten().copied().collect();
        let mut asked = 0;
        for object in objects {
            let Some(opened) = self.ephemerals.open.remove(&object) else { continue };
            let of = &self.objects[object as usize];
            let request = Request::Close {
                opened,
                provider: ProviderId(of.provider),
                address: of.address.clone(),
                type_name: self.block(block).type_name.as_str().into(),
            };
            self.ask(Pending::Close(block, object, unit), request);
            asked += 1;
        }
        if asked > 0 {
            self.ephemerals.waiting.insert(block, asked);
        }
        asked
    }

    pub(crate) fn closed(
        &mut self,
        block: NodeId,
        object: ObjectId,
        unit: Option<UnitId>,
        result: Result<(), Failure>,
    ) {
        if let Err(failure) = result {
            let address = self.objects[object as usize].address.clone();
            let span = self.block(block).span;
            self.diagnose(service_error(&failure).address(&*address).at(span).help(
                "What it gave may still be valid: end it at the service, if it doesn't end by itself.",
            ));
        }
        if !self.answered_one(block) {
            return;
        }
        match unit {
            Some(unit) => self.unit_done(unit),
            None => self.no_longer_used_by(block),
        }
    }

    /// Planning has come to its end, perhaps not at every node: nothing stays open. True if there was something.
    pub(crate) fn close_leftovers(&mut self) -> bool {
        let blocks: BTreeSet<NodeId> =
            self.ephemerals.open.keys().filter_map(|o| self.objects[*o as usize].node).collect();
        let asked: usize = blocks.into_iter().map(|block| self.ask_close(block, None)).sum();
        asked > 0
    }

    /// What an apply makes anew although nothing of it changes: the ephemeral blocks that the work to be done needs, and what lies
    /// between the two (locals, providers …).
    pub(crate) fn revived(&self) -> HashSet<NodeId> {
        let blocks = self.ephemeral_blocks();
        if blocks.is_empty() {
            return HashSet::new();
        }
        let needed = self.needed_for_work();
        let mut touched: HashSet<NodeId> = blocks.iter().copied().collect();
        for block in blocks {
            touched.extend(self.users_of_ephemeral(block));
        }
        touched.into_iter().filter(|id| needed.contains(id) && !self.is_firm(*id)).collect()
    }

    /// The nodes at which an apply has something to do, and what they need. What a settled resource was made from, nobody needs.
    fn needed_for_work(&self) -> HashSet<NodeId> {
        let deletes = self.objects.iter().filter(|o| {
            let action = o.action;
            let deletes = [PlanAction::Delete, PlanAction::DeleteThenCreate, PlanAction::CreateThenDelete];
            !o.skipped && deletes.contains(&action)
        });
        let mut todo: Vec<NodeId> = deletes.map(|o| self.graph.provider_node(o.provider)).collect();
        if self.options.mode == PlanMode::Normal {
            let unsettled = |id: &NodeId| {
                let state = &self.nodes[id.0 as usize];
                state.included && !state.settled
            };
            todo.extend(self.graph.ids().filter(unsettled));
        }
        let mut found: HashSet<NodeId> = todo.iter().copied().collect();
        while let Some(at) = todo.pop() {
            for (need, _) in self.graph.needs(at) {
                let state = &self.nodes[need.0 as usize];
                if !state.included || (state.settled && self.is_firm(need)) {
                    continue;
                }
                if found.insert(need) {
                    todo.push(need);
                }
            }
        }
        found
    }

    /// An ephemeral resource whose turn has come during apply.
    pub(crate) fn open_now(&mut self, unit: UnitId, id: NodeId, object: ObjectId) {
        let Some(config) = self.object_config(id, object) else {
            let why = "its configuration has errors".to_owned();
            return self.give_up(unit, object, ObjectResult::Failed(why));
        };
        let wrong = match () {
            () if !config.is_wholly_known() => "its arguments are still not known",
            () if !self.has_connection(object) => "its provider is not connected",
            () => return self.ask_open(id, object, config, Pending::OpenNow(unit, object)),
        };
        self.give_up(unit, object, ObjectResult::Failed(wrong.into()));
    }

    pub(crate) fn opened_now(
        &mut self,
        request: RequestId,
        unit: UnitId,
        object: ObjectId,
        result: Result<Option<Value>, Failure>,
    ) {
        let id = self.objects[object as usize].node.expect("ephemeral resources have a block");
        let result = match self.take_opened(request, id, object, result) {
            Ok(()) => ObjectResult::Done,
            Err(why) => ObjectResult::Failed(why),
        };
        self.give_up(unit, object, result);
    }

    /// During apply: all who use a block are done.
    pub(crate) fn close_now(&mut self, unit: UnitId, block: NodeId) {
        if self.ask_close(block, Some(unit)) == 0 {
            self.unit_done(unit);
        }
    }
}
