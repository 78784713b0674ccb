//! `data "gitlab_metadata"`. <https://docs.gitlab.com/api/metadata/>

use pilotis_sdk::{Error, json, typed};

use crate::client::GitLab;

/// Version and edition of the GitLab.
#[derive(Clone, Debug, pilotis_sdk::DataSource)]
#[data_source(type = "gitlab_metadata")]
pub(crate) struct Metadata {
    /// Always `1`.
    #[attr(computed, api = "")]
    pub(crate) id: String,
    /// Version: `18.2.1-ee`.
    #[attr(computed)]
    pub(crate) version: Option<String>,
    /// The commit that it was built from.
    #[attr(computed)]
    pub(crate) revision: Option<String>,
    /// It has the enterprise code.
    #[attr(computed)]
    pub(crate) enterprise: Option<bool>,
}

impl typed::DataSource for Metadata {
    type Client = GitLab;

    async fn read(gitlab: &GitLab, arguments: Metadata) -> Result<Metadata, Error> {
        let object = gitlab.read_known(&["metadata"]).await?;
        let metadata: Metadata = json::overlay(&arguments, &object)?;
        Ok(Metadata { id: "1".to_owned(), ..metadata })
    }
}
