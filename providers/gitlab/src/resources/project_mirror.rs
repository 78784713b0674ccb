//! `gitlab_project_push_mirror` (`gitlab_project_mirror` is its older name) and `gitlab_project_pull_mirror`.
//! <https://docs.gitlab.com/api/remote_mirrors/>, <https://docs.gitlab.com/api/project_pull_mirroring/>
//!
//! GitLab shows a mirror's address with its credentials masked. So the address that is known stays as long as GitLab's points to the
//! same place.

use std::collections::BTreeSet;

use pilotis_rest::Method;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::model::Described;
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, Secret};
use serde_json::Value as Json;

use crate::bulk::{Children, Node, Parent};
use crate::client::{GitLab, id, import_parts, int, nothing_to_import, text};

const MIRRORS: Children = Children {
    parent: Parent::Project,
    path: "remote_mirrors",
    // GraphQL doesn't have them.
    query: None,
    connection: "",
    batch: 100,
    rest_of: |_| Node::Broken,
};

/// The address without credentials; two mirrors with equal ones go to the same place.
fn place(address: &str) -> String {
    match address.parse::<url::Url>() {
        Ok(mut url) => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.to_string().trim_end_matches('/').to_owned()
        }
        Err(_) => address.rsplit('@').next().unwrap_or(address).to_owned(),
    }
}

/// The known address, unless GitLab's points somewhere else.
fn address(known: &Secret, object: &Object) -> Secret {
    let told = text(object, "url");
    if told.is_empty() || place(&told) == place(known.expose()) {
        known.clone()
    } else {
        Secret::new(place(&told))
    }
}

/// The password in an address, which must not show in an error.
fn password(address: &Secret) -> String {
    address
        .expose()
        .parse::<url::Url>()
        .ok()
        .and_then(|url| url.password().map(str::to_owned))
        .unwrap_or_default()
}

/// What the two names of a push mirror share.
trait Mirror: Described + Clone + Send + Sync {
    fn project(&self) -> &str;
    fn url(&self) -> &Secret;
    fn number(&self) -> String;
    fn with(self, number: Option<i64>, url: Secret) -> Self;
    fn blank(project: &str, url: &Secret) -> Self;
}

fn filled<M: Mirror>(known: &M, object: &Object) -> Result<M, Error> {
    let url = address(known.url(), object);
    let mut object = object.clone();
    if object
        .get("host_keys")
        .is_some_and(|keys| keys.as_array().is_some_and(|keys| keys.iter().any(Json::is_object)))
    {
        // Fingerprints are shown, not the keys: what is known of them stays.
        object.remove("host_keys");
    }
    Ok(json::overlay(known, &object)?.with(int(&object, "id"), url))
}

async fn create<M: Mirror>(gitlab: &GitLab, planned: M) -> Result<Made<M>, Error> {
    let mut body = json::set_arguments(&planned);
    body.insert("url".into(), planned.url().expose().into());
    let request = gitlab.rest.post(["projects", planned.project(), "remote_mirrors"]).json(&body);
    let object: Object = request.hide(password(planned.url())).send().await?.json()?;
    Ok(filled(&planned, &object)?.into())
}

async fn read<M: Mirror>(gitlab: &GitLab, prior: M) -> Result<Option<M>, Error> {
    let object = gitlab.read(&["projects", prior.project(), "remote_mirrors", &prior.number()]).await?;
    object.map(|object| filled(&prior, &object)).transpose()
}

async fn update<M: Mirror>(gitlab: &GitLab, prior: M, planned: M) -> Result<M, Error> {
    let body = json::changed_arguments(&prior, &planned);
    if body.is_empty() {
        return Ok(planned);
    }
    let path = ["projects", prior.project(), "remote_mirrors", &prior.number()];
    filled(&planned, &gitlab.write(Method::PUT, &path, &body).await?)
}

