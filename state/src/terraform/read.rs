//! From the text of a state file to records.

use std::collections::BTreeSet;
use std::str::FromStr as _;
use std::sync::Arc;

use pilotis_schema::address::{Instance, Key, Target};
use pilotis_value::{Value, json};

use crate::terraform::{ImportError, Imported, Problems};
use crate::{OutputRecord, ResourceKey, ResourceRecord, Status};

/// What is wrong with one object or output: `place: problem`.
type Wrong = String;

/// Reads a state file. All that is wrong with its objects and outputs is said together.
pub fn import(text: &str) -> Result<Imported, ImportError> {
    let document = json::from_json_text(text)?;
    let version = document.get("version");
    if version.and_then(Value::as_i64) != Some(4) {
        return Err(ImportError::Version { found: said(version) });
    }
    let mut problems = Vec::new();
    let mut imported = Imported {
        lineage: string(&document, "lineage").unwrap_or_default(),
        serial: serial(&document, &mut problems),
        ..Imported::default()
    };
    let outputs = document.get("outputs").filter(|o| !o.is_null());
    match (outputs, outputs.and_then(Value::as_entries)) {
        (Some(_), None) => problems.push("outputs: they are no object".to_owned()),
        (_, entries) => {
            for (name, output) in entries.into_iter().flatten() {
                keep(read_output(name, output), &mut imported.outputs, &mut problems);
            }
        }
    }
    for block in elements(&document, "resources", "the state", &mut problems) {
        let instances = elements(block, "instances", "a resource", &mut problems);
        match string(block, "mode").as_deref() {
            Some("managed") => {
                for instance in instances {
                    keep(read_instance(block, instance), &mut imported.resources, &mut problems);
                }
            }
            Some("data") => {
                let read: Vec<_> = instances.iter().flat_map(|i| read_instance(block, i)).collect();
                imported.left_out += instances.len() - read.len();
                imported.data.extend(read);
            }
            _ => problems.push("a resource: its mode is neither managed nor data".to_owned()),
        }
    }
    imported.resources.sort_by(|a, b| a.key.cmp(&b.key));
    imported.data.sort_by(|a, b| a.key.cmp(&b.key));
    imported.data.dedup_by(|a, b| a.key == b.key);
    let twice = imported.resources.windows(2).filter(|w| w[0].key == w[1].key);
    problems.extend(twice.map(|w| format!("{}: it is there twice", w[0].key)));
    if problems.is_empty() { Ok(imported) } else { Err(ImportError::Objects(Problems(problems))) }
}

fn said(version: Option<&Value>) -> String {
    match version {
        None => "none".to_owned(),
        Some(version) => json::to_json_text(version).unwrap_or_else(|_| "none".to_owned()),
    }
}

fn keep<T>(read: Result<T, Wrong>, to: &mut Vec<T>, problems: &mut Vec<Wrong>) {
    match read {
        Ok(one) => to.push(one),
        Err(wrong) => problems.push(wrong),
    }
}

/// A serial counts commits; the database keeps it as an `i64`, with room to count on.
fn serial(document: &Value, problems: &mut Vec<Wrong>) -> u64 {
    match document.get("serial").filter(|s| !s.is_null()) {
        None => 0,
        Some(serial) => match serial.as_i64().and_then(|n| u64::try_from(n).ok()).filter(|n| *n < 1 << 62) {
            Some(serial) => serial,
            None => {
                problems.push("serial: it is no number that counts".to_owned());
                0
            }
        },
    }
}

