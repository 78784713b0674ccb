//! Reading a document.

use std::collections::{BTreeMap, HashMap};

use ecow::EcoString;
use pilotis_value::convert::convert;
use pilotis_value::{Number, Type, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

const MAX_DEPTH: usize = 200;
/// Counted with what aliases repeat: a few lines of them can stand for more nodes than there are atoms.
const MAX_NODES: usize = 1_000_000;

type Result<T> = std::result::Result<T, String>;

/// The value of the only document of a text.
pub(super) fn read(text: &str) -> Result<Value> {
    check_directives(text)?;
    let lines = if text.contains('\t') { text.lines().collect() } else { Vec::new() };
    let events = Parser::new_from_str(text);
    let mut reader = Reader { events, lines, anchors: HashMap::new(), nodes: 0, depth: 0, flow: 0 };
    loop {
        match reader.next()? {
            (Event::StreamStart, _) => {}
            (Event::DocumentStart(_), _) => break,
            _ => return Err("there is no document in it".into()),
        }
    }
    let value = reader.node()?;
    loop {
        match reader.next()? {
            (Event::DocumentEnd, _) => {}
            (Event::StreamEnd, _) => return Ok(value),
            (_, at) => return Err(format!("{}only one document is allowed", place(at))),
        }
    }
}

/// What stands before the `---` of the document. The version is that of the reader's in Terraform, 1.1 and no other.
fn check_directives(text: &str) -> Result<()> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in text.lines().enumerate() {
        let Some(directive) = line.strip_prefix('%') else {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            return Ok(());
        };
        let mut words = directive.split_ascii_whitespace();
        let wrong = match (words.next().unwrap_or_default(), words.next()) {
            ("YAML", Some("1.1")) | ("TAG", _) => continue,
            // What has no number is the parser's to refuse.
            ("YAML", version) if version.is_none_or(|v| !v.contains('.')) => continue,
            ("YAML", _) => "found incompatible YAML document: only version 1.1 is read",
            _ => "found unknown directive name: there are %YAML and %TAG",
        };
        return Err(format!("on line {}, column 1: {wrong}", number + 1));
    }
    Ok(())
}

fn place(at: Span) -> String {
    format!("on line {}, column {}: ", at.start.line(), at.start.col() + 1)
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    /// The lines of a text in which there are tabs, else none.
    lines: Vec<&'t str>,
    /// Values of anchors, with how many nodes are in them.
    anchors: HashMap<usize, (Value, usize)>,
    nodes: usize,
    depth: usize,
    /// How many `[` and `{` are open: inside of them tabs are as good as spaces.
    flow: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span)> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let mark = error.marker();
                Err(format!("on line {}, column {}: {}", mark.line(), mark.col() + 1, error.info()))
            }
            None => Err("unexpected end".into()),
        }
    }

    fn node(&mut self) -> Result<Value> {
        let (event, at) = self.next()?;
        self.node_of(event, at)
    }

    fn node_of(&mut self, event: Event<'t>, at: Span) -> Result<Value> {
        self.check_tabs(at)?;
        let before = self.nodes;
        self.nodes += 1;
        let (value, anchor) = match event {
            Event::Alias(id) => {
                let Some((value, size)) = self.anchors.get(&id) else {
                    return Err(format!("{}an anchor refers to itself", place(at)));
                };
                self.nodes += size;
                (value.clone(), 0)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref()).map_err(|e| format!("{}{e}", place(at)))?;
                (value, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq", at)?;
                (self.inside(at, Reader::sequence)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map", at)?;
                (self.inside(at, Reader::mapping)?, anchor)
            }
            _ => return Err(format!("{}a value is expected", place(at))),
        };
        if self.nodes > MAX_NODES {
            return Err(format!("there are more than {MAX_NODES} values in it, with what aliases repeat"));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), self.nodes - before));
        }
        Ok(value)
    }

    /// What stands in a line before a place.
    fn before(&self, at: Span) -> (&'t str, &'t str) {
        let line = self.lines.get(at.start.line().saturating_sub(1)).copied().unwrap_or_default();
        let end = line.char_indices().nth(at.start.col()).map_or(line.len(), |(i, _)| i);
        line.split_at(end)
    }

    /// A tab can't indent, nor come after a `-` or `?` that does.
    fn check_tabs(&self, at: Span) -> Result<()> {
        let (indent, _) = self.before(at);
        if self.flow == 0 && indent.contains('\t') && indent.chars().all(|c| " \t-?".contains(c)) {
            return Err(format!("{}found a tab, which cannot indent; use spaces", place(at)));
        }
        Ok(())
    }

    fn inside(&mut self, at: Span, read: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        let flow = self.before(at).1.starts_with(['[', '{']) || self.flow > 0;
        self.flow += usize::from(flow);
        let value = self.deeper(at, read);
        self.flow -= usize::from(flow);
        value
    }

    fn deeper(&mut self, at: Span, read: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("{}nested too deeply", place(at)));
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn sequence(&mut self) -> Result<Value> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::tuple(items)),
                (event, at) => items.push(self.node_of(event, at)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value> {
        let mut entries: BTreeMap<EcoString, Value> = BTreeMap::new();
        let mut merged: Vec<(Value, Span)> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node_of(event, at)?;
            let value = self.node()?;
            if merge {
                merged.push((value, at));
                continue;
            }
            let key = convert(&key, &Type::String).ok();
            let Some(name) = key.as_ref().and_then(Value::as_str) else {
                return Err(format!("{}only strings are allowed as mapping keys", place(at)));
            };
            entries.insert(name.into(), value);
        }
        for (value, at) in merged {
            merge(&mut entries, &value)
                .ok_or_else(|| format!("{}only mappings can be merged with <<", place(at)))?;
        }
        Ok(Value::object(entries.into()))
    }
}

