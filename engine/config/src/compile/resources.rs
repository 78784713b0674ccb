//! `resource`, `data` and `ephemeral` blocks, and what the language adds to them.

use pilotis_diag::{Diagnostic, Span, did_you_mean};
use pilotis_schema::ResourceSchema;
use pilotis_schema::address::Mode;
use pilotis_syntax::ast::{Attribute, Block, Body, Expr, ExprKind, Traversal, TraversalStep};
use pilotis_value::{Path, Step};

use super::{Build, traversal_of};
use crate::decode::{self, Meta};
use crate::names::{Allowed, ResourceName};
use crate::shape::{self, Shape, literal_text};
use crate::types::BlockPlan;
use crate::{IgnoreChanges, Lifecycle, Resource, Schemas, Trigger, codes};

const MANAGED: Meta = Meta {
    arguments: &["count", "for_each", "provider", "depends_on"],
    blocks: &["lifecycle", "provisioner", "connection"],
};
/// Of what is read or opened, not made.
const DATA: Meta =
    Meta { arguments: &["count", "for_each", "provider", "depends_on"], blocks: &["lifecycle"] };

impl Build<'_> {
    pub(super) fn resource(&mut self, mode: Mode, block: &Block) {
        let Some([type_name, name]) = shape::labels(block, ["type", "name"], &mut self.diags) else { return };
        let key = (mode, type_name.text.clone(), name.text.clone());
        let next = self.out.resources.len() as u32;
        let Some(known) = self.names.resources.get(&key).filter(|r| r.index == next) else { return };
        shape::check_name(name, mode.keyword(), &mut self.diags);
        let allowed = Allowed::of(known.repeats);
        let known_type = self.types.get(mode, &type_name.text);
        let provider_name = match &known_type {
            Some(known) => known.provider.clone(),
            None => {
                let d = unknown_type(self.types.schemas, mode, &type_name.text, type_name.span);
                self.meaning.push(d);
                type_name.text.split('_').next().unwrap_or_default().to_owned()
            }
        };
        let (provider, provider_key) = self.provider_ref(block, provider_name, allowed);
        let repetition = self.repetition(block);
        let depends_on = self.depends_on(block);
        let lifecycle = self.lifecycle(mode, block, known_type.as_ref().map(|k| &*k.schema), allowed);
        let provisioners = match mode {
            Mode::Managed => self.provisioners(&block.body, allowed),
            Mode::Data | Mode::Ephemeral => Vec::new(),
        };
        let meta = if mode == Mode::Managed { MANAGED } else { DATA };
        // Of an unknown type nothing can be checked: one diagnostic is enough.
        let nothing = Body { attributes: Vec::new(), blocks: Vec::new(), span: block.body.span };
        let source = if known_type.is_some() { &block.body } else { &nothing };
        let (schema, plan) = match known_type {
            Some(known) => (known.schema, known.plan),
            None => (Default::default(), BlockPlan::of(&Default::default())),
        };
        let mut scope = self.scope(allowed);
        let body = decode::decode(source, &plan, &meta, block.header, &mut scope, &mut self.meaning);
        self.out.resources.push(Resource {
            mode,
            type_name: type_name.text.to_string(),
            name: name.text.to_string(),
            provider,
            provider_key,
            schema,
            repetition,
            body,
            depends_on,
            lifecycle,
            provisioners: provisioners.into(),
            in_check: None,
            span: block.header,
            extent: block.span,
        });
    }

    fn lifecycle(
        &mut self,
        mode: Mode,
        block: &Block,
        schema: Option<&ResourceSchema>,
        allowed: Allowed,
    ) -> Lifecycle {
        const MANAGED: Shape = Shape {
            required: &[],
            optional: &["create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by"],
            blocks: &["precondition", "postcondition"],
        };
        const DATA: Shape =
            Shape { required: &[], optional: &[], blocks: &["precondition", "postcondition"] };
        let mut all = shape::blocks(&block.body, "lifecycle");
        let Some(lifecycle) = all.next() else { return Lifecycle::default() };
        if let Some(second) = all.next() {
            let d = shape::duplicate(
                "Duplicate lifecycle block",
                "This block already has a lifecycle block.",
                second.header,
                lifecycle.header,
            );
            self.diags.push(d);
        }
        let shape = if mode == Mode::Managed { MANAGED } else { DATA };
        shape.check(&lifecycle.body, lifecycle.header, &mut self.diags);
        let body = &lifecycle.body;
        let ignore_changes = match shape::attribute(body, "ignore_changes") {
            Some(attribute) => self.ignore_changes(attribute, schema),
            None => IgnoreChanges::None,
        };
        let replace_triggered_by = match shape::attribute(body, "replace_triggered_by") {
            Some(attribute) => self.replace_triggered_by(attribute, allowed),
            None => Vec::new(),
        };
        let preconditions =
            shape::blocks(body, "precondition").filter_map(|b| self.checked_condition(b, allowed)).collect();
        let postconditions = shape::blocks(body, "postcondition")
            .filter_map(|b| self.checked_condition(b, allowed.with_self()))
            .collect();
        Lifecycle {
            create_before_destroy: shape::flag(body, "create_before_destroy", &mut self.diags),
            prevent_destroy: shape::flag(body, "prevent_destroy", &mut self.diags),
            ignore_changes,
            replace_triggered_by,
            preconditions,
            postconditions,
        }
    }

    fn ignore_changes(&mut self, attribute: &Attribute, schema: Option<&ResourceSchema>) -> IgnoreChanges {
        let items = match &attribute.expr.kind {
            ExprKind::Traversal(t) if t.root.text == "all" && t.steps.is_empty() => {
                return IgnoreChanges::All;
            }
            ExprKind::Tuple(items) => items,
            _ => {
                self.diags.push(
                    Diagnostic::error("Invalid expression")
                        .code(codes::META)
                        .detail("A static list of arguments is required: `ignore_changes = [description]`, or `all`.")
                        .at(attribute.expr.span),
                );
                return IgnoreChanges::None;
            }
        };
        let mut paths = Vec::new();
        for item in items {
            let path = match (traversal_of(item), literal_text(item)) {
                (Some(t), _) => relative_path(t),
                (None, Some(text)) => {
                    self.meaning.push(super::quoted(item.span));
                    Some(Path(vec![Step::Attribute(text)]))
                }
                _ => None,
            };
            let Some(path) = path else {
                self.diags.push(
                    Diagnostic::error("Invalid ignore_changes argument")
                        .code(codes::META)
                        .detail("An argument of this resource is required, with constant keys only.")
                        .at(item.span),
                );
                continue;
            };
            if let (Some(schema), Some(root)) = (schema, path.root_attribute()) {
                self.ignored_root(root, schema, item.span);
            }
            paths.push(path);
        }
        IgnoreChanges::Paths(paths)
    }

    fn ignored_root(&mut self, root: &str, schema: &ResourceSchema, span: Span) {
        let block = &schema.block;
        match block.attributes.get(root) {
            Some(a) if !a.is_argument() => self.meaning.push(
                Diagnostic::warning("Redundant ignore_changes element")
                    .code(codes::META)
                    .detail(format!(
                        "\"{root}\" is decided by the service alone: there is no change to ignore."
                    ))
                    .at(span),
            ),
            Some(_) => {}
            None if block.blocks.contains_key(root) => {}
            None => {
                let known = block.attributes.keys().chain(block.blocks.keys()).map(String::as_str);
                let d = Diagnostic::error("Unsupported attribute")
                    .code(codes::NO_ATTRIBUTE)
                    .detail(format!("This resource has no argument or nested block named \"{root}\"."))
                    .at(span);
                self.meaning.push(match did_you_mean(root, known) {
                    Some(best) => d.help(format!("Did you mean \"{best}\"?")),
                    None => d,
                });
            }
        }
    }

    fn replace_triggered_by(&mut self, attribute: &Attribute, allowed: Allowed) -> Vec<Trigger> {
        let ExprKind::Tuple(items) = &attribute.expr.kind else {
            self.diags.push(
                Diagnostic::error("Invalid expression")
                    .code(codes::META)
                    .detail("A static list of references is required: `replace_triggered_by = [gitlab_group.a.id]`.")
                    .at(attribute.expr.span),
            );
            return Vec::new();
        };
        let mut references = Vec::new();
        for item in items {
            let compiled = self.compile(item, allowed);
            let first = compiled.references().iter().find(|r| self.may_trigger(r));
            match first {
                Some(reference) => {
                    let (key, path) = match computed_key(item) {
                        Some((key, path)) => (Some(self.compile(key, allowed)), path),
                        None => (None, Path::default()),
                    };
                    references.push(Trigger { reference: reference.clone(), key, path });
                }
                None if !compiled.is_valid() => {}
                None => self.diags.push(
                    Diagnostic::error("Invalid reference in replace_triggered_by expression")
                        .code(codes::META)
                        .detail("Only resources can be referred to here: changes of one, of an instance, or of an attribute.")
                        .at(item.span),
                ),
            }
        }
        references
    }
}

