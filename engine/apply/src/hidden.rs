//! What a provider was given in confidence, taken out of what it says when it fails.
//!
//! A service names the value that it refuses, and a provider doesn't know which arguments a configuration holds for
//! sensitive: the marks on the values do. Only what is said of failures and progress is looked at here; objects that come
//! back are marked by the machine.

use pilotis_plan::{Answer, Failure, Found, Request};
use pilotis_value::{Marks, Value};

/// Shorter texts are in every second sentence: taking them out would hide nothing and spoil the message.
const SHORTEST: usize = 4;
const INSTEAD: &str = "(sensitive)";

/// The values of one request that hold something in confidence. Texts are looked for only when there is something to say.
#[derive(Default)]
pub(crate) struct Hidden(Vec<Value>);

impl Hidden {
    /// What a request holds in confidence; nothing for one without marks.
    pub(crate) fn of(request: &Request) -> Hidden {
        Hidden(values(request).into_iter().filter(|value| value.has_sensitive()).cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text holds one of them.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.texts().iter().any(|hidden| text.contains(hidden.as_str()))
    }

    /// The texts in confidence, as a service may write them, the longest first.
    fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for value in &self.0 {
            collect(value, false, &mut texts);
        }
        let forms = texts.iter().flat_map(|text| [text.clone(), in_json(text), in_address(text)]);
        let mut all: Vec<String> = forms.filter(|text| text.len() >= SHORTEST).collect();
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        all
    }

    /// Takes them out of all that an answer says of failures.
    pub(crate) fn redact(&self, answer: &mut Answer) {
        match answer {
            Answer::Connected(Err(e)) => self.clean(e),
            Answer::Listed(all) => {
                all.iter_mut().filter_map(|r| r.as_mut().err()).for_each(|e| self.clean(e))
            }
            Answer::Read(all) => all.iter_mut().filter_map(|r| r.as_mut().err()).for_each(|e| self.clean(e)),
            Answer::Data(all) => all.iter_mut().filter_map(|r| r.as_mut().err()).for_each(|e| self.clean(e)),
            Answer::Opened(Err(e)) | Answer::Closed(Err(e)) | Answer::Imported(Err(e)) => self.clean(e),
            Answer::Found(Err(e)) | Answer::Created(Err(e)) => self.clean(e),
            Answer::Found(Ok(Found::Unknown(why))) => self.take_out(why),
            Answer::Updated(Err(e)) | Answer::Deleted(Err(e)) => self.clean(e),
            Answer::Created(Ok(created)) => created.error.iter_mut().for_each(|e| self.clean(e)),
            _ => {}
        }
    }

    fn clean(&self, failure: &mut Failure) {
        let Failure { summary, detail, help, outcome: _, attribute: _ } = failure;
        for text in [summary, detail].into_iter().chain(help) {
            self.take_out(text);
        }
    }

    fn take_out(&self, text: &mut String) {
        for hidden in &self.texts() {
            if text.contains(hidden.as_str()) {
                *text = text.replace(hidden.as_str(), INSTEAD);
            }
        }
    }
}

/// The values that a provider is given with a request.
fn values(request: &Request) -> Vec<&Value> {
    match request {
        Request::Connect { config, .. } | Request::Open { config, .. } => vec![config],
        Request::List { scopes, wanted, .. } => scopes.iter().chain(wanted.iter().flatten()).collect(),
        Request::Read { objects, .. } => objects.iter().map(|(_, prior)| prior).collect(),
        Request::ReadData { sources, .. } => sources.iter().map(|(_, config)| config).collect(),
        Request::Find { planned, .. } | Request::Create { planned, .. } => vec![planned],
        Request::Update { prior, planned, .. } => vec![prior, planned],
        Request::Delete { prior, .. } => vec![prior],
        Request::Close { .. }
        | Request::Import { .. }
        | Request::Wait { .. }
        | Request::Commit(_)
        | Request::Run { .. } => Vec::new(),
    }
}

/// Texts that are sensitive, or inside of something that is.
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

/// Inside of a JSON text.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.trim_matches('"').to_owned()
}

/// A part of an address.
fn in_address(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let byte = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sensitive(text: &str) -> Value {
        Value::string(text).with_marks(Marks::SENSITIVE)
    }

    #[test]
    fn what_is_sensitive_is_taken_out_in_each_form() {
        let planned = Value::object(
            [
                ("open".into(), Value::string("plainly")),
                ("short".into(), sensitive("abc")),
                ("token".into(), sensitive("a \"b\"/c")),
                ("inner".into(), Value::tuple(vec![Value::string("within")]).with_marks(Marks::SENSITIVE)),
            ]
            .into_iter()
            .collect(),
        );
        let (provider, known) = (pilotis_plan::ProviderId(0), std::sync::Arc::default());
        let request = Request::Find { provider, type_name: "t".into(), planned, known };
        let said = r#"abc plainly: a "b"/c, a \"b\"/c, a%20%22b%22%2Fc, within"#;
        let failure = Failure { help: vec!["within".to_owned()], ..Failure::new(said).detail("within") };
        let mut answer = Answer::Found(Err(failure));
        Hidden::of(&request).redact(&mut answer);
        let Answer::Found(Err(failure)) = answer else { panic!("{answer:?}") };
        assert_eq!(failure.summary, "abc plainly: (sensitive), (sensitive), (sensitive), (sensitive)");
        assert_eq!((failure.detail.as_str(), failure.help), ("(sensitive)", vec!["(sensitive)".to_owned()]));
    }
}
