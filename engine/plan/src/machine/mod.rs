//! The machine: asks, is told, plans; then asks, is told, applies.
//!
//! Here live its data, the requests under way, and the walk through the graph. What happens at each kind of node lives in
//! the files beside: values and conditions (`values`, `frame`, `conditions`), instances (`expand`), providers and what is
//! seen of the world (`provider`, `settle`, `refresh`), objects (`managed`, `data`, `ephemeral`, `orphans`), the plan (`finish`), and
//! what is done with it (`apply`, `schedule`, `places`, `effects`, `commits`).

mod apply;
mod assertions;
mod checked_data;
mod commits;
pub(crate) mod conditions;
mod data;
mod effects;
mod ephemeral;
mod evaluate;
pub(crate) mod expand;
mod finish;
mod frame;
mod housekeeping;
mod idle;
mod ignore;
mod imports;
mod instances;
mod lag;
mod late;
mod made_up;
mod managed;
mod moves;
mod orphans;
mod places;
mod programs;
mod provider;
mod read_set;
mod refresh;
mod replace;
mod rows;
mod schedule;
mod settle;
mod staleness;
mod stored_data;
mod targets;
mod unknowns;
pub(crate) mod values;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use pilotis_config::{Configuration, Module, Resource, RootVariables, Schemas};
use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_lang::{Files, Surroundings};
use pilotis_schema::address::{Key, Mode, ModulePath};
use pilotis_state::{Intent, ResourceKey, RunId, Timestamp};
use pilotis_value::{Path, Value};

use crate::graph::{Graph, NodeId, NodeKind, ScopeId};
use crate::record::ObjectType;
use crate::{
    Answer, CheckStatus, Drift, Inputs, Plan, PlanAction, PlanMode, PlanOptions, ProviderId, Reason, Request,
    RequestId,
};
pub use assertions::{Broken, Held, is_condition};
pub use conditions::is_told_by_apply;
pub use effects::{EffectInfo, EffectProgress, EffectTicket};
pub use evaluate::Evaluation;
use frame::CallCache;
use provider::ProviderState;
pub use refresh::LookedAt;
use rows::Rows;

/// Where the machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It asks in order to plan.
    Planning,
    /// The plan is made.
    Planned,
    /// It does what the plan says.
    Applying,
    /// All is done that can be done.
    Done,
}

/// What an apply is told when it begins.
#[derive(Clone, Debug)]
pub struct ApplyStart {
    /// Id of the run, whose record the driver has committed.
    pub run: RunId,
    /// Now.
    pub now: Timestamp,
    /// Effects in flight at most.
    pub parallelism: usize,
}

/// Index of an object in [`Machine::objects`].
pub(crate) type ObjectId = u32;
/// Index of an instance of a scope.
pub(crate) type InstanceId = u32;

/// What makes an instance one of several.
#[derive(Clone, Debug)]
pub(crate) enum Rep {
    One,
    Count(u64),
    Each(ecow::EcoString, Value),
}

impl Rep {
    pub(crate) fn key(&self) -> Option<Key> {
        match self {
            Rep::One => None,
            Rep::Count(n) => Some(Key::Int(*n)),
            Rep::Each(key, _) => Some(Key::String(key.to_string())),
        }
    }
}

/// One instance of a scope.
#[derive(Debug)]
pub(crate) struct ScopeInstance {
    pub(crate) path: ModulePath,
    /// `module.a["k"].`, or nothing for the root.
    pub(crate) prefix: Arc<str>,
    /// `project.carto.`
    pub(crate) display: Arc<str>,
    /// Its instance of the scope above.
    pub(crate) parent: InstanceId,
    pub(crate) rep: Rep,
    /// A blueprint's block above says `prevent_destroy`.
    pub(crate) protected: bool,
    /// Its outputs, if a test gives them: then nothing in it is run.
    pub(crate) outputs: Option<Value>,
}

/// What is known of a scope.
#[derive(Debug, Default)]
pub(crate) struct ScopeState {
    pub(crate) instances: Vec<ScopeInstance>,
    /// Instances by instance of the scope above, in the order of their keys.
    pub(crate) by_parent: Vec<Vec<InstanceId>>,
    /// Outputs that are known: the value of the whole module changes with it.
    pub(crate) version: u32,
}

