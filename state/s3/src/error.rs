//! From what a server says to what a state says. An answer's body may repeat a request's signature and key: only its code and its message
//! are looked at.

use std::error::Error;
use std::path::PathBuf;

use object_store::client::{HttpError, HttpErrorKind};
use pilotis_state::StateError;
use pilotis_trust::Complaint;

const TRUST: pilotis_trust::Settings =
    pilotis_trust::Settings { authority: "custom_ca_bundle or AWS_CA_BUNDLE", client: None, name: None };

fn refused(endpoint: &str) -> (String, String) {
    pilotis_trust::refusal("the state", endpoint, "`insecure = true`")
}

/// Why a state in a bucket can't be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum S3Error {
    /// A setting is missing.
    #[error("{name} is not set{}", if *.name == "region" { ": write it into the backend's block, or set AWS_REGION" } else { "; the backend needs it" })]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A name that can't be a key's.
    #[error(
        "{name:?} can't be the {what}: it must not be empty, begin or end with `/`, or have empty, `.` or `..` segments"
    )]
    Name {
        /// Which setting.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Not shown: it may have a password.
    #[error(
        "the endpoint is not a URL of the form https://HOST or http://HOST:PORT; credentials don't belong there"
    )]
    Endpoint,
    /// One without the other.
    #[error("of {names}, only one is set")]
    HalfAKey {
        /// The settings.
        names: &'static str,
    },
    /// Nobody asks.
    #[error(
        "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with AWS_PROFILE"
    )]
    NoCredentials,
    /// The profile has no keys.
    #[error(
        "the profile {name} has no aws_access_key_id and aws_secret_access_key in the shared credentials file; other ways for a profile to sign in are not supported: export the keys into the environment"
    )]
    Profile {
        /// Its name.
        name: String,
    },
    /// A file can't be read.
    #[error("{} can't be read: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file has no certificates.
    #[error("{} has no certificates in PEM form; custom_ca_bundle (or AWS_CA_BUNDLE) must name such a file", path.display())]
    Authorities {
        /// Which one.
        path: PathBuf,
    },
    /// The operating system has no threads left.
    #[error("no threads for connections: {0}")]
    Runtime(std::io::Error),
    /// Used after its end.
    #[error("it is closed")]
    Closed,
    /// Nothing is created for a state: whoever mistypes would get an empty one.
    #[error("there is no bucket {bucket}: create it, or correct the name, the region or the endpoint")]
    NoBucket {
        /// Its name.
        bucket: String,
    },
    /// Not these keys.
    #[error(
        "the server doesn't accept the credentials ({code}): check the access key, its secret, and that a session has not expired"
    )]
    Credentials {
        /// The server's.
        code: String,
    },
    /// Not for these keys.
    #[error(
        "access is denied ({code}): these credentials need s3:ListBucket on the bucket {bucket}, and s3:GetObject, s3:PutObject and s3:DeleteObject on its objects"
    )]
    Denied {
        /// The server's.
        code: String,
        /// Its name.
        bucket: String,
    },
    /// Elsewhere.
    #[error(
        "the bucket {bucket} is in another region than the one that is asked ({code}): correct region, or the endpoint"
    )]
    Region {
        /// The server's.
        code: String,
        /// Its name.
        bucket: String,
    },
    /// Signatures hold for some minutes.
    #[error("this machine's clock differs from the server's: correct it")]
    Clock,
    /// The one thing that keeps two writers apart.
    #[error(
        "this server has no conditional writes: it doesn't refuse to create an object that is there (If-None-Match: *), so two people could overwrite each other's state; nothing was written. Use a server or a version that has them, or the backend \"pg\""
    )]
    Unconditional,
    /// The certificate.
    #[error("the connection to the server can't be trusted: {detail}. {advice}")]
    Tls {
        /// What was seen.
        detail: String,
        /// What to do.
        advice: String,
    },
    /// Everybody on the way could read the state.
    #[error("{}. {}", refused(endpoint).0, refused(endpoint).1)]
    InClear {
        /// The server's URL.
        endpoint: String,
    },
    /// Nobody there.
    #[error("the server can't be reached: {detail}; check the endpoint and the network")]
    Unreachable {
        /// What was seen.
        detail: String,
    },
    /// It took too long.
    #[error("the server didn't answer in time: {detail}; try again")]
    Timeout {
        /// What was seen.
        detail: String,
    },
    /// The server said something else.
    #[error("the server said: {detail}")]
    Said {
        /// What.
        detail: String,
    },
    /// Others are faster.
    #[error("it changes all the time: others write to it faster than it can be read; try again")]
    Restless,
    /// Others have written on, and it can't be seen whether on top of ours.
    #[error(
        "others have written {written} versions meanwhile; whether version {number} was one of them must be looked up"
    )]
    Overtaken {
        /// Ours.
        number: u64,
        /// How many are above.
        written: u64,
    },
    /// An object that no state can be.
    #[error("version {number} has {size} bytes; more than {limit} are not read")]
    TooLarge {
        /// Which one.
        number: u64,
        /// Its size.
        size: u64,
        /// What is read.
        limit: u64,
    },
    /// Terraform has its lock.
    #[error(
        "Terraform is at work on it: {who} has had its lock since {since}. Wait for that run; if it is dead, run `terraform force-unlock {id}`, or remove {lock}"
    )]
    TerraformAtWork {
        /// The lock's key.
        lock: String,
        /// Its id.
        id: String,
        /// Who has it.
        who: String,
        /// Since when.
        since: String,
    },
    /// Terraform's object isn't the one that was read.
    #[error("{key} has changed since it was read here; plan again")]
    Changed {
        /// Its key.
        key: String,
    },
    /// Taken over into nothing.
    #[error(
        "the state is gone: {key} says that it was taken over, and there is no version of it. Put its objects back, from a backup if need be. To start again from what Terraform knew then, put {kept} in the place of {key}"
    )]
    Lost {
        /// Terraform's key.
        key: String,
        /// Where its text is kept.
        kept: String,
    },
    /// A version that isn't ours.
    #[error("{0:?} is not the name of a version")]
    Tag(String),
}

