//! A configuration in native syntax and the same in JSON syntax load as the same.

use pilotis_bad_input::load_files;
use pilotis_syntax::write;
use proptest::prelude::*;

/// A value that both syntaxes can say.
#[derive(Clone, Debug)]
enum Given {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    /// A text, a reference, a text.
    Template(String, &'static str, String),
    /// A reference alone.
    Reference(&'static str),
    List(Vec<Given>),
    Object(Vec<(String, Given)>),
}

const REFERENCES: &[&str] = &[
    "var.a",
    "var.b[\"k\"].c",
    "local.l0",
    "length(var.a)",
    "[for x in var.a : x]",
    "var.a[*].d",
    "1 + 2",
    "\"q\"",
];

fn escaped(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// A string of JSON.
fn json_text(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            c if (c as u32) < 32 || c == 'é' => format!("\\u{:04x}", c as u32),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

impl Given {
    fn native(&self) -> String {
        match self {
            Given::Null => "null".to_owned(),
            Given::Bool(b) => b.to_string(),
            Given::Number(n) => n.to_string(),
            Given::Text(text) => write::quoted(text),
            Given::Template(a, e, b) => {
                let (a, b) = (write::quoted(a), write::quoted(b));
                format!("\"{}${{{e}}}{}\"", &a[1..a.len() - 1], &b[1..b.len() - 1])
            }
            Given::Reference(e) => format!("\"${{{e}}}\""),
            Given::List(items) => format!("[{}]", joined(items.iter().map(Given::native))),
            Given::Object(items) => {
                format!(
                    "{{ {} }}",
                    joined(items.iter().map(|(k, v)| format!("{} = {}", write::quoted(k), v.native())))
                )
            }
        }
    }

    fn json(&self) -> String {
        match self {
            Given::Null => "null".to_owned(),
            Given::Bool(b) => b.to_string(),
            Given::Number(n) => n.to_string(),
            Given::Text(text) => json_text(&escaped(text)),
            Given::Template(a, e, b) => json_text(&format!("{}${{{e}}}{}", escaped(a), escaped(b))),
            Given::Reference(e) => json_text(&format!("${{{e}}}")),
            Given::List(items) => format!("[{}]", joined(items.iter().map(Given::json))),
            Given::Object(items) => {
                format!(
                    "{{{}}}",
                    joined(items.iter().map(|(k, v)| format!("{}: {}", json_text(&escaped(k)), v.json())))
                )
            }
        }
    }
}

fn words() -> impl Strategy<Value = String> {
    "[a-z]([a-z \"\\\\é日😀\n\t{}~]|\\$x|\\$\\{|%\\{|%y){0,6}[a-z]"
}

fn given() -> impl Strategy<Value = Given> {
    let leaf = prop_oneof![
        Just(Given::Null),
        any::<bool>().prop_map(Given::Bool),
        (0..1_000_000i64).prop_map(Given::Number),
        words().prop_map(Given::Text),
        (words(), prop::sample::select(REFERENCES), words()).prop_map(|(a, e, b)| Given::Template(a, e, b)),
        prop::sample::select(REFERENCES).prop_map(Given::Reference),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Given::List),
            prop::collection::btree_map(words(), inner, 0..3)
                .prop_map(|items| Given::Object(items.into_iter().collect())),
        ]
    })
}

/// A resource: its arguments, its nested blocks, what is said about it.
#[derive(Clone, Debug)]
struct Resource {
    name: Given,
    tags: Option<Given>,
    count: bool,
    labels: Vec<Given>,
    prevent_destroy: bool,
    ignored: bool,
    after: bool,
}

fn resource() -> impl Strategy<Value = Resource> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (given(), prop::option::of(given()), prop::collection::vec(given(), 0..3), flags).prop_map(
        |(name, tags, labels, f)| Resource {
            name,
            tags,
            count: f.0,
            labels,
            prevent_destroy: f.1,
            ignored: f.2,
            after: f.3,
        },
    )
}

