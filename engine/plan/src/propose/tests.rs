//! Laws of proposals, for any schema, configuration and object.

use std::collections::BTreeMap;

use pilotis_schema::{Attribute, Block, Compare, NestedBlock, Nesting, Presence, Refresh, ResourceSchema};
use pilotis_value::{Type, Value};
use proptest::prelude::*;

use super::{broken_promises, propose};

/// One attribute: presence, forces, volatile.
type Spec = (u8, bool, bool);

fn attribute((presence, force_new, volatile): Spec) -> Attribute {
    let presence = match presence % 4 {
        0 => Presence::Required,
        1 => Presence::Optional,
        2 => Presence::OptionalComputed,
        _ => Presence::Computed,
    };
    let volatile = volatile && presence == Presence::Computed;
    Attribute { presence, force_new, volatile, ..Attribute::new(Type::String) }
}

fn block(specs: &[Spec]) -> Block {
    let named = specs.iter().enumerate().map(|(i, s)| (format!("a{i}"), attribute(*s)));
    Block { attributes: named.collect(), ..Block::default() }
}

fn schema(specs: &[Spec], nested: &[Spec], nesting: Nesting) -> ResourceSchema {
    let mut body = block(specs);
    let inner = NestedBlock { nesting, block: block(nested), min: 0, max: None };
    body.blocks.insert("n".into(), inner);
    let refresh = Refresh { key: vec!["a0".into()], ..Refresh::default() };
    ResourceSchema { block: body, refresh, ..ResourceSchema::default() }
}

/// What a configuration says: texts for some of the arguments, in the form that the loader gives.
fn said(block: &Block, texts: &[Option<u8>]) -> Value {
    let entry = |(i, (name, attribute)): (usize, (&String, &Attribute))| {
        let text = texts.get(i % texts.len().max(1)).copied().flatten();
        let needed = attribute.presence == Presence::Required;
        let value = match text.or(needed.then_some(0)) {
            Some(n) if attribute.is_argument() => Value::string(format!("v{}", n % 3)),
            _ => Value::null(Type::String),
        };
        (name.as_str().into(), value)
    };
    Value::object(block.attributes.iter().enumerate().map(entry).collect())
}

fn config(schema: &ResourceSchema, texts: &[Option<u8>], nested: &[Vec<Option<u8>>]) -> Value {
    let mut entries = said(&schema.block, texts).as_entries().unwrap().clone();
    let inner = &schema.block.blocks["n"];
    let items: Vec<Value> = nested.iter().map(|t| said(&inner.block, t)).collect();
    let element = inner.block.implied_type();
    let value = match inner.nesting {
        Nesting::Set => Value::set(element, items),
        Nesting::Map => Value::map(
            element,
            items.into_iter().enumerate().map(|(i, v)| (format!("k{i}").into(), v)).collect(),
        ),
        _ => Value::list(element, items),
    };
    entries.insert("n".into(), value);
    Value::object(entries)
}