fn read_output(name: &str, output: &Value) -> Result<OutputRecord, Wrong> {
    let place = |problem: &str| format!("output {name}: {problem}");
    let (Some(value), Some(ty)) = (output.get("value"), output.get("type")) else {
        return Err(place("it has no value or no type"));
    };
    let text = |value| json::to_json_text(value).map_err(|e| place(&e.to_string()));
    let value: Arc<str> = format!(r#"{{"type":{},"value":{}}}"#, text(ty)?, text(value)?).into();
    // Read once here, so that nothing is stored that can't be read later.
    json::decode(value.as_bytes(), &pilotis_value::Type::Dynamic).map_err(|e| place(&e.to_string()))?;
    let sensitive = output.get("sensitive").and_then(Value::as_bool).unwrap_or(false);
    Ok(OutputRecord { name: name.to_owned(), value, sensitive })
}

fn read_instance(block: &Value, instance: &Value) -> Result<ResourceRecord, Wrong> {
    let (Some(type_name), Some(name)) = (string(block, "type"), string(block, "name")) else {
        return Err("a resource: it has no type or no name".to_owned());
    };
    let module = string(block, "module").filter(|m| !m.is_empty()).map(|m| m + ".").unwrap_or_default();
    let mode = if string(block, "mode").as_deref() == Some("data") { "data." } else { "" };
    let address = module + mode + &type_name + "." + &name;
    let address = address.clone() + &index(instance).map_err(|why| format!("{address}: {why}"))?;
    let wrong = |problem: &str| format!("{address}: {problem}");
    Instance::from_str(&address).map_err(|e| wrong(&e.to_string()))?;
    let Some(attributes) = instance.get("attributes").filter(|a| a.as_entries().is_some()) else {
        return Err(wrong(
            "it has no attributes (those of Terraform 0.11 can't be read; run `terraform apply` once)",
        ));
    };
    let status = match string(instance, "status").as_deref() {
        None | Some("") => Status::Ready,
        Some("tainted") => Status::Tainted,
        Some(other) => return Err(wrong(&format!("its status is {other:?}, which nobody knows"))),
    };
    let version = instance.get("schema_version").and_then(Value::as_i64).unwrap_or(0);
    Ok(ResourceRecord {
        type_name: type_name.into(),
        // OpenTofu writes it beside the instance if a key chose it.
        provider: string(instance, "provider")
            .filter(|p| !p.is_empty())
            .or_else(|| string(block, "provider"))
            .ok_or_else(|| wrong("it has no provider"))?
            .into(),
        schema_version: u64::try_from(version).map_err(|_| wrong("its schema_version is negative"))?,
        attributes: json::to_json_text(attributes).map_err(|e| wrong(&e.to_string()))?.into(),
        sensitive_paths: sensitive_paths(instance).map_err(|why| wrong(&why))?.into(),
        dependencies: dependencies(instance).map_err(|why| wrong(&why))?,
        status,
        create_before_destroy: instance
            .get("create_before_destroy")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        protected: false,
        digest: [0; 32],
        version: 0,
        key: ResourceKey {
            deposed: string(instance, "deposed").filter(|key| !key.is_empty()).map(Arc::from),
            address: address.into(),
        },
    })
}

/// `[0]`, `["a"]`, or nothing.
fn index(instance: &Value) -> Result<String, &'static str> {
    let Some(key) = instance.get("index_key").filter(|k| !k.is_null()) else { return Ok(String::new()) };
    match (key.as_i64().and_then(|n| u64::try_from(n).ok()), key.as_str()) {
        (Some(n), _) => Ok(Key::Int(n).to_string()),
        (_, Some(text)) => Ok(Key::String(text.to_owned()).to_string()),
        _ => Err("its index_key is neither a number nor a text"),
    }
}

fn dependencies(instance: &Value) -> Result<Vec<Arc<str>>, Wrong> {
    let mut addresses = BTreeSet::new();
    for dependency in instance.get("dependencies").and_then(Value::as_elements).unwrap_or_default() {
        let address = dependency.as_str().filter(|text| text.parse::<Target>().is_ok());
        let address =
            address.ok_or_else(|| format!("its dependency {} is no address", said(Some(dependency))))?;
        addresses.insert(Arc::from(address));
    }
    Ok(addresses.into_iter().collect())
}

/// `[[{"type":"get_attr","value":"a"},{"type":"index","value":{"type":"number","value":0}}]]` to `[["a",0]]`.
fn sensitive_paths(instance: &Value) -> Result<String, Wrong> {
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
    let paths = instance.get("sensitive_attributes").and_then(Value::as_elements).unwrap_or_default();
    let paths: Option<Vec<Value>> = paths.iter().map(path).collect();
    let Some(paths) = paths else {
        return Err("its sensitive_attributes have a step that is neither get_attr nor index".to_owned());
    };
    json::to_json_text(&Value::tuple(paths)).map_err(|e| e.to_string())
}

fn string(object: &Value, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A list; none is an empty one, and anything else is a problem.
fn elements<'a>(object: &'a Value, name: &str, of: &str, problems: &mut Vec<Wrong>) -> &'a [Value] {
    let Some(list) = object.get(name).filter(|list| !list.is_null()) else { return &[] };
    list.as_elements().unwrap_or_else(|| {
        problems.push(format!("{of}: its {name} are no list"));
        &[]
    })
}