async fn list<M: Mirror>(gitlab: &GitLab, scopes: Vec<Scope<M>>) -> Vec<Result<Page<M>, Error>> {
    let projects: Result<Vec<String>, Error> = scopes.iter().map(|scope| scope.text("project")).collect();
    let projects = match projects {
        Ok(projects) => projects,
        Err(e) => return scopes.iter().map(|_| Err(e.clone())).collect(),
    };
    let lists = gitlab.children(&MIRRORS, &projects).await;
    let pages = lists.into_iter().zip(&projects).zip(&scopes).map(|((mirrors, project), scope)| {
        let of = |object: &Object| {
            let number = id(object)?;
            match scope.wanted.iter().find(|known| known.number() == number) {
                Some(known) => filled(known, object),
                None => filled(&M::blank(project, &Secret::new(place(&text(object, "url")))), object),
            }
        };
        mirrors?.iter().map(of).collect()
    });
    pages.collect()
}

async fn find<M: Mirror>(gitlab: &GitLab, planned: M) -> Result<Match<M>, Error> {
    let mirrors = gitlab.list(&["projects", planned.project(), "remote_mirrors"], &[]).await?;
    let wanted = place(planned.url().expose());
    let found = mirrors.iter().find(|object| place(&text(object, "url")) == wanted);
    Ok(found.map(|object| filled(&planned, object)).transpose()?.into())
}

async fn import<M: Mirror>(gitlab: &GitLab, id: &str) -> Result<M, Error> {
    let [project, number] = import_parts(id, "12:34 (project:mirror)")?;
    let object = gitlab.read(&["projects", project, "remote_mirrors", number]).await?;
    let object = object.ok_or_else(|| nothing_to_import("push mirror", id))?;
    filled(&M::blank(project, &Secret::new(place(&text(&object, "url")))), &object)
}

