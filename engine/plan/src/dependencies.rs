//! The dependency graph of a configuration as data: resources and data sources, and what they need, through whatever lies between.

use std::collections::BTreeSet;

use petgraph::algo::toposort;
use petgraph::algo::tred::{dag_to_toposorted_adjacency_list, dag_transitive_reduction_closure};
use petgraph::graph::{DiGraph, NodeIndex};
use pilotis_config::Configuration;
use pilotis_diag::Diagnostics;

use crate::graph::{Graph, NodeId, NodeKind, ProviderKeys, ScopeId};

/// One resource or data source block of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// The module calls down to it, as a person reads them: `project.carto`; empty in the root module.
    pub module: String,
    /// Its name inside its module: `t.n`, `data.t.n`.
    pub name: String,
    /// What it needs, as places in the list; without what something else that it needs needs too.
    pub needs: Vec<usize>,
}

impl Dependent {
    /// Its whole address, as a person reads it.
    pub fn address(&self) -> String {
        match self.module.as_str() {
            "" => self.name.clone(),
            module => format!("{module}.{}", self.name),
        }
    }
}

/// All resources and data sources, by module and name. A cycle is an error.
pub fn dependencies(configuration: &Configuration) -> Result<Vec<Dependent>, Diagnostics> {
    let mut diags = Diagnostics::new();
    let graph = Graph::new(configuration, &ProviderKeys::default(), &[], &mut diags);
    if diags.has_errors() {
        return Err(diags);
    }
    let reader = Reader { configuration, graph: &graph };
    let mut named: Vec<(Dependent, NodeId)> =
        graph.ids().filter_map(|id| Some((reader.named(id)?, id))).collect();
    named.sort_by(|(a, _), (b, _)| (&a.module, &a.name).cmp(&(&b.module, &b.name)));
    let mut needs = DiGraph::<(), (), u32>::with_capacity(named.len(), named.len());
    for _ in &named {
        needs.add_node(());
    }
    for (from, (_, id)) in named.iter().enumerate() {
        let behind = reader.resources_behind(*id);
        for (to, _) in named.iter().enumerate().filter(|(_, (_, other))| behind.contains(other)) {
            needs.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
        }
    }
    let reduced = reduced(&needs);
    Ok(named
        .into_iter()
        .zip(reduced)
        .map(|((dependent, _), needs)| Dependent { needs, ..dependent })
        .collect())
}

/// For each node what it needs, without what is needed by something that it needs.
fn reduced(graph: &DiGraph<(), (), u32>) -> Vec<Vec<usize>> {
    let mut out = vec![Vec::new(); graph.node_count()];
    // There is no circle: the graph of blocks that this one is drawn from has none.
    let Ok(order) = toposort(graph, None) else { return out };
    let (list, places) = dag_to_toposorted_adjacency_list::<_, u32>(graph, &order);
    let (reduction, _) = dag_transitive_reduction_closure(&list);
    let mut at_place = vec![0_usize; places.len()];
    for (node, place) in places.iter().enumerate() {
        at_place[*place as usize] = node;
    }
    for edge in reduction.edge_indices() {
        if let Some((from, to)) = reduction.edge_endpoints(edge) {
            out[at_place[from as usize]].push(at_place[to as usize]);
        }
    }
    out.iter_mut().for_each(|needs| needs.sort_unstable());
    out
}

struct Reader<'a> {
    configuration: &'a Configuration,
    graph: &'a Graph,
}

impl Reader<'_> {
    fn is_resource(&self, id: NodeId) -> bool {
        matches!(self.graph.node(id).kind, NodeKind::Resource(_))
    }

    /// The nearest resources that a node needs: variables, locals, outputs and calls are passed through.
    fn resources_behind(&self, id: NodeId) -> BTreeSet<NodeId> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            for (needed, _) in self.graph.needs(at) {
                if !seen.insert(needed) {
                    continue;
                }
                if self.is_resource(needed) {
                    found.insert(needed);
                } else {
                    open.push(needed);
                }
            }
        }
        found
    }

    /// A resource by its names; none if the node is no resource.
    fn named(&self, id: NodeId) -> Option<Dependent> {
        let node = self.graph.node(id);
        let NodeKind::Resource(index) = node.kind else { return None };
        let module = self.configuration.modules.get(self.graph.scope(node.scope).module.0 as usize)?;
        let name = module.resources.get(index as usize)?.place();
        Some(Dependent { module: self.path(node.scope), name, needs: Vec::new() })
    }

    /// The module calls down to a scope.
    fn path(&self, scope: ScopeId) -> String {
        let Some((parent, call)) = self.graph.scope(scope).parent else { return String::new() };
        let module = &self.configuration.modules[self.graph.scope(parent).module.0 as usize];
        let place = module.calls[call as usize].place();
        match self.path(parent).as_str() {
            "" => place,
            above => format!("{above}.{place}"),
        }
    }
}
