//! From records to the text of a state file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr as _;

use pilotis_schema::address::{Instance, Key, Mode};
use serde_json::{Value as Json, json};

use crate::{ResourceRecord, Snapshot, Status};

/// Module, mode, type, name, provider: what the objects of one block have in common. The provider is nothing if a key chooses it for
/// each object.
type Block<'a> = (String, Mode, &'a str, String, &'a str);

/// Writes a state file. It holds secrets in clear, as Terraform's does. `version` is the Terraform version that it names: Terraform refuses
/// nothing because of it.
pub fn export(snapshot: &Snapshot, version: &str) -> String {
    let mut blocks: BTreeMap<Block<'_>, Vec<(Option<Key>, &ResourceRecord)>> = BTreeMap::new();
    for record in &snapshot.resources {
        // Every stored address was made from an instance.
        let Ok(Instance { resource, key }) = Instance::from_str(&record.key.address) else { continue };
        let block = (
            resource.module.to_string(),
            resource.mode,
            &*record.type_name,
            resource.name,
            if is_keyed(&record.provider) { "" } else { &*record.provider },
        );
        blocks.entry(block).or_default().push((key, record));
    }
    let mut out = format!(
        "{{\n  \"version\": 4,\n  \"terraform_version\": {},\n  \"serial\": {},\n  \"lineage\": {},\n  \"outputs\": {{",
        quote(version),
        snapshot.serial,
        quote(&snapshot.lineage)
    );
    for (i, output) in snapshot.outputs.iter().enumerate() {
        // The stored text is `{"type":…,"value":…}`: one more member makes it Terraform's.
        let inner = output.value.trim().trim_start_matches('{');
        let sensitive = if output.sensitive { "\"sensitive\": true, " } else { "" };
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(out, "{comma}\n    {}: {{{sensitive}{inner}", quote(&output.name));
    }
    out += "\n  },\n  \"resources\": [";
    for (i, ((module, mode, type_name, name, provider), instances)) in blocks.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        let module =
            if module.is_empty() { String::new() } else { format!("\"module\": {}, ", quote(module)) };
        let mode = if *mode == Mode::Data { "data" } else { "managed" };
        let provider = match *provider {
            "" => String::new(),
            provider => format!("\"provider\": {}, ", quote(provider)),
        };
        let _ = write!(
            out,
            "{comma}\n    {{{module}\"mode\": \"{mode}\", \"type\": {}, \"name\": {}, {provider}\"instances\": [",
            quote(type_name),
            quote(name),
        );
        for (i, (key, record)) in instances.iter().enumerate() {
            out += if i > 0 { ",\n      " } else { "\n      " };
            write_instance(&mut out, key.as_ref(), record);
        }
        out += "\n    ]}";
    }
    let _ = write!(out, "\n  ],\n  \"check_results\": {}\n}}\n", check_results(&snapshot.checks));
    out
}

/// What came of conditions, in Terraform's words.
fn check_results(checks: &str) -> Json {
    let Ok(Json::Array(blocks)) = serde_json::from_str(checks) else { return Json::Null };
    let object = |instance: &Json| {
        let mut out = json!({ "object_addr": instance["address"], "status": instance["status"] });
        if let (Some(out), problems @ Json::Array(_)) = (out.as_object_mut(), &instance["problems"]) {
            out.insert("failure_messages".into(), problems.clone());
        }
        out
    };
    let block = |block: &Json| {
        let kind = if block["kind"] == "output_value" { json!("output") } else { block["kind"].clone() };
        let objects = block["instances"].as_array().filter(|i| !i.is_empty());
        json!({
            "object_kind": kind,
            "config_addr": block["address"],
            "status": block["status"],
            "objects": objects.map(|i| i.iter().map(object).collect::<Vec<_>>()),
        })
    };
    blocks.iter().map(block).collect()
}

/// `provider["…"].by_env["key"]`: an instance of a provider with `for_each`.
fn is_keyed(provider: &str) -> bool {
    provider.ends_with(']') && provider.contains("].")
}

fn write_instance(out: &mut String, key: Option<&Key>, record: &ResourceRecord) {
    out.push('{');
    match key {
        None => {}
        Some(Key::Int(n)) => *out += &format!("\"index_key\": {n}, "),
        Some(Key::String(text)) => *out += &format!("\"index_key\": {}, ", quote(text)),
    }
    if record.status == Status::Tainted {
        *out += "\"status\": \"tainted\", ";
    }
    if is_keyed(&record.provider) {
        *out += &format!("\"provider\": {}, ", quote(&record.provider));
    }
    if let Some(deposed) = &record.key.deposed {
        *out += &format!("\"deposed\": {}, ", quote(deposed));
    }
    *out += &format!("\"schema_version\": {}, \"attributes\": {}", record.schema_version, record.attributes);
    *out += &format!(", \"sensitive_attributes\": {}", steps(&record.sensitive_paths));
    if !record.dependencies.is_empty() {
        let dependencies: Vec<String> = record.dependencies.iter().map(|d| quote(d)).collect();
        *out += &format!(", \"dependencies\": [{}]", dependencies.join(", "));
    }
    if record.create_before_destroy {
        *out += ", \"create_before_destroy\": true";
    }
    out.push('}');
}

/// `[["a",0]]` to Terraform's steps. A text is taken for an attribute: it may be the key of a map, which nothing but the schema could tell;
/// Terraform then marks that value anew when it is next applied.
fn steps(paths: &str) -> String {
    let paths: Vec<Vec<serde_json::Value>> = serde_json::from_str(paths).unwrap_or_default();
    let step = |step: &serde_json::Value| match step {
        serde_json::Value::Number(n) => {
            serde_json::json!({ "type": "index", "value": { "value": n, "type": "number" } })
        }
        other => serde_json::json!({ "type": "get_attr", "value": other }),
    };
    let paths: Vec<Vec<_>> = paths.iter().map(|p| p.iter().map(step).collect()).collect();
    serde_json::json!(paths).to_string()
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
