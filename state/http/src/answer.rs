//! What an answer that says no means, and what to do then.

use pilotis_state::StateError;
use serde::Deserialize;

use crate::wire::{Answer, Failure};

/// The longest word of a server that is repeated.
const WORDS: usize = 300;

impl Failure {
    pub(crate) fn at(self, location: &str) -> StateError {
        io(location, self.text)
    }
}

pub(crate) fn io(location: &str, text: impl Into<String>) -> StateError {
    StateError::Io { location: location.to_owned(), source: text.into().into() }
}

/// The server refuses to do `what`: `read the state`.
pub(crate) fn refused(location: &str, what: &str, answer: &Answer) -> StateError {
    let status = answer.status;
    if status.is_success() || answer.is_page {
        return io(location, format!("can't {what}: {}", page()));
    }
    let advice = match status.as_u16() {
        401 => {
            "the credentials are wrong, or there are none: set TF_HTTP_USERNAME and TF_HTTP_PASSWORD (for GitLab a token with the scope api; in a job `gitlab-ci-token` and $CI_JOB_TOKEN)"
        }
        403 => {
            "these credentials don't have the right (in GitLab, Developers may read a state, Maintainers may write and lock it)"
        }
        404 => {
            "there is no such place, or these credentials don't see it: is the address right, with the id of the project?"
        }
        405 | 501 => {
            "the server doesn't know this method: is the address right, and are update_method, lock_method and unlock_method those of the server (for GitLab POST, POST and DELETE)?"
        }
        413 => {
            "the state is too large for this server: let it take larger ones, or keep the state in PostgreSQL"
        }
        _ => "",
    };
    let mut text = format!("can't {what}: the server answers {status}");
    if let Some(words) = words(&answer.body) {
        text = format!("{text} ({words})");
    }
    if !advice.is_empty() {
        text = format!("{text}; {advice}");
    }
    io(location, text)
}

/// A lock of which the server doesn't say whose it is.
pub(crate) fn locked_by_somebody(location: &str, answer: &Answer) -> StateError {
    let words = words(&answer.body).map(|words| format!(": {words}")).unwrap_or_default();
    io(
        location,
        format!(
            "the state is locked by somebody of whom the server doesn't tell ({}{words}). Wait until that run is done; if it is dead, unlock the state where it is kept (in GitLab: Operate > Terraform states)",
            answer.status
        ),
    )
}

/// What was answered instead of what was asked for.
pub(crate) fn page() -> &'static str {
    "the answer is a page for people, not a state: is the address right, and is there a proxy or a sign-in page in between?"
}

/// What the server says in its error, in one line: `message` or `error` of a JSON object. Other answers may hold anything, a state too.
pub(crate) fn words(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        message: Option<String>,
        error: Option<String>,
    }
    let said: Said = serde_json::from_slice(body).ok()?;
    let text: String = said.message.or(said.error)?.chars().filter(|c| !c.is_control()).take(WORDS).collect();
    Some(text).filter(|text| !text.is_empty())
}
