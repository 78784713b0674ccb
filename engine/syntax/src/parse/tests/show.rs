//! A compact notation for the AST, without spans.

use crate::ast::*;

pub(crate) fn body(body: &Body) -> String {
    let mut items: Vec<(u32, String)> = Vec::new();
    for attribute in &body.attributes {
        items.push((attribute.span.start, format!("{} = {}", attribute.name.text, expr(&attribute.expr))));
    }
    for block in &body.blocks {
        let labels: String = block.labels.iter().map(|l| format!(" {:?}", l.text)).collect();
        let inner = self::body(&block.body);
        let inner: String = inner.lines().map(|l| format!("  {l}\n")).collect();
        items.push((block.span.start, format!("{}{labels} {{\n{inner}}}", block.kind.text)));
    }
    items.sort_by_key(|(at, _)| *at);
    items.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

fn list(exprs: &[Expr]) -> String {
    exprs.iter().map(expr).collect::<Vec<_>>().join(" ")
}

pub(super) fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Literal(value) => match (value.as_number(), value.as_bool()) {
            (Some(number), _) => number.to_string(),
            (_, Some(bool)) => bool.to_string(),
            _ => "null".to_owned(),
        },
        ExprKind::Template(t) => template(t),
        ExprKind::Tuple(items) => format!("[{}]", list(items)),
        ExprKind::Object(items) => {
            let item = |i: &ObjectItem| match &i.key {
                ObjectKey::Name(name) => format!("{}={}", name.text, expr(&i.value)),
                ObjectKey::Expr(key) => format!("<{}>={}", expr(key), expr(&i.value)),
            };
            format!("{{{}}}", items.iter().map(item).collect::<Vec<_>>().join(" "))
        }
        ExprKind::Traversal(t) => format!("{}{}", t.root.text, steps(&t.steps)),
        ExprKind::RelativeTraversal(base, s) => format!("({} {})", expr(base), steps(s)),
        ExprKind::Index(parts) => format!("(index {} {})", expr(&parts[0]), expr(&parts[1])),
        ExprKind::Splat(splat) => {
            let marker = if splat.full { "[*]" } else { ".*" };
            format!("({} {marker}{})", expr(&splat.source), splat_steps(&splat.each))
        }
        ExprKind::Call(call) => {
            let expand = if call.expand { "..." } else { "" };
            format!("{}({}{expand})", call.name.join("::"), list(&call.args))
        }
        ExprKind::Conditional(c) => format!("(? {} {} {})", expr(&c[0]), expr(&c[1]), expr(&c[2])),
        ExprKind::Binary(op, sides) => format!("({op:?} {} {})", expr(&sides[0]), expr(&sides[1])),
        ExprKind::Unary(op, operand) => format!("({op:?} {})", expr(operand)),
        ExprKind::For(f) => {
            let key = f.key.as_ref().map(|k| format!("{}, ", k.text)).unwrap_or_default();
            let result_key = f.result_key.as_ref().map(|k| format!("{} => ", expr(k))).unwrap_or_default();
            let group = if f.group { "..." } else { "" };
            let condition = f.condition.as_ref().map(|c| format!(" if {}", expr(c))).unwrap_or_default();
            let (collection, result) = (expr(&f.collection), expr(&f.result));
            format!("(for {key}{} in {collection} : {result_key}{result}{group}{condition})", f.value.text)
        }
        ExprKind::Parens(inner) => format!("(p {})", expr(inner)),
        ExprKind::Invalid => "INVALID".to_owned(),
    }
}

fn value(value: &pilotis_value::Value) -> String {
    match (value.as_number(), value.as_str()) {
        (Some(number), _) => number.to_string(),
        (_, text) => format!("{:?}", text.unwrap_or("?")),
    }
}

fn step(step: &TraversalStep) -> String {
    match step {
        TraversalStep::Attribute(name) => format!(".{}", name.text),
        TraversalStep::Index(key, _) => format!("[{}]", value(key)),
    }
}

fn steps(steps: &[TraversalStep]) -> String {
    steps.iter().map(step).collect()
}

fn splat_steps(steps: &[SplatStep]) -> String {
    let show = |s: &SplatStep| match s {
        SplatStep::Literal(s) => step(s),
        SplatStep::Index(key) => format!("[{}]", expr(key)),
        SplatStep::Splat { full, each, .. } => {
            format!("({}{})", if *full { "[*]" } else { ".*" }, splat_steps(each))
        }
    };
    steps.iter().map(show).collect()
}

/// A plain quoted string as itself; else `(quoted …)` or `(heredoc …)`.
pub(super) fn template(t: &Template) -> String {
    match (t.heredoc, t.parts.as_slice()) {
        (false, []) => "\"\"".to_owned(),
        (false, [TemplatePart::Literal(text)]) => format!("{text:?}"),
        (heredoc, p) => format!("({} {})", if heredoc { "heredoc" } else { "quoted" }, parts(p)),
    }
}

fn parts(parts: &[TemplatePart]) -> String {
    let show = |part: &TemplatePart| match part {
        TemplatePart::Literal(text) => format!("{text:?}"),
        TemplatePart::Interpolation(e) => expr(e),
        TemplatePart::If(i) => {
            format!("(if {} [{}] [{}])", expr(&i.condition), self::parts(&i.then), self::parts(&i.otherwise))
        }
        TemplatePart::For(f) => {
            let key = f.key.as_ref().map(|k| format!("{}, ", k.text)).unwrap_or_default();
            format!("(for {key}{} in {} [{}])", f.value.text, expr(&f.collection), self::parts(&f.body))
        }
    };
    parts.iter().map(show).collect::<Vec<_>>().join(" ")
}
