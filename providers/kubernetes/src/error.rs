//! A Kubernetes Status, or a failure without one, as an error for people.
//!
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/>

use std::time::Duration;

use pilotis_sdk::value::{Kind, Marks, Value};
use pilotis_sdk::{Error, ErrorKind};
use pilotis_trust::Complaint;
use serde_json::Value as Json;

const TRUST: pilotis_trust::Settings = pilotis_trust::Settings {
    authority: "cluster_ca_certificate",
    client: Some("client_certificate and client_key"),
    name: Some("tls_server_name"),
};

/// What was asked, for the message.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `PATCH https://api.example:6443/api/v1/namespaces/x`
    pub(crate) request: String,
    /// It may change something.
    pub(crate) write: bool,
    /// Where the credential came from.
    pub(crate) credential: String,
}

/// How far a request came that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Not out of this machine: no connection.
    No,
    /// Not out of this machine: one end doesn't believe that the other is what it says.
    Untrusted(Complaint),
    /// Perhaps.
    Perhaps,
}

impl Asked {
    /// The error with what was asked.
    pub(crate) fn fill(&self, mut error: Error) -> Error {
        error.request = Some(self.request.clone());
        error.credential = Some(self.credential.clone());
        error
    }

    /// No answer: the connection failed.
    pub(crate) fn no_answer(&self, why: &str, sent: Sent) -> Error {
        let unreachable = |summary: &str| Error::new(ErrorKind::Unreachable, summary).detail(why);
        let error = match sent {
            Sent::No => unreachable("The Kubernetes API server can't be reached").help(
                "Is the cluster up, and is the address (host, or the kubeconfig's context) the right one?",
            ),
            Sent::Untrusted(complaint) => unreachable(match complaint {
                Complaint::ClientCertificate => "The Kubernetes API server doesn't let this client in",
                Complaint::NoTls => "The Kubernetes API server can't be reached",
                _ => "The certificate of the Kubernetes API server is refused",
            })
            .help(complaint.advice(TRUST)),
            Sent::Perhaps => unreachable("The Kubernetes API server gave no answer")
                .help("Is a proxy or load balancer before it that cuts connections?"),
        };
        let error = self.fill(error);
        if sent == Sent::Perhaps && self.write { error.outcome_unknown() } else { error }
    }

    /// An answer that isn't JSON, or isn't what the API promises.
    pub(crate) fn garbage(&self, status: u16, why: &str) -> Error {
        let mut error = Error::new(ErrorKind::Garbage, "The answer is not one of a Kubernetes API server")
            .detail(why)
            .help("Is the address that of the API server, and not of a proxy or a console before it?");
        error.status = Some(status);
        let error = self.fill(error);
        if self.write && status < 300 { error.outcome_unknown() } else { error }
    }

    /// An answer that refuses.
    pub(crate) fn refused(
        &self,
        status: u16,
        body: &Json,
        retry_after: Option<Duration>,
        audit_id: Option<String>,
    ) -> Error {
        let refusal = Refusal { status, body, write: self.write };
        let (kind, summary) = refusal.meaning();
        let mut error = Error::new(kind, summary).detail(refusal.message());
        error.status = Some(status);
        error.request_id = audit_id;
        error.retry_after =
            retry_after.or_else(|| body["details"]["retryAfterSeconds"].as_u64().map(Duration::from_secs));
        error.attribute = body["details"]["causes"][0]["field"].as_str().map(str::to_owned);
        if let Some(help) = refusal.advice(kind) {
            error = error.help(help);
        }
        let error = self.fill(error);
        if refusal.may_be_done() { error.outcome_unknown() } else { error }
    }
}

/// A Status of a failure.
struct Refusal<'a> {
    status: u16,
    body: &'a Json,
    write: bool,
}

