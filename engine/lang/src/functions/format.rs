//! `format` and `formatlist`.

use pilotis_value::convert::convert;
use pilotis_value::number::Digits;
use pilotis_value::{Kind, Number, Type, Value, json};

use super::{
    FunctionDef, FunctionError, MAX_LENGTH, MAX_TEXT, Outcome, Param, any, clusters, fail, fail_argument,
    list_of_strings, string, text, typed_as, unknown,
};
use crate::Surroundings;

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "format",
        params: &[Param::new("format", string)],
        variadic: Some(Param::new("args", any).nullable()),
        returns: |args| typed_as(Type::String, args),
        call: |args, _| {
            let (text, used) = format(text(args, 0)?, &args[1..])?;
            if used < args.len() - 1 {
                return fail_argument(used + 1, too_many(used));
            }
            Ok(Value::string(text))
        },
        doc: "A text with the verbs of a format replaced by values: %s %q %d %b %o %x %e %f %g %t %v, with width, precision and flags.",
    },
    FunctionDef {
        name: "formatlist",
        params: &[Param::new("format", string)],
        variadic: Some(Param::new("args", any).nullable().unknown()),
        returns: |args| typed_as(list_of_strings(), args),
        call: format_list,
        doc: "Formats once for each element of the lists among the values, which must have the same length.",
    },
];

fn too_many(used: usize) -> String {
    match used {
        0 => "too many arguments; no verbs in format string".into(),
        n => format!("too many arguments; only {n} used by format string"),
    }
}

fn format_list(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let pattern = text(args, 0)?;
    let values = &args[1..];
    let open = |v: &Value| !v.is_known() && !v.ty().is_primitive();
    if values.iter().any(open) {
        return Ok(Value::unknown(typed_as(list_of_strings(), args)));
    }
    let mut length: Option<(usize, usize)> = None;
    for (i, value) in values.iter().enumerate() {
        let Some(items) = value.as_elements() else { continue };
        match length {
            None => length = Some((i, items.len())),
            Some((first, n)) if n != items.len() => {
                let message = format!(
                    "argument {} has length {}, which is inconsistent with argument {} of length {n}",
                    i + 1,
                    items.len(),
                    first + 1
                );
                return fail_argument(i + 1, message);
            }
            Some(_) => {}
        }
    }
    let times = length.map_or(1, |(_, n)| n);
    let mut lines = Vec::with_capacity(times);
    let mut length = 0;
    for i in 0..times {
        let row: Vec<Value> = values
            .iter()
            .map(|v| v.as_elements().map_or_else(|| v.clone(), |items| items[i].clone()))
            .collect();
        if row.iter().any(|v| !v.is_wholly_known()) {
            lines.push(unknown(Type::String));
            continue;
        }
        let (line, used) = format(pattern, &row)
            .map_err(|e| FunctionError::new(format!("error on format iteration {i}: {}", e.message)))?;
        if used < row.len() {
            return fail_argument(used + 1, too_many(used));
        }
        length += line.len();
        if length > 10 * MAX_TEXT {
            return fail("the formatted texts would be too long");
        }
        lines.push(Value::string(line));
    }
    Ok(Value::list(Type::String, lines))
}

/// A verb with all that stands before it.
#[derive(Default)]
struct Verb<'f> {
    /// As it is written.
    raw: &'f str,
    /// Where it begins.
    offset: usize,
    space: bool,
    plus: bool,
    minus: bool,
    zero: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

/// The text, and how many of the arguments it used.
fn format(pattern: &str, args: &[Value]) -> Result<(String, usize), FunctionError> {
    let mut out = String::new();
    let (mut next, mut used) = (0, 0);
    let mut at = 0;
    while let Some(found) = pattern[at..].find('%') {
        out.push_str(&pattern[at..at + found]);
        at += found;
        let (verb, index, end) = read_verb(pattern, at)?;
        at = end;
        if verb.letter == '%' {
            out.push('%');
            continue;
        }
        let index = index.unwrap_or(next);
        let Some(value) = args.get(index) else {
            return fail(format!(
                "not enough arguments for {:?} at {}: need index {} but have {} total",
                verb.raw,
                verb.offset,
                index + 1,
                args.len()
            ));
        };
        next = index + 1;
        used = used.max(next);
        verb.write(value, &mut out)?;
        if out.len() > MAX_TEXT {
            return fail("the formatted text would be too long");
        }
    }
    out.push_str(&pattern[at..]);
    Ok((out, used))
}

