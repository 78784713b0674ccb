//! Texts. Lengths and positions count what people see as one character (grapheme clusters).

use pilotis_value::{Kind, Type, Value};

use super::clusters::{self, clusters};
use super::{
    FunctionDef, MAX_LENGTH, MAX_TEXT, Outcome, Param, TOO_LONG, fail, gives_bool, gives_string,
    gives_strings, list_of_strings, number, string, strings_list, text, unknown, whole,
};
use crate::Surroundings;

const STR: Param = Param::new("str", string);

/// A function of one text.
macro_rules! of_text {
    ($name:literal, $call:expr, $doc:literal) => {
        FunctionDef {
            name: $name,
            params: &[STR],
            variadic: None,
            returns: gives_string,
            call: |args, _| {
                let of: fn(&str) -> String = $call;
                Ok(Value::string(of(text(args, 0)?)))
            },
            doc: $doc,
        }
    };
}

/// A function of two texts.
macro_rules! of_two_texts {
    ($name:literal, $second:literal, $returns:expr, $call:expr, $doc:literal) => {
        FunctionDef {
            name: $name,
            params: &[STR, Param::new($second, string)],
            variadic: None,
            returns: $returns,
            call: |args, _| {
                let of: fn(&str, &str) -> Value = $call;
                Ok(of(text(args, 0)?, text(args, 1)?))
            },
            doc: $doc,
        }
    };
}

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    of_text!("chomp", |s| s.trim_end_matches(['\r', '\n']).to_owned(), "Without the line ends at its end."),
    of_text!("lower", |s| map_chars(s, char::to_lowercase), "In lower case."),
    of_text!("upper", |s| map_chars(s, char::to_uppercase), "In upper case."),
    of_text!("title", title, "With the first letter of each word in upper case."),
    of_text!("trimspace", |s| s.trim().to_owned(), "Without white space at its ends."),
    of_text!("strrev", |s| clusters(s).rev().collect(), "With its characters in the opposite order."),
    FunctionDef {
        name: "startswith",
        params: &[STR.unknown(), Param::new("prefix", string)],
        variadic: None,
        returns: gives_bool,
        call: starts_with,
        doc: "True if the text begins with a prefix.",
    },
    of_two_texts!(
        "endswith",
        "suffix",
        gives_bool,
        |s, p| Value::bool(s.ends_with(p)),
        "True if the text ends with a suffix."
    ),
    of_two_texts!(
        "strcontains",
        "substr",
        gives_bool,
        |s, p| Value::bool(s.contains(p)),
        "True if a text occurs in the text."
    ),
    of_two_texts!(
        "trim",
        "cutset",
        gives_string,
        |s, set| Value::string(s.trim_matches(|c| set.contains(c))),
        "Without any of the given characters at its ends."
    ),
    of_two_texts!(
        "trimprefix",
        "prefix",
        gives_string,
        |s, p| Value::string(s.strip_prefix(p).unwrap_or(s)),
        "Without a prefix, if it begins with it."
    ),
    of_two_texts!(
        "trimsuffix",
        "suffix",
        gives_string,
        |s, p| Value::string(s.strip_suffix(p).unwrap_or(s)),
        "Without a suffix, if it ends with it."
    ),
    FunctionDef {
        name: "indent",
        params: &[Param::new("spaces", number), STR],
        variadic: None,
        returns: gives_string,
        call: indent,
        doc: "With spaces after each line end, so that all lines but the first are indented.",
    },
    FunctionDef {
        name: "join",
        params: &[Param::new("separator", string)],
        variadic: Some(Param::new("lists", list_of_strings)),
        returns: gives_string,
        call: join,
        doc: "The texts of one or more lists, with a separator between them.",
    },
    FunctionDef {
        name: "split",
        params: &[Param::new("separator", string), STR],
        variadic: None,
        returns: gives_strings,
        call: split,
        doc: "The parts of a text between the places where a separator occurs.",
    },
    FunctionDef {
        name: "substr",
        params: &[STR, Param::new("offset", number), Param::new("length", number)],
        variadic: None,
        returns: gives_string,
        call: substr,
        doc: "A part of a text, by its first character (negative: from the end) and length (negative: all the rest).",
    },
];

