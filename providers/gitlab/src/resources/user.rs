//! `gitlab_user`. <https://docs.gitlab.com/api/users/>

use std::time::Duration;

use pilotis_rest::Method;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, ErrorKind, Secret};

use super::timeouts::Timeouts;
use crate::client::{GitLab, id, nothing_to_import, text};

/// How long GitLab may take to delete a user and what is theirs.
const DELETION: Duration = Duration::from_secs(300);

/// A user (administrators only).
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "gitlab_user", scope(), key(id), natural_key(username))]
pub(crate) struct User {
    /// The user's number.
    #[attr(computed)]
    pub(crate) id: String,
    /// E-mail address.
    #[attr(compare = "case_insensitive")]
    pub(crate) email: String,
    /// The user's name.
    pub(crate) name: String,
    /// The name to sign in with.
    pub(crate) username: String,
    /// May make top-level groups.
    #[attr(optional, computed)]
    pub(crate) can_create_group: Option<bool>,
    /// Begin with a password that nobody knows.
    #[attr(local)]
    pub(crate) force_random_password: Option<bool>,
    /// Is an administrator.
    #[attr(optional, computed, api = "")]
    pub(crate) is_admin: Option<bool>,
    /// Sees only what they are a member of.
    #[attr(optional, computed, api = "external")]
    pub(crate) is_external: Option<bool>,
    /// Number of the user's own namespace.
    #[attr(optional, computed)]
    pub(crate) namespace_id: Option<i64>,
    /// What administrators note about the user.
    #[attr(optional, computed)]
    pub(crate) note: Option<String>,
    /// Password.
    #[attr(secret = "given_never_returned")]
    pub(crate) password: Option<Secret>,
    /// How many projects the user may have.
    #[attr(optional, computed)]
    pub(crate) projects_limit: Option<i64>,
    /// Send a link to set a password.
    #[attr(local)]
    pub(crate) reset_password: Option<bool>,
    /// The address need not be confirmed.
    #[attr(default = true, api = "")]
    pub(crate) skip_confirmation: bool,
    /// Whether the account works.
    #[attr(optional, computed, api = "", one_of("active", "deactivated", "blocked"))]
    pub(crate) state: Option<String>,
    /// How long GitLab may take.
    #[attr(block, local)]
    pub(crate) timeouts: Option<Timeouts>,
}

impl User {
    fn filled(&self, object: &Object) -> Result<User, Error> {
        let mut user: User = json::overlay(self, object)?;
        if let Some(admin) = object.get("is_admin").and_then(serde_json::Value::as_bool) {
            user.is_admin = Some(admin);
        }
        user.state = Some(text(object, "state")).filter(|s| !s.is_empty()).or(user.state);
        user.note = user.note.or_else(|| Some(String::new()));
        Ok(user)
    }

    /// Blocks, unblocks, deactivates or activates. <https://docs.gitlab.com/api/user_moderation/>
    async fn moderate(&self, gitlab: &GitLab, now: &str) -> Result<(), Error> {
        let Some(wanted) = self.state.as_deref().filter(|wanted| *wanted != now) else { return Ok(()) };
        let steps: &[&str] = match (now, wanted) {
            ("blocked", "active") => &["unblock"],
            ("deactivated", "active") => &["activate"],
            ("blocked", "deactivated") => &["unblock", "deactivate"],
            (_, "blocked") => &["block"],
            (_, "deactivated") => &["deactivate"],
            _ => &[],
        };
        for step in steps {
            gitlab.rest.post(["users", self.id.as_str(), *step]).send().await?;
        }
        Ok(())
    }

    async fn fetch(gitlab: &GitLab, known: &User) -> Result<Option<User>, Error> {
        let object = gitlab.read(&["users", &known.id]).await?;
        object.map(|object| known.filled(&object)).transpose()
    }

    fn secretly(&self, request: pilotis_rest::Request) -> pilotis_rest::Request {
        match &self.password {
            Some(password) => request.hide(password.expose()),
            None => request,
        }
    }
}

impl typed::Resource for User {
    type Client = GitLab;

