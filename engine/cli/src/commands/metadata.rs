//! `pilotis metadata functions -json`: what the language can do, for editors and other programs.

use anyhow::bail;
use pilotis_lang::functions::{self, FunctionDef, Param};
use pilotis_value::json::encode_type;
use serde_json::{Map, Value, json};

use crate::args::{MetadataArgs, MetadataCommand};
use crate::exit::Exit;
use crate::view::View;

/// Writes the signatures of all functions, in Terraform's format: under their names, and those that have no namespace also
/// under `core::`.
pub(crate) fn run(args: &MetadataArgs) -> anyhow::Result<Exit> {
    let MetadataCommand::Functions(args) = &args.command;
    if !args.json {
        bail!("pilotis metadata functions writes JSON for programs only: add -json");
    }
    let mut signatures = Map::new();
    for def in functions::all() {
        if !def.name.contains("::") {
            signatures.insert(format!("core::{}", def.name), signature(def));
        }
        signatures.insert(def.name.to_owned(), signature(def));
    }
    View::plain(true).line(&json!({ "format_version": "1.0", "function_signatures": signatures }));
    Ok(Exit::Done)
}

fn signature(def: &FunctionDef) -> Value {
    let mut json = json!({ "description": def.doc, "return_type": encode_type(&def.return_type()) });
    if !def.params.is_empty() {
        json["parameters"] = def.params.iter().map(parameter).collect();
    }
    if let Some(param) = &def.variadic {
        json["variadic_parameter"] = parameter(param);
    }
    json
}

fn parameter(param: &Param) -> Value {
    let mut json = json!({ "name": param.name, "type": encode_type(&(param.ty)()) });
    if param.allow_null {
        json["is_nullable"] = true.into();
    }
    json
}
