//! `required_providers`: which providers a module uses, and which configurations of them it must be given.

use std::sync::Arc;

use pilotis_diag::{Diagnostic, Diagnostics, Span, did_you_mean};
use pilotis_schema::ProviderSchema;
use pilotis_syntax::ast::{Attribute, Block, Expr, ExprKind, ObjectItem, ObjectKey, TraversalStep};

use crate::compile::traversal_of;
use crate::settings::{bad_constraint, unknown_provider};
use crate::shape::{self, literal_text};
use crate::version::{Version, fits};
use crate::{ProviderRef, Schemas, codes};

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Required {
    /// What the module calls the provider.
    pub(crate) local: String,
    /// The built-in provider's own name.
    pub(crate) name: String,
    /// `configuration_aliases`
    pub(crate) aliases: Vec<ProviderRef>,
    /// `version`, as it is written.
    pub(crate) version: Option<String>,
}

/// The built-in provider that a module means by a name: by default that is its own.
pub(crate) fn meant<'a>(required: &'a [Required], local: &'a str) -> &'a str {
    required.iter().find(|r| r.local == local).map_or(local, |r| &r.name)
}

/// The provider configuration that a module means, with the provider's own name.
pub(crate) fn reference(required: &[Required], local: &str, alias: Option<&str>) -> ProviderRef {
    ProviderRef::new(meant(required, local), alias)
}

/// Reads a block.
pub(crate) fn read(block: &Block, schemas: &Schemas, diags: &mut Diagnostics) -> Vec<Required> {
    for inner in &block.body.blocks {
        let name = inner.kind.text.as_str();
        diags.push(shape::unknown_block(&inner.kind, std::iter::empty(), std::iter::once(name)));
    }
    let mut all: Vec<Required> = Vec::new();
    for attribute in &block.body.attributes {
        let Some(entry) = entry(attribute, schemas, diags) else { continue };
        if let Some(first) = all.iter().find(|r| r.name == entry.name) {
            diags.push(twice(&entry, first, attribute, schemas));
        }
        all.push(entry);
    }
    all
}

fn twice(entry: &Required, first: &Required, attribute: &Attribute, schemas: &Schemas) -> Diagnostic {
    let source = schemas.providers.get(&entry.name).map_or("", |schema| short_source(schema));
    Diagnostic::warning("Duplicate required provider")
        .code(codes::OLD_PROVIDERS)
        .detail(format!(
            "Provider {source} with the local name \"{}\" was previously required as \"{}\". A provider can only be required once within required_providers.",
            entry.local, first.local
        ))
        .at(attribute.span)
}

fn entry(attribute: &Attribute, schemas: &Schemas, diags: &mut Diagnostics) -> Option<Required> {
    let local = attribute.name.text.as_str();
    let Some(schema) = by_source(attribute, schemas).or_else(|| schemas.providers.get(local)) else {
        diags.push(unknown_provider(local, attribute.name.span, schemas));
        return None;
    };
    let mut required =
        Required { local: local.to_owned(), name: schema.name.clone(), aliases: Vec::new(), version: None };
    match &attribute.expr.kind {
        ExprKind::Object(items) => {
            for item in items {
                self::item(item, schema, &mut required, diags);
            }
        }
        // `gitlab = "~> 17.0"`: the old form, a version only.
        ExprKind::Template(_) => {
            version(&attribute.expr, schema, diags);
            required.version = literal_text(&attribute.expr).map(Into::into);
        }
        _ => diags.push(
            Diagnostic::error("Invalid required_providers object")
                .code(codes::VERSION)
                .detail("required_providers entries must be an object with \"source\" and \"version\".")
                .at(attribute.expr.span),
        ),
    }
    Some(required)
}

/// The provider whose `source` an entry gives: the name is the module's own then.
fn by_source<'s>(attribute: &Attribute, schemas: &'s Schemas) -> Option<&'s Arc<ProviderSchema>> {
    let ExprKind::Object(items) = &attribute.expr.kind else { return None };
    let is_source = |key: &ObjectKey| match key {
        ObjectKey::Name(name) => name.text == "source",
        ObjectKey::Expr(key) => literal_text(key).is_some_and(|text| text == "source"),
    };
    let given = items.iter().find(|item| is_source(&item.key)).and_then(|item| literal_text(&item.value))?;
    let given = full_source(&given);
    schemas.providers.values().find(|schema| full_source(&schema.source) == given)
}