impl Build<'_> {
    /// A change of what is referred to can replace something: what lives for one run only is never the same.
    fn may_trigger(&self, reference: &pilotis_lang::Reference) -> bool {
        let Some(crate::Symbol::Resource(index)) = self.names.symbols.get(reference.slot.0 as usize) else {
            return false;
        };
        let ephemeral = |((mode, ..), known): (&(Mode, _, _), &ResourceName)| {
            *mode == Mode::Ephemeral && known.index == *index
        };
        !self.names.resources.iter().any(ephemeral)
    }
}

/// The key of `a.b[key].c` where it isn't literal, and the steps after it.
fn computed_key(expr: &Expr) -> Option<(&Expr, Path)> {
    match &expr.kind {
        ExprKind::Parens(inner) => computed_key(inner),
        ExprKind::Index(parts) => Some((&parts[1], Path::default())),
        ExprKind::RelativeTraversal(inner, steps) => {
            let (key, _) = computed_key(inner)?;
            Some((key, Path(literal_steps(steps)?)))
        }
        _ => None,
    }
}

/// A path of a traversal whose root is itself an attribute.
fn relative_path(t: &Traversal) -> Option<Path> {
    let mut steps = vec![Step::Attribute(t.root.text.clone())];
    steps.extend(literal_steps(&t.steps)?);
    Some(Path(steps))
}

