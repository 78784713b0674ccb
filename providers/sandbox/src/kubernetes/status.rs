//! Error answers: `Status` objects with the texts that the API server uses.
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/>

use serde_json::{Map, Value, json};

/// An error answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// `details`, without its causes.
    details: Option<Map<String, Value>>,
    pub(crate) causes: Vec<Cause>,
    retry_after: Option<u32>,
    /// `metadata.continue` of an expired list.
    continue_token: Option<String>,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cause {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) field: String,
}

/// What an error is about: `roles` or `Role`, the group, the object's name.
#[derive(Clone, Debug, Default)]
pub(crate) struct About<'a> {
    pub(crate) group: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
}

impl About<'_> {
    /// `roles.rbac.authorization.k8s.io`
    fn qualified(&self) -> String {
        if self.group.is_empty() { self.kind.to_owned() } else { format!("{}.{}", self.kind, self.group) }
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = Map::new();
        for (key, value) in [("name", self.name), ("group", self.group), ("kind", self.kind)] {
            if !value.is_empty() {
                details.insert(key.to_owned(), value.into());
            }
        }
        details
    }
}

impl Failure {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Failure {
        let message = message.into();
        Failure {
            code,
            reason,
            message,
            details: None,
            causes: Vec::new(),
            retry_after: None,
            continue_token: None,
        }
    }

    fn about(mut self, about: &About<'_>) -> Failure {
        self.details = Some(about.details());
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Failure {
        Failure::new(400, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Failure {
        Failure::new(401, "Unauthorized", "Unauthorized")
    }

    /// `why` follows "is forbidden: ".
    pub(crate) fn forbidden(about: &About<'_>, why: &str) -> Failure {
        let subject = match about.name {
            "" => about.qualified(),
            name => format!("{} \"{name}\"", about.qualified()),
        };
        Failure::new(403, "Forbidden", format!("{subject} is forbidden: {why}")).about(about)
    }

    pub(crate) fn forbidden_path(user: &str, verb: &str, path: &str) -> Failure {
        let text = format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\"");
        Failure::new(403, "Forbidden", text).about(&About::default())
    }

    pub(crate) fn not_found(about: &About<'_>) -> Failure {
        let message = format!("{} \"{}\" not found", about.qualified(), about.name);
        Failure::new(404, "NotFound", message).about(about)
    }

    pub(crate) fn resource_not_found() -> Failure {
        Failure::new(404, "NotFound", "the server could not find the requested resource")
            .about(&About::default())
    }

    pub(crate) fn method_not_allowed() -> Failure {
        let text = "the server does not allow this method on the requested resource";
        Failure::new(405, "MethodNotAllowed", text).about(&About::default())
    }

    pub(crate) fn not_acceptable(known: &[&str]) -> Failure {
        let text = format!("406: Not Acceptable\n\nAvailable representations: {}", known.join(", "));
        Failure::new(406, "NotAcceptable", text).about(&About::default())
    }

    pub(crate) fn already_exists(about: &About<'_>, deleting: bool) -> Failure {
        let prefix = if deleting { "object is being deleted: " } else { "" };
        let message = format!("{prefix}{} \"{}\" already exists", about.qualified(), about.name);
        Failure::new(409, "AlreadyExists", message).about(about)
    }

    pub(crate) fn conflict(about: &About<'_>, why: &str) -> Failure {
        let message =
            format!("Operation cannot be fulfilled on {} \"{}\": {why}", about.qualified(), about.name);
        Failure::new(409, "Conflict", message).about(about)
    }

    pub(crate) fn stale(about: &About<'_>) -> Failure {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Failure::conflict(about, why)
    }

    /// Fields that other managers own; the causes carry them.
    pub(crate) fn apply_conflict(message: String, causes: Vec<Cause>) -> Failure {
        let mut failure = Failure::new(409, "Conflict", message).about(&About::default());
        failure.causes = causes;
        failure
    }

    pub(crate) fn expired(message: &str, continue_token: Option<String>) -> Failure {
        Failure { continue_token, ..Failure::new(410, "Expired", message) }
    }

    pub(crate) fn unsupported_media(message: &str) -> Failure {
        Failure::new(415, "UnsupportedMediaType", message)
    }

    pub(crate) fn unsupported_media_bare() -> Failure {
        Failure::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").about(&About::default())
    }

    /// A patch that cannot be done.
    pub(crate) fn unprocessable() -> Failure {
        let text = "the server rejected our request due to an error in our request";
        Failure::new(422, "Invalid", text).about(&About::default())
    }

    pub(crate) fn invalid(about: &About<'_>, causes: Vec<Cause>) -> Failure {
        let texts = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message));
        let mut distinct: Vec<String> = Vec::new();
        for text in texts {
            if !distinct.contains(&text) {
                distinct.push(text);
            }
        }
        let list = match distinct.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let message = format!("{} \"{}\" is invalid: {list}", about.qualified(), about.name);
        let mut failure = Failure::new(422, "Invalid", message).about(about);
        failure.causes = causes;
        failure
    }

