//! Expressions: precedence, traversals, splats, calls, collections.

use super::{good, shown};
use crate::ast::ExprKind;

#[test]
fn literals() {
    assert_eq!(shown("42"), "42");
    assert_eq!(shown("007"), "7");
    assert_eq!(shown("1.50"), "1.5");
    assert_eq!(shown("1e3"), "1000");
    assert_eq!(shown("18446744073709551616"), "18446744073709551616", "numbers are exact");
    assert_eq!(shown("1e400").len(), 401);
    assert_eq!(shown("[true, false, null, True]"), "[true false null True]", "names, unless all lower case");
    assert_eq!(shown(r#""""#), r#""""#);
}

#[test]
fn operators_bind_as_in_terraform() {
    assert_eq!(shown("1 + 2 * 3 - 4"), "(Sub (Add 1 (Mul 2 3)) 4)");
    assert_eq!(shown("a || b && c == d > e + f % g"), "(Or a (And b (Eq c (Greater d (Add e (Mod f g))))))");
    assert_eq!(shown("a && b || c && d"), "(Or (And a b) (And c d))");
    assert_eq!(shown("1 - 2 - 3"), "(Sub (Sub 1 2) 3)");
    assert_eq!(shown("a == b != c"), "(NotEq (Eq a b) c)");
    assert_eq!(shown("-a.b * !c"), "(Mul (Negate a.b) (Not c))");
    assert_eq!(shown("- -1"), "(Negate (Negate 1))");
    assert_eq!(shown("!(a == b)"), "(Not (p (Eq a b)))");
    assert_eq!(shown("a ? b : c ? d : e"), "(? a b (? c d e))");
    assert_eq!(shown("a ? b ? 1 : 2 : c"), "(? a (? b 1 2) c)");
    assert_eq!(shown("a == 1 ? x + 1 : y"), "(? (Eq a 1) (Add x 1) y)");
}

#[test]
fn a_long_chain_of_or_is_balanced() {
    let text = (0..1000).map(|i| format!("a{i}")).collect::<Vec<_>>().join(" || ");
    let expr = good(&text);
    fn height(e: &crate::ast::Expr) -> usize {
        match &e.kind {
            ExprKind::Binary(_, sides) => 1 + height(&sides[0]).max(height(&sides[1])),
            _ => 1,
        }
    }
    assert_eq!(height(&expr), 11);
    let flat = super::show::expr(&expr).replace(['(', ')'], "").replace("Or ", "");
    let names: Vec<String> = (0..1000).map(|i| format!("a{i}")).collect();
    assert_eq!(flat, names.join(" "), "in the same order");
}

#[test]
fn traversals() {
    assert_eq!(shown("a.b[0].c[\"k\"]"), "a.b[0].c[\"k\"]");
    assert_eq!(shown("a.0.b"), "a[0].b", "the legacy index");
    assert_eq!(shown("a.99999999999999999999"), "a[99999999999999999999]");
    assert_eq!(shown("a[b.c].d"), "((index a b.c) .d)");
    assert_eq!(shown("a[-1]"), "(index a (Negate 1))");
    assert_eq!(shown("a[\"x-${y}\"]"), "(index a (quoted \"x-\" y))");
    assert_eq!(shown("(a).b"), "((p a) .b)");
    assert_eq!(shown("f(x)[0].y"), "(f(x) [0].y)");
    assert_eq!(shown("{ a = 1 }.a"), "({a=1} .a)");
    assert_eq!(shown("(var.obj\n  .name)"), "(p var.obj.name)");
}

#[test]
fn splats() {
    assert_eq!(shown("a[*].b[0].c"), "(a [*].b[0].c)");
    assert_eq!(shown("a.*.b.0"), "(a .*.b[0])", "a legacy index is still applied to each element");
    assert_eq!(shown("a.*.b[0]"), "((a .*.b) [0])", "a bracket is applied to the result");
    assert_eq!(shown("a[*][*].b[i]"), "(a [*]([*].b[i]))");
    assert_eq!(shown("a[*].b.*.c[0]"), "(a [*].b(.*.c)[0])");
    assert_eq!(shown("a[*][\"k\"]"), "(a [*][\"k\"])");
}

#[test]
fn calls() {
    assert_eq!(shown("f()"), "f()");
    assert_eq!(shown("max(1, 2, )"), "max(1 2)", "a comma may trail");
    assert_eq!(shown("max (xs...)"), "max(xs...)");
    assert_eq!(shown("provider::pilotis::base36(1)"), "provider::pilotis::base36(1)");
    assert_eq!(shown("f(\n  1\n  ,\n  2\n)"), "f(1 2)");
}

#[test]
fn collections() {
    assert_eq!(shown("[1, [2], ]"), "[1 [2]]");
    assert_eq!(shown("[\n  1\n  , 2\n]"), "[1 2]");
    assert_eq!(shown("{}"), "{}");
    assert_eq!(
        shown("{a = 1, \"b\" : 2\n  (c) = 3\n\n  # x\n  4 = d,\n}"),
        "{a=1 <\"b\">=2 <(p c)>=3 <4>=d}"
    );
    assert_eq!(shown("{ true = 1, null = 2 }"), "{true=1 null=2}", "keywords are names here");
    assert_eq!(shown("{ a.b = c.d }"), "{<a.b>=c.d}", "as in a module's providers");
    assert_eq!(shown("{ a = 1, a = 2 }"), "{a=1 a=2}", "the evaluator lets the last one win");
    assert_eq!(shown("{ \"${x}-y\" = 1, f(z) = 2 }"), "{<(quoted x \"-y\")>=1 <f(z)>=2}");
}

#[test]
fn for_expressions() {
    assert_eq!(shown("[for x in xs : x * 2 if x > 1]"), "(for x in xs : (Mul x 2) if (Greater x 1))");
    assert_eq!(shown("{for k, v in m : k => v...}"), "(for k, v in m : k => v...)");
    assert_eq!(
        shown("{\n  for k, v in m\n  : upper(k)\n  => v\n  if v != null\n}"),
        "(for k, v in m : upper(k) => v if (NotEq v null))"
    );
}

#[test]
fn names_are_unicode_and_may_have_dashes() {
    assert_eq!(shown("équipe.größe-2"), "équipe.größe-2");
    assert_eq!(shown("e\u{301}t\u{e9}"), "été", "in normal form C");
    assert_eq!(shown("a -b"), "(Sub a b)");
    assert_eq!(shown("a-b"), "a-b");
}

#[test]
fn comments_are_space() {
    assert_eq!(shown("1 /* one */ + /* two */ 2 // three"), "(Add 1 2)");
    assert_eq!(shown("[ # a\n  1, // b\n  2 /* c\n d */\n]"), "[1 2]");
}

#[test]
fn spans_cover_the_text() {
    let text = r#"[a.b[0], f(x)[*].y, "s${v}", -1 + 2, (p), {k = c ? d : e}]"#;
    let ExprKind::Tuple(items) = good(text).kind else { panic!("a tuple") };
    let covered: Vec<&str> =
        items.iter().map(|i| &text[i.span.start as usize..i.span.end as usize]).collect();
    assert_eq!(covered, ["a.b[0]", "f(x)[*].y", "\"s${v}\"", "-1 + 2", "(p)", "{k = c ? d : e}"]);
}