/// Reads the verb at a `%`: the verb, the index of its argument if it names one, and where it ends.
fn read_verb(pattern: &str, offset: usize) -> Result<(Verb<'_>, Option<usize>, usize), FunctionError> {
    let bytes = pattern.as_bytes();
    let mut verb = Verb { offset, ..Verb::default() };
    let mut at = offset + 1;
    loop {
        match bytes.get(at) {
            Some(b' ') => verb.space = true,
            Some(b'+') => verb.plus = true,
            Some(b'-') => verb.minus = true,
            Some(b'0') => verb.zero = true,
            Some(b'#') => verb.sharp = true,
            _ => break,
        }
        at += 1;
    }
    let number = |at: &mut usize| -> Result<Option<usize>, FunctionError> {
        let from = *at;
        while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
            *at += 1;
        }
        match pattern[from..*at].parse::<usize>() {
            Ok(n) if n <= MAX_LENGTH => Ok(Some(n)),
            _ if from == *at => Ok(None),
            _ => fail(format!("the number at offset {from} is too big")),
        }
    };
    verb.width = number(&mut at)?.unwrap_or(0);
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        verb.precision = Some(number(&mut at)?.unwrap_or(0));
    }
    let mut index = None;
    if bytes.get(at) == Some(&b'[') {
        at += 1;
        match number(&mut at)? {
            Some(n) if n > 0 && bytes.get(at) == Some(&b']') => index = Some(n - 1),
            _ => return unrecognized(pattern, at.min(pattern.len())),
        }
        at += 1;
    }
    match pattern[at..].chars().next() {
        Some(letter) if letter.is_ascii_alphabetic() || (letter == '%' && at == offset + 1) => {
            let end = at + 1;
            verb.letter = letter;
            verb.raw = &pattern[offset..end];
            Ok((verb, index, end))
        }
        _ => unrecognized(pattern, at),
    }
}

fn unrecognized<T>(pattern: &str, at: usize) -> Result<T, FunctionError> {
    match pattern[at..].chars().next() {
        Some(c) => fail(format!("unrecognized format character {c:?} at offset {at}")),
        None => fail(format!("invalid format string starting at offset {at}")),
    }
}

