//! `import` blocks: objects that a service has and the state does not, taken over at an address.

use std::sync::Arc;

use pilotis_config::Import;
use pilotis_diag::{Diagnostic, Diagnostics, Span};
use pilotis_schema::address::{Instance, Key};
use pilotis_value::Value;

use crate::graph::{NodeId, NodeKind, ScopeId};
use crate::machine::provider::service_error;
use crate::machine::{InstanceId, Machine, ObjectId, Pending, Rep};
use crate::{Failure, PlanMode, ProviderId, Request, codes};

impl Machine {
    /// Says so if a block names an address that the configuration doesn't have.
    pub(crate) fn check_imports(&mut self) {
        let config = self.config.clone();
        for index in 0..self.graph.scopes.len() {
            let scope = ScopeId(index as u32);
            for import in &config.modules[self.graph.scope(scope).module.0 as usize].imports {
                if self.import_node(scope, import).is_none() {
                    self.diagnose(no_target(import, &import.to.to_string()));
                }
            }
        }
    }

    /// The block that an import is for.
    fn import_node(&self, scope: ScopeId, import: &Import) -> Option<NodeId> {
        let to = &import.to.resource;
        let inside = to.module.0.iter().try_fold(scope, |at, step| self.graph.step(at, step))?;
        let blocks = &self.module(inside).resources;
        let index = blocks
            .iter()
            .position(|b| b.mode == to.mode && b.type_name == to.type_name && b.name == to.name)?;
        Some(self.graph.id(inside, NodeKind::Resource(index as u32)))
    }

    /// Asks for objects that `import` blocks name and the state doesn't have; how many.
    pub(crate) fn ask_imports(&mut self, id: NodeId) -> usize {
        if self.options.mode == PlanMode::RefreshOnly {
            return 0;
        }
        let config = self.config.clone();
        let mut asked = 0;
        let mut at = Some(self.graph.node(id).scope);
        while let Some(scope) = at {
            let module = &config.modules[self.graph.scope(scope).module.0 as usize];
            let ours: Vec<&Import> =
                module.imports.iter().filter(|i| self.import_node(scope, i) == Some(id)).collect();
            for import in ours {
                for instance in self.instances(scope) {
                    let Some(reps) = self.repeat(&import.repetition, scope, instance, "import") else {
                        continue;
                    };
                    for rep in reps {
                        asked += usize::from(self.ask_import(id, scope, instance, import, &rep));
                    }
                }
            }
            at = self.graph.scope(scope).parent.map(|(above, _)| above);
        }
        asked
    }

    /// One import, in one instance of the module that says it.
    fn ask_import(
        &mut self,
        id: NodeId,
        scope: ScopeId,
        instance: InstanceId,
        import: &Import,
        rep: &Rep,
    ) -> bool {
        let Some(key) = self.import_key(scope, instance, import, rep) else { return false };
        let mut to = Instance { resource: import.to.resource.clone(), key };
        let mut module = self.instance(scope, instance).path.clone();
        module.0.append(&mut to.resource.module.0);
        to.resource.module = module;
        let address = to.to_string();
        let mut objects = self.nodes[id.0 as usize].objects.iter().flatten().copied();
        let Some(object) = objects.find(|o| *self.objects[*o as usize].address == *address) else {
            if !self.failures.contains_key(&id) {
                self.diagnose(no_target(import, &address));
            }
            return false;
        };
        if self.objects[object as usize].row.is_some() || self.objects[object as usize].importing.is_some() {
            return false;
        }
        let Some(service_id) = self.import_id(scope, instance, import, rep) else { return false };
        let provider = self.objects[object as usize].provider;
        if !self.providers[provider as usize].is_connected() {
            let sources = self.sources_of(self.graph.provider_node(provider));
            let why = format!("Its configuration is known only after apply.{}", sources.why());
            let mut diagnostic = error(import.span, "Provider is not ready to import", why);
            if let Some(step) = sources.first_step() {
                diagnostic = diagnostic.help(step);
            }
            self.diagnose(diagnostic);
            return false;
        }
        self.objects[object as usize].importing = Some(service_id.clone());
        *self.block_waits.entry(id).or_default() += 1;
        let type_name: Arc<str> = self.block(id).type_name.as_str().into();
        let request = Request::Import { provider: ProviderId(provider), type_name, id: service_id };
        self.ask(Pending::Import(id, object), request);
        true
    }

