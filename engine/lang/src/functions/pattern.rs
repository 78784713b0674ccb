//! Regular expressions, and `replace`, which takes one between slashes.
//!
//! The language is Go's RE2, which Terraform users write; [`translate`] turns it into what the `regex` crate reads.

use std::collections::BTreeMap;

use pilotis_value::{Type, Value};
use regex::{Captures, Regex};

use super::{
    FunctionDef, FunctionError, MAX_LENGTH, Outcome, Param, fail, fail_argument, gives_string, string, text,
};
use crate::Surroundings;

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "regex",
        params: &[Param::new("pattern", string), Param::new("string", string)],
        variadic: None,
        returns: |args| captured_type(args).unwrap_or(Type::Dynamic),
        call: first_match,
        doc: "What a regular expression matches first: the text, or the texts of its groups as a tuple, or as an object if they are named.",
    },
    FunctionDef {
        name: "regexall",
        params: &[Param::new("pattern", string), Param::new("string", string)],
        variadic: None,
        returns: |args| Type::list(captured_type(args).unwrap_or(Type::Dynamic)),
        call: all_matches,
        doc: "All that a regular expression matches, as regex() gives it.",
    },
    FunctionDef {
        name: "replace",
        params: &[Param::new("str", string), Param::new("substr", string), Param::new("replace", string)],
        variadic: None,
        returns: gives_string,
        call: replace,
        doc: "Replaces each occurrence of a text, or of a regular expression if it is written between slashes ($1 is its first group).",
    },
];

fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&translate(pattern)).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
        other => {
            // The last line says what is wrong; the lines before draw an arrow under the translated pattern.
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    })
}

fn pattern(args: &[Value]) -> Result<Regex, FunctionError> {
    let regex = compile(text(args, 0)?)
        .map_err(|error| FunctionError::argument(0, format!("invalid regexp pattern: {error}")))?;
    let named = regex.capture_names().flatten().count();
    if named > 0 && named + 1 < regex.captures_len() {
        return fail_argument(0, "invalid regexp pattern: cannot mix both named and unnamed capture groups");
    }
    Ok(regex)
}

fn captured_type(args: &[Value]) -> Option<Type> {
    args.first()?.as_str()?;
    let regex = pattern(args).ok()?;
    let groups = regex.captures_len() - 1;
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    Some(if groups == 0 {
        Type::String
    } else if names.is_empty() {
        Type::tuple(vec![Type::String; groups])
    } else {
        Type::object(names.into_iter().map(|name| (name, Type::String)))
    })
}

fn captured(regex: &Regex, captures: &Captures<'_>) -> Value {
    let of = |group: Option<regex::Match<'_>>| {
        group.map_or_else(|| Value::null(Type::String), |found| Value::string(found.as_str()))
    };
    if captures.len() == 1 {
        return of(captures.get(0));
    }
    if regex.capture_names().flatten().next().is_none() {
        return Value::tuple((1..captures.len()).map(|i| of(captures.get(i))).collect());
    }
    let mut groups = BTreeMap::new();
    for name in regex.capture_names().flatten() {
        groups.insert(name.into(), of(captures.name(name)));
    }
    Value::object(groups)
}

fn first_match(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let regex = pattern(args)?;
    match regex.captures(text(args, 1)?) {
        Some(captures) => Ok(captured(&regex, &captures)),
        None => fail("pattern did not match any part of the given string"),
    }
}

fn all_matches(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let regex = pattern(args)?;
    let found = regex.captures_iter(text(args, 1)?).map(|captures| captured(&regex, &captures)).collect();
    Ok(Value::list(captured_type(args).unwrap_or(Type::String), found))
}

fn replace(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (text, search, replacement) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    let pattern = search.strip_prefix('/').and_then(|s| s.strip_suffix('/'));
    let growth = replacement.len().saturating_mul(text.len().saturating_add(1));
    if replacement.len() > 1 && growth > 10_000 * MAX_LENGTH {
        return fail("the text with all replacements could be too long");
    }
    let Some(pattern) = pattern else { return Ok(Value::string(text.replace(search, replacement))) };
    match compile(pattern) {
        Ok(regex) => Ok(Value::string(regex.replace_all(text, replacement))),
        Err(error) => fail(format!("error parsing regexp: {error}")),
    }
}

/// Writes an RE2 pattern as the `regex` crate reads it: classes like `\d` are ASCII, `\Q…\E` is literal, `{` and `[` are
/// themselves where they can't be an operator, and `&&`, `--`, `~~` in a class are no operators.
pub(super) fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if c == '\\' {
            rest = escape(after, in_class, &mut out);
        } else if in_class {
            rest = class_member(c, rest, &mut in_class, &mut out);
        } else if c == '[' {
            in_class = true;
            out.push('[');
            rest = after;
            if let Some(negated) = rest.strip_prefix('^') {
                out.push('^');
                rest = negated;
            }
            if let Some(literal) = rest.strip_prefix(']') {
                out.push_str("\\]");
                rest = literal;
            }
        } else if c == '{' && !is_repetition(after) {
            out.push_str("\\{");
            rest = after;
        } else {
            out.push(c);
            rest = after;
        }
    }
    out
}

/// After a backslash; gives what is left.
fn escape<'p>(after: &'p str, in_class: bool, out: &mut String) -> &'p str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[c.len_utf8()..];
    let ascii = match c {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => "\\t\\n\\x0C\\r ",
        _ => "",
    };
    match c {
        'd' | 'w' | 's' if in_class => out.push_str(ascii),
        'd' | 'w' | 's' => out.push_str(&format!("[{ascii}]")),
        'D' => out.push_str("[^0-9]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'S' => out.push_str("[^\\t\\n\\x0C\\r ]"),
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        'Q' => {
            let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(literal));
            return rest;
        }
        c if c.is_ascii_punctuation() => out.push_str(&regex::escape(&c.to_string())),
        c => {
            out.push('\\');
            out.push(c);
        }
    }
    rest
}

/// Inside of `[…]`; gives what is left.
fn class_member<'p>(c: char, rest: &'p str, in_class: &mut bool, out: &mut String) -> &'p str {
    let after = &rest[c.len_utf8()..];
    match c {
        ']' => {
            *in_class = false;
            out.push(']');
        }
        '[' => {
            if let Some(end) = after.strip_prefix(':').and_then(|name| name.find(":]")) {
                let posix = &rest[..end + 4];
                out.push_str(posix);
                return &rest[posix.len()..];
            }
            out.push_str("\\[");
        }
        '&' | '~' => {
            out.push('\\');
            out.push(c);
        }
        '-' if after.starts_with('-') => out.push_str("\\-"),
        c => out.push(c),
    }
    after
}

/// True after the `{` of `{3}`, `{3,}` or `{3,5}`.
fn is_repetition(after: &str) -> bool {
    let Some((counts, _)) = after.split_once('}') else { return false };
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}
