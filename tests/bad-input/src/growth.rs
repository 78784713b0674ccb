//! Inputs that grow: shapes that make some parsers and evaluators slow. Twice as much of one must cost about twice as much.

use pilotis_diag::{RenderOptions, SourceMap, render};
use pilotis_syntax::parse_file;

use crate::Target;

/// What is done with a shape, how it is called, and its text of a size.
pub struct Shape {
    /// Shown.
    pub name: &'static str,
    /// What is done with it.
    pub target: Target,
    /// The text; `size` is how often what grows is in it.
    pub text: fn(usize) -> String,
}

/// Longer than the nesting that is allowed, and each twice as long as the one before.
pub const SIZES: [usize; 3] = [1000, 2000, 4000];

/// What twice the size may cost at most: a sort is allowed, a loop in a loop is not.
pub const MOST: f64 = 2.6;

/// Reads and shows every mistake, as the program does.
fn mistakes(data: &[u8]) {
    let mut sources = SourceMap::default();
    let file = sources.add("growth.tf", String::from_utf8_lossy(data).into_owned());
    for diagnostic in &parse_file(&sources, file).1 {
        render(diagnostic, &sources, RenderOptions { color: false, width: 100 });
    }
}

/// Reads and lays out.
fn layout(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let laid_out = pilotis_syntax::format(&text);
    assert!(laid_out.is_ok(), "a shape to be laid out is valid: {:?}", laid_out.err());
}

/// Evaluates in the world of the fuzz target, without its limits.
fn value(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let evaluated = crate::evaluated(&text, &crate::world::World::default());
    let (_, said) = evaluated.expect("a shape to be evaluated is valid");
    assert!(!said.has_errors(), "{said:?}");
}

fn numbered(n: usize, each: impl Fn(usize) -> String) -> String {
    (0..n).map(each).collect()
}

fn listed(n: usize, each: impl Fn(usize) -> String) -> String {
    (0..n).map(each).collect::<Vec<_>>().join(", ")
}

macro_rules! shapes {
    ($target:expr; $($name:literal: $text:expr),* $(,)?) => {
        &[$(Shape { name: $name, target: $target, text: $text }),*]
    };
}

/// All shapes.
pub fn shapes() -> impl Iterator<Item = &'static Shape> {
    [NESTED, UNCLOSED, CHAINS, LONG, MISTAKES, LAID_OUT, JSON, TEMPLATES, VALUES, CONFIGURATIONS, VARIABLES]
        .into_iter()
        .flatten()
}

const NESTED: &[Shape] = shapes![crate::parse;
    "parentheses in parentheses": |n| format!("x = {}1{}\n", "(".repeat(n), ")".repeat(n)),
    "lists in lists": |n| format!("x = {}{}\n", "[".repeat(n), "]".repeat(n)),
    "objects in objects": |n| format!("x = {}1{}\n", "{ a = ".repeat(n), "}".repeat(n)),
    "templates in templates": |n| format!("x = {}1{}\n", "\"${".repeat(n), "}\"".repeat(n)),
    "blocks in blocks": |n| format!("{}{}", "a {\n".repeat(n), "}\n".repeat(n)),
    "calls in calls": |n| format!("x = {}1{}\n", "f(".repeat(n), ")".repeat(n)),
    "loops in loops": |n| format!("x = {}1{}\n", "[for a in b : ".repeat(n), "]".repeat(n)),
    "indexes in indexes": |n| format!("x = {}1{}\n", "a[".repeat(n), "]".repeat(n)),
    "heredocs in heredocs": |n| format!("x = {}1{}\n", "<<A\n${".repeat(n), "}\nA\n".repeat(n)),
    "directives in directives": |n| format!("x = \"{}{}\"\n", "%{ if a }".repeat(n), "%{ endif }".repeat(n)),
];

