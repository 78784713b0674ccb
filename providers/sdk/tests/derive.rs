//! What the derives make of structs: schemas, and values there and back.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use pilotis_sdk::model::{Described, Model};
use pilotis_sdk::schema::{Compare, Nesting, Presence, SecretKind};
use pilotis_sdk::value::{Type, Value};
use pilotis_sdk::{ErrorKind, Nested, ProviderConfig, Resource, Secret, StringEnum, json};

/// How visible it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, StringEnum)]
enum Visibility {
    Private,
    #[attr(name = "all users")]
    Internal,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Nested)]
struct Rule {
    /// Who.
    user: i64,
    /// How long.
    days: Option<i64>,
}

/// A house.
///
/// Its second paragraph.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "forge_house",
    version = 2,
    scope(street),
    key(id),
    natural_key(street, "number"),
    lacks(rules)
)]
struct House {
    #[attr(computed)]
    id: String,
    /// Where.
    #[attr(force_new)]
    street: String,
    number: i64,
    #[attr(optional, computed, api = "visibility")]
    visibility_level: Option<Visibility>,
    #[attr(one_of("stone", "wood"), deprecated = "say `walls`")]
    wall: Option<String>,
    #[attr(default = true)]
    heated: bool,
    #[attr(compare = "case_insensitive")]
    label: Option<String>,
    #[attr(secret = "given_never_returned")]
    alarm_code: Option<Secret>,
    #[attr(computed, volatile)]
    seen_at: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    #[attr(optional, computed)]
    rules: Option<Vec<Rule>>,
    #[attr(local)]
    burn_on_destroy: Option<bool>,
    #[attr(block, max = 1)]
    roof: Vec<Rule>,
    #[attr(name = "type")]
    kind: Option<String>,
}

/// The service.
#[derive(Clone, Debug, ProviderConfig)]
#[allow(dead_code)]
struct Config {
    /// How to get in.
    #[attr(secret = "given_never_returned")]
    token: Option<Secret>,
    retries: Option<i64>,
}

fn planned() -> Value {
    let mut entries = BTreeMap::new();
    for (name, attribute) in &House::schema().block.attributes {
        let ty = attribute.ty.without_optional();
        let computed = attribute.is_computed();
        entries.insert(name.as_str().into(), if computed { Value::unknown(ty) } else { Value::null(ty) });
    }
    let block = House::schema().block.blocks["roof"].block.implied_type();
    entries.insert("roof".into(), Value::list(block, vec![]));
    entries.insert("street".into(), Value::string("Rue du Bac"));
    entries.insert("number".into(), Value::number(7));
    entries.insert(
        "alarm_code".into(),
        Value::string("hunter2").with_marks(pilotis_sdk::value::Marks::SENSITIVE),
    );
    Value::object(entries.into())
}

#[test]
fn a_struct_is_a_schema() {
    let schema = House::schema();
    assert_eq!(House::TYPE_NAME, "forge_house");
    assert_eq!(schema.version, 2);
    assert_eq!(schema.doc, "A house.\n\nIts second paragraph.");
    assert_eq!(schema.refresh.scope.as_deref(), Some(&["street".to_owned()][..]));
    assert_eq!(schema.refresh.key, ["id"]);
    assert_eq!(schema.refresh.natural_key, ["street", "number"]);
    assert_eq!(schema.refresh.list_lacks, ["rules"]);

    let a = &schema.block.attributes;
    assert_eq!(a["street"].presence, Presence::Required);
    assert_eq!(a["street"].doc, "Where.");
    assert!(a["street"].force_new);
    assert_eq!(a["id"].presence, Presence::Computed);
    assert_eq!(a["visibility_level"].presence, Presence::OptionalComputed);
    assert_eq!(a["visibility_level"].one_of, ["private", "all users"]);
    assert_eq!(a["wall"].one_of, ["stone", "wood"]);
    assert_eq!(a["wall"].deprecated.as_deref(), Some("say `walls`"));
    assert_eq!(a["heated"].presence, Presence::Optional);
    assert_eq!(a["heated"].default, Some(Value::bool(true)));
    assert_eq!(a["label"].compare, Compare::CaseInsensitive);
    assert_eq!(a["alarm_code"].secret, Some(SecretKind::GivenNeverReturned));
    assert!(a["seen_at"].volatile);
    assert_eq!(a["tags"].ty, Type::map(Type::String));
    assert_eq!(a["rules"].ty.to_string(), "list(object({days=optional(number),user=number}))");
    assert!(a.contains_key("type") && !a.contains_key("kind"));

    let roof = &schema.block.blocks["roof"];
    assert_eq!((roof.nesting, roof.min, roof.max), (Nesting::List, 0, Some(1)));
    assert_eq!(roof.block.doc, "A rule.");
    assert!(Config::block().attributes["token"].secret.is_some());
}

#[test]
fn what_the_service_will_say_reads_as_unset() {
    let house = House::from_value(&planned()).unwrap();
    assert_eq!(house.id, "");
    assert_eq!(house.visibility_level, None);
    assert!(house.heated, "a default fills a null");
    assert_eq!(house.alarm_code.as_ref().map(Secret::expose), Some("hunter2"));
}