/// The beginning of a text may be known before all of it is.
fn starts_with(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let prefix = text(args, 1)?;
    let Kind::Unknown(open) = args[0].kind() else {
        return Ok(Value::bool(text(args, 0)?.starts_with(prefix)));
    };
    let begins = open.refinement.prefix.as_deref().unwrap_or_default();
    Ok(if begins.starts_with(prefix) {
        Value::bool(true)
    } else if prefix.starts_with(begins) {
        unknown(Type::Bool)
    } else {
        Value::bool(false)
    })
}

/// Each character for itself, as far as its other case is one character too (`ß` stays).
fn map_chars<I: Iterator<Item = char>>(text: &str, other_case: fn(char) -> I) -> String {
    let one = |c: char| {
        let mut mapped = other_case(c);
        match (mapped.next(), mapped.next()) {
            (Some(mapped), None) => mapped,
            _ => simple_case(c),
        }
    };
    text.chars().map(one).collect()
}

/// The other case of characters that have one of one character and one of several: the dotted capital I, and Greek vowels
/// with a iota below, whose upper case has it beside.
fn simple_case(c: char) -> char {
    let other = match c {
        'İ' => Some(u32::from('i')),
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => Some(c as u32 + 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => Some(c as u32 + 9),
        _ => None,
    };
    other.and_then(char::from_u32).unwrap_or(c)
}

/// The case that a first letter has: two letters that are one character are not both upper case, and Georgian has none.
fn title_case(c: char) -> String {
    match c {
        'Ǆ'..='ǆ' => "ǅ".into(),
        'Ǉ'..='ǉ' => "ǈ".into(),
        'Ǌ'..='ǌ' => "ǋ".into(),
        'Ǳ'..='ǳ' => "ǲ".into(),
        'ა'..='ჿ' => c.to_string(),
        c => map_chars(&c.to_string(), char::to_uppercase),
    }
}

/// A word begins after anything that is no letter, digit or `_`.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        let in_word =
            before == '_' || before.is_alphanumeric() || !(before.is_ascii() || before.is_whitespace());
        if in_word {
            out.push(c)
        } else {
            out.push_str(&title_case(c))
        }
        before = c;
    }
    out
}

fn indent(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let Some(spaces) = usize::try_from(whole(args, 0)?).ok().filter(|n| *n <= MAX_LENGTH) else {
        return fail(format!("the number of spaces must be between 0 and {MAX_LENGTH}"));
    };
    let text = text(args, 1)?;
    let added = spaces.saturating_mul(text.matches('\n').count());
    if added > 0 && added.saturating_add(text.len()) > MAX_TEXT {
        return fail(TOO_LONG);
    }
    Ok(Value::string(text.replace('\n', &format!("\n{}", " ".repeat(spaces)))))
}

fn join(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let separator = text(args, 0)?;
    if args.len() < 2 {
        return fail("at least one list is required");
    }
    let mut parts = Vec::new();
    let mut length = 0usize;
    for (n, list) in args.iter().enumerate().skip(1) {
        for (i, item) in super::elements(args, n)?.iter().enumerate() {
            let Some(part) = item.as_str() else {
                let which = if args.len() > 2 { format!(" of list {n}") } else { String::new() };
                return fail(format!("element {i}{which} is null; cannot concatenate null values"));
            };
            length = length.saturating_add(part.len() + separator.len());
            parts.push(part);
        }
        debug_assert!(list.is_known());
    }
    if length.saturating_sub(separator.len()) > MAX_TEXT {
        return fail(TOO_LONG);
    }
    Ok(Value::string(parts.join(separator)))
}

fn split(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (separator, text) = (text(args, 0)?, text(args, 1)?);
    if separator.is_empty() {
        return Ok(Value::list(Type::String, text.chars().map(|c| Value::string(c.to_string())).collect()));
    }
    Ok(strings_list(text.split(separator)))
}

fn substr(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (text, offset, length) = (text(args, 0)?, whole(args, 1)?, whole(args, 2)?);
    let from = if offset < 0 {
        let total = clusters::count(text) as i64;
        total.saturating_add(offset).max(0)
    } else {
        offset
    };
    let rest = clusters(text).skip(usize::try_from(from).unwrap_or(usize::MAX));
    Ok(Value::string(match usize::try_from(length) {
        Ok(length) => rest.take(length).collect::<String>(),
        Err(_) => rest.collect(),
    }))
}
