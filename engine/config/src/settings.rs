//! The `terraform` / `pilotis` block: versions, providers, where the state is.

use pilotis_diag::{Diagnostic, Diagnostics, Span, did_you_mean};
use pilotis_syntax::ast::{Attribute, Block};
use pilotis_value::Type;

use crate::compile::traversal_of;
use crate::required::{self, Required};
use crate::shape::{self, Shape};
use crate::version::{Version, fits, has_prerelease};
use crate::{LoadOptions, Schemas, Settings, codes};

/// The version of Terraform whose language this is, and whose documents are written.
pub const LANGUAGE: &str = "1.11.4";

const SETTINGS: Shape = Shape {
    required: &[],
    optional: &["required_version", "experiments", "language"],
    blocks: &["required_providers", "backend", "cloud", "encryption", "provider_meta"],
};

/// The only edition of the language.
const EDITION: &str = "TF2021";

/// Checks all `terraform` and `pilotis` blocks of a module; gives the providers that it requires. What is said of the state counts in
/// the root module alone.
pub(crate) fn check(
    blocks: &[&Block],
    is_root: bool,
    options: &LoadOptions,
    schemas: &Schemas,
    settings: &mut Settings,
    diags: &mut Diagnostics,
) -> Vec<Required> {
    for block in blocks {
        shape::labels(block, [], diags);
        SETTINGS.check(&block.body, block.header, diags);
        if let Some(attribute) = shape::attribute(&block.body, "required_version") {
            let (program, version) = match block.kind.text.as_str() {
                "pilotis" => ("Pilotis", options.version.as_str()),
                _ => ("Terraform", LANGUAGE),
            };
            required_version(attribute, program, version, diags);
        }
        if let Some(experiments) = shape::attribute(&block.body, "experiments") {
            diags.push(
                Diagnostic::error("Module uses experimental features")
                    .code(codes::META)
                    .detail(
                        "Experimental features are in alpha releases of Terraform only: there are none here.",
                    )
                    .at(experiments.name.span)
                    .help("Remove the argument. What became of an experiment is part of the language."),
            );
        }
        if let Some(language) = shape::attribute(&block.body, "language") {
            edition(language, diags);
        }
    }
    metas(blocks, diags);
    let required = once(
        &nested(blocks, "required_providers"),
        "Duplicate required providers configuration",
        "A module may have only one required providers configuration.",
        diags,
    );
    let required = required.map(|b| required::read(b, schemas, diags)).unwrap_or_default();
    state(blocks, is_root, settings, diags);
    required
}

fn nested<'b>(blocks: &[&'b Block], kind: &'static str) -> Vec<&'b Block> {
    blocks.iter().flat_map(|b| shape::blocks(&b.body, kind)).collect()
}

/// The first of several blocks of which there may be one.
fn once<'b>(blocks: &[&'b Block], summary: &str, detail: &str, diags: &mut Diagnostics) -> Option<&'b Block> {
    let first = blocks.first()?;
    for second in &blocks[1..] {
        diags.push(shape::duplicate(summary, detail, second.header, first.header));
    }
    Some(first)
}

fn edition(attribute: &Attribute, diags: &mut Diagnostics) {
    let keyword = traversal_of(&attribute.expr).filter(|t| t.steps.is_empty());
    let (summary, detail) = match keyword {
        Some(t) if t.root.text == EDITION => return,
        Some(_) => (
            "Unsupported language edition",
            format!("There is only the language edition {EDITION}, which is the default."),
        ),
        None => (
            "Invalid language edition",
            format!(
                "The language argument expects a bare language edition keyword. There is only {EDITION}, which is the default."
            ),
        ),
    };
    diags.push(Diagnostic::error(summary).code(codes::META).detail(detail).at(attribute.expr.span));
}

/// `provider_meta` is for plugins that count their users; it is read, and nobody asks for it.
fn metas(blocks: &[&Block], diags: &mut Diagnostics) {
    let mut seen: Vec<(&str, Span)> = Vec::new();
    for block in nested(blocks, "provider_meta") {
        let Some([provider]) = shape::labels(block, ["provider"], diags) else { continue };
        let name = provider.text.as_str();
        match seen.iter().find(|(of, _)| *of == name) {
            None => seen.push((name, block.header)),
            Some((_, first)) => diags.push(shape::duplicate(
                "Duplicate provider_meta block",
                format!("A provider_meta block for provider \"{name}\" was already declared. Providers may only have one provider_meta block per module."),
                block.header,
                *first,
            )),
        }
    }
}

/// `backend` and `cloud`.
fn state(blocks: &[&Block], is_root: bool, settings: &mut Settings, diags: &mut Diagnostics) {
    let (backends, clouds) = (nested(blocks, "backend"), nested(blocks, "cloud"));
    let backend = once(
        &backends,
        "Duplicate backend configuration",
        "A module may have only one backend configuration.",
        diags,
    );
    let cloud = once(
        &clouds,
        "Duplicate HCP Terraform configurations",
        "A module may have only one 'cloud' block configuring HCP Terraform or Terraform Enterprise.",
        diags,
    );
    if let (Some(backend), Some(cloud)) = (backend, cloud) {
        diags.push(
            Diagnostic::error("Both a backend and cloud configuration are present")
                .code(codes::META)
                .detail("A module may declare either one 'cloud' block OR one 'backend' block configuring a state backend.")
                .at(backend.header)
                .also(cloud.header, "the cloud block")
                .help("Remove the cloud block: there is no HCP Terraform here."),
        );
        return;
    }
    if !is_root {
        if let Some(backend) = backend {
            diags.push(
                Diagnostic::warning("Backend configuration ignored")
                    .code(codes::IGNORED_BACKEND)
                    .detail("Any selected backend applies to the entire configuration, so it is said in the root module only: this block has no effect.")
                    .at(backend.header),
            );
        }
        return;
    }
    if let Some(block) = backend {
        crate::backend::read(block, settings, diags);
    }
    if let Some(cloud) = cloud {
        diags.push(
            Diagnostic::error("Unsupported backend")
                .code(codes::META)
                .detail("There is no HCP Terraform here: the state is a local database, or a shared one.")
                .at(cloud.header)
                .help("Remove the cloud block."),
        );
    }
}

pub(crate) fn bad_constraint(detail: &str, span: Span) -> Diagnostic {
    Diagnostic::error("Invalid version constraint")
        .code(codes::VERSION)
        .detail(detail)
        .at(span)
        .help("Write for example `>= 1.2`, `~> 17.4` or `>= 1.0, < 2.0`.")
}

pub(crate) fn wrong_syntax(why: &str, span: Span) -> Diagnostic {
    bad_constraint(&format!("This string does not use correct version constraint syntax: {why}."), span)
}

/// The text of a constraint; none if it is null, which asks for nothing.
fn constraint_text(attribute: &Attribute, diags: &mut Diagnostics) -> Option<String> {
    let value = shape::constant(attribute, &Type::String, diags)?;
    value.as_str().map(str::to_owned)
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
    if has_prerelease(&text) {
        diags.push(
            Diagnostic::error("Invalid required_version constraint")
                .code(codes::VERSION)
                .detail(format!("Prerelease version constraints are not supported: {text}. Remove the prerelease information from the constraint."))
                .at(attribute.expr.span),
        );
        return;
    }
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
        Err(why) => diags.push(wrong_syntax(&why, attribute.expr.span)),
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
