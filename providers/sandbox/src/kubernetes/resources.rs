//! Which resources the API server has: the built-in table and those that definitions add. Discovery and the path of a
//! request are answered from here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    names::NameRule,
    structural,
    types::{self, Node, NodeRef},
};

/// A resource in one version.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) namespaced: bool,
    pub(crate) verbs: Vec<String>,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) subresources: Vec<Subresource>,
    pub(crate) node: NodeRef,
    /// What only a custom resource has.
    pub(crate) custom: Option<Custom>,
}

#[derive(Debug)]
pub(crate) struct Subresource {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) verbs: Vec<String>,
    /// Group and version of its kind, if they are others.
    pub(crate) of: Option<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Custom {
    /// What the schema says of metadata.
    pub(crate) metadata: Option<Node>,
    /// Name, type, JSON path, priority.
    pub(crate) columns: Vec<(String, String, String, i64)>,
    /// Paths of the scale subresource.
    pub(crate) scale: Option<Value>,
}

impl Resource {
    /// `v1` or `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        group_version(&self.group, &self.version)
    }

    /// Under which name its objects are stored.
    pub(crate) fn key(&self) -> Key {
        Key { group: self.group.clone(), plural: self.plural.clone() }
    }

    pub(crate) fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }

    pub(crate) fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|known| known.name == name)
    }

    /// Has its status a path of its own? Then the main path leaves it alone.
    pub(crate) fn has_status(&self) -> bool {
        self.subresource("status").is_some()
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.custom.is_some()
    }

    /// Does it count its changes in `metadata.generation`?
    pub(crate) fn has_generation(&self) -> bool {
        const WITH: [&str; 14] = [
            "networkpolicies",
            "deployments",
            "daemonsets",
            "statefulsets",
            "replicasets",
            "jobs",
            "cronjobs",
            "ingresses",
            "poddisruptionbudgets",
            "pods",
            "customresourcedefinitions",
            "validatingadmissionpolicies",
            "ingressclasses",
            "priorityclasses",
        ];
        self.is_custom() || WITH.contains(&self.plural.as_str())
    }

    /// How its objects may be named.
    pub(crate) fn name_rule(&self) -> NameRule {
        match (self.group.as_str(), self.plural.as_str()) {
            ("", "namespaces") => NameRule::Label,
            ("", "services") => NameRule::Service,
            ("rbac.authorization.k8s.io" | "user.openshift.io", _) => NameRule::Path,
            _ => NameRule::Subdomain,
        }
    }

    /// The fields that a list can be selected by.
    pub(crate) fn selectable(&self) -> Vec<&'static str> {
        let mut fields = vec!["metadata.name", "metadata.namespace"];
        fields.extend(match self.plural.as_str() {
            "pods" => &["spec.nodeName", "spec.restartPolicy", "status.phase", "spec.serviceAccountName"][..],
            "namespaces" => &["status.phase", "name"],
            "secrets" => &["type"],
            "events" => &[
                "involvedObject.name",
                "involvedObject.namespace",
                "involvedObject.uid",
                "involvedObject.kind",
                "type",
                "reason",
                "source",
            ],
            _ => &[],
        });
        fields
    }

    fn hash(&self) -> String {
        let digest = Sha256::digest(format!("{}/{}/{}", self.group, self.version, self.kind));
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(&digest[..8])
    }

    /// Its entries in `/api/v1` or `/apis/G/V`.
    fn discovery(&self) -> Vec<Value> {
        let mut entry = json!({
            "name": self.plural, "singularName": self.singular, "namespaced": self.namespaced, "kind": self.kind,
            "verbs": self.verbs,
        });
        if let Some(map) = entry.as_object_mut() {
            if !self.short_names.is_empty() {
                map.insert("shortNames".into(), json!(self.short_names));
            }
            if !self.categories.is_empty() {
                map.insert("categories".into(), json!(self.categories));
            }
            if self.has_verb("watch") {
                map.insert("storageVersionHash".into(), self.hash().into());
            }
        }
        let mut entries = vec![entry];
        for sub in &self.subresources {
            let mut entry = json!({
                "name": format!("{}/{}", self.plural, sub.name), "singularName": "", "namespaced": self.namespaced,
            });
            if let Some(map) = entry.as_object_mut() {
                if let Some((group, version)) = &sub.of {
                    map.insert("group".into(), group.clone().into());
                    map.insert("version".into(), version.clone().into());
                }
                map.insert("kind".into(), sub.kind.clone().into());
                map.insert("verbs".into(), json!(sub.verbs));
            }
            entries.push(entry);
        }
        entries
    }

    /// Its entry in the aggregated discovery document.
    fn aggregated(&self) -> Value {
        // A built-in kind of the same group is given without group and version, as the API server does.
        let kind = |kind: &str, of: Option<&(String, String)>| match of {
            Some((group, version)) => json!({ "group": group, "version": version, "kind": kind }),
            None if self.is_custom() => json!({ "group": self.group, "version": self.version, "kind": kind }),
            None => json!({ "group": "", "version": "", "kind": kind }),
        };
        let mut entry = json!({
            "resource": self.plural,
            "responseKind": kind(&self.kind, None),
            "scope": if self.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": self.singular,
            "verbs": self.verbs,
        });
        if let Some(map) = entry.as_object_mut() {
            if !self.short_names.is_empty() {
                map.insert("shortNames".into(), json!(self.short_names));
            }
            if !self.categories.is_empty() {
                map.insert("categories".into(), json!(self.categories));
            }
            let subresources: Vec<Value> = self.subresources.iter().map(|sub| {
                json!({ "subresource": sub.name, "responseKind": kind(&sub.kind, sub.of.as_ref()), "verbs": sub.verbs })
            }).collect();
            if !subresources.is_empty() {
                map.insert("subresources".into(), subresources.into());
            }
        }
        entry
    }
}

