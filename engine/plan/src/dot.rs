//! The dependency graph as DOT, for a person with Graphviz: resources and data sources, and what they need, through whatever lies between.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pilotis_config::Configuration;
use pilotis_diag::Diagnostics;

use crate::graph::{Graph, NodeId, NodeKind, ProviderKeys, ScopeId};

/// The graph in DOT; a cycle is an error. An arrow leads from what needs to what is needed.
pub fn dot(configuration: &Configuration) -> Result<String, Diagnostics> {
    let mut diags = Diagnostics::new();
    let graph = Graph::new(configuration, &ProviderKeys::default(), &[], &mut diags);
    if diags.has_errors() {
        return Err(diags);
    }
    let picture = Picture { configuration, graph: &graph };
    let mut out =
        String::from("digraph G {\n  rankdir = \"RL\";\n  node [shape = rect, fontname = \"sans-serif\"];\n");
    let mut arrows = String::new();
    for id in graph.ids().filter(|id| picture.is_resource(*id)) {
        let name = quote(&picture.name(id));
        let _ = writeln!(out, "  {name};");
        for needed in picture.resources_behind(id) {
            let _ = writeln!(arrows, "  {name} -> {};", quote(&picture.name(needed)));
        }
    }
    out.push_str(&arrows);
    out.push_str("}\n");
    Ok(out)
}

struct Picture<'a> {
    configuration: &'a Configuration,
    graph: &'a Graph,
}

impl Picture<'_> {
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

    fn name(&self, id: NodeId) -> String {
        let node = self.graph.node(id);
        let scope = self.graph.scope(node.scope);
        let NodeKind::Resource(index) = node.kind else { return String::new() };
        let resource = &self.configuration.modules[scope.module.0 as usize].resources[index as usize];
        let mode = resource.mode.prefix();
        format!("{}{mode}{}.{}", self.path(node.scope), resource.type_name, resource.name)
    }

    /// The module calls down to a scope, as a person reads them: `project.carto.`
    fn path(&self, scope: ScopeId) -> String {
        let Some((parent, call)) = self.graph.scope(scope).parent else { return String::new() };
        let module = self.graph.scope(parent).module;
        let call = &self.configuration.modules[module.0 as usize].calls[call as usize];
        match &call.label {
            Some(label) => format!("{}{}.{label}.", self.path(parent), call.name),
            None => format!("{}module.{}.", self.path(parent), call.name),
        }
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
