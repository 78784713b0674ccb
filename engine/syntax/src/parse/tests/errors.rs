//! Mistakes: all of a file are reported, each where it was made.

use super::{file, mistakes, rendered, show};

fn whole(text: &str) -> String {
    let (sources, _, diagnostics) = file(text);
    rendered(&sources, &diagnostics)
}

#[test]
fn all_mistakes_of_a_file() {
    let text = r#"
resource "a" "b" {
  y 2
  tags = {
    a = 'x'
    b = 2 3
    c = "${foo bar} ${baz qux}"
    d = "ok"
  }
  list = [1 2]
  s    = "unterminated
  after = 1
  after = 2
  t = "%{ fr x in y }%{ endfor }"
  z = foo(1,
  w = 3
  last = { a.b 1 }
  u: 3
}

resource "c" "d" {
  p = a.
  q = 1 +
  r = a.0.1
  s = "\q"
}
variable "x" = {
  type = (string
}
output "o"
{
  value = 1, 
}
"#;
    insta::assert_snapshot!(mistakes(text), @r"
    3:3 Argument or block definition required
    5:9 Invalid character
    6:11 Missing attribute separator
    7:16 Extra characters after interpolation expression
    7:27 Extra characters after interpolation expression
    10:13 Missing item separator
    11:10 Invalid multi-line string
    13:3 Attribute redefined
    14:11 Invalid template control keyword
    15:10 Missing closing parenthesis
    17:16 Missing key/value separator
    18:3 Argument or block definition required
    22:8 Invalid attribute name
    23:10 Invalid expression
    24:9 Invalid legacy index syntax
    25:8 Invalid escape sequence
    27:14 Invalid block definition
    28:10 Unbalanced parentheses
    31:1 Invalid block definition
    32:12 Unexpected comma after argument
    ");
}

#[test]
fn what_is_right_is_kept() {
    let text = "a = 1\nb = [1 2]\nc {\n  d = 'x'\n  e = 2\n}\nf 3\ng = 4\n";
    let (_, body, _) = file(text);
    assert_eq!(show::body(&body), "a = 1\nb = INVALID\nc {\n  d = INVALID\n  e = 2\n}\ng = 4");
}

#[test]
fn an_unclosed_block_is_reported_at_its_header() {
    let text = r#"resource "a" "b" {
  x = 1

resource "c" "d" {
  y = 2 3
}
"#;
    insta::assert_snapshot!(whole(text), @r#"
    error[E0103]: Unclosed configuration block
     --> main.hcl:1:1
      |
    1 | resource "a" "b" {
      | ^^^^^^^^^^^^^^^^ this block has no "}"
      |
      = There is no closing brace for this block.
      = help: Look for a brace that is missing here or in a block inside it.

    error[E0105]: Missing newline after argument
     --> main.hcl:5:9
      |
    5 |   y = 2 3
      |         ^ the line should end before this
      |
      = The argument ends before "3", and a line break must follow it.
    "#);
}

#[test]
fn an_unclosed_block_at_the_end_of_the_file() {
    assert_eq!(mistakes("a {\n  b {\n    c = 1\n  }\n"), "1:1 Unclosed configuration block");
    assert_eq!(mistakes("a {\n  b {\n    c = 1\n}\n"), "2:3 Unclosed configuration block");
    assert_eq!(mistakes("a {"), "1:1 Unclosed configuration block");
}

#[test]
fn unclosed_brackets_do_not_swallow_what_follows() {
    assert_eq!(
        mistakes("a {\n  x = [1, 2\n  y = 3 4\n}\n"),
        "2:7 Missing item separator\n3:9 Missing newline after argument"
    );
    assert_eq!(
        mistakes("a {\n  x = {\n    z = 1\n  y = 3 4\n}\n"),
        "2:7 Unclosed object\n4:9 Missing newline after argument"
    );
    assert_eq!(
        mistakes("a {\n  x = f(1\n}\nb = 1 2\n"),
        "2:8 Missing argument separator\n4:7 Missing newline after argument"
    );
    assert_eq!(
        mistakes("x = {\n  y = {\n    a = 1\n  z = 2 3\n}\nb = 1\n"),
        "2:7 Unclosed object\n4:9 Missing attribute separator"
    );
    assert_eq!(mistakes("x = a[0\ny = 1\n"), "1:6 Missing close bracket on index");
    assert_eq!(mistakes("x = [for a in b : a\ny = 1\n"), "1:5 Invalid 'for' expression");
}

#[test]
fn too_many_closing_braces() {
    assert_eq!(
        mistakes("a {\n}\n}\nb = 1 2\n"),
        "3:1 Unexpected closing brace\n4:7 Missing newline after argument"
    );
}

#[test]
fn strings_without_end() {
    assert_eq!(
        mistakes("x = \"abc\ny = 1 2\n"),
        "1:5 Invalid multi-line string\n2:7 Missing newline after argument"
    );
    assert_eq!(
        mistakes("x = \"abc\ndef\"\ny = 1 2\n"),
        "1:5 Invalid multi-line string\n3:7 Missing newline after argument"
    );
    assert_eq!(
        mistakes("x = \"${a\ny = 1 2\n"),
        "1:5 Invalid multi-line string\n2:7 Missing newline after argument"
    );
    assert_eq!(
        mistakes("x = f(\"a${b(\"c)}\")\ny = 1 2\n"),
        "1:7 Invalid multi-line string\n2:7 Missing newline after argument"
    );
    assert_eq!(
        mistakes("a \"b {\n  x = 1\n}\nc = 1 2\n"),
        "1:3 Invalid multi-line string\n4:7 Missing newline after argument"
    );
    assert_eq!(mistakes("x = <<EOT\nabc\n"), "1:5 Unterminated template string");
    // A carriage return alone is a line break as well, in strings and labels.
    assert_eq!(
        mistakes("x = \"a\rb\"\ny = 1 2\n"),
        "1:5 Invalid multi-line string\n2:7 Missing newline after argument"
    );
    assert_eq!(mistakes("a \"b\rc\" {\n}\n"), "1:3 Invalid multi-line string");
    assert_eq!(mistakes("x = \"${a}\r\"\n"), "1:5 Invalid multi-line string");
    assert_eq!(
        mistakes("x = << \"EOT\"\nabc\nEOT\ny = 1 2\n"),
        "1:5 Invalid expression\n4:7 Missing newline after argument"
    );
    assert_eq!(mistakes("x = 1 /* abc\n"), "1:7 Unterminated comment");
}

#[test]
fn set_twice() {
    insta::assert_snapshot!(whole("x = 1\ny = 2\nx = 3\n"), @r#"
    error[E0106]: Attribute redefined
     --> main.hcl:3:1
      |
    1 | x = 1
      | - set first here
    2 | y = 2
    3 | x = 3
      | ^ set again here
      |
      = The argument "x" is set more than once.
    "#);
}

#[test]
fn template_directives() {
    let all = [
        r#"a = "%{ fi x }""#,
        r#"b = "%{ if x }a""#,
        r#"c = "%{ endif }""#,
        r#"d = "%{ for x in y }%{ endif }""#,
        r#"e = "%{ if x }%{ else }%{ else }%{ endif }""#,
        r#"f = "%{ for in y }%{ endfor }""#,
        r#"g = "%{ }""#,
        r#"h = "%{ if x y }%{ endif }""#,
        r#"i = "${}""#,
    ];
    insta::assert_snapshot!(mistakes(&all.join("\n")), @r"
    1:9 Invalid template control keyword
    2:6 Unexpected end of template
    3:6 Unexpected endif directive
    4:21 Unexpected endif directive
    5:24 Unexpected else directive
    6:16 Invalid 'for' directive
    7:9 Invalid template directive
    8:14 Extra characters in template directive
    9:8 Invalid expression
    ");
    insta::assert_snapshot!(whole(all[3]), @r#"
    error[E0108]: Unexpected endif directive
     --> main.hcl:1:21
      |
    1 | d = "%{ for x in y }%{ endif }"
      |      ---------------^^^^^^^^^^
      |      |
      |      this for directive is still open
      |
      = Expected the endfor directive that belongs to the for directive.
    "#);
}

#[test]
fn escapes() {
    assert_eq!(
        mistakes(r#"x = "\q \u12 \ud800 \${a} ok""#),
        "1:6 Invalid escape sequence\n1:9 Invalid escape sequence\n1:14 Invalid escape sequence\n1:21 Invalid escape sequence"
    );
}

#[test]
fn blocks_on_a_line() {
    assert_eq!(mistakes("a { b = 1, c = 2 }\n"), "1:10 Invalid single-argument block definition");
    assert_eq!(mistakes("a { b = 1\n}\n"), "1:10 Invalid single-argument block definition");
    assert_eq!(mistakes("a { b {} }\n"), "1:5 Argument definition required");
    assert_eq!(mistakes("a { b = 1; c = 2 }\n"), "1:10 Invalid character");
    assert_eq!(mistakes("a {} b {}\n"), "1:6 Missing newline after block definition");
}

#[test]
fn names_and_headers() {
    assert_eq!(mistakes("\"a\" = 1\n"), "1:1 Invalid argument name");
    assert_eq!(mistakes("a.b = 1\n"), "1:1 Invalid argument name");
    assert_eq!(mistakes("1 = 1\n"), "1:1 Argument or block definition required");
    assert_eq!(mistakes("a \"${b}\" {}\n"), "1:4 Invalid string literal");
    assert_eq!(mistakes("a \"b\"\n"), "1:1 Invalid block definition");
    assert_eq!(mistakes("a\n"), "1:1 Argument or block definition required");
}

#[test]
fn characters() {
    insta::assert_snapshot!(whole("a = 'x'\nb = `y`\nc = “z”\nd = 1;\ne = 1 & 2\nf = @\n"), @r#"
    error[E0101]: Invalid character
     --> main.hcl:1:5
      |
    1 | a = 'x'
      |     ^
      |
      = Single quotes are not valid.
      = help: Use double quotes for strings.

    error[E0101]: Invalid character
     --> main.hcl:2:5
      |
    2 | b = `y`
      |     ^
      |
      = Backquotes are not valid.
      = help: For text of several lines use a heredoc, like <<EOT.

    error[E0101]: Invalid character
     --> main.hcl:3:5
      |
    3 | c = “z”
      |     ^
      |
      = Typographic quotes are not valid.
      = help: Use straight double quotes for strings.

    error[E0101]: Invalid character
     --> main.hcl:4:6
      |
    4 | d = 1;
      |      ^
      |
      = Arguments are not separated by semicolons.
      = help: Put each argument on a line of its own.

    error[E0101]: Unsupported operator
     --> main.hcl:5:7
      |
    5 | e = 1 & 2
      |       ^
      |
      = There are no operators on bits.
      = help: For "and" write "&&".

    error[E0101]: Invalid character
     --> main.hcl:6:5
      |
    6 | f = @
      |     ^
      |
      = This character is not used within the language.
    "#);
}

#[test]
fn too_deep() {
    let deep =
        |open: &str, close: &str, levels| format!("x = {}1{}\n", open.repeat(levels), close.repeat(levels));
    for (open, close) in
        [("[", "]"), ("(", ")"), ("{a=", "}"), ("f(", ")"), ("\"${", "}\""), ("-", ""), ("a[", "]")]
    {
        assert_eq!(mistakes(&deep(open, close, 60)), "", "{open}");
        let text = mistakes(&deep(open, close, 50_000));
        assert!(text.ends_with("Nested too deeply"), "{open}: {text}");
    }
    let blocks = format!("{}{}", "a {\n".repeat(50_000), "}\n".repeat(50_000));
    assert_eq!(mistakes(&blocks), "129:4 Nested too deeply");
    for long in [" + 1", "[x]", ".*", "[*]", ".a[x]"] {
        let text = mistakes(&format!("x = a{}\n", long.repeat(50_000)));
        assert!(!text.is_empty(), "{long}");
    }
    assert_eq!(mistakes(&format!("x = a{}\n", " || b".repeat(50_000))), "");
    let ifs = format!("x = \"{}{}\"\n", "%{ if a }".repeat(50_000), "%{ endif }".repeat(50_000));
    assert!(mistakes(&ifs).ends_with("Nested too deeply"));
}
