//! What can go wrong with a call to a service, for people and for the scheduler.

use std::fmt;
use std::time::Duration;

/// Whether the effect happened. The scheduler decides from this, never from the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service refused or was never reached: nothing was changed.
    NotDone,
    /// No answer after the request left: it may have happened.
    Unknown,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The service can't be reached (name, connection, TLS).
    Unreachable,
    /// 401: the credential isn't accepted.
    Unauthenticated,
    /// 403: the credential lacks a right.
    Forbidden,
    /// 404 where the object had to be there.
    NotFound,
    /// 409, "has already been taken": an object like it is there already.
    AlreadyExists,
    /// Somebody else owns or changes it (server-side apply, edit conflicts, still being deleted).
    Conflict,
    /// 400/422: the service doesn't take these values.
    Invalid,
    /// 429 after all retries.
    RateLimited,
    /// 5xx after all retries.
    ServerError,
    /// An answer that makes no sense.
    Garbage,
    /// It didn't get done in time (deletion, rollout).
    Timeout,
    /// The provider's configuration is wrong or lacks something.
    Configuration,
    /// This version or edition of the service doesn't have it.
    Unsupported,
    /// A defect of the provider.
    Internal,
}

/// A failure. Says service, what was tried, what came back, and what to do; never a secret.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Error {
    /// The kind.
    pub kind: ErrorKind,
    /// Whether the effect happened.
    pub outcome: Outcome,
    /// What is wrong, in a few words: "GitLab refused the token".
    pub summary: String,
    /// The service's own words, and why.
    pub detail: String,
    /// `POST https://gitlab.example/api/v4/groups`
    pub request: Option<String>,
    /// HTTP status.
    pub status: Option<u16>,
    /// The service's request id, for its administrator.
    pub request_id: Option<String>,
    /// Where the credential came from: `GITLAB_TOKEN`, `provider "gitlab"`, a kubeconfig's context.
    pub credential: Option<String>,
    /// What to do next, one sentence each.
    pub help: Vec<String>,
    /// Attribute (path as text) that the service names.
    pub attribute: Option<String>,
    /// The service asked to wait this long.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// A failure before which nothing was changed.
    pub fn new(kind: ErrorKind, summary: impl Into<String>) -> Error {
        Error {
            kind,
            outcome: Outcome::NotDone,
            summary: summary.into(),
            detail: String::new(),
            request: None,
            status: None,
            request_id: None,
            credential: None,
            help: Vec::new(),
            attribute: None,
            retry_after: None,
        }
    }
    /// With the service's words.
    pub fn detail(mut self, detail: impl Into<String>) -> Error {
        self.detail = detail.into();
        self
    }
    /// With what to do next.
    pub fn help(mut self, help: impl Into<String>) -> Error {
        self.help.push(help.into());
        self
    }
    /// It may have happened all the same.
    pub fn outcome_unknown(mut self) -> Error {
        self.outcome = Outcome::Unknown;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}
