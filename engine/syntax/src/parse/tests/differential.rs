//! The same texts read by hcl-edit, another parser of the language: both must accept the same and read the same. Where hcl-edit
//! is known to differ from Terraform, that is listed.

use hcl_edit::expr::{Expression, ForExpr, ObjectKey as Key, TraversalOperator, UnaryOperator};
use hcl_edit::structure::{Body, Structure};
use hcl_edit::template::{Directive, Element, Template};

use super::{file, rendered};
use crate::ast;

/// Valid texts that cover the grammar.
const TEXTS: &[&str] = &[
    "a = 1\nb = -1.5e3\nc = true\nd = null\ne = \"s\"\n",
    "locals {\n  a = 1 + 2 * 3 - 4 / 5 % 6\n  b = !a && b || c == d != e\n  c = a < b ? c >= d ? 1 : 2 : 3 <= 4\n}\n",
    "resource \"a\" b {\n  x = { a = 1, \"b\" = 2, (c) = 3\n    d : 4 }\n  y = [1, [2, 3], ]\n  z {}\n  w { v = 1 }\n}\n",
    "a = b.c[0][\"d\"][e].f\ng = h[*].i[0].j\nk = l.*.m\nn = o.0.p\nq = (r).s\nt = u(v)[0].w\n",
    "a = f()\nb = f(1, 2)\nc = f([1]...)\nd = provider::x::y(1,)\ne = f(\n  1,\n  2\n)\n",
    "a = [for x in y : x]\nb = [for k, v in y : k if v]\nc = {for k, v in y : k => v}\nd = {for k, v in y : k => v... if k != 1}\n",
    "a = \"x${b}y${\"z${c}\"}\"\nd = \"%{ if a }b%{ else }c%{ endif }\"\ne = \"%{ for i, x in y }${x}%{ endfor }\"\n",
    "a = \"\\n\\t\\\"\\\\ \\u00e9 $${x} %%{y} $ %\"\n",
    "a = <<EOT\nhello ${b}\n  \"world\" \\n $${c}\nEOT\n\nd = <<-E\n    one\n      two\n    E\n",
    "a = <<E\nE x\n E\n",
    "# a\nb = 1 // c\n/* d\n e */ f = 2 /* g */\nh {\n  # i\n}\n# j",
    "a = { b.c = d.e }\n",
    "a = (\n  1\n  + 2\n)\nb = [\n  1 # c\n  ,\n]\nd = {\n\n  e = 1 # f\n\n  g = 2,\n}\n",
    "été = größe-2.日本\n",
    "terraform {\n  required_providers {\n    gitlab = {\n      source  = \"x/gitlab\"\n      version = \">= 1\"\n    }\n  }\n}\n",
    "variable \"x\" {\n  type = object({\n    a = optional(list(string), [])\n    b = map(any)\n  })\n  default = {}\n  validation {\n    condition     = can(regex(\"^[a-z]+$\", var.x))\n    error_message = \"No: ${var.x}.\"\n  }\n}\n",
    "a = -b.c\nd = !e[0]\nf = - 1\ng = !(h)\n",
    "a \"b c\" \"\" {\n}\n",
    "\u{e9} = 1\r\nb {\r\n  c = 2\r\n}\r\n",
];

/// Texts that neither accepts.
const WRONG: &[&str] = &[
    "a = \n",
    "a = [1 2]\n",
    "a = {b = 1 c = 2}\n",
    "a = (1\n",
    "a = f(1 2)\n",
    "a 1\n",
    "a = 'b'\n",
    "a = \"b\n",
    "a {\n",
    "}\n",
    "a = 1 b = 2\n",
    "a = 1, b = 2\n",
    "a = \"\\q\"\n",
    "a = \"${b\"\n",
    "a = \"%{ if b }\"\n",
    "a = \"%{ endif }\"\n",
    "a = b.\n",
    "a = b[\n",
    "a = 1 +\n",
    "a = [for x in y]\n",
    "a = {for x in y : x}\n",
    "a {} b {}\n",
    "a { b = 1\n c = 2 }\n",
    "a = <<E\nb\n",
    "a = 1\na = 2\n",
    "a = b ? c\n",
    "a = f(b..., c)\n",
    "a = @\n",
    "\"a\" = 1\n",
];

