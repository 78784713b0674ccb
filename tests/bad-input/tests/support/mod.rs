//! Expressions made to a plan: as text, and as the AST that this text must be read as.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use pilotis_diag::{FileId, SourceMap, Span};
use pilotis_syntax::ast::*;
use pilotis_syntax::write;
use pilotis_value::Value;
use proptest::prelude::*;

const NOWHERE: Span = Span { file: FileId(0), start: 0, end: 0 };

/// An expression.
#[derive(Clone, Debug)]
pub enum Made {
    Number(u32),
    Bool(bool),
    Null,
    Text(Vec<Part>),
    /// A name and its steps.
    Name(&'static str, Vec<Step>),
    Tuple(Vec<Made>),
    /// Keys are different names.
    Object(Vec<(&'static str, Made)>),
    Call(&'static str, Vec<Made>, bool),
    Conditional(Box<[Made; 3]>),
    Binary(BinaryOp, Box<[Made; 2]>),
    Unary(UnaryOp, Box<Made>),
    Index(&'static str, Box<Made>),
    Relative(Box<Made>, Vec<Step>),
    Splat(Box<Made>, bool, Vec<Step>),
    /// `[for x in a : b if c]`, with `k, ` and `k => ` if it makes an object.
    For(Box<[Made; 3]>, bool, bool),
}

/// A part of a template.
#[derive(Clone, Debug)]
pub enum Part {
    Literal(String),
    Interpolation(Made),
    If(Made, String, String),
}

/// A literal step.
#[derive(Clone, Debug)]
pub enum Step {
    Attribute(&'static str),
    Number(u32),
    Key(String),
}

fn ident(text: &str) -> Ident {
    Ident { text: text.into(), span: NOWHERE }
}

fn at(kind: ExprKind) -> Expr {
    Expr { kind, span: NOWHERE }
}

/// Loosest first, as in the language.
fn binds(op: BinaryOp) -> u8 {
    use BinaryOp as B;
    match op {
        B::Or => 1,
        B::And => 2,
        B::Eq | B::NotEq => 3,
        B::Less | B::LessEq | B::Greater | B::GreaterEq => 4,
        B::Add | B::Sub => 5,
        B::Mul | B::Div | B::Mod => 6,
    }
}

fn sign(op: BinaryOp) -> &'static str {
    use BinaryOp as B;
    match op {
        B::Or => "||",
        B::And => "&&",
        B::Eq => "==",
        B::NotEq => "!=",
        B::Less => "<",
        B::LessEq => "<=",
        B::Greater => ">",
        B::GreaterEq => ">=",
        B::Add => "+",
        B::Sub => "-",
        B::Mul => "*",
        B::Div => "/",
        B::Mod => "%",
    }
}

impl Made {
    /// How tightly it holds together: what is looser than its place needs parentheses there.
    fn tightness(&self) -> u8 {
        match self {
            Made::Conditional(_) => 0,
            Made::Binary(op, _) => binds(*op),
            Made::Unary(..) => 7,
            _ => 8,
        }
    }

    fn inside(&self, needed: u8, gap: &str) -> String {
        let text = self.text(gap);
        if self.tightness() < needed { format!("({text})") } else { text }
    }

    /// As text, with `gap` where a space may stand.
    pub fn text(&self, gap: &str) -> String {
        let list =
            |items: &[Made]| items.iter().map(|i| i.text(gap)).collect::<Vec<_>>().join(&format!(",{gap}"));
        match self {
            Made::Number(n) => n.to_string(),
            Made::Bool(b) => b.to_string(),
            Made::Null => "null".to_owned(),
            Made::Text(parts) => format!("\"{}\"", parts.iter().map(|p| p.text(gap)).collect::<String>()),
            Made::Name(name, steps) => format!("{name}{}", steps_text(steps)),
            Made::Tuple(items) => format!("[{gap}{}{gap}]", list(items)),
            Made::Object(items) => {
                // A line feed ends an item.
                let gap = if gap.contains('\n') { " " } else { gap };
                let item = |(k, v): &(&str, Made)| format!("{k}{gap}={gap}{}", v.text(gap));
                format!(
                    "{{{gap}{}{gap}}}",
                    items.iter().map(item).collect::<Vec<_>>().join(&format!(",{gap}"))
                )
            }
            Made::Call(name, args, expand) => {
                format!("{name}({}{})", list(args), if *expand { "..." } else { "" })
            }
            Made::Conditional(c) => {
                format!("{}{gap}?{gap}{}{gap}:{gap}{}", c[0].inside(1, gap), c[1].text(gap), c[2].text(gap))
            }
            Made::Binary(op, sides) => {
                // Spaces, as `a -b` in a list may not be what it looks like.
                let level = binds(*op);
                format!("{} {} {}", sides[0].inside(level, gap), sign(*op), sides[1].inside(level + 1, gap))
            }
            Made::Unary(UnaryOp::Negate, e) => format!("-{}", e.inside(8, gap)),
            Made::Unary(UnaryOp::Not, e) => format!("!{}", e.inside(8, gap)),
            Made::Index(name, key) => format!("{name}[{}]", key.text(gap)),
            Made::Relative(base, steps) => format!("({}){}", base.text(gap), steps_text(steps)),
            Made::Splat(base, full, steps) => {
                format!("({}){}{}", base.text(gap), if *full { "[*]" } else { ".*" }, steps_text(steps))
            }
            Made::For(f, object, filtered) => {
                let (open, names, key, close) =
                    if *object { ("{", "k, x", "tostring(k) => ", "}") } else { ("[", "x", "", "]") };
                let filter = if *filtered { format!(" if {}", f[2].text(gap)) } else { String::new() };
                format!(
                    "{open}for {names} in {}{gap}:{gap}{key}{}{filter}{close}",
                    f[0].text(gap),
                    f[1].text(gap)
                )
            }
        }
    }

    /// The AST, without places and parentheses.
    pub fn expr(&self) -> Expr {
        let list = |items: &[Made]| items.iter().map(Made::expr).collect::<Vec<_>>();
        at(match self {
            Made::Number(n) => ExprKind::Literal(Value::number(i64::from(*n))),
            Made::Bool(b) => ExprKind::Literal(Value::bool(*b)),
            Made::Null => ExprKind::Literal(Value::null(pilotis_value::Type::Dynamic)),
            Made::Text(parts) => return template(parts),
            Made::Name(name, steps) => ExprKind::Traversal(Box::new(Traversal {
                root: ident(name),
                steps: steps.iter().map(Step::step).collect(),
                span: NOWHERE,
            })),
            Made::Tuple(items) => ExprKind::Tuple(list(items)),
            Made::Object(items) => ExprKind::Object(
                items
                    .iter()
                    .map(|(k, v)| ObjectItem { key: ObjectKey::Name(ident(k)), value: v.expr() })
                    .collect(),
            ),
            Made::Call(name, args, expand) => ExprKind::Call(Box::new(Call {
                name: vec![(*name).into()],
                name_span: NOWHERE,
                args: list(args),
                expand: *expand,
            })),
            Made::Conditional(c) => ExprKind::Conditional(Box::new([c[0].expr(), c[1].expr(), c[2].expr()])),
            Made::Binary(op, s) => ExprKind::Binary(*op, Box::new([s[0].expr(), s[1].expr()])),
            Made::Unary(op, e) => ExprKind::Unary(*op, Box::new(e.expr())),
            Made::Index(name, key) => {
                ExprKind::Index(Box::new([Made::Name(name, Vec::new()).expr(), key.expr()]))
            }
            Made::Relative(base, steps) => {
                ExprKind::RelativeTraversal(Box::new(base.expr()), steps.iter().map(Step::step).collect())
            }
            Made::Splat(base, full, steps) => ExprKind::Splat(Box::new(Splat {
                source: base.expr(),
                each: steps.iter().map(|s| SplatStep::Literal(s.step())).collect(),
                full: *full,
                marker: NOWHERE,
            })),
            Made::For(f, object, filtered) => ExprKind::For(Box::new(For {
                key: object.then(|| ident("k")),
                value: ident("x"),
                collection: f[0].expr(),
                result_key: object
                    .then(|| Made::Call("tostring", vec![Made::Name("k", Vec::new())], false).expr()),
                result: f[1].expr(),
                group: false,
                condition: filtered.then(|| f[2].expr()),
            })),
        })
    }
}

fn steps_text(steps: &[Step]) -> String {
    let text = |s: &Step| match s {
        Step::Attribute(name) => format!(".{name}"),
        Step::Number(n) => format!("[{n}]"),
        Step::Key(key) => format!("[{}]", write::quoted(key)),
    };
    steps.iter().map(text).collect()
}

impl Step {
    fn step(&self) -> TraversalStep {
        match self {
            Step::Attribute(name) => TraversalStep::Attribute(ident(name)),
            Step::Number(n) => TraversalStep::Index(Value::number(i64::from(*n)), NOWHERE),
            Step::Key(key) => TraversalStep::Index(Value::string(key), NOWHERE),
        }
    }
}

fn escaped(text: &str) -> String {
    let quoted = write::quoted(text);
    quoted[1..quoted.len() - 1].to_owned()
}

impl Part {
    fn text(&self, gap: &str) -> String {
        match self {
            Part::Literal(text) => escaped(text),
            Part::Interpolation(e) => format!("${{{gap}{}{gap}}}", e.text(gap)),
            Part::If(c, then, otherwise) => format!(
                "%{{{gap}if {}{gap}}}{}%{{ else }}{}%{{ endif }}",
                c.text(gap),
                escaped(then),
                escaped(otherwise)
            ),
        }
    }
}

/// One interpolation and nothing else is what is in it; literals side by side are one.
fn template(parts: &[Part]) -> Expr {
    if let [Part::Interpolation(e)] = parts {
        return e.expr();
    }
    let literal = |text: &str| match text {
        "" => Vec::new(),
        text => vec![TemplatePart::Literal(Value::string(text).as_str().unwrap_or_default().into())],
    };
    let parts = parts.iter().flat_map(|p| match p {
        Part::Literal(text) => literal(text),
        Part::Interpolation(e) => vec![TemplatePart::Interpolation(Box::new(e.expr()))],
        Part::If(c, then, otherwise) => vec![TemplatePart::If(Box::new(TemplateIf {
            condition: c.expr(),
            then: literal(then).into(),
            otherwise: literal(otherwise).into(),
            span: NOWHERE,
        }))],
    });
    at(ExprKind::Template(Template { parts: parts.collect(), heredoc: false }))
}

/// The AST of a text, without places and parentheses.
pub fn read(text: &str) -> Expr {
    let mut sources = SourceMap::default();
    let file = sources.add("made.hcl", text);
    let (expr, diagnostics) = pilotis_syntax::parse_expression(&sources, file);
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    pilotis_bad_input::meaning::bare(expr)
}

const NAMES: &[&str] = &["a", "var", "local", "each", "été", "b-c", "_x1"];
const KEYS: &[&str] = &["a", "b", "c", "d", "e"];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES)
}

fn words() -> impl Strategy<Value = String> {
    // Begins with a letter: two accents in a row, or a `$` before `${`, are another test's.
    "[a-z]([a-z \"\\\\é日😀\n\t{}~]|\\$x|\\$\\{|%\\{|%y){0,6}[a-z]"
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        prop::sample::select(KEYS).prop_map(Step::Attribute),
        (0..9u32).prop_map(Step::Number),
        words().prop_map(Step::Key),
    ];
    prop::collection::vec(step, 0..3)
}

fn operator() -> impl Strategy<Value = BinaryOp> {
    use BinaryOp as B;
    let all = [
        B::Add,
        B::Sub,
        B::Mul,
        B::Div,
        B::Mod,
        B::Eq,
        B::NotEq,
        B::Less,
        B::LessEq,
        B::Greater,
        B::GreaterEq,
    ];
    prop::sample::select(all.to_vec())
}

/// `&&` and `||` only around what is neither: chains of them become balanced trees.
fn logical(op: BinaryOp, a: Made, b: Made) -> Made {
    let plain = |m: Made| match m {
        Made::Binary(BinaryOp::And | BinaryOp::Or, _) => Made::Unary(UnaryOp::Not, Box::new(m)),
        m => m,
    };
    Made::Binary(op, Box::new([plain(a), plain(b)]))
}

/// Expressions of all kinds; what their names are is nowhere said.
pub fn made() -> impl Strategy<Value = Made> {
    let leaf = prop_oneof![
        (0..5000u32).prop_map(Made::Number),
        any::<bool>().prop_map(Made::Bool),
        Just(Made::Null),
        words().prop_map(|w| Made::Text(vec![Part::Literal(w)])),
        (name(), steps()).prop_map(|(n, s)| Made::Name(n, s)),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let e = || inner.clone();
        let three = (e(), e(), e()).prop_map(|(a, b, c)| Box::new([a, b, c])).boxed();
        let part = prop_oneof![
            words().prop_map(Part::Literal),
            e().prop_map(Part::Interpolation),
            (e(), words(), words()).prop_map(|(c, a, b)| Part::If(c, a, b)),
        ];
        let parts = prop::collection::vec((part, e()), 1..4).prop_map(|parts| {
            // An interpolation between each two, so that literals don't grow together.
            let pairs = parts.into_iter().flat_map(|(p, e)| [p, Part::Interpolation(e)]);
            Made::Text(pairs.collect())
        });
        prop_oneof![
            parts,
            prop::collection::vec(e(), 0..4).prop_map(Made::Tuple),
            prop::collection::vec(e(), 0..4)
                .prop_map(|items| Made::Object(KEYS.iter().copied().zip(items).collect())),
            (name(), prop::collection::vec(e(), 1..4), any::<bool>())
                .prop_map(|(n, a, x)| Made::Call(n, a, x)),
            three.clone().prop_map(Made::Conditional),
            (operator(), e(), e()).prop_map(|(op, a, b)| Made::Binary(op, Box::new([a, b]))),
            (e(), e()).prop_map(|(a, b)| logical(BinaryOp::And, a, b)),
            (e(), e()).prop_map(|(a, b)| logical(BinaryOp::Or, a, b)),
            e().prop_map(|a| Made::Unary(UnaryOp::Negate, Box::new(a))),
            e().prop_map(|a| Made::Unary(UnaryOp::Not, Box::new(a))),
            (name(), name()).prop_map(|(n, k)| Made::Index(n, Box::new(Made::Name(k, Vec::new())))),
            (e(), steps()).prop_filter_map("a step", |(a, s)| {
                // A name in parentheses and steps is no longer one traversal.
                (!s.is_empty()).then(|| Made::Relative(Box::new(a), s))
            }),
            (e(), any::<bool>()).prop_map(|(a, full)| Made::Splat(
                Box::new(a),
                full,
                vec![Step::Attribute("b")]
            )),
            (three, any::<bool>(), any::<bool>())
                .prop_map(|(f, object, filter)| Made::For(f, object, filter)),
        ]
    })
}
