//! `gitlab_group_access_token` and `gitlab_project_access_token`.
//! <https://docs.gitlab.com/api/group_access_tokens/>, <https://docs.gitlab.com/api/project_access_tokens/>

use std::collections::BTreeSet;

use jiff::ToSpan as _;
use pilotis_rest::Method;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::model::Described;
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, ErrorKind, Nested, Secret};
use serde_json::Value as Json;

use crate::access;
use crate::bulk::{Children, Node, Parent};
use crate::client::{GitLab, id, import_parts, int, nothing_to_import};

/// How long a token lives if nobody says: most instances refuse one without an end, or with one later than this.
const DEFAULT_DAYS: i64 = 365;

const fn children(parent: Parent) -> Children {
    // GraphQL doesn't have them.
    Children {
        parent,
        path: "access_tokens",
        query: None,
        connection: "",
        batch: 100,
        rest_of: |_| Node::Broken,
    }
}

/// How long a token lives when it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Nested)]
pub(crate) struct Rotation {
    /// Days that a new token lives.
    pub(crate) expiration_days: i64,
    /// Days before its end from which on it should be renewed.
    pub(crate) rotate_before_days: i64,
}

/// What access tokens of groups and projects share.
trait AccessToken: Described + Clone + Send + Sync {
    const CHILDREN: Children;
    const PARENT: &'static str;
    fn parent(&self) -> &str;
    /// The number of the token in `PARENT:TOKEN`.
    fn number(&self) -> &str;
    fn with_id(self, number: &str) -> Self;
    fn with_level(self, level: Option<i64>) -> Self;
    /// The last day, as configured.
    fn wished_end(&self) -> (Option<&str>, Option<i64>);
    fn level(&self) -> &str;
    fn is_usable(&self) -> bool;
    /// The other asks for the same.
    fn is_like(&self, other: &Self) -> bool;
    fn blank(parent: &str) -> Self;
}

fn path<T: AccessToken>(parent: &str) -> [&str; 3] {
    [T::CHILDREN.parent.path(), parent, "access_tokens"]
}

fn filled<T: AccessToken>(known: &T, object: &Object) -> Result<T, Error> {
    let mut object = object.clone();
    if object.get("description").is_none_or(Json::is_null) {
        object.insert("description".into(), "".into());
    }
    Ok(json::overlay(known, &object)?.with_id(&id(&object)?).with_level(int(&object, "access_level")))
}

/// The last day of a new token: `YYYY-MM-DD`.
fn end<T: AccessToken>(planned: &T) -> Result<String, Error> {
    let (said, days) = planned.wished_end();
    if let Some(day) = said.filter(|day| !day.is_empty()) {
        return Ok(day.to_owned());
    }
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = today.checked_add(days.unwrap_or(DEFAULT_DAYS).days());
    day.map(|day| day.to_string())
        .map_err(|_| Error::new(ErrorKind::Invalid, "`expiration_days` is too far away"))
}

async fn create<T: AccessToken>(gitlab: &GitLab, planned: T) -> Result<Made<T>, Error> {
    let mut body = json::set_arguments(&planned);
    body.insert("access_level".into(), access::number(planned.level())?.into());
    body.insert("expires_at".into(), end(&planned)?.into());
    let object = gitlab.write(Method::POST, &path::<T>(planned.parent()), &body).await?;
    Ok(filled(&planned, &object)?.into())
}

/// A token that is revoked or expired does nothing any more: it is gone.
async fn read<T: AccessToken>(gitlab: &GitLab, prior: T) -> Result<Option<T>, Error> {
    let [kind, parent, tokens] = path::<T>(prior.parent());
    let object = gitlab.read(&[kind, parent, tokens, prior.number()]).await?;
    Ok(object.map(|object| filled(&prior, &object)).transpose()?.filter(T::is_usable))
}