/// What hcl-edit 0.10 does otherwise than Terraform, and this parser as Terraform: text, and whether it is valid.
const DIFFERENT: &[(&str, bool)] = &[
    ("a = \"%{ if b ||\n c }d%{ endif }\"\n", true),
    ("a = \"b\nc\"\n", false),
    ("a = { b = 1, b = 2 }\n", true),
    ("\u{feff}a = 1\n", true),
    ("a = 1e500\n", true),
    ("a = b.0.1\n", false),
    ("a = b.99999999999999999999\n", true),
];

fn other(text: &str) -> Option<String> {
    text.parse::<Body>().ok().map(|body| other_body(&body))
}

#[test]
fn the_same_is_read() {
    for text in TEXTS {
        let (sources, body, diagnostics) = file(text);
        assert!(diagnostics.is_empty(), "{text}{}", rendered(&sources, &diagnostics));
        let other = other(text).unwrap_or_else(|| panic!("hcl-edit refuses {text}"));
        assert_eq!(our_body(&body), other, "{text}");
    }
}

#[test]
fn the_same_is_refused() {
    for text in WRONG {
        assert!(file(text).2.has_errors(), "{text}");
        assert!(other(text).is_none(), "{text}");
    }
}

#[test]
fn known_differences() {
    for (text, valid) in DIFFERENT {
        assert_eq!(file(text).2.is_empty(), *valid, "{text}");
        assert_eq!(other(text).is_some(), !valid, "hcl-edit has changed: move to the texts above: {text}");
    }
}

/// Every prefix of a valid text is accepted or refused by both.
#[test]
fn prefixes() {
    // Where a prefix ends in a heredoc or a string, the known differences show.
    for text in TEXTS.iter().filter(|t| !t.contains("<<") && !t.contains('"')) {
        for (end, _) in text.char_indices() {
            let prefix = &text[..end];
            let ours = !file(prefix).2.has_errors();
            assert_eq!(ours, other(prefix).is_some(), "{prefix:?}");
        }
    }
}

