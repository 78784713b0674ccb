//! Objects nested in the modules that they belong to, as `planned_values`, `prior_state` and a state's `values` have them.

use std::collections::BTreeMap;

use pilotis_schema::address::{Instance, Key, Mode, ModulePath, ModuleStep};
use serde_json::{Map, Value as Json, json};

/// A module instance with its objects.
#[derive(Default)]
pub(crate) struct Module {
    resources: Vec<Json>,
    children: BTreeMap<ModuleStep, Module>,
}

impl Module {
    pub(crate) fn add(&mut self, address: &Instance, resource: Json) {
        let steps = &address.resource.module.0;
        let module = steps.iter().fold(self, |module, step| module.children.entry(step.clone()).or_default());
        module.resources.push(resource);
    }

    pub(crate) fn into_json(self) -> Json {
        self.at(&mut ModulePath::default())
    }

    fn at(self, path: &mut ModulePath) -> Json {
        let mut out = Map::new();
        if !path.0.is_empty() {
            out.insert("address".into(), path.to_string().into());
        }
        if !self.resources.is_empty() {
            out.insert("resources".into(), self.resources.into());
        }
        if !self.children.is_empty() {
            let mut children = Vec::new();
            for (step, child) in self.children {
                path.0.push(step);
                children.push(child.at(path));
                path.0.pop();
            }
            out.insert("child_modules".into(), children.into());
        }
        Json::Object(out)
    }
}

/// The fields by which every document names an object.
pub(crate) fn named(address: &Instance, provider: &str) -> Map<String, Json> {
    let resource = &address.resource;
    let mut out = Map::new();
    out.insert("address".into(), address.to_string().into());
    out.insert("mode".into(), mode(resource.mode).into());
    out.insert("type".into(), resource.type_name.as_str().into());
    out.insert("name".into(), resource.name.as_str().into());
    if let Some(key) = &address.key {
        out.insert("index".into(), index(key));
    }
    out.insert("provider_name".into(), provider_name(provider).into());
    out
}

pub(crate) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Managed => "managed",
        Mode::Data => "data",
        Mode::Ephemeral => "ephemeral",
    }
}

pub(crate) fn index(key: &Key) -> Json {
    match key {
        Key::Int(n) => json!(n),
        Key::String(s) => json!(s),
    }
}

/// `registry.terraform.io/gitlabhq/gitlab` out of `provider["registry.terraform.io/gitlabhq/gitlab"].alias`.
pub(crate) fn provider_name(provider: &str) -> &str {
    let inner = provider.split_once("[\"").map_or(provider, |(_, rest)| rest);
    inner.split_once("\"]").map_or(inner, |(name, _)| name)
}
