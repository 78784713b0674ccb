//! `provider` blocks, and who goes through which: `provider` of a resource, `providers` of a call.
//!
//! What a key of an instance turns out to be is evaluated by the planner; here it is only compiled.

use pilotis_diag::{Diagnostic, Span, did_you_mean};
use pilotis_lang::Compiled;
use pilotis_syntax::ast::{Attribute, Block, Expr, ExprKind, ObjectKey, TraversalStep};

use super::{Build, traversal_of};
use crate::decode;
use crate::names::{Allowed, Repeats};
use crate::required::{Required, meant, reference};
use crate::shape::{self, literal_text};
use crate::types::BlockPlan;
use crate::{CompiledBody, Module, Passed, ProviderConfig, ProviderRef, Symbol, codes};

/// A provider configuration as it is written, with the key of its instance.
pub(crate) struct Chosen {
    pub(crate) reference: ProviderRef,
    pub(super) key: Option<Expr>,
    span: Span,
}

impl Build<'_> {
    pub(super) fn providers(&mut self, blocks: &[&Block]) {
        self.given_providers();
        for block in blocks {
            let Some([name]) = shape::labels(block, ["name"], &mut self.diags) else { continue };
            if self.is_given(&name.text, block) {
                continue;
            }
            let own = meant(&self.out.required, &name.text).to_owned();
            let Some(schema) = self.types.schemas.providers.get(&own) else {
                self.diags.push(crate::settings::unknown_provider(&name.text, name.span, self.types.schemas));
                continue;
            };
            let schema = schema.clone();
            if !self.is_root && self.proxy(&own, block) {
                continue;
            }
            if !self.is_root {
                self.diags.push(
                    Diagnostic::error("Provider configuration in a module")
                        .code(codes::META)
                        .detail("Providers are configured in the root module; a module uses those that it is given.")
                        .at(block.header)
                        .help("Move this block to the root module, and pass it with `providers = { … }` if it has an alias."),
                );
                continue;
            }
            let Some(reference) = self.provider_name(&own, block) else { continue };
            let for_each = self.provider_for_each(&reference, block);
            let meta = decode::Meta { arguments: &["alias", "version", "for_each", "count"], blocks: &[] };
            let repeats = if for_each.is_some() { Repeats::ForEach } else { Repeats::One };
            let mut scope = self.scope(Allowed::of(repeats));
            let plan = BlockPlan::of(&schema.config);
            let body = decode::decode(&block.body, &plan, &meta, block.header, &mut scope, &mut self.meaning);
            self.provider_places.insert(reference.clone(), self.out.providers.len());
            self.out.providers.push(ProviderConfig { reference, for_each, schema, body, span: block.header });
        }
    }

    /// Providers that come from outside. What they are configured with is told later ([`Module::configure`]).
    fn given_providers(&mut self) {
        for given in self.given {
            let Some(schema) = self.types.schemas.providers.get(&given.reference.name).cloned() else {
                continue;
            };
            let body = CompiledBody::unset(&BlockPlan::of(&schema.config), given.span);
            let (reference, span) = (given.reference.clone(), given.span);
            self.provider_places.insert(reference.clone(), self.out.providers.len());
            self.out.providers.push(ProviderConfig { reference, for_each: None, schema, body, span });
        }
    }

    /// True for a block in whose place a provider from outside stands.
    fn is_given(&self, name: &str, block: &Block) -> bool {
        let alias = shape::attribute(&block.body, "alias").and_then(|a| literal_text(&a.expr));
        let reference = ProviderRef::new(name, alias.as_deref());
        self.given.iter().any(|g| g.reference == reference)
    }

    /// An empty block in a module that is not the root: it says that the module must be given such a configuration.
    fn proxy(&mut self, name: &str, block: &Block) -> bool {
        let empty =
            block.body.blocks.is_empty() && block.body.attributes.iter().all(|a| a.name.text == "alias");
        if !empty {
            return false;
        }
        let Some(reference) = self.provider_name(name, block) else { return true };
        let aliases = match &reference.alias {
            None => String::new(),
            Some(_) => format!(" with `configuration_aliases = [{reference}]`"),
        };
        self.diags.push(
            Diagnostic::warning("Redundant empty provider block")
                .code(codes::OLD_PROVIDERS)
                .detail("Earlier versions of Terraform used empty provider blocks for child modules to declare their need to be passed a provider configuration by their callers. That approach was ambiguous and is now deprecated.")
                .at(block.header)
                .help(format!("Write an entry for {name} in required_providers{aliases} instead.")),
        );
        self.out.proxies.push(reference);
        true
    }

    /// The block of that name and alias.
    fn declared(&self, reference: &ProviderRef) -> Option<&ProviderConfig> {
        self.provider_places.get(reference).map(|place| &self.out.providers[*place])
    }

    /// Name and alias of a block; none if there is one of the same already.
    fn provider_name(&mut self, name: &str, block: &Block) -> Option<ProviderRef> {
        let alias = shape::attribute(&block.body, "alias")
            .and_then(|a| shape::constant(a, &pilotis_value::Type::String, &mut self.diags))
            .and_then(|v| v.as_str().map(str::to_owned));
        if let (Some(alias), Some(at)) = (&alias, shape::attribute(&block.body, "alias"))
            && !shape::is_identifier(alias)
        {
            self.diags.push(
                Diagnostic::error("Invalid provider configuration alias")
                    .code(codes::INVALID_NAME)
                    .detail("An alias must be a valid name. It starts with a letter or underscore and may contain only letters, digits, underscores, and dashes.")
                    .at(at.expr.span),
            );
            return None;
        }
        let reference = ProviderRef::new(name, alias.as_deref());
        let Some(first) = self.declared(&reference) else {
            return Some(reference);
        };
        let detail = match &reference.alias {
            None => format!(
                "A default configuration of provider \"{name}\" was already given; others need an \"alias\"."
            ),
            Some(alias) => {
                format!(
                    "A configuration of provider \"{name}\" with the alias \"{alias}\" was already given."
                )
            }
        };
        let d = shape::duplicate("Duplicate provider configuration", detail, block.header, first.span);
        self.diags.push(d);
        None
    }

    /// `for_each` of a provider: keys that are known before anything else is.
    fn provider_for_each(&mut self, reference: &ProviderRef, block: &Block) -> Option<Compiled> {
        let wrong = |summary: &str, detail: &str, at: &Attribute| {
            Diagnostic::error(summary).code(codes::PROVIDER_INSTANCE).detail(detail).at(at.name.span)
        };
        if let Some(count) = shape::attribute(&block.body, "count") {
            self.diags.push(
                wrong(
                    "Invalid provider configuration",
                    "A provider has no \"count\": its instances have names.",
                    count,
                )
                .help("Use `for_each` with a map or a set of names, and an `alias`."),
            );
        }
        let for_each = shape::attribute(&block.body, "for_each")?;
        if reference.alias.is_none() {
            self.diags.push(
                wrong(
                    "Alias required when using \"for_each\"",
                    "The default configuration of a provider is one: only a configuration with an alias has instances.",
                    for_each,
                )
                .help(format!("Add an alias: resources then say `provider = {}.ALIAS[each.key]`.", reference.name)),
            );
        }
        let compiled = self.compile(&for_each.expr, Allowed::default());
        let known = |symbol: &Symbol| {
            matches!(
                symbol,
                Symbol::Variable(_)
                    | Symbol::Local(_)
                    | Symbol::PathModule
                    | Symbol::PathRoot
                    | Symbol::PathCwd
                    | Symbol::Workspace
            )
        };
        let is_known = |slot: pilotis_lang::Slot| self.names.symbols.get(slot.0 as usize).is_some_and(known);
        if compiled.references().iter().any(|r| !is_known(r.slot)) {
            self.diags.push(
                Diagnostic::error("Dynamic value in static context")
                    .code(codes::PROVIDER_INSTANCE)
                    .detail("The instances of a provider must be known before any object is looked at: this value is decided by objects.")
                    .at(for_each.expr.span)
                    .help("Use variables, locals and functions only."),
            );
        }
        self.provider_keys.push((reference.clone(), for_each.expr.clone()));
        Some(compiled)
    }

    /// The `provider` meta-argument, or the type's own provider; and the key of its instance.
    pub(super) fn provider_ref(
        &mut self,
        block: &Block,
        default: String,
        allowed: Allowed,
    ) -> (ProviderRef, Option<Compiled>) {
        let own = ProviderRef::new(default, None);
        let Some(attribute) = shape::attribute(&block.body, "provider") else { return (own, None) };
        let Some(given) = self.provider_of(&attribute.expr) else { return (own, None) };
        if given.reference.name != own.name && self.types.schemas.providers.contains_key(&own.name) {
            self.diags.push(
                Diagnostic::error("Wrong provider")
                    .code(codes::META)
                    .detail(format!(
                        "This type belongs to the provider {}, not to {}.",
                        own.name, given.reference.name
                    ))
                    .at(attribute.expr.span),
            );
        }
        self.outlives(&given.reference, block, "resource");
        let key = given.key.map(|key| self.compile(&key, allowed));
        (given.reference, key)
    }

    /// `gitlab`, `gitlab.other`, `gitlab.by_env[each.key]`; also as a text, as old configurations have it.
    pub(crate) fn provider_of(&mut self, expr: &Expr) -> Option<Chosen> {
        let found = reference_of(expr, &self.out.required);
        let Some(chosen) = found else {
            self.diags.push(
                Diagnostic::error("Invalid provider configuration reference")
                    .code(codes::META)
                    .detail("The provider argument requires a provider type name, optionally followed by a period and then a configuration alias, and a key in brackets if that configuration has several instances.")
                    .at(expr.span),
            );
            return None;
        };
        if self.is_root {
            self.check_declared(&chosen);
            return Some(chosen);
        }
        if chosen.reference.alias.is_some() && !given(&self.out, &chosen.reference) {
            let reference = &chosen.reference;
            self.diags.push(
                Diagnostic::error("Provider configuration not present")
                    .code(codes::MODULE_PROVIDERS)
                    .detail(format!("This module doesn't say that it must be given {reference}."))
                    .at(chosen.span)
                    .help(format!(
                        "Say so: `terraform {{ required_providers {{ {} = {{ configuration_aliases = [{reference}] }} }} }}`; its calls then pass it with `providers`.",
                        reference.name
                    )),
            );
        }
        if let Some(key) = &chosen.key {
            self.diags.push(
                Diagnostic::error("Provider instance in a module")
                    .code(codes::PROVIDER_INSTANCE)
                    .detail("Only the root module has providers with several instances: a module is given one of them.")
                    .at(key.span)
                    .help(format!("Leave the key out, and choose in the root module: `providers = {{ {} = …[each.key] }}`.", chosen.reference)),
            );
        }
        Some(chosen)
    }

    /// The configuration is there, and has instances if a key is given, and only then.
    fn check_declared(&mut self, chosen: &Chosen) {
        let reference = &chosen.reference;
        let declared = self.declared(reference);
        let d = match (declared, &chosen.key) {
            (Some(config), None) if config.for_each.is_some() => {
                Diagnostic::error("Missing provider instance key")
                    .code(codes::PROVIDER_INSTANCE)
                    .detail(format!("{reference} has an instance for each key of its for_each, and this says none of them."))
                    .at(chosen.span)
                    .also(config.span, "has for_each")
                    .help(format!("Say which: `{reference}[each.key]`, or `{reference}[\"…\"]`."))
            }
            (Some(config), Some(key)) if config.for_each.is_none() => {
                Diagnostic::error("Provider configuration without instances")
                    .code(codes::PROVIDER_INSTANCE)
                    .detail(format!("{reference} has no for_each, so there is nothing to choose by a key."))
                    .at(key.span)
                    .also(config.span, "has no for_each")
                    .help(format!("Write `{reference}`, or give the provider block a for_each."))
            }
            (None, Some(key)) if reference.alias.is_none() => {
                Diagnostic::error("Provider configuration without instances")
                    .code(codes::PROVIDER_INSTANCE)
                    .detail(format!("The default configuration of {reference} is one: only a configuration with an alias has instances."))
                    .at(key.span)
                    .help(format!("Write `{reference}.ALIAS[…]`."))
            }
            (None, _) if reference.alias.is_some() => self.undeclared(chosen),
            _ => return,
        };
        self.diags.push(d);
    }

    fn undeclared(&self, chosen: &Chosen) -> Diagnostic {
        let reference = &chosen.reference;
        let shown = reference.to_string();
        let configs = self.out.providers.iter().map(|p| &p.reference);
        let aliases: Vec<String> = configs.filter(|r| r.alias.is_some()).map(ToString::to_string).collect();
        let d = Diagnostic::error("Provider configuration not present")
            .code(codes::UNDECLARED)
            .detail(format!("There is no provider block for {shown}."))
            .at(chosen.span);
        let alias = reference.alias.as_deref().unwrap_or_default();
        let each = if chosen.key.is_some() { "; for_each = …" } else { "" };
        match did_you_mean(&shown, aliases.iter().map(String::as_str)) {
            Some(best) => d.help(format!("Did you mean `{best}`?")),
            None => d.help(format!(
                "Declare it: `provider \"{}\" {{ alias = \"{alias}\"{each} }}`.",
                reference.name
            )),
        }
    }

    /// A provider's instance must be there when the last of its objects is removed.
    pub(super) fn outlives(&mut self, reference: &ProviderRef, block: &Block, what: &str) {
        let Some((_, keys)) = self.provider_keys.iter().find(|(of, _)| of == reference) else { return };
        let Some(own) = shape::attribute(&block.body, "for_each").filter(|a| alike(&a.expr, keys)) else {
            return;
        };
        let d = Diagnostic::warning(format!("Provider configuration for_each matches {what}"))
            .code(codes::SAME_FOR_EACH)
            .detail(format!(
                "{reference} has the same for_each as this {what}: with a key taken out, the instance that would have to remove its objects is gone too, and the plan fails."
            ))
            .at(own.expr.span)
            .also(keys.span, "the provider's")
            .help(format!(
                "Let the provider's keys be more than the {what}'s: `for_each = setsubtract(…, var.removed)` here, say."
            ));
        self.diags.push(d);
    }

    /// What is passed is of the same provider, and the called module asks for it.
    fn fits(&mut self, theirs: &ProviderRef, ours: &Chosen, span: Span, called: &Module) -> bool {
        if !self.types.schemas.providers.contains_key(&theirs.name) {
            self.diags.push(crate::settings::unknown_provider(&theirs.name, span, self.types.schemas));
            return false;
        }
        if theirs.name != ours.reference.name {
            self.diags.push(
                Diagnostic::error("Provider type mismatch")
                    .code(codes::MODULE_PROVIDERS)
                    .detail(format!(
                        "\"{}\" is a configuration of {}, and this module's \"{theirs}\" can be assigned only a configuration of {}.",
                        ours.reference, ours.reference.name, theirs.name
                    ))
                    .at(ours.span),
            );
            return false;
        }
        if theirs.alias.is_some() && !given(called, theirs) {
            let known: Vec<String> = called
                .required
                .iter()
                .flat_map(|r| &r.aliases)
                .chain(&called.proxies)
                .map(ToString::to_string)
                .collect();
            let d = Diagnostic::error("Reference to undefined provider")
                .code(codes::MODULE_PROVIDERS)
                .detail(format!(
                    "The child module does not declare any provider requirement with the local name \"{theirs}\"."
                ))
                .at(span);
            self.diags.push(match did_you_mean(&theirs.to_string(), known.iter().map(String::as_str)) {
                Some(best) => d.help(format!("Did you mean `{best}`?")),
                None => d.help(format!(
                    "If the child module should have it, write there: `{} = {{ configuration_aliases = [{theirs}] }}` in required_providers.",
                    theirs.name
                )),
            });
            return false;
        }
        let declared = called.required.iter().any(|r| r.name == theirs.name) || given(called, theirs);
        if !declared && !self.says_which(ours) {
            self.nobody_says_which(theirs, span);
            return false;
        }
        if !declared && !uses(self.modules, called, &theirs.name) {
            self.diags.push(
                Diagnostic::warning("Reference to undefined provider")
                    .code(codes::OLD_PROVIDERS)
                    .detail(format!(
                        "The child module neither requires a provider \"{theirs}\" nor has resources of it: what is passed is not used."
                    ))
                    .at(span),
            );
        }
        true
    }

    /// Something here says which provider a name is: a block, an entry in `required_providers`, or the name itself.
    fn says_which(&self, ours: &Chosen) -> bool {
        let name = &ours.reference.name;
        let schema = self.types.schemas.providers.get(name);
        !self.is_root
            || ours.reference.alias.is_some()
            || self.declared(&ours.reference).is_some()
            || self.out.required.iter().any(|r| r.name == *name)
            || schema.is_some_and(|s| crate::required::is_meant_by_name(s))
    }

    /// A name that nothing explains means `hashicorp/NAME`, and that isn't the provider of that name here.
    fn nobody_says_which(&mut self, theirs: &ProviderRef, span: Span) {
        let detail = format!(
            "There is no explicit declaration for local provider name \"{theirs}\" in the child module, so it is taken for \"hashicorp/{theirs}\"."
        );
        self.diags.push(
            Diagnostic::warning("Reference to undefined provider")
                .code(codes::OLD_PROVIDERS)
                .detail(detail)
                .at(span),
        );
        self.diags.push(
            Diagnostic::error("Missing provider configuration")
                .code(codes::MODULE_PROVIDERS)
                .detail(format!(
                    "What is to be passed as {theirs} isn't there: no provider block configures it, and neither module says in required_providers which provider it is."
                ))
                .at(span)
                .help("Leave it out: a module uses the default configurations without being given them. Or declare it in both modules."),
        );
    }

    /// `providers = { theirs = ours }`
    pub(super) fn call_providers(
        &mut self,
        block: &Block,
        allowed: Allowed,
        called: Option<&Module>,
    ) -> Vec<Passed> {
        let attribute = shape::attribute(&block.body, "providers");
        let pairs = attribute.map_or_else(Vec::new, |a| self.pairs(block, a, allowed, called));
        let Some(called) = called else { return pairs };
        for wanted in called.required.iter().flat_map(|r| &r.aliases) {
            if pairs.iter().any(|p| p.theirs == *wanted) {
                continue;
            }
            self.diags.push(
                Diagnostic::error("Missing required provider configuration")
                    .code(codes::MODULE_PROVIDERS)
                    .detail(format!(
                        "The child module requires an additional configuration for provider {}, with the local name \"{wanted}\".",
                        wanted.name
                    ))
                    .at(attribute.map_or(block.header, |a| a.name.span))
                    .help(format!("Choose which of yours it should use: `providers = {{ {wanted} = {}… }}`.", wanted.name)),
            );
        }
        pairs
    }

    fn pairs(
        &mut self,
        block: &Block,
        attribute: &Attribute,
        allowed: Allowed,
        called: Option<&Module>,
    ) -> Vec<Passed> {
        let ExprKind::Object(items) = &attribute.expr.kind else {
            self.diags.push(
                Diagnostic::error("Invalid providers argument")
                    .code(codes::META)
                    .detail("A map of provider configurations is required: `providers = { gitlab = gitlab.other }`.")
                    .at(attribute.expr.span),
            );
            return Vec::new();
        };
        // The names on the left are the called module's.
        let asked = called.map_or(&[][..], |called| &called.required);
        let mut pairs: Vec<Passed> = Vec::new();
        for item in items {
            let (theirs, span) = match &item.key {
                ObjectKey::Name(ident) => (Some(reference(asked, &ident.text, None)), ident.span),
                ObjectKey::Expr(key) => {
                    (reference_of(key, asked).filter(|c| c.key.is_none()).map(|c| c.reference), key.span)
                }
            };
            let Some(theirs) = theirs else {
                self.diags.push(
                    Diagnostic::error("Invalid provider configuration reference")
                        .code(codes::META)
                        .detail("The name on the left is the called module's: a provider, optionally with an alias that the module declares in configuration_aliases.")
                        .at(span),
                );
                continue;
            };
            let Some(ours) = self.provider_of(&item.value) else { continue };
            if pairs.iter().any(|p| p.theirs == theirs) {
                self.diags.push(
                    Diagnostic::error("Duplicate provider address")
                        .code(codes::DUPLICATE)
                        .detail(format!(
                            "A provider configuration for {theirs} was already given in this map."
                        ))
                        .at(span),
                );
                continue;
            }
            if let Some(called) = called
                && !self.fits(&theirs, &ours, span, called)
            {
                continue;
            }
            self.outlives(&ours.reference, block, "module");
            let key = ours.key.map(|key| self.compile(&key, allowed));
            pairs.push(Passed { theirs, ours: ours.reference, key });
        }
        pairs
    }
}

