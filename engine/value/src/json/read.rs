//! Reading values straight from bytes, by a type or with a guessed one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ecow::EcoString;

use super::{Fault, MAX_DEPTH, types::decode_type};
use crate::{EntryMap, Number, ObjectType, Step, Type, Value};

pub(super) fn with_type(json: &[u8], ty: &Type) -> Result<Value, Fault> {
    let text = std::str::from_utf8(json)
        .map_err(|e| Fault::Syntax { offset: e.valid_up_to(), message: "not UTF-8".into() })?;
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = reader.typed(ty, false)?;
    reader.end()?;
    Ok(value)
}

pub(super) fn guessed(text: &str) -> Result<Value, Fault> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = reader.guessed()?;
    reader.end()?;
    Ok(value)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

/// Tokens.
impl<'t> Reader<'t> {
    fn syntax<T>(&self, message: &str) -> Result<T, Fault> {
        Err(Fault::Syntax { offset: self.at, message: message.into() })
    }
    /// The next byte that isn't white space; zero at the end.
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or(0)
    }
    fn end(&mut self) -> Result<(), Fault> {
        self.peek();
        if self.at == self.text.len() { Ok(()) } else { self.syntax("more text after the value") }
    }
    fn expect(&mut self, byte: u8, message: &str) -> Result<(), Fault> {
        if self.peek() != byte {
            return if self.at == self.text.len() {
                self.syntax("unexpected end")
            } else {
                self.syntax(message)
            };
        }
        self.at += 1;
        Ok(())
    }
    fn take_if(&mut self, byte: u8) -> bool {
        let is = self.peek() == byte;
        self.at += usize::from(is);
        is
    }
    fn word(&mut self, word: &str) -> Result<(), Fault> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return self.syntax("a value is expected");
        }
        self.at += word.len();
        Ok(())
    }
    /// The text of a number, in JSON's grammar.
    fn number_text(&mut self) -> Result<&'t str, Fault> {
        let (from, bytes) = (self.at, self.text.as_bytes());
        let digits = |at: &mut usize| {
            let start = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at - start
        };
        let mut at = from + usize::from(bytes.get(from) == Some(&b'-'));
        let zero = bytes.get(at) == Some(&b'0');
        let whole = digits(&mut at);
        let mut good = whole > 0 && (whole == 1 || !zero);
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            good &= digits(&mut at) > 0;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1;
            at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
            good &= digits(&mut at) > 0;
        }
        if !good {
            return self.syntax("a value is expected");
        }
        self.at = at;
        Ok(&self.text[from..at])
    }
    fn number(&mut self) -> Result<Number, Fault> {
        let from = self.at;
        let text = self.number_text()?;
        Number::parse(text)
            .map_err(|_| Fault::Syntax { offset: from, message: "this number is too long".into() })
    }
    /// A string; the position is at its opening quote.
    fn string(&mut self) -> Result<Cow<'t, str>, Fault> {
        if self.peek() != b'"' {
            return self.syntax("a string is expected");
        }
        self.at += 1;
        let from = self.at;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    let text = &self.text[from..self.at];
                    self.at += 1;
                    return Ok(Cow::Borrowed(text));
                }
                Some(b'\\') => return self.escaped(from).map(Cow::Owned),
                Some(0..=0x1f) => return self.syntax("a control character must be escaped"),
                Some(_) => self.at += 1,
                None => return self.syntax("unexpected end in a string"),
            }
        }
    }
    /// The rest of a string that has escapes.
    fn escaped(&mut self, from: usize) -> Result<String, Fault> {
        let bytes = self.text.as_bytes();
        let mut out = self.text[from..self.at].to_owned();
        loop {
            let plain = self.at;
            while bytes.get(self.at).is_some_and(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            out.push_str(&self.text[plain..self.at]);
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.push(c);
                }
                Some(_) => return self.syntax("a control character must be escaped"),
                None => return self.syntax("unexpected end in a string"),
            }
        }
    }
    fn escape(&mut self) -> Result<char, Fault> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        Ok(match byte {
            Some(c @ (b'"' | b'\\' | b'/')) => c as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex4()?;
                let pair = (0xd800..0xdc00).contains(&first)
                    && self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u");
                let before = self.at;
                if pair {
                    self.at += 2;
                    let second = self.hex4()?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = before;
                }
                char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return self.syntax("no such escape"),
        })
    }
    fn hex4(&mut self) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let code = digits
            .filter(|d| d.iter().all(u8::is_ascii_hexdigit))
            .and_then(|d| std::str::from_utf8(d).ok())
            .and_then(|d| u32::from_str_radix(d, 16).ok());
        match code {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => self.syntax("four hexadecimal digits are expected"),
        }
    }
}

