//! `data "gitlab_current_user"`. <https://docs.gitlab.com/api/users/#get-the-current-user>

use pilotis_sdk::{Error, json, typed};

use crate::client::GitLab;

/// The user of the token.
#[derive(Clone, Debug, pilotis_sdk::DataSource)]
#[data_source(type = "gitlab_current_user")]
pub(crate) struct CurrentUser {
    /// The user's number.
    #[attr(computed)]
    pub(crate) id: String,
    /// The user's name to sign in with.
    #[attr(computed)]
    pub(crate) username: Option<String>,
    /// The user's name.
    #[attr(computed)]
    pub(crate) name: Option<String>,
    /// The address that everybody sees.
    #[attr(computed)]
    pub(crate) public_email: Option<String>,
    /// It is a bot of a group or project.
    #[attr(computed)]
    pub(crate) bot: Option<bool>,
    /// Number of the user's own namespace.
    #[attr(computed)]
    pub(crate) namespace_id: Option<i64>,
}

impl typed::DataSource for CurrentUser {
    type Client = GitLab;

    async fn read(gitlab: &GitLab, arguments: CurrentUser) -> Result<CurrentUser, Error> {
        json::overlay(&arguments, &gitlab.read_known(&["user"]).await?)
    }
}