const UNCLOSED: &[Shape] = shapes![crate::parse;
    "unclosed parentheses": |n| format!("x = {}", "(".repeat(n)),
    "unclosed parentheses on lines": |n| "x = (\n".repeat(n),
    "unclosed lists": |n| format!("x = {}", "[".repeat(n)),
    "unclosed lists on lines": |n| "x = [\n".repeat(n),
    "unclosed objects on lines": |n| "x = {\n".repeat(n),
    "unclosed interpolations": |n| format!("x = {}", "\"${".repeat(n)),
    "unclosed interpolations on lines": |n| "x = \"${\n".repeat(n),
    "unclosed strings": |n| "x = \"a\n".repeat(n),
    "an unclosed string over lines": |n| format!("x = \"{}", "a b\n".repeat(n)),
    "unclosed heredocs": |n| "x = <<A\n".repeat(n),
    "unclosed heredocs of many names": |n| numbered(n, |i| format!("x = <<A{i}\n")),
    "unclosed blocks": |n| "a {\n".repeat(n),
    "unclosed directives": |n| format!("x = \"{}\"\n", "%{ if a }".repeat(n)),
    "unclosed loops": |n| format!("x = {}", "[for a in ".repeat(n)),
    "unclosed comments": |n| "/* ".repeat(n),
    "only braces that close": |n| "} ".repeat(n),
    "only brackets that close": |n| format!("x = {}", "]".repeat(n)),
    "brackets that don't match": |n| format!("x = {}", "[)".repeat(n)),
    "directives without a start": |n| format!("x = \"{}\"\n", "%{ endif }".repeat(n)),
];

const CHAINS: &[Shape] = shapes![crate::parse;
    "a long sum": |n| format!("x = 1{}\n", " + 1".repeat(n)),
    "a long comparison": |n| format!("x = 1{}\n", " == 1".repeat(n)),
    "a long conjunction": |n| format!("x = a{}\n", " && a".repeat(n)),
    "operators of all kinds": |n| format!("x = a{}\n", " || a && a == a < a + a * a".repeat(n)),
    "conditionals in a chain": |n| format!("x = {}1\n", "a ? 1 : ".repeat(n)),
    "conditionals without an end": |n| format!("x = {}", "a ? ".repeat(n)),
    "signs": |n| format!("x = {}1\n", "-".repeat(n)),
    "negations": |n| format!("x = {}a\n", "!".repeat(n)),
    "attributes in a chain": |n| format!("x = a{}\n", ".b".repeat(n)),
    "indexes in a chain": |n| format!("x = a{}\n", "[0]".repeat(n)),
    "indexes of names in a chain": |n| format!("x = a{}\n", "[b]".repeat(n)),
    "splats in a chain": |n| format!("x = a{}\n", "[*].b".repeat(n)),
    "old splats in a chain": |n| format!("x = a{}\n", ".*.b".repeat(n)),
    "old indexes in a chain": |n| format!("x = a{}\n", ".0 ".repeat(n)),
    "calls after calls": |n| format!("x = f{}\n", "(1)".repeat(n)),
    "colons": |n| format!("x = a{}\n", "::a".repeat(n)),
];

const LONG: &[Shape] = shapes![crate::parse;
    "a long list": |n| format!("x = [{}]\n", "1, ".repeat(n)),
    "a long object": |n| format!("x = {{\n{}}}\n", numbered(n, |i| format!("k{i} = {i}\n"))),
    "an object of one key": |n| format!("x = {{\n{}}}\n", "k = 1\n".repeat(n)),
    "many arguments": |n| numbered(n, |i| format!("k{i} = {i}\n")),
    "one argument often": |n| "k = 1\n".repeat(n),
    "many blocks": |n| "a \"b\" {\n}\n".repeat(n),
    "many labels": |n| format!("a {}{{\n}}\n", "\"b\" ".repeat(n)),
    "a long name": |n| format!("{} = 1\n", "ab-".repeat(n)),
    "a long number": |n| format!("x = {}.{}\n", "1".repeat(n), "1".repeat(n)),
    "a long string": |n| format!("x = \"{}\"\n", "a é ".repeat(n)),
    "accents on one letter": |n| format!("x = \"e{}\"\n", "\u{301}\u{323}".repeat(n)),
    "many escapes": |n| format!("x = \"{}\"\n", "\\n\\u00e9\\\"".repeat(n)),
    "wrong escapes": |n| format!("x = \"{}\"\n", "\\q\\u12".repeat(n)),
    "dollars": |n| format!("x = \"{}\"\n", "$".repeat(n)),
    "escaped sequences": |n| format!("x = \"{}\"\n", "$${%%{".repeat(n)),
    "many tiny templates": |n| format!("x = \"{}\"\n", "${a}".repeat(n)),
    "many wrong templates": |n| format!("x = \"{}\"\n", "${a b}".repeat(n)),
    "a long heredoc": |n| format!("x = <<A\n{}A\n", "a ${b} c\n".repeat(n)),
    "a long indented heredoc": |n| format!("x = <<-A\n{}  A\n", "    a ${b} c\n".repeat(n)),
    "strip markers": |n| format!("x = <<A\n{}A\n", "  ${~ b ~}  \n\n".repeat(n)),
    "lines that nearly end a heredoc": |n| format!("x = <<A\n{}A\n", " A b\n".repeat(n)),
    "many heredocs": |n| numbered(n, |i| format!("k{i} = <<A\nb\nA\n")),
    "blank lines": |n| "\n".repeat(n),
    "carriage returns": |n| "\r".repeat(n),
    "comments": |n| "/* a */ # b\n".repeat(n),
    "stars in a comment": |n| format!("/* {}", "*".repeat(n)),
    "bytes that mean nothing": |n| "\u{fffd}\u{0}".repeat(n),
];