/// What is known of a node.
#[derive(Debug, Default)]
pub(crate) struct NodeState {
    /// For each instance of the scope.
    pub(crate) values: Vec<Value>,
    /// Of resource nodes, for each instance of the scope.
    pub(crate) objects: Vec<Vec<ObjectId>>,
    /// Nodes that it still waits for.
    pub(crate) waiting: u32,
    pub(crate) included: bool,
    pub(crate) done: bool,
    /// Nothing of it will change in an apply: all is known, and nothing is to be done.
    pub(crate) settled: bool,
}

/// An object: of the configuration, of the state, or of both.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its block; none if the configuration has none.
    pub(crate) node: Option<NodeId>,
    pub(crate) instance: InstanceId,
    pub(crate) rep: Rep,
    pub(crate) address: Arc<str>,
    pub(crate) row: Option<u32>,
    pub(crate) provider: u32,
    pub(crate) ty: Arc<ObjectType>,
    /// What it is; null if there is none.
    pub(crate) before: Value,
    /// What it is to be; null if it is to go.
    pub(crate) after: Value,
    pub(crate) action: PlanAction,
    pub(crate) reason: Option<Reason>,
    pub(crate) replace: Vec<Path>,
    pub(crate) importing: Option<String>,
    /// Left as it is: not targeted, or it could not be planned. Not in the plan.
    pub(crate) skipped: bool,
}

/// Why something downstream isn't done.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    /// What failed: an address or a block's name.
    pub(crate) name: Arc<str>,
    /// It may have been done all the same: its answer was lost.
    pub(crate) unknown: bool,
}

/// What an answer is for.
#[derive(Debug)]
pub(crate) enum Pending {
    Connect(u32),
    Settle(settle::Question),
    SettleCommit(u32),
    List(refresh::ListQuestion),
    Read(u32, Vec<u32>),
    Import(NodeId, ObjectId),
    LookAgain(NodeId, Vec<u32>),
    Wait(lag::Later),
    Data(Vec<Vec<ObjectId>>),
    Open(NodeId, ObjectId),
    Close(NodeId, ObjectId, Option<schedule::UnitId>),
    Commit(Vec<commits::Part>),
    Effect(apply::EffectId),
    Program(apply::EffectId),
    ReadNow(schedule::UnitId, ObjectId),
    OpenNow(schedule::UnitId, ObjectId),
    ConnectNow(schedule::UnitId, u32),
}

/// The machine. Made from all that the run depends on; the same inputs and answers give the same plan.
pub struct Machine {
    config: Arc<Configuration>,
    schemas: Schemas,
    variables: RootVariables,
    options: PlanOptions,
    files: Arc<dyn Files>,
    started: Timestamp,
    seed: u128,
    ids: u64,
    now: Timestamp,
    apply_time: Option<Timestamp>,
    old_outputs: Vec<pilotis_state::OutputRecord>,
    old_checks: Arc<str>,
    intents: Vec<Intent>,
    /// Other runs had begun something that they had not finished, when the state was read.
    others_at_work: bool,
    phase: Phase,
    diags: Diagnostics,
    /// Said of the plan, and settled by the apply.
    of_plan: Diagnostics,
    graph: Graph,
    types: HashMap<(Mode, String), Arc<ObjectType>>,
    scopes: Vec<ScopeState>,
    nodes: Vec<NodeState>,
    objects: Vec<Object>,
    rows: Rows,
    providers: Vec<ProviderState>,
    failures: HashMap<NodeId, Vec<(InstanceId, Cause)>>,
    targets: targets::Chosen,
    create_first: Vec<bool>,
    unseen: Vec<(ResourceKey, String)>,
    /// Rows that were not found, and are looked for once more.
    missing: Vec<u32>,
    /// Addresses that an interrupted create may have made: nothing is planned there.
    unsettled_new: HashSet<Arc<str>>,
    drift: Vec<Drift>,
    /// What came of conditions, by node and instance address.
    checks: BTreeMap<NodeId, BTreeMap<String, (CheckStatus, Vec<String>)>>,
    /// Checks of which a data source could not be read.
    unread_checks: HashSet<(NodeId, InstanceId)>,
    calls: RefCell<CallCache>,
    ready: VecDeque<NodeId>,
    open_nodes: usize,
    data_queue: BTreeSet<ObjectId>,
    data_waiting: HashMap<NodeId, usize>,
    data_configs: HashMap<ObjectId, Value>,
    /// Answers that blocks wait for before they are planned.
    block_waits: HashMap<NodeId, usize>,
    ephemerals: ephemeral::Ephemerals,
    plan: Option<Plan>,
    applying: Option<apply::Applying>,
    next_request: u64,
    outbox: Vec<(RequestId, Request)>,
    /// Answers to what nobody needs to be asked for.
    at_hand: VecDeque<(RequestId, Answer)>,
    pending: HashMap<RequestId, Pending>,
}