async fn delete<T: AccessToken>(gitlab: &GitLab, prior: T) -> Result<(), Error> {
    let [kind, parent, tokens] = path::<T>(prior.parent());
    gitlab.remove(&[kind, parent, tokens, prior.number()]).await
}

async fn list<T: AccessToken>(gitlab: &GitLab, scopes: Vec<Scope<T>>) -> Vec<Result<Page<T>, Error>> {
    let parents: Result<Vec<String>, Error> = scopes.iter().map(|scope| scope.text(T::PARENT)).collect();
    let parents = match parents {
        Ok(parents) => parents,
        Err(e) => return scopes.iter().map(|_| Err(e.clone())).collect(),
    };
    let lists = gitlab.children(&T::CHILDREN, &parents).await;
    let pages = lists.into_iter().zip(&parents).map(|(tokens, parent)| {
        let tokens: Result<Vec<T>, Error> =
            tokens?.iter().map(|object| filled(&T::blank(parent), object)).collect();
        Ok(tokens?.into_iter().filter(T::is_usable).collect())
    });
    pages.collect()
}

/// A token whose secret was lost is worth nothing: the newest that asks for the same is revoked. Never one that the state has:
/// the one that is being replaced is in use until the new one is there.
async fn find<T: AccessToken>(gitlab: &GitLab, planned: T, known: Vec<T>) -> Result<Match<T>, Error> {
    let mut newest: Option<(i64, T)> = None;
    for object in gitlab.list(&path::<T>(planned.parent()), &[]).await? {
        let token = filled(&T::blank(planned.parent()), &object)?;
        let number = token.number().parse().unwrap_or(0);
        if known.iter().any(|known| known.number() == token.number()) {
            continue;
        }
        if token.is_usable() && token.is_like(&planned) && newest.as_ref().is_none_or(|(n, _)| *n < number) {
            newest = Some((number, token));
        }
    }
    match newest {
        Some((_, token)) => delete(gitlab, token).await.map(|()| Match::Revoked),
        None => Ok(Match::Absent),
    }
}

