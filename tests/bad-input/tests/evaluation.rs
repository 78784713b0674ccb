//! Values: the order in which something was written doesn't matter, and not knowing an input never gives another known result.

mod support;

use pilotis_bad_input::evaluated;
use pilotis_bad_input::world::World;
use pilotis_value::{EntryMap, Kind, Marks, Type, Value};
use proptest::prelude::*;

/// The variables, all known.
fn known() -> Vec<(&'static str, Value)> {
    let strings = |items: &[&str]| items.iter().map(Value::string).collect::<Vec<_>>();
    vec![
        ("s", Value::string("text")),
        ("n", Value::number(2)),
        ("b", Value::bool(true)),
        ("list", Value::list(Type::String, strings(&["x", "y", "x"]))),
        ("set", Value::set(Type::String, strings(&["p", "q"]))),
        (
            "map",
            Value::map(Type::Number, [("a".into(), Value::number(1)), ("b".into(), Value::number(2))].into()),
        ),
        ("obj", Value::object_of([("name", Value::string("ana")), ("size", Value::number(3))])),
        ("null", Value::null(Type::String)),
    ]
}

fn leaf() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "var.s",
        "var.n",
        "var.b",
        "var.list",
        "var.set",
        "var.map",
        "var.obj",
        "var.obj.name",
        "var.null",
        "null",
        "1",
        "2",
        "true",
        "false",
        "\"x\"",
        "\"a\"",
        "[]",
        "{}",
        "\"\"",
    ])
    .prop_map(str::to_owned)
}

/// Functions whose argument may be anything; most refuse most, which is no matter here.
const UNARY: &[&str] = &[
    "upper",
    "length",
    "keys",
    "values",
    "toset",
    "tolist",
    "tomap",
    "jsonencode",
    "flatten",
    "compact",
    "can",
    "reverse",
    "sort",
    "tostring",
    "tonumber",
    "tobool",
    "one",
    "distinct",
    "sum",
    "alltrue",
    "anytrue",
    "transpose",
    "yamlencode",
    "base64encode",
    "abs",
    "max",
    "coalesce",
    "coalescelist",
    "merge",
    "concat",
    "setunion",
    "trimspace",
    "strrev",
    "title",
    "ceil",
    "signum",
];
const BINARY: &[&str] = &[
    "contains",
    "concat",
    "merge",
    "setunion",
    "setintersection",
    "setsubtract",
    "coalesce",
    "lookup",
    "element",
    "join",
    "split",
    "zipmap",
    "try",
    "max",
    "min",
    "startswith",
    "endswith",
    "strcontains",
    "trimprefix",
    "index",
    "chunklist",
    "range",
    "format",
    "setproduct",
    "matchkeys",
];