/// What hcl-edit reads otherwise than Terraform, wherever it stands in a text: the reason, and whether it is there.
type Known = (&'static str, fn(&str) -> bool);

const KNOWN: &[Known] = &[
    ("directives: escapes and indents in them", |t| t.contains("%{")),
    ("heredocs: indents, a line that begins with their name, carriage returns", |t| t.contains("<<")),
    ("a byte-order mark", |t| t.starts_with('\u{feff}')),
    ("a line feed in a string", |t| t.contains('"') && file(t).2.has_errors()),
    ("composed characters", |t| t != unicode_normalization::UnicodeNormalization::nfc(t).collect::<String>()),
    ("legacy indexes and fractions", has_legacy_index),
    ("numbers of many digits", |t| t.contains(['e', 'E']) && has_exponent(t) || has_long_number(t)),
    ("a key that is given twice in an object", has_repeated_key),
];

fn has_legacy_index(text: &str) -> bool {
    text.split('.').skip(1).any(|after| after.trim_start().starts_with(|c: char| c.is_ascii_digit()))
}

fn has_repeated_key(text: &str) -> bool {
    let mut keys: Vec<&str> = text
        .split(['=', ':'])
        .filter_map(|before| before.trim_end().rsplit(['{', ',', '\n', ' ', '(']).next())
        .collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    text.contains('{') && keys.len() < all
}

fn has_exponent(text: &str) -> bool {
    text.as_bytes().windows(2).any(|w| w[0].is_ascii_digit() && matches!(w[1], b'e' | b'E'))
}

fn has_long_number(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').any(|digits| digits.len() > 15)
}

/// Every text of the fuzz targets' corpus, of the examples and of the blueprints that both accept is read the same, and what one
/// refuses has something in it that is known.
#[test]
fn the_corpora_are_read_alike() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = Vec::new();
    for folder in ["fuzz/corpus/parse", "fuzz/corpus/format", "fuzz/corpus/load", "examples", "blueprints"] {
        gather(&root.join(folder), &mut texts);
    }
    assert!(texts.len() > 500, "{} texts", texts.len());
    let (mut same, mut wrong) = (0, Vec::new());
    for text in &texts {
        let (_, body, diagnostics) = file(text);
        let ours = (!diagnostics.has_errors()).then(|| our_body(&body));
        let theirs = other(text);
        if ours == theirs {
            same += usize::from(ours.is_some());
        } else if !KNOWN.iter().any(|(_, is_in)| is_in(text)) {
            wrong.push(format!("{text:?}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(same > 100, "only {same} are valid");
}

fn gather(path: &std::path::Path, texts: &mut Vec<String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a readable folder").flatten() {
            gather(&entry.path(), texts);
        }
    } else if path.extension().is_none_or(|e| e == "hcl")
        && let Ok(text) = std::fs::read_to_string(path)
    {
        texts.push(text);
    }
}

// Both trees in one notation, in which steps of traversals and splats are just strung together.

fn joined(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(" ")
}

fn our_body(body: &ast::Body) -> String {
    let attributes =
        body.attributes.iter().map(|a| (a.span.start, format!("{} = {}", a.name.text, ours(&a.expr))));
    let blocks = body.blocks.iter().map(|b| {
        let labels = joined(b.labels.iter().map(|l| format!("{:?}", l.text)));
        (b.span.start, format!("{} {labels} {{ {} }}", b.kind.text, our_body(&b.body)))
    });
    let mut items: Vec<(u32, String)> = attributes.chain(blocks).collect();
    items.sort();
    joined(items.into_iter().map(|(_, text)| text))
}

fn ours(e: &ast::Expr) -> String {
    use ast::ExprKind as K;
    match &e.kind {
        K::Literal(_) | K::Invalid => super::show::expr(e),
        K::Template(t) => format!("\"{}\"", our_parts(&t.parts)),
        K::Tuple(items) => format!("[{}]", joined(items.iter().map(ours))),
        K::Object(items) => format!(
            "{{{}}}",
            joined(items.iter().map(|i| match &i.key {
                ast::ObjectKey::Name(name) => format!("{}={}", name.text, ours(&i.value)),
                ast::ObjectKey::Expr(key) => format!("<{}>={}", ours(key), ours(&i.value)),
            }))
        ),
        K::Traversal(t) => format!("{}{}", t.root.text, our_steps(&t.steps)),
        K::RelativeTraversal(base, steps) => format!("{}{}", ours(base), our_steps(steps)),
        K::Index(parts) => format!("{}[{}]", ours(&parts[0]), ours(&parts[1])),
        K::Splat(s) => format!("{}{}{}", ours(&s.source), marker(s.full), our_splat(&s.each)),
        K::Call(c) => {
            let expand = if c.expand { "..." } else { "" };
            format!("{}({}{expand})", c.name.join("::"), joined(c.args.iter().map(ours)))
        }
        K::Conditional(c) => format!("({} ? {} : {})", ours(&c[0]), ours(&c[1]), ours(&c[2])),
        K::Binary(op, sides) => format!("({} {op:?} {})", ours(&sides[0]), ours(&sides[1])),
        K::Unary(ast::UnaryOp::Negate, operand) => format!("(-{})", ours(operand)),
        K::Unary(ast::UnaryOp::Not, operand) => format!("(!{})", ours(operand)),
        K::For(f) => format!(
            "(for {:?} {} in {} : {:?} {} {} {:?})",
            f.key.as_ref().map(|k| k.text.to_string()),
            f.value.text,
            ours(&f.collection),
            f.result_key.as_ref().map(ours),
            ours(&f.result),
            f.group,
            f.condition.as_ref().map(ours)
        ),
        K::Parens(inner) => format!("({})", ours(inner)),
    }
}

fn marker(full: bool) -> &'static str {
    if full { "[*]" } else { ".*" }
}

fn our_steps(steps: &[ast::TraversalStep]) -> String {
    let show = |s: &ast::TraversalStep| match s {
        ast::TraversalStep::Attribute(name) => format!(".{}", name.text),
        ast::TraversalStep::Index(key, _) => match key.as_str() {
            Some(text) => format!("[\"{text:?}\"]"),
            None => format!("[{}]", key.as_number().expect("a number")),
        },
    };
    steps.iter().map(show).collect()
}

fn our_splat(steps: &[ast::SplatStep]) -> String {
    let show = |s: &ast::SplatStep| match s {
        ast::SplatStep::Literal(step) => our_steps(std::slice::from_ref(step)),
        ast::SplatStep::Index(key) => format!("[{}]", ours(key)),
        ast::SplatStep::Splat { full, each, .. } => format!("{}{}", marker(*full), our_splat(each)),
    };
    steps.iter().map(show).collect()
}

fn our_parts(parts: &[ast::TemplatePart]) -> String {
    joined(parts.iter().map(|part| match part {
        ast::TemplatePart::Literal(text) => format!("{text:?}"),
        ast::TemplatePart::Interpolation(e) => format!("${{{}}}", ours(e)),
        ast::TemplatePart::If(i) => {
            format!("(if {} {} else {})", ours(&i.condition), our_parts(&i.then), our_parts(&i.otherwise))
        }
        ast::TemplatePart::For(f) => {
            let key = f.key.as_ref().map(|k| k.text.to_string());
            format!("(for {key:?} {} {} {})", f.value.text, ours(&f.collection), our_parts(&f.body))
        }
    }))
}

fn other_body(body: &Body) -> String {
    joined(body.iter().map(|structure| match structure {
        Structure::Attribute(a) => format!("{} = {}", a.key.as_str(), theirs(&a.value)),
        Structure::Block(b) => {
            let labels = joined(b.labels.iter().map(|l| format!("{:?}", l.as_str())));
            format!("{} {labels} {{ {} }}", b.ident.as_str(), other_body(&b.body))
        }
    }))
}

fn theirs(e: &Expression) -> String {
    match e {
        Expression::Null(_) => "null".to_owned(),
        Expression::Bool(b) => b.value().to_string(),
        // It folds the sign into the number.
        Expression::Number(n) => match n.value().to_string().strip_prefix('-') {
            Some(positive) => format!("(-{positive})"),
            None => n.value().to_string(),
        },
        Expression::String(s) if s.value().is_empty() => "\"\"".to_owned(),
        Expression::String(s) => format!("\"{:?}\"", s.value()),
        Expression::Array(items) => format!("[{}]", joined(items.iter().map(theirs))),
        Expression::Object(items) => format!(
            "{{{}}}",
            joined(items.iter().map(|(key, value)| match key {
                Key::Ident(name) => format!("{}={}", name.as_str(), theirs(value.expr())),
                Key::Expression(key) => format!("<{}>={}", theirs(key), theirs(value.expr())),
            }))
        ),
        Expression::StringTemplate(t) => {
            format!("\"{}\"", joined(t.iter().map(element)))
        }
        Expression::HeredocTemplate(t) => format!("\"{}\"", template(&t.template)),
        Expression::Parenthesis(p) => format!("({})", theirs(p.inner())),
        Expression::Variable(name) => name.as_str().to_owned(),
        Expression::Conditional(c) => {
            format!("({} ? {} : {})", theirs(&c.cond_expr), theirs(&c.true_expr), theirs(&c.false_expr))
        }
        Expression::FuncCall(c) => {
            let names = c.name.namespace.iter().map(|n| n.as_str()).chain([c.name.name.as_str()]);
            let expand = if c.args.expand_final() { "..." } else { "" };
            let name = names.collect::<Vec<_>>().join("::");
            format!("{name}({}{expand})", joined(c.args.iter().map(theirs)))
        }
        Expression::Traversal(t) => {
            let steps: String = t.operators.iter().map(|o| operator(o.value())).collect();
            format!("{}{steps}", theirs(&t.expr))
        }
        Expression::UnaryOp(u) => {
            let sign = if *u.operator.value() == UnaryOperator::Neg { "-" } else { "!" };
            format!("({sign}{})", theirs(&u.expr))
        }
        Expression::BinaryOp(b) => {
            format!("({} {} {})", theirs(&b.lhs_expr), binary(b.operator.value()), theirs(&b.rhs_expr))
        }
        Expression::ForExpr(f) => for_expr(f),
    }
}

fn binary(op: &hcl_edit::expr::BinaryOperator) -> String {
    use hcl_edit::expr::BinaryOperator as B;
    let op = match op {
        B::Eq => ast::BinaryOp::Eq,
        B::NotEq => ast::BinaryOp::NotEq,
        B::LessEq => ast::BinaryOp::LessEq,
        B::GreaterEq => ast::BinaryOp::GreaterEq,
        B::Less => ast::BinaryOp::Less,
        B::Greater => ast::BinaryOp::Greater,
        B::Plus => ast::BinaryOp::Add,
        B::Minus => ast::BinaryOp::Sub,
        B::Mul => ast::BinaryOp::Mul,
        B::Div => ast::BinaryOp::Div,
        B::Mod => ast::BinaryOp::Mod,
        B::And => ast::BinaryOp::And,
        B::Or => ast::BinaryOp::Or,
    };
    format!("{op:?}")
}

fn for_expr(f: &ForExpr) -> String {
    format!(
        "(for {:?} {} in {} : {:?} {} {} {:?})",
        f.intro.key_var.as_ref().map(|k| k.as_str().to_owned()),
        f.intro.value_var.as_str(),
        theirs(&f.intro.collection_expr),
        f.key_expr.as_ref().map(theirs),
        theirs(&f.value_expr),
        f.grouping,
        f.cond.as_ref().map(|c| theirs(&c.expr))
    )
}

fn operator(op: &TraversalOperator) -> String {
    match op {
        TraversalOperator::AttrSplat(_) => ".*".to_owned(),
        TraversalOperator::FullSplat(_) => "[*]".to_owned(),
        TraversalOperator::GetAttr(name) => format!(".{}", name.as_str()),
        TraversalOperator::Index(key) => format!("[{}]", theirs(key)),
        TraversalOperator::LegacyIndex(n) => format!("[{}]", n.value()),
    }
}

fn template(t: &Template) -> String {
    joined(t.iter().map(element))
}

fn element(e: &Element) -> String {
    match e {
        Element::Literal(text) => format!("{:?}", text.as_str()),
        Element::Interpolation(i) => format!("${{{}}}", theirs(&i.expr)),
        Element::Directive(d) => match d.as_ref() {
            Directive::If(i) => {
                let otherwise = i.else_expr.as_ref().map(|e| template(&e.template)).unwrap_or_default();
                format!(
                    "(if {} {} else {otherwise})",
                    theirs(&i.if_expr.cond_expr),
                    template(&i.if_expr.template)
                )
            }
            Directive::For(f) => {
                let f = &f.for_expr;
                let key = f.key_var.as_ref().map(|k| k.as_str().to_owned());
                let (value, collection) = (f.value_var.as_str(), theirs(&f.collection_expr));
                format!("(for {key:?} {value} {collection} {})", template(&f.template))
            }
        },
    }
}
