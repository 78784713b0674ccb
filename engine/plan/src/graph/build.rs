//! Putting a graph together: scopes, nodes, and an edge for every reference.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use pilotis_config::{Configuration, Module, ModuleId, ProviderRef, Repetition, Resource, Symbol};
use pilotis_diag::Diagnostics;
use pilotis_lang::{Compiled, Reference, Slot};
use pilotis_value::{Path, Step};

use super::names::report_cycles;
use super::{
    EdgeKind, Graph, KeyPlace, Keyed, Node, NodeId, NodeKind, Offsets, ProviderKeys, ProviderUse, Scope,
    ScopeId, Steps, Through, in_name_order, node_index, step_down,
};

/// More scopes than this in a row are a mistake, not a configuration.
const MAX_DEPTH: usize = 64;

/// Puts a graph together.
pub(super) struct Builder<'a> {
    configuration: &'a Configuration,
    scopes: Vec<Scope>,
    nodes: Vec<Node>,
    providers: Vec<ProviderUse>,
    provider_index: HashMap<ProviderRef, u32>,
    through: HashMap<NodeId, Through>,
    keys: &'a ProviderKeys,
    /// Instances of the providers that have some, by index of their block.
    instances: HashMap<u32, Arc<BTreeMap<String, u32>>>,
    edges: Vec<(u32, u32, EdgeKind)>,
    /// Edges to provider nodes, whose number is known at the end.
    provider_edges: Vec<(u32, u32, EdgeKind)>,
    by_step: Steps,
}