impl Verb<'_> {
    fn write(&self, value: &Value, out: &mut String) -> Result<(), FunctionError> {
        if value.is_null() && self.letter != 'v' {
            return self.unsupported("null value cannot be formatted");
        }
        match self.letter {
            'v' => self.write_as_is(value, out),
            // Never padded.
            't' => {
                let is_true = self.converted(value, &Type::Bool)?.as_bool() == Some(true);
                out.push_str(if is_true { "true" } else { "false" });
                Ok(())
            }
            's' | 'q' => self.write_string(&self.converted(value, &Type::String)?, out),
            'b' | 'd' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let number = self.converted(value, &Type::Number)?;
                self.write_number(number.as_number().unwrap_or(&Number::ZERO), out)
            }
            letter => fail(format!(
                "unsupported format verb {letter:?} in {:?} at offset {}",
                self.raw, self.offset
            )),
        }
    }

    fn unsupported<T>(&self, message: &str) -> Result<T, FunctionError> {
        fail(format!("unsupported value for {:?} at {}: {message}", self.raw, self.offset))
    }

    fn converted(&self, value: &Value, ty: &Type) -> Result<Value, FunctionError> {
        convert(value, ty).or_else(|error| self.unsupported(&error.to_string()))
    }

    /// `%v`: texts, numbers and bools bare, anything else (and all of it with `#`) as JSON.
    fn write_as_is(&self, value: &Value, out: &mut String) -> Result<(), FunctionError> {
        match value.kind() {
            Kind::String(_) if !self.sharp => return self.write_string(value, out),
            Kind::Number(n) if !self.sharp => {
                let verb = Verb { letter: 'g', ..*self };
                return verb.write_number(n, out);
            }
            _ => {}
        }
        match json::to_json_text(value) {
            Ok(text) => self.pad(&text, out),
            Err(error) => return self.unsupported(&error.to_string()),
        }
        Ok(())
    }

    fn write_string(&self, value: &Value, out: &mut String) -> Result<(), FunctionError> {
        let text = value.as_str().unwrap_or_default();
        let cut: String = match self.precision {
            Some(length) => clusters::clusters(text).take(length).collect(),
            None => text.to_owned(),
        };
        let shown = if self.letter == 'q' {
            json::to_json_text(&Value::string(&cut)).unwrap_or_default()
        } else {
            cut
        };
        self.pad(&shown, out);
        Ok(())
    }

    fn pad(&self, text: &str, out: &mut String) {
        if self.width == 0 {
            return out.push_str(text);
        }
        let missing = self.width.saturating_sub(clusters::count(text));
        let fill = if self.zero && !self.minus { "0" } else { " " };
        if self.minus {
            out.push_str(text);
            out.push_str(&fill.repeat(missing));
        } else {
            out.push_str(&fill.repeat(missing));
            out.push_str(text);
        }
    }

    fn write_number(&self, n: &Number, out: &mut String) -> Result<(), FunctionError> {
        let magnitude = n.abs();
        let whole = |base: u8, prefix: &str| -> Result<String, FunctionError> {
            let digits = magnitude.is_integer().then(|| magnitude.to_radix(base)).flatten();
            let Some(digits) = digits else { return self.unsupported("an integer is required") };
            let zeros = self.precision.unwrap_or(0).saturating_sub(digits.len());
            let prefix = if self.sharp { prefix } else { "" };
            Ok(format!("{prefix}{}{digits}", "0".repeat(zeros)))
        };
        let digits = match self.letter {
            'd' => whole(10, "")?,
            'b' => whole(2, "0b")?,
            'o' => whole(8, "0")?,
            'x' => whole(16, "0x")?,
            'X' => whole(16, "0x")?.to_uppercase(),
            'E' | 'G' | 'F' => self.float(&magnitude).to_uppercase(),
            _ => self.float(&magnitude),
        };
        let sign = match (n.signum() < 0, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        };
        let missing = self.width.saturating_sub(sign.len() + digits.len());
        if self.zero && !self.minus {
            out.push_str(&format!("{sign}{}{digits}", "0".repeat(missing)));
        } else {
            let plain = Verb { zero: false, ..*self };
            plain.pad(&format!("{sign}{digits}"), out);
        }
        Ok(())
    }

    /// `%e`, `%f` and `%g` of a number that isn't negative.
    fn float(&self, n: &Number) -> String {
        let precision = self.precision.unwrap_or(6);
        let digits = match self.letter.to_ascii_lowercase() {
            'e' => Digits::Significant(precision + 1),
            'f' => Digits::AfterPoint(precision),
            _ => self.precision.map_or(Digits::Shortest, |p| Digits::Significant(p.max(1))),
        };
        let Some(decimal) = n.to_decimal(digits) else {
            return n.to_string().trim_start_matches('+').to_owned();
        };
        match self.letter.to_ascii_lowercase() {
            'e' => {
                let (mantissa, exponent) = decimal.scientific().split_once('e').map_or_else(
                    || (String::new(), String::new()),
                    |(mantissa, exponent)| (mantissa.to_owned(), exponent.to_owned()),
                );
                let (first, rest) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
                let point = if precision > 0 { "." } else { "" };
                format!("{first}{point}{rest:0<precision$}e{exponent}")
            }
            'f' => decimal.fixed(precision),
            _ => {
                // Without a precision Go decides by six digits.
                let limit = match self.precision {
                    None => 6,
                    Some(p) => {
                        let p = p.max(1) as i64;
                        let have = decimal.digits.len() as i64;
                        if p > have && have >= decimal.point { have } else { p }
                    }
                };
                if (-4..limit).contains(&decimal.exponent()) {
                    decimal.fixed(0)
                } else {
                    decimal.scientific()
                }
            }
        }
    }
}
