//! Data sources, one file a type.

mod current_user;
mod group;
mod metadata;
mod project;
mod user;

use pilotis_sdk::registry::Registry;

use crate::client::GitLab;

/// With all of them.
pub(crate) fn register(registry: Registry<GitLab>) -> Registry<GitLab> {
    registry
        .data_source::<current_user::CurrentUser>()
        .data_source::<group::Group>()
        .data_source::<metadata::Metadata>()
        .data_source::<project::Project>()
        .data_source::<user::User>()
}
