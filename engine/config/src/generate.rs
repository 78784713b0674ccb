//! Blocks written for objects that are imported and have none yet: first as empty ones, so that the objects can be read, then as
//! text, from what was read.

use std::fmt::Write as _;

use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_schema::address::{Instance, Mode};
use pilotis_schema::{Attribute, Block, NestedBlock, Nesting, Presence};
use pilotis_syntax::write::{expression, object_key, quoted};
use pilotis_value::Value;

use crate::body::{BlockCode, CompiledBody};
use crate::places::Places;
use crate::types::Types;
use crate::{
    Configuration, IgnoreChanges, Import, Lifecycle, ProviderRef, Repetition, Resource, Schemas, codes,
};

/// The configuration with an empty block for every `import` of the root module that has none, and their addresses. None if all
/// have one. Such a block is for reading its object only.
pub fn with_missing_blocks(
    configuration: &Configuration,
    schemas: &Schemas,
) -> Result<Option<(Configuration, Vec<Instance>)>, Diagnostics> {
    let Some(root) = configuration.modules.first() else { return Ok(None) };
    let types = Types::new(schemas);
    let mut diags = Diagnostics::new();
    let mut blocks: Vec<Resource> = Vec::new();
    for import in &root.imports {
        let to = &import.to.resource;
        let same = |r: &Resource| r.mode == to.mode && r.type_name == to.type_name && r.name == to.name;
        if !to.module.0.is_empty() || root.resources.iter().any(same) || blocks.iter().any(same) {
            continue;
        }
        let single = import.to.key.is_none() && import.key.is_none();
        match types.get(Mode::Managed, &to.type_name) {
            _ if !single || !matches!(import.repetition, Repetition::One) => diags.push(
                Diagnostic::error("Configuration for import target does not exist")
                    .code(codes::ADDRESS)
                    .at(import.span)
                    .detail("A block can be written for one object only, not for one with a key, nor for an import with for_each.")
                    .help(format!("Write the block of {to} yourself, with its count or for_each.")),
            ),
            None => diags.push(
                Diagnostic::error("Unknown resource type")
                    .code(codes::UNKNOWN_TYPE)
                    .at(import.span)
                    .detail(format!("No provider has a resource type \"{}\".", to.type_name)),
            ),
            Some(known) => {
                let default = ProviderRef::new(known.provider, None);
                let body = BlockCode { plan: known.plan, attributes: Vec::new(), nested: Vec::new() };
                blocks.push(Resource {
                    mode: Mode::Managed,
                    type_name: to.type_name.clone(),
                    name: to.name.clone(),
                    provider: import.provider.clone().unwrap_or(default),
                    provider_key: None,
                    schema: known.schema,
                    repetition: Repetition::One,
                    body: CompiledBody::new(body, Vec::new(), Places::at(import.span)),
                    depends_on: Vec::new(),
                    lifecycle: Lifecycle { ignore_changes: IgnoreChanges::All, ..Lifecycle::default() },
                    in_check: None,
                    provisioners: Vec::new().into(),
                    span: import.span,
                    extent: import.span,
                });
            }
        }
    }
    if diags.has_errors() {
        return Err(diags);
    }
    if blocks.is_empty() {
        return Ok(None);
    }
    let address = |import: &Import| import.to.clone();
    let is_new = |i: &&Import| {
        blocks.iter().any(|b| b.name == i.to.resource.name && b.type_name == i.to.resource.type_name)
    };
    let addresses = root.imports.iter().filter(is_new).map(address).collect();
    let mut widened = configuration.clone();
    widened.modules[0].resources.extend(blocks);
    Ok(Some((widened, addresses)))
}

/// The text of the block of an object, as it was read. `configuration`: from [`with_missing_blocks`].
pub fn block_text(
    configuration: &Configuration,
    address: &Instance,
    id: Option<&str>,
    value: &Value,
) -> Option<String> {
    let resources = &configuration.modules.first()?.resources;
    let of = &address.resource;
    let block = resources.iter().find(|r| r.type_name == of.type_name && r.name == of.name)?;
    let mut out = String::new();
    if let Some(id) = id {
        let _ = writeln!(out, "# From the object with the id {}.", quoted(id));
    }
    let _ = writeln!(out, "resource \"{}\" \"{}\" {{", block.type_name, block.name);
    if let Some(alias) = &block.provider.alias {
        let _ = writeln!(out, "provider = {}.{alias}", block.provider.name);
    }
    body(&block.schema.block, value, true, &mut out);
    out.push_str("}\n");
    Some(pilotis_syntax::format(&out).unwrap_or(out))
}

fn body(block: &Block, value: &Value, top: bool, out: &mut String) {
    for (name, attribute) in &block.attributes {
        let by_service = top && name == "id" && attribute.presence == Presence::OptionalComputed;
        if attribute.is_argument() && attribute.deprecated.is_none() && !by_service {
            argument(name, attribute, value.get(name), out);
        }
    }
    for (name, nested) in &block.blocks {
        if let Some(value) = value.get(name) {
            nested_blocks(name, nested, value, out);
        }
    }
}

/// What is not said means its default: it is left out.
fn argument(name: &str, attribute: &Attribute, value: Option<&Value>, out: &mut String) {
    let required = attribute.presence == Presence::Required;
    let given = value.filter(|v| !v.is_null());
    if attribute.secret.is_some() || attribute.write_only || given.is_some_and(Value::has_sensitive) {
        if required {
            let _ = writeln!(out, "{name} = null # a secret: give it, best from a variable");
        } else if given.is_some() {
            let _ = writeln!(out, "# {name} is a secret: give it, best from a variable");
        }
        return;
    }
    let text = given.filter(|v| attribute.default.as_ref() != Some(*v)).and_then(|v| expression(v).ok());
    match text {
        Some(text) => {
            let _ = writeln!(out, "{name} = {text}");
        }
        None if required => {
            let _ = writeln!(out, "{name} = null # required, and the service doesn't say it");
        }
        None => {}
    }
}

fn nested_blocks(name: &str, nested: &NestedBlock, value: &Value, out: &mut String) {
    let mut one = |label: Option<&str>, value: &Value| {
        let label = label.map(|l| format!(" {}", quoted(l))).unwrap_or_default();
        if !out.ends_with("{\n") {
            out.push('\n');
        }
        let _ = writeln!(out, "{}{label} {{", object_key(name));
        body(&nested.block, value, false, out);
        out.push_str("}\n");
    };
    match nested.nesting {
        Nesting::Single if value.is_null() => {}
        Nesting::Single => one(None, value),
        Nesting::List | Nesting::Set => {
            value.as_elements().unwrap_or_default().iter().for_each(|v| one(None, v));
        }
        Nesting::Map => {
            value.as_entries().into_iter().flatten().for_each(|(label, v)| one(Some(label), v));
        }
    }
}