    async fn create(gitlab: &GitLab, planned: User) -> Result<Made<User>, Error> {
        let mut body = json::set_arguments(&planned);
        body.remove("namespace_id");
        body.insert("skip_confirmation".into(), planned.skip_confirmation.into());
        let flags = [
            ("admin", planned.is_admin),
            ("force_random_password", planned.force_random_password),
            ("reset_password", planned.reset_password),
        ];
        body.extend(flags.into_iter().filter_map(|(name, flag)| Some((name.to_owned(), flag?.into()))));
        if planned.password.is_none() && planned.reset_password != Some(true) {
            body.insert("force_random_password".into(), true.into());
        }
        let request = planned.secretly(gitlab.rest.post(["users"]).json(&body));
        let object: Object = request.send().await?.json()?;
        let mut user = planned.filled(&object)?;
        user.id = id(&object)?;
        let wish = User { id: user.id.clone(), ..planned };
        let now = user.state.clone().unwrap_or_default();
        match wish.moderate(gitlab, &now).await {
            Ok(()) => Ok(User { state: wish.state.or(user.state), ..user }.into()),
            Err(e) => Ok(Made::but(user, e)),
        }
    }

    async fn read(gitlab: &GitLab, prior: User) -> Result<Option<User>, Error> {
        User::fetch(gitlab, &prior).await
    }

    async fn update(gitlab: &GitLab, prior: User, planned: User) -> Result<User, Error> {
        let mut body = json::changed_arguments(&prior, &planned);
        body.remove("namespace_id");
        if body.contains_key("email") {
            body.insert("skip_reconfirmation".into(), planned.skip_confirmation.into());
        }
        if planned.is_admin != prior.is_admin
            && let Some(admin) = planned.is_admin
        {
            body.insert("admin".into(), admin.into());
        }
        if !body.is_empty() {
            let request = gitlab.rest.request(Method::PUT, ["users", prior.id.as_str()]).json(&body);
            planned.secretly(request).send().await?;
        }
        planned.moderate(gitlab, prior.state.as_deref().unwrap_or_default()).await?;
        User::fetch(gitlab, &planned).await?.ok_or_else(|| nothing_to_import("user", &prior.id))
    }

    async fn delete(gitlab: &GitLab, prior: User) -> Result<(), Error> {
        gitlab.remove(&["users", &prior.id]).await?;
        let gone = gitlab.until(Timeouts::delete(&prior.timeouts, DELETION)?, || async {
            Ok(gitlab.read(&["users", &prior.id]).await?.is_none().then_some(()))
        });
        gone.await?.ok_or_else(|| {
            Error::new(ErrorKind::Timeout, format!("GitLab takes long to delete the user {}", prior.username))
        })
    }

    async fn list(gitlab: &GitLab, scopes: Vec<Scope<User>>) -> Vec<Result<Page<User>, Error>> {
        let mut pages = Vec::new();
        for scope in scopes {
            pages.push(list(gitlab, scope.wanted).await);
        }
        pages
    }

    async fn find(gitlab: &GitLab, planned: User) -> Result<Match<User>, Error> {
        let found = gitlab.list(&["users"], &[("username", &planned.username)]).await?;
        Ok(found.first().map(|object| planned.filled(object)).transpose()?.into())
    }

    async fn import(gitlab: &GitLab, id: &str) -> Result<User, Error> {
        let known = User { id: id.to_owned(), skip_confirmation: true, ..User::default() };
        User::fetch(gitlab, &known).await?.ok_or_else(|| nothing_to_import("user", id))
    }
}

/// All users, if many are wanted: the list shows administrators as much as single reads do.
async fn list(gitlab: &GitLab, wanted: Vec<User>) -> Result<Page<User>, Error> {
    if wanted.len() <= 3 {
        let reads = <User as typed::Resource>::read_many(gitlab, wanted).await;
        return reads.into_iter().filter_map(Result::transpose).collect();
    }
    let query = [("pagination", "keyset"), ("order_by", "id"), ("sort", "asc")];
    let known: std::collections::HashMap<&str, &User> = wanted.iter().map(|u| (u.id.as_str(), u)).collect();
    let blank = User { skip_confirmation: true, ..User::default() };
    let mut users = Vec::new();
    for object in gitlab.list(&["users"], &query).await? {
        let id = id(&object)?;
        users.push(known.get(id.as_str()).copied().unwrap_or(&blank).filled(&object)?);
    }
    Ok(Page::complete(users))
}
