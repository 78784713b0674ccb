//! Expressions that stand in no file: compiled as if they stood in a module, and the names that may be written in one.
//!
//! What `pilotis console` needs of a module. Nothing is evaluated here.

use pilotis_diag::Diagnostics;
use pilotis_lang::{Compiled, compile};
use pilotis_syntax::ast::Expr;
use pilotis_value::Value;

use crate::names::{Allowed, CallName, Scope};
use crate::{Module, ProviderRef};

impl Module {
    /// Compiles an expression as if it stood in the module's locals: `each`, `count` and `self` mean nothing in it.
    pub fn expression(&self, expr: &Expr, diags: &mut Diagnostics) -> Compiled {
        let mut scope = Scope { names: &self.names, allowed: Allowed::default() };
        compile(expr, &mut scope, &[], diags)
    }

    /// Configures a provider that comes from outside ([`crate::LoadOptions::providers`]) with a value of its schema.
    pub fn configure(&mut self, reference: &ProviderRef, value: Value) {
        if let Some(provider) = self.providers.iter_mut().find(|p| p.reference == *reference) {
            provider.body = provider.body.with_value(value);
        }
    }

    /// Every reference that can be written in the module, without instance keys: `var.region`, `gitlab_group.root`,
    /// `gitlab_group.root.path`, `module.network.address`. Sorted.
    pub fn references(&self) -> Vec<String> {
        let names = &self.names;
        let fixed = ["path.cwd", "path.module", "path.root", "terraform.workspace"];
        let mut found: Vec<String> = fixed.map(str::to_owned).into();
        found.extend(names.variables.keys().map(|name| format!("var.{name}")));
        found.extend(names.locals.keys().map(|name| format!("local.{name}")));
        for ((mode, ty, name), resource) in &names.resources {
            let prefix = mode.prefix();
            let attributes = resource.schema.iter().flat_map(|s| {
                let block = &s.block;
                block.attributes.keys().chain(block.blocks.keys()).map(String::as_str)
            });
            add(&mut found, format!("{prefix}{ty}.{name}"), attributes);
        }
        for (name, call) in &names.modules {
            add(&mut found, format!("module.{name}"), outputs(call));
        }
        for (word, labels) in &names.words {
            for (label, call) in labels {
                add(&mut found, format!("{word}.{label}"), outputs(call));
            }
        }
        found.sort();
        found
    }
}

fn outputs(call: &CallName) -> impl Iterator<Item = &str> {
    call.outputs.iter().flatten().map(String::as_str)
}

fn add<'a>(found: &mut Vec<String>, whole: String, members: impl Iterator<Item = &'a str>) {
    found.extend(members.map(|member| format!("{whole}.{member}")));
    found.push(whole);
}
