//! Templates: escapes, sequences, directives, strip markers, heredocs.

use super::{shown, template};

#[test]
fn escapes() {
    assert_eq!(shown(r#""a\tb\nc\"d\\e\rf""#), r#""a\tb\nc\"d\\e\rf""#);
    assert_eq!(shown(r#""\u00e9\U0001F600""#), r#""é😀""#);
    assert_eq!(shown(r#""$${a} %%{b} $ % $5 100%""#), r#""${a} %{b} $ % $5 100%""#);
    assert_eq!(shown(r#""$$${a}""#), r#""$${a}""#);
    assert_eq!(shown(r#""\\${a}""#), r#"(quoted "\\" a)"#);
    assert_eq!(shown("\"e\u{301}\""), "\"é\"", "strings are in normal form C");
}

#[test]
fn interpolations() {
    assert_eq!(shown(r#""${a}""#), "(quoted a)");
    assert_eq!(shown(r#""x${a}y${"z${b}"}""#), r#"(quoted "x" a "y" (quoted "z" b))"#);
    assert_eq!(shown("\"${\n  a\n}\""), "(quoted a)", "line feeds are space in a sequence");
    assert_eq!(shown(r#""${{ a = "}" }}""#), r#"(quoted {a="}"})"#);
    assert_eq!(
        shown(r#"" ${~ a ~} ""#),
        r#"(quoted a "")"#,
        "text that was stripped still makes it a string"
    );
}

#[test]
fn directives() {
    assert_eq!(shown(r#""%{ if a }b\n%{ else }c%{ endif }""#), r#"(quoted (if a ["b\n"] ["c"]))"#);
    assert_eq!(
        shown(r#""%{ for i, x in xs }${i}=\"${x}\";%{ endfor }""#),
        r#"(quoted (for i, x in xs [i "=\"" x "\";"]))"#
    );
    assert_eq!(shown("\"%{ if a ||\n b }x%{ endif }\""), "(quoted (if (Or a b) [\"x\"] []))");
}

#[test]
fn strip_markers_take_all_space_in_quotes() {
    assert_eq!(shown(r#""a ${~ b ~} \n\n c""#), r#"(quoted "a" b "c")"#);
    assert_eq!(shown(r#""a %{ if b ~} c %{~ endif } d""#), r#"(quoted "a " (if b ["c"] []) " d")"#);
}

#[test]
fn strip_markers_stop_at_the_end_of_the_line_elsewhere() {
    assert_eq!(shown("<<EOT\na\n${~ b ~}\n\n\nc\nEOT\n"), r#"(heredoc "a" b "\n\nc\n")"#);
    assert_eq!(template("a\n${~ b ~}\n\n\nc"), r#"(quoted "a" b "\n\nc")"#);
    assert_eq!(
        shown("<<EOT\n%{ for x in xs ~}\n- ${x}\n%{ endfor ~}\nend\nEOT\n"),
        r#"(heredoc (for x in xs ["- " x "\n"]) "end\n")"#
    );
}

#[test]
fn heredocs() {
    assert_eq!(shown("<<EOT\nhello\n  world\nEOT\n"), r#"(heredoc "hello\n  world\n")"#);
    assert_eq!(shown("<<EOT\nEOT\n"), "(heredoc )");
    assert_eq!(shown("<<EOT\nEOT"), "(heredoc )", "even at the very end of the text");
    assert_eq!(
        shown("<<EOT\nno \\n escape, \"quotes\", $${x}\nEOT\n"),
        r#"(heredoc "no \\n escape, \"quotes\", ${x}\n")"#
    );
    assert_eq!(shown("<<EOT\nxEOT\nEOT x\n  EOT\n"), r#"(heredoc "xEOT\nEOT x\n")"#, "its end stands alone");
    assert_eq!(shown("[<<A\none\nA\n, <<B\ntwo\nB\n]"), r#"[(heredoc "one\n") (heredoc "two\n")]"#);
    assert_eq!(shown("<<EOT\r\na\r\nEOT\r\n"), r#"(heredoc "a\r\n")"#);
    assert_eq!(shown("<<EOT\n${<<IN\n${x}\nIN\n}\nEOT\n"), r#"(heredoc (heredoc x "\n") "\n")"#);
}

#[test]
fn indented_heredocs() {
    assert_eq!(shown("<<-EOT\n    hello\n  world\n    EOT\n"), r#"(heredoc "  hello\nworld\n")"#);
    assert_eq!(
        shown("<<-EOT\n  a\n \n\n  b\n  EOT\n"),
        r#"(heredoc "a\n \n\nb\n")"#,
        "blank lines don't count"
    );
    assert_eq!(shown("<<-EOT\n  ${a}\n    b ${c}\n  EOT\n"), r#"(heredoc a "\n  b " c "\n")"#);
    assert_eq!(
        shown("<<-EOT\n  %{ if a }\n    b\n  %{ endif }\n  EOT\n"),
        r#"(heredoc (if a ["\n  b\n"] []) "\n")"#,
        "text inside directives is dedented as well"
    );
    assert_eq!(
        shown("<<-EOT\n${a}\n  b\nEOT\n"),
        r#"(heredoc a "\n  b\n")"#,
        "a sequence at the margin counts"
    );
    // Stripping comes first: what is left of the second line starts at the margin.
    assert_eq!(
        shown("<<-EOT\n    x:\n    %{~ if a }\n    y\n    %{~ endif }\n    EOT\n"),
        r#"(heredoc "    x:\n" (if a ["\n    y\n"] []) "\n")"#
    );
}

#[test]
fn bare_templates() {
    assert_eq!(template("plain \"text\" \\n"), r#""plain \"text\" \\n""#);
    assert_eq!(template("${a}"), "(quoted a)");
    assert_eq!(
        template("a $${b} ${c}\n%{ if d }e%{ endif }\n"),
        r#"(quoted "a ${b} " c "\n" (if d ["e"] []) "\n")"#
    );
    assert_eq!(template(""), r#""""#);
}
