//! What values cost: JSON both ways, conversion, digest, diff, arithmetic, for an object as a resource has it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pilotis_value::convert::convert;
use pilotis_value::{Number, Type, Value, diff, json};

fn resource_type() -> Type {
    Type::object([
        ("id", Type::String),
        ("name", Type::String),
        ("path", Type::String),
        ("description", Type::String),
        ("visibility", Type::String),
        ("parent_id", Type::Number),
        ("request_access_enabled", Type::Bool),
        ("wiki_enabled", Type::Bool),
        ("labels", Type::map(Type::String)),
        ("topics", Type::set(Type::String)),
        ("rules", Type::list(Type::object([("port", Type::Number), ("from", Type::list(Type::String))]))),
        ("web_url", Type::String),
    ])
}

/// The object as an expression gives it: objects and tuples, numbers written as text.
fn written() -> Value {
    let rule = |port: i64| {
        Value::object_of([
            ("port", Value::string(port.to_string())),
            ("from", Value::tuple(vec![Value::string("10.0.0.0/8"), Value::string("192.168.0.0/16")])),
        ])
    };
    Value::object_of([
        ("id", Value::string("4711")),
        ("name", Value::string("carto-api")),
        ("path", Value::string("carto-api")),
        ("description", Value::string("Cartographie des interventions")),
        ("visibility", Value::string("private")),
        ("parent_id", Value::number(4242)),
        ("request_access_enabled", Value::bool(true)),
        ("wiki_enabled", Value::null(Type::Bool)),
        ("labels", Value::object_of([("team", Value::string("blue")), ("tier", Value::string("gold"))])),
        ("topics", Value::tuple(["rust", "api", "carto"].iter().map(Value::string).collect())),
        ("rules", Value::tuple(vec![rule(80), rule(443)])),
        ("web_url", Value::string("https://forge.example/carto/api")),
    ])
}

fn values(c: &mut Criterion) {
    let ty = resource_type();
    let value = convert(&written(), &ty).expect("converts");
    let mut encoded = Vec::new();
    json::encode(&value, &ty, &mut encoded).expect("written");

    c.bench_function("convert an object to its schema's type", |b| {
        let from = written();
        b.iter(|| convert(black_box(&from), &ty));
    });
    c.bench_function("convert what has the type already", |b| b.iter(|| convert(black_box(&value), &ty)));
    c.bench_function("encode JSON", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            json::encode(black_box(&value), &ty, &mut out)
        });
    });
    c.bench_function("decode JSON", |b| b.iter(|| json::decode(black_box(&encoded), &ty)));
    c.bench_function("digest", |b| b.iter(|| black_box(&value).digest()));
    c.bench_function("diff of equal values", |b| {
        let other = json::decode(&encoded, &ty).expect("read");
        b.iter(|| diff::diff(black_box(&value), &other));
    });
    c.bench_function("clone", |b| b.iter(|| black_box(&value).clone()));

    let (one, three) = (Number::from(1), Number::from(3));
    let third = one.div(&three).expect("a third");
    c.bench_function("add whole numbers", |b| b.iter(|| black_box(&one).add(&three)));
    c.bench_function("divide whole numbers into a fraction", |b| b.iter(|| black_box(&one).div(&three)));
    c.bench_function("multiply fractions", |b| b.iter(|| black_box(&third).mul(&third)));
    c.bench_function("print a third", |b| b.iter(|| black_box(&third).to_string()));
}

criterion_group!(benches, values);
criterion_main!(benches);
