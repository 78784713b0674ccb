//! What a provider's schema says of a type or an attribute, as text.

use std::fmt::Write as _;

use anyhow::bail;
use pilotis_schema::address::Mode;
use pilotis_schema::{Attribute, Block, NestedBlock, Presence, ProviderSchema, ResourceSchema};

use super::suggestion;
use crate::builtin;
use crate::other_state::States;

/// `gitlab_group`, `gitlab_group.parent_id`, `data.gitlab_group`, `resource.gitlab_group`, `ephemeral.kubernetes_token_request_v1`,
/// `gitlab`.
pub(super) fn explain(topic: &str) -> anyhow::Result<String> {
    let providers = builtin::providers(&States::default());
    let schemas: Vec<&ProviderSchema> = providers.values().map(|p| p.schema()).collect();
    let (wanted, rest) = match topic.split_once('.') {
        Some(("data", rest)) => (Some(Mode::Data), rest),
        Some(("resource", rest)) => (Some(Mode::Managed), rest),
        Some(("ephemeral", rest)) => (Some(Mode::Ephemeral), rest),
        _ => (None, topic),
    };
    let mut steps = rest.split('.');
    let name = steps.next().unwrap_or_default();
    let path: Vec<&str> = steps.collect();
    let of = |mode: &Mode| schemas.iter().find_map(|s| s.types(*mode).get(name));
    let modes = [Mode::Managed, Mode::Data, Mode::Ephemeral];
    let mut found = modes.iter().filter(|mode| wanted.is_none_or(|w| w == **mode) && of(mode).is_some());
    let Some((mode, schema)) = found.next().and_then(|mode| Some((*mode, of(mode)?))) else {
        return match schemas.iter().find(|s| s.name == name) {
            Some(schema) => provider(schema, &path),
            None => unknown(topic, name, &schemas),
        };
    };
    let mut text = described(mode.keyword(), name, schema, &path)?;
    for other in found.filter(|_| path.is_empty()) {
        let what = if *other == Mode::Data { "a data source" } else { "an ephemeral resource" };
        let word = other.keyword();
        let _ = write!(text, "\nThere is {what} of that name too: pilotis explain {word}.{name}\n");
    }
    Ok(text)
}

fn unknown(topic: &str, name: &str, schemas: &[&ProviderSchema]) -> anyhow::Result<String> {
    let all = [Mode::Managed, Mode::Data, Mode::Ephemeral];
    let types = schemas.iter().flat_map(|s| all.into_iter().flat_map(|mode| s.types(mode).keys()));
    let names = types.chain(schemas.iter().map(|s| &s.name)).map(String::as_str);
    bail!(
        "there is nothing to explain at {topic:?}: it is no code, resource type, data source, ephemeral resource or provider.{} `pilotis explain PROVIDER` lists a provider's types, `pilotis explain` all codes",
        suggestion(name, names)
    )
}

fn provider(schema: &ProviderSchema, path: &[&str]) -> anyhow::Result<String> {
    let header = format!("provider \"{}\"", schema.name);
    if !path.is_empty() {
        return inner(&header, &schema.config, path);
    }
    let mut text =
        format!("{header}\n\nTypes and attributes are named as in {} {}.\n", schema.source, schema.version);
    overview(&mut text, &schema.config);
    let kinds = [
        ("Resource types", &schema.resources),
        ("Data sources", &schema.data_sources),
        ("Ephemeral resources", &schema.ephemeral_resources),
    ];
    for (title, types) in kinds {
        if !types.is_empty() {
            let _ = write!(text, "\n{title}:\n");
            types.keys().for_each(|name| {
                let _ = writeln!(text, "  {name}");
            });
        }
    }
    Ok(text)
}

fn described(word: &str, name: &str, schema: &ResourceSchema, path: &[&str]) -> anyhow::Result<String> {
    let header = format!("{word} \"{name}\"");
    if !path.is_empty() {
        return inner(&header, &schema.block, path);
    }
    let mut text = format!("{header}\n");
    paragraph(&mut text, &schema.doc);
    overview(&mut text, &schema.block);
    Ok(text)
}

/// What a path inside a block names: a nested block or an attribute.
fn inner(header: &str, block: &Block, path: &[&str]) -> anyhow::Result<String> {
    let mut block = block;
    let mut within = header.to_owned();
    for (i, step) in path.iter().enumerate() {
        if let Some(attribute) = block.attributes.get(*step) {
            let below = &path[i + 1..];
            if !below.is_empty() {
                bail!("{step} of {within} is an attribute of type {}: explain {step} itself", attribute.ty);
            }
            return Ok(attribute_text(&within, step, attribute));
        }
        let Some(nested) = block.blocks.get(*step) else {
            let names = block.attributes.keys().chain(block.blocks.keys()).map(String::as_str);
            bail!("{within} has no attribute or block {step:?}.{}", suggestion(step, names));
        };
        block = &nested.block;
        let _ = write!(within, " › {step}");
        if i + 1 == path.len() {
            let mut text = format!("{within} ({})\n", many(nested));
            paragraph(&mut text, &block.doc);
            overview(&mut text, block);
            return Ok(text);
        }
    }
    bail!("{header}: nothing is named")
}

fn attribute_text(within: &str, name: &str, attribute: &Attribute) -> String {
    let mut text = format!("{name}, of {within}\n\n  type: {}\n", attribute.ty);
    for property in attribute.properties() {
        let _ = writeln!(text, "  {property}");
    }
    paragraph(&mut text, &attribute.doc);
    text
}

fn paragraph(text: &mut String, doc: &str) {
    if !doc.trim().is_empty() {
        let _ = write!(text, "\n{}\n", doc.trim());
    }
}

/// Attributes and blocks, what must be given first.
fn overview(text: &mut String, block: &Block) {
    let groups = [
        ("Required", [Presence::Required, Presence::Required]),
        ("Optional", [Presence::Optional, Presence::OptionalComputed]),
        ("Read only", [Presence::Computed, Presence::Computed]),
    ];
    for (title, presences) in groups {
        let mut titled = false;
        for (name, attribute) in block.attributes.iter().filter(|(_, a)| presences.contains(&a.presence)) {
            if !titled {
                let _ = write!(text, "\n{title}:\n");
                titled = true;
            }
            let doc = attribute.doc.lines().next().unwrap_or_default();
            let _ = writeln!(text, "{}", format!("  {name} ({})  {doc}", brief(attribute)).trim_end());
        }
    }
    if !block.blocks.is_empty() {
        text.push_str("\nBlocks:\n");
    }
    for (name, nested) in &block.blocks {
        let doc = nested.block.doc.lines().next().unwrap_or_default();
        let _ = writeln!(text, "{}", format!("  {name} ({})  {doc}", many(nested)).trim_end());
    }
}

fn many(nested: &NestedBlock) -> String {
    match (nested.min, nested.max) {
        (1, Some(1)) => "exactly one block".into(),
        (0, Some(1)) => "at most one block".into(),
        (0, None) => "any number of blocks".into(),
        (min, None) => format!("at least {min}"),
        (min, Some(max)) => format!("{min} to {max} blocks"),
    }
}

/// The type, and what one has to know when choosing: a new object, a secret, deprecation.
fn brief(attribute: &Attribute) -> String {
    let mut all = vec![attribute.ty.to_string()];
    if attribute.force_new {
        all.push("a change replaces".into());
    }
    if attribute.secret.is_some() {
        all.push("sensitive".into());
    }
    if attribute.deprecated.is_some() {
        all.push("deprecated".into());
    }
    all.join(", ")
}
