//! Bytes to tree: recursive descent to a limited depth, each byte looked at a fixed number of times.

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, FileId, Span};
use pilotis_value::Number;

use super::place::{Escape, escape_at};
use super::{Node, NodeKind, Property};
use crate::parse::{MAX_NESTING, codes};

/// More mistakes than this are not one text's: what is not JSON at all is wrong everywhere.
const MAX_REPORTS: usize = 100;

pub(super) struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    file: FileId,
    at: usize,
    depth: u32,
    diags: Diagnostics,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, file: FileId) -> Reader<'a> {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Reader { text, bytes: text.as_bytes(), file, at, depth: 0, diags: Diagnostics::new() }
    }

    pub(super) fn whole(mut self) -> (Node, Diagnostics) {
        self.space();
        if self.at == self.bytes.len() {
            let d = Diagnostic::error("Empty JSON text").code(codes::JSON).at(self.span(self.at, self.at));
            self.report(d.help("A file without declarations holds an empty object: {}."));
            return (Node { kind: NodeKind::Invalid, span: self.span(self.at, self.at) }, self.diags);
        }
        let node = self.value();
        self.space();
        if self.at < self.bytes.len() && self.diags.is_empty() {
            let d = Diagnostic::error("Extraneous data after value")
                .code(codes::JSON)
                .at(self.here())
                .detail("A JSON text is one value; there is more after its end.");
            self.report(d);
        }
        (node, self.diags)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    /// The character that is next; nothing at the end of the text.
    fn here(&self) -> Span {
        let length = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        self.span(self.at, self.at + length)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diags.len() < MAX_REPORTS {
            self.diags.push(diagnostic);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Skips space, and comments, which JSON doesn't have.
    fn space(&mut self) {
        loop {
            let rest = &self.bytes[self.at..];
            self.at += rest.iter().take_while(|b| b" \t\r\n".contains(b)).count();
            let rest = &self.text[self.at..];
            let length = if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else if rest.starts_with("//") || rest.starts_with('#') {
                rest.find('\n').unwrap_or(rest.len())
            } else {
                return;
            };
            let d = Diagnostic::error("Comment in JSON")
                .code(codes::JSON)
                .at(self.span(self.at, self.at + length))
                .detail("JSON has no comments.")
                .help(r#"Write it as a property of a block: "//": "text"."#);
            self.report(d);
            self.at += length;
        }
    }

    fn value(&mut self) -> Node {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.text(),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => self.number(),
            Some(b'\'') => self.single_quoted(),
            Some(b) if b.is_ascii_alphabetic() || b == b'_' => self.word(),
            _ => self.not_a_value(),
        };
        Node { kind, span: self.span(start, self.at) }
    }

    fn nested(&mut self, read: fn(&mut Self) -> NodeKind) -> NodeKind {
        if self.depth == MAX_NESTING {
            let d = Diagnostic::error("Nested too deeply")
                .code(codes::DEPTH)
                .at(self.here())
                .detail(format!("Objects and arrays may be nested {MAX_NESTING} levels."));
            self.report(d);
            self.skip_bracket();
            return NodeKind::Invalid;
        }
        self.depth += 1;
        let kind = read(self);
        self.depth -= 1;
        kind
    }

    fn object(&mut self) -> NodeKind {
        let open = self.at;
        self.at += 1;
        let mut properties = Vec::new();
        self.space();
        while !self.eat(b'}') {
            if self.unclosed(open, b'}', b']', "object") {
                break;
            }
            match self.property() {
                Some(property) => properties.push(property),
                None => self.skip_item(),
            }
            self.separator(b'}', "object");
        }
        NodeKind::Object(properties)
    }

    fn array(&mut self) -> NodeKind {
        let open = self.at;
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        while !self.eat(b']') {
            if self.unclosed(open, b']', b'}', "array") {
                break;
            }
            let item = self.value();
            if item.kind == NodeKind::Invalid {
                self.skip_item();
            }
            items.push(item);
            self.separator(b']', "array");
        }
        NodeKind::Array(items)
    }

    /// True, and reported, if the text or what is around ends before this does.
    fn unclosed(&mut self, open: usize, own: u8, other: u8, what: &str) -> bool {
        let next = self.peek();
        if next.is_some() && next != Some(other) {
            return false;
        }
        let d = Diagnostic::error(format!("Unclosed {what}"))
            .code(codes::UNCLOSED)
            .label(self.here(), format!("\"{}\" is expected here", char::from(own)))
            .also(self.span(open, open + 1), format!("this {what} starts here"));
        self.report(d);
        // A wrong bracket that closes nothing outside stands for the right one.
        if next.is_some() && self.depth == 1 {
            self.at += 1;
        }
        true
    }

    fn property(&mut self) -> Option<Property> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            let d = Diagnostic::error("Invalid JSON object property name")
                .code(codes::JSON)
                .at(self.here())
                .detail("The name of a property is a text in double quotes.");
            self.report(d);
            return None;
        }
        let name = self.string();
        let name_span = self.span(start, self.at);
        self.space();
        if !self.eat(b':') {
            let mut d = Diagnostic::error("Missing property value colon")
                .code(codes::SEPARATOR)
                .at(self.here())
                .detail("A colon must stand between the name of a property and its value.");
            if self.peek() == Some(b'=') {
                d = d.help("JSON has a colon where native syntax has an equals sign.");
            } else if is_torn(&name) {
                d = d.help(r#"Quotes inside a template in JSON are escaped: "${f(\"x\")}"."#);
            }
            self.report(d);
            return None;
        }
        self.space();
        let value = self.value();
        if value.kind == NodeKind::Invalid {
            self.skip_item();
        }
        Some(Property { name, name_span, value })
    }

    /// The comma after an item, if another follows.
    fn separator(&mut self, close: u8, what: &str) {
        self.space();
        let comma = self.at;
        if self.eat(b',') {
            self.space();
            if self.peek() == Some(close) {
                let d = Diagnostic::error(format!("Trailing comma in {what}"))
                    .code(codes::SEPARATOR)
                    .at(self.span(comma, comma + 1))
                    .detail("JSON has no comma after the last item.");
                self.report(d);
            }
            return;
        }
        if matches!(self.peek(), None | Some(b'}' | b']')) {
            return;
        }
        let d = Diagnostic::error("Missing comma")
            .code(codes::SEPARATOR)
            .at(self.here())
            .detail(format!("Items of an {what} have a comma between them."));
        self.report(d);
        let is_next = match self.peek() {
            Some(b'"') => true,
            Some(b) if close == b']' => matches!(b, b'{' | b'[' | b'-') || b.is_ascii_alphanumeric(),
            _ => false,
        };
        if !is_next {
            self.skip_item();
            self.space();
            self.eat(b',');
            self.space();
        }
    }

    /// Goes to the end of the item that could not be read: a comma or closing bracket outside brackets and strings.
    fn skip_item(&mut self) {
        let mut open = 0u32;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.skip_string();
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' | b',' if open == 0 => return,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Goes behind the bracket that belongs to the one that is next.
    fn skip_bracket(&mut self) {
        self.at += 1;
        loop {
            self.skip_item();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(_) => {
                    self.at += 1;
                    return;
                }
                None => return,
            }
        }
    }

    /// Goes behind a string without reading it; it ends with its line at the latest.
    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => return,
                b'\\' if self.bytes.get(self.at + 1).is_some_and(|b| *b != b'\n') => self.at += 1,
                b'"' => {
                    self.at += 1;
                    return;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(self.bytes.len());
    }

    /// A string that is a value. One that ends inside a template, and not at the end of the item, was ended by a quote that was
    /// meant for the template.
    fn text(&mut self) -> NodeKind {
        let before = self.diags.len();
        let text = self.string();
        if self.diags.len() > before {
            return NodeKind::String(text);
        }
        let mut after = self.text[self.at..].trim_start().bytes();
        if !is_torn(&text) || matches!(after.next(), None | Some(b',' | b'}' | b']')) {
            return NodeKind::String(text);
        }
        let quote = self.at - 1;
        let d = Diagnostic::error("Quote inside a template")
            .code(codes::ESCAPE)
            .at(self.span(quote, quote + 1))
            .detail("This quote ends the JSON string, in the middle of a template.")
            .help(r#"Escape the quotes of a template in JSON: "${f(\"x\")}"."#);
        self.report(d);
        NodeKind::Invalid
    }

    fn string(&mut self) -> EcoString {
        let open = self.at;
        self.at += 1;
        let mut out = EcoString::new();
        loop {
            let plain =
                self.bytes[self.at..].iter().take_while(|b| !matches!(b, b'"' | b'\\' | 0..0x20)).count();
            out.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return out;
                }
                Some(b'\\') => self.escape(&mut out),
                // Kept, so that places behind it stay right.
                Some(byte) if byte != b'\n' && byte != b'\r' => {
                    self.control(if byte == b'\t' { r"\t" } else { r"an escape such as \u0001" });
                    out.push(char::from(byte));
                }
                _ => {
                    let d = Diagnostic::error("Unterminated string")
                        .code(codes::UNTERMINATED)
                        .label(self.span(open, self.at), "this string has no closing quote")
                        .detail("A JSON string ends on the line on which it starts.")
                        .help(r"Add the missing quote; a line feed in a text is \n.");
                    self.report(d);
                    return out;
                }
            }
        }
    }

    fn control(&mut self, instead: &str) {
        let d = Diagnostic::error("Control character in string")
            .code(codes::ESCAPE)
            .at(self.span(self.at, self.at + 1))
            .detail("JSON strings hold no control characters.")
            .help(format!("Write {instead}."));
        self.report(d);
        self.at += 1;
    }

    fn escape(&mut self, out: &mut EcoString) {
        let start = self.at;
        match escape_at(&self.text[self.at..]) {
            Escape::Char(c, length) => {
                out.push(c);
                self.at += length;
            }
            Escape::Lone(length) => {
                out.push(char::REPLACEMENT_CHARACTER);
                self.at += length;
            }
            Escape::Wrong(length) => {
                self.at += length;
                let d = Diagnostic::error("Invalid escape sequence")
                    .code(codes::ESCAPE)
                    .at(self.span(start, self.at))
                    .help(r#"JSON's escapes are \", \\, \/, \b, \f, \n, \r, \t and \uNNNN. A backslash itself is "\\"."#);
                self.report(d);
            }
        }
    }

    fn number(&mut self) -> NodeKind {
        let start = self.at;
        let is_part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
        self.at += self.bytes[self.at..].iter().take_while(is_part).count();
        let text = &self.text[start..self.at];
        if is_json_number(text) {
            match Number::parse(text) {
                Ok(number) => return NodeKind::Number(number),
                Err(_) => return self.wrong_number(start, "This number is too big to be represented."),
            }
        }
        let detail = "A number is digits with at most one minus sign before them, no leading zeros, then maybe a fraction and an \
                      exponent: 10, -0.5, 1e6.";
        self.wrong_number(start, detail)
    }

    fn wrong_number(&mut self, start: usize, detail: &str) -> NodeKind {
        let d =
            Diagnostic::error("Invalid JSON number").code(codes::EXPRESSION).at(self.span(start, self.at));
        self.report(d.detail(detail));
        NodeKind::Invalid
    }

    fn word(&mut self) -> NodeKind {
        let start = self.at;
        let is_part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        self.at += self.bytes[self.at..].iter().take_while(is_part).count();
        let word = &self.text[start..self.at];
        match word {
            "null" => return NodeKind::Null,
            "true" => return NodeKind::Bool(true),
            "false" => return NodeKind::Bool(false),
            _ => {}
        }
        let d = Diagnostic::error("Invalid JSON keyword").code(codes::JSON).at(self.span(start, self.at));
        let shown: String = word.chars().take(40).collect();
        let d = d.detail(format!("\"{shown}\" is no JSON value: the keywords are true, false and null."));
        let d = match word.to_ascii_lowercase().as_str() {
            lower @ ("true" | "false" | "null") => d.help(format!("Write it in small letters: {lower}.")),
            _ => d.help(format!(
                r#"A text stands in double quotes, "{shown}"; a reference is a template, "${{{shown}}}"."#
            )),
        };
        self.report(d);
        NodeKind::Invalid
    }

    fn single_quoted(&mut self) -> NodeKind {
        let d = Diagnostic::error("Invalid JSON value")
            .code(codes::JSON)
            .at(self.here())
            .detail("JSON strings stand in double quotes.");
        self.report(d);
        let rest = &self.bytes[self.at + 1..];
        let end = rest.iter().position(|b| matches!(b, b'\'' | b'\n')).unwrap_or(rest.len());
        self.at += 1 + end + usize::from(rest.get(end) == Some(&b'\''));
        NodeKind::Invalid
    }

    fn not_a_value(&mut self) -> NodeKind {
        let d = Diagnostic::error("Invalid JSON value").code(codes::JSON).at(self.here());
        self.report(d.detail(
            "A value is expected here: an object, an array, a string, a number, true, false or null.",
        ));
        NodeKind::Invalid
    }
}

/// True if a template is open where the text ends.
fn is_torn(text: &str) -> bool {
    text.rfind("${").max(text.rfind("%{")).is_some_and(|open| !text[open..].contains('}'))
}

/// The grammar of JSON's numbers, which is stricter than the language's own.
fn is_json_number(text: &str) -> bool {
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let length = digits(exponent);
        return length > 0 && length == exponent.len();
    }
    rest.is_empty()
}
