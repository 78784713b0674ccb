//! Managed resources, one file a type.

mod access_token;
mod avatar;
mod branch;
mod branch_protection;
mod deploy_key;
mod deploy_token;
mod environment;
mod group;
mod group_membership;
mod hook;
mod instance_variable;
mod label;
mod member;
mod pipeline_schedule;
mod pipeline_trigger;
mod project;
mod project_fields;
mod project_membership;
mod project_mirror;
mod push_rules;
mod repository_file;
mod share;
mod simple;
mod tag_protection;
#[cfg(test)]
mod tests;
mod timeouts;
mod user;
mod variable;

use pilotis_sdk::json::{self, Object};
use pilotis_sdk::model::Described;
use pilotis_sdk::registry::Registry;
use pilotis_sdk::{Error, ErrorKind};

use crate::client::GitLab;

/// With all of them.
pub(crate) fn register(registry: Registry<GitLab>) -> Registry<GitLab> {
    registry
        .resource::<group::Group>()
        .resource::<project::Project>()
        .resource::<group_membership::GroupMembership>()
        .resource::<project_membership::ProjectMembership>()
        .resource::<variable::GroupVariable>()
        .resource::<variable::ProjectVariable>()
        .resource::<branch_protection::BranchProtection>()
        .resource::<deploy_token::GroupDeployToken>()
        .resource::<deploy_token::ProjectDeployToken>()
        .resource::<access_token::GroupAccessToken>()
        .resource::<access_token::ProjectAccessToken>()
        .resource::<pipeline_trigger::PipelineTrigger>()
        .resource::<project_mirror::ProjectMirror>()
        .resource::<project_mirror::ProjectPushMirror>()
        .resource::<project_mirror::ProjectPullMirror>()
        .resource::<repository_file::RepositoryFile>()
        .resource::<branch::Branch>()
        .resource::<deploy_key::DeployKey>()
        .resource::<environment::Environment>()
        .resource::<hook::GroupHook>()
        .resource::<hook::ProjectHook>()
        .resource::<instance_variable::InstanceVariable>()
        .resource::<label::GroupLabel>()
        .resource::<label::ProjectLabel>()
        .resource::<pipeline_schedule::PipelineSchedule>()
        .resource::<pipeline_schedule::ScheduleVariable>()
        .resource::<share::GroupShare>()
        .resource::<share::ProjectShare>()
        .resource::<tag_protection::TagProtection>()
        .resource::<user::User>()
}

/// The arguments that are set and that a create didn't take, as a body for an update.
fn left_out<T: Described>(made: &T, planned: &T) -> Object {
    let wanted = json::set_arguments(planned);
    json::changed_arguments(made, planned).into_iter().filter(|(name, _)| wanted.contains_key(name)).collect()
}

/// An error if GitLab dropped a setting without a word, as it does with those of an edition or licence that it doesn't have.
fn taken<T: Described>(planned: &T, object: &T) -> Result<(), Error> {
    let dropped = left_out(object, planned);
    let Some(api) = dropped.keys().next() else { return Ok(()) };
    let name = T::API.iter().find(|(_, a)| a == api).map_or(api.as_str(), |(name, _)| name);
    let mut error = Error::new(ErrorKind::Unsupported, format!("GitLab did not take `{name}`"))
        .detail("it answered without an error, and the setting is not what it was set to")
        .help("It may need another edition, licence or version, or an administrator's token. Take it out of the configuration.");
    error.attribute = Some(name.to_owned());
    Err(error)
}
