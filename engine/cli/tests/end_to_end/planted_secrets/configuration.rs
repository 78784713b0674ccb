//! The configuration: one object of each type, with a marker in each argument that takes a text.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::search::{self, CORE};
use crate::harness::Folder;

/// How the values are known as secrets.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Held {
    /// By the variable that they come from.
    Marked,
    /// By the schema of the argument alone; other arguments hold a plain text.
    BySchema,
    /// Only those that are only written, from an ephemeral variable.
    WriteOnly,
}

/// What was planted.
pub(super) struct Planted {
    pub(super) configuration: Value,
    pub(super) variables: Value,
    /// The argument of each marker, by its number.
    pub(super) names: Vec<String>,
    /// How many types there are.
    pub(super) types: usize,
    held: Held,
    fixed: Map<String, Value>,
}

fn data(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

impl Planted {
    /// With what `fixed.json` says, so that it can be applied.
    pub(super) fn new(folder: &Folder, held: Held) -> Planted {
        Planted::made(folder, held, data(include_str!("fixed.json")))
    }

    /// A marker in every text, whatever the service thinks of it.
    pub(super) fn wild(folder: &Folder) -> Planted {
        let mut fixed = Map::new();
        for part in ["metadata.namespace", "*.project", "*.group", "*.group_id"] {
            let all = data(include_str!("fixed.json"));
            fixed.extend(all.into_iter().filter(|(key, _)| key == part));
        }
        Planted::made(folder, Held::Marked, fixed)
    }

    fn made(folder: &Folder, held: Held, fixed: Map<String, Value>) -> Planted {
        let schemas = folder.run("providers schema -all -json").exits(0).json();
        let mut planted = Planted {
            configuration: Value::Null,
            variables: Value::Null,
            names: Vec::new(),
            types: 0,
            held,
            fixed,
        };
        let mut resources = Map::new();
        for provider in schemas["provider_schemas"].as_object().unwrap().values() {
            for (type_name, schema) in provider["resource_schemas"].as_object().unwrap() {
                if planted.fixed.get(type_name).is_none_or(|fixed| !fixed["value"].is_null()) {
                    let object = planted.block(type_name, &schema["block"], "");
                    resources.insert(type_name.clone(), json!({"planted": object}));
                    planted.types += 1;
                }
            }
        }
        for (place, object) in data(include_str!("base.json")) {
            let (type_name, name) = place.split_once(' ').unwrap_or((&place, "base"));
            resources.entry(type_name).or_insert_with(|| json!({}))[name] = object;
        }
        let mut variable = json!({"type": "map(string)"});
        match held {
            Held::Marked => variable["sensitive"] = json!(true),
            Held::WriteOnly => variable["ephemeral"] = json!(true),
            Held::BySchema => {}
        }
        planted.configuration = json!({
            "provider": {"gitlab": {"sandbox": true}, "kubernetes": {"sandbox": true}},
            "variable": {"planted": variable},
            "resource": resources,
        });
        // What is derived has a secret also where the schemas alone say what is one.
        planted.variables = planted.values(|number| format!("{CORE}{number:04}{CORE}{number:04}"));
        planted
    }

    fn values(&self, text: impl Fn(usize) -> String) -> Value {
        let all: Map<String, Value> =
            self.names.iter().enumerate().map(|(number, name)| (name.clone(), json!(text(number)))).collect();
        json!({"planted": all})
    }

    /// The same arguments with other markers.
    pub(super) fn others(&self) -> Value {
        self.values(|number| format!("{CORE}{number:04}{CORE}{number:04}{CORE}{number:04}"))
    }

    /// One configuration for each type, with what its object is in.
    pub(super) fn apart(&self) -> Vec<Value> {
        let all = self.configuration["resource"].as_object().unwrap();
        let one = |type_name: &String| {
            let mut alone = self.configuration.clone();
            for (other, objects) in alone["resource"].as_object_mut().unwrap() {
                if other != type_name {
                    objects.as_object_mut().unwrap().remove("planted");
                }
            }
            alone["resource"].as_object_mut().unwrap().retain(|_, objects| objects != &json!({}));
            alone
        };
        all.keys().map(one).collect()
    }

    /// The arguments whose markers are somewhere in these bytes: as they are, in capitals, in base64.
    pub(super) fn found_in(&self, bytes: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(bytes);
        let mut found: Vec<String> = Vec::new();
        let number = |text: &str| text.get(..4).and_then(|digits| digits.parse::<usize>().ok());
        let lower = text.to_ascii_lowercase();
        for (place, core) in lower.match_indices(CORE) {
            let number = lower.get(place + core.len()..).and_then(number);
            found.push(
                number.and_then(|n| self.names.get(n)).cloned().unwrap_or_else(|| "part of one".into()),
            );
        }
        let encoded = search::in_base64().into_iter().filter(|inner| text.contains(inner));
        found.extend(encoded.map(|inner| format!("one in base64 ({inner})")));
        found.sort();
        found.dedup();
        found
    }

    fn marker(&mut self, name: String, sensitive: bool) -> Value {
        if self.held != Held::Marked && !sensitive {
            return json!(format!("plain-{}", name.replace(['.', '_'], "-")));
        }
        let reference = format!("${{var.planted[\"{name}\"]}}");
        self.names.push(name);
        json!(reference)
    }

    /// What `fixed.json` says of an argument: the longest pattern that fits.
    fn fixed(&self, name: &str) -> Option<Value> {
        // The two names of a Kubernetes type are of one kind.
        let of_one_kind = &name.replacen("_v1.", ".", 1);
        let fits = |key: &str| {
            key == of_one_kind || key.strip_prefix('*').is_some_and(|end| of_one_kind.ends_with(end))
        };
        let (_, fixed) = self.fixed.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len())?;
        assert!(fixed["why"].is_string(), "no reason is given for {name}");
        Some(fixed.get("value").cloned().unwrap_or_else(|| {
            json!(format!("{}-planted", name.split('.').next().unwrap_or_default().replace('_', "-")))
        }))
    }

    /// `MARK` in a text that is fixed otherwise.
    fn with_mark(&mut self, value: Value, name: &str, sensitive: bool) -> Value {
        match value {
            Value::String(text) if text.contains("MARK") => {
                let marker = self.marker(name.to_owned(), sensitive);
                json!(text.replace("MARK", marker.as_str().unwrap()))
            }
            Value::Array(all) => all.into_iter().map(|v| self.with_mark(v, name, sensitive)).collect(),
            Value::Object(all) => {
                Value::Object(all.into_iter().map(|(k, v)| (k, self.with_mark(v, name, sensitive))).collect())
            }
            other => other,
        }
    }

    fn block(&mut self, type_name: &str, block: &Value, within: &str) -> Value {
        let mut object = Map::new();
        let none = Map::new();
        let part = |key: &str| block[key].as_object().unwrap_or(&none).clone();
        for (name, attribute) in part("attributes") {
            let is = |key: &str| attribute[key] == true;
            let path = format!("{type_name}.{within}{name}");
            if !is("optional") && !is("required") {
                continue;
            }
            let only_written = self.held == Held::WriteOnly && is("write_only");
            if is("write_only") != only_written {
                continue;
            }
            let secret = if self.held == Held::WriteOnly { only_written } else { is("sensitive") };
            let beside = self.held == Held::WriteOnly && type_name.starts_with("kubernetes_secret");
            if beside && is("sensitive") && !secret {
                continue;
            }
            let value = match self.fixed(&path) {
                Some(_) if only_written && name.starts_with("binary") => Value::Null,
                Some(value) if !only_written => self.with_mark(value, &path, secret),
                _ => self.value(&path, &attribute["type"], is("required"), secret),
            };
            if !value.is_null() {
                object.insert(name, value);
            }
        }
        for (name, nested) in part("block_types") {
            let path = format!("{type_name}.{within}{name}");
            let value = match self.fixed(&path) {
                Some(value) => self.with_mark(value, &path, false),
                None => match self.block(type_name, &nested["block"], &format!("{within}{name}.")) {
                    single if nested["nesting_mode"] == "single" => single,
                    one => json!([one]),
                },
            };
            if !value.is_null() {
                object.insert(name, value);
            }
        }
        Value::Object(object)
    }

    fn value(&mut self, path: &str, ty: &Value, required: bool, sensitive: bool) -> Value {
        match (ty.as_str(), ty[0].as_str()) {
            (Some("string" | "dynamic"), _) => self.marker(path.to_owned(), sensitive),
            (Some("number"), _) if required => json!(1),
            (Some("bool"), _) if required => json!(true),
            (_, Some("map")) if ty[1] == "string" => {
                json!({"planted": self.marker(path.to_owned(), sensitive)})
            }
            (_, Some("list" | "set")) => match self.value(path, &ty[1], false, sensitive) {
                Value::Null => Value::Null,
                one => json!([one]),
            },
            (_, Some("object")) => {
                let parts: BTreeMap<String, Value> = serde_json::from_value(ty[1].clone()).unwrap();
                if parts.values().any(|ty| ty != "string") {
                    return Value::Null;
                }
                parts.keys().map(|k| (k.clone(), self.marker(format!("{path}.{k}"), sensitive))).collect()
            }
            _ => Value::Null,
        }
    }
}
