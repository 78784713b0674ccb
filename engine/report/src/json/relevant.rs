//! The `relevant_attributes` of a plan's document: of which attributes of other objects the planned changes are made.

use std::collections::BTreeSet;

use pilotis_config::{Call, Configuration, Module, Repetition, Symbol};
use pilotis_lang::Reference;
use pilotis_plan::{Plan, PlanAction, ResourceChange};
use pilotis_schema::address::{Key, ModulePath, ModuleStep};
use pilotis_value::{Path, Step};
use serde_json::{Value as Json, json as object};

/// One entry for each attribute, in the order of its text.
pub(crate) fn attributes(plan: &Plan, configuration: &Configuration) -> Vec<Json> {
    let mut search = Search { configuration, found: BTreeSet::new(), seen: BTreeSet::new() };
    for change in plan.changes.iter().filter(|c| c.action != PlanAction::NoOp) {
        search.change(change);
    }
    if let Some(root) = configuration.modules.first() {
        let root = [Level { module: root, call: None }];
        for output in plan.outputs.iter().filter(|o| o.before != o.after) {
            let declared = root[0].module.outputs.iter().find(|o| o.name == output.name);
            if let Some(declared) = declared {
                search.references(&root, &ModulePath::default(), declared.value.references());
            }
        }
    }
    let entry = |(resource, path): (String, Vec<String>)| {
        let attribute: Vec<Json> = path.iter().filter_map(|step| serde_json::from_str(step).ok()).collect();
        object!({ "resource": resource, "attribute": attribute })
    };
    search.found.into_iter().map(entry).collect()
}

/// A module on the way down, and the call in the one above that leads to it.
#[derive(Clone, Copy)]
struct Level<'a> {
    module: &'a Module,
    call: Option<&'a Call>,
}

struct Search<'a> {
    configuration: &'a Configuration,
    /// Address, and the steps after it as JSON.
    found: BTreeSet<(String, Vec<String>)>,
    /// Module instance and slot that were gone through.
    seen: BTreeSet<(ModulePath, u32, String)>,
}

impl<'a> Search<'a> {
    fn change(&mut self, change: &ResourceChange) {
        let resource = &change.address.resource;
        let Some(levels) = self.levels(&resource.module) else { return };
        let Some(Level { module, .. }) = levels.last().copied() else { return };
        let block = module.resources.iter().find(|r| {
            r.mode == resource.mode && r.type_name == resource.type_name && r.name == resource.name
        });
        let Some(block) = block else { return };
        self.references(&levels, &resource.module, block.body.references());
        if let Repetition::Count(e) | Repetition::ForEach(e) = &block.repetition {
            self.references(&levels, &resource.module, e.references());
        }
    }

    /// The modules from the root down to a module instance.
    fn levels(&self, path: &ModulePath) -> Option<Vec<Level<'a>>> {
        let mut levels = vec![Level { module: self.configuration.modules.first()?, call: None }];
        for step in &path.0 {
            let call = levels.last()?.module.call(step)?;
            let module = self.configuration.modules.get(call.module.0 as usize)?;
            levels.push(Level { module, call: Some(call) });
        }
        Some(levels)
    }

    fn references(&mut self, levels: &[Level<'a>], path: &ModulePath, references: &[Reference]) {
        for reference in references {
            self.reference(levels, path, reference);
        }
    }

    fn reference(&mut self, levels: &[Level<'a>], path: &ModulePath, reference: &Reference) {
        let Some(Level { module, call }) = levels.last().copied() else { return };
        let Some(symbol) = module.symbols.get(reference.slot.0 as usize) else { return };
        if !self.seen.insert((path.clone(), reference.slot.0, reference.path.to_string())) {
            return;
        }
        match symbol {
            Symbol::Resource(i) => {
                if let Some(resource) = module.resources.get(*i as usize) {
                    self.add(path, &resource.place(), &reference.path);
                }
            }
            Symbol::Local(i) => {
                if let Some(local) = module.locals.get(*i as usize) {
                    self.references(levels, path, local.value.references());
                }
            }
            Symbol::Variable(i) => {
                let argument = call.and_then(|c| c.arguments.iter().find(|(v, _)| v == i));
                if let (Some((_, argument)), Some(above)) = (argument, above(path)) {
                    self.references(&levels[..levels.len() - 1], &above, argument.references());
                }
            }
            Symbol::Call(i) => {
                if let Some(call) = module.calls.get(*i as usize) {
                    self.call(levels, path, call, &reference.path);
                }
            }
            Symbol::Calls(all) => {
                for call in all.iter().filter_map(|i| module.calls.get(*i as usize)) {
                    self.call(levels, path, call, &Path::default());
                }
            }
            _ => {}
        }
    }

    /// The outputs of a call that a reference means.
    fn call(&mut self, levels: &[Level<'a>], path: &ModulePath, call: &'a Call, steps: &Path) {
        let Some(module) = self.configuration.modules.get(call.module.0 as usize) else { return };
        let (key, rest) = split_key(&steps.0);
        let key = match (&call.label, key) {
            (Some(label), Some(Key::String(key))) => Some(Key::String(format!("{label}/{key}"))),
            (Some(label), _) => Some(Key::String(label.clone())),
            (None, key) => key,
        };
        let mut inside = path.clone();
        inside.0.push(ModuleStep { name: call.name.clone(), key });
        let mut levels = levels.to_vec();
        levels.push(Level { module, call: Some(call) });
        let wanted = match rest.first() {
            Some(Step::Attribute(name) | Step::Key(name)) => Some(name.as_str()),
            _ => None,
        };
        for output in module.outputs.iter().filter(|o| wanted.is_none_or(|w| o.name == w)) {
            self.references(&levels, &inside, output.value.references());
        }
    }

    fn add(&mut self, path: &ModulePath, place: &str, steps: &Path) {
        let (key, rest) = split_key(&steps.0);
        let prefix = if path.0.is_empty() { String::new() } else { format!("{path}.") };
        let key = key.map(|k| k.to_string()).unwrap_or_default();
        let step = |step: &Step| match step {
            Step::Attribute(name) | Step::Key(name) => Json::from(name.as_str()).to_string(),
            Step::Index(n) => n.to_string(),
            Step::Element(_) => Json::Null.to_string(),
        };
        self.found.insert((format!("{prefix}{place}{key}"), rest.iter().map(step).collect()));
    }
}

/// The key of an instance, if the first step is one, and the steps after it.
fn split_key(steps: &[Step]) -> (Option<Key>, &[Step]) {
    match steps.split_first() {
        Some((Step::Index(n), rest)) => (Some(Key::Int(*n)), rest),
        Some((Step::Key(name), rest)) => (Some(Key::String(name.to_string())), rest),
        _ => (None, steps),
    }
}

fn above(path: &ModulePath) -> Option<ModulePath> {
    let (_, above) = path.0.split_last()?;
    Some(ModulePath(above.to_vec()))
}
