//! `-target`, `-exclude`, `-replace`, and what of the graph is needed at all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pilotis_diag::Diagnostic;
use pilotis_schema::address::{Instance, Target};

use crate::codes;
use crate::graph::{NodeId, NodeKind};
use crate::machine::Machine;

/// What was chosen.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// Blocks of which only the instances that a target names are planned.
    filtered: HashSet<NodeId>,
    /// Addresses to replace.
    replace: HashSet<String>,
    /// Something was chosen: the plan is partial.
    pub(crate) partial: bool,
}

/// Moved objects that an error names.
const MOVED_SHOWN: usize = 10;

impl Machine {
    /// Decides which nodes and rows are planned.
    pub(crate) fn begin_targets(&mut self) {
        self.targets.replace = self.options.replace.iter().map(ToString::to_string).collect();
        self.targets.partial = !(self.options.targets.is_empty() && self.options.excludes.is_empty());
        self.check_targets();
        let all = || (0..self.nodes.len() as u32).map(NodeId);
        let resources: Vec<NodeId> =
            all().filter(|id| matches!(self.graph.node(*id).kind, NodeKind::Resource(_))).collect();
        let mut included: HashSet<NodeId> = if self.destroying() {
            self.choose_rows_to_destroy();
            self.needed_to_destroy()
        } else if self.options.targets.is_empty() {
            all().collect()
        } else {
            self.targeted(&resources)
        };
        if !self.options.excludes.is_empty() && !self.destroying() {
            self.exclude(&resources, &mut included);
        }
        if !self.destroying() {
            self.choose_rows(&included);
        }
        self.check_moved();
        self.choose_looks();
        self.drop_unused_providers(&mut included);
        for id in included {
            self.nodes[id.0 as usize].included = true;
        }
    }

    fn check_targets(&mut self) {
        let options = self.options.clone();
        let chosen = options
            .targets
            .iter()
            .map(|t| ("-target", t))
            .chain(options.excludes.iter().map(|t| ("-exclude", t)));
        for (flag, target) in chosen {
            if !self.exists(target) {
                self.no_such(flag, &target.to_string());
            }
        }
        for instance in &options.replace {
            if self.node_of(instance).is_none() && self.rows.current(&instance.to_string()).is_none() {
                self.no_such("-replace", &instance.to_string());
            }
        }
    }

    fn no_such(&mut self, flag: &str, address: &str) {
        let names: Vec<String> =
            self.config.modules[0].resources.iter().map(crate::graph::block_name).collect();
        let mut diagnostic = Diagnostic::error(format!("{flag}={address} matches nothing"))
            .code(codes::TARGET)
            .detail("Neither the configuration nor the state has anything at this address.");
        if let Some(name) = pilotis_diag::did_you_mean(address, names.iter().map(String::as_str)) {
            diagnostic = diagnostic.help(format!("Did you mean {name}?"));
        }
        self.diagnose(diagnostic);
    }

    fn exists(&self, target: &Target) -> bool {
        let in_configuration = match target {
            Target::Module(path) => self.graph.find_scope(&path.0).is_some(),
            Target::Resource(resource) => {
                self.node_of(&Instance { resource: resource.clone(), key: None }).is_some()
            }
            Target::Instance(instance) => self.node_of(instance).is_some(),
        };
        let in_state = || {
            let addresses = self.rows.all.iter().filter(|r| !r.ignored).map(|r| &r.record.key.address);
            addresses.filter_map(|a| a.parse().ok()).any(|instance| target.contains(&instance))
        };
        in_configuration || in_state()
    }

    /// True if a target may hold instances of a block.
    fn touches(&self, target: &Target, id: NodeId) -> bool {
        let node = self.graph.node(id);
        match target {
            Target::Module(path) => {
                let Some(wanted) = self.graph.find_scope(&path.0) else { return false };
                let mut at = Some(node.scope);
                while let Some(scope) = at {
                    if scope == wanted {
                        return true;
                    }
                    at = self.graph.scope(scope).parent.map(|(above, _)| above);
                }
                false
            }
            Target::Resource(resource) => {
                self.node_of(&Instance { resource: resource.clone(), key: None }) == Some(id)
            }
            Target::Instance(instance) => self.node_of(instance) == Some(id),
        }
    }

    /// The nodes that targets need; blocks that are named themselves, and by nothing else, are planned for the named instances only.
    fn targeted(&mut self, resources: &[NodeId]) -> HashSet<NodeId> {
        let named = |id: &&NodeId| self.options.targets.iter().any(|t| self.touches(t, **id));
        let named: Vec<NodeId> = resources.iter().filter(named).copied().collect();
        let mut included = self.graph.with_needs(named.iter().copied());
        let filtered = |id: &NodeId| !self.is_needed_elsewhere(*id, &named);
        self.targets.filtered = named.iter().copied().filter(filtered).collect();
        self.add_outputs(&mut included);
        self.add_validations(&mut included);
        included
    }