impl Machine {
    /// A machine that begins to plan.
    pub fn new(mut inputs: Inputs) -> Machine {
        let snapshot = Arc::unwrap_or_clone(std::mem::take(&mut inputs.snapshot));
        let intents: Vec<Intent> = snapshot.abandoned(inputs.now).into_iter().cloned().collect();
        let others_at_work = snapshot.intents.len() > intents.len();
        let mut diags = Diagnostics::new();
        let extra = rows::providers_of(&snapshot, &inputs.schemas);
        let keys = instances::provider_keys(&inputs, &mut diags);
        let graph = Graph::new(&inputs.configuration, &keys, &extra, &mut diags);
        let (count, stored) = (graph.nodes.len(), snapshot.resources.len());
        let mut machine = Machine {
            config: inputs.configuration,
            schemas: inputs.schemas,
            variables: inputs.variables,
            options: inputs.options,
            files: inputs.files,
            started: inputs.started,
            seed: inputs.seed,
            ids: 0,
            now: inputs.now,
            apply_time: None,
            old_outputs: snapshot.outputs,
            old_checks: snapshot.checks,
            intents,
            others_at_work,
            phase: Phase::Planning,
            diags,
            of_plan: Diagnostics::new(),
            types: HashMap::new(),
            scopes: graph.scopes.iter().map(|_| ScopeState::default()).collect(),
            nodes: std::iter::repeat_with(NodeState::default).take(count).collect(),
            // Most of what there is to be is there already.
            objects: Vec::with_capacity(stored),
            rows: Rows::new(snapshot.resources),
            providers: Vec::new(),
            failures: HashMap::new(),
            targets: targets::Chosen::default(),
            create_first: Vec::new(),
            unseen: Vec::new(),
            missing: Vec::new(),
            unsettled_new: HashSet::new(),
            drift: Vec::new(),
            checks: BTreeMap::new(),
            unread_checks: HashSet::new(),
            calls: RefCell::default(),
            ready: VecDeque::new(),
            open_nodes: 0,
            data_queue: BTreeSet::new(),
            data_waiting: HashMap::new(),
            data_configs: HashMap::new(),
            block_waits: HashMap::new(),
            ephemerals: ephemeral::Ephemerals::default(),
            plan: None,
            applying: None,
            next_request: 0,
            outbox: Vec::new(),
            at_hand: VecDeque::new(),
            pending: HashMap::new(),
            graph,
        };
        machine.begin();
        machine
    }

    fn begin(&mut self) {
        self.begin_providers();
        self.begin_root();
        self.begin_rows();
        self.check_imports();
        if self.diags.has_errors() {
            return;
        }
        self.begin_targets();
        if self.diags.has_errors() {
            return;
        }
        self.begin_ephemerals();
        self.create_first = self.spread_create_before_destroy();
        for index in 0..self.nodes.len() {
            let id = NodeId(index as u32);
            if !self.nodes[index].included {
                continue;
            }
            self.open_nodes += 1;
            let needs = self.graph.needs(id).filter(|(n, _)| self.nodes[n.0 as usize].included).count();
            self.nodes[index].waiting = needs as u32;
            if needs == 0 {
                self.ready.push_back(id);
            }
        }
    }