/// Structure.
impl<'t> Reader<'t> {
    fn enter(&mut self, open: u8) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.syntax("nested too deeply");
        }
        self.expect(open, "a list or an object is expected")
    }
    /// Reads the elements of an array with a function that is given their number.
    fn array(&mut self, mut element: impl FnMut(&mut Self, usize) -> Result<(), Fault>) -> Result<(), Fault> {
        self.enter(b'[')?;
        if !self.take_if(b']') {
            let mut i = 0;
            loop {
                element(self, i).map_err(|fault| fault.inside(|| Step::Index(i as u64)))?;
                i += 1;
                if self.take_if(b']') {
                    break;
                }
                self.expect(b',', "a comma or a closing bracket is expected")?;
            }
        }
        self.depth -= 1;
        Ok(())
    }
    /// Reads the members of an object with a function that is given their name.
    fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'t, str>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.enter(b'{')?;
        if !self.take_if(b'}') {
            loop {
                let name = self.string()?;
                self.expect(b':', "a colon is expected")?;
                member(self, name)?;
                if self.take_if(b'}') {
                    break;
                }
                self.expect(b',', "a comma or a closing brace is expected")?;
            }
        }
        self.depth -= 1;
        Ok(())
    }
    /// Passes over a value and gives its text.
    fn skip(&mut self) -> Result<&'t str, Fault> {
        self.peek();
        let from = self.at;
        match self.peek() {
            b'{' => self.object(|r, _| r.skip().map(drop))?,
            b'[' => self.array(|r, _| r.skip().map(drop))?,
            b'"' => drop(self.string()?),
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => drop(self.number_text()?),
        }
        Ok(&self.text[from..self.at])
    }
    fn guessed(&mut self) -> Result<Value, Fault> {
        Ok(match self.peek() {
            b'{' => {
                let mut items = BTreeMap::new();
                self.object(|r, name| {
                    let value = r.guessed()?;
                    items.insert(normal(&name), value);
                    Ok(())
                })?;
                Value::object(items.into())
            }
            b'[' => {
                let mut items = Vec::new();
                self.array(|r, _| {
                    items.push(r.guessed()?);
                    Ok(())
                })?;
                Value::tuple(items)
            }
            b'"' => Value::string(self.string()?),
            b't' => self.word("true").map(|()| Value::bool(true))?,
            b'f' => self.word("false").map(|()| Value::bool(false))?,
            b'n' => self.word("null").map(|()| Value::null(Type::Dynamic))?,
            0 => return self.syntax("unexpected end"),
            _ => Value::number(self.number()?),
        })
    }
}

/// Keys are normalised as strings are.
fn normal(name: &str) -> EcoString {
    if name.is_ascii() {
        return EcoString::from(name);
    }
    match Value::string(name).kind() {
        crate::Kind::String(s) => s.clone(),
        _ => EcoString::from(name),
    }
}

