//! Providers: connected when their configuration is known.

use std::sync::Arc;

use pilotis_config::{BodyContext, ProviderRef};
use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_schema::address::Key;
use pilotis_schema::{Block, Nesting, ProviderSchema};
use pilotis_value::Value;

use crate::graph::ScopeId;
use crate::machine::{Machine, Pending, Rep};
use crate::recording::without_withheld;
use crate::{Connected, Failure, ProviderId, Request, codes};

/// How far a provider is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not asked for yet.
    Waiting,
    /// It answers, at this host.
    Connected(Connected),
    /// Its configuration is known after apply only.
    Deferred,
    /// It can't be used.
    Failed,
}

/// A provider configuration.
#[derive(Debug)]
pub(crate) struct ProviderState {
    pub(crate) schema: Option<Arc<ProviderSchema>>,
    /// `provider["registry.terraform.io/gitlabhq/gitlab"].alias["key"]`
    pub(crate) address: Arc<str>,
    pub(crate) link: Link,
    /// Answers that it still waits for before its objects can be planned.
    pub(crate) open: usize,
}

impl ProviderState {
    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.link, Link::Connected(_))
    }
}

impl Machine {
    pub(crate) fn begin_providers(&mut self) {
        for used in self.graph.providers.clone() {
            let name = &used.reference.name;
            let schema = self.schemas.providers.get(name).cloned();
            let source = schema.as_ref().map_or(name.as_str(), |s| s.source.as_str());
            let alias = used.reference.alias.as_ref().map_or(String::new(), |a| format!(".{a}"));
            let key = used.reference.key.clone().map(Key::String).map_or(String::new(), |k| k.to_string());
            let address = format!("provider[\"{source}\"]{alias}{key}").into();
            self.providers.push(ProviderState { schema, address, link: Link::Waiting, open: 0 });
        }
    }

    pub(crate) fn visit_provider(&mut self, index: u32) {
        let id = self.graph.provider_node(index);
        if let Some(cause) = self.blocked(id, 0) {
            let why = self.why(&cause);
            self.fail_because(id, 0, cause);
            self.providers[index as usize].link = Link::Failed;
            return self.unseen_rows(index, &why);
        }
        let Some(config) = self.provider_config(index) else {
            self.provider_failed(index);
            return self.unseen_rows(index, "its provider's configuration has errors");
        };
        // A saved plan is shown without ephemeral values; what was told when they were there still holds.
        let config = without_withheld(&config);
        if !config.is_wholly_known() {
            self.providers[index as usize].link = Link::Deferred;
            let sources = self.sources_of(id);
            let why =
                format!("its provider's configuration will be known only after apply{}", sources.clause());
            return self.unseen_rows(index, &why);
        }
        self.connect(index, config);
    }

    pub(crate) fn connect(&mut self, index: u32, config: Value) {
        let name = self.graph.providers[index as usize].reference.name.clone();
        let request = Request::Connect { provider: ProviderId(index), name, config };
        self.ask(Pending::Connect(index), request);
    }

    fn provider_failed(&mut self, index: u32) {
        self.providers[index as usize].link = Link::Failed;
        let id = self.graph.provider_node(index);
        let name = crate::graph::describe(&self.graph, &self.config, id);
        self.fail(id, 0, &name);
    }

    /// The value of a provider's block; none if it has errors.
    pub(crate) fn provider_config(&mut self, index: u32) -> Option<Value> {
        let used = self.graph.providers[index as usize].clone();
        let Some(block) = used.block else {
            let Some(schema) = self.providers[index as usize].schema.clone() else {
                self.diagnose(
                    Diagnostic::error(format!("There is no provider {:?}", used.reference.name))
                        .code(codes::PROVIDER)
                        .detail("Objects of the state belong to it, and this program doesn't have it."),
                );
                return None;
            };
            if used.reference.alias.is_some() {
                let gone = self.provider_gone(index, &used.reference);
                self.diagnose(gone);
                return None;
            }
            return Some(empty(&schema.config));
        };
        let config = self.config.clone();
        let body = &config.modules[0].providers[block as usize].body;
        let rep = match (&used.reference.key, used.each) {
            (Some(key), Some(value)) => Rep::Each(key.as_str().into(), value),
            _ => Rep::One,
        };
        let frame = self.frame(ScopeId(0), 0, &rep);
        let mut diags = Diagnostics::new();
        let value = body.eval(&BodyContext { frame: &frame, surroundings: self.surroundings() }, &mut diags);
        let failed = diags.has_errors();
        let instance = used.reference.key.is_some().then(|| format!("provider.{}", used.reference));
        let with_address = |d: Diagnostic| match &instance {
            Some(instance) if d.address.is_none() => d.address(instance.as_str()),
            _ => d,
        };
        self.diags.extend(diags.into_iter().map(with_address));
        (!failed).then_some(value)
    }

