//! The graph: what depends on what, by block.
//!
//! A *scope* is a static module path: the root, and each `module` or blueprint block under it, however many instances that has.
//! A *node* is one block of one scope. Instances are no nodes: they live under their block (`machine`), so that a block with
//! 100,000 instances has as many edges as one with one.

mod build;
mod names;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;
use pilotis_config::{Configuration, Module, ModuleId, ProviderRef, Resource};
use pilotis_diag::Diagnostics;
use pilotis_schema::address::{Key, Mode, ModuleStep, Resource as Address};
use pilotis_value::Value;

use build::Builder;
pub(crate) use names::{block_name, describe, scope_address, span_of};

/// A static module path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ScopeId(pub(crate) u32);

/// A block of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

/// What a node is; numbers are indexes into the module's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Variable(u32),
    Local(u32),
    Output(u32),
    Resource(u32),
    /// How many instances a module call has, and its arguments' `each` and `count`.
    Expand(u32),
    /// The `validation` blocks of a variable.
    Validation(u32),
    Check(u32),
    /// Index into [`Graph::providers`].
    Provider(u32),
}

/// One node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) scope: ScopeId,
    pub(crate) kind: NodeKind,
}

/// One scope.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) module: ModuleId,
    /// The scope above, and which of its calls this is.
    pub(crate) parent: Option<(ScopeId, u32)>,
    /// Scopes below, by call.
    pub(crate) children: Vec<ScopeId>,
    /// Node of the first variable; the others follow in the order of [`Offsets`].
    first: u32,
    offsets: Offsets,
}

/// Where the nodes of each kind begin, after the first.
#[derive(Clone, Copy, Debug)]
struct Offsets {
    locals: u32,
    outputs: u32,
    resources: u32,
    expands: u32,
    validations: u32,
    checks: u32,
    end: u32,
}

impl Offsets {
    fn of(module: &Module) -> Offsets {
        let locals = module.variables.len() as u32;
        let outputs = locals + module.locals.len() as u32;
        let resources = outputs + module.outputs.len() as u32;
        let expands = resources + module.resources.len() as u32;
        let validations = expands + module.calls.len() as u32;
        let checks = validations + module.variables.len() as u32;
        Offsets {
            locals,
            outputs,
            resources,
            expands,
            validations,
            checks,
            end: checks + module.checks.len() as u32,
        }
    }
}

/// A provider configuration that is used.
#[derive(Clone, Debug)]
pub(crate) struct ProviderUse {
    pub(crate) reference: ProviderRef,
    /// Index of the root module's block; none if there is no block.
    pub(crate) block: Option<u32>,
    /// What `each.value` is in that block.
    pub(crate) each: Option<Value>,
}

/// Keys and values of the providers with `for_each`, by index of the root module's block.
pub(crate) type ProviderKeys = BTreeMap<u32, BTreeMap<String, Value>>;

/// Which provider configuration the objects of a block go through.
#[derive(Clone, Debug)]
pub(crate) enum Through {
    /// All through this one.
    One(u32),
    /// Each through the instance that a key chooses.
    Keyed(Box<Keyed>),
}

/// Instances of one provider configuration, to be chosen from.
#[derive(Clone, Debug)]
pub(crate) struct Keyed {
    pub(crate) config: ProviderRef,
    pub(crate) instances: Arc<BTreeMap<String, u32>>,
    pub(crate) place: KeyPlace,
}

/// Where the key is written, in the root module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    /// `provider` of this resource block.
    Resource(u32),
    /// This pair of `providers` of this call.
    Call { call: u32, pair: usize },
}

/// All of it.
pub(crate) struct Graph {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) providers: Vec<ProviderUse>,
    /// Providers of each resource node.
    through: HashMap<NodeId, Through>,
    /// An edge goes from what is needed to what needs it.
    edges: DiGraph<(), EdgeKind, u32>,
    /// Every node after all that it needs. Empty if there is a cycle.
    pub(crate) order: Vec<NodeId>,
    /// Scopes by parent, name and label.
    by_step: Steps,
    /// For each module: its resource blocks in the order of mode, type and name, to be found by them.
    by_name: Vec<Vec<u32>>,
    first_provider: u32,
}

