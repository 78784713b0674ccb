//! `pilotis providers` and `pilotis providers schema`

use std::collections::{BTreeMap, BTreeSet};

use pilotis_config::{Configuration, Module};
use pilotis_schema::ProviderSchema;

use crate::args::{ProvidersArgs, ProvidersCommand, ProvidersSchemaArgs};
use crate::exit::Exit;
use crate::folder::Folder;
use crate::view::View;

/// Shows what the configuration uses; calls nothing.
pub(crate) fn run(args: &ProvidersArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::plain(true);
    if let Some(ProvidersCommand::Schema(ProvidersSchemaArgs { all: true, .. })) = &args.command {
        schemas(&folder, &view, |_| true);
        return Ok(Exit::Done);
    }
    let (configuration, mut diagnostics) = folder.configuration();
    diagnostics.sort();
    view.diagnostics(&diagnostics, &configuration.sources);
    if diagnostics.has_errors() {
        return Ok(Exit::Error);
    }
    match &args.command {
        Some(ProvidersCommand::Schema(_)) => {
            let used: BTreeSet<&str> = configuration.modules.iter().flat_map(used).collect();
            schemas(&folder, &view, |schema| used.contains(schema.name.as_str()));
        }
        None => {
            let mut text = String::from("Providers required by configuration:\n.\n");
            if let Some(root) = configuration.modules.first() {
                let sources = folder.providers.iter();
                let sources = sources.map(|(name, p)| (name.as_str(), p.schema().source.as_str())).collect();
                Tree { configuration: &configuration, sources }.module(root, "", &mut text);
            }
            view.print(&text);
        }
    }
    Ok(Exit::Done)
}

fn schemas(folder: &Folder, view: &View, wanted: impl Fn(&ProviderSchema) -> bool) {
    let schemas = folder.providers.values().map(|p| p.schema()).filter(|s| wanted(s));
    view.print(&format!("{}\n", pilotis_report::json::schemas(schemas)));
}

/// Names of the providers of a module's resources and blocks.
fn used(module: &Module) -> impl Iterator<Item = &str> {
    let of_resources = module.resources.iter().map(|r| r.provider.name.as_str());
    of_resources.chain(module.providers.iter().map(|p| p.reference.name.as_str()))
}

struct Tree<'a> {
    configuration: &'a Configuration,
    sources: BTreeMap<&'a str, &'a str>,
}

impl Tree<'_> {
    fn module(&self, module: &Module, indent: &str, text: &mut String) {
        let providers: BTreeSet<&str> = used(module).collect();
        let mut calls: Vec<_> = module.calls.iter().collect();
        calls.sort_by_key(|c| c.place());
        let mut left = providers.len() + calls.len();
        let mut branch = || {
            left -= 1;
            if left == 0 { ("└── ", "    ") } else { ("├── ", "│   ") }
        };
        for name in providers {
            let source = self.sources.get(name).copied().unwrap_or(name);
            text.push_str(&format!("{indent}{}provider[{source}]\n", branch().0));
        }
        for call in calls {
            let (fork, trunk) = branch();
            text.push_str(&format!("{indent}{fork}{}\n", call.place()));
            if let Some(called) = self.configuration.modules.get(call.module.0 as usize) {
                self.module(called, &format!("{indent}{trunk}"), text);
            }
        }
    }
}
