//! Override files: `override.hcl`, `*_override.tf.json` … change blocks that other files declare.

use std::collections::BTreeMap;

use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_syntax::ast::{Block, Body};

use crate::codes;

/// True for the name of an override file.
pub(crate) fn is_override(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let file = file.strip_suffix(".json").unwrap_or(file);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem == "override" || stem.ends_with("_override")
}

/// Changes the base files' blocks by those of an override file.
pub(crate) fn apply(base: &mut [Body], changes: Body, diags: &mut Diagnostics) {
    for block in changes.blocks {
        if block.kind.text == "locals" {
            locals(base, block, diags);
            continue;
        }
        let same = |b: &&mut Block| {
            b.kind.text == block.kind.text
                && b.labels.iter().map(|l| &l.text).eq(block.labels.iter().map(|l| &l.text))
        };
        match base.iter_mut().flat_map(|b| &mut b.blocks).find(same) {
            Some(found) => merge(&mut found.body, block.body),
            None if matches!(block.kind.text.as_str(), "terraform" | "pilotis" | "provider") => {
                if let Some(first) = base.first_mut() {
                    first.blocks.push(block);
                }
            }
            None => {
                let labels: Vec<String> = block.labels.iter().map(|l| format!(" \"{}\"", l.text)).collect();
                diags.push(
                    Diagnostic::error(format!("Missing {} to override", what(&block.kind.text)))
                        .code(codes::UNDECLARED)
                        .detail(format!(
                            "There is no block {}{}. An override file can only override a block that was already declared in a file that is \
                             not an override file.",
                            block.kind.text,
                            labels.concat()
                        ))
                        .at(block.header),
                );
            }
        }
    }
}

/// What a block declares.
fn what(kind: &str) -> String {
    match kind {
        "resource" | "data" => "resource".to_owned(),
        "variable" => "base variable declaration".to_owned(),
        "output" => "base output definition".to_owned(),
        "module" => "module call".to_owned(),
        other => format!("base {other} block"),
    }
}

fn locals(base: &mut [Body], block: Block, diags: &mut Diagnostics) {
    let mut declared = BTreeMap::new();
    let blocks = base.iter_mut().flat_map(|b| &mut b.blocks).filter(|b| b.kind.text == "locals");
    for attribute in blocks.flat_map(|b| &mut b.body.attributes) {
        // The first counts; that there are more is said elsewhere.
        declared.entry(attribute.name.text.clone()).or_insert(attribute);
    }
    for attribute in block.body.attributes {
        match declared.get_mut(&attribute.name.text) {
            Some(found) => found.expr = attribute.expr,
            None => diags.push(
                Diagnostic::error("Missing base local value definition to override")
                    .code(codes::UNDECLARED)
                    .detail(format!(
                        "There is no local value named \"{}\". An override file can only override a local value that was already defined in a \
                         file that is not an override file.",
                        attribute.name.text
                    ))
                    .at(attribute.name.span),
            ),
        }
    }
}

/// Arguments replace arguments; nested blocks replace all of their type, but `lifecycle` and `required_providers` merge.
fn merge(base: &mut Body, changes: Body) {
    for attribute in changes.attributes {
        match base.attributes.iter_mut().find(|a| a.name.text == attribute.name.text) {
            Some(found) => *found = attribute,
            None => base.attributes.push(attribute),
        }
    }
    let mut replaced = Vec::new();
    for block in changes.blocks {
        let kind = block.kind.text.clone();
        if matches!(kind.as_str(), "lifecycle" | "required_providers")
            && let Some(found) = base.blocks.iter_mut().find(|b| b.kind.text == kind)
        {
            merge(&mut found.body, block.body);
            continue;
        }
        if !replaced.contains(&kind) {
            base.blocks.retain(|b| b.kind.text != kind);
            replaced.push(kind);
        }
        base.blocks.push(block);
    }
}