/// A service that does what was planned, and says something where it was asked.
fn service(planned: &Value, says: &str) -> Value {
    let complete = &mut |_: &pilotis_value::Path, v: Value| -> Result<Value, std::convert::Infallible> {
        Ok(if v.is_known() { v } else { Value::string(says) })
    };
    match planned.transform(complete) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    prop::collection::vec(any::<Spec>(), 1..5)
}
fn texts() -> impl Strategy<Value = Vec<Option<u8>>> {
    prop::collection::vec(any::<Option<u8>>(), 1..5)
}
fn nesting() -> impl Strategy<Value = Nesting> {
    prop::sample::select(vec![Nesting::List, Nesting::Set, Nesting::Map])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// What the service made of a plan needs no change, and keeps the plan's promises.
    #[test]
    fn made_once_is_made(a in specs(), n in specs(), nesting in nesting(), t in texts(), nt in prop::collection::vec(texts(), 0..4)) {
        let schema = schema(&a, &n, nesting);
        let config = config(&schema, &t, &nt);
        let planned = propose(&schema, None, &config);
        let made = service(&planned.value, "made");
        prop_assert!(broken_promises(&schema.block, &planned.value, &made).is_empty());
        let again = propose(&schema, Some(&made), &config);
        prop_assert!(!again.changed, "{:?} → {:?}", made, again.value);
        prop_assert_eq!(again.value, made);
    }

    /// A change says what the configuration says, and a second plan after it changes nothing.
    #[test]
    fn a_change_converges(a in specs(), n in specs(), nesting in nesting(), t in texts(), u in texts(),
        nt in prop::collection::vec(texts(), 0..4), nu in prop::collection::vec(texts(), 0..4)) {
        let schema = schema(&a, &n, nesting);
        let made = service(&propose(&schema, None, &config(&schema, &t, &nt)).value, "made");
        let wanted = config(&schema, &u, &nu);
        let planned = propose(&schema, Some(&made), &wanted);
        for (name, attribute) in &schema.block.attributes {
            let said = wanted.get(name).filter(|v| !v.is_null());
            if attribute.is_argument() && (said.is_some() || attribute.presence == Presence::Optional) {
                prop_assert_eq!(planned.value.get(name), wanted.get(name), "{} is what is said", name);
            }
        }
        prop_assert_eq!(planned.value == made, !planned.changed);
        let updated = service(&planned.value, "later");
        prop_assert!(broken_promises(&schema.block, &planned.value, &updated).is_empty());
        prop_assert!(!propose(&schema, Some(&updated), &wanted).changed);
    }

    /// Only attributes that differ and force a new object are named, and all of them.
    #[test]
    fn replacement_names_what_forces_it(a in specs(), t in texts(), u in texts()) {
        let schema = schema(&a, &[], Nesting::List);
        let made = service(&propose(&schema, None, &config(&schema, &t, &[])).value, "made");
        let planned = propose(&schema, Some(&made), &config(&schema, &u, &[]));
        let named: Vec<String> = planned.replace.iter().map(|p| p.root_attribute().unwrap().to_owned()).collect();
        for (name, attribute) in &schema.block.attributes {
            let differs = made.get(name) != planned.value.get(name);
            let forces = attribute.force_new && attribute.is_argument() && differs;
            prop_assert_eq!(named.contains(name), forces, "{}", name);
        }
    }
}

#[test]
fn what_means_the_same_keeps_its_words() {
    let quantity = Attribute { compare: Compare::Quantity, ..Attribute::new(Type::map(Type::String)) };
    let body = Block { attributes: BTreeMap::from([("hard".into(), quantity)]), ..Block::default() };
    let schema = ResourceSchema { block: body, ..ResourceSchema::default() };
    let object = |cpu: &str, memory: &str| {
        let hard =
            BTreeMap::from([("cpu".into(), Value::string(cpu)), ("memory".into(), Value::string(memory))]);
        Value::object_of([("hard", Value::map(Type::String, hard.into()))])
    };
    let made = object("1", "1Gi");
    assert!(!propose(&schema, Some(&made), &object("1000m", "1024Mi")).changed);
    let changed = propose(&schema, Some(&made), &object("1000m", "2Gi"));
    assert_eq!(changed.value, object("1", "2Gi"), "only what differs is said anew");
}

#[test]
fn a_follower_follows() {
    let input = Attribute::new(Type::Dynamic);
    let output = Attribute {
        presence: Presence::Computed,
        follows: Some("input".into()),
        ..Attribute::new(Type::Dynamic)
    };
    let body = Block {
        attributes: BTreeMap::from([("input".into(), input), ("output".into(), output)]),
        ..Block::default()
    };
    let schema = ResourceSchema { block: body, ..ResourceSchema::default() };
    let null = || Value::null(Type::Dynamic);
    let config = |input: Value| Value::object_of([("input", input), ("output", null())]);
    let object = |value: Value| Value::object_of([("input", value.clone()), ("output", value)]);
    let output = |prior: Option<&Value>, input: Value| {
        propose(&schema, prior, &config(input)).value.get("output").cloned().unwrap()
    };
    assert_eq!(output(None, Value::number(1)), Value::unknown(Type::Number));
    assert_eq!(output(None, null()), null());
    let one = object(Value::number(1));
    assert_eq!(output(Some(&one), Value::number(1)), Value::number(1));
    assert_eq!(output(Some(&one), Value::number(2)), Value::unknown(Type::Number));
}
