//! The OpenAPI documents, made from the table of types: enough for `kubectl apply`, `diff` and client-side checks.
//! There is no prose in them.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    kinds,
    resources::{Key, Registry, Resource, group_version},
    types::{self, Field, ListKind, Node, NodeRef, Scalar, Shape, Struct},
    world::World,
};

/// The published name of a built-in type.
fn published(name: &str) -> String {
    if let Some(rest) = name.strip_prefix("openshift.") {
        return format!("com.github.openshift.api.{rest}");
    }
    match name.split('.').next() {
        Some("meta") => format!("io.k8s.apimachinery.pkg.apis.{name}"),
        Some("apiextensions") => format!("io.k8s.apiextensions-apiserver.pkg.apis.{name}"),
        _ => format!("io.k8s.api.{name}"),
    }
}

/// The schema of a type; `prefix` is where definitions are.
fn schema(node: &Node, prefix: &str) -> Value {
    match &node.shape {
        Shape::Any => json!({ "type": "object" }),
        Shape::Scalar(kind) => match kind {
            Scalar::Int32 => json!({ "type": "integer", "format": "int32" }),
            Scalar::Int64 => json!({ "type": "integer", "format": "int64" }),
            Scalar::Number => json!({ "type": "number" }),
            Scalar::Bool => json!({ "type": "boolean" }),
            Scalar::Bytes => json!({ "type": "string", "format": "byte" }),
            Scalar::Time | Scalar::MicroTime => json!({ "type": "string", "format": "date-time" }),
            Scalar::IntOrString => json!({ "type": "string", "format": "int-or-string" }),
            Scalar::String | Scalar::Quantity => json!({ "type": "string" }),
        },
        Shape::Struct(made) if !made.name.is_empty() && !made.name.starts_with("untyped.") => {
            json!({ "$ref": format!("{prefix}{}", published(&made.name)) })
        }
        Shape::Struct(made) => structure(made, prefix),
        Shape::Map { of, .. } => json!({ "type": "object", "additionalProperties": schema(of, prefix) }),
        Shape::List { of, kind, merge } => {
            let mut list = json!({ "type": "array", "items": schema(of, prefix) });
            match kind {
                ListKind::Atomic => list["x-kubernetes-list-type"] = "atomic".into(),
                ListKind::Set => list["x-kubernetes-list-type"] = "set".into(),
                ListKind::Map(keys) => {
                    list["x-kubernetes-list-type"] = "map".into();
                    list["x-kubernetes-list-map-keys"] = json!(keys);
                }
            }
            if let Some(key) = merge {
                list["x-kubernetes-patch-strategy"] = "merge".into();
                if let Some(key) = key {
                    list["x-kubernetes-patch-merge-key"] = key.clone().into();
                }
            }
            list
        }
    }
}

fn structure(made: &Struct, prefix: &str) -> Value {
    let property = |field: &Field| (field.name.clone(), schema(&field.node, prefix));
    let properties: Map<String, Value> = made.fields.iter().map(property).collect();
    let mut made_schema = json!({ "type": "object", "properties": properties });
    if !made.required.is_empty() {
        made_schema["required"] = json!(made.required);
    }
    if made.atomic {
        made_schema["x-kubernetes-map-type"] = "atomic".into();
    }
    made_schema
}

fn gvk(group: &str, version: &str, kind: &str) -> Value {
    json!({ "group": group, "version": version, "kind": kind })
}

/// The definitions of the built-in types.
fn builtin_definitions(prefix: &str) -> Map<String, Value> {
    let table = types::builtin();
    let mut definitions = Map::new();
    for node in table.all() {
        if let Shape::Struct(made) = &node.shape {
            definitions.insert(published(&made.name), structure(made, prefix));
        }
    }
    for (kind, name) in table.kinds() {
        let Some((version, kind)) = kind.split_once('#') else { continue };
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        if let Some(definition) = definitions.get_mut(&published(name)) {
            definition["x-kubernetes-group-version-kind"] = json!([gvk(group, version, kind)]);
        }
    }
    definitions
}

/// The definition's name and schema of a resource's kind, unless it is in the table.
fn kind_definition(world: &World, resource: &Resource, prefix: &str) -> Option<(String, Value)> {
    if let Shape::Struct(made) = &resource.node.shape
        && matches!(resource.node, NodeRef::Named(_))
        && !made.name.is_empty()
    {
        return None;
    }
    let name = kind_name(resource);
    let mut made = match &resource.custom {
        None => schema(&resource.node, prefix),
        Some(_) => {
            let key = Key::new("apiextensions.k8s.io", "customresourcedefinitions");
            let definition = world.get(&key, &format!("{}.{}", resource.plural, resource.group))?;
            let versions = definition.value["spec"]["versions"].as_array()?;
            let version = versions.iter().find(|version| version["name"] == resource.version.as_str())?;
            let mut schema = version["schema"]["openAPIV3Schema"].clone();
            schema["properties"]["metadata"] =
                json!({ "$ref": format!("{prefix}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta") });
            schema
        }
    };
    made["x-kubernetes-group-version-kind"] =
        json!([gvk(&resource.group, &resource.version, &resource.kind)]);
    Some((name, made))
}

fn kind_name(resource: &Resource) -> String {
    match &resource.node.shape {
        Shape::Struct(made) if resource.custom.is_none() && !made.name.starts_with("untyped.") => {
            published(&made.name)
        }
        _ => kinds::schema_name(&resource.group, &resource.version, &resource.kind),
    }
}

