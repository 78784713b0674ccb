//! Terraform's state file, version 4: in and out, so that nobody is locked in or out.
//!
//! Text to records and records to text; nothing here knows where a file lies. Data sources are read anew by every plan and are not taken in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr as _;
use std::sync::Arc;

use pilotis_schema::address::{Instance, Key, Mode};
use pilotis_value::{Value, json};

use crate::{OutputRecord, ResourceKey, ResourceRecord, Snapshot, Status};

/// Why a text is not a state that can be taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not JSON.
    #[error("the state is not valid JSON: {0}")]
    Json(#[from] json::JsonError),
    /// Of another version.
    #[error("the state has version {found}; only version 4 can be read (Terraform 0.12 and later write it)")]
    Version {
        /// What it says.
        found: String,
    },
    /// Something is missing or has another shape.
    #[error("{place}: {problem}")]
    Shape {
        /// Which object or output.
        place: String,
        /// What is wrong.
        problem: String,
    },
}

/// A state that was taken in.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// As in the file.
    pub lineage: String,
    /// As in the file.
    pub serial: u64,
    /// All managed objects, sorted by key. Versions and digests are to be filled in by whoever stores them.
    pub resources: Vec<ResourceRecord>,
    /// Outputs of the root module.
    pub outputs: Vec<OutputRecord>,
    /// Data sources that were left out.
    pub data_sources: usize,
}

/// Reads a state file.
pub fn import(text: &str) -> Result<Imported, ImportError> {
    let document = json::from_json_text(text)?;
    let version = document.get("version");
    if version.and_then(Value::as_i64) != Some(4) {
        let found = version.map_or_else(|| "none".to_owned(), |v| format!("{v:?}"));
        return Err(ImportError::Version { found });
    }
    let mut imported = Imported {
        lineage: string(&document, "lineage").unwrap_or_default(),
        serial: document.get("serial").and_then(Value::as_i64).unwrap_or(0).unsigned_abs(),
        ..Imported::default()
    };
    for (name, output) in document.get("outputs").and_then(Value::as_entries).into_iter().flatten() {
        imported.outputs.push(read_output(name, output)?);
    }
    for block in elements(&document, "resources") {
        if string(block, "mode").as_deref() == Some("data") {
            imported.data_sources += elements(block, "instances").len();
            continue;
        }
        for instance in elements(block, "instances") {
            imported.resources.push(read_instance(block, instance)?);
        }
    }
    imported.resources.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(imported)
}

fn read_output(name: &str, output: &Value) -> Result<OutputRecord, ImportError> {
    let place = || format!("output {name}");
    let (Some(value), Some(ty)) = (output.get("value"), output.get("type")) else {
        return Err(ImportError::Shape { place: place(), problem: "it has no value or no type".to_owned() });
    };
    let (value, ty) = (json::to_json_text(value)?, json::to_json_text(ty)?);
    Ok(OutputRecord {
        name: name.to_owned(),
        value: format!(r#"{{"type":{ty},"value":{value}}}"#).into(),
        sensitive: output.get("sensitive").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn read_instance(block: &Value, instance: &Value) -> Result<ResourceRecord, ImportError> {
    let shape = |place: &str, problem: &str| ImportError::Shape {
        place: place.to_owned(),
        problem: problem.to_owned(),
    };
    let (Some(type_name), Some(name)) = (string(block, "type"), string(block, "name")) else {
        return Err(shape("a resource", "it has no type or no name"));
    };
    let mut address = string(block, "module").map(|m| m + ".").unwrap_or_default() + &type_name + "." + &name;
    match instance.get("index_key").filter(|k| !k.is_null()) {
        None => {}
        Some(key) => match (key.as_i64().and_then(|n| u64::try_from(n).ok()), key.as_str()) {
            (Some(n), _) => address += &Key::Int(n).to_string(),
            (_, Some(text)) => address += &Key::String(text.to_owned()).to_string(),
            _ => return Err(shape(&address, "its index_key is neither a number nor a text")),
        },
    }
    Instance::from_str(&address).map_err(|e| shape(&address, &e.to_string()))?;
    let Some(attributes) = instance.get("attributes").filter(|a| a.as_entries().is_some()) else {
        return Err(shape(
            &address,
            "it has no attributes (those of Terraform 0.11 can't be read; run `terraform apply` once)",
        ));
    };
    let mut dependencies: Vec<Arc<str>> =
        elements(instance, "dependencies").iter().filter_map(Value::as_str).map(Arc::from).collect();
    dependencies.sort();
    let tainted = string(instance, "status").as_deref() == Some("tainted");
    Ok(ResourceRecord {
        type_name: type_name.into(),
        // OpenTofu writes it beside the instance if a key chose it.
        provider: string(instance, "provider")
            .filter(|p| !p.is_empty())
            .or_else(|| string(block, "provider"))
            .ok_or_else(|| shape(&address, "it has no provider"))?
            .into(),
        schema_version: instance.get("schema_version").and_then(Value::as_i64).unwrap_or(0).unsigned_abs(),
        attributes: json::to_json_text(attributes)?.into(),
        sensitive_paths: sensitive_paths(instance, &address)?.into(),
        dependencies,
        status: if tainted { Status::Tainted } else { Status::Ready },
        create_before_destroy: instance
            .get("create_before_destroy")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        protected: false,
        digest: [0; 32],
        version: 0,
        key: ResourceKey { address: address.into(), deposed: string(instance, "deposed").map(Arc::from) },
    })
}

/// `[[{"type":"get_attr","value":"a"},{"type":"index","value":{"type":"number","value":0}}]]` to `[["a",0]]`.
fn sensitive_paths(instance: &Value, address: &str) -> Result<String, ImportError> {
    let step = |step: &Value| {
        let value = step.get("value")?;
        match string(step, "type")?.as_str() {
            "get_attr" => Some(value.clone()),
            "index" => value.get("value").cloned(),
            _ => None,
        }
    };
    let path =
        |path: &Value| Some(Value::tuple(path.as_elements()?.iter().map(step).collect::<Option<_>>()?));
    let paths: Option<Vec<Value>> = elements(instance, "sensitive_attributes").iter().map(path).collect();
    let paths = paths.ok_or_else(|| ImportError::Shape {
        place: address.to_owned(),
        problem: "its sensitive_attributes have a step that is neither get_attr nor index".to_owned(),
    })?;
    Ok(json::to_json_text(&Value::tuple(paths))?)
}

fn string(object: &Value, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn elements<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_elements).unwrap_or_default()
}

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
    out += "\n  ],\n  \"check_results\": null\n}\n";
    out
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

#[cfg(test)]
mod tests;
