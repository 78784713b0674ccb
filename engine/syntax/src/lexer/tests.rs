//! Tokens of all modes, and what the lexer patches up.

use super::{ProblemKind, Start, TokenKind, lex, looks_like_item};

/// Kinds and texts, a line each; problems at the end.
fn shown(text: &str) -> String {
    let lexed = lex(text, Start::Expression);
    let tokens = lexed.tokens.iter().map(|t| format!("{:?} {:?}", t.kind, &text[t.range()]));
    let problems = lexed.problems.iter().map(|p| {
        let place = &text[p.start as usize..p.end as usize];
        format!("! {:?} {place:?}", p.kind)
    });
    tokens.chain(problems).collect::<Vec<_>>().join("\n")
}

fn kinds(text: &str) -> Vec<TokenKind> {
    lex(text, Start::Expression).tokens.iter().map(|t| t.kind).collect()
}

#[test]
fn names_numbers_and_operators() {
    use TokenKind as T;
    assert_eq!(kinds("a-b9 _ é"), [T::Ident, T::Ident, T::Ident, T::Eof]);
    assert_eq!(kinds("1 1.5e-3 9c 1. 1e"), {
        [T::Number, T::Number, T::Number, T::Ident, T::Number, T::Dot, T::Number, T::Ident, T::Eof]
    });
    assert_eq!(kinds("a.0.1"), [T::Ident, T::Dot, T::Number, T::Eof], "a fraction, as in Terraform");
    assert_eq!(kinds("... => == :: <= ! && |"), {
        [
            T::Ellipsis,
            T::FatArrow,
            T::EqualEqual,
            T::DoubleColon,
            T::LessEqual,
            T::Bang,
            T::AndAnd,
            T::Invalid,
            T::Eof,
        ]
    });
    assert_eq!(kinds("a # b\r\n/* c\n */ // d"), {
        [T::Ident, T::LineComment, T::Newline, T::BlockComment, T::LineComment, T::Eof]
    });
}

#[test]
fn templates_nest() {
    insta::assert_snapshot!(shown(r#""a${b["c${d}"]}$${e}%{~ if f ~}""#), @r#"
    OpenQuote "\""
    Text "a"
    OpenInterpolation "${"
    Ident "b"
    OpenBracket "["
    OpenQuote "\""
    Text "c"
    OpenInterpolation "${"
    Ident "d"
    CloseSequence "}"
    CloseQuote "\""
    CloseBracket "]"
    CloseSequence "}"
    Text "$${e}"
    OpenDirective "%{~"
    Ident "if"
    Ident "f"
    CloseSequence "~}"
    CloseQuote "\""
    Eof ""
    "#);
}

#[test]
fn a_heredoc_is_a_token_a_line() {
    insta::assert_snapshot!(shown("<<-EOT\n  a ${b} c\nEOT d\n\n  EOT\n"), @r#"
    OpenHeredoc "<<-EOT\n"
    Text "  a "
    OpenInterpolation "${"
    Ident "b"
    CloseSequence "}"
    Text " c\n"
    Text "EOT d\n"
    Text "\n"
    CloseHeredoc "  EOT"
    Newline "\n"
    Eof ""
    "#);
}

#[test]
fn a_missing_quote_ends_the_string_with_its_line() {
    insta::assert_snapshot!(shown("a = \"b ${c\nd = 1\n"), @r#"
    Ident "a"
    Equal "="
    OpenQuote "\""
    Text "b "
    OpenInterpolation "${"
    Ident "c"
    CloseSequence ""
    CloseQuote ""
    Newline "\n"
    Ident "d"
    Equal "="
    Number "1"
    Newline "\n"
    Eof ""
    ! MissingQuote "\"b ${c"
    "#);
    insta::assert_snapshot!(shown("a = \"b\nd = 1\n"), @r#"
    Ident "a"
    Equal "="
    OpenQuote "\""
    Text "b"
    CloseQuote ""
    Newline "\n"
    Ident "d"
    Equal "="
    Number "1"
    Newline "\n"
    Eof ""
    ! MissingQuote "\"b"
    "#);
}

#[test]
fn a_string_over_several_lines_goes_on_to_its_quote() {
    let problems = lex("a = \"b\nc\"\n", Start::Expression).problems;
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].kind, problems[0].start, problems[0].end), (ProblemKind::LineFeedInString, 4, 9));
}

#[test]
fn an_object_at_the_start_of_a_line_is_no_block() {
    for text in [
        "a = \"${join(\"\", [\nfor x in {\n  b = 1\n} : x\n])}\"\n",
        "a = \"%{\nif {} == b\n}c%{ endif }\"\n",
    ] {
        assert_eq!(lex(text, Start::Expression).problems.len(), 0, "{text}");
    }
}

#[test]
fn tokens_cover_the_text() {
    let text = "a = \"b${c}\" # d\n\te {\n f = <<X\n y ${z}\nX\n}\r\n";
    let mut at = 0;
    for token in lex(text, Start::Expression).tokens {
        assert!(
            text[at..token.start as usize].chars().all(|c| c == ' ' || c == '\t'),
            "only space between tokens"
        );
        at = token.end as usize;
    }
    assert_eq!(at, text.len());
}

#[test]
fn starts_of_items() {
    for text in ["a = 1", "  a=1", "a {", "a \"b\" c {\n", "a {}", "a \"b\" { # c"] {
        assert!(looks_like_item(text, 0), "{text}");
    }
    for text in ["a == 1", "a => 1", "a", "a.b = 1", "}", "", "\"a\" = 1", "a \"b", "1 = 2", "a { b"] {
        assert!(!looks_like_item(text, 0), "{text}");
    }
    // Where these stand in a template, the string isn't over.
    for text in ["if {  }", "in {}", "for x in {\n", "x in {\n"] {
        assert!(!looks_like_item(text, 0), "{text}");
    }
}