impl<'a> Builder<'a> {
    pub(super) fn new(configuration: &'a Configuration, keys: &'a ProviderKeys) -> Builder<'a> {
        Builder {
            configuration,
            scopes: Vec::new(),
            nodes: Vec::new(),
            providers: Vec::new(),
            provider_index: HashMap::new(),
            through: HashMap::new(),
            keys,
            instances: HashMap::new(),
            edges: Vec::new(),
            provider_edges: Vec::new(),
            by_step: HashMap::new(),
        }
    }

    fn module(&self, id: ModuleId) -> &'a Module {
        &self.configuration.modules[id.0 as usize]
    }

    fn module_of(&self, scope: ScopeId) -> &'a Module {
        self.module(self.scopes[scope.0 as usize].module)
    }

    /// All scopes, parents before children, and their nodes.
    pub(super) fn scopes(&mut self) {
        let mut todo = std::collections::VecDeque::from([(ModuleId(0), None, 0)]);
        while let Some((module_id, parent, depth)) = todo.pop_front() {
            let module = self.module(module_id);
            let id = ScopeId(self.scopes.len() as u32);
            let offsets = Offsets::of(module);
            let first = self.nodes.len() as u32;
            let scope = Scope { module: module_id, parent, children: Vec::new(), first, offsets };
            self.scopes.push(scope);
            if let Some((above, call)) = parent {
                let call = &self.module_of(above).calls[call as usize];
                self.by_step.insert((above, call.name.clone(), call.label.clone()), id);
                self.scopes[above.0 as usize].children.push(id);
            }
            let numbers = |n: usize| 0..n as u32;
            let kinds = numbers(module.variables.len())
                .map(NodeKind::Variable)
                .chain(numbers(module.locals.len()).map(NodeKind::Local))
                .chain(numbers(module.outputs.len()).map(NodeKind::Output))
                .chain(numbers(module.resources.len()).map(NodeKind::Resource))
                .chain(numbers(module.calls.len()).map(NodeKind::Expand))
                .chain(numbers(module.variables.len()).map(NodeKind::Validation))
                .chain(numbers(module.checks.len()).map(NodeKind::Check));
            self.nodes.extend(kinds.map(|kind| Node { scope: id, kind }));
            debug_assert_eq!(self.nodes.len() as u32, first + offsets.end);
            if depth < MAX_DEPTH {
                let calls = module.calls.iter().enumerate();
                todo.extend(calls.map(|(i, call)| (call.module, Some((id, i as u32)), depth + 1)));
            }
        }
    }

    fn id(&self, scope: ScopeId, kind: NodeKind) -> u32 {
        node_index(&self.scopes[scope.0 as usize], kind, 0)
    }

    fn edge(&mut self, from: u32, needs: u32, kind: EdgeKind) {
        self.edges.push((needs, from, kind));
    }

    pub(super) fn provider(&mut self, reference: &ProviderRef) -> u32 {
        if let Some(found) = self.provider_index.get(reference) {
            return *found;
        }
        let index = self.providers.len() as u32;
        let block = self.provider_block(&reference.config());
        let keys = block.and_then(|b| self.keys.get(&b));
        let each = reference.key.as_ref().and_then(|key| keys?.get(key)).cloned();
        // An instance needs its key, and a block without instances has none.
        let block = block.filter(|_| each.is_some() || (keys.is_none() && reference.key.is_none()));
        self.providers.push(ProviderUse { reference: reference.clone(), block, each });
        self.provider_index.insert(reference.clone(), index);
        index
    }

    fn provider_block(&self, config: &ProviderRef) -> Option<u32> {
        let blocks = &self.module(ModuleId(0)).providers;
        blocks.iter().position(|p| p.reference == *config).map(|i| i as u32)
    }

    /// All instances of a provider that has some.
    fn provider_instances(&mut self, config: &ProviderRef) -> Option<Arc<BTreeMap<String, u32>>> {
        let block = self.provider_block(config)?;
        if let Some(found) = self.instances.get(&block) {
            return Some(found.clone());
        }
        let keys = self.keys.get(&block)?;
        let instances = keys.keys().map(|key| (key.clone(), self.provider(&config.instance(key)))).collect();
        let instances = Arc::new(instances);
        self.instances.insert(block, Arc::clone(&instances));
        Some(instances)
    }

    pub(super) fn edges(&mut self) {
        for index in 0..self.scopes.len() {
            let scope = ScopeId(index as u32);
            let module = self.module_of(scope);
            self.inside(scope);
            for (i, variable) in module.variables.iter().enumerate() {
                let validation = self.id(scope, NodeKind::Validation(i as u32));
                let own = self.id(scope, NodeKind::Variable(i as u32));
                self.edge(validation, own, EdgeKind::Reference);
                for condition in &variable.validations {
                    self.compiled(scope, validation, &condition.condition);
                    self.compiled(scope, validation, &condition.error_message);
                }
            }
            for (i, local) in module.locals.iter().enumerate() {
                self.compiled(scope, self.id(scope, NodeKind::Local(i as u32)), &local.value);
            }
            for (i, output) in module.outputs.iter().enumerate() {
                let node = self.id(scope, NodeKind::Output(i as u32));
                self.compiled(scope, node, &output.value);
                for condition in &output.preconditions {
                    self.compiled(scope, node, &condition.condition);
                    self.compiled(scope, node, &condition.error_message);
                }
                self.explicit(scope, node, &output.depends_on);
            }
            for (i, resource) in module.resources.iter().enumerate() {
                self.resource(scope, i as u32, resource);
            }
            for (i, check) in module.checks.iter().enumerate() {
                let node = self.id(scope, NodeKind::Check(i as u32));
                for condition in &check.asserts {
                    self.compiled(scope, node, &condition.condition);
                    self.compiled(scope, node, &condition.error_message);
                }
            }
            for i in 0..module.calls.len() {
                self.call(scope, i as u32);
            }
            self.imports(scope);
        }
        self.provider_blocks();
    }

    /// Everything in a module waits until its instances are known.
    fn inside(&mut self, scope: ScopeId) {
        let Some((above, call)) = self.scopes[scope.0 as usize].parent else { return };
        let expand = self.id(above, NodeKind::Expand(call));
        let Scope { first, offsets, .. } = self.scopes[scope.0 as usize];
        for node in first..first + offsets.end {
            self.edge(node, expand, EdgeKind::Inside);
        }
    }

    fn resource(&mut self, scope: ScopeId, index: u32, resource: &Resource) {
        let node = self.id(scope, NodeKind::Resource(index));
        self.repetition(scope, node, &resource.repetition);
        self.references(scope, node, resource.body.references(), EdgeKind::Reference);
        for trigger in &resource.lifecycle.replace_triggered_by {
            self.references(scope, node, std::slice::from_ref(&trigger.reference), EdgeKind::Reference);
            if let Some(key) = &trigger.key {
                self.compiled(scope, node, key);
            }
        }
        let conditions = resource.lifecycle.preconditions.iter().chain(&resource.lifecycle.postconditions);
        for condition in conditions {
            self.compiled(scope, node, &condition.condition);
            self.compiled(scope, node, &condition.error_message);
        }
        for provisioner in resource.provisioners.iter() {
            self.references(scope, node, provisioner.body.references(), EdgeKind::Reference);
        }
        self.explicit(scope, node, &resource.depends_on);
        let own = resource.provider_key.as_ref().map(|_| KeyPlace::Resource(index));
        let (config, place) = self.root_provider(scope, &resource.provider, own);
        let keyed = place.and_then(|place| Some((place, self.provider_instances(&config)?)));
        let Some((place, instances)) = keyed else {
            let provider = self.provider(&config);
            self.through.insert(NodeId(node), Through::One(provider));
            self.provider_edges.push((provider, node, EdgeKind::Provider));
            return;
        };
        let root = self.module(ModuleId(0));
        let key = match place {
            KeyPlace::Resource(i) => root.resources[i as usize].provider_key.as_ref(),
            KeyPlace::Call { call, pair } => root.calls[call as usize].providers[pair].key.as_ref(),
        };
        if let Some(key) = key {
            self.compiled(ScopeId(0), node, key);
        }
        let edges = instances.values().map(|provider| (*provider, node, EdgeKind::Provider));
        self.provider_edges.extend(edges);
        self.through.insert(NodeId(node), Through::Keyed(Box::new(Keyed { config, instances, place })));
    }

    /// The block that is imported to waits for what its import refers to.
    fn imports(&mut self, scope: ScopeId) {
        for import in &self.module_of(scope).imports {
            let to = &import.to.resource;
            let inside = to.module.0.iter().try_fold(scope, |at, step| step_down(&self.by_step, at, step));
            let Some(inside) = inside else { continue };
            let blocks = &self.module_of(inside).resources;
            let is_it = |b: &Resource| b.mode == to.mode && b.type_name == to.type_name && b.name == to.name;
            let Some(index) = blocks.iter().position(is_it) else {
                continue;
            };
            let node = self.id(inside, NodeKind::Resource(index as u32));
            self.compiled(scope, node, &import.id);
            self.repetition(scope, node, &import.repetition);
            if let Some(key) = &import.key {
                self.compiled(scope, node, key);
            }
        }
    }

    /// The root module's name of a provider that a module uses, and where the key of its instance is written.
    fn root_provider(
        &self,
        scope: ScopeId,
        reference: &ProviderRef,
        own: Option<KeyPlace>,
    ) -> (ProviderRef, Option<KeyPlace>) {
        let (mut scope, mut reference, mut place) = (scope, reference.clone(), own);
        while let Some((above, index)) = self.scopes[scope.0 as usize].parent {
            let passed = &self.module_of(above).calls[index as usize].providers;
            if let Some(pair) = passed.iter().position(|p| p.theirs == reference) {
                reference = passed[pair].ours.clone();
                place = passed[pair].key.as_ref().map(|_| KeyPlace::Call { call: index, pair });
            }
            scope = above;
        }
        (reference, place)
    }

    fn call(&mut self, scope: ScopeId, index: u32) {
        let call = &self.module_of(scope).calls[index as usize];
        let expand = self.id(scope, NodeKind::Expand(index));
        self.repetition(scope, expand, &call.repetition);
        self.explicit(scope, expand, &call.depends_on);
        let Some(child) = self.scopes[scope.0 as usize].children.get(index as usize).copied() else { return };
        for (variable, argument) in &call.arguments {
            self.compiled(scope, self.id(child, NodeKind::Variable(*variable)), argument);
        }
    }

    fn repetition(&mut self, scope: ScopeId, node: u32, repetition: &Repetition) {
        match repetition {
            Repetition::One => {}
            Repetition::Count(value) | Repetition::ForEach(value) => self.compiled(scope, node, value),
        }
    }

    fn compiled(&mut self, scope: ScopeId, node: u32, compiled: &Compiled) {
        self.references(scope, node, compiled.references(), EdgeKind::Reference);
    }

    fn references(&mut self, scope: ScopeId, node: u32, references: &[Reference], kind: EdgeKind) {
        for reference in references {
            self.slot(scope, node, reference.slot, &reference.path, kind);
        }
    }

    fn explicit(&mut self, scope: ScopeId, node: u32, slots: &[Slot]) {
        for slot in slots {
            let before = self.edges.len();
            self.slot(scope, node, *slot, &Path::default(), EdgeKind::Explicit);
            // `depends_on = [itself]` says nothing, and is no cycle.
            let added = self.edges.split_off(before);
            self.edges.extend(added.into_iter().filter(|(needs, from, _)| needs != from));
        }
    }

    fn slot(&mut self, scope: ScopeId, node: u32, slot: Slot, path: &Path, kind: EdgeKind) {
        let Some(symbol) = self.module_of(scope).symbols.get(slot.0 as usize) else { return };
        match symbol {
            Symbol::Variable(i) => self.edge(node, self.id(scope, NodeKind::Variable(*i)), kind),
            Symbol::Local(i) => self.edge(node, self.id(scope, NodeKind::Local(*i)), kind),
            Symbol::Resource(i) => self.edge(node, self.id(scope, NodeKind::Resource(*i)), kind),
            Symbol::Call(i) => self.outputs(scope, node, *i, &path.0, kind),
            Symbol::Calls(calls) => {
                let label = path.0.first().and_then(step_name);
                let of_label = |i: &&u32| {
                    let call = &self.module_of(scope).calls[**i as usize];
                    label.is_none_or(|l| call.label.as_deref().is_none_or(|c| c == l))
                };
                let chosen: Vec<u32> = calls.iter().filter(of_label).copied().collect();
                for call in chosen {
                    self.outputs(scope, node, call, path.0.get(1..).unwrap_or_default(), kind);
                }
            }
            Symbol::CountIndex
            | Symbol::EachKey
            | Symbol::EachValue
            | Symbol::This
            | Symbol::PathModule
            | Symbol::PathRoot
            | Symbol::PathCwd
            | Symbol::Workspace => {}
        }
    }

    /// A reference to a module: to the output that it names, or to all; with `depends_on` to all that is in it.
    fn outputs(&mut self, scope: ScopeId, node: u32, index: u32, path: &[Step], kind: EdgeKind) {
        let call = &self.module_of(scope).calls[index as usize];
        self.edge(node, self.id(scope, NodeKind::Expand(index)), kind);
        let Some(child) = self.scopes[scope.0 as usize].children.get(index as usize).copied() else { return };
        if kind == EdgeKind::Explicit {
            self.everything_in(node, child, kind);
            return;
        }
        let step = if matches!(call.repetition, Repetition::One) { path.first() } else { path.get(1) };
        let outputs = &self.module_of(child).outputs;
        let named = step.and_then(step_name).and_then(|name| outputs.iter().position(|o| o.name == name));
        match named {
            Some(i) => self.edge(node, self.id(child, NodeKind::Output(i as u32)), kind),
            // Any of them, of any instance: all of the module must be there.
            None => self.everything_in(node, child, kind),
        }
    }

    fn everything_in(&mut self, node: u32, scope: ScopeId, kind: EdgeKind) {
        let module = self.module_of(scope);
        for i in 0..module.resources.len() {
            self.edge(node, self.id(scope, NodeKind::Resource(i as u32)), kind);
        }
        for i in 0..module.outputs.len() {
            self.edge(node, self.id(scope, NodeKind::Output(i as u32)), kind);
        }
        for child in self.scopes[scope.0 as usize].children.clone() {
            self.everything_in(node, child, kind);
        }
    }

    fn provider_blocks(&mut self) {
        let root = self.module(ModuleId(0));
        for index in 0..self.providers.len() {
            let Some(block) = self.providers[index].block else { continue };
            let before = self.edges.len();
            let references = root.providers[block as usize].body.references();
            self.references(ScopeId(0), index as u32, references, EdgeKind::Reference);
            // They were made as if the provider were a node of that number.
            let added = self.edges.split_off(before);
            let first = self.nodes.len() as u32;
            self.edges.extend(added.into_iter().map(|(needs, from, kind)| (needs, from + first, kind)));
        }
    }

    pub(super) fn finish(mut self, diags: &mut Diagnostics) -> Graph {
        let first_provider = self.nodes.len() as u32;
        let numbers = 0..self.providers.len() as u32;
        self.nodes.extend(numbers.map(|i| Node { scope: ScopeId(0), kind: NodeKind::Provider(i) }));
        let mut edges =
            DiGraph::with_capacity(self.nodes.len(), self.edges.len() + self.provider_edges.len());
        for _ in &self.nodes {
            edges.add_node(());
        }
        let through = self.provider_edges.iter().map(|(p, node, kind)| (p + first_provider, *node, *kind));
        let mut all: Vec<(u32, u32, EdgeKind)> = self.edges.iter().copied().chain(through).collect();
        all.sort_unstable_by_key(|(needs, from, kind)| (*from, *needs, *kind != EdgeKind::Explicit));
        all.dedup_by_key(|(needs, from, _)| (*needs, *from));
        for (needs, from, kind) in all {
            edges.add_edge(NodeIndex::new(needs as usize), NodeIndex::new(from as usize), kind);
        }
        let order = match toposort(&edges, None) {
            Ok(order) => order.into_iter().map(|n| NodeId(n.index() as u32)).collect(),
            Err(_) => Vec::new(),
        };
        let graph = Graph {
            scopes: self.scopes,
            nodes: self.nodes,
            providers: self.providers,
            through: self.through,
            edges,
            order,
            by_step: self.by_step,
            by_name: self.configuration.modules.iter().map(in_name_order).collect(),
            first_provider,
        };
        if graph.order.is_empty() && !graph.nodes.is_empty() {
            report_cycles(&graph, self.configuration, diags);
        }
        graph
    }
}

fn step_name(step: &Step) -> Option<&str> {
    match step {
        Step::Attribute(name) | Step::Key(name) => Some(name),
        Step::Index(_) | Step::Element(_) => None,
    }
}