    /// What it wants now, and did not want before. Empty while it waits for answers, or when the phase is over.
    #[allow(clippy::should_implement_trait, reason = "it gives many at once, and more after it gave none")]
    pub fn next(&mut self) -> Vec<(RequestId, Request)> {
        loop {
            while let Some((id, answer)) = self.at_hand.pop_front() {
                self.answer(id, answer, self.now);
            }
            match self.phase {
                Phase::Planning => self.walk(),
                Phase::Applying => self.advance(),
                Phase::Planned | Phase::Done => {}
            }
            if self.at_hand.is_empty() {
                return std::mem::take(&mut self.outbox);
            }
        }
    }

    /// An answer to a request, in any order.
    ///
    /// # Panics
    /// When the answer is not of the kind that the request asks for: a defect of the driver.
    pub fn answer(&mut self, id: RequestId, answer: Answer, at: Timestamp) {
        self.now = self.now.max(at);
        let Some(pending) = self.pending.remove(&id) else { return };
        match (pending, answer) {
            (Pending::Connect(provider), Answer::Connected(result)) => self.connected(provider, result),
            (Pending::Settle(question), answer) => self.settle_answer(question, answer),
            (Pending::SettleCommit(provider), Answer::Committed(result)) => self.settled(provider, result),
            (Pending::List(question), Answer::Listed(results)) => self.listed(question, results),
            (Pending::Read(provider, rows), Answer::Read(results)) => self.rows_read(provider, rows, results),
            (Pending::Import(node, object), Answer::Imported(result)) => self.imported(node, object, result),
            (Pending::LookAgain(node, rows), Answer::Read(results)) => self.looked_again(node, rows, results),
            (Pending::Wait(later), Answer::Waited) => self.waited(later),
            (Pending::Data(objects), Answer::Data(results)) => self.data_read(objects, results),
            (Pending::Open(node, object), Answer::Opened(result)) => self.opened(id, node, object, result),
            (Pending::OpenNow(unit, object), Answer::Opened(result)) => {
                self.opened_now(id, unit, object, result);
            }
            (Pending::Close(node, object, unit), Answer::Closed(result)) => {
                self.closed(node, object, unit, result);
            }
            (Pending::Commit(parts), Answer::Committed(result)) => self.committed(parts, result),
            (Pending::Effect(effect), Answer::Created(result)) => self.created(effect, result),
            (Pending::Effect(effect), Answer::Updated(result)) => self.updated(effect, result),
            (Pending::Effect(effect), Answer::Deleted(result)) => self.deleted(effect, result),
            (Pending::Program(effect), Answer::Ran(result)) => self.ran(effect, result),
            (Pending::ReadNow(unit, object), Answer::Data(mut results)) => {
                let lost = || Err(crate::Failure::new("The provider gave no answer"));
                self.data_read_now(unit, object, results.pop().unwrap_or_else(lost));
            }
            (Pending::ConnectNow(unit, provider), Answer::Connected(result)) => {
                self.connected_now(unit, provider, result);
            }
            (pending, answer) => panic!("{pending:?} was answered with {answer:?}"),
        }
    }

    /// Where it is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The plan, once it is made. The second time it is empty.
    pub fn take_plan(&mut self) -> Option<Plan> {
        self.plan.take()
    }

    /// Local name and alias of a provider configuration.
    pub fn provider(&self, id: ProviderId) -> &pilotis_config::ProviderRef {
        &self.graph.providers[id.0 as usize].reference
    }

    /// The provider configuration that a request goes to; none for one to the state.
    pub fn provider_of(&self, request: &Request) -> Option<&pilotis_config::ProviderRef> {
        match request {
            Request::Connect { provider, .. }
            | Request::List { provider, .. }
            | Request::Read { provider, .. }
            | Request::ReadData { provider, .. }
            | Request::Import { provider, .. }
            | Request::Open { provider, .. }
            | Request::Close { provider, .. }
            | Request::Find { provider, .. }
            | Request::Wait { provider, .. }
            | Request::Create { provider, .. }
            | Request::Update { provider, .. }
            | Request::Delete { provider, .. } => Some(self.provider(*provider)),
            Request::Commit(_) | Request::Run { .. } => None,
        }
    }

    pub(crate) fn ask(&mut self, pending: Pending, request: Request) {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        match self.answer_made_up(&pending, &request) {
            Some(answer) => self.at_hand.push_back((id, answer)),
            None => self.outbox.push((id, request)),
        }
        self.pending.insert(id, pending);
    }

