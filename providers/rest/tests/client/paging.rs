//! Lists in pages.

use futures::StreamExt as _;
use pilotis_rest::{Client, page::Pages};
use pilotis_sdk::{Error, ErrorKind};

use crate::server::{Answer, Server, say, with};
use crate::settings;

async fn all(
    script: Vec<Answer>,
    pages: Pages,
    items: &'static str,
) -> (Result<Vec<u64>, Error>, Vec<String>) {
    let server = Server::start(script).await;
    let client = Client::new(settings(&server.url)).unwrap();
    let result = client.get(["items"]).query("a", "b").all(pages, items).await;
    (result, server.lines())
}

const NUMBERED: Pages = Pages::ByNumber { page: "page", first: 1, size: "per_page", items: 2 };

#[tokio::test]
async fn by_link() {
    let next = [("link", r#"<{base}/api/v4/items?id_after=2>; rel="next""#)];
    let (result, lines) = all(vec![with(200, &next, "[1,2]"), say(200, "[3]")], Pages::ByLink, "").await;
    assert_eq!(result.unwrap(), [1, 2, 3]);
    assert_eq!(lines, ["GET /api/v4/items?a=b", "GET /api/v4/items?id_after=2"]);
}

#[tokio::test]
async fn by_number() {
    let (result, lines) = all(vec![say(200, "[1,2]"), say(200, "[3,4]"), say(200, "[]")], NUMBERED, "").await;
    assert_eq!(result.unwrap(), [1, 2, 3, 4]);
    assert_eq!(lines[2], "GET /api/v4/items?a=b&page=3&per_page=2");
}

#[tokio::test]
async fn by_token() {
    let pages = Pages::ByToken { pointer: "/next", parameter: "next_page" };
    let script =
        vec![say(200, r#"{"items": [1], "next": "t&1"}"#), say(200, r#"{"items": [2], "next": null}"#)];
    let (result, lines) = all(script, pages, "/items").await;
    assert_eq!(result.unwrap(), [1, 2]);
    assert_eq!(lines[1], "GET /api/v4/items?a=b&next_page=t%261");
}

#[tokio::test]
async fn a_page_that_fails_makes_no_shorter_list() {
    let (result, _) = all(vec![say(200, "[1,2]"), say(403, "{}")], NUMBERED, "").await;
    assert_eq!(result.unwrap_err().kind, ErrorKind::Forbidden);
    let (result, _) = all(vec![say(200, r#"{"no": "list"}"#)], Pages::ByLink, "/items").await;
    assert_eq!(result.unwrap_err().kind, ErrorKind::Garbage);
}

#[tokio::test]
async fn pages_that_lead_astray() {
    let away = [("link", r#"<https://elsewhere.example/items>; rel="next""#)];
    let (result, _) = all(vec![with(200, &away, "[1]")], Pages::ByLink, "").await;
    assert_eq!(result.unwrap_err().kind, ErrorKind::Garbage);
    let circle = [("link", r#"<{base}/api/v4/items?page=2>; rel="next""#)];
    let (result, lines) = all(vec![with(200, &circle, "[1]"); 5], Pages::ByLink, "").await;
    assert_eq!(result.unwrap_err().detail, "its pages never end");
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn pages_come_one_by_one() {
    let server = Server::start(vec![say(200, "[1,2]"), say(200, "[3,4]")]).await;
    let client = Client::new(settings(&server.url)).unwrap();
    let mut pages = Box::pin(client.get(["items"]).pages::<u64>(NUMBERED, ""));
    assert_eq!(pages.next().await.unwrap().unwrap(), [1, 2]);
    assert_eq!(server.lines().len(), 1, "the next page is asked for when it is wanted");
}
