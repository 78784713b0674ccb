//! What a provider was given in confidence, taken out of what it says when it fails.
//!
//! A service names the value that it refuses, and a provider doesn't know which arguments a configuration holds for
//! sensitive: the marks on the values do. Only what is said of failures and progress is looked at here; objects that come
//! back are marked by the machine.

use pilotis_plan::{Answer, Failure, Found, Request};
use pilotis_value::{Confided, Value};

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
        Confided::of(&self.0).is_in(text)
    }

    /// Takes them out of all that an answer says of failures.
    pub(crate) fn redact(&self, answer: &mut Answer) {
        let clean = |failure: &mut Failure| clean(failure, &Confided::of(&self.0));
        match answer {
            Answer::Connected(Err(e)) => clean(e),
            Answer::Listed(all) => all.iter_mut().filter_map(|r| r.as_mut().err()).for_each(&clean),
            Answer::Read(all) => all.iter_mut().filter_map(|r| r.as_mut().err()).for_each(&clean),
            Answer::Data(all) => all.iter_mut().filter_map(|r| r.as_mut().err()).for_each(&clean),
            Answer::Opened(Err(e)) | Answer::Closed(Err(e)) | Answer::Imported(Err(e)) => clean(e),
            Answer::Found(Err(e)) | Answer::Created(Err(e)) => clean(e),
            Answer::Found(Ok(Found::Unknown(why))) => Confided::of(&self.0).take_out(why),
            Answer::Updated(Err(e)) | Answer::Deleted(Err(e)) => clean(e),
            Answer::Created(Ok(created)) => created.error.iter_mut().for_each(clean),
            _ => {}
        }
    }
}

fn clean(failure: &mut Failure, confided: &Confided) {
    let Failure { summary, detail, help, outcome: _, attribute: _ } = failure;
    for text in [summary, detail].into_iter().chain(help) {
        confided.take_out(text);
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

#[cfg(test)]
mod tests {
    use pilotis_value::Marks;

    use super::*;

    fn sensitive(text: &str) -> Value {
        Value::string(text).with_marks(Marks::SENSITIVE)
    }

    #[test]
    fn what_is_sensitive_is_taken_out_of_each_part_of_a_failure() {
        let planned = Value::object_of([("open", Value::string("plainly")), ("token", sensitive("within"))]);
        let (provider, known) = (pilotis_plan::ProviderId(0), std::sync::Arc::default());
        let request = Request::Find { provider, type_name: "t".into(), planned, known };
        let said = "plainly: within";
        let failure = Failure { help: vec!["within".to_owned()], ..Failure::new(said).detail("within") };
        let mut answer = Answer::Found(Err(failure));
        Hidden::of(&request).redact(&mut answer);
        let Answer::Found(Err(failure)) = answer else { panic!("{answer:?}") };
        assert_eq!(failure.summary, "plainly: (sensitive)");
        assert_eq!((failure.detail.as_str(), failure.help), ("(sensitive)", vec!["(sensitive)".to_owned()]));
    }
}
