//! The `terraform` / `pilotis` block: versions, providers, where the state is.

use pilotis_diag::{Diagnostic, Diagnostics, Span, did_you_mean};
use pilotis_schema::ProviderSchema;
use pilotis_syntax::ast::{Attribute, Block, Expr, ExprKind, ObjectItem, ObjectKey};
use pilotis_value::Type;

use crate::shape::{self, Shape, literal_text};
use crate::version::{Version, fits};
use crate::{LoadOptions, Schemas, Settings, codes};

/// The version of Terraform whose language this is, and whose documents are written.
pub const LANGUAGE: &str = "1.11.4";

const SETTINGS: Shape = Shape {
    required: &[],
    optional: &["required_version", "experiments", "language"],
    blocks: &["required_providers", "backend", "cloud", "provider_meta"],
};

/// Checks one `terraform` or `pilotis` block; what it says of the state goes to `settings`.
pub(crate) fn check(
    block: &Block,
    options: &LoadOptions,
    schemas: &Schemas,
    settings: &mut Settings,
    diags: &mut Diagnostics,
) {
    shape::labels(block, [], diags);
    SETTINGS.check(&block.body, block.header, diags);
    if let Some(attribute) = shape::attribute(&block.body, "required_version") {
        let (program, version) = match block.kind.text.as_str() {
            "pilotis" => ("Pilotis", options.version.as_str()),
            _ => ("Terraform", LANGUAGE),
        };
        required_version(attribute, program, version, diags);
    }
    for providers in shape::blocks(&block.body, "required_providers") {
        for attribute in &providers.body.attributes {
            required_provider(attribute, schemas, diags);
        }
        for inner in &providers.body.blocks {
            diags.push(shape::unknown_block(
                &inner.kind,
                std::iter::empty(),
                std::iter::once(inner.kind.text.as_str()),
            ));
        }
    }
    for backend in shape::blocks(&block.body, "backend") {
        self::backend(backend, settings, diags);
    }
    for cloud in shape::blocks(&block.body, "cloud") {
        diags.push(
            Diagnostic::error("Unsupported backend")
                .code(codes::META)
                .detail("There is no HCP Terraform here: the state is a local database, or a shared one.")
                .at(cloud.header)
                .help("Remove the cloud block."),
        );
    }
}

fn bad_constraint(why: &str, span: Span) -> Diagnostic {
    Diagnostic::error("Invalid version constraint")
        .code(codes::VERSION)
        .detail(format!("This string does not use correct version constraint syntax: {why}."))
        .at(span)
        .help("Write for example `>= 1.2`, `~> 17.4` or `>= 1.0, < 2.0`.")
}

fn constraint_text(attribute: &Attribute, diags: &mut Diagnostics) -> Option<String> {
    let value = shape::constant(attribute, &Type::String, diags)?;
    Some(value.as_str().unwrap_or_default().to_owned())
}

fn required_version(attribute: &Attribute, program: &str, ours: &str, diags: &mut Diagnostics) {
    let Some(text) = constraint_text(attribute, diags) else { return };
    let Some(version) = Version::parse(ours) else { return };
    let detail = if program == "Terraform" {
        format!(
            "This configuration requires Terraform {text}; the language here is that of Terraform {ours}."
        )
    } else {
        format!("This configuration requires Pilotis {text}, and this is version {ours}.")
    };
    match fits(&version, &text) {
        Ok(true) => {}
        Ok(false) => diags.push(
            Diagnostic::error(match program {
                "Terraform" => "Unsupported Terraform Core version",
                _ => "Unsupported Pilotis version",
            })
            .code(codes::VERSION)
            .detail(detail)
            .at(attribute.expr.span)
            .help("Use a version of Pilotis that fits, or change the constraint."),
        ),
        Err(why) => diags.push(bad_constraint(&why, attribute.expr.span)),
    }
}

