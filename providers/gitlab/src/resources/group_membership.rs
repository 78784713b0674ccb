//! `gitlab_group_membership`. <https://docs.gitlab.com/api/members/>

use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, ErrorKind};

use super::member::{GROUP_MEMBERS, Member};
use crate::bulk::Parent;
use crate::client::{GitLab, import_parts, nothing_to_import};

/// A direct member of a group.
#[derive(Clone, Debug, pilotis_sdk::Resource)]
#[resource(
    type = "gitlab_group_membership",
    scope(group_id),
    key(user_id),
    natural_key(group_id, user_id),
    lacks(member_role_id)
)]
pub(crate) struct GroupMembership {
    /// `GROUP:USER`
    #[attr(computed)]
    pub(crate) id: String,
    /// The group's number.
    #[attr(force_new)]
    pub(crate) group_id: i64,
    /// The user's number.
    #[attr(force_new)]
    pub(crate) user_id: i64,
    /// What they may do.
    #[attr(one_of("no one", "minimal", "guest", "planner", "reporter", "developer", "maintainer", "owner"))]
    pub(crate) access_level: String,
    /// Last day of the membership: `YYYY-MM-DD`.
    pub(crate) expires_at: Option<String>,
    /// A role of the instance's or group's own (Ultimate).
    pub(crate) member_role_id: Option<i64>,
    /// When destroyed, keep memberships in subgroups and projects.
    #[attr(local)]
    pub(crate) skip_subresources_on_destroy: Option<bool>,
    /// When destroyed, take the user off issues and merge requests.
    #[attr(local)]
    pub(crate) unassign_issuables_on_destroy: Option<bool>,
}

impl GroupMembership {
    fn member(&self) -> Member {
        Member {
            user_id: self.user_id,
            access_level: self.access_level.clone(),
            expires_at: self.expires_at.clone(),
            member_role_id: self.member_role_id,
        }
    }
    fn of(group_id: i64, member: Member) -> GroupMembership {
        GroupMembership {
            id: format!("{group_id}:{}", member.user_id),
            group_id,
            user_id: member.user_id,
            access_level: member.access_level,
            expires_at: member.expires_at,
            member_role_id: member.member_role_id,
            skip_subresources_on_destroy: None,
            unassign_issuables_on_destroy: None,
        }
    }
    async fn of_user(gitlab: &GitLab, group_id: i64, user: i64) -> Result<Option<GroupMembership>, Error> {
        let member = Member::read(gitlab, Parent::Group, &group_id.to_string(), user).await?;
        Ok(member.map(|member| GroupMembership::of(group_id, member)))
    }
}

impl typed::Resource for GroupMembership {
    type Client = GitLab;
    const LISTS_MANY_SCOPES: bool = true;

    async fn create(gitlab: &GitLab, planned: GroupMembership) -> Result<Made<GroupMembership>, Error> {
        let member = planned.member().create(gitlab, Parent::Group, &planned.group_id.to_string()).await?;
        Ok(GroupMembership::of(planned.group_id, member).into())
    }

    async fn read(gitlab: &GitLab, prior: GroupMembership) -> Result<Option<GroupMembership>, Error> {
        GroupMembership::of_user(gitlab, prior.group_id, prior.user_id).await
    }

    async fn update(
        gitlab: &GitLab,
        prior: GroupMembership,
        planned: GroupMembership,
    ) -> Result<GroupMembership, Error> {
        if prior.member() == planned.member() {
            return Ok(planned);
        }
        let member = planned.member().write(gitlab, Parent::Group, &planned.group_id.to_string()).await?;
        Ok(GroupMembership::of(planned.group_id, member))
    }

    async fn delete(gitlab: &GitLab, prior: GroupMembership) -> Result<(), Error> {
        let (group, user) = (prior.group_id.to_string(), prior.user_id.to_string());
        let flag = |on: Option<bool>| if on == Some(true) { "true" } else { "false" };
        let request = gitlab.rest.delete(["groups", &group, "members", &user]);
        let request = request.query("skip_subresources", flag(prior.skip_subresources_on_destroy));
        let request = request.query("unassign_issuables", flag(prior.unassign_issuables_on_destroy));
        request.optional().await.map(|_| ())
    }

    async fn list(
        gitlab: &GitLab,
        scopes: Vec<Scope<GroupMembership>>,
    ) -> Vec<Result<Page<GroupMembership>, Error>> {
        let groups: Result<Vec<i64>, Error> = scopes.iter().map(|scope| scope.int("group_id")).collect();
        let groups = match groups {
            Ok(groups) => groups,
            Err(e) => return scopes.iter().map(|_| Err(e.clone())).collect(),
        };
        let parents: Vec<String> = groups.iter().map(i64::to_string).collect();
        let lists = gitlab.children(&GROUP_MEMBERS, &parents).await;
        let pages = lists.into_iter().zip(groups).map(|(members, group)| {
            members?.iter().map(|m| Ok(GroupMembership::of(group, Member::from_rest(m)?))).collect()
        });
        pages.collect()
    }

    async fn find(gitlab: &GitLab, planned: GroupMembership) -> Result<Match<GroupMembership>, Error> {
        Ok(GroupMembership::of_user(gitlab, planned.group_id, planned.user_id).await?.into())
    }

    async fn import(gitlab: &GitLab, id: &str) -> Result<GroupMembership, Error> {
        let [group, user] = import_parts(id, "12:34 (group:user)")?;
        let (Ok(group), Ok(user)) = (group.parse(), user.parse()) else {
            return Err(Error::new(ErrorKind::Invalid, format!("`{id}` does not consist of numbers")));
        };
        GroupMembership::of_user(gitlab, group, user)
            .await?
            .ok_or_else(|| nothing_to_import("group member", id))
    }
}
