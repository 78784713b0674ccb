//! Regular expressions, and `replace`, which takes one between slashes.
//!
//! The language is Go's RE2, which Terraform users write; [`translate`] turns it into what the `regex` crate reads.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ecow::EcoString;
use pilotis_value::{Type, Value};
use regex::{Captures, Regex};

use super::{
    FunctionDef, FunctionError, MAX_TEXT, Outcome, Param, TOO_LONG, fail, fail_argument, gives_string,
    string, text,
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

/// No person writes a longer pattern, and reading one takes a multiple of its length.
const MAX_PATTERN: usize = 50_000;

/// So many texts `regexall` gives at most: each takes more memory than the character that it may be.
const MAX_FOUND: usize = 300_000;

/// A regular expression that was read.
struct Pattern {
    regex: Regex,
    /// The name of each group that has one, by its place.
    names: Vec<(usize, String)>,
}

fn compile(pattern: &str) -> Result<Pattern, String> {
    if pattern.len() > MAX_PATTERN {
        return Err("it is too long".into());
    }
    let Translated { pattern, again } = translate(pattern)?;
    let regex = Regex::new(&pattern).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
        other => {
            // The last line says what is wrong; the lines before draw an arrow under the translated pattern.
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    })?;
    let original = |name: &str| again.get(name).map_or(name, String::as_str).to_owned();
    let groups = regex.capture_names().enumerate();
    let names = groups.filter_map(|(group, name)| Some((group, original(name?)))).collect();
    Ok(Pattern { regex, names })
}

fn pattern(args: &[Value]) -> Result<Pattern, FunctionError> {
    let pattern = compile(text(args, 0)?)
        .map_err(|error| FunctionError::argument(0, format!("invalid regexp pattern: {error}")))?;
    let named = pattern.names.len();
    if named > 0 && named + 1 < pattern.regex.captures_len() {
        return fail_argument(0, "invalid regexp pattern: cannot mix both named and unnamed capture groups");
    }
    Ok(pattern)
}

fn captured_type(args: &[Value]) -> Option<Type> {
    args.first()?.as_str()?;
    let Pattern { regex, names } = pattern(args).ok()?;
    let groups = regex.captures_len() - 1;
    Some(if groups == 0 {
        Type::String
    } else if names.is_empty() {
        Type::tuple(vec![Type::String; groups])
    } else {
        Type::object(names.iter().map(|(_, name)| (name.as_str(), Type::String)))
    })
}

fn captured(pattern: &Pattern, captures: &Captures<'_>) -> Value {
    let of = |group: Option<regex::Match<'_>>| {
        group.map_or_else(|| Value::null(Type::String), |found| Value::string(found.as_str()))
    };
    if captures.len() == 1 {
        return of(captures.get(0));
    }
    if pattern.names.is_empty() {
        return Value::tuple((1..captures.len()).map(|i| of(captures.get(i))).collect());
    }
    // Of groups with one name the last is the one that counts.
    let groups: BTreeMap<EcoString, Value> =
        pattern.names.iter().map(|(group, name)| (name.as_str().into(), of(captures.get(*group)))).collect();
    Value::object(groups.into())
}

fn first_match(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let pattern = pattern(args)?;
    match pattern.regex.captures(text(args, 1)?) {
        Some(captures) => Ok(captured(&pattern, &captures)),
        None => fail("pattern did not match any part of the given string"),
    }
}

fn all_matches(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let pattern = pattern(args)?;
    let mut found = Vec::new();
    for captures in pattern.regex.captures_iter(text(args, 1)?) {
        if found.len().saturating_mul(captures.len()) >= MAX_FOUND {
            return fail(format!("the pattern matches too often: more than {MAX_FOUND} texts are found"));
        }
        found.push(captured(&pattern, &captures));
    }
    Ok(Value::list(captured_type(args).unwrap_or(Type::String), found))
}

fn replace(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (text, search, replacement) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    let mut made = Replaced { text, made: String::new(), at: 0 };
    let Some(pattern) = search.strip_prefix('/').and_then(|s| s.strip_suffix('/')) else {
        for (at, found) in text.match_indices(search) {
            made.put(at..at + found.len(), replacement.len(), |out| out.push_str(replacement))?;
        }
        return Ok(made.finish());
    };
    let Pattern { regex, .. } =
        compile(pattern).or_else(|error| fail(format!("error parsing regexp: {error}")))?;
    let references = replacement.matches('$').count();
    for captures in regex.captures_iter(text) {
        let Some(found) = captures.get(0) else { continue };
        let most = references.saturating_mul(found.len()).saturating_add(replacement.len());
        made.put(found.range(), most, |out| captures.expand(replacement, out))?;
    }
    Ok(made.finish())
}

/// A text with parts of it replaced, from its beginning on.
struct Replaced<'t> {
    text: &'t str,
    made: String,
    at: usize,
}

impl Replaced<'_> {
    /// Replaces a part by what `fill` writes, which has so many bytes at most.
    fn put(
        &mut self,
        part: Range<usize>,
        most: usize,
        fill: impl FnOnce(&mut String),
    ) -> Result<(), FunctionError> {
        let limit = MAX_TEXT.max(self.text.len());
        if most > 10 * limit {
            return fail(TOO_LONG);
        }
        self.made.push_str(&self.text[self.at..part.start]);
        self.at = part.end;
        fill(&mut self.made);
        if self.made.len() > limit { fail(TOO_LONG) } else { Ok(()) }
    }

    fn finish(mut self) -> Value {
        self.made.push_str(&self.text[self.at..]);
        Value::string(self.made)
    }
}