fn required_provider(attribute: &Attribute, schemas: &Schemas, diags: &mut Diagnostics) {
    let name = attribute.name.text.as_str();
    let Some(schema) = schemas.providers.get(name) else {
        diags.push(unknown_provider(name, attribute.name.span, schemas));
        return;
    };
    match &attribute.expr.kind {
        ExprKind::Object(items) => {
            for item in items {
                provider_item(item, schema, diags);
            }
        }
        // `gitlab = "~> 17.0"`: the old form, a version only.
        ExprKind::Template(_) => provider_version(&attribute.expr, schema, diags),
        _ => diags.push(
            Diagnostic::error("Invalid required_providers object")
                .code(codes::VERSION)
                .detail("required_providers entries must be an object with \"source\" and \"version\".")
                .at(attribute.expr.span),
        ),
    }
}

fn provider_item(item: &ObjectItem, schema: &ProviderSchema, diags: &mut Diagnostics) {
    let (name, span) = match &item.key {
        ObjectKey::Name(ident) => (ident.text.clone(), ident.span),
        ObjectKey::Expr(key) => (literal_text(key).unwrap_or_default(), key.span),
    };
    match name.as_str() {
        "version" => provider_version(&item.value, schema, diags),
        "source" => provider_source(&item.value, schema, diags),
        "configuration_aliases" => {}
        other => {
            let d = Diagnostic::error("Invalid required_providers object")
                .code(codes::UNKNOWN_ARGUMENT)
                .detail(format!("required_providers objects have no attribute \"{other}\"."))
                .at(span);
            diags.push(match did_you_mean(other, ["source", "version", "configuration_aliases"]) {
                Some(best) => d.help(format!("Did you mean \"{best}\"?")),
                None => d,
            });
        }
    }
}

fn provider_version(expr: &Expr, schema: &ProviderSchema, diags: &mut Diagnostics) {
    let Some(text) = literal_text(expr) else {
        diags.push(bad_constraint("a version constraint is a literal text", expr.span));
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
        Err(why) => diags.push(bad_constraint(&why, expr.span)),
    }
}

fn provider_source(expr: &Expr, schema: &ProviderSchema, diags: &mut Diagnostics) {
    let given = literal_text(expr).unwrap_or_default();
    if full_source(&given) == full_source(&schema.source) {
        return;
    }
    let short = schema.source.strip_prefix("registry.terraform.io/").unwrap_or(&schema.source);
    diags.push(
        Diagnostic::error("Unknown provider source")
            .code(codes::VERSION)
            .detail(format!(
                "\"{given}\" is not here. The built-in provider {} has the resource types of \"{short}\".",
                schema.name
            ))
            .at(expr.span)
            .help(format!("Write `source = \"{short}\"`, or leave it out.")),
    );
}

fn full_source(source: &str) -> String {
    let source = source.to_lowercase();
    match source.matches('/').count() {
        0 => format!("registry.terraform.io/hashicorp/{source}"),
        1 => format!("registry.terraform.io/{source}"),
        _ => source.replace("registry.opentofu.org/", "registry.terraform.io/"),
    }
}

/// There is no provider of that name.
pub(crate) fn unknown_provider(name: &str, span: Span, schemas: &Schemas) -> Diagnostic {
    let known: Vec<&str> = schemas.providers.keys().map(String::as_str).collect();
    let d = Diagnostic::error("Unknown provider")
        .code(codes::UNKNOWN_PROVIDER)
        .detail(format!("There is no provider \"{name}\". Providers are built in: {}.", known.join(", ")))
        .at(span);
    match did_you_mean(name, known) {
        Some(best) => d.help(format!("Did you mean \"{best}\"?")),
        None => d,
    }
}

fn backend(block: &Block, settings: &mut Settings, diags: &mut Diagnostics) {
    let Some([kind]) = shape::labels(block, ["type"], diags) else { return };
    if kind.text != "local" {
        diags.push(
            Diagnostic::error("Unsupported backend")
                .code(codes::META)
                .detail(format!(
                    "There is no backend \"{}\". The state is a database file: backend \"local\".",
                    kind.text
                ))
                .at(kind.span)
                .help("A state of Terraform's is brought in by `pilotis state import`."),
        );
        return;
    }
    Shape { required: &[], optional: &["path", "workspace_dir"], blocks: &[] }.check(
        &block.body,
        block.header,
        diags,
    );
    let mut text = |name: &str| {
        let value = shape::constant(shape::attribute(&block.body, name)?, &Type::String, diags)?;
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    settings.state = text("path").or(settings.state.take());
    settings.workspace_dir = text("workspace_dir").or(settings.workspace_dir.take());
}