#[test]
fn a_struct_goes_there_and_back() {
    let mut house = House::from_value(&planned()).unwrap();
    house.id = "7".into();
    house.visibility_level = Some(Visibility::Internal);
    house.rules = Some(vec![Rule { user: 1, days: None }]);
    house.roof = vec![Rule { user: 2, days: Some(3) }];
    house.tags = Some(BTreeMap::from([("a".into(), "b".into())]));
    let value = house.to_value();
    assert_eq!(value.ty(), House::block().implied_type());
    assert!(value.is_wholly_known());
    assert!(value.get("alarm_code").unwrap().has_sensitive());
    assert!(!value.get("street").unwrap().has_sensitive());
    assert_eq!(House::from_value(&value).unwrap().to_value(), value);
}

#[test]
fn a_secret_is_never_shown() {
    let house = House::from_value(&planned()).unwrap();
    assert!(!format!("{house:?} {:?}", house.to_value()).contains("hunter2"));
}

/// Marked as the engine marks them, or every second plan would see a change: a whole attribute, and only if it is set.
#[test]
fn secrets_are_marked_as_a_whole() {
    use pilotis_sdk::value::Marks;
    #[derive(Clone, Debug, pilotis_sdk::Nested)]
    struct Safe {
        #[attr(secret = "readable")]
        texts: Option<std::collections::BTreeMap<String, pilotis_sdk::Secret>>,
        #[attr(secret = "readable")]
        empty: Option<pilotis_sdk::Secret>,
    }
    let texts = std::collections::BTreeMap::from([("a".to_owned(), "hunter2".into())]);
    let value = pilotis_sdk::model::Model::to_value(&Safe { texts: Some(texts), empty: None });
    assert_eq!(value.get("texts").unwrap().marks(), Marks::SENSITIVE);
    assert_eq!(value.get("texts").unwrap().get("a").unwrap().marks(), Marks::empty());
    assert_eq!(value.get("empty").unwrap().marks(), Marks::empty());
}

#[test]
fn what_doesnt_fit_is_said_with_its_place() {
    let with = |name: &str, value: Value| {
        let mut entries = planned().as_entries().unwrap().clone();
        entries.insert(name.into(), value);
        House::from_value(&Value::object(entries)).unwrap_err()
    };
    let unknown = with("street", Value::unknown(Type::String));
    assert_eq!(unknown.to_string(), "street: a string is required, and it is not known");
    let null = with("number", Value::null(Type::Number));
    assert_eq!(null.to_string(), "number: a whole number is required, and it is null");
    let other = with("visibility_level", Value::string("secret"));
    assert_eq!(other.to_string(), "visibility_level: must be one of private, all users");
    let rule = Value::object_of([("user", Value::string("x")), ("days", Value::null(Type::Number))]);
    let deep = with("rules", Value::list(rule.ty(), vec![rule]));
    assert_eq!(deep.to_string(), "rules.0.user: a whole number is required, and it is string");
    assert_eq!(pilotis_sdk::Error::from(deep).kind, ErrorKind::Internal);
}

#[test]
fn bodies_say_what_is_set_and_what_changed() {
    let house = House::from_value(&planned()).unwrap();
    let body = serde_json::Value::Object(json::set_arguments(&house));
    assert_eq!(
        body,
        serde_json::json!({"street": "Rue du Bac", "number": 7, "heated": true, "alarm_code": "hunter2", "roof": []})
    );
    let mut next = house.clone();
    next.visibility_level = Some(Visibility::Private);
    next.heated = false;
    next.burn_on_destroy = Some(true);
    let body = serde_json::Value::Object(json::changed_arguments(&house, &next));
    assert_eq!(body, serde_json::json!({"visibility": "private", "heated": false}));
    let mut labelled = next.clone();
    labelled.label = Some("x".into());
    let body = serde_json::Value::Object(json::changed_arguments(&labelled, &next));
    assert_eq!(body, serde_json::json!({"label": ""}), "a text that is no longer set is emptied");
}

#[test]
fn an_answer_is_put_over_what_is_known() {
    let house = House::from_value(&planned()).unwrap();
    let answer = serde_json::json!({
        "id": 12, "visibility": "all users", "heated": null, "label": null, "rules": [{"user": "5", "more": 1}], "other": {}
    });
    let read: House = json::overlay(&house, answer.as_object().unwrap()).unwrap();
    assert_eq!(read.id, "12");
    assert_eq!(read.visibility_level, Some(Visibility::Internal));
    assert!(!read.heated);
    assert_eq!(read.rules, Some(vec![Rule { user: 5, days: None }]));
    assert_eq!(read.street, "Rue du Bac");
    let garbage = serde_json::json!({"number": "seven"});
    let error = json::overlay(&house, garbage.as_object().unwrap()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Garbage);
    assert_eq!(error.attribute.as_deref(), Some("number"));
}

#[test]
fn sets_are_sets() {
    use pilotis_sdk::model::Attr;
    let set = BTreeSet::from(["b".to_owned(), "a".to_owned()]);
    let value = set.to_value();
    assert_eq!(value.ty(), Type::set(Type::String));
    assert_eq!(BTreeSet::<String>::from_value(&value).unwrap(), set);
}