const MISTAKES: &[Shape] = shapes![mistakes;
    "a mistake a line": |n| numbered(n, |i| format!("k{i} = 1 2\n")),
    "mistakes in a line": |n| format!("x = [{}]\n", "1 2, ".repeat(n)),
    "missing values": |n| numbered(n, |i| format!("k{i} =\n")),
    "wrong quotes": |n| numbered(n, |i| format!("k{i} = 'a'\n")),
    "an argument given often": |n| "k = 1\n".repeat(n),
    "wrong items": |n| "1\n".repeat(n),
    "missing ends of strings": |n| numbered(n, |i| format!("k{i} = \"a\n")),
    "wrong escapes in a string": |n| format!("x = \"{}\"\n", "\\q".repeat(n)),
    "wrong directives": |n| format!("x = \"{}\"\n", "%{ a }".repeat(n)),
    "wrong characters": |n| "@ ".repeat(n),
];

const LAID_OUT: &[Shape] = shapes![layout;
    "a column to lay out": |n| numbered(n, |i| format!("k{i}={i} # {i}\n")),
    "comments to lay out": |n| "# a\n".repeat(n),
    "a list to lay out": |n| format!("x=[{}]\n", "1,".repeat(n)),
    "a list on lines to lay out": |n| format!("x=[\n{}]\n", "1,# a\n".repeat(n)),
    "an object to lay out": |n| format!("x={{\n{}}}\n", numbered(n, |i| format!("k{i}=f({i})\n"))),
    "blocks to lay out": |n| "a b{\nc=1\n}\n".repeat(n),
    "heredocs to lay out": |n| numbered(n, |i| format!("k{i}=<<A\nb\nA\n")),
    "interpolations to unwrap": |n| numbered(n, |i| format!("k{i}=\"${{a}}\"\n")),
    "a long conjunction to lay out": |n| format!("x=(a{})\n", "&&a".repeat(n)),
    "lists on a line to lay out": |n| numbered(n, |i| format!("k{i}=[[[\n]]]\n")),
];

const JSON: &[Shape] = shapes![crate::json;
    "JSON arrays in arrays": |n| format!("{}{}", "[".repeat(n), "]".repeat(n)),
    "JSON objects in objects": |n| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n)),
    "unclosed JSON arrays": |n| "[".repeat(n),
    "unclosed JSON objects": |n| "{\"a\":".repeat(n),
    "unclosed JSON strings": |n| "[\"a\n".repeat(n),
    "a long JSON array": |n| format!("[{}1]", "1,".repeat(n)),
    "a JSON array without commas": |n| format!("[{}]", "1 ".repeat(n)),
    "a long JSON object": |n| format!("{{{}}}", listed(n, |i| format!("\"k{i}\":{i}"))),
    "a JSON object of one name": |n| format!("{{{}}}", listed(n, |_| "\"k\":1".to_owned())),
    "a long JSON string": |n| format!("\"{}\"", "a\\u00e9\\n".repeat(n)),
    "templates in a JSON string": |n| format!("\"{}\"", "${a}\\n".repeat(n)),
    "wrong templates in a JSON string": |n| format!("\"{}\"", "${a b}\\n".repeat(n)),
    "templates in JSON strings": |n| format!("[{}1]", "\"a ${b}\",".repeat(n)),
    "wrong escapes in JSON": |n| format!("\"{}\"", "\\q\\ud800".repeat(n)),
    "JSON that closes only": |n| "]}".repeat(n),
    "a long JSON number": |n| "1".repeat(n),
];

