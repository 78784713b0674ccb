//! What is written to harm: it is refused by a count, before it takes memory or time.

use std::collections::BTreeMap;

use pilotis_value::{Type, Value};

use super::{evaluate, shown};
use crate::run::limits::{MAX_LEVELS, MAX_SIZE};

/// A value that doubles itself: each of `times` levels holds the one before it twice.
fn doubled(times: u32) -> Value {
    (0..times).fold(Value::number(1), |inner, _| Value::tuple(vec![inner.clone(), inner]))
}

fn big_text() -> Value {
    Value::string("a".repeat(5_100_000))
}

/// Each is refused, and the message says by which limit.
fn refused(names: &BTreeMap<&'static str, Value>, table: &[(&str, &str)]) {
    for (expression, says) in table {
        let (value, diags) = evaluate(expression, names, None);
        let error =
            diags.iter().next().unwrap_or_else(|| panic!("{expression} gives {} values", value.size()));
        assert!(error.detail.contains(says), "{expression}: {:.300}", error.detail);
        assert!(error.detail.len() < 2_000, "{expression}: a message of {} bytes", error.detail.len());
        assert!(!value.is_known(), "{expression}");
    }
}

#[test]
fn texts_that_grow() {
    let names = BTreeMap::from([
        ("text", big_text()),
        ("long", Value::string("a".repeat(7_600_000))),
        ("k", Value::string("k".repeat(10_000))),
        ("many", Value::list(Type::String, vec![Value::string("\u{1}"); 100_000])),
        ("control", Value::string("\u{1}".repeat(2_000_000))),
    ]);
    let too_long = "longer than 10000000 bytes";
    refused(
        &names,
        &[
            ("\"${text}${text}\"", too_long),
            ("\"${[for i in range(3) : text][0]}-${text}\"", too_long),
            ("\"%{ for i in range(2) }${text}%{ endfor }\"", too_long),
            ("regexall(\"(.)(.)\", text)", "matches too often"),
            ("join(\"\", [text, text])", too_long),
            ("join(k, many)", too_long),
            ("replace(text, \"a\", k)", too_long),
            ("replace(text, \"\", k)", too_long),
            ("replace(text, \"/a/\", k)", too_long),
            ("replace(text, \"/.*/\", join(\"\", [for i in range(1000) : \"$0\"]))", too_long),
            ("format(\"%s%s\", text, text)", "too long"),
            ("formatlist(\"%s-%s\", text, range(100000))", "too long"),
            ("formatlist(\"%09999d\", range(100000))", "too long"),
            ("indent(99999, replace(k, \"k\", \"\\n\"))", too_long),
            ("base64encode(long)", too_long),
            ("jsonencode(control)", too_long),
            ("jsonencode([text, text])", too_long),
            ("yamlencode([text, text])", too_long),
        ],
    );
}

#[test]
fn values_that_grow() {
    let names = BTreeMap::from([
        ("twice", doubled(23)),
        ("wide", Value::tuple(vec![Value::number(1); 1_000_000])),
        ("text", big_text()),
        ("rows", Value::list(Type::Number, (0..40_000).map(Value::number).collect())),
    ]);
    let too_many = format!("more than {MAX_SIZE} values");
    let many = too_many.as_str();
    refused(
        &names,
        &[
            ("[twice, twice]", many),
            ("{ a = twice, b = twice }", many),
            ("[for i in range(100000) : wide]", many),
            ("{ for i in range(100000) : i => wide }", many),
            ("{ for i in range(100000) : \"x\" => wide... }", many),
            ("[for i in range(1000) : text]", many),
            ("[for i in range(100000) : 1e100000]", many),
            ("rows[*].nope", "primitive"),
            ("[[1], [2]][*][[for i in range(100000) : wide][0][0]]", many),
            ("concat(wide, wide, wide, wide, wide, wide, wide, wide, wide, wide, wide)", many),
            ("merge({ a = twice }, { b = twice })", many),
            ("setproduct(rows, rows)", "combinations"),
            ("flatten([twice, twice])", many),
            ("jsonencode([twice, twice])", many),
            ("zipmap([\"a\", \"b\"], [twice, twice])", many),
            ("chunklist([for i in range(11) : wide], 1)", many),
            ("distinct([twice, twice])", many),
            ("toset([for i in range(11) : wide])", many),
            ("[for a in rows : [for b in rows : 1 if false]]", "more than 200000 rounds"),
            ("\"%{ for a in rows }%{ for b in rows }%{ endfor }%{ endfor }\"", "more than 200000 rounds"),
            ("[for a in rows : try([for b in rows : b if false], 1)]", "rounds"),
            ("max([for a in rows : sum([for b in rows : b])]...)", "rounds"),
        ],
    );
}