fn name_of(block: &Resource) -> (Mode, &str, &str) {
    (block.mode, &block.type_name, &block.name)
}

fn in_name_order(module: &Module) -> Vec<u32> {
    let mut order: Vec<u32> = (0..module.resources.len() as u32).collect();
    order.sort_by(|a, b| {
        name_of(&module.resources[*a as usize]).cmp(&name_of(&module.resources[*b as usize]))
    });
    order
}

/// Why one node needs another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    /// It refers to it.
    Reference,
    /// It says so in `depends_on`.
    Explicit,
    /// It lies in that module.
    Inside,
    /// It goes through that provider.
    Provider,
}

impl Graph {
    /// The graph of a configuration; `extra` are provider configurations that only the state uses. A cycle is an error in the
    /// diagnostics, and leaves the order empty.
    pub(crate) fn new(
        configuration: &Configuration,
        keys: &ProviderKeys,
        extra: &[ProviderRef],
        diags: &mut Diagnostics,
    ) -> Graph {
        let mut builder = Builder::new(configuration, keys);
        builder.scopes();
        for reference in extra {
            builder.provider(reference);
        }
        builder.edges();
        builder.finish(diags)
    }

    /// All nodes.
    pub(crate) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }
    pub(crate) fn node(&self, id: NodeId) -> Node {
        self.nodes[id.0 as usize]
    }
    pub(crate) fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }
    pub(crate) fn id(&self, scope: ScopeId, kind: NodeKind) -> NodeId {
        NodeId(node_index(self.scope(scope), kind, self.first_provider))
    }
    /// A module's resource block of that mode, type and name.
    pub(crate) fn block_named(
        &self,
        config: &Configuration,
        module: ModuleId,
        wanted: &Address,
    ) -> Option<u32> {
        let blocks = &config.modules[module.0 as usize].resources;
        let order = &self.by_name[module.0 as usize];
        let key = (wanted.mode, &*wanted.type_name, &*wanted.name);
        let found = order.binary_search_by(|i| name_of(&blocks[*i as usize]).cmp(&key)).ok()?;
        Some(order[found])
    }
    /// What a node needs.
    pub(crate) fn needs(&self, id: NodeId) -> impl Iterator<Item = (NodeId, EdgeKind)> + '_ {
        let edges = self.edges.edges_directed(NodeIndex::new(id.0 as usize), petgraph::Direction::Incoming);
        edges.map(|e| (NodeId(e.source().index() as u32), *e.weight()))
    }
    /// What needs a node.
    pub(crate) fn needed_by(&self, id: NodeId) -> impl Iterator<Item = (NodeId, EdgeKind)> + '_ {
        let edges = self.edges.edges_directed(NodeIndex::new(id.0 as usize), petgraph::Direction::Outgoing);
        edges.map(|e| (NodeId(e.target().index() as u32), *e.weight()))
    }
    /// The provider configuration of a resource node.
    pub(crate) fn through(&self, id: NodeId) -> &Through {
        self.through.get(&id).expect("every resource node has a provider")
    }
    /// All that its objects may go through.
    pub(crate) fn providers_of(&self, id: NodeId) -> Vec<u32> {
        match self.through(id) {
            Through::One(provider) => vec![*provider],
            Through::Keyed(keyed) => keyed.instances.values().copied().collect(),
        }
    }
    /// Its objects go through different instances of a provider.
    pub(crate) fn is_keyed(&self, id: NodeId) -> bool {
        matches!(self.through.get(&id), Some(Through::Keyed(_)))
    }
    pub(crate) fn provider_node(&self, provider: u32) -> NodeId {
        NodeId(self.first_provider + provider)
    }
    /// The scope of a module instance's path, if the configuration has it.
    pub(crate) fn find_scope(&self, path: &[ModuleStep]) -> Option<ScopeId> {
        let mut at = ScopeId(0);
        for step in path {
            at = self.step(at, step)?;
        }
        Some(at)
    }
    /// The scope one step down. The key of a blueprint's block begins with its label.
    pub(crate) fn step(&self, from: ScopeId, step: &ModuleStep) -> Option<ScopeId> {
        step_down(&self.by_step, from, step)
    }
    /// All nodes that a set of nodes needs, with the set itself.
    pub(crate) fn with_needs(&self, start: impl IntoIterator<Item = NodeId>) -> HashSet<NodeId> {
        self.closure(start, |id| self.needs(id).map(|(n, _)| n).collect())
    }
    /// All nodes that need one of a set of nodes, with the set itself.
    pub(crate) fn with_needed_by(&self, start: impl IntoIterator<Item = NodeId>) -> HashSet<NodeId> {
        self.closure(start, |id| self.needed_by(id).map(|(n, _)| n).collect())
    }
    fn closure(
        &self,
        start: impl IntoIterator<Item = NodeId>,
        step: impl Fn(NodeId) -> Vec<NodeId>,
    ) -> HashSet<NodeId> {
        let mut todo: Vec<NodeId> = start.into_iter().collect();
        let mut seen: HashSet<NodeId> = todo.iter().copied().collect();
        while let Some(id) = todo.pop() {
            todo.extend(step(id).into_iter().filter(|n| seen.insert(*n)));
        }
        seen
    }
    /// The resource nodes that a node needs, nearest first, also through others; at most `limit`.
    pub(crate) fn resources_needed(&self, id: NodeId, limit: usize) -> Vec<NodeId> {
        let mut seen = HashSet::from([id]);
        let mut found = Vec::new();
        let mut queue = std::collections::VecDeque::from([id]);
        while let Some(at) = queue.pop_front() {
            for (need, _) in self.needs(at) {
                if !seen.insert(need) {
                    continue;
                }
                if matches!(self.node(need).kind, NodeKind::Resource(_)) {
                    found.push(need);
                    if found.len() >= limit {
                        return found;
                    }
                }
                queue.push_back(need);
            }
        }
        found
    }
    /// The resource nodes that a node needs by itself: through locals, variables and outputs, not through other resources.
    /// `true`: by `depends_on` somewhere on the way.
    pub(crate) fn direct_resources(&self, id: NodeId) -> Vec<(NodeId, bool)> {
        let mut seen = HashSet::from([(id, false)]);
        let mut found = Vec::new();
        let mut todo = vec![(id, false)];
        while let Some((at, explicit)) = todo.pop() {
            for (need, kind) in self.needs(at) {
                if kind == EdgeKind::Provider {
                    continue;
                }
                let explicit = explicit || kind == EdgeKind::Explicit;
                if !seen.insert((need, explicit)) {
                    continue;
                }
                match self.node(need).kind {
                    NodeKind::Resource(_) => found.push((need, explicit)),
                    _ => todo.push((need, explicit)),
                }
            }
        }
        found
    }
    /// For each node the length of the longest chain of resources that waits for it.
    pub(crate) fn heights(&self) -> Vec<u32> {
        let mut heights = vec![0_u32; self.nodes.len()];
        for id in self.order.iter().rev() {
            let above = self.needed_by(*id).map(|(n, _)| heights[n.0 as usize]).max().unwrap_or(0);
            let own = u32::from(matches!(self.node(*id).kind, NodeKind::Resource(_)));
            heights[id.0 as usize] = above + own;
        }
        heights
    }
}

type Steps = HashMap<(ScopeId, String, Option<String>), ScopeId>;

fn step_down(by_step: &Steps, from: ScopeId, step: &ModuleStep) -> Option<ScopeId> {
    if let Some(found) = by_step.get(&(from, step.name.clone(), None)) {
        return Some(*found);
    }
    let Some(Key::String(key)) = &step.key else { return None };
    let mut labels = std::iter::once(key.len()).chain(key.match_indices('/').map(|(i, _)| i));
    labels.find_map(|end| by_step.get(&(from, step.name.clone(), Some(key[..end].to_owned()))).copied())
}

fn node_index(scope: &Scope, kind: NodeKind, first_provider: u32) -> u32 {
    let offsets = scope.offsets;
    let at = match kind {
        NodeKind::Variable(i) => i,
        NodeKind::Local(i) => offsets.locals + i,
        NodeKind::Output(i) => offsets.outputs + i,
        NodeKind::Resource(i) => offsets.resources + i,
        NodeKind::Expand(i) => offsets.expands + i,
        NodeKind::Validation(i) => offsets.validations + i,
        NodeKind::Check(i) => offsets.checks + i,
        NodeKind::Provider(i) => return first_provider + i,
    };
    scope.first + at
}
