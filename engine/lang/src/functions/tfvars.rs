//! The functions of Terraform's built-in provider: values as the text of the language, and back.
//!
//! <https://developer.hashicorp.com/terraform/language/functions/terraform-encode_tfvars>

use std::collections::BTreeMap;

use pilotis_diag::{Diagnostics, SourceMap};
use pilotis_syntax::{parse_file, write};
use pilotis_value::{Kind, Marks, Value};

use super::templates::failure;
use super::{FunctionDef, FunctionError, Outcome, Param, any, fail, gives_any, gives_string, string, text};
use crate::constant;

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "provider::terraform::encode_expr",
        params: &[Param::new("value", any)],
        variadic: None,
        returns: gives_string,
        call: |args, _| encode_expr(&args[0]),
        doc: "The value as an expression of the language.",
    },
    FunctionDef {
        name: "provider::terraform::encode_tfvars",
        params: &[Param::new("value", any)],
        variadic: None,
        returns: gives_string,
        call: |args, _| encode_tfvars(&args[0]),
        doc: "An object as the text of a .tfvars file.",
    },
    FunctionDef {
        name: "provider::terraform::decode_tfvars",
        params: &[Param::new("src", string)],
        variadic: None,
        returns: gives_any,
        call: |args, _| decode_tfvars(text(args, 0)?),
        doc: "The values that the text of a .tfvars file gives, as an object.",
    },
];

/// The text in the layout of `fmt`.
fn laid_out(text: &str) -> Result<String, FunctionError> {
    pilotis_syntax::format(text).or_else(|_| fail("the value has no text in the language"))
}

fn encode_expr(value: &Value) -> Outcome {
    const NAME: &str = "x = ";
    let mut out = NAME.to_owned();
    expression(value, &mut out);
    let text = laid_out(&(out + "\n"))?;
    Ok(Value::string(text.trim_start_matches(NAME).trim_end_matches('\n')))
}

fn encode_tfvars(value: &Value) -> Outcome {
    let Some(entries) = value.as_entries() else {
        return fail(
            "invalid value to encode: must be an object whose attribute names will become the encoded variable names",
        );
    };
    let mut out = String::new();
    for (name, value) in entries {
        if !pilotis_syntax::is_name(name) {
            return fail(format!("invalid variable name {name:?}: must be a valid identifier"));
        }
        out.push_str(name);
        out.push_str(" = ");
        expression(value, &mut out);
        out.push('\n');
    }
    Ok(Value::string(laid_out(&out)?))
}

/// Sequences on a line, objects on several, as Terraform's own function has it.
fn expression(value: &Value, out: &mut String) {
    match value.kind() {
        Kind::List(items) | Kind::Set(items) | Kind::Tuple(items) => {
            out.push('[');
            for (i, item) in items.items().iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                expression(item, out);
            }
            out.push(']');
        }
        Kind::Map(entries) | Kind::Object(entries) if entries.items().is_empty() => out.push_str("{}"),
        Kind::Map(entries) | Kind::Object(entries) => {
            out.push_str("{\n");
            for (key, item) in entries.items() {
                out.push_str(&write::object_key(key));
                out.push_str(" = ");
                expression(item, out);
                out.push('\n');
            }
            out.push('}');
        }
        Kind::String(s) => out.push_str(&write::quoted(s)),
        Kind::Number(n) => out.push_str(&n.to_string()),
        Kind::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        // What isn't known never gets here: the result isn't known then.
        Kind::Null(_) | Kind::Unknown(_) => out.push_str("null"),
    }
}

fn decode_tfvars(text: &str) -> Outcome {
    let mut sources = SourceMap::default();
    let file = sources.add("<decode_tfvars argument>", text);
    let wrong = |what: &str, diags: &Diagnostics, sources: &SourceMap| {
        let why = failure(sources, diags, Marks::empty()).message;
        FunctionError::new(format!("invalid tfvars {what}: {why}"))
    };
    let (body, mut diags) = parse_file(&sources, file);
    if diags.has_errors() {
        return Err(wrong("syntax", &diags, &sources));
    }
    if let Some(block) = body.blocks.first() {
        return fail(format!(
            "invalid tfvars content: blocks are not allowed here, but there is {:?}",
            block.kind.text
        ));
    }
    let mut values = BTreeMap::new();
    for attribute in &body.attributes {
        let value = constant(&attribute.expr, &mut diags);
        if values.insert(attribute.name.text.clone(), value).is_some() {
            return fail(format!("invalid tfvars syntax: {:?} is set more than once", attribute.name.text));
        }
    }
    if diags.has_errors() {
        return Err(wrong("content", &diags, &sources));
    }
    Ok(Value::object(values.into()))
}