/// Adds what isn't there already, from a mapping or a sequence of them.
fn merge(entries: &mut BTreeMap<EcoString, Value>, from: &Value) -> Option<()> {
    if let Some(items) = from.as_elements() {
        return items
            .iter()
            .try_for_each(|item| if item.as_entries().is_some() { merge(entries, item) } else { None });
    }
    for (name, value) in from.as_entries()? {
        entries.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Some(())
}

fn check_tag(tag: Option<&Tag>, expected: &str, at: Span) -> Result<()> {
    match tag {
        None => Ok(()),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == expected => Ok(()),
        Some(tag) => Err(format!("{}unsupported tag \"{}{}\"", place(at), tag.handle, tag.suffix)),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value> {
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { plain(text) } else { Ok(Value::string(text)) };
    };
    if !tag.is_yaml_core_schema() {
        if tag.handle.is_empty() || (tag.handle == "!" && tag.suffix.is_empty()) {
            return Ok(Value::string(text));
        }
        return Err(format!("unsupported tag \"{}{}\"", tag.handle, tag.suffix));
    }
    let value = tagged(text, tag)?;
    // Quotes make it a string; the tag says what may stand in them.
    Ok(if style == ScalarStyle::Plain { value } else { Value::string(text) })
}

fn tagged(text: &str, tag: &Tag) -> Result<Value> {
    let wrong = || format!("{text:?} is no {}", tag.suffix);
    match tag.suffix.as_str() {
        "str" => Ok(Value::string(text)),
        "null" if is_null(text) => Ok(Value::null(Type::Dynamic)),
        "bool" => boolean(text).map(Value::bool).ok_or_else(wrong),
        "int" => number(text).filter(Number::is_integer).map(Value::number).ok_or_else(wrong),
        "float" => number(text).map(Value::number).ok_or_else(wrong),
        "timestamp" => Ok(Value::string(timestamp(text).unwrap_or_else(|| text.to_owned()))),
        "binary" => {
            use base64::Engine as _;
            let joined: String = text.split_ascii_whitespace().collect();
            let decoded = base64::engine::general_purpose::STANDARD.decode(&joined);
            decoded.map(|_| Value::string(joined)).map_err(|_| wrong())
        }
        _ => Err(format!("unsupported tag \"!!{}\"", tag.suffix)),
    }
}

fn plain(text: &str) -> Result<Value> {
    if is_null(text) {
        return Ok(Value::null(Type::Dynamic));
    }
    if let Some(truth) = boolean(text) {
        return Ok(Value::bool(truth));
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err("there is no number that is not a number".into());
    }
    if let Some(number) = number(text) {
        return Ok(Value::number(number));
    }
    Ok(Value::string(timestamp(text).unwrap_or_else(|| text.to_owned())))
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<Number> {
    let (negative, magnitude) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if matches!(magnitude, ".inf" | ".Inf" | ".INF") {
        return Some(Number::infinity(negative));
    }
    for (prefix, base) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = magnitude.strip_prefix(prefix) {
            let unsigned = !digits.starts_with(['-', '+']);
            let number = Number::parse_radix(digits, base).ok().filter(|_| unsigned)?;
            return Some(if negative { number.negate() } else { number });
        }
    }
    Number::parse(text).ok()
}

/// A date alone becomes the time at which it begins, as go-yaml has it.
fn timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(i, b)| if matches!(i, 4 | 7) { *b == b'-' } else { b.is_ascii_digit() });
    let date: Option<jiff::civil::Date> = if shape { text.parse().ok() } else { None };
    date.map(|_| format!("{text}T00:00:00Z"))
}