    /// Visits what can be visited, until only answers can bring it further.
    fn walk(&mut self) {
        loop {
            while let Some(id) = self.ready.pop_front() {
                self.visit(id);
            }
            if !self.data_queue.is_empty() {
                self.ask_data();
            }
            if self.ready.is_empty() {
                break;
            }
        }
        if self.pending.is_empty() && !self.close_leftovers() {
            self.finish_plan();
            self.phase = Phase::Planned;
        }
    }

    fn visit(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        match node.kind {
            NodeKind::Variable(i) => self.visit_variable(id, node.scope, i),
            NodeKind::Local(i) => self.visit_local(id, node.scope, i),
            NodeKind::Output(i) => self.visit_output(id, node.scope, i),
            NodeKind::Expand(i) => self.visit_expand(id, node.scope, i),
            NodeKind::Validation(i) => self.visit_validation(id, node.scope, i),
            NodeKind::Check(i) => self.visit_check(id, node.scope, i),
            NodeKind::Provider(i) => return self.visit_provider(i),
            NodeKind::Resource(i) => {
                return match self.resource(node.scope, i).mode {
                    Mode::Managed => self.visit_managed(id),
                    Mode::Data => self.visit_data(id),
                    Mode::Ephemeral => self.visit_ephemeral(id),
                };
            }
        }
        self.complete(id);
    }

    /// A node is done: what waits for it alone can be visited.
    pub(crate) fn complete(&mut self, id: NodeId) {
        let state = &mut self.nodes[id.0 as usize];
        debug_assert!(!state.done, "a node is completed once");
        state.done = true;
        self.open_nodes = self.open_nodes.saturating_sub(1);
        self.nodes[id.0 as usize].settled = self.is_settled(id);
        let node = self.graph.node(id);
        if let NodeKind::Output(_) = node.kind {
            self.scopes[node.scope.0 as usize].version += 1;
        }
        for (next, _) in self.graph.needed_by(id) {
            let state = &mut self.nodes[next.0 as usize];
            if !state.included {
                continue;
            }
            state.waiting -= 1;
            if state.waiting == 0 {
                self.ready.push_back(next);
            }
        }
        self.release(id);
    }

    /// Nothing of a node will change in an apply.
    fn is_settled(&self, id: NodeId) -> bool {
        let state = &self.nodes[id.0 as usize];
        let known = state.values.iter().all(Value::is_wholly_known);
        let idle = |o: &ObjectId| self.objects[*o as usize].action == PlanAction::NoOp;
        let needs = |(n, _): (NodeId, _)| {
            let need = &self.nodes[n.0 as usize];
            need.settled || !need.included
        };
        let connected = match self.graph.node(id).kind {
            NodeKind::Provider(i) => self.providers[i as usize].is_connected(),
            _ => true,
        };
        known
            && connected
            && !self.failures.contains_key(&id)
            && state.objects.iter().flatten().all(idle)
            && self.graph.needs(id).all(needs)
    }

