//! `data "gitlab_group"`. <https://docs.gitlab.com/api/groups/#get-a-single-group>

use pilotis_sdk::{Error, ErrorKind, Secret, json, typed};

use crate::client::{GitLab, int, is_marked, nothing_to_import};

/// A group that is there already, by its number or full path.
#[derive(Clone, Debug, pilotis_sdk::DataSource)]
#[data_source(type = "gitlab_group")]
pub(crate) struct Group {
    /// The group's number.
    #[attr(computed)]
    pub(crate) id: String,
    /// The group's number.
    #[attr(optional, computed, api = "id")]
    pub(crate) group_id: Option<i64>,
    /// Paths from the top down: `forge/carto`.
    #[attr(optional, computed)]
    pub(crate) full_path: Option<String>,
    /// Display name.
    #[attr(computed)]
    pub(crate) name: Option<String>,
    /// Last part of its address.
    #[attr(computed)]
    pub(crate) path: Option<String>,
    /// Names from the top down.
    #[attr(computed)]
    pub(crate) full_name: Option<String>,
    /// What it is for.
    #[attr(computed)]
    pub(crate) description: Option<String>,
    /// Number of the group that it is in.
    #[attr(computed, api = "")]
    pub(crate) parent_id: Option<i64>,
    /// Who sees it.
    #[attr(computed, api = "visibility")]
    pub(crate) visibility_level: Option<String>,
    /// Name of the first branch of new projects.
    #[attr(computed)]
    pub(crate) default_branch: Option<String>,
    /// Large file storage is on.
    #[attr(computed)]
    pub(crate) lfs_enabled: Option<bool>,
    /// Nobody can be added to projects in it.
    #[attr(computed)]
    pub(crate) membership_lock: Option<bool>,
    /// Projects can't be forked to somewhere else.
    #[attr(computed)]
    pub(crate) prevent_forking_outside_group: Option<bool>,
    /// Users may ask to join.
    #[attr(computed)]
    pub(crate) request_access_enabled: Option<bool>,
    /// Instance runners for what is in it.
    #[attr(computed)]
    pub(crate) shared_runners_setting: Option<String>,
    /// The group's wiki.
    #[attr(computed)]
    pub(crate) wiki_access_level: Option<String>,
    /// Token with which runners were registered.
    #[attr(computed, secret = "made_readable")]
    pub(crate) runners_token: Option<Secret>,
    /// Its page.
    #[attr(computed)]
    pub(crate) web_url: Option<String>,
}

impl typed::DataSource for Group {
    type Client = GitLab;

    async fn read(gitlab: &GitLab, arguments: Group) -> Result<Group, Error> {
        let id = match (arguments.group_id, &arguments.full_path) {
            (Some(id), _) => id.to_string(),
            (None, Some(path)) => path.clone(),
            (None, None) => {
                return Err(Error::new(ErrorKind::Invalid, "Which group is not said")
                    .help("Set `group_id` or `full_path`."));
            }
        };
        let request = gitlab.rest.get(["groups", &id]).query("with_projects", "false");
        let response = request.optional().await?.ok_or_else(|| nothing_to_import("group", &id))?;
        let object = response.json::<json::Object>()?;
        if is_marked(&object) {
            return Err(nothing_to_import("group", &id).detail("it is marked for deletion"));
        }
        let mut group: Group = json::overlay(&arguments, &object)?;
        group.parent_id = int(&object, "parent_id");
        Ok(group)
    }
}