macro_rules! push_mirror {
    ($(#[$doc:meta])* $name:ident, $type_name:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, pilotis_sdk::Resource)]
        #[resource(type = $type_name, scope(project), key(mirror_id), natural_key(project, url))]
        pub(crate) struct $name {
            /// `PROJECT:MIRROR`
            #[attr(computed, api = "")]
            pub(crate) id: String,
            /// The project's number or full path.
            #[attr(force_new, api = "")]
            pub(crate) project: String,
            /// Address to push to, with its credentials.
            #[attr(force_new, secret = "given_masked", api = "")]
            pub(crate) url: Secret,
            /// How it signs in.
            #[attr(optional, computed, one_of("ssh_public_key", "password"))]
            pub(crate) auth_method: Option<String>,
            /// It is on.
            #[attr(optional, computed)]
            pub(crate) enabled: Option<bool>,
            /// Keys of the host.
            #[attr(optional, computed)]
            pub(crate) host_keys: Option<BTreeSet<String>>,
            /// Branches that went apart are left alone; else they are overwritten, and branches that are not here are deleted there.
            #[attr(optional, computed)]
            pub(crate) keep_divergent_refs: Option<bool>,
            /// Only branches that match this regular expression (Premium).
            #[attr(optional, computed)]
            pub(crate) mirror_branch_regex: Option<String>,
            /// Only protected branches.
            #[attr(optional, computed)]
            pub(crate) only_protected_branches: Option<bool>,
            /// The mirror's number.
            #[attr(computed, api = "")]
            pub(crate) mirror_id: Option<i64>,
        }

        impl Mirror for $name {
            fn project(&self) -> &str {
                &self.project
            }
            fn url(&self) -> &Secret {
                &self.url
            }
            fn number(&self) -> String {
                self.mirror_id.unwrap_or(0).to_string()
            }
            fn with(self, number: Option<i64>, url: Secret) -> $name {
                let mirror_id = number.or(self.mirror_id);
                $name { id: format!("{}:{}", self.project, mirror_id.unwrap_or(0)), mirror_id, url, ..self }
            }
            fn blank(project: &str, url: &Secret) -> $name {
                $name {
                    id: String::new(),
                    project: project.to_owned(),
                    url: url.clone(),
                    auth_method: None,
                    enabled: None,
                    host_keys: None,
                    keep_divergent_refs: None,
                    mirror_branch_regex: None,
                    only_protected_branches: None,
                    mirror_id: None,
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
            async fn update(gitlab: &GitLab, prior: $name, planned: $name) -> Result<$name, Error> {
                update(gitlab, prior, planned).await
            }
            async fn delete(gitlab: &GitLab, prior: $name) -> Result<(), Error> {
                gitlab.remove(&["projects", &prior.project, "remote_mirrors", &prior.number()]).await
            }
            async fn list(gitlab: &GitLab, scopes: Vec<Scope<$name>>) -> Vec<Result<Page<$name>, Error>> {
                list(gitlab, scopes).await
            }
            async fn find(gitlab: &GitLab, planned: $name) -> Result<Match<$name>, Error> {
                find(gitlab, planned).await
            }
            async fn import(gitlab: &GitLab, id: &str) -> Result<$name, Error> {
                import(gitlab, id).await
            }
        }
    };
}

push_mirror!(
    /// Pushes what comes into a project on to another repository. <https://docs.gitlab.com/user/project/repository/mirror/push/>
    ProjectPushMirror,
    "gitlab_project_push_mirror"
);
push_mirror!(
    /// Pushes what comes into a project on to another repository: the older name of `gitlab_project_push_mirror`.
    ProjectMirror,
    "gitlab_project_mirror"
);

/// Pulls from another repository into a project (Premium). One for each project; destroying it turns it off.
/// <https://docs.gitlab.com/user/project/repository/mirror/pull/>
#[derive(Clone, Debug, pilotis_sdk::Resource)]
#[resource(type = "gitlab_project_pull_mirror", key(project), natural_key(project))]
pub(crate) struct ProjectPullMirror {
    /// The project, as it is written.
    #[attr(computed, api = "")]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new, api = "")]
    pub(crate) project: String,
    /// Address to pull from, without credentials.
    #[attr(secret = "given_masked", api = "")]
    pub(crate) url: Secret,
    /// Password or token for it.
    #[attr(secret = "given_never_returned")]
    pub(crate) auth_password: Option<Secret>,
    /// User name for it.
    #[attr(local)]
    pub(crate) auth_user: Option<String>,
    /// It is on.
    #[attr(default = true)]
    pub(crate) enabled: bool,
    /// Only branches that match this regular expression.
    #[attr(optional, computed)]
    pub(crate) mirror_branch_regex: Option<String>,
    /// Branches that went apart are overwritten.
    #[attr(optional, computed)]
    pub(crate) mirror_overwrites_diverged_branches: Option<bool>,
    /// A pull starts pipelines.
    #[attr(optional, computed)]
    pub(crate) mirror_trigger_builds: Option<bool>,
    /// Only protected branches.
    #[attr(optional, computed)]
    pub(crate) only_mirror_protected_branches: Option<bool>,
    /// What went wrong with the last pull.
    #[attr(computed, volatile)]
    pub(crate) last_error: Option<String>,
    /// End of the last pull that worked.
    #[attr(computed, volatile)]
    pub(crate) last_successful_update_at: Option<String>,
    /// End of the last pull.
    #[attr(computed, volatile)]
    pub(crate) last_update_at: Option<String>,
    /// Start of the last pull.
    #[attr(computed, volatile)]
    pub(crate) last_update_started_at: Option<String>,
    /// The mirror's number.
    #[attr(computed, api = "id")]
    pub(crate) mirror_id: Option<i64>,
    /// Where the current pull is.
    #[attr(computed, volatile)]
    pub(crate) update_status: Option<String>,
}

impl ProjectPullMirror {
    fn filled(&self, object: &Object) -> Result<ProjectPullMirror, Error> {
        let mut mirror: ProjectPullMirror = json::overlay(self, object)?;
        mirror.id = self.project.clone();
        mirror.url = address(&self.url, object);
        Ok(mirror)
    }

    async fn put(&self, gitlab: &GitLab, body: &Object) -> Result<ProjectPullMirror, Error> {
        let mut request = gitlab.rest.put(["projects", &self.project, "mirror", "pull"]).json(body);
        request = request.hide(password(&self.url));
        if let Some(secret) = &self.auth_password {
            request = request.hide(secret.expose());
        }
        self.filled(&request.send().await?.json()?)
    }

    fn body(&self, mut body: Object) -> Object {
        body.insert("url".into(), self.url.expose().into());
        if let Some(user) = &self.auth_user {
            body.insert("auth_user".into(), user.clone().into());
        }
        if let Some(secret) = &self.auth_password {
            body.insert("auth_password".into(), secret.expose().into());
        }
        body
    }

    async fn fetch(gitlab: &GitLab, known: &ProjectPullMirror) -> Result<Option<ProjectPullMirror>, Error> {
        let object = gitlab.read(&["projects", &known.project, "mirror", "pull"]).await?;
        let object = object.filter(|object| !text(object, "url").is_empty());
        let off = |object: &Object| object.get("enabled").and_then(Json::as_bool) == Some(false);
        // One that is off and should be on is as good as none; one that should be off is there.
        object.filter(|object| !off(object) || !known.enabled).map(|object| known.filled(&object)).transpose()
    }
}

impl typed::Resource for ProjectPullMirror {
    type Client = GitLab;

    async fn create(gitlab: &GitLab, planned: ProjectPullMirror) -> Result<Made<ProjectPullMirror>, Error> {
        let body = planned.body(json::set_arguments(&planned));
        Ok(planned.put(gitlab, &body).await?.into())
    }

    async fn read(gitlab: &GitLab, prior: ProjectPullMirror) -> Result<Option<ProjectPullMirror>, Error> {
        ProjectPullMirror::fetch(gitlab, &prior).await
    }

    async fn update(
        gitlab: &GitLab,
        prior: ProjectPullMirror,
        planned: ProjectPullMirror,
    ) -> Result<ProjectPullMirror, Error> {
        let body = planned.body(json::changed_arguments(&prior, &planned));
        planned.put(gitlab, &body).await
    }

    async fn delete(gitlab: &GitLab, prior: ProjectPullMirror) -> Result<(), Error> {
        let off = serde_json::json!({"enabled": false});
        gitlab
            .rest
            .put(["projects", &prior.project, "mirror", "pull"])
            .json(&off)
            .optional()
            .await
            .map(|_| ())
    }

    async fn find(gitlab: &GitLab, planned: ProjectPullMirror) -> Result<Match<ProjectPullMirror>, Error> {
        Ok(ProjectPullMirror::fetch(gitlab, &planned).await?.into())
    }

    async fn import(gitlab: &GitLab, id: &str) -> Result<ProjectPullMirror, Error> {
        let object = gitlab.read(&["projects", id, "mirror", "pull"]).await?;
        let object = object.filter(|object| !text(object, "url").is_empty());
        let object = object.ok_or_else(|| nothing_to_import("pull mirror", id))?;
        let blank = ProjectPullMirror {
            id: id.to_owned(),
            project: id.to_owned(),
            url: Secret::new(place(&text(&object, "url"))),
            auth_password: None,
            auth_user: None,
            enabled: true,
            mirror_branch_regex: None,
            mirror_overwrites_diverged_branches: None,
            mirror_trigger_builds: None,
            only_mirror_protected_branches: None,
            last_error: None,
            last_successful_update_at: None,
            last_update_at: None,
            last_update_started_at: None,
            mirror_id: None,
            update_status: None,
        };
        blank.filled(&object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_address_is_no_change() {
        let known = Secret::new("https://bot:s3cret@forge.example/a.git");
        let told = |url: &str| crate::client::object_of(&[("url", url.into())]);
        assert_eq!(address(&known, &told("https://*****:*****@forge.example/a.git")), known);
        assert_eq!(
            address(&known, &told("https://*****:*****@other.example/a.git")).expose(),
            "https://other.example/a.git"
        );
        assert_eq!(place("git@forge.example:a.git"), "forge.example:a.git");
        assert_eq!(password(&known), "s3cret");
    }
}