    pub(crate) fn module(&self, scope: ScopeId) -> &Module {
        &self.config.modules[self.graph.scope(scope).module.0 as usize]
    }
    pub(crate) fn resource(&self, scope: ScopeId, index: u32) -> &Resource {
        &self.module(scope).resources[index as usize]
    }
    /// The block of a resource node.
    pub(crate) fn block(&self, id: NodeId) -> &Resource {
        let node = self.graph.node(id);
        match node.kind {
            NodeKind::Resource(i) => self.resource(node.scope, i),
            kind => unreachable!("{kind:?} is no resource"),
        }
    }
    pub(crate) fn instances(&self, scope: ScopeId) -> std::ops::Range<InstanceId> {
        0..self.scopes[scope.0 as usize].instances.len() as u32
    }
    pub(crate) fn instance(&self, scope: ScopeId, instance: InstanceId) -> &ScopeInstance {
        &self.scopes[scope.0 as usize].instances[instance as usize]
    }
    pub(crate) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            files: &*self.files,
            plan_time_ms: self.started.0,
            apply_time_ms: self.apply_time.map(|t| t.0),
        }
    }
    pub(crate) fn destroying(&self) -> bool {
        self.options.mode == PlanMode::Destroy
    }

    /// A node failed for an instance of its scope: what needs it is left alone.
    pub(crate) fn fail(&mut self, id: NodeId, instance: InstanceId, name: &str) {
        self.fail_because(id, instance, Cause { name: name.into(), unknown: false });
    }

    /// A node is left alone for an instance of its scope, because of something else. The first cause counts.
    pub(crate) fn fail_because(&mut self, id: NodeId, instance: InstanceId, cause: Cause) {
        let failed = self.failures.entry(id).or_default();
        if !failed.iter().any(|(i, _)| *i == instance) {
            failed.push((instance, cause));
        }
    }

    /// The failure that keeps an instance of a node from being worked on, if there is one. A failure in one instance of a module
    /// doesn't touch its other instances.
    pub(crate) fn blocked(&self, id: NodeId, instance: InstanceId) -> Option<Cause> {
        if self.failures.is_empty() {
            return None;
        }
        let scope = self.graph.node(id).scope;
        let keyed = self.graph.is_keyed(id);
        self.graph.needs(id).find_map(|(need, kind)| {
            // Of several instances of a provider, each object needs only its own: `provider_failure`.
            if keyed && kind == crate::graph::EdgeKind::Provider {
                return None;
            }
            let failed = self.failures.get(&need)?;
            let of = self.graph.node(need).scope;
            let touches = |(other, _): &&(InstanceId, Cause)| self.related(scope, instance, of, *other);
            failed.iter().find(touches).map(|(_, cause)| cause.clone())
        })
    }

    /// Two instances of scopes lie in the same instance of the nearest scope above both.
    fn related(&self, a: ScopeId, a_instance: InstanceId, b: ScopeId, b_instance: InstanceId) -> bool {
        let (mut a, mut ai, mut b, mut bi) = (a, a_instance, b, b_instance);
        // Scopes below have higher numbers than those above.
        while a != b {
            let (scope, instance) = if a > b { (&mut a, &mut ai) } else { (&mut b, &mut bi) };
            let Some((above, _)) = self.graph.scope(*scope).parent else { return true };
            *instance = self.instance(*scope, *instance).parent;
            *scope = above;
        }
        ai == bi
    }

    /// A cause as a clause, for a person.
    pub(crate) fn why(&self, cause: &Cause) -> String {
        let what = if cause.unknown { "has an unknown outcome" } else { "failed" };
        format!("{} {what}", self.display_text(&cause.name))
    }

    pub(crate) fn diagnose(&mut self, diagnostic: Diagnostic) {
        self.diags.push(diagnostic);
    }

    /// A new id, unlike all others of this run.
    pub(crate) fn fresh_id(&mut self) -> [u8; 16] {
        self.ids += 1;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes()).update(&self.ids.to_le_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        id
    }

    /// The type of objects of a resource type or data source; from the schemas if no block is at hand.
    pub(crate) fn object_type(&mut self, mode: Mode, type_name: &str) -> Option<Arc<ObjectType>> {
        if let Some(found) = self.types.get(&(mode, type_name.to_owned())) {
            return Some(found.clone());
        }
        let schema = self.schemas.providers.values().find_map(|p| p.types(mode).get(type_name))?;
        let ty = Arc::new(ObjectType::new(Arc::new(schema.clone())));
        self.types.insert((mode, type_name.to_owned()), ty.clone());
        Some(ty)
    }

    /// Create before destroy spreads to all that such a block depends on: the new one of it needs the new ones of those.
    fn spread_create_before_destroy(&self) -> Vec<bool> {
        let mut first = vec![false; self.nodes.len()];
        for id in self.graph.order.iter().rev() {
            let node = self.graph.node(*id);
            let own = match node.kind {
                NodeKind::Resource(i) => self.resource(node.scope, i).lifecycle.create_before_destroy,
                // What a provider is made with is not part of the objects that it makes.
                NodeKind::Provider(_) => continue,
                _ => false,
            };
            let above = self
                .graph
                .needed_by(*id)
                .any(|(n, kind)| kind != crate::graph::EdgeKind::Provider && first[n.0 as usize]);
            first[id.0 as usize] = own || above;
        }
        first
    }
}
