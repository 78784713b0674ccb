//! The `configuration` of a plan's document: what is written, with its constants and references, module by module.
//!
//! Several blocks of one blueprint are one module call there, as they are for every tool that reads the document.

use std::collections::{BTreeMap, BTreeSet};

use pilotis_config::{
    Call, Configuration, Content, Module, ModuleId, Output, ProviderRef, Repetition, Resource, Schemas,
    Variable, Written,
};
use pilotis_lang::{Compiled, Reference, Slot};
use pilotis_schema::address::Mode;
use pilotis_value::Value;
use serde_json::{Map, Value as Json, json as object};

use super::marked::{self, Secrets};
use super::modules::mode;

/// The document's part.
pub(crate) fn configuration(configuration: &Configuration, schemas: &Schemas, secrets: Secrets) -> Json {
    let writer = Writer { configuration, schemas, secrets };
    let Some(root) = configuration.modules.first() else { return object!({ "root_module": {} }) };
    let mut providers = BTreeMap::new();
    writer.provider_blocks(root, &mut providers);
    writer.used_providers(&mut providers);
    let mut out = Map::new();
    if !providers.is_empty() {
        out.insert("provider_config".into(), Json::Object(providers.into_iter().collect()));
    }
    out.insert("root_module".into(), writer.module(root, &mut Vec::new()));
    Json::Object(out)
}

struct Writer<'a> {
    configuration: &'a Configuration,
    schemas: &'a Schemas,
    secrets: Secrets,
}

impl<'a> Writer<'a> {
    fn provider_blocks(&self, root: &Module, out: &mut BTreeMap<String, Json>) {
        for block in &root.providers {
            let reference = &block.reference;
            let mut entry = Map::new();
            entry.insert("name".into(), reference.name.as_str().into());
            entry.insert("full_name".into(), block.schema.source.as_str().into());
            if let Some(alias) = &reference.alias {
                entry.insert("alias".into(), alias.as_str().into());
            }
            if let Some(version) = root.required_version(&reference.name) {
                entry.insert("version_constraint".into(), version.into());
            }
            if let Some(keys) = &block.for_each {
                self.keys("for_each_expression", root, keys, &mut entry);
            }
            let written = self.all_written(root, &block.body.written());
            if written.as_object().is_some_and(|w| !w.is_empty()) {
                entry.insert("expressions".into(), written);
            }
            out.insert(provider_key(reference), entry.into());
        }
    }

    /// Providers of resources that have no block of their own.
    fn used_providers(&self, out: &mut BTreeMap<String, Json>) {
        for resource in self.configuration.modules.iter().flat_map(|m| &m.resources) {
            let reference = &resource.provider;
            if reference.alias.is_none() && !out.contains_key(&reference.name) {
                let full_name = self.schemas.providers.get(&reference.name).map_or("", |s| s.source.as_str());
                let mut entry = Map::new();
                entry.insert("name".into(), reference.name.as_str().into());
                entry.insert("full_name".into(), full_name.into());
                let root = self.configuration.modules.first();
                if let Some(version) = root.and_then(|root| root.required_version(&reference.name)) {
                    entry.insert("version_constraint".into(), version.into());
                }
                out.insert(reference.name.clone(), entry.into());
            }
        }
    }

    /// `within`: the modules that this one is called from. None of them is gone into again.
    fn module(&self, module: &'a Module, within: &mut Vec<ModuleId>) -> Json {
        let mut out = Map::new();
        let outputs = module.outputs.iter().map(|o| (o.name.clone(), self.output(module, o)));
        insert_all(&mut out, "outputs", outputs.collect());
        let mut resources: Vec<&Resource> = module.resources.iter().collect();
        resources.sort_by_key(|r| (r.mode != Mode::Managed, r.mode, &r.type_name, &r.name));
        if !resources.is_empty() {
            let resources = resources.into_iter().map(|r| self.resource(module, r));
            out.insert("resources".into(), resources.collect());
        }
        let mut calls: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
        for call in &module.calls {
            calls.entry(&call.name).or_default().push(call);
        }
        let calls =
            calls.into_iter().map(|(name, calls)| (name.to_owned(), self.calls(module, &calls, within)));
        insert_all(&mut out, "module_calls", calls.collect());
        let variables = module.variables.iter().map(|v| (v.name.clone(), self.variable(v)));
        insert_all(&mut out, "variables", variables.collect());
        Json::Object(out)
    }

