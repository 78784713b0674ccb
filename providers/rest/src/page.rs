//! Lists that come in pages, as streams: by `Link` header, by page number, by token.

use std::collections::VecDeque;

use futures::{Stream, TryStreamExt as _};
use pilotis_sdk::{Error, ErrorKind};
use reqwest::header::{HeaderMap, LINK};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use url::Url;

use crate::request::{Request, Response};
use crate::send::same_origin;

/// More pages than any list has; a service that never ends must not be followed for ever.
const MOST_PAGES: usize = 100_000;

/// How the next page is found.
#[derive(Clone, Debug)]
pub enum Pages {
    /// `Link: <…>; rel="next"`.
    ByLink,
    /// `page=2`: until a page has fewer items than were asked for.
    ByNumber {
        /// The parameter: `page`.
        page: &'static str,
        /// The first page's number.
        first: u64,
        /// The parameter for how many: `per_page`.
        size: &'static str,
        /// How many are asked for.
        items: usize,
    },
    /// A member of the answer is given back as a parameter, until it is missing, null or empty.
    ByToken {
        /// The member, as a JSON pointer: `/next_page`.
        pointer: &'static str,
        /// The parameter.
        parameter: &'static str,
    },
}

impl Request {
    /// All pages. `items` is where the items are in an answer, as a JSON pointer; empty if the answer is the list.
    pub fn pages<T: DeserializeOwned + Send>(
        self,
        pages: Pages,
        items: &'static str,
    ) -> impl Stream<Item = Result<Vec<T>, Error>> + Send {
        let first = Walk::new(self, pages, items);
        futures::stream::try_unfold(first, |walk| async move {
            match walk {
                Some(walk) => walk.step().await.map(|(items, next)| Some((items, next))),
                None => Ok(None),
            }
        })
    }

    /// The items of all pages. All or an error: a page that fails makes no shorter list.
    pub async fn all<T: DeserializeOwned + Send>(
        self,
        pages: Pages,
        items: &'static str,
    ) -> Result<Vec<T>, Error> {
        self.pages(pages, items)
            .try_fold(Vec::new(), |mut all, mut page: Vec<T>| async move {
                all.append(&mut page);
                Ok(all)
            })
            .await
    }
}

struct Walk {
    request: Request,
    first: Url,
    pages: Pages,
    items: &'static str,
    count: usize,
    /// The last tokens, so that a service that gives the same one again is not followed in circles.
    seen: VecDeque<String>,
}

impl Walk {
    fn new(request: Request, pages: Pages, items: &'static str) -> Option<Walk> {
        let first = request.url.clone();
        let mut walk = Walk { request, first, pages, items, count: 0, seen: VecDeque::new() };
        if let Pages::ByNumber { page, first, size, items } = walk.pages {
            let query = [(page, first.to_string()), (size, items.to_string())];
            walk.request.url = with_query(&walk.first, &query);
        }
        Some(walk)
    }

    async fn step<T: DeserializeOwned>(mut self) -> Result<(Vec<T>, Option<Walk>), Error> {
        let response = self.request.again().send().await?;
        let items: Vec<T> = read(&response, self.items)?;
        self.count += 1;
        let next = match self.pages {
            Pages::ByLink => match next_link(response.headers()) {
                Some(link) => Some(self.joined(&link)?),
                None => None,
            },
            Pages::ByNumber { page, first, size, items: asked } => (items.len() >= asked).then(|| {
                let query = [(page, (first + self.count as u64).to_string()), (size, asked.to_string())];
                with_query(&self.first, &query)
            }),
            Pages::ByToken { pointer, parameter } => {
                let json: Json = response.json()?;
                let token = json.pointer(pointer).map(crate::failure::flat).filter(|t| !t.is_empty());
                token.map(|token| with_query(&self.first, &[(parameter, token)]))
            }
        };
        let Some(next) = next else { return Ok((items, None)) };
        self.remember(&next)?;
        self.request.url = next;
        Ok((items, Some(self)))
    }

    fn joined(&self, link: &str) -> Result<Url, Error> {
        let next = self.request.url.join(link).ok().filter(|next| same_origin(next, &self.first));
        next.ok_or_else(|| self.astray("its next page is at another host"))
    }

    fn remember(&mut self, next: &Url) -> Result<(), Error> {
        let next = next.to_string();
        if self.count >= MOST_PAGES || self.seen.contains(&next) || next == self.request.url.as_str() {
            return Err(self.astray("its pages never end"));
        }
        if self.seen.len() == 8 {
            self.seen.pop_front();
        }
        self.seen.push_back(next);
        Ok(())
    }

    fn astray(&self, why: &str) -> Error {
        let mut error = Error::new(
            ErrorKind::Garbage,
            format!("{} gave a list that makes no sense", self.request.client.service()),
        );
        error.request = Some(self.request.line());
        error.detail(why).help("Is there a proxy in between that changes addresses?")
    }
}

impl Request {
    /// The same call once more.
    fn again(&self) -> Request {
        Request {
            client: self.client.clone(),
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            nature: self.nature,
            accepted: self.accepted.clone(),
            hidden: self.hidden.clone(),
        }
    }
}

fn read<T: DeserializeOwned>(response: &Response, pointer: &str) -> Result<Vec<T>, Error> {
    if pointer.is_empty() {
        return response.json();
    }
    let json: Json = response.json()?;
    let items = json.pointer(pointer).cloned().unwrap_or(Json::Null);
    serde_json::from_value(items).map_err(|e| {
        crate::failure::garbage(
            &response.context,
            response.status.as_u16(),
            &response.headers,
            &response.body,
            &e,
        )
    })
}

fn with_query(url: &Url, set: &[(&str, String)]) -> Url {
    let kept: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| !set.iter().any(|(n, _)| n == name)).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(set);
    url
}

/// The address that `Link` calls `next`.
pub fn next_link(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(LINK).iter().filter_map(|v| v.to_str().ok());
    for header in links {
        // A comma may be part of an address: a link starts with `<` after it.
        for link in header.split(",").fold(Vec::<String>::new(), |mut parts, part| {
            match parts.last_mut() {
                Some(last) if !part.trim_start().starts_with('<') => {
                    last.push(',');
                    last.push_str(part);
                }
                _ => parts.push(part.to_owned()),
            }
            parts
        }) {
            let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
            let is_next = parameters.split(';').any(|p| {
                let p: String = p.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
                p.eq_ignore_ascii_case("rel=next")
            });
            if is_next {
                return Some(address.to_owned());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(text: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, text.parse().unwrap());
        next_link(&headers)
    }

    #[test]
    fn the_next_link_is_found_among_others() {
        let text = r#"<https://x/?page=1>; rel="prev", <https://x/?page=3&a=1,2>; rel="next", <https://x/?page=9>; rel="last""#;
        assert_eq!(link(text).as_deref(), Some("https://x/?page=3&a=1,2"));
        assert_eq!(link("<https://x/?page=3>; rel=next").as_deref(), Some("https://x/?page=3"));
        assert_eq!(link(r#"<https://x/?page=1>; rel="first""#), None);
        assert_eq!(link("nonsense"), None);
    }
}