    /// True if something that is named itself needs a block from outside the module instance that names it: then all of its instances
    /// are needed. Within a module, an instance needs its own instance of another block only.
    fn is_needed_elsewhere(&self, id: NodeId, named: &[NodeId]) -> bool {
        let targets = &self.options.targets;
        let users = self.graph.with_needed_by([id]);
        named.iter().filter(|user| **user != id && users.contains(user)).any(|user| {
            let mut of_user = targets.iter().filter(|t| self.touches(t, *user));
            of_user.any(|t| !matches!(t, Target::Module(_)) || !self.touches(t, id))
        })
    }

    /// The rules of the variables that are needed: nothing depends on them, and they must hold all the same.
    fn add_validations(&self, included: &mut HashSet<NodeId>) {
        let rule = |id: &NodeId| {
            let node = self.graph.node(*id);
            match node.kind {
                NodeKind::Variable(i) => Some(self.graph.id(node.scope, NodeKind::Validation(i))),
                _ => None,
            }
        };
        let rules: Vec<NodeId> = included.iter().filter_map(rule).collect();
        included.extend(self.graph.with_needs(rules));
    }

    /// Outputs of the root module of which all objects are planned.
    fn add_outputs(&self, included: &mut HashSet<NodeId>) {
        for (id, _) in self.root_outputs() {
            let needs = self.graph.with_needs([id]);
            let mut objects = needs
                .iter()
                .filter(|n| matches!(self.graph.node(**n).kind, NodeKind::Resource(_)))
                .peekable();
            if objects.peek().is_some() && objects.all(|n| included.contains(n)) {
                included.extend(needs);
            }
        }
    }

    fn exclude(&mut self, resources: &[NodeId], included: &mut HashSet<NodeId>) {
        let excludes = self.options.excludes.clone();
        let touched: Vec<NodeId> =
            resources.iter().filter(|id| excludes.iter().any(|t| self.touches(t, **id))).copied().collect();
        // A block of which some instances are excluded is still planned for the others.
        let whole =
            |id: &NodeId| excludes.iter().any(|t| !matches!(t, Target::Instance(_)) && self.touches(t, *id));
        let dependants: HashSet<NodeId> = self
            .graph
            .with_needed_by(touched.iter().copied())
            .into_iter()
            .filter(|id| !touched.contains(id) || whole(id))
            .collect();
        self.targets.filtered.extend(touched.iter().filter(|id| !dependants.contains(id)));
        included.retain(|id| {
            !dependants.contains(id) || matches!(self.graph.node(*id).kind, NodeKind::Provider(_))
        });
    }

    /// True if an instance of a planned block is planned.
    pub(crate) fn is_targeted(&self, id: NodeId, instance: &Instance) -> bool {
        if !self.targets.filtered.contains(&id) {
            return true;
        }
        let targets = &self.options.targets;
        let named = targets.is_empty() || targets.iter().any(|t| t.contains(instance));
        named && !self.options.excludes.iter().any(|t| t.contains(instance))
    }

    pub(crate) fn is_filtered(&self, id: NodeId) -> bool {
        self.targets.filtered.contains(&id)
    }

    pub(crate) fn is_to_be_replaced(&self, address: &str) -> bool {
        !self.targets.replace.is_empty() && self.targets.replace.contains(address)
    }

    /// Rows that are looked at and may be removed.
    fn choose_rows(&mut self, included: &HashSet<NodeId>) {
        if !self.targets.partial {
            return;
        }
        for id in self.rows.ids() {
            let row = self.rows.get(id);
            let instance: Option<Instance> = row.record.key.address.parse().ok();
            let chosen = match (row.node, instance) {
                (Some(node), Some(instance)) => included.contains(&node) && self.is_targeted(node, &instance),
                (None, Some(instance)) => {
                    let targets = &self.options.targets;
                    let named = targets.is_empty() || targets.iter().any(|t| t.contains(&instance));
                    named && !self.options.excludes.iter().any(|t| t.contains(&instance))
                }
                (_, None) => false,
            };
            self.rows.get_mut(id).included = chosen;
        }
    }