    fn output(&self, module: &Module, output: &Output) -> Json {
        let mut out = Map::new();
        if output.sensitive {
            out.insert("sensitive".into(), true.into());
        }
        if output.ephemeral {
            out.insert("ephemeral".into(), true.into());
        }
        out.insert("expression".into(), self.expression(module, &output.value));
        if !output.description.is_empty() {
            out.insert("description".into(), output.description.as_str().into());
        }
        self.depends_on(module, &output.depends_on, &mut out);
        Json::Object(out)
    }

    fn variable(&self, variable: &Variable) -> Json {
        let mut out = Map::new();
        if let Some(default) = &variable.default {
            let default = crate::guarded(default.clone(), variable.sensitive);
            out.insert("default".into(), marked::value(&default, self.secrets));
        }
        if !variable.description.is_empty() {
            out.insert("description".into(), variable.description.as_str().into());
        }
        if variable.sensitive {
            out.insert("sensitive".into(), true.into());
        }
        if variable.ephemeral {
            out.insert("ephemeral".into(), true.into());
        }
        Json::Object(out)
    }

    fn resource(&self, module: &Module, resource: &Resource) -> Json {
        let mut out = Map::new();
        out.insert("address".into(), resource.place().into());
        out.insert("mode".into(), mode(resource.mode).into());
        out.insert("type".into(), resource.type_name.as_str().into());
        out.insert("name".into(), resource.name.as_str().into());
        out.insert("provider_config_key".into(), provider_key(&resource.provider).into());
        let written = self.all_written(module, &resource.body.written());
        if written.as_object().is_some_and(|w| !w.is_empty()) {
            out.insert("expressions".into(), written);
        }
        out.insert("schema_version".into(), resource.schema.version.into());
        self.repetition(module, &resource.repetition, &mut out);
        self.depends_on(module, &resource.depends_on, &mut out);
        Json::Object(out)
    }

    /// All calls of one name: one `module` block, or the blocks of one blueprint.
    fn calls(&self, module: &Module, calls: &[&Call], within: &mut Vec<ModuleId>) -> Json {
        let mut out = Map::new();
        let Some(first) = calls.first() else { return Json::Object(out) };
        out.insert("source".into(), first.source.as_str().into());
        out.insert("expressions".into(), self.arguments(module, calls));
        match &first.label {
            None => self.repetition(module, &first.repetition, &mut out),
            Some(_) => {
                let labels = calls.iter().filter_map(|c| Some((c.label.clone()?, object!({}))));
                let labels = Json::Object(labels.collect());
                out.insert("for_each_expression".into(), object!({ "constant_value": labels }));
            }
        }
        if let Some(called) = self.configuration.modules.get(first.module.0 as usize)
            && !within.contains(&first.module)
        {
            within.push(first.module);
            out.insert("module".into(), self.module(called, within));
            within.pop();
        }
        let needed: Vec<Slot> = calls.iter().flat_map(|c| &c.depends_on).copied().collect();
        self.depends_on(module, &needed, &mut out);
        Json::Object(out)
    }

    /// Arguments of calls by variable. What several blocks give differently is told by its references only.
    fn arguments(&self, module: &Module, calls: &[&Call]) -> Json {
        let mut given: BTreeMap<&str, Vec<&Compiled>> = BTreeMap::new();
        for call in calls {
            let Some(called) = self.configuration.modules.get(call.module.0 as usize) else { continue };
            for (variable, argument) in &call.arguments {
                if let Some(variable) = called.variables.get(*variable as usize) {
                    given.entry(&variable.name).or_default().push(argument);
                }
            }
        }
        let entry = |(name, arguments): (&str, Vec<&Compiled>)| {
            let json = match arguments.as_slice() {
                [one] => self.expression(module, one),
                several => {
                    let texts: BTreeSet<String> =
                        several.iter().flat_map(|a| references(module, a.references())).collect();
                    of_references(texts.into_iter().collect())
                }
            };
            (name.to_owned(), json)
        };
        Json::Object(given.into_iter().map(entry).collect())
    }

