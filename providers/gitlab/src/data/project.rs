//! `data "gitlab_project"`. <https://docs.gitlab.com/api/projects/#get-a-single-project>

use std::collections::BTreeSet;

use pilotis_sdk::{Error, ErrorKind, Secret, json, typed};

use crate::client::{GitLab, is_marked, nothing_to_import};

/// A project that is there already, by its number or full path.
#[derive(Clone, Debug, pilotis_sdk::DataSource)]
#[data_source(type = "gitlab_project")]
pub(crate) struct Project {
    /// The project's number, or its full path.
    #[attr(optional, computed)]
    pub(crate) id: Option<String>,
    /// Paths from the top down: `forge/carto/api`.
    #[attr(optional, computed)]
    pub(crate) path_with_namespace: Option<String>,
    /// Display name.
    #[attr(computed)]
    pub(crate) name: Option<String>,
    /// Last part of its address.
    #[attr(computed)]
    pub(crate) path: Option<String>,
    /// Number of the group or user that it is in.
    #[attr(computed, api = "")]
    pub(crate) namespace_id: Option<i64>,
    /// What it is for.
    #[attr(computed)]
    pub(crate) description: Option<String>,
    /// The default branch.
    #[attr(computed)]
    pub(crate) default_branch: Option<String>,
    /// Who sees it.
    #[attr(computed, api = "visibility")]
    pub(crate) visibility_level: Option<String>,
    /// Nothing in it can be changed.
    #[attr(computed)]
    pub(crate) archived: Option<bool>,
    /// There is no commit.
    #[attr(computed)]
    pub(crate) empty_repo: Option<bool>,
    /// Topics.
    #[attr(computed)]
    pub(crate) topics: Option<BTreeSet<String>>,
    /// How merge requests are merged.
    #[attr(computed)]
    pub(crate) merge_method: Option<String>,
    /// Where the pipeline is described.
    #[attr(computed)]
    pub(crate) ci_config_path: Option<String>,
    /// Large file storage is on.
    #[attr(computed)]
    pub(crate) lfs_enabled: Option<bool>,
    /// Runners of the instance may be used.
    #[attr(computed)]
    pub(crate) shared_runners_enabled: Option<bool>,
    /// Address to clone over HTTPS.
    #[attr(computed)]
    pub(crate) http_url_to_repo: Option<String>,
    /// Address to clone over SSH.
    #[attr(computed)]
    pub(crate) ssh_url_to_repo: Option<String>,
    /// Its page.
    #[attr(computed)]
    pub(crate) web_url: Option<String>,
    /// Token with which runners were registered.
    #[attr(computed, secret = "made_readable")]
    pub(crate) runners_token: Option<Secret>,
}

impl typed::DataSource for Project {
    type Client = GitLab;

    async fn read(gitlab: &GitLab, arguments: Project) -> Result<Project, Error> {
        let Some(id) = arguments.id.clone().or_else(|| arguments.path_with_namespace.clone()) else {
            return Err(Error::new(ErrorKind::Invalid, "Which project is not said")
                .help("Set `id` or `path_with_namespace`."));
        };
        let object =
            gitlab.read(&["projects", &id]).await?.ok_or_else(|| nothing_to_import("project", &id))?;
        if is_marked(&object) {
            return Err(nothing_to_import("project", &id).detail("it is marked for deletion"));
        }
        let mut project: Project = json::overlay(&arguments, &object)?;
        project.namespace_id = object.get("namespace").and_then(|n| n["id"].as_i64());
        Ok(project)
    }
}