const TEMPLATES: &[Shape] = shapes![crate::template;
    "a template of interpolations": |n| "${var.s}\n".repeat(n),
    "a template of conditions": |n| "%{ if var.b ~}\n a\n%{ else ~}\n b\n%{ endif ~}\n".repeat(n),
    "a template of loops": |n| "%{ for x in var.list }${x}%{ endfor }\n".repeat(n),
    "a template of mistakes": |n| "${a b} %{ c }\n".repeat(n),
    "a template of text": |n| "a b c\n".repeat(n),
];

const VALUES: &[Shape] = shapes![value;
    "value of a list": |n| format!("[{}]", listed(n, |i| i.to_string())),
    "value of an object": |n| format!("{{ {} }}", listed(n, |i| format!("k{i} = {i}"))),
    "value of a sum": |n| format!("1{}", " + 1".repeat(n.min(150))),
    "value of a conjunction": |n| format!("true{}", " && true".repeat(n)),
    "value of a template": |n| format!("\"{}\"", "a${var.s}".repeat(n)),
    "a loop over a list": |n| format!("[for x in [{}] : x]", listed(n, |i| i.to_string())),
    "a loop that makes an object": |n| format!("{{ for x in [{}] : \"k${{x}}\" => x }}", listed(n, |i| i.to_string())),
    "a loop that makes one group": |n| format!("{{ for x in [{}] : \"k\" => x... }}", listed(n, |i| i.to_string())),
    "a splat over a list": |n| format!("[{}][*].a", listed(n, |i| format!("{{ a = {i} }}"))),
    "concat": |n| format!("concat({})", listed(n, |i| format!("[{i}]"))),
    "merge": |n| format!("merge({})", listed(n, |i| format!("{{ k{i} = {i} }}"))),
    "flatten": |n| format!("flatten([{}])", listed(n, |i| format!("[{i}]"))),
    "toset": |n| format!("toset([{}])", listed(n, |i| i.to_string())),
    "tolist of mixed types": |n| format!("tolist([{}, \"x\"])", listed(n, |i| i.to_string())),
    "distinct": |n| format!("distinct([{}])", listed(n, |i| i.to_string())),
    "sort": |n| format!("sort([{}])", listed(n, |i| format!("\"{i}\""))),
    "reverse": |n| format!("reverse([{}])", listed(n, |i| i.to_string())),
    "setunion": |n| format!("setunion({})", listed(n, |i| format!("[{i}]"))),
    "setsubtract": |n| format!("setsubtract([{0}], [{0}])", listed(n, |i| i.to_string())),
    "setintersection": |n| format!("setintersection([{0}], [{0}])", listed(n, |i| i.to_string())),
    "compact": |n| format!("compact([{}])", listed(n, |i| format!("\"{}\"", i % 2))),
    "zipmap": |n| format!("zipmap([{0}], [{0}])", listed(n, |i| format!("\"k{i}\""))),
    "matchkeys": |n| format!("matchkeys([{0}], [{0}], [\"1\"])", listed(n, |i| format!("\"{i}\""))),
    "transpose": |n| format!("transpose({{ {} }})", listed(n, |i| format!("k{i} = [\"a\"]"))),
    "join": |n| format!("join(\",\", [{}])", listed(n, |i| i.to_string())),
    "split": |n| format!("split(\",\", \"{}\")", ",".repeat(n)),
    "replace": |n| format!("replace(\"{}\", \"a\", \"bb\")", "a".repeat(n)),
    "replace by a pattern": |n| format!("replace(\"{}\", \"/a/\", \"bb\")", "a".repeat(n)),
    "regexall": |n| format!("regexall(\"a\", \"{}\")", "a".repeat(n)),
    "format": |n| format!("format(\"{}\", {})", "%s".repeat(n), listed(n, |i| i.to_string())),
    "formatlist": |n| format!("formatlist(\"%s\", [{}])", listed(n, |i| i.to_string())),
    "trim": |n| format!("trim(\"{}\", \"a\")", "a".repeat(n)),
    "title": |n| format!("title(\"{}\")", "a b ".repeat(n)),
    "indent": |n| format!("indent(2, \"{}\")", "a\\n".repeat(n)),
    "substr": |n| format!("substr(\"{}\", -1, 1)", "é".repeat(n)),
    "strrev": |n| format!("strrev(\"{}\")", "é".repeat(n)),
    "jsonencode": |n| format!("jsonencode([{}])", listed(n, |i| format!("{{ a = {i} }}"))),
    "jsondecode": |n| format!("jsondecode(\"[{}]\")", listed(n, |i| i.to_string())),
    "jsondecode of an object": |n| format!("jsondecode(\"{{{}}}\")", listed(n, |i| format!("\\\"k{i}\\\": 1"))),
    "yamlencode": |n| format!("yamlencode([{}])", listed(n, |i| format!("{{ a = {i} }}"))),
    "yamldecode": |n| format!("yamldecode(\"{}\")", numbered(n, |i| format!("k{i}: {i}\\n"))),
    "yamldecode of a list": |n| format!("yamldecode(\"[{}]\")", listed(n, |i| i.to_string())),
    "csvdecode": |n| format!("csvdecode(\"a,b\\n{}\")", "1,2\\n".repeat(n)),
    "csvdecode of many columns": |n| format!("csvdecode(\"{}\\n{}\\n\")", listed(n, |i| format!("c{i}")), listed(n, |i| i.to_string())),
    "encode_tfvars": |n| format!("provider::terraform::encode_tfvars({{ {} }})", listed(n, |i| format!("k{i} = {i}"))),
    "decode_tfvars": |n| format!("provider::terraform::decode_tfvars(\"{}\")", numbered(n, |i| format!("k{i} = {i}\\n"))),
    "coalesce": |n| format!("coalesce({}, 1)", listed(n, |_| "null".to_owned())),
    "max": |n| format!("max({})", listed(n, |i| i.to_string())),
    "sum": |n| format!("sum([{}])", listed(n, |i| i.to_string())),
    "chunklist": |n| format!("chunklist([{}], 2)", listed(n, |i| i.to_string())),
    "lists that are equal": |n| format!("[{0}] == [{0}]", listed(n, |i| i.to_string())),
    "sets that are equal": |n| format!("toset([{0}]) == toset([{0}])", listed(n, |i| i.to_string())),
    "objects of many types in a list": |n| format!("[{}][*]", listed(n, |i| format!("{{ k{i} = 1 }}"))),
    "tomap of objects": |n| format!("tomap({{ {} }})", listed(n, |i| format!("k{i} = {{ a = {i} }}"))),
    "try": |n| format!("try({}, 1)", listed(n, |_| "tonumber(\"x\")".to_owned())),
    "a conditional of long types": |n| format!("var.b ? {{ {0} }} : {{ {0} }}", listed(n, |i| format!("k{i} = {i}"))),
];