    /// An error of the server itself, without a reason.
    pub(crate) fn internal(message: impl Into<String>) -> Failure {
        Failure::new(500, "", message)
    }

    pub(crate) fn too_large_version(asked: u64, current: u64) -> Failure {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let mut failure = Failure::new(504, "Timeout", message).about(&About::default());
        failure.causes = vec![Cause {
            reason: "ResourceVersionTooLarge",
            message: "Too large resource version".into(),
            field: String::new(),
        }];
        failure.retry_after = Some(1);
        failure
    }

    /// An error that a fault asked for.
    pub(crate) fn fault(code: u16) -> Failure {
        let (reason, message) = match code {
            403 => ("Forbidden", "forbidden by a fault of the sandbox"),
            429 => ("TooManyRequests", "too many requests, please try again later."),
            504 => ("Timeout", "the request timed out"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            _ => ("InternalError", "an error on the server has prevented the request from succeeding"),
        };
        let mut failure = Failure::new(code, reason, message).about(&About::default());
        if code == 429 {
            failure.retry_after = Some(1);
        }
        failure
    }

    pub(crate) fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    pub(crate) fn with_cause(mut self, reason: &'static str, message: String, field: &str) -> Failure {
        self.causes.push(Cause { reason, message, field: field.to_owned() });
        self
    }

    /// The `Status` object.
    pub(crate) fn body(&self) -> Value {
        let mut metadata = Map::new();
        if let Some(token) = &self.continue_token {
            metadata.insert("continue".into(), token.clone().into());
        }
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure", "message": self.message,
        });
        let map = body.as_object_mut().expect("just made as an object");
        if !self.reason.is_empty() {
            map.insert("reason".into(), self.reason.into());
        }
        if let Some(details) = &self.details {
            let mut details = details.clone();
            if !self.causes.is_empty() {
                details.insert("causes".into(), self.causes.iter().map(Cause::body).collect());
            }
            if let Some(seconds) = self.retry_after {
                details.insert("retryAfterSeconds".into(), seconds.into());
            }
            map.insert("details".into(), details.into());
        }
        map.insert("code".into(), self.code.into());
        body
    }
}

impl Cause {
    fn body(&self) -> Value {
        let mut map = Map::new();
        map.insert("reason".into(), self.reason.into());
        map.insert("message".into(), self.message.clone().into());
        if !self.field.is_empty() {
            map.insert("field".into(), self.field.clone().into());
        }
        map.into()
    }

    /// `shown` is the value as JSON.
    pub(crate) fn invalid(field: impl Into<String>, shown: &Value, why: &str) -> Cause {
        let message = format!("Invalid value: {shown}: {why}");
        Cause { reason: "FieldValueInvalid", message, field: field.into() }
    }

    pub(crate) fn wrong_type(field: impl Into<String>, shown: &Value, why: &str) -> Cause {
        let message = format!("Invalid value: {shown}: {why}");
        Cause { reason: "FieldValueTypeInvalid", message, field: field.into() }
    }

    pub(crate) fn required(field: impl Into<String>, why: &str) -> Cause {
        let message = if why.is_empty() { "Required value".into() } else { format!("Required value: {why}") };
        Cause { reason: "FieldValueRequired", message, field: field.into() }
    }

    pub(crate) fn unsupported(field: impl Into<String>, shown: &Value, known: &[&str]) -> Cause {
        let known: Vec<String> = known.iter().map(|text| format!("\"{text}\"")).collect();
        let message = format!("Unsupported value: {shown}: supported values: {}", known.join(", "));
        Cause { reason: "FieldValueNotSupported", message, field: field.into() }
    }

    pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> Cause {
        Cause { reason: "FieldValueForbidden", message: format!("Forbidden: {why}"), field: field.into() }
    }

    pub(crate) fn duplicate(field: impl Into<String>, shown: &Value) -> Cause {
        Cause {
            reason: "FieldValueDuplicate",
            message: format!("Duplicate value: {shown}"),
            field: field.into(),
        }
    }

    pub(crate) fn too_long(field: impl Into<String>, limit: usize) -> Cause {
        let message = format!("Too long: may not be more than {limit} bytes");
        Cause { reason: "FieldValueTooLong", message, field: field.into() }
    }
}

/// What a DELETE answers: success, and what it was about.
pub(crate) fn deleted(about: &About<'_>, uid: &str) -> Value {
    let mut details = about.details();
    details.insert("uid".into(), uid.into());
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}
