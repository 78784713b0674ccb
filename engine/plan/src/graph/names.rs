//! What nodes are called, where they stand, and the circles that some of them make.

use std::collections::{HashMap, HashSet};

use petgraph::algo::tarjan_scc;
use pilotis_config::{Configuration, Repetition, Resource, Symbol};
use pilotis_diag::{Diagnostic, Diagnostics, Span};
use pilotis_lang::Reference;
use pilotis_schema::address::Key;

use super::{Graph, NodeId, NodeKind, ScopeId};

/// Says which blocks need each other, in the order in which they do.
pub(super) fn report_cycles(graph: &Graph, configuration: &Configuration, diags: &mut Diagnostics) {
    for component in tarjan_scc(&graph.edges) {
        let members: HashSet<NodeId> = component.iter().map(|n| NodeId(n.index() as u32)).collect();
        let first = *members.iter().min().expect("a component has a member");
        let itself = graph.needs(first).any(|(n, _)| n == first);
        if members.len() == 1 && !itself {
            continue;
        }
        let path = shortest_cycle(graph, first, &members);
        let names: Vec<String> = path.iter().map(|id| describe(graph, configuration, *id)).collect();
        if let [only] = path.as_slice() {
            diags.push(self_reference(graph, configuration, *only, &names[0]));
            continue;
        }
        let mut round = names.clone();
        round.push(names[0].clone());
        let mut diagnostic = Diagnostic::error(format!("Cycle: {}", names.join(", ")))
            .code(crate::codes::CYCLE)
            .detail(format!("These blocks need each other: {}.", round.join(" needs ")))
            .help("Break the circle: take one of these references out, or split a block in two.");
        for (id, name) in path.iter().zip(&names) {
            let Some(span) = span_of(graph, configuration, *id) else { continue };
            diagnostic = match diagnostic.primary {
                None => diagnostic.label(span, name.clone()),
                Some(_) => diagnostic.also(span, name.clone()),
            };
        }
        diags.push(diagnostic);
    }
}

/// A block that refers to itself, at the place where it does.
fn self_reference(graph: &Graph, configuration: &Configuration, id: NodeId, name: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error("Self-referential block")
        .code(crate::codes::SELF_REFERENCE)
        .detail(format!("{name} refers to itself: its value would have to be known before it is known."));
    match own_reference(graph, configuration, id).or_else(|| span_of(graph, configuration, id)) {
        Some(span) => diagnostic.at(span),
        None => diagnostic,
    }
}

/// The first of a node's references that mean the node itself.
fn own_reference(graph: &Graph, configuration: &Configuration, id: NodeId) -> Option<Span> {
    let node = graph.node(id);
    let module = &configuration.modules[graph.scope(node.scope).module.0 as usize];
    let (own, references): (Symbol, Vec<&Reference>) = match node.kind {
        NodeKind::Local(i) => {
            (Symbol::Local(i), module.locals[i as usize].value.references().iter().collect())
        }
        NodeKind::Resource(i) => {
            let resource = &module.resources[i as usize];
            let repetition = match &resource.repetition {
                Repetition::One => None,
                Repetition::Count(compiled) | Repetition::ForEach(compiled) => Some(compiled),
            };
            let lifecycle = &resource.lifecycle;
            let conditions = lifecycle.preconditions.iter().chain(&lifecycle.postconditions);
            let compiled = conditions.flat_map(|c| [&c.condition, &c.error_message]).chain(repetition);
            let triggers = lifecycle.replace_triggered_by.iter().map(|t| &t.reference);
            let references = resource.body.references().iter();
            let all = references.chain(compiled.flat_map(|c| c.references())).chain(triggers);
            (Symbol::Resource(i), all.collect())
        }
        _ => return None,
    };
    let mut spans = references.into_iter().filter(|r| module.symbols.get(r.slot.0 as usize) == Some(&own));
    spans.next().map(|r| r.span)
}

/// The shortest way from a node back to itself, each node before what it needs.
fn shortest_cycle(graph: &Graph, start: NodeId, members: &HashSet<NodeId>) -> Vec<NodeId> {
    let mut from: HashMap<NodeId, NodeId> = HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for (need, _) in graph.needs(at) {
            if need == start {
                let mut path = vec![at];
                let mut back = at;
                while back != start {
                    back = from[&back];
                    path.push(back);
                }
                path.reverse();
                return path;
            }
            if members.contains(&need) && !from.contains_key(&need) {
                from.insert(need, at);
                queue.push_back(need);
            }
        }
    }
    vec![start]
}

/// The address of a scope, without keys of instances; labels of blueprints stay.
pub(crate) fn scope_address(graph: &Graph, configuration: &Configuration, scope: ScopeId) -> String {
    let mut steps = Vec::new();
    let mut at = scope;
    while let Some((above, call)) = graph.scope(at).parent {
        let module = &configuration.modules[graph.scope(above).module.0 as usize];
        let call = &module.calls[call as usize];
        let key = call.label.clone().map_or(String::new(), |l| Key::String(l).to_string());
        steps.push(format!("module.{}{key}", call.name));
        at = above;
    }
    steps.reverse();
    steps.join(".")
}

/// A node as a person reads it: `module.m.local.x`.
pub(crate) fn describe(graph: &Graph, configuration: &Configuration, id: NodeId) -> String {
    let node = graph.node(id);
    let module = &configuration.modules[graph.scope(node.scope).module.0 as usize];
    let name = match node.kind {
        NodeKind::Variable(i) | NodeKind::Validation(i) => {
            format!("var.{}", module.variables[i as usize].name)
        }
        NodeKind::Local(i) => format!("local.{}", module.locals[i as usize].name),
        NodeKind::Output(i) => format!("output.{}", module.outputs[i as usize].name),
        NodeKind::Resource(i) => block_name(&module.resources[i as usize]),
        NodeKind::Expand(i) => {
            let call = &module.calls[i as usize];
            match &call.label {
                Some(label) => format!("{}.{label}", call.name),
                None => format!("module.{}", call.name),
            }
        }
        NodeKind::Check(i) => format!("check.{}", module.checks[i as usize].name),
        NodeKind::Provider(i) => {
            format!("provider.{}", graph.providers[i as usize].reference)
        }
    };
    match scope_address(graph, configuration, node.scope) {
        scope if scope.is_empty() => name,
        scope => format!("{scope}.{name}"),
    }
}

/// `data.t.n` or `t.n`.
pub(crate) fn block_name(resource: &Resource) -> String {
    let mode = resource.mode.prefix();
    format!("{mode}{}.{}", resource.type_name, resource.name)
}

/// Where a node's block stands.
pub(crate) fn span_of(graph: &Graph, configuration: &Configuration, id: NodeId) -> Option<Span> {
    let node = graph.node(id);
    let module = &configuration.modules[graph.scope(node.scope).module.0 as usize];
    match node.kind {
        NodeKind::Variable(i) | NodeKind::Validation(i) => Some(module.variables[i as usize].span),
        NodeKind::Local(i) => Some(module.locals[i as usize].span),
        NodeKind::Output(i) => Some(module.outputs[i as usize].span),
        NodeKind::Resource(i) => Some(module.resources[i as usize].span),
        NodeKind::Expand(i) => Some(module.calls[i as usize].span),
        NodeKind::Check(i) => Some(module.checks[i as usize].span),
        NodeKind::Provider(i) => {
            graph.providers[i as usize].block.map(|b| configuration.modules[0].providers[b as usize].span)
        }
    }
}
