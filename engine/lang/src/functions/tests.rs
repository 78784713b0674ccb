//! What functions give, what they refuse, and that they neither panic nor forget a secret.

use std::collections::BTreeMap;

use pilotis_diag::{Diagnostic, Diagnostics, SourceMap};
use pilotis_syntax::ast::Traversal;
use pilotis_syntax::parse_expression;
use pilotis_value::{Refinement, json};
use proptest::prelude::*;

use super::*;
use crate::{Files, Frame, Resolved, Resolver, Slot, compile};

mod hostile;

/// Files in memory.
struct Memory(BTreeMap<&'static str, &'static [u8]>);

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|bytes| bytes.to_vec()).ok_or_else(|| "no such file".into())
    }
    fn exists(&self, path: &str) -> Result<bool, String> {
        Ok(self.0.contains_key(path))
    }
    fn glob(&self, dir: &str, pattern: &str) -> Result<Vec<String>, String> {
        let ending = pattern.trim_start_matches('*');
        let inside = self.0.keys().filter_map(|path| path.strip_prefix(dir)?.strip_prefix('/'));
        Ok(inside.filter(|path| path.ends_with(ending)).map(str::to_owned).collect())
    }
    fn absolute(&self, path: &str) -> String {
        format!("/srv/{path}")
    }
    fn home(&self) -> Option<String> {
        Some("/home/ana".into())
    }
}

fn memory() -> Memory {
    Memory(BTreeMap::from([
        ("t/greet.tftpl", &b"Hello, ${name}!\n"[..]),
        ("t/self.tftpl", b"${templatefile(\"t/self.tftpl\", {})}"),
        ("t/outer.tftpl", b"<${templatefile(\"t/greet.tftpl\", { name = who })}>"),
        ("t/value.tftpl", b"${value}"),
        ("t/bad.tftpl", b"a\n%{ for x in xs }"),
        ("hello.txt", b"Hello World\n"),
        ("binary.bin", b"\xff\x00"),
    ]))
}

/// Every name is a value of the map; its slot is its place there.
struct Names<'v>(&'v BTreeMap<&'static str, Value>);

impl Resolver for Names<'_> {
    fn resolve(&mut self, traversal: &Traversal) -> Result<Resolved, Diagnostic> {
        let name = traversal.root.text.as_str();
        match self.0.keys().position(|known| *known == name) {
            Some(at) => Ok(Resolved { slot: Slot(at as u32), consumed: 0 }),
            None => Err(Diagnostic::error("Unknown name").detail(name).at(traversal.span)),
        }
    }
}
impl Frame for Names<'_> {
    fn get(&self, slot: Slot) -> Value {
        self.0.values().nth(slot.0 as usize).cloned().expect("a slot that was given")
    }
}

fn evaluate(
    text: &str,
    names: &BTreeMap<&'static str, Value>,
    apply_time_ms: Option<i64>,
) -> (Value, Diagnostics) {
    let mut sources = SourceMap::default();
    let file = sources.add("test", text);
    let (expr, mut diags) = parse_expression(&sources, file);
    let compiled = compile(&expr, &mut Names(names), &[], &mut diags);
    let files = memory();
    let around = Surroundings { files: &files, plan_time_ms: 1_700_000_000_000, apply_time_ms };
    let value = compiled.eval(&Names(names), &around, &mut diags);
    (value, diags)
}

/// `TYPE JSON`, or `error MESSAGE`.
fn shown(text: &str, names: &BTreeMap<&'static str, Value>) -> String {
    let (value, diags) = evaluate(text, names, None);
    if let Some(error) = diags.iter().next() {
        return format!("error {}", error.detail);
    }
    match json::to_json_text(&value) {
        Ok(text) => format!("{} {text}", value.ty()),
        Err(_) => format!("{value:?}"),
    }
}

fn gives(text: &str) -> String {
    shown(text, &BTreeMap::new())
}

