//! Layouts: what goes in, what comes out, and that it stays so.

use proptest::prelude::*;

use super::format;

/// The layout of a text, which doesn't change any more when it is laid out again.
fn laid_out(text: &str) -> String {
    let once = format(text).unwrap_or_else(|d| panic!("{text}: {d:?}"));
    assert_eq!(format(&once).as_deref(), Ok(once.as_str()), "idempotent");
    once
}

#[test]
fn equals_signs_and_comments_in_columns() {
    let text = r#"a=1 # one
bbbb = 22 // two
/* c */ c = 3

d=4 /* not at the end of the line's tokens, so not in the column */
eee = 5   # five
# own line
f = 6
"#;
    insta::assert_snapshot!(laid_out(text), @r"
    a         = 1  # one
    bbbb      = 22 // two
    /* c */ c = 3

    d   = 4 /* not at the end of the line's tokens, so not in the column */
    eee = 5 # five
    # own line
    f = 6
    ");
}

#[test]
fn lines_that_open_brackets_end_a_column() {
    let text = r#"resource "a" "b" {
a = 1
list = [ # why
1, # one
22, # two
# none
]
bb = 2
tags = {
x = 1
long_name = "y"
}
c = 3
nested {
d = { e = 1 }
}
empty {
}
none {}
one { x=1 }
}
"#;
    insta::assert_snapshot!(laid_out(text), @r#"
    resource "a" "b" {
      a = 1
      list = [ # why
        1,     # one
        22,    # two
        # none
      ]
      bb = 2
      tags = {
        x         = 1
        long_name = "y"
      }
      c = 3
      nested {
        d = { e = 1 }
      }
      empty {
      }
      none {}
      one { x = 1 }
    }
    "#);
}

#[test]
fn brackets_that_share_a_line_are_one_step() {
    let text = "x = f(\na,\n[\n1,\n{\nb = 1\n}\n])\ny = [{\na = 1\n}, {\nb = 2\n}]\nz = a ? b : {\nc = 1\n}\nw = (\na\n&&\nb\n)\n";
    insta::assert_snapshot!(laid_out(text), @r"
    x = f(
      a,
      [
        1,
        {
          b = 1
        }
    ])
    y = [{
      a = 1
      }, {
      b = 2
    }]
    z = a ? b : {
      c = 1
    }
    w = (
      a
      &&
      b
    )
    ");
}

#[test]
fn spaces_around_tokens() {
    let text = r#"a=b?c:d
b=!e&&f||g
c=-1
d=a -1
e=a - -1
f=[-1,- 2]
g=f( a , b... )
h=a [ 0 ] . b [ * ] . c
i=a.*.b
j=provider :: x :: f (1)
k={a=1,b:2}
l={ }
m=[ ]
n=a==b!=c>=d<=e>f<g
o=a%b/c*d+e
p=[for x in [1]:x if x]
q={for k,v in m:k=>v...}
r=a ? -1 : - 2
s=a && -b
t=-a[0]
u=(a)[ 0 ]
v=f(x)[ "k" ]
w="a ${ b . c } %{ if d }e%{ endif } ${ {f=1} }"
x=1 /* g */+/* h */2
"#;
    insta::assert_snapshot!(laid_out(text), @r#"
    a = b ? c : d
    b = !e && f || g
    c = -1
    d = a - 1
    e = a - -1
    f = [-1, -2]
    g = f(a, b...)
    h = a[0].b[*].c
    i = a.*.b
    j = provider::x::f(1)
    k = { a = 1, b : 2 }
    l = {}
    m = []
    n = a == b != c >= d <= e > f < g
    o = a % b / c * d + e
    p = [for x in [1] : x if x]
    q = { for k, v in m : k => v... }
    r = a ? -1 : -2
    s = a && -b
    t = -a[0]
    u = (a)[0]
    v = f(x)["k"]
    w = "a ${b.c} %{if d}e%{endif} ${ { f = 1 } }"
    x = 1 /* g */ + /* h */ 2
    "#);
}

#[test]
fn heredocs_keep_their_text() {
    let text = "x = <<EOT\n  a  ${ b }\n   EOT\nlong = 1\ny = f(<<-A\n    one\n  A\n, 2)\nz = {\na = <<B\ntwo  \nB\nbbb = 1\n}\n";
    insta::assert_snapshot!(laid_out(text), @r"
    x    = <<EOT
      a  ${b}
       EOT
    long = 1
    y = f(<<-A
        one
      A
    , 2)
    z = {
      a   = <<B
    two  
    B
      bbb = 1
    }
    ");
}

#[test]
fn old_spellings() {
    let text = r#"variable size {
  type = "string"
  default = "${var.x}"
}
variable "l" {
  type = list # of what
}
variable "m" {
  type = "map"
}
output x {
  a = "${ f("${b}") }"
  b = "${a}${b}"
  c = "x${a}"
  d = ["${a}"]
  e = "${~ a ~}"
  f = "${"${a}"}"
  g = "${a +
    b}"
  h = "${(a
  )}"
  i = "${ # why
    a}"
  type = "list"
}
"#;
    insta::assert_snapshot!(laid_out(text), @r#"
    variable "size" {
      type    = string
      default = var.x
    }
    variable "l" {
      type = list(any) # of what
    }
    variable "m" {
      type = map(string)
    }
    output "x" {
      a = f("${b}")
      b = "${a}${b}"
      c = "x${a}"
      d = ["${a}"]
      e = a
      f = a
      g = (a +
      b)
      h = (a
      )
      i = "${ # why
      a}"
      type = "list"
    }
    "#);
}