/// A pattern as the `regex` crate reads it.
#[derive(Debug, PartialEq)]
pub(super) struct Translated {
    pub(super) pattern: String,
    /// Names of groups whose name another has already: the crate has each name once, so they got another. By that.
    pub(super) again: BTreeMap<String, String>,
}

/// Writes an RE2 pattern as the `regex` crate reads it: classes like `\d` are ASCII, `\Q…\E` is literal, `{` and `[` are
/// themselves where they can't be an operator, and `&&`, `--`, `~~` in a class are no operators. What only the crate
/// understands is refused.
pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut names = GroupNames { pattern, seen: BTreeSet::new(), again: BTreeMap::new() };
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_class = false;
    let mut after_repetition = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if in_class {
            rest = if c == '\\' {
                escape(after, true, &mut out)?
            } else {
                class_member(c, rest, &mut in_class, &mut out)
            };
            continue;
        }
        if let Some(length) = repetition(rest) {
            if after_repetition {
                return Err(format!("invalid nested repetition operator {:?}", &rest[..length]));
            }
            after_repetition = true;
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        after_repetition = false;
        rest = match c {
            '\\' => escape(after, false, &mut out)?,
            '[' => {
                in_class = true;
                class_start(after, &mut out)
            }
            '{' => {
                out.push_str("\\{");
                after
            }
            '(' => names.group(rest, &mut out),
            c => {
                out.push(c);
                after
            }
        };
    }
    Ok(Translated { pattern: out, again: names.again })
}

/// The names of groups that a pattern has so far.
struct GroupNames<'p> {
    pattern: &'p str,
    seen: BTreeSet<&'p str>,
    again: BTreeMap<String, String>,
}

impl<'p> GroupNames<'p> {
    /// From a `(`: writes it, with the name of the group if it has one; gives what is left.
    fn group(&mut self, rest: &'p str, out: &mut String) -> &'p str {
        let opening = ["(?P<", "(?<"].into_iter().find(|opening| rest.starts_with(opening));
        let named = opening.and_then(|opening| Some((opening, rest[opening.len()..].split_once('>')?)));
        let Some((opening, (name, after))) = named else {
            out.push('(');
            return &rest[1..];
        };
        out.push_str(opening);
        if self.seen.insert(name) {
            out.push_str(name);
        } else {
            let mut other = format!("{name}_{}", self.again.len());
            while self.pattern.contains(&other) {
                other.push('_');
            }
            out.push_str(&other);
            self.again.insert(other, name.to_owned());
        }
        out.push('>');
        after
    }
}

/// How long the repetition operator is that a text begins with, the `?` that makes it lazy included.
fn repetition(text: &str) -> Option<usize> {
    let length = match text.as_bytes().first()? {
        b'*' | b'+' | b'?' => 1,
        b'{' if is_repetition(&text[1..]) => text.find('}')? + 1,
        _ => return None,
    };
    Some(length + usize::from(text[length..].starts_with('?')))
}

/// After a `[`; gives what is left.
fn class_start<'p>(after: &'p str, out: &mut String) -> &'p str {
    out.push('[');
    let mut rest = after;
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    if let Some(literal) = rest.strip_prefix(']') {
        out.push_str("\\]");
        rest = literal;
    }
    rest
}

/// After a backslash; gives what is left.
fn escape<'p>(after: &'p str, in_class: bool, out: &mut String) -> Result<&'p str, String> {
    let Some(c) = after.chars().next() else { return Err("trailing backslash at end of expression".into()) };
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
        'B' if !in_class => out.push_str("(?-u:\\B)"),
        'Q' => {
            let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(literal));
            return Ok(rest);
        }
        '0'..='7' => return octal(after, out),
        'x' | 'p' | 'P' => {
            // The name or number in braces belongs to it.
            let braced = rest.strip_prefix('{').and_then(|r| r.find('}')).map_or(0, |end| end + 2);
            out.push('\\');
            out.push(c);
            out.push_str(&rest[..braced]);
            return Ok(&rest[braced..]);
        }
        'a' | 'f' | 't' | 'n' | 'r' | 'v' => out.extend(['\\', c]),
        'A' | 'z' if !in_class => out.extend(['\\', c]),
        c if c.is_ascii_punctuation() => out.push_str(&regex::escape(&c.to_string())),
        c => return Err(format!("invalid escape sequence \\{c}")),
    }
    Ok(rest)
}

/// A character by its number in octal: up to three digits, of which one alone would be a reference to a group.
fn octal<'p>(digits: &'p str, out: &mut String) -> Result<&'p str, String> {
    let length = digits.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
    if length == 1 && !digits.starts_with('0') {
        return Err(format!("invalid escape sequence \\{}", &digits[..1]));
    }
    let code = u32::from_str_radix(&digits[..length], 8).unwrap_or(0);
    out.push_str(&format!("\\x{{{code:x}}}"));
    Ok(&digits[length..])
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
