//! Texts in confidence: what is sensitive in values, recognised where somebody says it again.
//!
//! A mark stays on its value, but a service and a provider know of no marks: they put the text into a message, or into another
//! attribute. How such a text is found is here; what is done with the place where it is found is not.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::{Kind, Marks, Path, Value};

/// Shorter texts are in every second sentence: to hide them would hide nothing else.
const SHORTEST: usize = 4;
const INSTEAD: &str = "(sensitive)";

/// The texts that are sensitive in some values, in each form in which they may be said again. Nothing prints them.
pub struct Confided {
    /// As they are, in small letters.
    plain: Vec<String>,
    /// As they are and encoded, the longest first.
    forms: Vec<String>,
}

impl fmt::Debug for Confided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} texts in confidence", self.plain.len())
    }
}

impl Confided {
    /// What is sensitive in these values.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a Value>) -> Confided {
        let mut plain = Vec::new();
        for value in values.into_iter().filter(|value| value.has_sensitive()) {
            collect(value, false, &mut plain);
        }
        plain.retain(|text| text.trim().len() >= SHORTEST);
        plain.sort();
        plain.dedup();
        let mut forms: Vec<String> = plain.iter().flat_map(|text| forms(text)).collect();
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Confided { plain: plain.iter().map(|text| text.to_lowercase()).collect(), forms }
    }

    /// There is none that is long enough to be recognised.
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }

    /// The text holds one of them, in whatever case, or encoded.
    pub fn is_in(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        // Base64 is often broken into lines.
        let joined: String = text.split_ascii_whitespace().collect();
        self.plain.iter().any(|one| lower.contains(one.as_str()))
            || self.forms.iter().any(|one| text.contains(one.as_str()) || joined.contains(one.as_str()))
    }

    /// Takes them out of a text.
    pub fn take_out(&self, text: &mut String) {
        for one in &self.forms {
            if text.contains(one.as_str()) {
                *text = text.replace(one.as_str(), INSTEAD);
            }
        }
    }

    /// The value, with each text in it sensitive that holds one of them, and each map with such a key.
    pub fn mark(&self, value: &Value) -> Value {
        let mut found: Vec<Path> = Vec::new();
        value.walk(&mut |path, part| {
            let holds = match part.kind() {
                _ if part.marks().contains(Marks::SENSITIVE) => return false,
                Kind::String(text) => self.is_in(text),
                Kind::Map(entries) => entries.items().keys().any(|key| self.is_in(key)),
                _ => false,
            };
            if holds {
                found.push(path.clone());
            }
            !holds
        });
        if found.is_empty() { value.clone() } else { value.mark_sensitive(&found) }
    }
}

/// Texts that are sensitive, or inside of something that is. Keys are names, and stay out of it.
fn collect(value: &Value, inside: bool, texts: &mut Vec<String>) {
    let mut inner = Vec::new();
    let secret = inside || value.marks().contains(Marks::SENSITIVE);
    value.walk(&mut |path, part| {
        let is_it = path.0.is_empty();
        if !is_it && !secret && part.marks().contains(Marks::SENSITIVE) {
            inner.push(part.clone());
            return false;
        }
        if let (true, Some(text)) = (secret, part.as_str()) {
            texts.push(text.to_owned());
        }
        secret || part.has_sensitive()
    });
    for part in inner {
        collect(&part, true, texts);
    }
}

fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned(), in_json(text), in_address(text)];
    for alphabet in [STANDARD, URL_SAFE] {
        forms.extend((0..3).map(|before| in_base64(text, before, &alphabet)));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// Inside of a JSON text.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// A part of an address.
fn in_address(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let byte = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(byte).collect()
}

/// What is always the same of it in base64 when it follows so many bytes: its first and last letters are made of its neighbours too.
fn in_base64(text: &str, before: usize, alphabet: &base64::engine::GeneralPurpose) -> String {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(text.as_bytes());
    let encoded = alphabet.encode(&bytes);
    let first = (before * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Type;

    fn sensitive(text: &str) -> Value {
        Value::string(text).with_marks(Marks::SENSITIVE)
    }

    #[test]
    fn they_are_taken_out_in_each_form() {
        let given = Value::object_of([
            ("open", Value::string("plainly")),
            ("short", sensitive("abc")),
            ("token", sensitive("a \"b\"/c")),
            ("inner", Value::tuple(vec![Value::string("within")]).with_marks(Marks::SENSITIVE)),
        ]);
        let mut said = r#"abc plainly: a "b"/c, a \"b\"/c, a%20%22b%22%2Fc, within, d2l0aGlu"#.to_owned();
        Confided::of([&given]).take_out(&mut said);
        assert_eq!(said, "abc plainly: (sensitive), (sensitive), (sensitive), (sensitive), (sensitive)");
    }

    #[test]
    fn they_are_found_in_base64_wherever_they_stand() {
        let confided = Confided::of([&sensitive("Tr0ub4dor")]);
        for before in ["", "1", "22", "333"] {
            let mut text = STANDARD.encode(format!("{before}Tr0ub4dor?~"));
            text.insert(before.len() + 3, '\n');
            assert!(confided.is_in(&text), "{text}");
        }
        assert!(!confided.is_in(&STANDARD.encode("nothing of the kind is in here")));
    }

    #[test]
    fn what_says_them_again_is_marked_in_its_place() {
        let confided = Confided::of([&sensitive("geheim")]);
        let named =
            |key: &str| Value::map(Type::String, [(key.into(), Value::string("v"))].into_iter().collect());
        let value = Value::object_of([
            ("list", Value::list(Type::String, vec![Value::string("open"), Value::string("GEHEIM!")])),
            ("set", Value::set(Type::String, vec![Value::string("open"), Value::string("x-geheim")])),
            ("key", named("geheim")),
            ("open", named("open")),
        ]);
        let paths: Vec<String> =
            confided.mark(&value).sensitive_paths().iter().map(ToString::to_string).collect();
        assert_eq!(paths, [".key", ".list[1]", ".set"]);
        assert_eq!(confided.mark(&named("open")), named("open"));
    }

    #[test]
    fn nothing_prints_them() {
        assert_eq!(format!("{:?}", Confided::of([&sensitive("geheim")])), "1 texts in confidence");
    }
}
