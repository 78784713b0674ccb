//! `gitlab_project_membership`. <https://docs.gitlab.com/api/members/>

use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, ErrorKind};

use super::member::{Member, PROJECT_MEMBERS};
use crate::bulk::Parent;
use crate::client::{GitLab, import_parts, nothing_to_import};

/// A direct member of a project.
#[derive(Clone, Debug, pilotis_sdk::Resource)]
#[resource(
    type = "gitlab_project_membership",
    scope(project),
    key(user_id),
    natural_key(project, user_id),
    lacks(member_role_id)
)]
pub(crate) struct ProjectMembership {
    /// `PROJECT:USER`
    #[attr(computed)]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new)]
    pub(crate) project: String,
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
}

impl ProjectMembership {
    fn member(&self) -> Member {
        Member {
            user_id: self.user_id,
            access_level: self.access_level.clone(),
            expires_at: self.expires_at.clone(),
            member_role_id: self.member_role_id,
        }
    }
    fn of(project: &str, member: Member) -> ProjectMembership {
        ProjectMembership {
            id: format!("{project}:{}", member.user_id),
            project: project.to_owned(),
            user_id: member.user_id,
            access_level: member.access_level,
            expires_at: member.expires_at,
            member_role_id: member.member_role_id,
        }
    }
    async fn of_user(gitlab: &GitLab, project: &str, user: i64) -> Result<Option<ProjectMembership>, Error> {
        let member = Member::read(gitlab, Parent::Project, project, user).await?;
        Ok(member.map(|member| ProjectMembership::of(project, member)))
    }
}

impl typed::Resource for ProjectMembership {
    type Client = GitLab;
    const LISTS_MANY_SCOPES: bool = true;

    async fn create(gitlab: &GitLab, planned: ProjectMembership) -> Result<Made<ProjectMembership>, Error> {
        let member = planned.member().create(gitlab, Parent::Project, &planned.project).await?;
        Ok(ProjectMembership::of(&planned.project, member).into())
    }

    async fn read(gitlab: &GitLab, prior: ProjectMembership) -> Result<Option<ProjectMembership>, Error> {
        ProjectMembership::of_user(gitlab, &prior.project, prior.user_id).await
    }

    async fn update(
        gitlab: &GitLab,
        prior: ProjectMembership,
        planned: ProjectMembership,
    ) -> Result<ProjectMembership, Error> {
        if prior.member() == planned.member() {
            return Ok(planned);
        }
        let member = planned.member().write(gitlab, Parent::Project, &planned.project).await?;
        Ok(ProjectMembership::of(&planned.project, member))
    }

    async fn delete(gitlab: &GitLab, prior: ProjectMembership) -> Result<(), Error> {
        gitlab.remove(&["projects", &prior.project, "members", &prior.user_id.to_string()]).await
    }

    async fn list(
        gitlab: &GitLab,
        scopes: Vec<Scope<ProjectMembership>>,
    ) -> Vec<Result<Page<ProjectMembership>, Error>> {
        let projects: Result<Vec<String>, Error> = scopes.iter().map(|scope| scope.text("project")).collect();
        let projects = match projects {
            Ok(projects) => projects,
            Err(e) => return scopes.iter().map(|_| Err(e.clone())).collect(),
        };
        let lists = gitlab.children(&PROJECT_MEMBERS, &projects).await;
        let pages = lists.into_iter().zip(&projects).map(|(members, project)| {
            members?.iter().map(|m| Ok(ProjectMembership::of(project, Member::from_rest(m)?))).collect()
        });
        pages.collect()
    }

    async fn find(gitlab: &GitLab, planned: ProjectMembership) -> Result<Match<ProjectMembership>, Error> {
        Ok(ProjectMembership::of_user(gitlab, &planned.project, planned.user_id).await?.into())
    }

    async fn import(gitlab: &GitLab, id: &str) -> Result<ProjectMembership, Error> {
        let [project, user] = import_parts(id, "12:34 (project:user)")?;
        let user = user
            .parse()
            .map_err(|_| Error::new(ErrorKind::Invalid, format!("`{user}` is not a user's number")))?;
        let found = ProjectMembership::of_user(gitlab, project, user).await?;
        found.ok_or_else(|| nothing_to_import("project member", id))
    }
}
