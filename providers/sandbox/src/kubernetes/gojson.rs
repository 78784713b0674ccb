//! JSON as the API server reads it: with Go's words for what is wrong, and with the keys that are given twice.

use serde_json::{Map, Value};

/// A parsed text.
#[derive(Debug, PartialEq)]
pub(crate) struct Parsed {
    pub(crate) value: Value,
    /// Paths of keys that an object has more than once; the last one counts.
    pub(crate) duplicates: Vec<String>,
}

/// Deeper than any object of the API, and not so deep that the stack suffers.
const DEPTH: usize = 200;

/// Reads a text; the error is Go's.
pub(crate) fn parse(text: &str) -> Result<Parsed, String> {
    let mut reader = Reader { text, at: 0, duplicates: Vec::new(), path: Vec::new() };
    let value = reader.value(0)?;
    reader.space();
    if let Some(letter) = reader.peek() {
        return Err(bad(letter, "after top-level value"));
    }
    Ok(Parsed { value, duplicates: reader.duplicates })
}

fn bad(letter: char, place: &str) -> String {
    let shown = match letter {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        letter if u32::from(letter) < 0x20 => format!("'\\x{:02x}'", u32::from(letter)),
        letter if letter.is_control() => format!("'\\u{:04x}'", u32::from(letter)),
        letter => format!("'{letter}'"),
    };
    format!("invalid character {shown} {place}")
}

const END: &str = "unexpected end of JSON input";

struct Reader<'a> {
    text: &'a str,
    at: usize,
    duplicates: Vec<String>,
    path: Vec<String>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        self.space();
        let letter = self.peek().ok_or(END)?;
        match letter {
            _ if depth > DEPTH => Err("exceeded max depth".into()),
            '{' => self.object(depth),
            '[' => self.array(depth),
            '"' => self.string().map(Value::String),
            't' => self.literal("true", Value::Bool(true)),
            'f' => self.literal("false", Value::Bool(false)),
            'n' => self.literal("null", Value::Null),
            '-' | '0'..='9' => self.number(),
            letter => Err(bad(letter, "looking for beginning of value")),
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, String> {
        for expected in word.chars() {
            match self.peek() {
                None => return Err(END.into()),
                Some(letter) if letter == expected => self.at += 1,
                Some(letter) => {
                    return Err(bad(letter, &format!("in literal {word} (expecting '{expected}')")));
                }
            }
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, String> {
        let rest = &self.text[self.at..];
        let end = rest.find(|letter: char| !matches!(letter, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
        let (number, _) = rest.split_at(end.unwrap_or(rest.len()));
        self.at += number.len();
        serde_json::from_str(number).map_err(|_| match self.peek() {
            Some(letter) => bad(letter, "in numeric literal"),
            None => END.into(),
        })
    }

    fn string(&mut self) -> Result<String, String> {
        let start = self.at;
        let mut escaped = false;
        for (offset, letter) in self.text[start + 1..].char_indices() {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    self.at = start + 1 + offset + 1;
                    let token = &self.text[start..self.at];
                    return serde_json::from_str(token)
                        .map_err(|_| "invalid character in string escape code".into());
                }
                letter if u32::from(letter) < 0x20 => return Err(bad(letter, "in string literal")),
                _ => {}
            }
        }
        Err(END.into())
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut map = Map::new();
        self.space();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(Value::Object(map));
        }
        loop {
            self.space();
            match self.peek().ok_or(END)? {
                '"' => {}
                letter => return Err(bad(letter, "looking for beginning of object key string")),
            }
            let key = self.string()?;
            self.space();
            match self.peek().ok_or(END)? {
                ':' => self.at += 1,
                letter => return Err(bad(letter, "after object key")),
            }
            self.path.push(key);
            let value = self.value(depth + 1)?;
            let key = self.path.pop().unwrap_or_default();
            if map.contains_key(&key) {
                let mut path = self.path.join(".");
                if !path.is_empty() {
                    path.push('.');
                }
                self.duplicates.push(format!("{path}{key}"));
            }
            map.insert(key, value);
            self.space();
            match self.peek().ok_or(END)? {
                ',' => self.at += 1,
                '}' => {
                    self.at += 1;
                    return Ok(Value::Object(map));
                }
                letter => return Err(bad(letter, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut list = Vec::new();
        self.space();
        if self.peek() == Some(']') {
            self.at += 1;
            return Ok(Value::Array(list));
        }
        loop {
            if let Some(last) = self.path.last_mut() {
                last.push_str(&format!("[{}]", list.len()));
            }
            let item = self.value(depth + 1);
            if let Some(last) = self.path.last_mut() {
                let end = last.rfind('[').unwrap_or(last.len());
                last.truncate(end);
            }
            list.push(item?);
            self.space();
            match self.peek().ok_or(END)? {
                ',' => self.at += 1,
                ']' => {
                    self.at += 1;
                    return Ok(Value::Array(list));
                }
                letter => return Err(bad(letter, "after array element")),
            }
        }
    }
}
