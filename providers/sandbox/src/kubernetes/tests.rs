//! Tests of the parts that are pure: quantities, selectors, paths, patches, field sets, apply, pages of the store.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    decode,
    fieldset::Set,
    gojson,
    managed::{self, Entry, Operation},
    patch,
    quantity::Quantity,
    request::Target,
    resources::{Key, Registry},
    selector::LabelSelector,
    typed, types,
    world::World,
    yaml,
};
use crate::store::Store;

fn shown(text: &str) -> Option<String> {
    Quantity::parse(text).map(|quantity| quantity.to_string())
}

#[test]
fn quantities_have_one_canonical_form() {
    for (text, canonical) in [
        ("2000m", "2"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5", "500m"),
        ("1000", "1k"),
        ("1e3", "1e3"),
        ("100n", "100n"),
        ("0.1n", "1n"),
        ("-1", "-1"),
        ("+3", "3"),
        ("0", "0"),
        ("1500Mi", "1500Mi"),
        ("512", "512"),
        (".5Ki", "512"),
        ("8Ei", "8Ei"),
    ] {
        assert_eq!(shown(text).as_deref(), Some(canonical), "{text}");
    }
    for text in ["", "many", "1 Gi", "1Gib", "1.2.3", "-", "Ki", "1e99", "0x10"] {
        assert_eq!(shown(text), None, "{text}");
    }
    assert_eq!(Quantity::parse("1Gi"), Quantity::parse("1024Mi"));
    assert!(Quantity::parse("1G") < Quantity::parse("1Gi"));
}

#[test]
fn labels_are_selected() {
    let labels = json!({ "app": "web", "tier": "front", "n": "5" });
    let labels = labels.as_object();
    for (text, expected) in [
        ("", true),
        ("app=web", true),
        ("app==web,tier!=back", true),
        ("app in (web, api)", true),
        ("app notin (web)", false),
        ("!app", false),
        ("none!=x", true),
        ("none notin (x)", true),
        ("n>4,n<6", true),
        ("n>5", false),
        ("app=", false),
    ] {
        assert_eq!(LabelSelector::parse(text).unwrap().matches(labels), expected, "{text}");
    }
    for text in ["=x", "a===b", "a in x", "a,,b", "a b", "a=b c"] {
        assert!(LabelSelector::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_path_names_an_object_or_a_collection() {
    let target = |path: &str| {
        let found = Target::parse(path).unwrap();
        [found.group, found.version, found.namespace, found.plural, found.name, found.subresource].join("|")
    };
    assert_eq!(target("/api/v1/pods"), "|v1||pods||");
    assert_eq!(target("/api/v1/namespaces/a"), "|v1||namespaces|a|");
    assert_eq!(target("/api/v1/namespaces/a/status"), "|v1||namespaces|a|status");
    assert_eq!(target("/api/v1/namespaces/a/pods/p/log"), "|v1|a|pods|p|log");
    assert_eq!(target("/apis/apps/v1/namespaces/a/deployments"), "apps|v1|a|deployments||");
    assert_eq!(
        target("/apis/rbac.authorization.k8s.io/v1/clusterroles/a%3Ab"),
        "rbac.authorization.k8s.io|v1||clusterroles|a:b|"
    );
    assert!(Target::parse("/api/v1/watch/pods").unwrap().watch);
    for path in ["/api/v1", "/apis/apps/v1", "/version", "/", "/api/v1/namespaces/a/services/s/proxy/x"] {
        assert_eq!(Target::parse(path), None, "{path}");
    }
}

#[test]
fn json_is_refused_in_go_s_words() {
    for (text, error) in [
        ("", "unexpected end of JSON input"),
        ("{nope", "invalid character 'n' looking for beginning of object key string"),
        ("not json", "invalid character 'o' in literal null (expecting 'u')"),
        ("[1 2]", "invalid character '2' after array element"),
        ("{\"a\" 1}", "invalid character '1' after object key"),
        ("{\"a\":1 2}", "invalid character '2' after object key:value pair"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("{\"a\":", "unexpected end of JSON input"),
    ] {
        assert_eq!(gojson::parse(text).unwrap_err(), error, "{text}");
    }
    let twice = gojson::parse(r#"{"a":{"b":1,"b":2},"l":[{"c":1,"c":1}]}"#).unwrap();
    assert_eq!(twice.duplicates, ["a.b", "l[0].c"]);
    assert!(gojson::parse(&"[".repeat(100_000)).is_err(), "deep text does not end the program");
}

#[test]
fn a_wrong_type_is_told_as_go_tells_it() {
    let node = types::builtin().kind("apps/v1", "Deployment").unwrap();
    for (object, error) in [
        (
            json!({ "spec": { "replicas": "3" } }),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            json!({ "metadata": { "labels": { "a": 1 } } }),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            json!({ "spec": [] }),
            "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec",
        ),
    ] {
        assert_eq!(decode::decode(&node, &object).unwrap_err(), error);
    }
}

#[test]
fn every_type_of_the_table_is_there() {
    let registry = Registry::new();
    for plural in ["configmaps", "namespaces", "resourcequotas", "secrets", "serviceaccounts", "pods"] {
        assert!(registry.find("", "v1", plural).is_some(), "{plural}");
    }
    for (kind, _) in types::builtin().kinds() {
        let (version, kind) = kind.split_once('#').unwrap();
        assert!(types::builtin().kind(version, kind).is_some(), "{kind}");
    }
}

fn who(manager: &str, operation: Operation) -> Entry {
    Entry {
        manager: manager.into(),
        operation,
        api_version: "v1".into(),
        subresource: String::new(),
        time: Some("2026-01-01T00:00:00Z".into()),
        fields: Set::default(),
    }
}

fn map_node() -> types::NodeRef {
    types::builtin().kind("v1", "ConfigMap").unwrap()
}

fn config(data: &Map<String, Value>) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" }, "data": data })
}

fn data() -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::btree_map("[a-d]", "[xyz]", 0..4)
        .prop_map(|map| map.into_iter().map(|(key, value)| (key, value.into())).collect())
}

/// Any JSON value of small size.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~\\n]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[ -~]{0,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_is_read_as_it_was_written(value in json_value()) {
        prop_assert_eq!(gojson::parse(&value.to_string()).unwrap().value, value);
    }

    #[test]
    fn yaml_is_read_as_it_was_written(value in json_value()) {
        let text = yaml::write(&value);
        let read = yaml::parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&value), "{}", text);
    }

    #[test]
    fn no_text_ends_the_reader(text in "\\PC{0,60}") {
        let _ = gojson::parse(&text);
        let _ = Quantity::parse(&text);
        let _ = LabelSelector::parse(&text);
        let _ = Target::parse(&text);
    }

    #[test]
    fn a_canonical_quantity_stays_as_it_is(number in -1_000_000_i64..1_000_000, suffix in prop::sample::select(vec!["", "m", "k", "M", "Ki", "Mi", "Gi", "n", "u"])) {
        let once = Quantity::parse(&format!("{number}{suffix}")).unwrap();
        let twice = Quantity::parse(&once.to_string()).unwrap();
        prop_assert_eq!(once, twice);
        prop_assert_eq!(once.to_string(), twice.to_string());
    }

    /// A merge patch that turns one object into another does so.
    #[test]
    fn a_merge_patch_sets_what_it_says(old in data(), new in data()) {
        let mut change = new.clone();
        for key in old.keys() {
            change.entry(key.clone()).or_insert(Value::Null);
        }
        let patched = patch::merge_patch(&config(&old), &json!({ "data": change }));
        prop_assert_eq!(patched, config(&new));
    }

    /// `fieldsV1` is read as it was written.
    #[test]
    fn field_sets_survive_their_written_form(object in data()) {
        let set = typed::field_set(&map_node(), &config(&object));
        prop_assert_eq!(Set::decode(&set.encode()), set);
    }

    /// After an apply by force the object has what was applied, and what only others set.
    #[test]
    fn an_apply_by_force_wins(first in data(), second in data(), third in data()) {
        let node = map_node();
        let mut live = config(&Map::new());
        for (manager, wanted) in [("one", &first), ("two", &second), ("one", &third)] {
            let done = managed::applied(&node, &live, &config(wanted), who(manager, Operation::Apply), true).unwrap();
            if let Some(object) = done.object {
                live = object;
            }
            managed::encode(&mut live, done.owners);
        }
        let mut expected = second.clone();
        expected.retain(|key, _| !third.contains_key(key));
        // A field that one took over and then dropped is gone with it.
        let taken = |key: &String| first.contains_key(key) && !third.contains_key(key);
        let found = live["data"].as_object().cloned().unwrap_or_default();
        for (key, value) in &third {
            prop_assert_eq!(found.get(key), Some(value));
        }
        for (key, value) in &expected {
            prop_assert_eq!(found.get(key), Some(value), "only two sets it");
        }
        for key in found.keys() {
            prop_assert!(third.contains_key(key) || second.contains_key(key), "{} was dropped: {}", key, taken(key));
        }
    }

    /// Without force, an apply is refused exactly if it would change what another manager applied.
    #[test]
    fn a_conflict_is_a_different_value(first in data(), second in data()) {
        let node = map_node();
        let empty = config(&Map::new());
        let done = managed::applied(&node, &empty, &config(&first), who("one", Operation::Apply), false).unwrap();
        let mut live = done.object.unwrap_or(empty);
        managed::encode(&mut live, done.owners);
        let differs = second.iter().any(|(key, value)| first.get(key).is_some_and(|known| known != value));
        let done = managed::applied(&node, &live, &config(&second), who("two", Operation::Apply), false);
        prop_assert_eq!(done.is_err(), differs);
    }

    /// Whoever updates an object owns what they changed, and nobody else does.
    #[test]
    fn an_update_owns_its_changes(old in data(), new in data()) {
        let node = map_node();
        let mut live = config(&old);
        let owners = managed::updated(&node, &config(&Map::new()), &live, who("one", Operation::Update));
        managed::encode(&mut live, owners);
        let owners = managed::updated(&node, &live, &config(&new), who("two", Operation::Update));
        let fields = |name: &str| {
            let entry = owners.iter().find(|entry| entry.manager == name);
            entry.map(|entry| entry.fields.encode()["f:data"].clone()).unwrap_or_default()
        };
        for (key, value) in &new {
            let name = format!("f:{key}");
            let changed = old.get(key) != Some(value);
            prop_assert_eq!(fields("two").get(&name).is_some(), changed);
            prop_assert_eq!(fields("one").get(&name).is_some(), !changed);
        }
    }
}

#[test]
fn the_past_can_be_listed_until_it_is_forgotten() {
    let mut world = World::open(Store::in_memory().unwrap(), "kubernetes", String::new()).unwrap();
    let key = Key::new("", "configmaps");
    let object = |value: &str| json!({ "metadata": { "name": "m" }, "data": { "a": value } });
    world.put(&key, "ns/a", object("1"));
    world.put(&key, "ns/b", object("1"));
    let then = world.version();
    world.put(&key, "ns/a", object("2"));
    world.remove(&key, "ns/b");
    world.put(&key, "ns/c", object("1"));
    world.put(&key, "other/d", object("1"));
    let past = world.table(&key).at_version(then, "ns/", "").unwrap();
    let seen: Vec<_> =
        past.iter().map(|(name, item)| (name.as_str(), item.value["data"]["a"].clone())).collect();
    assert_eq!(seen, [("ns/a", json!("1")), ("ns/b", json!("1"))]);
    assert_eq!(world.table(&key).events_after(then).count(), 4);
    world.compact();
    assert!(world.table(&key).at_version(then, "ns/", "").is_none());
}