pub(crate) fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// Under which name objects of a kind are stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) group: String,
    pub(crate) plural: String,
}

impl Key {
    pub(crate) fn new(group: &str, plural: &str) -> Key {
        Key { group: group.to_owned(), plural: plural.to_owned() }
    }
}

/// Every resource that there is.
pub(crate) struct Registry {
    builtin: Vec<Arc<Resource>>,
    custom: Vec<Arc<Resource>>,
    /// The resources of each definition that is in use, by its uid and version: reading a schema takes a while.
    known: HashMap<(String, String), Vec<Arc<Resource>>>,
    paths: BTreeMap<(String, String, String), Arc<Resource>>,
}

static TABLE: &str = include_str!("data/resources.json");

impl Registry {
    /// The built-in ones.
    pub(crate) fn new() -> Registry {
        let table: Vec<Value> = serde_json::from_str(TABLE).expect("the built-in table of resources is JSON");
        let builtin: Vec<Arc<Resource>> =
            table.iter().map(|entry| Arc::new(builtin_resource(entry))).collect();
        let mut registry =
            Registry { builtin, custom: Vec::new(), known: HashMap::new(), paths: BTreeMap::new() };
        registry.index();
        registry
    }

    /// Takes these definitions' resources in place of those that it had.
    pub(crate) fn set_definitions<'a>(&mut self, definitions: impl Iterator<Item = &'a Value>) {
        let mut known = HashMap::new();
        for definition in definitions {
            let text = |name: &str| definition["metadata"][name].as_str().unwrap_or_default().to_owned();
            let key = (text("uid"), text("resourceVersion"));
            let made = self.known.remove(&key);
            let made =
                made.unwrap_or_else(|| custom_resources(definition).into_iter().map(Arc::new).collect());
            known.insert(key, made);
        }
        self.known = known;
        self.custom = self.known.values().flatten().cloned().collect();
        self.custom.sort_by(|a, b| (&a.group, &a.plural, &a.version).cmp(&(&b.group, &b.plural, &b.version)));
        self.index();
    }

    fn index(&mut self) {
        let all = self.builtin.iter().chain(&self.custom);
        self.paths = all
            .map(|resource| {
                let key = (resource.group.clone(), resource.version.clone(), resource.plural.clone());
                (key, resource.clone())
            })
            .collect();
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.paths.get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// The first version of a resource.
    pub(crate) fn any_version(&self, group: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.all().find(|resource| resource.group == group && resource.plural == plural)
    }

    /// The resource of a kind.
    pub(crate) fn kind(&self, api_version: &str, kind: &str) -> Option<&Arc<Resource>> {
        self.all().find(|resource| resource.kind == kind && resource.api_version() == api_version)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.builtin.iter().chain(&self.custom)
    }

    /// Groups with their versions, in the order of discovery: built-in first, then the added ones by name.
    pub(crate) fn groups(&self) -> Vec<(String, Vec<String>)> {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        let mut custom: Vec<&Arc<Resource>> = self.custom.iter().collect();
        custom.sort_by(|a, b| a.group.cmp(&b.group));
        for resource in self.builtin.iter().chain(custom) {
            match groups.iter_mut().find(|(group, _)| *group == resource.group) {
                Some((_, versions)) if versions.contains(&resource.version) => {}
                Some((_, versions)) => versions.push(resource.version.clone()),
                None => groups.push((resource.group.clone(), vec![resource.version.clone()])),
            }
        }
        groups
    }

    fn of_version<'a>(&'a self, group: &'a str, version: &'a str) -> impl Iterator<Item = &'a Arc<Resource>> {
        let mut found: Vec<_> =
            self.all().filter(|resource| resource.group == group && resource.version == version).collect();
        found.sort_by(|a, b| a.plural.cmp(&b.plural));
        found.into_iter()
    }

    /// `/api/v1` or `/apis/G/V`.
    pub(crate) fn resource_list(&self, group: &str, version: &str) -> Option<Value> {
        let entries: Vec<Value> =
            self.of_version(group, version).flat_map(|resource| resource.discovery()).collect();
        let name = group_version(group, version);
        if entries.is_empty() {
            return None;
        }
        Some(match group {
            "" => json!({ "kind": "APIResourceList", "groupVersion": name, "resources": entries }),
            _ => {
                json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": entries })
            }
        })
    }

    /// `/apis/G`.
    pub(crate) fn api_group(&self, group: &str) -> Option<Value> {
        let (_, versions) = self.groups().into_iter().find(|(name, _)| name == group && !name.is_empty())?;
        let mut entry = json!({ "kind": "APIGroup", "apiVersion": "v1" });
        if let (Some(map), Value::Object(more)) = (entry.as_object_mut(), group_entry(group, &versions)) {
            map.extend(more);
        }
        Some(entry)
    }

    /// `/apis`.
    pub(crate) fn api_group_list(&self) -> Value {
        let groups = self.groups();
        let entries: Vec<Value> = groups
            .iter()
            .filter(|(group, _)| !group.is_empty())
            .map(|(group, versions)| group_entry(group, versions))
            .collect();
        json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": entries })
    }

    /// The aggregated discovery document of `/api` or of `/apis`.
    pub(crate) fn aggregated(&self, core: bool, version: &str) -> Value {
        let groups = self.groups();
        let items: Vec<Value> = groups
            .iter()
            .filter(|(group, _)| group.is_empty() == core)
            .map(|(group, versions)| {
                let metadata = if core { json!({}) } else { json!({ "name": group }) };
                let versions: Vec<Value> = versions
                    .iter()
                    .map(|version| {
                        let resources: Vec<Value> =
                            self.of_version(group, version).map(|resource| resource.aggregated()).collect();
                        json!({ "version": version, "resources": resources, "freshness": "Current" })
                    })
                    .collect();
                json!({ "metadata": metadata, "versions": versions })
            })
            .collect();
        json!({
            "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
            "metadata": {}, "items": items,
        })
    }
}