const CONFIGURATIONS: &[Shape] = shapes![crate::load;
    "variables": |n| numbered(n, |i| format!("variable \"v{i}\" {{\n  type = list(string)\n}}\n")),
    "one variable often": |n| "variable \"v\" {\n}\n".repeat(n),
    "locals of locals": |n| format!("locals {{\n  l0 = 1\n{}}}\n", numbered(n, |i| format!("  l{} = local.l{i}\n", i + 1))),
    "locals in a circle": |n| format!("locals {{\n{}}}\n", numbered(n, |i| format!("  l{i} = local.l{}\n", (i + 1) % n))),
    "resources of resources": |n| numbered(n, |i| format!(
        "resource \"test_thing\" \"r{i}\" {{\n  name = {}\n}}\n",
        if i == 0 { "\"a\"".to_owned() } else { format!("test_thing.r{}.name", i - 1) }
    )),
    "one resource often": |n| "resource \"test_thing\" \"r\" {\n  name = \"a\"\n}\n".repeat(n),
    "outputs": |n| numbered(n, |i| format!("output \"o{i}\" {{\n  value = {i}\n}}\n")),
    "names that are not declared": |n| format!("locals {{\n{}}}\n", numbered(n, |i| format!("  l{i} = local.m{i}\n"))),
    "types that there are not": |n| numbered(n, |i| format!("resource \"test_thong\" \"r{i}\" {{\n}}\n")),
    "arguments that there are not": |n| format!(
        "resource \"test_thing\" \"r\" {{\n  name = \"a\"\n{}}}\n",
        numbered(n, |i| format!("  name{i} = 1\n"))
    ),
    "blocks that there are not": |n| "resourc \"a\" \"b\" {\n}\n".repeat(n),
    "nested blocks": |n| format!(
        "resource \"test_thing\" \"r\" {{\n  name = \"a\"\n  list {{\n{}  }}\n}}\n",
        "    inner {\n      key = \"k\"\n    }\n".repeat(n)
    ),
    "dynamic blocks": |n| format!(
        "resource \"test_thing\" \"r\" {{\n  name = \"a\"\n  list {{\n{}  }}\n}}\n",
        "    dynamic \"inner\" {\n      for_each = [1]\n      content {\n        key = \"k\"\n      }\n    }\n".repeat(n)
    ),
    "depends_on": |n| format!(
        "resource \"test_thing\" \"r\" {{\n  name = \"a\"\n}}\nresource \"test_thing\" \"s\" {{\n  name = \"a\"\n  depends_on = [{}]\n}}\n",
        "test_thing.r, ".repeat(n)
    ),
    "moved": |n| numbered(n, |i| format!("moved {{\n  from = test_thing.a{i}\n  to = test_thing.a{}\n}}\n", i + 1)),
    "removed": |n| numbered(n, |i| format!("removed {{\n  from = test_thing.a{i}\n}}\n")),
    "imports": |n| format!("resource \"test_thing\" \"r\" {{\n  name = \"a\"\n}}\n{}", "import {\n  to = test_thing.r\n  id = \"a\"\n}\n".repeat(n)),
    "provider aliases": |n| numbered(n, |i| format!("provider \"test\" {{\n  alias = \"a{i}\"\n}}\n")),
    "checks": |n| numbered(n, |i| format!("check \"c{i}\" {{\n  assert {{\n    condition = true\n    error_message = \"No.\"\n  }}\n}}\n")),
    "module calls": |n| format!(
        "{}#### m/main.tf\nvariable \"a\" {{}}\n",
        numbered(n, |i| format!("module \"m{i}\" {{\n  source = \"./m\"\n  a = {i}\n}}\n"))
    ),
    "module calls with outputs that there are not": |n| format!(
        "module \"m\" {{\n  source = \"./m\"\n}}\nlocals {{\n{}}}\n#### m/main.tf\n{}",
        numbered(n, |i| format!("  l{i} = module.m.p{i}\n")),
        numbered(n, |i| format!("output \"o{i}\" {{\n  value = 1\n}}\n"))
    ),
    "files": |n| numbered(n, |i| format!("#### f{i}.tf\nlocals {{\n  l{i} = 1\n}}\n")),
    "an override file": |n| format!(
        "locals {{\n{0}}}\n#### override.tf\nlocals {{\n{0}}}\n",
        numbered(n, |i| format!("  l{i} = 1\n"))
    ),
    "resources in JSON": |n| format!(
        "#### r.tf.json\n{{\"resource\":{{\"test_thing\":{{{}}}}}}}",
        listed(n, |i| format!("\"r{i}\":{{\"name\":\"a${{1}}\"}}"))
    ),
    "unknown properties in JSON": |n| format!("#### r.tf.json\n{{{}}}", listed(n, |i| format!("\"r{i}\":1"))),
    "a long type": |n| format!(
        "variable \"v\" {{\n  type = object({{ {} }})\n  default = {{ {} }}\n}}\n",
        listed(n, |i| format!("k{i} = optional(string, \"x\")")),
        listed(n, |i| format!("k{i} = {i}"))
    ),
];

const VARIABLES: &[Shape] = shapes![crate::tfvars;
    "values of no variable": |n| numbered(n, |i| format!("v{i} = 1\n")),
    "a long value": |n| format!("m = {{\n{}}}\n", numbered(n, |i| format!("k{i} = {{ b = [1] }}\n"))),
    "a long list of a variable": |n| format!("l = [{}]\n", listed(n, |i| i.to_string())),
    "one value often": |n| "n = 1\n".repeat(n),
];