macro_rules! access_token {
    ($(#[$doc:meta])* $name:ident, $type_name:literal, $parent:ident, $parent_name:literal, $kind:expr, $parent_doc:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, pilotis_sdk::Resource)]
        #[resource(type = $type_name, scope($parent), key(id), natural_key($parent, name))]
        pub(crate) struct $name {
            /// `PARENT:TOKEN`
            #[attr(computed, api = "")]
            pub(crate) id: String,
            #[doc = $parent_doc]
            #[attr(force_new, api = "")]
            pub(crate) $parent: String,
            /// Name; its bot user gets it too.
            #[attr(force_new)]
            pub(crate) name: String,
            /// What it may do.
            #[attr(force_new, one_of("api", "read_api", "read_registry", "write_registry", "read_virtual_registry",
                "write_virtual_registry", "read_repository", "write_repository", "create_runner", "manage_runner", "ai_features",
                "k8s_proxy", "read_observability", "write_observability", "self_rotate"))]
            pub(crate) scopes: BTreeSet<String>,
            /// Role of its bot user.
            #[attr(default = "maintainer", force_new, api = "",
                one_of("no one", "minimal", "guest", "planner", "reporter", "developer", "maintainer", "owner"))]
            pub(crate) access_level: String,
            /// What it is for.
            #[attr(optional, computed, force_new)]
            pub(crate) description: Option<String>,
            /// Last day: `YYYY-MM-DD`. A year from now if nothing else says it.
            #[attr(optional, computed, force_new)]
            pub(crate) expires_at: Option<String>,
            /// How long it lives when it is made.
            #[attr(local)]
            pub(crate) rotation_configuration: Option<Rotation>,
            /// Refuse an `expires_at` that is past.
            #[attr(local)]
            pub(crate) validate_past_expiration_date: Option<bool>,
            /// It works.
            #[attr(computed)]
            pub(crate) active: Option<bool>,
            /// When it was made.
            #[attr(computed)]
            pub(crate) created_at: Option<String>,
            /// It was taken back.
            #[attr(computed)]
            pub(crate) revoked: Option<bool>,
            /// The token. Shown once, when it is made.
            #[attr(computed, secret = "made_shown_once")]
            pub(crate) token: Option<Secret>,
            /// Number of its bot user.
            #[attr(computed)]
            pub(crate) user_id: Option<i64>,
        }

        impl AccessToken for $name {
            const CHILDREN: Children = children($kind);
            const PARENT: &'static str = $parent_name;
            fn parent(&self) -> &str {
                &self.$parent
            }
            fn number(&self) -> &str {
                self.id.rsplit(':').next().unwrap_or_default()
            }
            fn with_id(self, number: &str) -> $name {
                $name { id: format!("{}:{number}", self.$parent), ..self }
            }
            fn with_level(self, level: Option<i64>) -> $name {
                match level {
                    Some(level) => $name { access_level: access::name(level), ..self },
                    None => self,
                }
            }
            fn wished_end(&self) -> (Option<&str>, Option<i64>) {
                (self.expires_at.as_deref(), self.rotation_configuration.as_ref().map(|r| r.expiration_days))
            }
            fn level(&self) -> &str {
                &self.access_level
            }
            fn is_usable(&self) -> bool {
                self.revoked != Some(true) && self.active != Some(false)
            }
            fn is_like(&self, other: &$name) -> bool {
                self.name == other.name && (other.scopes.is_empty() || self.scopes == other.scopes)
            }
            fn blank(parent: &str) -> $name {
                $name {
                    id: String::new(),
                    $parent: parent.to_owned(),
                    name: String::new(),
                    scopes: BTreeSet::new(),
                    access_level: "maintainer".to_owned(),
                    description: None,
                    expires_at: None,
                    rotation_configuration: None,
                    validate_past_expiration_date: None,
                    active: None,
                    created_at: None,
                    revoked: None,
                    token: None,
                    user_id: None,
                }
            }
        }

        impl typed::Resource for $name {
            type Client = GitLab;
            async fn create(gitlab: &GitLab, planned: $name) -> Result<Made<$name>, Error> {
                create(gitlab, planned).await
            }
            async fn read(gitlab: &GitLab, prior: $name) -> Result<Option<$name>, Error> {
                read(gitlab, prior).await
            }
            async fn update(_: &GitLab, _: $name, planned: $name) -> Result<$name, Error> {
                // Only what the service doesn't store can change in place.
                Ok(planned)
            }
            async fn delete(gitlab: &GitLab, prior: $name) -> Result<(), Error> {
                delete(gitlab, prior).await
            }
            async fn list(gitlab: &GitLab, scopes: Vec<Scope<$name>>) -> Vec<Result<Page<$name>, Error>> {
                list(gitlab, scopes).await
            }
            async fn find_beside(
                gitlab: &GitLab,
                planned: $name,
                known: &(dyn Fn() -> Result<Vec<$name>, Error> + Sync),
            ) -> Result<Match<$name>, Error> {
                find(gitlab, planned, known()?).await
            }
            async fn import(gitlab: &GitLab, id: &str) -> Result<$name, Error> {
                let [parent, number] = import_parts(id, "12:34 (parent:token)")?;
                let known = $name::blank(parent).with_id(number);
                read(gitlab, known).await?.ok_or_else(|| nothing_to_import("access token", id))
            }
        }
    };
}

access_token!(
    /// A token of a bot user of a group. <https://docs.gitlab.com/user/group/settings/group_access_tokens/>
    GroupAccessToken, "gitlab_group_access_token", group, "group", Parent::Group, "The group's number or full path."
);
access_token!(
    /// A token of a bot user of a project. <https://docs.gitlab.com/user/project/settings/project_access_tokens/>
    ProjectAccessToken, "gitlab_project_access_token", project, "project", Parent::Project, "The project's number or full path."
);