    /// The state has objects of a configuration, or of an instance of one, that isn't there any more.
    fn provider_gone(&self, index: u32, reference: &ProviderRef) -> Diagnostic {
        let of = |id: u32| {
            let row = self.rows.get(id);
            (row.provider == Some(index) && row.included && !row.ignored).then(|| row.record.key.to_string())
        };
        let objects: Vec<String> = self.rows.ids().filter_map(of).collect();
        let which = match objects.as_slice() {
            [] => "Interrupted changes were made".to_owned(),
            [one] => format!("{} was made", self.display_text(one)),
            [first, rest @ ..] => {
                format!("{} and {} more were made", self.display_text(first), rest.len())
            }
        };
        let config = self.config.modules[0].providers.iter().find(|p| p.reference == reference.config());
        match (&reference.key, config) {
            (Some(key), Some(config)) if config.for_each.is_some() => {
                Diagnostic::error("Provider instance not present")
                    .code(codes::PROVIDER)
                    .at(config.span)
                    .detail(format!(
                        "{which} with {reference}, and the provider's for_each has no key {key:?} any more: without it, nobody can remove them."
                    ))
                    .help(format!(
                        "Put the key {key:?} back, take the objects out, apply; then take the key out. Or forget them with a `removed` block or `state rm`."
                    ))
            }
            _ => Diagnostic::error("Provider configuration not present")
                .code(codes::PROVIDER)
                .detail(format!(
                    "{which} with {reference}, and the configuration has no such block."
                ))
                .help("Put the block back until its objects are removed."),
        }
    }

    pub(crate) fn connected(&mut self, index: u32, result: Result<Connected, Failure>) {
        match result {
            Ok(connected) => {
                self.providers[index as usize].link = Link::Connected(connected);
                self.settle_intents(index);
            }
            Err(failure) => {
                self.provider_failed(index);
                let id = self.graph.provider_node(index);
                let mut diagnostic = service_error(&failure).code(codes::PROVIDER);
                if let Some(span) = crate::graph::span_of(&self.graph, &self.config, id) {
                    diagnostic = diagnostic.at(span);
                }
                if self.graph.providers[index as usize].reference.key.is_some() {
                    diagnostic = diagnostic.address(crate::graph::describe(&self.graph, &self.config, id));
                }
                self.diagnose(diagnostic);
                self.unseen_rows(index, &failure.to_string());
            }
        }
    }

    /// None of a provider's objects can be looked at.
    fn unseen_rows(&mut self, index: u32, why: &str) {
        for id in self.rows.ids() {
            let row = self.rows.get(id);
            let wanted = row.included && (self.options.refresh || row.must_look);
            if row.provider == Some(index) && wanted && !row.ignored {
                self.unseen.push((row.record.key.clone(), why.to_owned()));
                self.rows.get_mut(id).seen = super::rows::Seen::Unseen;
            }
        }
        let open = self.intents.iter().filter(|i| self.provider_index(&i.provider) == Some(index));
        let keys: Vec<_> = open.map(|i| i.key.clone()).collect();
        for key in keys {
            self.leave_unsettled(&key, why);
        }
        self.complete(self.graph.provider_node(index));
    }

    /// One answer less to wait for; at the last one the provider's objects can be planned.
    pub(crate) fn provider_step(&mut self, index: u32) {
        let state = &mut self.providers[index as usize];
        state.open -= 1;
        if state.open == 0 {
            self.complete(self.graph.provider_node(index));
        }
    }
}

/// A failure of a service as a diagnostic.
pub(crate) fn service_error(failure: &Failure) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(&failure.summary).code(codes::SERVICE).detail(&failure.detail);
    for help in &failure.help {
        diagnostic = diagnostic.help(help);
    }
    diagnostic
}

/// The value of a block that nobody wrote.
fn empty(block: &Block) -> Value {
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let null = || Value::null(attribute.ty.without_optional());
        (name.as_str().into(), attribute.default.clone().unwrap_or_else(null))
    });
    let blocks = block.blocks.iter().map(|(name, nested)| {
        let element = nested.block.implied_type();
        let none = match nested.nesting {
            Nesting::Single => Value::null(element),
            Nesting::List => Value::list(element, Vec::new()),
            Nesting::Set => Value::set(element, Vec::new()),
            Nesting::Map => Value::map(element, Default::default()),
        };
        (name.as_str().into(), none)
    });
    Value::object(attributes.chain(blocks).collect())
}
