//! `gitlab_group_deploy_token` and `gitlab_project_deploy_token`. <https://docs.gitlab.com/api/deploy_tokens/>

use std::collections::BTreeSet;

use pilotis_rest::Method;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::model::Described;
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, Secret};

use crate::bulk::{Children, Node, Parent};
use crate::client::{GitLab, id, import_parts, nothing_to_import};

const fn children(parent: Parent) -> Children {
    // GraphQL doesn't have them.
    Children {
        parent,
        path: "deploy_tokens",
        query: None,
        connection: "",
        batch: 100,
        rest_of: |_| Node::Broken,
    }
}

/// What deploy tokens of groups and projects share.
trait DeployToken: Described + Clone + Send + Sync {
    const CHILDREN: Children;
    const PARENT: &'static str;
    fn parent(&self) -> &str;
    /// The number of the token in `PARENT:TOKEN`.
    fn number(&self) -> &str;
    fn with_id(self, number: &str) -> Self;
    fn is_usable(&self) -> bool;
    /// The other asks for the same.
    fn is_like(&self, other: &Self) -> bool;
    fn blank(parent: &str) -> Self;
}

fn path<T: DeployToken>(parent: &str) -> [&str; 3] {
    [T::CHILDREN.parent.path(), parent, "deploy_tokens"]
}

fn filled<T: DeployToken>(known: &T, object: &Object) -> Result<T, Error> {
    Ok(json::overlay(known, object)?.with_id(&id(object)?))
}

async fn create<T: DeployToken>(gitlab: &GitLab, planned: T) -> Result<Made<T>, Error> {
    let object =
        gitlab.write(Method::POST, &path::<T>(planned.parent()), &json::set_arguments(&planned)).await?;
    Ok(filled(&planned, &object)?.into())
}

/// A token that is revoked or expired does nothing any more: it is gone.
async fn read<T: DeployToken>(gitlab: &GitLab, prior: T) -> Result<Option<T>, Error> {
    let [kind, parent, tokens] = path::<T>(prior.parent());
    let object = gitlab.read(&[kind, parent, tokens, prior.number()]).await?;
    Ok(object.map(|object| filled(&prior, &object)).transpose()?.filter(T::is_usable))
}

async fn delete<T: DeployToken>(gitlab: &GitLab, prior: T) -> Result<(), Error> {
    let [kind, parent, tokens] = path::<T>(prior.parent());
    gitlab.remove(&[kind, parent, tokens, prior.number()]).await
}

async fn list<T: DeployToken>(gitlab: &GitLab, scopes: Vec<Scope<T>>) -> Vec<Result<Page<T>, Error>> {
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
async fn find<T: DeployToken>(gitlab: &GitLab, planned: T, known: Vec<T>) -> Result<Match<T>, Error> {
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

macro_rules! deploy_token {
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
            /// Name.
            #[attr(force_new)]
            pub(crate) name: String,
            /// What it may do.
            #[attr(force_new, one_of("read_repository", "read_registry", "write_registry", "read_virtual_registry",
                "write_virtual_registry", "read_package_registry", "write_package_registry"))]
            pub(crate) scopes: BTreeSet<String>,
            /// When it ends (RFC 3339); never if not said.
            #[attr(force_new, compare = "instant")]
            pub(crate) expires_at: Option<String>,
            /// User name that goes with it; `gitlab+deploy-token-N` if not said.
            #[attr(optional, computed, force_new)]
            pub(crate) username: Option<String>,
            /// Refuse an `expires_at` that is past.
            #[attr(local)]
            pub(crate) validate_past_expiration_date: Option<bool>,
            /// It ended.
            #[attr(computed)]
            pub(crate) expired: Option<bool>,
            /// It was taken back.
            #[attr(computed)]
            pub(crate) revoked: Option<bool>,
            /// The token. Shown once, when it is made.
            #[attr(computed, secret = "made_shown_once")]
            pub(crate) token: Option<Secret>,
        }

        impl DeployToken for $name {
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
            fn is_usable(&self) -> bool {
                self.revoked != Some(true) && self.expired != Some(true)
            }
            fn is_like(&self, other: &$name) -> bool {
                self.name == other.name
                    && (other.scopes.is_empty() || self.scopes == other.scopes)
                    && other.username.as_ref().is_none_or(|user| self.username.as_ref() == Some(user))
            }
            fn blank(parent: &str) -> $name {
                $name {
                    id: String::new(),
                    $parent: parent.to_owned(),
                    name: String::new(),
                    scopes: BTreeSet::new(),
                    expires_at: None,
                    username: None,
                    validate_past_expiration_date: None,
                    expired: None,
                    revoked: None,
                    token: None,
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
                read(gitlab, known).await?.ok_or_else(|| nothing_to_import("deploy token", id))
            }
        }
    };
}

deploy_token!(
    /// A token to read repositories and registries of a group. <https://docs.gitlab.com/user/project/deploy_tokens/>
    GroupDeployToken, "gitlab_group_deploy_token", group, "group", Parent::Group, "The group's number or full path."
);
deploy_token!(
    /// A token to read a project's repository and registries. <https://docs.gitlab.com/user/project/deploy_tokens/>
    ProjectDeployToken, "gitlab_project_deploy_token", project, "project", Parent::Project, "The project's number or full path."
);
