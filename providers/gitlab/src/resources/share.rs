//! `gitlab_group_share_group` and `gitlab_project_share_group`: another group's members become members.
//! <https://docs.gitlab.com/api/groups/#invite-groups>, <https://docs.gitlab.com/api/projects/#share-a-project-with-a-group>

use futures::{StreamExt as _, stream};
use pilotis_sdk::json::Object;
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, ErrorKind};
use serde_json::Value as Json;

use super::simple::number;
use crate::access;
use crate::bulk::Parent;
use crate::client::{GitLab, import_parts, nothing_to_import, object_of};

/// One share, as GitLab has it.
struct Share {
    group: i64,
    level: i64,
    expires_at: Option<String>,
    role: Option<i64>,
}

/// All shares of a group or project; none if it isn't there. They come with the object itself only.
async fn shares(gitlab: &GitLab, parent: Parent, id: &str) -> Result<Option<Vec<Share>>, Error> {
    let request = gitlab.rest.get([parent.path(), id]).query("with_projects", "false");
    let Some(response) = request.optional().await? else { return Ok(None) };
    let object: Object = response.json()?;
    let share = |share: &Json| {
        Some(Share {
            group: share["group_id"].as_i64()?,
            level: share["group_access_level"].as_i64()?,
            expires_at: share["expires_at"]
                .as_str()
                .map(|day| day.split('T').next().unwrap_or(day).to_owned()),
            role: share["member_role_id"].as_i64(),
        })
    };
    let all = object.get("shared_with_groups").and_then(Json::as_array).into_iter().flatten();
    Ok(Some(all.filter_map(share).collect()))
}

async fn send(gitlab: &GitLab, parent: Parent, id: &str, share: Share) -> Result<(), Error> {
    let mut body = object_of(&[("group_id", share.group.into()), ("group_access", share.level.into())]);
    if let Some(day) = share.expires_at {
        body.insert("expires_at".into(), day.into());
    }
    if let Some(role) = share.role {
        body.insert("member_role_id".into(), role.into());
    }
    gitlab.rest.post([parent.path(), id, "share"]).json(&body).send().await.map(|_| ())
}

macro_rules! share {
    ($(#[$doc:meta])* $name:ident, $type_name:literal, $parent:ident, $parent_name:literal, $kind:expr, $parent_doc:literal,
     $group:ident, $level:ident, $shape:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
        #[resource(type = $type_name, scope($parent), key($group), natural_key($parent, $group))]
        pub(crate) struct $name {
            /// `PARENT:GROUP`
            #[attr(computed)]
            pub(crate) id: String,
            #[doc = $parent_doc]
            #[attr(force_new)]
            pub(crate) $parent: String,
            /// Number of the group whose members are let in.
            #[attr(force_new)]
            pub(crate) $group: i64,
            /// The most that they may do.
            #[attr(force_new, one_of("no one", "minimal", "guest", "planner", "reporter", "developer", "maintainer", "owner"))]
            pub(crate) $level: String,
            /// Last day: `YYYY-MM-DD`.
            #[attr(force_new)]
            pub(crate) expires_at: Option<String>,
            /// A role of the instance's or group's own (Ultimate).
            #[attr(force_new)]
            pub(crate) member_role_id: Option<i64>,
        }

        impl $name {
            fn of(parent: &str, share: Share) -> $name {
                $name {
                    id: format!("{parent}:{}", share.group),
                    $parent: parent.to_owned(),
                    $group: share.group,
                    $level: access::name(share.level),
                    expires_at: share.expires_at,
                    member_role_id: share.role,
                }
            }
            async fn fetch(gitlab: &GitLab, parent: &str, group: i64) -> Result<Option<$name>, Error> {
                let shares = shares(gitlab, $kind, parent).await?.unwrap_or_default();
                Ok(shares.into_iter().find(|s| s.group == group).map(|s| $name::of(parent, s)))
            }
        }

        impl typed::Resource for $name {
            type Client = GitLab;
            async fn create(gitlab: &GitLab, planned: $name) -> Result<Made<$name>, Error> {
                let share = Share {
                    group: planned.$group,
                    level: access::number(&planned.$level)?,
                    expires_at: planned.expires_at.clone(),
                    role: planned.member_role_id,
                };
                send(gitlab, $kind, &planned.$parent, share).await?;
                let id = format!("{}:{}", planned.$parent, planned.$group);
                Ok($name { id, ..planned }.into())
            }
            async fn read(gitlab: &GitLab, prior: $name) -> Result<Option<$name>, Error> {
                $name::fetch(gitlab, &prior.$parent, prior.$group).await
            }
            async fn update(_: &GitLab, _: $name, planned: $name) -> Result<$name, Error> {
                Ok(planned)
            }
            async fn delete(gitlab: &GitLab, prior: $name) -> Result<(), Error> {
                gitlab.remove(&[$kind.path(), &prior.$parent, "share", &prior.$group.to_string()]).await
            }
            async fn list(gitlab: &GitLab, scopes: Vec<Scope<$name>>) -> Vec<Result<Page<$name>, Error>> {
                let lists = scopes.into_iter().map(|scope| async move {
                    let parent = scope.text($parent_name)?;
                    match shares(gitlab, $kind, &parent).await? {
                        Some(shares) => Ok(shares.into_iter().map(|s| $name::of(&parent, s)).collect()),
                        None => Err(Error::new(ErrorKind::NotFound, format!("GitLab doesn't find {parent}"))),
                    }
                });
                let lists: Vec<_> = lists.collect();
                stream::iter(lists).buffered(gitlab.rest.concurrency()).collect().await
            }
            async fn find(gitlab: &GitLab, planned: $name) -> Result<Match<$name>, Error> {
                Ok($name::fetch(gitlab, &planned.$parent, planned.$group).await?.into())
            }
            async fn import(gitlab: &GitLab, id: &str) -> Result<$name, Error> {
                let [parent, group] = import_parts(id, $shape)?;
                let found = $name::fetch(gitlab, parent, number(group)?).await?;
                found.ok_or_else(|| nothing_to_import("share", id))
            }
        }
    };
}

share!(
    /// The members of another group are members of this one.
    GroupShare, "gitlab_group_share_group", group_id, "group_id", Parent::Group, "The group that they are let into.",
    share_group_id, group_access, "12:34 (group:other group)"
);
share!(
    /// The members of a group are members of a project.
    ProjectShare, "gitlab_project_share_group", project, "project", Parent::Project, "The project's number or full path.",
    group_id, group_access, "12:34 (project:group)"
);