    /// What has moved has to be part of the plan: its new address is a fact that all of the plan rests on.
    fn check_moved(&mut self) {
        let left_out = |row: &&super::rows::Row| row.moved_from.is_some() && !row.included && !row.ignored;
        let mut moved: Vec<String> = self
            .rows
            .all
            .iter()
            .filter(left_out)
            .map(|row| self.display_text(&row.record.key.address))
            .collect();
        moved.sort();
        moved.dedup();
        let more = moved.len().saturating_sub(MOVED_SHOWN);
        let Some(first) = moved.first() else { return };
        let (flag, verb) = if self.options.targets.is_empty() {
            ("-exclude", "leave out")
        } else {
            ("-target", "don't cover")
        };
        let help = match flag {
            "-target" => format!("Add -target='{first}' and so on, or plan without -target."),
            _ => "Plan without -exclude, or don't exclude them.".to_owned(),
        };
        let named = moved.iter().take(MOVED_SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.diagnose(
            Diagnostic::error("Moved resource instances excluded by targeting")
                .code(codes::MOVED)
                .detail(format!(
                    "Resource instances in the state have moved to new addresses in the configuration, and the {flag} options {verb} all of them: {named}{more}."
                ))
                .help(help),
        );
    }

    /// What is looked at, whatever else isn't.
    fn choose_looks(&mut self) {
        let addresses: HashSet<String> = self.options.look_at.iter().map(ToString::to_string).collect();
        for row in self.rows.all.iter_mut().filter(|_| !addresses.is_empty()) {
            row.must_look |= addresses.contains(&*row.record.key.address);
        }
    }

    /// With `-destroy`: the targets and what depends on them; never what an excluded object depends on.
    fn choose_rows_to_destroy(&mut self) {
        if !self.targets.partial {
            return;
        }
        let instances: Vec<Option<Instance>> =
            self.rows.all.iter().map(|r| r.record.key.address.parse().ok()).collect();
        let matches = |targets: &[Target], id: u32| {
            instances[id as usize].as_ref().is_some_and(|i| targets.iter().any(|t| t.contains(i)))
        };
        let targets = self.options.targets.clone();
        let excludes = self.options.excludes.clone();
        let ids = self.rows.ids();
        let mut chosen: HashSet<u32> =
            ids.clone().filter(|id| targets.is_empty() || matches(&targets, *id)).collect();
        let dependants = self.rows_by_dependency(&instances);
        if !targets.is_empty() {
            let mut todo: Vec<u32> = chosen.iter().copied().collect();
            while let Some(id) = todo.pop() {
                let block = self.block_address(instances[id as usize].as_ref());
                let depending = dependants.get(&block).into_iter().flatten();
                todo.extend(depending.copied().filter(|d| chosen.insert(*d)));
            }
        }
        let mut kept: Vec<u32> = ids.clone().filter(|id| matches(&excludes, *id)).collect();
        let by_block = self.rows_by_block(&instances);
        let mut keep: HashSet<u32> = kept.iter().copied().collect();
        while let Some(id) = kept.pop() {
            for needed in &self.rows.get(id).record.dependencies {
                let rows = by_block.get(&strip_keys(needed)).into_iter().flatten();
                kept.extend(rows.copied().filter(|r| keep.insert(*r)));
            }
        }
        for id in ids {
            self.rows.get_mut(id).included = chosen.contains(&id) && !keep.contains(&id);
        }
    }

    fn rows_by_dependency(&self, _instances: &[Option<Instance>]) -> HashMap<String, Vec<u32>> {
        let mut by: HashMap<String, Vec<u32>> = HashMap::new();
        for id in self.rows.ids() {
            for needed in &self.rows.get(id).record.dependencies {
                by.entry(strip_keys(needed)).or_default().push(id);
            }
        }
        by
    }

    fn rows_by_block(&self, instances: &[Option<Instance>]) -> HashMap<String, Vec<u32>> {
        let mut by: HashMap<String, Vec<u32>> = HashMap::new();
        for id in self.rows.ids() {
            by.entry(self.block_address(instances[id as usize].as_ref())).or_default().push(id);
        }
        by
    }

    fn block_address(&self, instance: Option<&Instance>) -> String {
        instance.map(|i| strip_keys(&i.to_string())).unwrap_or_default()
    }

    /// Only what providers are made with has to be known to remove things.
    fn needed_to_destroy(&self) -> HashSet<NodeId> {
        let used: HashSet<u32> =
            self.rows.all.iter().filter(|r| r.included).filter_map(|r| r.provider).collect();
        self.graph.with_needs(used.into_iter().map(|p| self.graph.provider_node(p)))
    }

    /// Providers that nothing needs are not connected.
    fn drop_unused_providers(&self, included: &mut HashSet<NodeId>) {
        let mut used: HashSet<u32> = HashSet::new();
        for id in included.iter() {
            if matches!(self.graph.node(*id).kind, NodeKind::Resource(_)) {
                used.extend(self.graph.providers_of(*id));
            }
        }
        used.extend(self.rows.all.iter().filter(|r| r.included && !r.ignored).filter_map(|r| r.provider));
        used.extend(self.intents.iter().filter_map(|i| self.provider_index(&i.provider)));
        for index in 0..self.graph.providers.len() as u32 {
            let node = self.graph.provider_node(index);
            if !used.contains(&index) {
                included.remove(&node);
            } else if !included.contains(&node) {
                included.extend(self.graph.with_needs([node]));
            }
        }
    }

    pub(crate) fn provider_index(&self, text: &Arc<str>) -> Option<u32> {
        let reference = super::rows::provider_ref(text, &self.schemas)?;
        self.graph.providers.iter().position(|p| p.reference == reference).map(|i| i as u32)
    }
}

/// An address without any key.
pub(crate) fn strip_keys(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    let mut chars = address.chars();
    while let Some(c) = chars.next() {
        if c != '[' {
            out.push(c);
            continue;
        }
        let mut quoted = false;
        while let Some(c) = chars.next() {
            match c {
                '"' => quoted = !quoted,
                '\\' if quoted => {
                    chars.next();
                }
                ']' if !quoted => break,
                _ => {}
            }
        }
    }
    out
}