/// The paths of a resource, each with its operations.
fn paths(resource: &Resource, v3: bool) -> Vec<(String, Value)> {
    let root = match resource.group.as_str() {
        "" => format!("/api/{}", resource.version),
        group => format!("/apis/{group}/{}", resource.version),
    };
    let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
    let collection = format!("{root}{scope}/{}", resource.plural);
    let kind = gvk(&resource.group, &resource.version, &resource.kind);
    let query = |name: &str, kind: &str| match v3 {
        true => json!({ "name": name, "in": "query", "schema": { "type": kind, "uniqueItems": true } }),
        false => json!({ "name": name, "in": "query", "type": kind, "uniqueItems": true }),
    };
    let operation = |action: &str, parameters: &[&str]| {
        let mut list: Vec<Value> = parameters.iter().map(|name| query(name, "string")).collect();
        if action == "patch" {
            list.push(query("force", "boolean"));
        }
        json!({
            "operationId": format!("{action}{}{}", resource.kind, resource.version),
            "parameters": list,
            "responses": { "200": { "description": "OK" } },
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": kind,
        })
    };
    let writes = ["dryRun", "fieldManager", "fieldValidation"];
    let pick = |table: &[(&str, &str, &str, &[&str])]| {
        let known = table.iter().filter(|(_, verb, ..)| resource.has_verb(verb));
        let operations: Map<String, Value> = known
            .map(|(method, _, action, names)| ((*method).to_owned(), operation(action, names)))
            .collect();
        Value::Object(operations)
    };
    let mut found = vec![(
        collection.clone(),
        pick(&[
            ("get", "list", "list", &["labelSelector", "fieldSelector", "limit", "continue"]),
            ("post", "create", "post", &writes),
        ]),
    )];
    if resource.has_verb("get") {
        let item = pick(&[
            ("get", "get", "get", &[]),
            ("put", "update", "put", &writes),
            ("patch", "patch", "patch", &writes),
            ("delete", "delete", "delete", &["dryRun", "propagationPolicy", "gracePeriodSeconds"]),
        ]);
        found.push((format!("{collection}/{{name}}"), item));
    }
    found
}

const INFO: &str = "Kubernetes";

/// `/openapi/v2`.
pub(crate) fn v2(world: &World) -> Value {
    let prefix = "#/definitions/";
    let mut definitions = builtin_definitions(prefix);
    let mut all = Map::new();
    for resource in world.registry.all() {
        definitions.extend(kind_definition(world, resource, prefix));
        all.extend(paths(resource, false));
    }
    json!({
        "swagger": "2.0", "info": { "title": INFO, "version": super::VERSION }, "paths": all,
        "definitions": definitions,
    })
}

/// `/openapi/v3`: where the documents are. The hash changes with what is in them.
pub(crate) fn v3_index(world: &World) -> Value {
    let mut entries = Map::new();
    for (group, versions) in world.registry.groups() {
        for version in versions {
            let name =
                if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            let hash = v3_hash(&world.registry, world, &group, &version);
            let url = format!("/openapi/v3/{name}?hash={hash}");
            entries.insert(name, json!({ "serverRelativeURL": url }));
        }
    }
    json!({ "paths": entries })
}

fn v3_hash(registry: &Registry, world: &World, group: &str, version: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(super::VERSION);
    for resource in registry.all().filter(|known| known.group == group && known.version == version) {
        digest.update(format!("{}/{}/{}", group_version(group, version), resource.plural, resource.kind));
        if let Some((_, schema)) = kind_definition(world, resource, "").filter(|_| resource.is_custom()) {
            digest.update(schema.to_string());
        }
    }
    digest.finalize().iter().map(|byte| format!("{byte:02X}")).collect()
}

/// `/openapi/v3/api/v1`, `/openapi/v3/apis/G/V`; none if there is no such group.
pub(crate) fn v3(world: &World, group: &str, version: &str) -> Option<Value> {
    let prefix = "#/components/schemas/";
    let resources: Vec<_> =
        world.registry.all().filter(|known| known.group == group && known.version == version).collect();
    if resources.is_empty() {
        return None;
    }
    let known = builtin_definitions(prefix);
    let mut wanted = Map::new();
    let mut all = Map::new();
    for resource in resources {
        all.extend(paths(resource, true));
        match kind_definition(world, resource, prefix) {
            Some((name, schema)) => {
                take_references(&schema, &known, prefix, &mut wanted);
                wanted.insert(name, schema);
            }
            None => {
                let reference = json!({ "$ref": format!("{prefix}{}", kind_name(resource)) });
                take_references(&reference, &known, prefix, &mut wanted);
            }
        }
    }
    Some(json!({
        "openapi": "3.0.0", "info": { "title": INFO, "version": super::VERSION }, "paths": all,
        "components": { "schemas": wanted },
    }))
}

/// Adds every definition that a schema refers to, also through others.
fn take_references(value: &Value, known: &Map<String, Value>, prefix: &str, wanted: &mut Map<String, Value>) {
    match value {
        Value::Object(map) => {
            let reference =
                map.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(prefix));
            if let Some((name, schema)) = reference.and_then(|name| known.get_key_value(name))
                && !wanted.contains_key(name)
            {
                wanted.insert(name.clone(), schema.clone());
                take_references(schema, known, prefix, wanted);
            }
            map.values().for_each(|item| take_references(item, known, prefix, wanted));
        }
        Value::Array(list) => list.iter().for_each(|item| take_references(item, known, prefix, wanted)),
        _ => {}
    }
}
