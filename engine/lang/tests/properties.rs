//! What holds for every expression: nothing panics, and a secret never gets out of its mark.

use pilotis_diag::{Diagnostic, Diagnostics, SourceMap};
use pilotis_lang::{Files, Frame, Resolved, Resolver, Slot, Surroundings, compile};
use pilotis_syntax::ast::Traversal;
use pilotis_syntax::parse_expression;
use pilotis_value::{Marks, Type, Value};
use proptest::prelude::*;

const SECRET: &str = "s3cr3t";

/// `var.secret`, `var.user`, `var.later`, `var.list`, `var.nothing`.
struct World;

const NAMES: [&str; 5] = ["secret", "user", "later", "list", "nothing"];

impl Resolver for World {
    fn resolve(&mut self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        let name = match t.steps.first() {
            Some(pilotis_syntax::ast::TraversalStep::Attribute(ident)) => ident.text.as_str(),
            _ => "",
        };
        match NAMES.iter().position(|n| *n == name) {
            Some(i) if t.root.text == "var" => Ok(Resolved { slot: Slot(i as u32), consumed: 1 }),
            _ => Err(Diagnostic::error("Invalid reference").at(t.span)),
        }
    }
}

impl Frame for World {
    fn get(&self, slot: Slot) -> Value {
        let secret = || Value::string(SECRET).with_marks(Marks::SENSITIVE);
        match NAMES[slot.0 as usize] {
            "secret" => secret(),
            "user" => Value::object_of([("name", Value::string("ana")), ("password", secret())]),
            "later" => Value::unknown(Type::String),
            "list" => Value::list(Type::String, vec![Value::string("a"), secret()]),
            _ => Value::null(Type::String),
        }
    }
}

impl Files for World {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("no such file".into())
    }
    fn exists(&self, _: &str) -> Result<bool, String> {
        Ok(false)
    }
    fn glob(&self, _: &str, _: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    fn absolute(&self, path: &str) -> String {
        path.into()
    }
    fn home(&self) -> Option<String> {
        None
    }
}

/// The secret stands somewhere in a value where no mark covers it.
fn leaks(value: &Value) -> bool {
    if value.marks().contains(Marks::SENSITIVE) {
        return false;
    }
    value.as_str().is_some_and(|s| s.to_lowercase().contains(SECRET))
        || value.as_elements().is_some_and(|items| items.iter().any(leaks))
        || value.as_entries().is_some_and(|e| e.iter().any(|(k, v)| k.contains(SECRET) || leaks(v)))
}

fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("var.secret".to_owned()),
        Just("var.user".to_owned()),
        Just("var.user.password".to_owned()),
        Just("var.later".to_owned()),
        Just("var.list".to_owned()),
        Just("var.nothing".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"a\"".to_owned()),
        (0..4i64).prop_map(|n| n.to_string()),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let e = || inner.clone();
        let functions = prop_oneof![
            Just("upper"),
            Just("length"),
            Just("keys"),
            Just("values"),
            Just("toset"),
            Just("tolist"),
            Just("jsonencode"),
            Just("flatten"),
            Just("compact"),
            Just("try"),
            Just("can"),
            Just("reverse"),
            Just("sort"),
            Just("tostring"),
            Just("base64encode"),
            Just("one"),
            Just("max"),
            Just("merge"),
            Just("concat"),
            Just("coalesce"),
        ];
        let operators = prop_oneof![
            Just("+"),
            Just("=="),
            Just("!="),
            Just("&&"),
            Just("||"),
            Just("<"),
            Just("%"),
            Just("/"),
        ];
        prop_oneof![
            (e(), operators, e()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (e(), e(), e()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (e(), e()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (e(), e()).prop_map(|(a, b)| format!("{{ x = {a}, (try(tostring({b}), \"k\")) = 1 }}")),
            (e(), e()).prop_map(|(a, b)| format!("\"<${{{a}}}-${{{b}}}>\"")),
            (e(), e()).prop_map(|(a, b)| format!("[for k, v in {a} : {b} if can(v)]")),
            e().prop_map(|a| format!("{{ for k, v in {a} : k => v }}")),
            e().prop_map(|a| format!("{{ for k, v in {a} : try(tostring(v), \"k\") => v... }}")),
            e().prop_map(|a| format!("{a}[*]")),
            e().prop_map(|a| format!("[{a}][*].name")),
            (e(), e()).prop_map(|(a, b)| format!("({a})[{b}]")),
            e().prop_map(|a| format!("(!{a})")),
            e().prop_map(|a| format!("(-{a})")),
            (functions, e()).prop_map(|(f, a)| format!("{f}({a})")),
            (e(), e()).prop_map(|(a, b)| format!("merge({{ k = {a} }}, {{ l = {b} }})")),
            (e(), e()).prop_map(|(a, b)| format!("format(\"%s %v\", {a}, {b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_secret_never_gets_out_of_its_mark(text in expressions()) {
        let mut sources = SourceMap::default();
        let file = sources.add("p.hcl", text.as_str());
        let (expr, mut diags) = parse_expression(&sources, file);
        prop_assert!(!diags.has_errors(), "{text}: {diags:?}");
        let compiled = compile(&expr, &mut World, &[], &mut diags);
        let surroundings = Surroundings { files: &World, plan_time_ms: 0, apply_time_ms: None };
        let mut said = Diagnostics::new();
        let value = compiled.eval(&World, &surroundings, &mut said);
        prop_assert!(!leaks(&value), "{text} gives {value:?}");
        prop_assert!(!format!("{value:?}").contains(SECRET), "Debug of {text}");
        prop_assert!(!format!("{said:?}").to_lowercase().contains(SECRET), "{text} says {said:?}");
        // The same again: evaluation keeps nothing.
        prop_assert_eq!(value, compiled.eval(&World, &surroundings, &mut Diagnostics::new()));
    }

    #[test]
    fn any_text_is_read_and_evaluated_without_panic(text in "[\\[\\]{}()\"a-c0-2.,:=>$%~?!&|*+ \\n<-]{0,40}") {
        let mut sources = SourceMap::default();
        let file = sources.add("p.hcl", text.as_str());
        let (expr, mut diags) = parse_expression(&sources, file);
        let compiled = compile(&expr, &mut World, &[], &mut diags);
        let surroundings = Surroundings { files: &World, plan_time_ms: 0, apply_time_ms: None };
        compiled.eval(&World, &surroundings, &mut diags);
        pilotis_lang::parse_constraint(&expr, &mut diags);
    }
}