impl S3Error {
    pub(crate) fn at(self, location: &str) -> StateError {
        StateError::Io { location: location.to_owned(), source: Box::new(self) }
    }

    pub(crate) fn from_client(error: &object_store::Error, bucket: &str) -> S3Error {
        let bucket = bucket.to_owned();
        let texts = texts(error);
        let all = texts.join("\n");
        if let Some(code) = element(&all, "Code") {
            return said(code, element(&all, "Message"), bucket);
        }
        // Where no keys are set, the machine's own are asked for, at this address; where it has none, nobody answers there.
        if all.contains("169.254.") {
            return S3Error::NoCredentials;
        }
        match error {
            object_store::Error::PermissionDenied { .. } => S3Error::Denied { code: "403".into(), bucket },
            object_store::Error::Unauthenticated { .. } => S3Error::Credentials { code: "401".into() },
            _ if all.contains("redirect without LOCATION") => S3Error::Region { code: "301".into(), bucket },
            _ => unsaid(error, texts),
        }
    }
}

fn said(code: &str, message: Option<&str>, bucket: String) -> S3Error {
    let owned = code.to_owned();
    match code {
        "NoSuchBucket" => S3Error::NoBucket { bucket },
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "InvalidClientTokenId"
        | "TokenRefreshRequired" => S3Error::Credentials { code: owned },
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => S3Error::Denied { code: owned, bucket },
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => S3Error::Region { code: owned, bucket },
        "RequestTimeTooSkewed" => S3Error::Clock,
        _ => S3Error::Said { detail: format!("{} ({code})", message.unwrap_or("no message")) },
    }
}

/// The connection's own errors.
fn unsaid(error: &object_store::Error, texts: Vec<String>) -> S3Error {
    let detail = texts.last().cloned().unwrap_or_default();
    let all = texts.join("\n");
    if let Some(complaint) = Complaint::of(&all) {
        return S3Error::Tls { detail, advice: complaint.advice(TRUST) };
    }
    if let Some(limit) = texts.iter().find(|text| text.starts_with("the answer is larger than")) {
        return S3Error::Said { detail: limit.clone() };
    }
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = source {
        match cause.downcast_ref::<HttpError>().map(HttpError::kind) {
            Some(HttpErrorKind::Connect) => return S3Error::Unreachable { detail },
            Some(HttpErrorKind::Timeout) => return S3Error::Timeout { detail },
            _ => source = cause.source(),
        }
    }
    S3Error::Said { detail }
}

/// What an error and its causes say, the last cause last.
fn texts(error: &object_store::Error) -> Vec<String> {
    let mut texts = Vec::new();
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = source {
        texts.push(cause.to_string());
        source = cause.source();
    }
    texts
}

/// Of the little XML that errors are.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    Some(content)
}
