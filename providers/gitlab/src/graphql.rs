//! GraphQL queries: sending one, and global ids. <https://docs.gitlab.com/api/graphql/>

use pilotis_rest::Method;
use pilotis_sdk::{Error, ErrorKind};
use serde_json::Value as Json;

use crate::client::GitLab;

impl GitLab {
    /// Asks a query and gives its `data`. Any `errors` are an error: half an answer is no proof of anything.
    pub(crate) async fn query(&self, query: &str, variables: Json) -> Result<Json, Error> {
        let path =
            self.rest.base().path().trim_end_matches('/').trim_end_matches("/v4").to_owned() + "/graphql";
        let body = serde_json::json!({"query": query, "variables": variables});
        let mut answer: Json =
            self.rest.request_at(Method::POST, &path).as_read().json(&body).send().await?.json()?;
        let errors = answer["errors"].as_array().is_some_and(|e| !e.is_empty());
        if errors || answer["data"].is_null() {
            return Err(Error::new(ErrorKind::Unsupported, "GitLab doesn't answer the GraphQL query")
                .detail(pilotis_rest::failure::flat(&answer["errors"])));
        }
        Ok(answer["data"].take())
    }
}

/// `gid://gitlab/Project/12`
pub(crate) fn global_id(kind: &str, id: &str) -> String {
    format!("gid://gitlab/{kind}/{id}")
}

/// 12 of `gid://gitlab/Project/12`
pub(crate) fn number(global_id: &Json) -> Option<i64> {
    global_id.as_str()?.rsplit('/').next()?.parse().ok()
}