#[test]
fn blank_lines_stay_and_spaces_at_ends_go() {
    assert_eq!(laid_out("\n\n a = 1  \n   \n\n\t\nb = 2"), "\n\na = 1\n\n\n\nb = 2");
    assert_eq!(laid_out(""), "");
    assert_eq!(laid_out("a=1  \n \t"), "a = 1\n  ", "what stands before the end stays, as in Terraform");
    assert_eq!(laid_out("\u{feff}a=1\r\nbb=2 # c\r\n"), "a  = 1\r\nbb = 2 # c\r\n");
}

#[test]
fn columns_count_what_a_person_sees() {
    assert_eq!(laid_out("e\u{301}e\u{301} = 1\nx = 2\n"), "e\u{301}e\u{301} = 1\nx  = 2\n");
}

#[test]
fn comments_of_several_lines_are_only_moved() {
    assert_eq!(laid_out("b {\n/* e\n f */\nx = 1\n}\n"), "b {\n  /* e\n f */\n  x = 1\n}\n");
}

#[test]
fn what_terraform_would_break_is_kept() {
    assert_eq!(laid_out("a /* b */ c {}\n"), "a /* b */ \"c\" {}\n");
    assert_eq!(laid_out("a \"$${b}\" {}\n"), "a \"$${b}\" {}\n");
    assert_eq!(laid_out("x = a . 0 . 1\n"), "x = a.0 .1\n", "a.0.1 would be an error");
}

#[test]
fn labels_are_written_as_values_are() {
    assert_eq!(laid_out("a e\u{301} {}\n"), "a \"\u{e9}\" {}\n", "a bare one as well");
    assert_eq!(laid_out("a \"e\u{301}\t\u{a0}\" {}\n"), "a \"é\\t\\u00a0\" {}\n");
    assert_eq!(laid_out("a \"\\u00e9\" {}\n"), "a \"\\u00e9\" {}\n", "Terraform drops such a label");
}

#[test]
fn an_invalid_text_is_an_error() {
    let diagnostics = format("a = \nb = [1 2]\n").unwrap_err();
    assert_eq!(diagnostics.len(), 2);
}

/// Values, names and layouts that valid files are made of.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "a",
        "a.b[0].c",
        "-1",
        "!a",
        "\"s\"",
        "\"a${b}c\"",
        "\"${b}\"",
        "null",
        "a.*.b",
        "a [*] . b",
        "\"%{ if a }b%{ endif }\"",
        "/* c */ a",
        "<<EOT\n  x ${a}\nEOT\n",
        "<<-EOT\n    x\n  %{ for x in y ~}\n  ${x}\n  %{ endfor ~}\n  EOT\n",
        "a.0 . b",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let gap = prop::sample::select(vec!["", " ", "\n", "  ", " # c\n", " /* c */ "]);
        prop_oneof![
            (
                inner.clone(),
                inner.clone(),
                prop::sample::select(vec!["+", "-", "*", "%", "==", "&&", "||", ">="])
            )
                .prop_map(|(a, b, op)| format!("({a} {op} {b})")),
            (inner.clone(), gap.clone()).prop_map(|(a, g)| format!("[{g}{a},{g}{a}{g}]")),
            (inner.clone(), gap.clone()).prop_map(|(a, g)| format!("f({g}{a}{g},{a}...{g})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{\nk={a}\n\"l l\"= {b}\n}}")),
            (inner.clone(), gap).prop_map(|(a, g)| format!("{{for k,v in{g} {a}:k=>{g}v}}")),
            inner.clone().prop_map(|a| format!("[for x in {a}:x if x]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(c?{a}:{b})")),
            inner.prop_map(|a| format!("- ({a})[0]")),
        ]
    })
}

fn item() -> impl Strategy<Value = String> {
    let comment = prop::sample::select(vec!["", " # c", "   // d", " /* e */"]);
    let name = prop::sample::select(vec!["a", "bb", "type", "long_name", "é"]);
    (name, expression(), comment, 0..6u8).prop_map(|(name, value, comment, kind)| {
        // A heredoc's end stands alone on its line.
        let comment = if value.ends_with('\n') { "" } else { comment };
        let value = value.trim_end_matches('\n');
        match kind {
            0 => format!("variable {name} {{\n\n{name}={value}{comment}\n}}"),
            1 => format!("  block \"x\" y{{{comment}\n x = {value}\n}}"),
            2 => format!("\n# alone\none {{ {name} =1 }}"),
            _ => format!("   s {{\n{name}   ={value}{comment}\n}}"),
        }
    })
}

/// What the text means: unwrapping `"${a}"` and adding parentheses around several lines is allowed.
fn meaning(text: &str) -> String {
    let mut sources = pilotis_diag::SourceMap::default();
    let file = sources.add("", text);
    let (body, diagnostics) = crate::parse::parse_file(&sources, file);
    assert!(!diagnostics.has_errors(), "{text}: {diagnostics:?}");
    crate::parse::show_for_tests(&body).replace("(quoted ", "").replace("(p ", "").replace(')', "")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn layout_is_idempotent_and_keeps_the_meaning(items in prop::collection::vec(item(), 0..6)) {
        let text = items.join("\n") + "\n";
        let once = format(&text).unwrap_or_else(|d| panic!("{text}: {d:?}"));
        prop_assert_eq!(format(&once), Ok(once.clone()));
        prop_assert_eq!(meaning(&once), meaning(&text));
        let comments = |s: &str| s.matches("# c").count() + s.matches("// d").count() + s.matches("/* e */").count();
        prop_assert_eq!(comments(&once), comments(&text), "no comment is lost");
    }

    #[test]
    fn any_text_is_laid_out_or_refused(text in any::<String>()) {
        let _ = format(&text);
    }
}
