//! A call to make, and its answer.

use bytes::Bytes;
use pilotis_sdk::Error;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::client::Client;
use crate::failure;
use crate::retry::Nature;

/// A call to make. Built up, then sent.
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    pub(crate) client: Client,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Result<Vec<u8>, String>>,
    pub(crate) nature: Nature,
    pub(crate) accepted: Vec<u16>,
    pub(crate) hidden: Vec<String>,
}

impl Request {
    pub(crate) fn new(client: Client, method: Method, url: Url) -> Request {
        let nature = Nature::of(&method);
        Request {
            client,
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            nature,
            accepted: Vec::new(),
            hidden: Vec::new(),
        }
    }
    /// With one more query parameter. Queries are never shown in errors or logs.
    pub fn query(mut self, name: &str, value: impl AsRef<str>) -> Request {
        self.url.query_pairs_mut().append_pair(name, value.as_ref());
        self
    }
    /// With a header.
    pub fn header(
        mut self,
        name: reqwest::header::HeaderName,
        value: reqwest::header::HeaderValue,
    ) -> Request {
        self.headers.insert(name, value);
        self
    }
    /// With a JSON body.
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Request {
        self.body = Some(serde_json::to_vec(body).map_err(|e| e.to_string()));
        self
    }
    /// With a body of another kind.
    pub fn body(mut self, content_type: reqwest::header::HeaderValue, bytes: Vec<u8>) -> Request {
        self.headers.insert(reqwest::header::CONTENT_TYPE, content_type);
        self.body = Some(Ok(bytes));
        self
    }
    /// It changes nothing although its method may (a GraphQL query).
    pub fn as_read(mut self) -> Request {
        self.nature = Nature::Read;
        self
    }
    /// Making it twice is the same as once although its method doesn't promise it.
    pub fn as_idempotent(mut self) -> Request {
        self.nature = Nature::Idempotent;
        self
    }
    /// Takes this status as an answer, not as a failure.
    pub fn accept(mut self, status: u16) -> Request {
        self.accepted.push(status);
        self
    }
    /// Takes a secret of the body out of the service's words, should it repeat it in an error.
    pub fn hide(mut self, secret: impl Into<String>) -> Request {
        let secret = secret.into();
        if secret.len() >= failure::SHORTEST_HIDDEN {
            self.hidden.push(secret);
        }
        self
    }

    /// Sends it, as often as is safe, and reads the whole answer.
    pub async fn send(self) -> Result<Response, Error> {
        crate::send::send(self).await
    }
    /// Sends it; none if the service says 404.
    pub async fn optional(self) -> Result<Option<Response>, Error> {
        let response = self.accept(404).send().await?;
        Ok(if response.status() == StatusCode::NOT_FOUND { None } else { Some(response) })
    }

    /// `POST https://gitlab.example/api/v4/groups`, without the query.
    pub(crate) fn line(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        format!("{} {url}", self.method)
    }
}

/// An answer.
#[derive(Clone)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) context: failure::Context,
}

impl Response {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
    /// Its bytes.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
    /// Its body as JSON. What can't be read is garbage; after a write its effect is then unknown.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|e| failure::garbage(&self.context, self.status.as_u16(), &self.headers, &self.body, &e))
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Bodies hold secrets: only their size is shown.
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}