impl Resource {
    fn native(&self, i: usize) -> String {
        let mut text = format!("resource \"test_thing\" \"r{i}\" {{\n  name = {}\n", self.name.native());
        if let Some(tags) = &self.tags {
            text += &format!("  tags = {}\n", tags.native());
        }
        if self.count {
            text += "  count = 2\n";
        }
        if self.after && i > 0 {
            text += "  depends_on = [test_thing.r0]\n";
        }
        for labels in &self.labels {
            text += &format!("  list {{\n    labels = {}\n  }}\n", labels.native());
        }
        text += &format!("  lifecycle {{\n    prevent_destroy = {}\n", self.prevent_destroy);
        if self.ignored {
            text += "    ignore_changes = [tags]\n";
        }
        text + "  }\n}\n"
    }

    fn json(&self, i: usize) -> String {
        let mut parts = vec![format!("\"name\": {}", self.name.json())];
        parts.extend(self.tags.as_ref().map(|t| format!("\"tags\": {}", t.json())));
        parts.extend(self.count.then(|| "\"count\": 2".to_owned()));
        parts.extend((self.after && i > 0).then(|| "\"depends_on\": [\"test_thing.r0\"]".to_owned()));
        if !self.labels.is_empty() {
            let blocks = self.labels.iter().map(|l| format!("{{\"labels\": {}}}", l.json()));
            parts.push(format!("\"list\": [{}]", joined(blocks)));
        }
        let ignored = if self.ignored { ", \"ignore_changes\": [\"tags\"]" } else { "" };
        parts.push(format!("\"lifecycle\": {{\"prevent_destroy\": {}{ignored}}}", self.prevent_destroy));
        format!("\"r{i}\": {{{}}}", parts.join(", "))
    }
}

/// What was loaded, without the places where it stands.
fn loaded(name: &str, text: &str) -> (String, Vec<String>) {
    let (configuration, diagnostics) = load_files(&[(name.to_owned(), text.to_owned())]);
    let shown = format!("{:?}", configuration.modules);
    let mut rest = shown.split("Span {");
    let mut bare = rest.next().unwrap_or_default().to_owned();
    for part in rest {
        bare.push_str(part.split_once('}').map_or("", |(_, after)| after));
    }
    (bare, diagnostics.iter().map(|d| format!("{} {}", d.summary, d.detail)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn native_and_json_are_the_same(
        default in given(),
        locals in prop::collection::vec(given(), 1..4),
        resources in prop::collection::vec(resource(), 0..3),
        outputs in prop::collection::vec((given(), any::<bool>()), 0..3),
    ) {
        let types = "map(object({ c = optional(string) }))";
        let mut native = format!("variable \"a\" {{}}\nvariable \"b\" {{\n  type = {types}\n  default = {{}}\n}}\n");
        native += "locals {\n";
        for (i, local) in locals.iter().enumerate() {
            native += &format!("  l{i} = {}\n", local.native());
        }
        native += "}\n";
        resources.iter().enumerate().for_each(|(i, r)| native += &r.native(i));
        for (i, (value, sensitive)) in outputs.iter().enumerate() {
            native += &format!("output \"o{i}\" {{\n  value = {}\n  sensitive = {sensitive}\n}}\n", value.native());
        }
        native += &format!("check \"c\" {{\n  assert {{\n    condition = {}\n    error_message = \"No.\"\n  }}\n}}\n", default.native());

        let mut json = format!("{{\"variable\": {{\"a\": {{}}, \"b\": {{\"type\": {}, \"default\": {{}}}}}}, ", json_text(types));
        json += &format!("\"locals\": {{{}}}, ", joined(locals.iter().enumerate().map(|(i, l)| format!("\"l{i}\": {}", l.json()))));
        if !resources.is_empty() {
            let items = joined(resources.iter().enumerate().map(|(i, r)| r.json(i)));
            json += &format!("\"resource\": {{\"test_thing\": {{{items}}}}}, ");
        }
        if !outputs.is_empty() {
            let items = outputs.iter().enumerate().map(|(i, (v, s))| format!("\"o{i}\": {{\"value\": {}, \"sensitive\": {s}}}", v.json()));
            json += &format!("\"output\": {{{}}}, ", joined(items));
        }
        json += &format!("\"check\": {{\"c\": {{\"assert\": {{\"condition\": {}, \"error_message\": \"No.\"}}}}}}}}", default.json());

        let (one, said) = loaded("main.tf", &native);
        let (other, other_said) = loaded("main.tf.json", &json);
        prop_assert_eq!(said, other_said, "{}\n{}", native, json);
        prop_assert_eq!(one, other, "{}\n{}", native, json);
    }
}
