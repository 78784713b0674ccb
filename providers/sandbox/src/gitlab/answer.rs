//! Answers: JSON bodies, pages with their headers, and errors in the shapes that GitLab gives them.

use std::fmt::Write as _;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::store::StoreError;

/// What a handler gives.
pub(super) enum Answer {
    /// A JSON body.
    Json(StatusCode, Value),
    /// One page of a list, with its headers.
    Page(Vec<Value>, Vec<(&'static str, String)>),
    /// 204.
    Empty,
    /// A status and headers without a body, as for HEAD.
    Head(Vec<(&'static str, String)>),
    /// Raw content with its headers.
    Raw(Vec<u8>, Vec<(&'static str, String)>),
}

impl Answer {
    pub(super) fn ok(body: Value) -> Result<Answer, Failure> {
        Ok(Answer::Json(StatusCode::OK, body))
    }

    pub(super) fn created(body: Value) -> Result<Answer, Failure> {
        Ok(Answer::Json(StatusCode::CREATED, body))
    }

    pub(super) fn accepted() -> Result<Answer, Failure> {
        Ok(Answer::Json(StatusCode::ACCEPTED, json!({ "message": "202 Accepted" })))
    }

    pub(super) fn gone() -> Result<Answer, Failure> {
        Ok(Answer::Empty)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Answer::Json(status, body) => json_response(status, &body),
            Answer::Page(items, headers) => {
                with(json_response(StatusCode::OK, &Value::Array(items)), headers)
            }
            Answer::Empty => StatusCode::NO_CONTENT.into_response(),
            Answer::Head(headers) => with(StatusCode::OK.into_response(), headers),
            Answer::Raw(content, headers) => with(Response::new(Body::from(content)), headers),
        }
    }
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn with(mut response: Response, headers: Vec<(&'static str, String)>) -> Response {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// An answer that says no.
#[derive(Debug)]
pub(super) struct Failure {
    pub status: StatusCode,
    pub body: Value,
}

impl Failure {
    fn new(status: StatusCode, body: Value) -> Failure {
        Failure { status, body }
    }

    /// `{"message": …}` with any JSON in it.
    pub(super) fn message(status: StatusCode, message: impl Into<Value>) -> Failure {
        Failure::new(status, json!({ "message": message.into() }))
    }

    /// 400 from the check of parameters: `{"error": "name is missing"}`.
    pub(super) fn parameters(text: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, json!({ "error": text.into() }))
    }

    /// 400 with a plain text.
    pub(super) fn bad(text: impl Into<String>) -> Failure {
        Failure::message(StatusCode::BAD_REQUEST, text.into())
    }

    /// 400 from the model: `{"message": {"path": ["has already been taken"]}}`.
    pub(super) fn invalid(field: &str, text: impl Into<String>) -> Failure {
        Failure::message(StatusCode::BAD_REQUEST, json!({ field: [text.into()] }))
    }

    /// 422 from the model, for objects where GitLab answers so.
    pub(super) fn unprocessable(field: &str, text: &str) -> Failure {
        Failure::message(StatusCode::UNPROCESSABLE_ENTITY, json!({ field: [text] }))
    }

    /// 404 with the kind: `404 Project Not Found`.
    pub(super) fn not_found(kind: &str) -> Failure {
        Failure::message(StatusCode::NOT_FOUND, format!("404 {kind} Not Found"))
    }

    /// 404 as for a row that isn't there.
    pub(super) fn no_record() -> Failure {
        Failure::message(StatusCode::NOT_FOUND, "404 Not found")
    }

    pub(super) fn forbidden() -> Failure {
        Failure::message(StatusCode::FORBIDDEN, "403 Forbidden")
    }

    pub(super) fn unauthorized() -> Failure {
        Failure::message(StatusCode::UNAUTHORIZED, "401 Unauthorized")
    }

    pub(super) fn conflict(text: impl Into<String>) -> Failure {
        Failure::message(StatusCode::CONFLICT, text.into())
    }

    /// 401 for a token that was good once.
    pub(super) fn invalid_token(description: &str) -> Failure {
        let body = json!({ "error": "invalid_token", "error_description": description });
        Failure::new(StatusCode::UNAUTHORIZED, body)
    }

    /// 403 for a token without the scope.
    pub(super) fn insufficient_scope(scope: &str) -> Failure {
        let text = "The request requires higher privileges than provided by the access token.";
        let body = json!({ "error": "insufficient_scope", "error_description": text, "scope": scope });
        Failure::new(StatusCode::FORBIDDEN, body)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        tracing::error!(%error, "the sandbox's data file refused a change");
        Failure::message(StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error")
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        json_response(self.status, &self.body)
    }
}

/// Which page of a list was asked for. <https://docs.gitlab.com/api/rest/#pagination>
#[derive(Clone, Debug)]
pub(super) struct Paging {
    /// The address of the list, without the query.
    pub url: String,
    /// The query's other parameters, in their order.
    pub query: Vec<(String, String)>,
    pub page: usize,
    pub per_page: usize,
}

/// The most that one page holds.
pub(super) const MAX_PER_PAGE: usize = 100;
/// From here on GitLab gives no totals.
const MAX_COUNTED: usize = 10_000;

impl Paging {
    /// One page of the items, each shown by `show`.
    pub(super) fn page<T>(&self, items: &[T], mut show: impl FnMut(&T) -> Value) -> Answer {
        let total = items.len();
        let pages = total.div_ceil(self.per_page).max(1);
        let start = (self.page - 1).saturating_mul(self.per_page).min(total);
        let end = start.saturating_add(self.per_page).min(total);
        let shown: Vec<Value> = items[start..end].iter().map(&mut show).collect();
        let next = if end < total { Some(self.page + 1) } else { None };
        let previous = (self.page > 1).then(|| self.page - 1);
        let counted = total <= MAX_COUNTED;
        let mut links = Vec::new();
        let named =
            [(previous, "prev"), (next, "next"), (Some(1), "first"), (counted.then_some(pages), "last")];
        for (page, name) in named {
            if let Some(page) = page {
                links.push(format!("<{}>; rel=\"{name}\"", self.link(&[("page", &page.to_string())])));
            }
        }
        let text = |page: Option<usize>| page.map(|page| page.to_string()).unwrap_or_default();
        let mut headers = vec![
            ("link", links.join(", ")),
            ("x-next-page", text(next)),
            ("x-page", self.page.to_string()),
            ("x-per-page", self.per_page.to_string()),
            ("x-prev-page", text(previous)),
        ];
        if counted {
            headers.push(("x-total", total.to_string()));
            headers.push(("x-total-pages", pages.to_string()));
        }
        Answer::Page(shown, headers)
    }

    /// The address with these parameters in place of those of the same name.
    pub(super) fn link(&self, changed: &[(&str, &str)]) -> String {
        let mut query: Vec<(&str, String)> = Vec::new();
        for (name, value) in &self.query {
            if !changed.iter().any(|(other, _)| other == name) && name != "per_page" {
                query.push((name, value.clone()));
            }
        }
        query.extend(changed.iter().map(|&(name, value)| (name, value.to_owned())));
        query.push(("per_page", self.per_page.to_string()));
        let mut url = self.url.clone();
        for (index, (name, value)) in query.iter().enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            let _ = write!(url, "{mark}{}={}", encode(name), encode(value));
        }
        url
    }
}

/// Percent-encodes a path segment or query value.
pub(super) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, SEGMENT).to_string()
}

const SEGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Headers that every answer of the API carries.
pub(super) fn common(headers: &mut HeaderMap, request_id: &str) {
    for (name, value) in [("cache-control", "max-age=0, private, must-revalidate"), ("vary", "Origin")] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn following_the_links_gives_every_item_once(total in 0usize..300, per_page in 1usize..=100) {
            let items: Vec<usize> = (0..total).collect();
            let url = "http://127.0.0.1/api/v4/groups".to_owned();
            let (mut page, mut seen) = (1, Vec::new());
            loop {
                let paging = Paging { url: url.clone(), query: Vec::new(), page, per_page };
                let Answer::Page(shown, headers) = paging.page(&items, |item| json!(item)) else { panic!("no page") };
                seen.extend(shown.iter().filter_map(Value::as_u64).map(|item| item as usize));
                let link = &headers.iter().find(|(name, _)| *name == "link").unwrap().1;
                let Some(next) = link.split(", ").find(|link| link.ends_with("rel=\"next\"")) else { break };
                let expected = format!("<{url}?page={}&", page + 1);
                prop_assert!(next.starts_with(&expected), "{}", next);
                page += 1;
            }
            prop_assert_eq!(seen, items);
        }
    }
}