fn group_entry(group: &str, versions: &[String]) -> Value {
    let entry =
        |version: &String| json!({ "groupVersion": group_version(group, version), "version": version });
    json!({
        "name": group, "versions": versions.iter().map(entry).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(entry),
    })
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn builtin_resource(entry: &Value) -> Resource {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, version, kind) = (text(&entry["g"]), text(&entry["v"]), text(&entry["k"]));
    let subresources = entry["sub"].as_array().into_iter().flatten().map(|sub| Subresource {
        name: text(&sub["n"]),
        kind: text(&sub["k"]),
        verbs: strings(&sub["verbs"]),
        of: sub["v"].as_str().map(|version| (text(&sub["g"]), version.to_owned())),
    });
    let node = types::builtin()
        .kind(&group_version(&group, &version), &kind)
        .unwrap_or_else(|| types::untyped_kind(&kind));
    Resource {
        plural: text(&entry["n"]),
        singular: text(&entry["s"]),
        list_kind: format!("{kind}List"),
        namespaced: entry.get("ns").is_some(),
        verbs: strings(&entry["verbs"]),
        short_names: strings(&entry["short"]),
        categories: strings(&entry["cat"]),
        subresources: subresources.collect(),
        node,
        custom: None,
        group,
        version,
        kind,
    }
}

