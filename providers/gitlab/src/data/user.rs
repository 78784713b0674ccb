//! `data "gitlab_user"`. <https://docs.gitlab.com/api/users/>
//!
//! Many users by name come in one GraphQL query. What is given is the same however it was read: what both APIs have.

use std::collections::HashMap;

use futures::{StreamExt as _, stream};
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::{Error, ErrorKind, typed};

use crate::client::{GitLab, id, nothing_to_import, object_of, text};
use crate::graphql;

/// From so many names on one query is fewer calls than single look-ups.
const MANY: usize = 3;
/// Users in one query.
const BATCH: usize = 100;

const USERS: &str = "query users($usernames: [String!]) { users(usernames: $usernames, first: 100) { nodes { \
     id username name publicEmail state webUrl avatarUrl } pageInfo { hasNextPage } } }";

/// A user, by number, name or e-mail address.
#[derive(Clone, Debug, pilotis_sdk::DataSource)]
#[data_source(type = "gitlab_user")]
pub(crate) struct User {
    /// The user's number.
    #[attr(computed)]
    pub(crate) id: String,
    /// The user's number.
    #[attr(optional, computed, api = "id")]
    pub(crate) user_id: Option<i64>,
    /// The user's name to sign in with.
    #[attr(optional, computed)]
    pub(crate) username: Option<String>,
    /// E-mail address: as it is given here, else the one that everybody sees.
    #[attr(optional, computed, api = "")]
    pub(crate) email: Option<String>,
    /// The user's name.
    #[attr(computed)]
    pub(crate) name: Option<String>,
    /// `active`, `blocked` or `deactivated`.
    #[attr(computed)]
    pub(crate) state: Option<String>,
    /// Address of the picture.
    #[attr(computed)]
    pub(crate) avatar_url: Option<String>,
    /// The user's page.
    #[attr(computed)]
    pub(crate) web_url: Option<String>,
}

impl User {
    fn filled(&self, object: &Object) -> Result<User, Error> {
        let mut user: User = json::overlay(self, object)?;
        user.id = id(object)?;
        let public = || Some(text(object, "public_email")).filter(|email| !email.is_empty());
        user.email = self.email.clone().or_else(public);
        Ok(user)
    }

    async fn by_name(gitlab: &GitLab, name: &str) -> Result<Option<Object>, Error> {
        let found = gitlab.list(&["users"], &[("username", name)]).await?;
        Ok(found.into_iter().find(|user| text(user, "username").eq_ignore_ascii_case(name)))
    }

    /// Searching for a whole address finds it exactly, and shows it only to administrators: a single answer is the one.
    async fn by_email(gitlab: &GitLab, email: &str) -> Result<Option<Object>, Error> {
        let found = gitlab.list(&["users"], &[("search", email)]).await?;
        let shows = |user: &&Object| {
            ["email", "public_email"].iter().any(|n| text(user, n).eq_ignore_ascii_case(email))
        };
        match found.iter().find(shows) {
            Some(user) => Ok(Some(user.clone())),
            None if found.len() > 1 => {
                Err(Error::new(ErrorKind::Invalid, format!("More than one user is found for {email}"))
                    .help("Say `username` or `user_id`."))
            }
            None => Ok(found.into_iter().next()),
        }
    }
}

/// All that a query finds, by lower-case name.
async fn by_names(gitlab: &GitLab, names: &[String]) -> Result<HashMap<String, Object>, Error> {
    let mut users = HashMap::new();
    for batch in names.chunks(BATCH) {
        let data = gitlab.query(USERS, serde_json::json!({"usernames": batch})).await?;
        for node in data["users"]["nodes"].as_array().into_iter().flatten() {
            let Some(id) = graphql::number(&node["id"]) else { continue };
            let same = |name: &str| node[name].clone();
            let object = object_of(&[
                ("id", id.into()),
                ("username", same("username")),
                ("name", same("name")),
                ("public_email", same("publicEmail")),
                ("state", same("state")),
                ("avatar_url", same("avatarUrl")),
                ("web_url", same("webUrl")),
            ]);
            users.insert(text(&object, "username").to_lowercase(), object);
        }
    }
    Ok(users)
}

impl typed::DataSource for User {
    type Client = GitLab;

    async fn read(gitlab: &GitLab, arguments: User) -> Result<User, Error> {
        let (found, what) = match (&arguments.user_id, &arguments.username, &arguments.email) {
            (Some(id), _, _) => (gitlab.read(&["users", &id.to_string()]).await?, id.to_string()),
            (None, Some(name), _) => (User::by_name(gitlab, name).await?, name.clone()),
            (None, None, Some(email)) => (User::by_email(gitlab, email).await?, email.clone()),
            (None, None, None) => {
                return Err(Error::new(ErrorKind::Invalid, "Which user is not said")
                    .help("Set `username`, `email` or `user_id`."));
            }
        };
        arguments.filled(&found.ok_or_else(|| nothing_to_import("user", &what))?)
    }

    async fn read_many(gitlab: &GitLab, arguments: Vec<User>) -> Vec<Result<User, Error>> {
        let by_name = |user: &User| user.username.clone().filter(|_| user.user_id.is_none());
        let mut names: Vec<String> = arguments.iter().filter_map(by_name).collect();
        names.sort();
        names.dedup();
        let mut known = HashMap::new();
        if names.len() >= MANY {
            match by_names(gitlab, &names).await {
                Ok(users) => known = users,
                Err(e) => tracing::debug!(error = %e, "no bulk answer, users are read one by one"),
            }
        }
        let reads = arguments.into_iter().map(|user| {
            let found = by_name(&user).and_then(|name| known.get(&name.to_lowercase()).cloned());
            async move {
                match found {
                    Some(object) => user.filled(&object),
                    None => User::read(gitlab, user).await,
                }
            }
        });
        let reads: Vec<_> = reads.collect();
        stream::iter(reads).buffered(gitlab.rest.concurrency()).collect().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_was_given_stays() {
        let object = object_of(&[("id", 7.into()), ("username", "m".into()), ("public_email", "".into())]);
        let asked = User {
            id: String::new(),
            user_id: None,
            username: None,
            email: Some("m@x".into()),
            name: None,
            state: None,
            avatar_url: None,
            web_url: None,
        };
        let user = asked.filled(&object).unwrap();
        assert_eq!((user.id.as_str(), user.user_id, user.email.as_deref()), ("7", Some(7), Some("m@x")));
    }
}