fn item(item: &ObjectItem, schema: &ProviderSchema, required: &mut Required, diags: &mut Diagnostics) {
    let (name, span) = match &item.key {
        ObjectKey::Name(ident) => (ident.text.clone(), ident.span),
        ObjectKey::Expr(key) => (literal_text(key).unwrap_or_default(), key.span),
    };
    match name.as_str() {
        "version" => {
            version(&item.value, schema, diags);
            required.version = literal_text(&item.value).map(Into::into);
        }
        "source" => source(&item.value, schema, diags),
        "configuration_aliases" => aliases(&item.value, required, diags),
        other => {
            let d = Diagnostic::error("Invalid required_providers object")
                .code(codes::UNKNOWN_ARGUMENT)
                .detail(format!("required_providers objects have no attribute \"{other}\"."))
                .at(span);
            diags.push(match did_you_mean(other, ["source", "version", "configuration_aliases"]) {
                Some(best) => d.help(format!("Did you mean \"{best}\"?")),
                None => d.help("To configure a provider, use a `provider` block."),
            });
        }
    }
}

fn version(expr: &Expr, schema: &ProviderSchema, diags: &mut Diagnostics) {
    let Some(text) = literal_text(expr) else {
        diags.push(bad_constraint("Version must be specified as a string.", expr.span));
        return;
    };
    let Some(version) = Version::parse(&schema.version) else { return };
    match fits(&version, &text) {
        Ok(true) => {}
        Ok(false) => diags.push(
            Diagnostic::error("Provider version doesn't fit")
                .code(codes::VERSION)
                .detail(format!(
                    "The built-in provider {} follows version {} of {}, which \"{text}\" excludes.",
                    schema.name, schema.version, schema.source
                ))
                .at(expr.span)
                .help("Change the constraint; the differences between the versions are the established provider's."),
        ),
        Err(why) => diags.push(crate::settings::wrong_syntax(&why, expr.span)),
    }
}

fn source(expr: &Expr, schema: &ProviderSchema, diags: &mut Diagnostics) {
    let short = short_source(schema);
    let write = format!("Write `source = \"{short}\"`, or leave it out.");
    let Some(given) = literal_text(expr) else {
        diags.push(
            Diagnostic::error("Invalid source")
                .code(codes::VERSION)
                .detail("Source must be specified as a string.")
                .at(expr.span)
                .help(write),
        );
        return;
    };
    if full_source(&given) == full_source(&schema.source) {
        return;
    }
    diags.push(
        Diagnostic::error("Unknown provider source")
            .code(codes::VERSION)
            .detail(format!(
                "\"{given}\" is not here. The built-in provider {} has the resource types of \"{short}\".",
                schema.name
            ))
            .at(expr.span)
            .help(write),
    );
}

fn short_source(schema: &ProviderSchema) -> &str {
    schema.source.strip_prefix("registry.terraform.io/").unwrap_or(&schema.source)
}

/// A name without an entry is `hashicorp/NAME`: is that this provider?
pub(crate) fn is_meant_by_name(schema: &ProviderSchema) -> bool {
    full_source(&schema.name) == full_source(&schema.source)
}

fn full_source(source: &str) -> String {
    let source = source.to_lowercase();
    match source.matches('/').count() {
        0 => format!("registry.terraform.io/hashicorp/{source}"),
        1 => format!("registry.terraform.io/{source}"),
        _ => source.replace("registry.opentofu.org/", "registry.terraform.io/"),
    }
}

/// `configuration_aliases = [gitlab.mirror]`
fn aliases(expr: &Expr, required: &mut Required, diags: &mut Diagnostics) {
    let wrong = |summary: &str, detail: String, span: Span| {
        Diagnostic::error(summary).code(codes::MODULE_PROVIDERS).detail(detail).at(span)
    };
    let ExprKind::Tuple(items) = &expr.kind else {
        let detail = "A static list expression is required.".to_owned();
        let example = format!("Write for example `[{}.other]`.", required.local);
        diags.push(wrong("Invalid expression", detail, expr.span).help(example));
        return;
    };
    for item in items {
        let reference = traversal_of(item).and_then(|t| match t.steps.as_slice() {
            [TraversalStep::Attribute(alias)] => {
                Some(ProviderRef::new(t.root.text.as_str(), Some(&alias.text)))
            }
            _ => None,
        });
        let Some(reference) = reference else {
            let detail = format!(
                "Configuration aliases are names with the provider's before them, without quotes: {}.other.",
                required.local
            );
            diags.push(wrong("Invalid configuration_aliases value", detail, item.span));
            continue;
        };
        if reference.name != required.local {
            let detail = format!(
                "Configuration aliases must be prefixed with the provider name. Expected \"{}\", but found \"{}\".",
                required.local, reference.name
            );
            diags.push(wrong("Invalid configuration_aliases value", detail, item.span));
            continue;
        }
        required.aliases.push(ProviderRef { name: required.name.clone(), ..reference });
    }
}
