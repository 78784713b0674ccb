//! A request's parameters, merged from path, query and body as Grape does, and the check of their types.
//!
//! Every wrong parameter is noted; [`Params::check`] gives one 400 that names all of them, as GitLab's answer does.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::answer::Failure;

/// The parameters, and what was found wrong with them so far.
pub(super) struct Params {
    values: Map<String, Value>,
    wrong: RefCell<Vec<String>>,
}

impl Params {
    pub(super) fn new(values: Map<String, Value>) -> Params {
        Params { values, wrong: RefCell::new(Vec::new()) }
    }

    /// The value as it came, `null` included.
    pub(super) fn raw(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    fn complain(&self, text: String) {
        let mut wrong = self.wrong.borrow_mut();
        if !wrong.contains(&text) {
            wrong.push(text);
        }
    }

    /// Notes that the name must be there.
    pub(super) fn require(&self, names: &[&str]) {
        for name in names {
            if self.value(name).is_none() {
                self.complain(format!("{name} is missing"));
            }
        }
    }

    /// Notes that exactly one of these must be there.
    pub(super) fn require_one(&self, names: &[&str]) {
        match names.iter().filter(|name| self.value(name).is_some()).count() {
            0 => self.complain(format!(
                "{} are missing, exactly one parameter must be provided",
                names.join(", ")
            )),
            1 => {}
            _ => self.complain(format!("{} are mutually exclusive", names.join(", "))),
        }
    }

    /// A text; numbers and booleans are taken as their text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => {
                self.complain(format!("{name} is invalid"));
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, name: &str) -> String {
        self.require(&[name]);
        self.text(name).unwrap_or_default()
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let number = match self.value(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.complain(format!("{name} is invalid"));
        }
        number
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let flag = match self.value(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => number.as_u64().map(|number| number != 0),
            Value::String(text) => match text.to_lowercase().as_str() {
                "" => return None,
                "true" | "t" | "on" | "1" | "yes" | "y" => Some(true),
                "false" | "f" | "off" | "0" | "no" | "n" => Some(false),
                _ => None,
            },
            _ => None,
        };
        if flag.is_none() {
            self.complain(format!("{name} is invalid"));
        }
        flag
    }

    /// Texts: an array, or one text with commas.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        match self.value(name)? {
            Value::Array(items) => Some(items.iter().filter_map(text_of).collect()),
            Value::String(text) if text.is_empty() => Some(Vec::new()),
            Value::String(text) => Some(text.split(',').map(|part| part.trim().to_owned()).collect()),
            Value::Number(number) => Some(vec![number.to_string()]),
            _ => {
                self.complain(format!("{name} is invalid"));
                None
            }
        }
    }

    /// Objects in an array.
    pub(super) fn objects(&self, name: &str) -> Option<Vec<Map<String, Value>>> {
        match self.value(name)? {
            Value::Array(items) => {
                let objects: Vec<_> = items.iter().filter_map(|item| item.as_object().cloned()).collect();
                if objects.len() != items.len() {
                    self.complain(format!("{name} is invalid"));
                }
                Some(objects)
            }
            // One object, as from a form with `name[][key]=value`.
            Value::Object(object) => Some(vec![object.clone()]),
            _ => {
                self.complain(format!("{name} is invalid"));
                None
            }
        }
    }

    /// One of the allowed texts.
    pub(super) fn choice(&self, name: &str, allowed: &[&str]) -> Option<String> {
        let text = self.text(name)?;
        if !allowed.contains(&text.as_str()) {
            self.complain(format!("{name} does not have a valid value"));
            return None;
        }
        Some(text)
    }

    /// One of the allowed access levels.
    pub(super) fn level(&self, name: &str, allowed: &[u8]) -> Option<u8> {
        let number = self.number(name)?;
        let level = u8::try_from(number).ok().filter(|level| allowed.contains(level));
        if level.is_none() {
            self.complain(format!("{name} does not have a valid value"));
        }
        level
    }

    /// A date, `2026-11-25`; an empty text is no date.
    pub(super) fn date(&self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        if text.is_empty() {
            return None;
        }
        match text.get(..10).map(str::parse::<jiff::civil::Date>) {
            Some(Ok(date)) => Some(date.to_string()),
            _ => {
                self.complain(format!("{name} is invalid"));
                None
            }
        }
    }

    /// Notes anything else that is wrong.
    pub(super) fn wrong(&self, text: impl Into<String>) {
        self.complain(text.into());
    }

    /// Fails if anything was wrong.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let wrong = self.wrong.borrow();
        if wrong.is_empty() { Ok(()) } else { Err(Failure::parameters(wrong.join(", "))) }
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads `a=1&b[]=2&filter[environment_scope]=%2A` into JSON: `a[]` makes an array, `a[b]` an object, as Rack does.
pub(super) fn form(text: &str) -> Map<String, Value> {
    let mut values = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), decode(value));
        let (base, keys) = match name.split_once('[') {
            Some((base, rest)) => {
                (base.to_owned(), rest.trim_end_matches(']').split("][").map(str::to_owned).collect())
            }
            None => (name, Vec::new()),
        };
        let slot = values.entry(base).or_insert(Value::Null);
        place(slot, &keys, value);
    }
    values
}

fn place(slot: &mut Value, keys: &[String], value: String) {
    let Some((key, rest)) = keys.split_first() else {
        *slot = Value::String(value);
        return;
    };
    if key.is_empty() {
        if !slot.is_array() {
            *slot = Value::Array(Vec::new());
        }
        let Some(items) = slot.as_array_mut() else { return };
        // `a[][x]=1&a[][y]=2` fills one object until a key comes again.
        let same = rest.first().is_some_and(|next| {
            items.last().and_then(Value::as_object).is_some_and(|object| !object.contains_key(next.as_str()))
        });
        if !same {
            items.push(Value::Null);
        }
        if let Some(last) = items.last_mut() {
            place(last, rest, value);
        }
        return;
    }
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    if let Some(object) = slot.as_object_mut() {
        place(object.entry(key.clone()).or_insert(Value::Null), rest, value);
    }
}

/// Decodes `%2A` and `+`.
pub(super) fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    proptest::proptest! {
        #[test]
        fn any_query_is_read(text in "[a-c=&%\\[\\]+0-9]{0,30}") {
            form(&text);
        }

        #[test]
        fn what_was_encoded_comes_back(name in "[a-z]{1,5}", value in ".{0,20}") {
            let values = form(&format!("{name}={}", super::super::answer::encode(&value)));
            proptest::prop_assert_eq!(values.get(&name), Some(&json!(value)));
        }
    }

    #[test]
    fn a_form_reads_as_rack_reads_it() {
        let values = form(
            "name=a+b&topics[]=x&topics[]=y&filter%5Benvironment_scope%5D=%2A&a[][x]=1&a[][y]=2&a[][x]=3",
        );
        assert_eq!(
            Value::Object(values),
            json!({
                "name": "a b", "topics": ["x", "y"], "filter": {"environment_scope": "*"},
                "a": [{"x": "1", "y": "2"}, {"x": "3"}]
            })
        );
    }

    #[test]
    fn all_wrong_parameters_are_named_at_once() {
        let params = Params::new(form("access_level=42&flag=maybe"));
        params.require(&["name", "path"]);
        params.level("access_level", &[10, 20]);
        params.flag("flag");
        let failure = params.check().unwrap_err();
        assert_eq!(
            failure.body,
            json!({"error": "name is missing, path is missing, access_level does not have a valid value, flag is invalid"})
        );
    }
}
