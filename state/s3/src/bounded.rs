//! Answers that are no larger than a state can be: the client library would take whatever comes into memory.

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService, ReqwestConnector,
};

/// The largest document.
pub(crate) const DOCUMENT: usize = 1 << 30;
/// The largest answer that isn't a document: a page of a list has 1,000 names at most.
const TALK: usize = 16 << 20;

/// Connects as the library does, and cuts off what is too large.
#[derive(Debug)]
pub(crate) struct Bounded;

impl HttpConnector for Bounded {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Cut(inner)))
    }
}

#[derive(Debug)]
struct Cut(HttpClient);

#[async_trait]
impl HttpService for Cut {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_read = request.method() == "GET" && request.uri().query().is_none();
        let response = self.0.execute(request).await?;
        let limit = if is_read && response.status().is_success() { DOCUMENT } else { TALK };
        Ok(response.map(|body| {
            let too_large = move |error: Box<dyn std::error::Error + Send + Sync>| {
                if error.is::<http_body_util::LengthLimitError>() {
                    let text = format!("the answer is larger than {} MiB", limit >> 20);
                    return HttpError::new(HttpErrorKind::Decode, std::io::Error::other(text));
                }
                match error.downcast::<HttpError>() {
                    Ok(error) => *error,
                    Err(error) => HttpError::new_boxed(HttpErrorKind::Unknown, error),
                }
            };
            HttpResponseBody::new(Limited::new(body, limit).map_err(too_large))
        }))
    }
}