fn expression() -> impl Strategy<Value = String> {
    leaf().prop_recursive(4, 24, 3, |inner| {
        let e = || inner.clone();
        let operators =
            prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "&&", "||", "<", ">="]);
        prop_oneof![
            (e(), operators, e()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (e(), e(), e()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (e(), e()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (e(), e()).prop_map(|(a, b)| format!("{{ x = {a}, y = {b} }}")),
            (e(), e()).prop_map(|(a, b)| format!("\"<${{{a}}}-${{{b}}}>\"")),
            (e(), e()).prop_map(|(a, b)| format!("[for k, v in {a} : {b} if can(v)]")),
            (e(), e()).prop_map(|(a, b)| format!("[for v in {a} : v if v == {b}]")),
            e().prop_map(|a| format!("{{ for k, v in {a} : k => v }}")),
            e().prop_map(|a| format!("{{ for k, v in {a} : try(tostring(v), \"k\") => k... }}")),
            e().prop_map(|a| format!("{a}[*]")),
            e().prop_map(|a| format!("[{a}][*].name")),
            (e(), e()).prop_map(|(a, b)| format!("({a})[{b}]")),
            e().prop_map(|a| format!("(!{a})")),
            e().prop_map(|a| format!("(-{a})")),
            (prop::sample::select(UNARY), e()).prop_map(|(f, a)| format!("{f}({a})")),
            (prop::sample::select(BINARY), e(), e()).prop_map(|(f, a, b)| format!("{f}({a}, {b})")),
            (prop::sample::select(BINARY), e(), e()).prop_map(|(f, a, b)| format!("{f}({a}, {b}...)")),
        ]
    })
}

/// What is known of a value while an input isn't agrees with what it is when the input is known.
fn agrees(early: &Value, late: &Value) -> Result<(), String> {
    let differ = |what: &str| Err(format!("{what}: {early:?}, then {late:?}"));
    if let Kind::Unknown(unknown) = early.kind() {
        let known = &unknown.refinement;
        if unknown.ty != Type::Dynamic
            && !unknown.ty.has_dynamic()
            && late.ty() != unknown.ty
            && late.ty() != Type::Dynamic
        {
            return differ("another type");
        }
        if known.not_null && late.is_null() {
            return differ("null after all");
        }
        if let (Some(prefix), Some(text)) = (&known.prefix, late.as_str())
            && !text.starts_with(prefix.as_str())
        {
            return differ("another prefix");
        }
        let length = late.as_elements().map(<[Value]>::len).or(late.as_entries().map(EntryMap::len));
        if let Some(length) = length.map(|l| l as u64)
            && (known.min_length.is_some_and(|min| length < min)
                || known.max_length.is_some_and(|max| length > max))
        {
            return differ("another length");
        }
        return Ok(());
    }
    if matches!(late.kind(), Kind::Unknown(_)) {
        return differ("known early, unknown late");
    }
    if let (Kind::Set(_), Kind::Set(_)) = (early.kind(), late.kind()) {
        // Which of an early set's elements are the same is not known.
        if early.is_wholly_known() && early != late {
            return differ("another set");
        }
        return Ok(());
    }
    match (early.as_elements(), late.as_elements(), early.as_entries(), late.as_entries()) {
        (Some(a), Some(b), ..) if a.len() == b.len() => a.iter().zip(b).try_for_each(|(a, b)| agrees(a, b)),
        (.., Some(a), Some(b)) if a.keys().eq(b.keys()) => {
            a.values().zip(b.values()).try_for_each(|(a, b)| agrees(a, b))
        }
        (Some(_), Some(_), ..) | (.., Some(_), Some(_)) => differ("another shape"),
        _ if early.clone().unmark().0 == late.clone().unmark().0 => Ok(()),
        _ => differ("another value"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn not_knowing_an_input_gives_no_other_known_result(text in expression(), hidden in prop::collection::vec(any::<bool>(), 8)) {
        let Some((late, said)) = evaluated(&text, &World::of(known())) else { return Ok(()) };
        if said.has_errors() {
            return Ok(());
        }
        let early = known().into_iter().zip(&hidden).map(|((name, value), hidden)| {
            (name, if *hidden { Value::unknown(value.ty()) } else { value })
        });
        let Some((early, said)) = evaluated(&text, &World::of(early.collect())) else {
            return Err(TestCaseError::fail(format!("{text} compiles in one world only")));
        };
        // What is not looked at when its guard is known may be a mistake all the same.
        let guarded = ["&&", "||", "?"].iter().any(|guard| text.contains(guard));
        if guarded && said.has_errors() {
            return Ok(());
        }
        prop_assert!(!said.has_errors(), "{} is an error while inputs are unknown: {:?}", text, said);
        prop_assert_eq!(agrees(&early, &late), Ok(()), "{}", text);
    }

    #[test]
    fn the_order_of_writing_does_not_matter(
        pairs in prop::collection::vec((leaf(), any::<prop::sample::Index>()), 2..5),
        use_of in prop::sample::select(vec![
            "OBJ", "tomap({ for k, v in OBJ : k => 1 })", "keys(OBJ)", "values(OBJ)", "jsonencode(OBJ)", "yamlencode(OBJ)", "merge(OBJ, { k1 = 1 })",
            "[for k, v in OBJ : v]", "{ for k, v in OBJ : try(tostring(v), \"z\") => k... }", "OBJ == OBJ", "toset([for v in OBJ : try(tostring(v), \"z\")])",
            "SET", "tolist(SET)", "[for v in SET : v]", "join(\",\", SET)", "jsonencode(SET)", "setproduct(SET, SET)", "setunion(SET, [\"x\"])",
            "contains(SET, \"x\")", "{ for v in SET : v => v }", "length(SET)", "one([SET])", "flatten([SET, SET])", "setsubtract(SET, [\"a\"])",
        ]),
        marked in any::<bool>(),
    ) {
        let mut world = known();
        if marked {
            world[0].1 = world[0].1.clone().with_marks(Marks::SENSITIVE);
            world[1].1 = Value::unknown(Type::Number);
        }
        let world = World::of(world);
        let items: Vec<String> = pairs.iter().enumerate().map(|(i, (v, _))| format!("k{i} = {v}")).collect();
        let elements: Vec<String> = pairs.iter().map(|(v, _)| format!("try(tostring({v}), \"z\")")).collect();
        let shuffled = |list: &[String]| {
            let mut list = list.to_vec();
            for (i, (_, to)) in pairs.iter().enumerate() {
                list.swap(i, to.index(pairs.len()));
            }
            list
        };
        let text = |items: &[String], elements: &[String]| {
            use_of.replace("OBJ", &format!("{{ {} }}", items.join(", "))).replace("SET", &format!("toset([{}])", elements.join(", ")))
        };
        let (one, other) = (text(&items, &elements), text(&shuffled(&items), &shuffled(&elements)));
        let one = evaluated(&one, &world).map(|(v, d)| (format!("{v:?}"), v, d.len()));
        let two = evaluated(&other, &world).map(|(v, d)| (format!("{v:?}"), v, d.len()));
        prop_assert_eq!(one, two, "{}", other);
    }
}
