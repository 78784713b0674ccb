//! `gitlab_branch`. <https://docs.gitlab.com/api/branches/>

use pilotis_rest::Method;
use pilotis_sdk::Error;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};

use super::simple::{self, Simple};
use crate::client::{GitLab, import_parts, object_of};

/// A branch of a project's repository.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "gitlab_branch", scope(project), key(name), natural_key(project, name))]
pub(crate) struct Branch {
    /// `PROJECT:BRANCH`
    #[attr(computed, api = "")]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new, api = "")]
    pub(crate) project: String,
    /// Name.
    #[attr(force_new)]
    pub(crate) name: String,
    /// Branch, tag or commit that it is made from.
    #[attr(force_new, name = "ref", local)]
    pub(crate) reference: String,
    /// Leave it in the repository when this is destroyed.
    #[attr(local)]
    pub(crate) keep_on_destroy: Option<bool>,
    /// The token's user may push to it.
    #[attr(computed)]
    pub(crate) can_push: Option<bool>,
    /// It is the default branch.
    #[attr(computed)]
    pub(crate) default: Option<bool>,
    /// Developers may merge into it.
    #[attr(computed)]
    pub(crate) developer_can_merge: Option<bool>,
    /// Developers may push to it.
    #[attr(computed)]
    pub(crate) developer_can_push: Option<bool>,
    /// It is merged into the default branch.
    #[attr(computed)]
    pub(crate) merged: Option<bool>,
    /// It is protected.
    #[attr(computed)]
    pub(crate) protected: Option<bool>,
    /// Its page.
    #[attr(computed)]
    pub(crate) web_url: Option<String>,
}

impl Simple for Branch {
    const WHAT: &'static str = "branch";
    fn list(&self) -> Vec<String> {
        vec!["projects".into(), self.project.clone(), "repository".into(), "branches".into()]
    }
    fn segment(&self) -> String {
        self.name.clone()
    }
    fn settled(mut self, _: &Object) -> Result<Self, Error> {
        self.id = format!("{}:{}", self.project, self.name);
        Ok(self)
    }
    fn of_scope(scope: &Scope<Self>) -> Result<Self, Error> {
        Ok(Branch { project: scope.text("project")?, ..Branch::default() })
    }
    fn of_import(id: &str) -> Result<Self, Error> {
        let [project, name] = import_parts(id, "12:dev (project:branch)")?;
        Ok(Branch { project: project.into(), name: name.into(), ..Branch::default() })
    }
    fn is_like(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl typed::Resource for Branch {
    type Client = GitLab;
    async fn create(gitlab: &GitLab, planned: Branch) -> Result<Made<Branch>, Error> {
        let _turn = gitlab.branch_turn(&planned.project, &planned.name).await;
        let body =
            object_of(&[("branch", planned.name.clone().into()), ("ref", planned.reference.clone().into())]);
        let path = planned.list();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let object = gitlab.write(Method::POST, &path, &body).await?;
        Ok(json::overlay(&planned, &object)?.settled(&object)?.into())
    }
    async fn read(gitlab: &GitLab, prior: Branch) -> Result<Option<Branch>, Error> {
        simple::read(gitlab, &prior).await
    }
    async fn update(_: &GitLab, _: Branch, planned: Branch) -> Result<Branch, Error> {
        Ok(planned)
    }
    async fn delete(gitlab: &GitLab, prior: Branch) -> Result<(), Error> {
        if prior.keep_on_destroy == Some(true) { Ok(()) } else { simple::delete(gitlab, prior).await }
    }
    async fn list(gitlab: &GitLab, scopes: Vec<Scope<Branch>>) -> Vec<Result<Page<Branch>, Error>> {
        simple::list(gitlab, scopes).await
    }
    async fn find(gitlab: &GitLab, planned: Branch) -> Result<Match<Branch>, Error> {
        Ok(simple::read(gitlab, &planned).await?.into())
    }
    async fn import(gitlab: &GitLab, id: &str) -> Result<Branch, Error> {
        simple::import(gitlab, id).await
    }
}