#[test]
fn facts() {
    let mut wrong = Vec::new();
    for line in include_str!("tests/facts.txt").lines().filter(|l| !l.is_empty() && !l.starts_with("# ")) {
        let (expression, expected) = line.split_once(" => ").expect("an arrow");
        let got = gives(expression);
        if got != expected {
            wrong.push(format!("{expression}\n    gives    {got}\n    expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_is_documented_and_found() {
    let names: Vec<&str> = all().map(|def| def.name).collect();
    assert!(names.is_sorted());
    for def in all() {
        assert!(def.doc.ends_with('.'), "{}", def.name);
        assert!(find(def.name).is_some());
        assert!(def.examples().next().is_some(), "{} has no example", def.name);
    }
    let listed: usize = SUBJECTS.iter().flat_map(|(_, parts)| parts.iter()).map(|part| part.len()).sum();
    assert_eq!(listed, names.len(), "two functions of one name");
    assert!(find("nope").is_none());
}

/// The examples of the reference give what they say.
#[test]
fn examples() {
    let secret = |text| Value::string(text).with_marks(Marks::SENSITIVE);
    let local = Value::object_of([
        ("greeting", Value::string("Hello, ${name}!")),
        ("ciphertext", Value::string(include_str!("tests/rsa-ciphertext.txt").trim())),
        ("key", secret(include_str!("tests/rsa-pkcs8.pem"))),
    ]);
    let names = BTreeMap::from([("local", local)]);
    let mut wrong = Vec::new();
    for (call, result) in all().flat_map(FunctionDef::examples) {
        let (value, diags) = evaluate(call, &names, None);
        assert!(!diags.has_errors(), "{call}: {:?}", diags.iter().next());
        let got = if value.has_sensitive() {
            "(sensitive)".to_owned()
        } else {
            json::to_json_text(&value).unwrap_or_else(|_| "(known after apply)".into())
        };
        if got != result {
            wrong.push(format!("{call} => {got}"));
        }
    }
    assert!(wrong.is_empty(), "these calls give something else:\n{}", wrong.join("\n"));
}

/// What Terraform 1.11 says of its functions: `NAME(PARAMETER: TYPE, …) TYPE`, with `?` after what may be null and `...`
/// before what may be given many times. Those that differ are rows of `differences.md`.
#[test]
fn signatures_are_those_of_terraform() {
    let ours: BTreeMap<&str, String> = all().map(|def| (def.name, signature(def))).collect();
    let recorded = include_str!("tests/signatures.txt").lines().filter(|l| !l.starts_with("# "));
    let mut count = 0;
    for line in recorded {
        count += 1;
        let name = line.split('(').next().unwrap_or_default();
        assert_eq!(ours.get(name).map(String::as_str), Some(line));
    }
    assert_eq!(count, 118);
}

fn signature(def: &FunctionDef) -> String {
    let param = |p: &Param| format!("{}: {}{}", p.name, (p.ty)(), if p.allow_null { "?" } else { "" });
    let fixed = def.params.iter().map(param);
    let all: Vec<String> = fixed.chain(def.variadic.iter().map(|p| format!("...{}", param(p)))).collect();
    format!("{}({}) {}", def.name, all.join(", "), def.return_type())
}

#[test]
fn mistakes_do_not_eat_all_memory() {
    for (expression, part) in [
        ("range(1000000000)", "more than 100000 values"),
        ("range(0, 1, 1e-30)", "more than 100000 values"),
        ("range(1e200, 2e200, 1)", "too small to change"),
        ("setproduct(range(1000), range(1000))", "more than 100000 combinations"),
        ("format(\"%999999999d\", 1)", "too big"),
        ("format(join(\"\", [for i in range(2000) : \"%099999d\"]), range(2000)...)", "too long"),
        ("formatlist(\"%099999d\", range(2000))", "too long"),
        ("join(format(\"%09999d\", 1), range(2000))", "longer than 10000000 bytes"),
        ("setproduct(concat([range(90000)], [for i in range(20) : [i]])...)", "too many elements"),
        (
            "base64gunzip(base64gzip(join(\"\", [for i in range(1100) : format(\"%09999d\", i)])))",
            "would be longer than 10000000 bytes",
        ),
        ("indent(1000000000, \"a\\nb\")", "between 0 and"),
        ("regex(\"(a{1000}){1000}\", \"a\")", "too big"),
        ("jsondecode(join(\"\", [for i in range(9999) : \"[\"]))", "too deeply"),
        ("yamldecode(join(\"\", [for i in range(900) : \"[\"]))", "recursion limit"),
        ("yamldecode(join(\"\", [for i in range(900) : \"- \"]))", "nested too deeply"),
        ("tonumber(\"1e999999999\")", "not written in decimal"),
    ] {
        let got = gives(expression);
        assert!(got.starts_with("error ") && got.contains(part), "{expression} gives {got:.300}");
    }
}

#[test]
fn aliases_of_yaml_are_counted() {
    let mut text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
    for i in 1..9 {
        let before = i - 1;
        text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{before}"); 9].join(", ")));
    }
    let names = BTreeMap::from([("text", Value::string(text))]);
    let got = shown("yamldecode(text)", &names);
    assert!(got.contains("more than 1000000 values"), "{got:.300}");
    let merged = "yamldecode(\"base: &b {p: 1, q: 2}\\nuse:\\n  <<: *b\\n  q: 3\\n\").use";
    assert_eq!(gives(merged), "object({p=number,q=number}) {\"p\":1,\"q\":3}");
}

#[test]
fn regular_expressions_are_read_as_re2() {
    for (re2, translated) in [
        (r"\d+", "[0-9]+"),
        (r"[\w.-]+", "[0-9A-Za-z_.-]+"),
        (r"[^\d]", "[^0-9]"),
        (r"\Qa.b\E.", r"a\.b."),
        ("[[a]", r"[\[a]"),
        ("[[:alpha:]]", "[[:alpha:]]"),
        ("[]a]", r"[\]a]"),
        ("[a&&b]", r"[a\&\&b]"),
        ("a{2,3}{x}", r"a{2,3}\{x}"),
        (r"\<b\>", "<b>"),
        (r"\bx", r"(?-u:\b)x"),
        (r"\\d", r"\\d"),
    ] {
        let found = pattern::translate(re2).map(|t| t.pattern);
        assert_eq!(found.as_deref(), Ok(translated), "{re2}");
    }
    assert_eq!(gives(r#"regexall("[0-9a-f&&]+", "a&&b")"#), r#"list(string) ["a\u0026\u0026b"]"#);
    assert_eq!(gives(r#"regex("\\d", "٣3")"#), "string \"3\"");
}

#[test]
fn templates() {
    assert_eq!(gives(r#"templatefile("t/greet.tftpl", { name = "Ana" })"#), "string \"Hello, Ana!\\n\"");
    assert_eq!(
        gives(r#"templatefile("t/outer.tftpl", { who = 1 })"#),
        "string \"\\u003cHello, 1!\\n\\u003e\""
    );
    assert_eq!(gives(r#"templatefile("t/value.tftpl", { value = [1] })"#), "tuple([number]) [1]");
    let missing = gives(r#"templatefile("t/greet.tftpl", { nome = "Ana" })"#);
    assert!(missing.contains("t/greet.tftpl:1,10: ") && missing.contains("It is given: nome"), "{missing}");
    let bad = gives(r#"templatefile("t/bad.tftpl", { xs = [] })"#);
    assert!(bad.contains("t/bad.tftpl:"), "{bad}");
    assert!(gives(r#"templatefile("t/self.tftpl", {})"#).contains("renders itself"));
    assert!(gives(r#"templatefile("none", {})"#).contains("no file exists at \"none\""));
    assert!(gives(r#"templatefile("binary.bin", {})"#).contains("UTF-8"));
    let names = BTreeMap::from([("secret", Value::string("hush").with_marks(Marks::SENSITIVE))]);
    let (value, _) = evaluate("templatefile(\"t/greet.tftpl\", { name = secret })", &names, None);
    assert!(value.has_sensitive());
    let (_, diags) =
        evaluate("templatefile(\"t/value.tftpl\", { value = parseint(secret, 10) })", &names, None);
    let text = format!("{:?}", diags.iter().next().expect("an error"));
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn files() {
    assert_eq!(gives(r#"file("hello.txt")"#), "string \"Hello World\\n\"");
    assert_eq!(gives(r#"filebase64("binary.bin")"#), "string \"/wA=\"");
    assert_eq!(gives(r#"fileexists("hello.txt")"#), "bool true");
    assert_eq!(gives(r#"fileset("t", "*.tftpl")"#).matches("tftpl").count(), 5);
    assert_eq!(gives(r#"filemd5("hello.txt") == md5(file("hello.txt"))"#), "bool true");
    assert_eq!(gives(r#"abspath("a/../b")"#), "string \"/srv/b\"");
    assert_eq!(gives(r#"pathexpand("~/x")"#), "string \"/home/ana/x\"");
    assert!(gives(r#"file("binary.bin")"#).contains("not valid UTF-8"));
}

#[test]
fn what_is_impure_is_unknown_until_apply() {
    let none = BTreeMap::new();
    for expression in ["timestamp()", "uuid()"] {
        assert!(!evaluate(expression, &none, None).0.is_known());
    }
    let (time, _) = evaluate("timestamp()", &none, Some(1_700_000_000_000));
    assert_eq!(time.as_str(), Some("2023-11-14T22:13:20Z"));
    assert_eq!(gives("plantimestamp()"), "string \"2023-11-14T22:13:20Z\"");
    let (two, _) = evaluate("[uuid(), uuid()]", &none, Some(1));
    let ids = two.as_elements().expect("two");
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.as_str().is_some_and(|s| s.len() == 36 && s.as_bytes()[14] == b'4')));
}

#[test]
fn gzip_is_the_same_each_time() {
    let text = gives(r#"base64gzip("hello hello hello")"#);
    assert!(text.starts_with("string \"H4sIAAAAAAA"), "{text}");
    assert_eq!(text, gives(r#"base64gzip("hello hello hello")"#));
}

#[test]
fn short_names_for_uuids() {
    assert_eq!(
        gives(r#"provider::pilotis::base36("1b9f1053-fcf5-4285-a7b2-ff7992bb5c88")"#),
        "string \"1mva8nfdwsjtkdyzqc053y3d4\""
    );
    assert!(gives(r#"provider::pilotis::base36("1b9f")"#).contains("a UUID is required"));
}

#[test]
fn unknowns_stay_as_small_as_they_can() {
    let text = || Value::unknown(Type::String);
    let list = Value::list(Type::String, vec![Value::string("a"), text()]);
    let names = BTreeMap::from([
        ("text", text()),
        ("list", list),
        ("open", Value::unknown(Type::list(Type::String))),
        ("map", Value::unknown(Type::map(Type::Number))),
        ("dynamic", Value::unknown(Type::Dynamic)),
        (
            "three",
            Value::unknown_refined(
                Type::list(Type::String),
                Refinement { min_length: Some(3), max_length: Some(3), ..Refinement::default() },
            ),
        ),
    ]);
    for (expression, expected) in [
        ("length(list)", "number 2"),
        ("length(three)", "number 3"),
        ("length(open)", "(unknown number)"),
        ("upper(text)", "(unknown string)"),
        ("contains(list, \"a\")", "bool true"),
        ("contains(list, \"b\")", "(unknown bool)"),
        ("keys({ a = text, b = 1 })", "tuple([string,string]) [\"a\",\"b\"]"),
        ("keys(map)", "(unknown list(string))"),
        ("values({ a = 1, b = text })[0]", "number 1"),
        ("merge({ a = 1 }, { b = text }).a", "number 1"),
        ("merge(map, { b = text })", "(unknown any)"),
        ("concat([\"x\"], list)[0]", "string \"x\""),
        ("concat(open, list)", "(unknown list(string))"),
        ("element(list, 0)", "string \"a\""),
        ("lookup({ a = 1, b = text }, \"a\", 0)", "number 1"),
        ("coalesce(\"x\", text)", "string \"x\""),
        ("coalesce(text, \"x\")", "(unknown string)"),
        ("anytrue([true, text == \"x\"])", "bool true"),
        ("alltrue([true, text == \"x\"])", "(unknown bool)"),
        ("flatten([[\"a\"], [text]])[0]", "string \"a\""),
        ("flatten([[\"a\"], open])", "(unknown any)"),
        ("toset(list)", "[\"a\", (unknown string)]"),
        ("jsonencode({ a = text })", "(unknown string)"),
        ("tolist(dynamic)", "(unknown list(any))"),
        ("templatefile(\"t/greet.tftpl\", { name = text })", "(unknown string)"),
        ("regexall(\"(a)(b)\", text)", "(unknown list(tuple([string,string])))"),
        ("one(open)", "(unknown string)"),
        ("reverse([text, 1])[0]", "number 1"),
        ("zipmap([\"a\"], [text])", "{\"a\": (unknown string)}"),
    ] {
        assert_eq!(shown(expression, &names), expected, "{expression}");
    }
}

#[test]
fn marks_stay_where_they_are() {
    let secret = || Value::string("hush").with_marks(Marks::SENSITIVE);
    let names = BTreeMap::from([
        ("secret", secret()),
        ("map", Value::object_of([("plain", Value::string("x")), ("secret", secret())])),
        ("closed", Value::object_of([("a", Value::number(1))]).with_marks(Marks::SENSITIVE)),
    ]);
    for (expression, sensitive) in [
        ("upper(secret)", true),
        ("keys(map)", false),
        ("keys(closed)", true),
        ("length(map)", false),
        ("length(closed)", true),
        ("lookup(map, \"plain\", \"\")", false),
        ("lookup(map, \"secret\", \"\")", true),
        ("values(map)[0]", false),
        ("merge(map, { other = 1 }).plain", false),
        ("merge(closed, { other = 1 }).other", true),
        ("element([1, secret], 0)", false),
        ("concat([1], [secret])[0]", false),
        ("flatten([[1], [secret]])[0]", false),
        ("reverse([1, secret])[1]", false),
        ("tolist([\"a\", secret])[0]", false),
        ("toset([\"a\", secret])", true),
        ("jsonencode(map)", true),
        ("nonsensitive(secret)", false),
        ("sensitive(1)", true),
        ("issensitive(secret)", false),
        ("sha256(secret)", true),
        ("zipmap([\"a\", \"b\"], [1, secret]).a", false),
    ] {
        let (value, diags) = evaluate(expression, &names, None);
        assert!(!diags.has_errors(), "{expression}: {:?}", diags.iter().next());
        assert_eq!(value.has_sensitive(), sensitive, "{expression}");
    }
}

#[test]
fn errors_show_no_secret() {
    let names = BTreeMap::from([("secret", Value::string("hunter2").with_marks(Marks::SENSITIVE))]);
    for expression in [
        "parseint(secret, 10)",
        "tonumber(secret)",
        "tobool(secret)",
        "lookup({}, secret)",
        "base64decode(secret)",
        "formatdate(secret, \"x\")",
        "timeadd(secret, secret)",
        "cidrhost(secret, 1)",
        "jsondecode(secret)",
        "yamldecode(\"{${secret}\")",
        "regex(secret, \"x\")",
        "file(secret)",
        "textencodebase64(\"a\", secret)",
        "provider::pilotis::base36(secret)",
        "format(\"%d\", secret)",
        "format(secret, 1)",
        "templatefile(\"t/value.tftpl\", { value = tonumber(secret) })",
        "templatefile(\"t/greet.tftpl\", { (secret) = 1 })",
        "index([1], secret)",
        "merge(secret)",
        "uuidv5(secret, \"x\")",
        "csvdecode(\"${secret},${secret}\\n\")",
    ] {
        let (_, diags) = evaluate(expression, &names, None);
        assert!(diags.has_errors(), "{expression}");
        let text = format!("{:?}", diags.iter().collect::<Vec<_>>());
        assert!(!text.contains("hunter2"), "{expression}: {text}");
    }
}

/// Arguments that people and programs give: of every kind, some null, unknown or sensitive.
fn argument() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-3i64..6).prop_map(Value::number),
        Just(Value::number(pilotis_value::Number::parse("1e30").expect("a number"))),
        Just(Value::number(pilotis_value::Number::parse("0.5").expect("a number"))),
        Just(Value::number(pilotis_value::Number::infinity(true))),
        prop::bool::ANY.prop_map(Value::bool),
        "[a-c1 ,.:/%{}\\[\\]()$-]{0,8}|\\PC{0,3}".prop_map(Value::string),
        Just(Value::string("10.0.0.0/8")),
        Just(Value::string("2018-01-02T23:12:01+01:00")),
        Just(Value::string("YYYY-MM-DD'x'hh")),
        Just(Value::null(Type::Dynamic)),
        Just(Value::null(Type::list(Type::String))),
        Just(Value::unknown(Type::String)),
        Just(Value::unknown(Type::Dynamic)),
        Just(Value::unknown(Type::map(Type::Number))),
    ];
    let tree = leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::tuple),
            prop::collection::vec("[a-c]", 0..4).prop_map(strings_list),
            prop::collection::vec(-3i64..4, 0..4)
                .prop_map(|n| Value::set(Type::Number, n.into_iter().map(Value::number).collect())),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(Value::object_of),
        ]
    });
    (tree, prop::bool::weighted(0.1))
        .prop_map(|(v, secret)| if secret { v.with_marks(Marks::SENSITIVE) } else { v })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_function_panics_nor_forgets_a_secret(args in prop::collection::vec(argument(), 0..4)) {
        let slots = ["a", "b", "c"];
        let names: BTreeMap<&'static str, Value> = slots.into_iter().zip(args.iter().cloned()).collect();
        let list = slots[..args.len()].join(", ");
        for def in all() {
            let (value, diags) = evaluate(&format!("{}({list})", def.name), &names, Some(1));
            let secret = args.iter().any(|v| v.marks().contains(Marks::SENSITIVE));
            let reveals = matches!(def.name, "nonsensitive" | "issensitive" | "type" | "can" | "try");
            if secret && !diags.has_errors() && value.is_known() && !reveals {
                prop_assert!(value.has_sensitive(), "{} of {:?} gives {:?}", def.name, args, value);
            }
        }
    }
}

#[test]
fn passwords_are_hashed_when_applying() {
    let none = BTreeMap::new();
    assert!(!evaluate("bcrypt(\"pw\")", &none, None).0.is_known());
    let (two, _) = evaluate("[bcrypt(\"pw\", 4), bcrypt(\"pw\", 4)]", &none, Some(1));
    let hashes = two.as_elements().expect("two");
    assert_ne!(hashes[0], hashes[1]);
    for hash in hashes {
        let hash = hash.as_str().expect("a text");
        assert!(hash.starts_with("$2a$04$") && hash.len() == 60, "{hash}");
        assert!(bcrypt::verify("pw", hash).expect("a hash"));
    }
    assert!(gives("bcrypt(\"pw\", 31)").contains("allowed range"));
    assert!(gives("bcrypt(join(\"\", range(10, 60)))").contains("longer than 72 bytes"));
    assert!(gives("bcrypt(\"pw\", 4, 4)").contains("no more than two"));
}

#[test]
fn what_was_encrypted_for_a_key_is_read_with_it() {
    let secret = |text| Value::string(text).with_marks(Marks::SENSITIVE);
    let names = BTreeMap::from([
        ("pkcs1", secret(include_str!("tests/rsa-pkcs1.pem"))),
        ("pkcs8", secret(include_str!("tests/rsa-pkcs8.pem"))),
        ("text", Value::string(include_str!("tests/rsa-ciphertext.txt").trim())),
    ]);
    for key in ["pkcs1", "pkcs8"] {
        let (value, diags) = evaluate(&format!("rsadecrypt(text, {key})"), &names, None);
        assert!(!diags.has_errors(), "{:?}", diags.iter().next());
        assert!(value.has_sensitive());
        assert_eq!(value.unmark().0.as_str(), Some("Hello Ana"));
    }
    assert!(gives("rsadecrypt(\"x\", \"y\")").contains("must be base64-encoded"));
    assert!(gives("rsadecrypt(\"aGk=\", \"y\")").contains("no key found"));
    let (_, diags) = evaluate("rsadecrypt(\"aGk=\", nonsensitive(pkcs1))", &names, None);
    assert!(format!("{diags:?}").contains("wasn't encrypted for this key"), "{diags:?}");
}

#[test]
fn a_template_from_elsewhere_is_named_not_written() {
    for literal in ["\"plain\"", "\"${1}\"", "upper(\"x\")", "null"] {
        let text = gives(&format!("templatestring({literal}, {{}})"));
        assert!(text.contains("invalid template expression"), "{literal}: {text}");
    }
}