/// The served versions of a definition.
fn custom_resources(definition: &Value) -> Vec<Resource> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, plural) = (text(&names["kind"]), text(&names["plural"]));
    let or = |value: &Value, other: String| value.as_str().map_or(other, str::to_owned);
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let served = versions.iter().filter(|version| version["served"].as_bool().unwrap_or(true));
    served
        .map(|version| {
            let schema = &version["schema"]["openAPIV3Schema"];
            let verbs = |list: &[&str]| list.iter().map(|verb| (*verb).to_owned()).collect::<Vec<_>>();
            let mut subresources = Vec::new();
            let subs = structural::object(&version["subresources"]);
            if subs.contains_key("scale") {
                subresources.push(Subresource {
                    name: "scale".into(),
                    kind: "Scale".into(),
                    verbs: verbs(&["get", "patch", "update"]),
                    of: Some(("autoscaling".into(), "v1".into())),
                });
            }
            if subs.contains_key("status") {
                let verbs = verbs(&["get", "patch", "update"]);
                subresources.push(Subresource { name: "status".into(), kind: kind.clone(), verbs, of: None });
            }
            let columns =
                version["additionalPrinterColumns"].as_array().into_iter().flatten().map(|column| {
                    let priority = column["priority"].as_i64().unwrap_or(0);
                    (text(&column["name"]), text(&column["type"]), text(&column["jsonPath"]), priority)
                });
            let metadata =
                schema["properties"].get("metadata").filter(|node| node.get("properties").is_some());
            Resource {
                group: text(&spec["group"]),
                version: text(&version["name"]),
                plural: plural.clone(),
                singular: or(&names["singular"], kind.to_lowercase()),
                list_kind: or(&names["listKind"], format!("{kind}List")),
                kind: kind.clone(),
                namespaced: spec["scope"].as_str() == Some("Namespaced"),
                verbs: verbs(&[
                    "delete",
                    "deletecollection",
                    "get",
                    "list",
                    "patch",
                    "create",
                    "update",
                    "watch",
                ]),
                short_names: strings(&names["shortNames"]),
                categories: strings(&names["categories"]),
                subresources,
                node: types::custom_kind(schema),
                custom: Some(Custom {
                    metadata: metadata.map(types::custom),
                    columns: columns.collect(),
                    scale: subs.get("scale").cloned(),
                }),
            }
        })
        .collect()
}
