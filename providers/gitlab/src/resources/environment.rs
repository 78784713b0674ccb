//! `gitlab_project_environment`. <https://docs.gitlab.com/api/environments/>

use pilotis_sdk::Error;
use pilotis_sdk::json::Object;
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};

use super::simple::{self, Simple, number};
use crate::client::{GitLab, id, import_parts};

/// Where a project's pipelines deploy to.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "gitlab_project_environment", scope(project), key(id), natural_key(project, name))]
pub(crate) struct Environment {
    /// `PROJECT:ENVIRONMENT`
    #[attr(computed, api = "")]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new, api = "")]
    pub(crate) project: String,
    /// Name.
    #[attr(force_new)]
    pub(crate) name: String,
    /// When it is stopped by itself.
    #[attr(optional, computed, one_of("always", "with_action"))]
    pub(crate) auto_stop_setting: Option<String>,
    /// Agent of its cluster.
    #[attr(optional, computed, api = "")]
    pub(crate) cluster_agent_id: Option<i64>,
    /// What it is for.
    #[attr(optional, computed)]
    pub(crate) description: Option<String>,
    /// Its address.
    #[attr(optional, computed)]
    pub(crate) external_url: Option<String>,
    /// What Flux calls it.
    #[attr(optional, computed)]
    pub(crate) flux_resource_path: Option<String>,
    /// Its namespace in the cluster.
    #[attr(optional, computed)]
    pub(crate) kubernetes_namespace: Option<String>,
    /// Stop it before it is destroyed: GitLab deletes only what is stopped.
    #[attr(local)]
    pub(crate) stop_before_destroy: Option<bool>,
    /// What kind it is.
    #[attr(optional, computed, one_of("production", "staging", "testing", "development", "other"))]
    pub(crate) tier: Option<String>,
    /// When it will be stopped by itself.
    #[attr(computed, volatile)]
    pub(crate) auto_stop_at: Option<String>,
    /// When it was made.
    #[attr(computed)]
    pub(crate) created_at: Option<String>,
    /// Its name as part of an address.
    #[attr(computed)]
    pub(crate) slug: Option<String>,
    /// `available` or `stopped`.
    #[attr(computed)]
    pub(crate) state: Option<String>,
    /// When it was changed.
    #[attr(computed, volatile)]
    pub(crate) updated_at: Option<String>,
}

impl Simple for Environment {
    const WHAT: &'static str = "environment";
    fn list(&self) -> Vec<String> {
        vec!["projects".into(), self.project.clone(), "environments".into()]
    }
    fn segment(&self) -> String {
        self.id.rsplit(':').next().unwrap_or_default().to_owned()
    }
    fn settled(mut self, object: &Object) -> Result<Self, Error> {
        self.id = format!("{}:{}", self.project, id(object)?);
        if let Some(agent) = object.get("cluster_agent") {
            self.cluster_agent_id = agent["id"].as_i64();
        }
        Ok(self)
    }
    fn of_scope(scope: &Scope<Self>) -> Result<Self, Error> {
        Ok(Environment { project: scope.text("project")?, ..Environment::default() })
    }
    fn of_import(id: &str) -> Result<Self, Error> {
        let [project, environment] = import_parts(id, "12:34 (project:environment)")?;
        number(environment)?;
        Ok(Environment { project: project.into(), id: id.into(), ..Environment::default() })
    }
    fn is_like(&self, other: &Self) -> bool {
        self.name == other.name
    }
    fn create_body(&self) -> Result<Object, Error> {
        let mut body = pilotis_sdk::json::set_arguments(self);
        if let Some(agent) = self.cluster_agent_id {
            body.insert("cluster_agent_id".into(), agent.into());
        }
        Ok(body)
    }
    fn update_body(&self, prior: &Self) -> Result<Object, Error> {
        let mut body = pilotis_sdk::json::changed_arguments(prior, self);
        if self.cluster_agent_id != prior.cluster_agent_id {
            body.insert("cluster_agent_id".into(), self.cluster_agent_id.into());
        }
        Ok(body)
    }
}

impl typed::Resource for Environment {
    type Client = GitLab;
    async fn create(gitlab: &GitLab, planned: Environment) -> Result<Made<Environment>, Error> {
        simple::create(gitlab, planned).await
    }
    async fn read(gitlab: &GitLab, prior: Environment) -> Result<Option<Environment>, Error> {
        simple::read(gitlab, &prior).await
    }
    async fn update(gitlab: &GitLab, prior: Environment, planned: Environment) -> Result<Environment, Error> {
        simple::update(gitlab, prior, planned).await
    }
    async fn delete(gitlab: &GitLab, prior: Environment) -> Result<(), Error> {
        if prior.stop_before_destroy == Some(true) {
            let [projects, project, environments] = ["projects", prior.project.as_str(), "environments"];
            let path = [projects, project, environments, &prior.segment(), "stop"];
            gitlab.rest.post(path).optional().await?;
        }
        simple::delete(gitlab, prior).await
    }
    async fn list(gitlab: &GitLab, scopes: Vec<Scope<Environment>>) -> Vec<Result<Page<Environment>, Error>> {
        simple::list(gitlab, scopes).await
    }
    async fn find(gitlab: &GitLab, planned: Environment) -> Result<Match<Environment>, Error> {
        simple::find(gitlab, planned).await
    }
    async fn import(gitlab: &GitLab, id: &str) -> Result<Environment, Error> {
        simple::import(gitlab, id).await
    }
}
