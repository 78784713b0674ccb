//! Proof that something is gone, and not just hidden from the token.
//!
//! GitLab says 404 for what doesn't exist and for what the token may not see. A token that lost a right must not look like a deleted
//! estate: so a 404 of a group or project is believed only if GitLab says that the path is free, or if the token's user is somebody
//! who would see it.

use pilotis_sdk::{Error, ErrorKind};
use serde_json::Value as Json;

use crate::client::GitLab;

impl GitLab {
    /// A group that answers 404 to its number is gone; an error if it is there and hidden.
    /// <https://docs.gitlab.com/api/namespaces/#verify-namespace-availability>
    pub(crate) async fn group_is_gone(&self, full_path: &str) -> Result<(), Error> {
        if full_path.is_empty() || self.sees_all().await? || !self.namespace_exists(full_path).await? {
            return Ok(());
        }
        // Another group may have the path by now; seen by its path, it is not the one that isn't seen by its number.
        match self.read(&["groups", full_path]).await? {
            Some(_) => Ok(()),
            None => Err(hidden("group", full_path)),
        }
    }

    /// A project that answers 404 is gone; an error if the token's user would not see it if it were there.
    pub(crate) async fn project_is_gone(&self, full_path: &str) -> Result<(), Error> {
        let Some((namespace, _)) = full_path.rsplit_once('/') else { return Ok(()) };
        let me = self.me().await?;
        if me.admin || me.username.eq_ignore_ascii_case(namespace) {
            return Ok(());
        }
        // Members of a group, direct or inherited, see all that is in it.
        let id = me.id.to_string();
        let member =
            self.rest.get(["groups", namespace, "members", "all", &id]).accept(403).optional().await?;
        if member.is_some_and(|answer| answer.status().is_success())
            || !self.namespace_exists(namespace).await?
        {
            return Ok(());
        }
        Err(hidden("project", full_path))
    }

    /// Nothing is hidden from administrators.
    async fn sees_all(&self) -> Result<bool, Error> {
        Ok(self.me().await?.admin)
    }

    /// Whether a path is taken by a group or user, seen or not. An older GitLab that can't say it is believed its 404.
    async fn namespace_exists(&self, full_path: &str) -> Result<bool, Error> {
        let (parent, last) = match full_path.rsplit_once('/') {
            Some((parent, last)) => (Some(parent), last),
            None => (None, full_path),
        };
        let mut request = self.rest.get(["namespaces", last, "exists"]);
        if let Some(parent) = parent {
            let Some(parent) = self.read(&["namespaces", parent]).await? else {
                // The parent is not seen either: what is free or taken below it can't be asked, so ask for the parent itself.
                return Box::pin(self.namespace_exists(parent)).await;
            };
            request = request.query("parent_id", crate::client::id(&parent)?);
        }
        let Some(answer) = request.optional().await? else { return Ok(false) };
        let answer: Json = answer.json()?;
        Ok(answer["exists"].as_bool().unwrap_or(false))
    }
}

fn hidden(what: &str, path: &str) -> Error {
    Error::new(ErrorKind::Forbidden, format!("GitLab hides the {what} {path} from the token"))
        .detail("it says 404 for it, and it or what it is in exists")
        .help(format!("Give the token's user a role in the {what}, or use another token."))
}