fn literal_steps(steps: &[TraversalStep]) -> Option<Vec<Step>> {
    let step = |step: &TraversalStep| match step {
        TraversalStep::Attribute(ident) => Some(Step::Attribute(ident.text.clone())),
        TraversalStep::Index(value, _) => match (value.as_str(), value.as_i64()) {
            (Some(key), _) => Some(Step::Key(key.into())),
            (_, Some(n)) if n >= 0 => Some(Step::Index(n.unsigned_abs())),
            _ => None,
        },
    };
    steps.iter().map(step).collect()
}

/// What a type of a mode is called.
fn called(mode: Mode) -> &'static str {
    match mode {
        Mode::Managed => "resource type",
        Mode::Data => "data source",
        Mode::Ephemeral => "ephemeral resource",
    }
}

/// There is no type of that name and mode.
fn unknown_type(schemas: &Schemas, mode: Mode, name: &str, span: Span) -> Diagnostic {
    let what = called(mode);
    let prefix = name.split('_').next().unwrap_or(name);
    let types =
        |mode: Mode| schemas.providers.values().flat_map(move |p| p.types(mode).keys().map(String::as_str));
    let detail = match schemas.providers.get(prefix) {
        Some(_) => format!("The provider {prefix} has no {what} \"{name}\"."),
        None => {
            let known: Vec<&str> = schemas.providers.keys().map(String::as_str).collect();
            format!(
                "No provider has a {what} \"{name}\". A type begins with its provider's name; there are {}.",
                known.join(", ")
            )
        }
    };
    let d = Diagnostic::error(format!("Unknown {what}")).code(codes::UNKNOWN_TYPE).detail(detail).at(span);
    if mode == Mode::Data && name == "external" {
        return d.help("It runs a program while planning, which Pilotis never does: give the value as a variable, or read it from a file.");
    }
    let others = [Mode::Managed, Mode::Data, Mode::Ephemeral].into_iter().filter(|other| *other != mode);
    for other in others {
        if types(other).any(|t| t == name) {
            let (what, word) = (called(other), other.keyword());
            let article = if other == Mode::Ephemeral { "an" } else { "a" };
            return d.help(format!("There is {article} {what} of that name: write `{word} \"{name}\"`."));
        }
    }
    if let Some(best) = did_you_mean(name, types(mode)) {
        return d.help(format!("Did you mean \"{best}\"?"));
    }
    // `group`, `namespace`: the provider's name was left out.
    let owner = schemas.providers.keys().find(|p| types(mode).any(|t| t == format!("{p}_{name}")));
    if let Some(provider) = owner {
        return d.help(format!("Did you mean \"{provider}_{name}\", of the provider {provider}?"));
    }
    if let Some(best) = did_you_mean(prefix, schemas.providers.keys().map(String::as_str))
        && best != prefix
    {
        return d.help(format!("Did you mean a type of the provider {best}: \"{best}_…\"?"));
    }
    d
}