/// By type.
impl Reader<'_> {
    /// `plain` says that nothing in the type is open or optional, so that it is the type of the value itself.
    fn typed(&mut self, ty: &Type, plain: bool) -> Result<Value, Fault> {
        if self.peek() == b'n' {
            self.word("null")?;
            return Ok(Value::null(ty.without_optional()));
        }
        match ty {
            Type::Bool | Type::Number | Type::String => return self.primitive(ty),
            Type::Dynamic => return self.wrapped(),
            _ => {}
        }
        let plain = plain || !(ty.has_dynamic() || ty.has_optional());
        let first = self.peek();
        match ty {
            Type::List(t) | Type::Set(t) if first == b'[' => {
                let mut items = Vec::new();
                self.array(|r, _| {
                    items.push(r.typed(t, plain)?);
                    Ok(())
                })?;
                if plain {
                    let t = (**t).clone();
                    return Ok(if let Type::List(_) = ty {
                        Value::list(t, items)
                    } else {
                        Value::set(t, items)
                    });
                }
                settle(Value::tuple(items), ty)
            }
            Type::Map(t) if first == b'{' => {
                let mut items = BTreeMap::new();
                self.object(|r, name| {
                    let key = normal(&name);
                    let value = r.typed(t, plain).map_err(|f| f.inside(|| Step::Key(key.clone())))?;
                    items.insert(key, value);
                    Ok(())
                })?;
                if plain {
                    return Ok(Value::map((**t).clone(), items.into()));
                }
                settle(Value::object(items.into()), ty)
            }
            Type::Tuple(types) if first == b'[' => {
                let mut items = Vec::with_capacity(types.len());
                self.array(|r, i| match types.get(i) {
                    Some(t) => {
                        items.push(r.typed(t, plain)?);
                        Ok(())
                    }
                    None => Err(Fault::at_place(format!("the tuple has {} elements only", types.len()))),
                })?;
                if items.len() != types.len() {
                    return Err(Fault::at_place(format!("{} elements required", types.len())));
                }
                Ok(Value::tuple(items))
            }
            Type::Object(object) if first == b'{' => self.attributes(ty, object, plain),
            _ => {
                self.skip()?;
                Err(Fault::at_place(format!("{} required", ty.wanted_name())))
            }
        }
    }

    fn attributes(&mut self, ty: &Type, object: &ObjectType, plain: bool) -> Result<Value, Fault> {
        let mut items = EntryMap::with_capacity(object.attributes.len());
        self.object(|r, name| {
            let Some((key, t)) = object.attributes.get_key_value(name.as_ref()) else {
                return Err(Fault::at_place(format!("unsupported attribute {name:?}")));
            };
            let value = r.typed(t, plain).map_err(|fault| fault.inside(|| Step::Attribute(key.clone())))?;
            items.insert(key.clone(), value);
            Ok(())
        })?;
        if items.len() < object.attributes.len() {
            for (name, t) in &object.attributes {
                if !items.contains_key(name) {
                    items.insert(name.clone(), Value::null(t.without_optional()));
                }
            }
        }
        Ok(if plain { Value::object_of_type(ty.clone(), items) } else { Value::object(items) })
    }

    /// A primitive; text that says a number or a bool is taken for one, and the other way round.
    fn primitive(&mut self, ty: &Type) -> Result<Value, Fault> {
        let value = match self.peek() {
            b'"' => Value::string(self.string()?),
            b't' => self.word("true").map(|()| Value::bool(true))?,
            b'f' => self.word("false").map(|()| Value::bool(false))?,
            b'{' | b'[' => {
                self.skip()?;
                return Err(Fault::at_place(format!("{} required", ty.wanted_name())));
            }
            0 => return self.syntax("unexpected end"),
            _ => Value::number(self.number()?),
        };
        if value.has_type(ty) { Ok(value) } else { settle(value, ty) }
    }

    /// `{"type":…,"value":…}`, in either order.
    fn wrapped(&mut self) -> Result<Value, Fault> {
        const SHAPE: &str = "an object with \"type\" and \"value\" is required";
        if self.peek() != b'{' {
            self.skip()?;
            return Err(Fault::at_place(SHAPE));
        }
        let (mut ty, mut value, mut depth) = (None, None, 0);
        let mut at = 0;
        self.object(|r, name| {
            match name.as_ref() {
                "type" => ty = Some(r.skip()?),
                "value" => {
                    r.peek();
                    (at, depth) = (r.at, r.depth);
                    value = Some(r.skip()?);
                }
                _ => return Err(Fault::at_place(SHAPE)),
            }
            Ok(())
        })?;
        let (Some(ty), Some(_)) = (ty, value) else { return Err(Fault::at_place(SHAPE)) };
        let ty = serde_json::from_str(ty).map_err(|_| Fault::at_place("not a type"))?;
        let ty = decode_type(&ty).map_err(|_| Fault::at_place("not a type"))?;
        let mut inner = Reader { text: self.text, at, depth };
        inner.typed(&ty, false)
    }
}

fn settle(value: Value, ty: &Type) -> Result<Value, Fault> {
    crate::convert::convert(&value, ty).map_err(|e| Fault::at_place(e.to_string()))
}