impl Refusal<'_> {
    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
    fn says(&self, words: &str) -> bool {
        self.message().contains(words)
    }
    fn webhook_is_down(&self) -> bool {
        self.says("failed calling webhook")
    }

    /// Server-side apply calls its own refusal of a value an internal error.
    fn is_mistyped(&self) -> bool {
        self.status == 500 && self.says("failed to create typed patch object")
    }

    /// After a gateway's time-out, or a fault inside, the request may have been carried out all the same.
    fn may_be_done(&self) -> bool {
        self.write && matches!(self.status, 500 | 502 | 504) && !self.webhook_is_down() && !self.is_mistyped()
    }

    fn meaning(&self) -> (ErrorKind, String) {
        let reason = self.body["reason"].as_str().unwrap_or_default();
        let (kind, summary) = match (self.status, reason) {
            (401, _) => (ErrorKind::Unauthenticated, "Kubernetes refused the credential"),
            (403, _) if self.says("because it is being terminated") => {
                (ErrorKind::Conflict, "The namespace is being deleted")
            }
            (403, _) if self.says("exceeded quota") => {
                (ErrorKind::Forbidden, "A quota of the namespace is exceeded")
            }
            (400 | 403, _) if self.says("admission webhook") && self.says("denied the request") => {
                (ErrorKind::Forbidden, "A rule of the cluster refuses the object")
            }
            (403, _) => (ErrorKind::Forbidden, "Kubernetes doesn't allow it"),
            (404, _) if self.unserved() => {
                (ErrorKind::Unsupported, "This cluster doesn't have this kind of object")
            }
            (404, _) if self.body["details"]["kind"] == "namespaces" && self.write => {
                let name = self.body["details"]["name"].as_str().unwrap_or_default();
                return (ErrorKind::NotFound, format!("There is no namespace {name}"));
            }
            (404, _) => (ErrorKind::NotFound, "Kubernetes has no such object"),
            (409, "AlreadyExists") if self.says("being deleted") => {
                (ErrorKind::Conflict, "An object of this name is still being deleted")
            }
            (409, "AlreadyExists") => (ErrorKind::AlreadyExists, "An object of this name is there already"),
            (409, _) if !self.owners().is_empty() => {
                (ErrorKind::Conflict, "Somebody else manages these fields")
            }
            (409, _) => (ErrorKind::Conflict, "Somebody else changes this object"),
            (429, _) => (ErrorKind::RateLimited, "Kubernetes asked to slow down"),
            (400 | 413 | 415 | 422, _) => (ErrorKind::Invalid, "Kubernetes doesn't take these values"),
            (405, _) => (ErrorKind::Unsupported, "This can't be done with this kind of object"),
            (500, _) if self.is_mistyped() => (ErrorKind::Invalid, "Kubernetes doesn't take these values"),
            (500..=599, _) if self.webhook_is_down() => {
                (ErrorKind::ServerError, "A webhook of the cluster doesn't answer")
            }
            (500..=599, _) => (ErrorKind::ServerError, "The Kubernetes API server failed"),
            _ => (ErrorKind::Garbage, "The answer is not one of a Kubernetes API server"),
        };
        (kind, summary.to_owned())
    }

    /// A 404 for the path, not for the object: it says nothing of whether the object is there.
    fn unserved(&self) -> bool {
        self.body["kind"] != "Status" || self.says("could not find the requested resource")
    }

    /// `.spec.replicas: conflict with "kubectl"`
    fn owners(&self) -> Vec<String> {
        let causes = self.body["details"]["causes"].as_array().into_iter().flatten();
        let conflicts = causes.filter(|c| c["reason"] == "FieldManagerConflict");
        conflicts
            .filter_map(|c| Some(format!("{}: {}", c["field"].as_str()?, c["message"].as_str()?)))
            .collect()
    }

    fn advice(&self, kind: ErrorKind) -> Option<String> {
        let text = match kind {
            ErrorKind::Unauthenticated => {
                "Renew the token or certificate; `kubectl auth whoami` with the same credential tells more."
            }
            ErrorKind::Forbidden if self.says("exceeded quota") => "Raise the quota, or ask for less.",
            ErrorKind::Forbidden if self.says("admission webhook") => "Change the object as the rule asks.",
            ErrorKind::Forbidden => {
                "Give the credential this right with a role binding, or use another credential."
            }
            ErrorKind::NotFound if self.write && self.body["details"]["kind"] == "namespaces" => {
                "Make it by the same configuration, and refer to it: namespace = kubernetes_namespace.NAME.metadata[0].name"
            }
            ErrorKind::Unsupported if self.status == 404 => {
                "Is it the right cluster (OpenShift's kinds need OpenShift), and is its CustomResourceDefinition installed?"
            }
            ErrorKind::AlreadyExists => "Import the object, or choose another name.",
            ErrorKind::RateLimited => "Try again later, or with fewer calls at once (-parallelism).",
            ErrorKind::ServerError if self.webhook_is_down() => {
                "Bring the webhook's service up; nothing can be changed before."
            }
            ErrorKind::ServerError => {
                "Ask the cluster's administrators; the audit id, if there is one, helps them."
            }
            ErrorKind::Garbage => {
                "Is the address that of the API server, and not of a proxy or a console before it?"
            }
            ErrorKind::Conflict if !self.owners().is_empty() => {
                return Some(format!(
                    "{}. Leave these fields out, or take them over with field_manager {{ force_conflicts = true }}.",
                    self.owners().join("; ")
                ));
            }
            ErrorKind::Conflict if self.says("being deleted") || self.says("being terminated") => {
                return None;
            }
            ErrorKind::Conflict => "Plan and apply again.",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// An error about an object: without the secrets that the object holds, should the server have repeated one.
pub(crate) fn without_secrets(mut error: Error, object: &Value) -> Error {
    let mut secrets = Vec::new();
    collect_secrets(object, false, &mut secrets);
    for secret in secrets {
        if secret.len() >= 4 {
            error.detail = error.detail.replace(&secret, "(sensitive)");
        }
    }
    error
}

fn collect_secrets(value: &Value, inside: bool, out: &mut Vec<String>) {
    let secret = inside || value.marks().contains(Marks::SENSITIVE);
    match value.kind() {
        Kind::String(text) if secret => {
            out.push(crate::secret::encode(text));
            out.push(text.to_string());
        }
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => {
            e.items().iter().for_each(|v| collect_secrets(v, secret, out));
        }
        Kind::Map(e) | Kind::Object(e) => e.items().values().for_each(|v| collect_secrets(v, secret, out)),
        _ => {}
    }
}