#[test]
fn values_that_are_deep() {
    let levels = MAX_LEVELS as usize;
    let nested = |n: usize| (0..n).fold(Value::number(1), |inner, _| Value::tuple(vec![inner]));
    let listed = |n: usize| {
        (0..n).fold(Value::number(1), |inner, _| {
            let ty = inner.ty();
            Value::list(ty, vec![inner])
        })
    };
    let keyed = |n: usize| (0..n).fold(Value::number(1), |inner, _| Value::object_of([("a", inner)]));
    let names = BTreeMap::from([
        ("deep", nested(levels)),
        ("list", listed(levels)),
        ("map", keyed(levels)),
        ("json", Value::string("[".repeat(levels + 1) + &"]".repeat(levels + 1))),
        ("brackets", Value::string("[".repeat(1_000_000))),
        ("dashes", Value::string("- ".repeat(1_000_000))),
        ("parens", Value::string("(".repeat(1_000_000))),
    ]);
    let too_deep = format!("more than {MAX_LEVELS} levels deep");
    let deep = too_deep.as_str();
    refused(
        &names,
        &[
            ("[deep]", deep),
            ("{ a = deep }", deep),
            ("[for i in [1] : deep]", deep),
            ("{ for i in [1] : i => deep }", deep),
            ("tolist([list])", deep),
            ("[list][*]", deep),
            ("tomap({ b = map })", deep),
            ("merge({}, { b = map })", deep),
            ("zipmap([\"a\"], [deep])", deep),
            ("jsondecode(json)", deep),
            ("jsondecode(brackets)", "too deeply"),
            ("yamldecode(brackets)", ""),
            ("yamldecode(dashes)", ""),
            ("regex(parens, \"x\")", "too long"),
        ],
    );
    // What is just within the limit goes through everything that looks inside.
    for expression in [
        "deep == deep",
        "list == list",
        "jsondecode(jsonencode(deep)) == deep",
        "yamlencode(map) != \"\"",
        "distinct([deep[0], deep[0]]) == [deep[0]]",
        "toset([list[0]]) == toset([list[0]])",
        "flatten(deep) == [1]",
        "type(deep) != \"\"",
        "true ? deep == deep : false",
        "jsonencode(true ? map : null) != \"\"",
        "format(\"%v\", deep) != \"\"",
        "nonsensitive(sensitive(deep)) == deep",
        "contains([list], list)",
        "merge(map, map) == map",
    ] {
        let got = shown(expression, &names);
        assert!(got.starts_with("bool ") || got.contains("deep"), "{expression} gives {got:.300}");
    }
}

/// Large, but not larger than people's own tables: done in a moment, not in the square of it.
#[test]
fn what_is_only_large_is_done() {
    let rows = |from: i64| {
        Value::list(Type::String, (from..from + 20_000).map(|n| Value::string(n.to_string())).collect())
    };
    let names = BTreeMap::from([("a", rows(0)), ("b", rows(10_000))]);
    for (expression, result) in [
        ("length(setunion(a, b))", "30000"),
        ("length(setintersection(a, b))", "10000"),
        ("length(setsubtract(a, b))", "10000"),
        ("length(setsymmetricdifference(a, b))", "20000"),
        ("length(matchkeys(a, a, b))", "10000"),
        ("length(distinct(concat(a, b)))", "30000"),
        ("length(toset(concat(a, b)))", "30000"),
        ("length({ for x in a : x => x })", "20000"),
        ("length({ for x in concat(a, b) : x => x... })", "30000"),
        ("length(keys(zipmap(a, b)))", "20000"),
        ("length(merge(zipmap(a, b), zipmap(b, a)))", "30000"),
        ("length(tolist([for i, x in a : i % 2 == 0 ? x : i]))", "20000"),
        ("length(transpose(zipmap(a, [for x in b : [x]])))", "20000"),
        ("length(flatten([for x in a : [x, [x]]]))", "40000"),
        ("length(split(\",\", join(\",\", a)))", "20000"),
        ("length(jsondecode(jsonencode(a)))", "20000"),
        ("length(csvdecode(join(\"\\n\", a)))", "19999"),
        ("length(sort(b))", "20000"),
        ("sum([for x in a : 1])", "20000"),
        ("length(regexall(\"[0-9]+\", join(\",\", a)))", "20000"),
        ("length(replace(join(\",\", a), \"/[0-9]/\", \"\"))", "19999"),
        ("length(formatlist(\"%s-%s\", a, b))", "20000"),
        ("length(cidrsubnets(\"10.0.0.0/8\", [for i in range(20000) : 20]...))", "20000"),
    ] {
        assert_eq!(shown(expression, &names), format!("number {result}"), "{expression}");
    }
}