    fn repetition(&self, module: &Module, repetition: &Repetition, out: &mut Map<String, Json>) {
        let (name, expression) = match repetition {
            Repetition::One => return,
            Repetition::Count(expression) => ("count_expression", expression),
            Repetition::ForEach(expression) => ("for_each_expression", expression),
        };
        self.keys(name, module, expression, out);
    }

    fn keys(&self, name: &str, module: &Module, expression: &Compiled, out: &mut Map<String, Json>) {
        // What is neither constant nor a reference is left out, as Terraform does.
        let expression = self.expression(module, expression);
        if expression.as_object().is_some_and(|e| !e.is_empty()) {
            out.insert(name.into(), expression);
        }
    }

    fn depends_on(&self, module: &Module, slots: &[Slot], out: &mut Map<String, Json>) {
        if slots.is_empty() {
            return;
        }
        let texts = slots.iter().map(|slot| Json::from(module.subject(*slot).plain));
        out.insert("depends_on".into(), texts.collect());
    }

    fn all_written(&self, module: &Module, written: &[Written<'_>]) -> Json {
        let entry = |w: &Written<'_>| {
            let json = match &w.content {
                Content::Value(value) => self.constant(value),
                Content::Expression(expression) => self.expression(module, expression),
                Content::Block(inner) => self.all_written(module, inner),
                Content::Blocks(blocks) => blocks.iter().map(|b| self.all_written(module, b)).collect(),
                Content::Labelled(blocks) => Json::Object(
                    blocks
                        .iter()
                        .map(|(label, b)| ((*label).to_owned(), self.all_written(module, b)))
                        .collect(),
                ),
            };
            (w.name.to_owned(), json)
        };
        Json::Object(written.iter().map(entry).collect())
    }

    fn constant(&self, value: &Value) -> Json {
        object!({ "constant_value": marked::value(value, self.secrets) })
    }

    fn expression(&self, module: &Module, expression: &Compiled) -> Json {
        match expression.constant() {
            Some(value) => self.constant(value),
            None => of_references(references(module, expression.references())),
        }
    }
}

/// An expression that is none but references; nothing if it has none (a call of a function).
fn of_references(texts: Vec<String>) -> Json {
    if texts.is_empty() { object!({}) } else { object!({ "references": texts }) }
}

/// Each reference, followed by what it is a part of.
fn references(module: &Module, references: &[Reference]) -> Vec<String> {
    let mut out = Vec::new();
    for reference in references {
        let referred = module.referred(reference);
        // `module.m.NAME` is one thing, `module.m` another that is told too.
        let subject = &referred.subject.plain;
        let mut steps = referred.steps.as_slice();
        loop {
            out.push(subject.clone() + &steps.concat());
            let Some((_, fewer)) = steps.split_last() else { break };
            let of_call = subject.starts_with("module.");
            let keyed = fewer.len() == 1 && fewer[0].starts_with('[');
            // Of a module's instance Terraform tells the output and the instance, not the call.
            if of_call && keyed && steps.len() == 2 {
                out.push(subject.clone() + &fewer[0]);
                break;
            }
            steps = fewer;
        }
    }
    out
}

fn provider_key(reference: &ProviderRef) -> String {
    match &reference.alias {
        Some(alias) => format!("{}.{alias}", reference.name),
        None => reference.name.clone(),
    }
}

fn insert_all(out: &mut Map<String, Json>, name: &str, entries: BTreeMap<String, Json>) {
    if !entries.is_empty() {
        out.insert(name.into(), Json::Object(entries.into_iter().collect()));
    }
}