/// A module has resources of a provider, or calls one that has.
fn uses(modules: &[Module], module: &Module, name: &str) -> bool {
    module.resources.iter().any(|r| r.provider.name == name)
        || module.calls.iter().any(|c| {
            let below = modules.get(c.module.0 as usize);
            c.providers.iter().any(|p| p.ours.name == name) || below.is_some_and(|m| uses(modules, m, name))
        })
}

/// A module that is not the root says that it must be given that configuration.
fn given(module: &Module, reference: &ProviderRef) -> bool {
    module.required.iter().flat_map(|r| &r.aliases).chain(&module.proxies).any(|r| r == reference)
}

/// A reference as a module writes it: a name of its own for the provider, an alias, a key.
pub(crate) fn reference_of(expr: &Expr, required: &[Required]) -> Option<Chosen> {
    let span = expr.span;
    if let Some(text) = literal_text(expr) {
        let (name, alias) = match text.split_once('.') {
            Some((name, alias)) => (name, Some(alias)),
            None => (text.as_str(), None),
        };
        let names = std::iter::once(name).chain(alias);
        return names.into_iter().all(shape::is_identifier).then(|| Chosen {
            reference: reference(required, name, alias),
            key: None,
            span,
        });
    }
    if let ExprKind::Index(parts) = &expr.kind {
        let [of, key] = &**parts;
        let inner = reference_of(of, required).filter(|c| c.key.is_none())?;
        return Some(Chosen { key: Some(key.clone()), span, ..inner });
    }
    let t = traversal_of(expr)?;
    let (alias, key) = match t.steps.as_slice() {
        [] => (None, None),
        [TraversalStep::Attribute(alias)] => (Some(alias), None),
        [TraversalStep::Index(key, at)] => (None, Some((key, at))),
        [TraversalStep::Attribute(alias), TraversalStep::Index(key, at)] => (Some(alias), Some((key, at))),
        _ => return None,
    };
    let reference = reference(required, &t.root.text, alias.map(|a| a.text.as_str()));
    let key = key.map(|(key, at)| Expr { kind: ExprKind::Literal(key.clone()), span: *at });
    Some(Chosen { reference, key, span })
}

/// Two expressions that are surely the same: references, texts, and functions of such.
fn alike(a: &Expr, b: &Expr) -> bool {
    match (&a.kind, &b.kind) {
        (ExprKind::Parens(a), _) => alike(a, b),
        (_, ExprKind::Parens(b)) => alike(a, b),
        (ExprKind::Traversal(a), ExprKind::Traversal(b)) => {
            let step = |(a, b): (&TraversalStep, &TraversalStep)| match (a, b) {
                (TraversalStep::Attribute(a), TraversalStep::Attribute(b)) => a.text == b.text,
                (TraversalStep::Index(a, _), TraversalStep::Index(b, _)) => a == b,
                _ => false,
            };
            a.root.text == b.root.text
                && a.steps.len() == b.steps.len()
                && a.steps.iter().zip(&b.steps).all(step)
        }
        (ExprKind::Call(a), ExprKind::Call(b)) => {
            a.name == b.name
                && a.expand == b.expand
                && a.args.len() == b.args.len()
                && a.args.iter().zip(&b.args).all(|(a, b)| alike(a, b))
        }
        _ => false,
    }
}