    /// The key of the instance that an import is for; none, with a diagnostic, if it can't be told.
    #[allow(clippy::option_option, reason = "no key is a key too")]
    fn import_key(
        &mut self,
        scope: ScopeId,
        instance: InstanceId,
        import: &Import,
        rep: &Rep,
    ) -> Option<Option<Key>> {
        let Some(compiled) = &import.key else { return Some(import.to.key.clone()) };
        let mut diags = Diagnostics::new();
        let (value, failed) = self.eval(compiled, &self.frame(scope, instance, rep), &mut diags);
        self.diags.extend(diags);
        if failed {
            return None;
        }
        let text = value.as_str().map(|s| Key::String(s.to_owned()));
        let key = text.or_else(|| value.as_i64().and_then(|n| u64::try_from(n).ok()).map(Key::Int));
        if key.is_none() {
            let why = "The key must be a known text or a whole number.";
            self.diagnose(error(compiled.span(), "Invalid import address expression", why.into()));
        }
        key.map(Some)
    }

    fn import_id(
        &mut self,
        scope: ScopeId,
        instance: InstanceId,
        import: &Import,
        rep: &Rep,
    ) -> Option<String> {
        let mut diags = Diagnostics::new();
        let (value, failed) = self.eval(&import.id, &self.frame(scope, instance, rep), &mut diags);
        self.diags.extend(diags);
        let wrong = match value.as_str() {
            _ if failed => return None,
            Some("") => "The id is an empty text.",
            Some(_) if value.marks_deep().contains(pilotis_value::Marks::EPHEMERAL) => {
                "The id lives for one run only, and ids of imports are stored."
            }
            Some(_) if value.has_sensitive() => "The id is sensitive, and ids of imports are shown.",
            Some(id) => return Some(id.to_owned()),
            None if !value.is_known() => {
                "The id is not known yet: it must not depend on what is still to be made."
            }
            None => "The id must be a text.",
        };
        self.diagnose(error(import.id.span(), "Invalid import id argument", wrong.to_owned()));
        None
    }

    pub(crate) fn imported(&mut self, node: NodeId, object: ObjectId, result: Result<Value, Failure>) {
        let ty = self.objects[object as usize].ty.clone();
        let result = result.and_then(|value| match ty.misfit(&value) {
            None => Ok(value),
            Some(why) => Err(Failure::new("Provider produced an inconsistent result").detail(format!(
                "What it imported doesn't fit its own schema: {why}. This is a defect of the provider."
            ))),
        });
        match result {
            Ok(value) => {
                let of = &mut self.objects[object as usize];
                of.before = of.ty.mark_secrets(value);
            }
            Err(failure) => {
                let address = self.objects[object as usize].address.clone();
                self.diagnose(service_error(&failure).code(codes::IMPORT).address(&*address));
                let instance = self.objects[object as usize].instance;
                self.objects[object as usize].skipped = true;
                self.fail(node, instance, &address);
            }
        }
        self.block_answered(node);
    }
}

fn no_target(import: &Import, address: &str) -> Diagnostic {
    let detail = format!("The configuration has no {address} to import to.");
    error(import.to_span, "Configuration for import target does not exist", detail)
        .help(format!(
            "Write the resource block for {address} first, or let `plan -generate-config-out=generated.tf` write it."
        ))
}

fn error(span: Span, summary: &str, detail: String) -> Diagnostic {
    Diagnostic::error(summary).code(codes::IMPORT).at(span).detail(detail)
}
