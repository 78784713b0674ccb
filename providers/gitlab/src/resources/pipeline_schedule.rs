//! `gitlab_pipeline_schedule` and `gitlab_pipeline_schedule_variable`. <https://docs.gitlab.com/api/pipeline_schedules/>

use pilotis_rest::Method;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::typed::{self, Made, Match, Scope};
use pilotis_sdk::{Error, Secret};
use serde_json::Value as Json;

use super::simple::{Simple, number, simple};
use crate::client::{GitLab, import_parts, int, nothing_to_import, text};

/// When a pipeline starts by itself.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(
    type = "gitlab_pipeline_schedule",
    scope(project),
    key(pipeline_schedule_id),
    natural_key(project, description)
)]
pub(crate) struct PipelineSchedule {
    /// `PROJECT:SCHEDULE`
    #[attr(computed, api = "")]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new, api = "")]
    pub(crate) project: String,
    /// When, in five fields: `0 1 * * *`.
    pub(crate) cron: String,
    /// What it is for.
    pub(crate) description: String,
    /// Branch or tag, as a whole reference: `refs/heads/main`.
    #[attr(name = "ref")]
    pub(crate) reference: String,
    /// It is on.
    #[attr(optional, computed)]
    pub(crate) active: Option<bool>,
    /// Time zone of `cron`.
    #[attr(optional, computed)]
    pub(crate) cron_timezone: Option<String>,
    /// Number of the user in whose name it runs.
    #[attr(computed, volatile, api = "")]
    pub(crate) owner: Option<i64>,
    /// The schedule's number.
    #[attr(computed, api = "")]
    pub(crate) pipeline_schedule_id: Option<i64>,
    /// Run in the name of the token's user from now on, before it is changed.
    #[attr(local)]
    pub(crate) take_ownership: Option<bool>,
}

impl Simple for PipelineSchedule {
    const WHAT: &'static str = "pipeline schedule";
    fn list(&self) -> Vec<String> {
        vec!["projects".into(), self.project.clone(), "pipeline_schedules".into()]
    }
    fn segment(&self) -> String {
        self.pipeline_schedule_id.unwrap_or(0).to_string()
    }
    fn settled(mut self, object: &Object) -> Result<Self, Error> {
        self.pipeline_schedule_id = int(object, "id");
        self.owner = object.get("owner").and_then(|owner| owner["id"].as_i64());
        self.id = format!("{}:{}", self.project, self.segment());
        Ok(self)
    }
    fn of_scope(scope: &Scope<Self>) -> Result<Self, Error> {
        Ok(PipelineSchedule { project: scope.text("project")?, ..PipelineSchedule::default() })
    }
    fn of_import(id: &str) -> Result<Self, Error> {
        let [project, schedule] = import_parts(id, "12:34 (project:schedule)")?;
        let pipeline_schedule_id = Some(number(schedule)?);
        Ok(PipelineSchedule { project: project.into(), pipeline_schedule_id, ..PipelineSchedule::default() })
    }
    fn is_like(&self, other: &Self) -> bool {
        self.description == other.description
    }
}

simple!(PipelineSchedule);

/// A variable of the pipelines of a schedule.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(
    type = "gitlab_pipeline_schedule_variable",
    key(project, pipeline_schedule_id, key),
    natural_key(project, pipeline_schedule_id, key)
)]
pub(crate) struct ScheduleVariable {
    /// `PROJECT:SCHEDULE:KEY`
    #[attr(computed, api = "")]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new, api = "")]
    pub(crate) project: String,
    /// The schedule's number.
    #[attr(force_new, api = "")]
    pub(crate) pipeline_schedule_id: i64,
    /// Name.
    #[attr(force_new)]
    pub(crate) key: String,
    /// Value.
    #[attr(secret = "readable")]
    pub(crate) value: Secret,
    /// A value, or a file with that content.
    #[attr(optional, computed, one_of("env_var", "file"))]
    pub(crate) variable_type: Option<String>,
}

impl ScheduleVariable {
    fn filled(&self, object: &Object) -> Result<ScheduleVariable, Error> {
        let mut variable: ScheduleVariable = json::overlay(self, object)?;
        variable.id = format!("{}:{}:{}", self.project, self.pipeline_schedule_id, self.key);
        Ok(variable)
    }

    async fn send(&self, gitlab: &GitLab, method: Method, last: &[&str]) -> Result<ScheduleVariable, Error> {
        let schedule = self.pipeline_schedule_id.to_string();
        let path = ["projects", &self.project, "pipeline_schedules", &schedule, "variables"];
        let request = gitlab.rest.request(method, path.iter().chain(last)).json(&json::set_arguments(self));
        self.filled(&request.hide(self.value.expose()).send().await?.json()?)
    }

    /// They come with their schedule only.
    async fn fetch(gitlab: &GitLab, known: &ScheduleVariable) -> Result<Option<ScheduleVariable>, Error> {
        let schedule = known.pipeline_schedule_id.to_string();
        let object = gitlab.read(&["projects", &known.project, "pipeline_schedules", &schedule]).await?;
        let variables = object.and_then(|mut object| object.remove("variables"));
        let all =
            variables.as_ref().and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_object);
        all.into_iter().find(|v| text(v, "key") == known.key).map(|v| known.filled(v)).transpose()
    }
}

impl typed::Resource for ScheduleVariable {
    type Client = GitLab;
    async fn create(gitlab: &GitLab, planned: ScheduleVariable) -> Result<Made<ScheduleVariable>, Error> {
        Ok(planned.send(gitlab, Method::POST, &[]).await?.into())
    }
    async fn read(gitlab: &GitLab, prior: ScheduleVariable) -> Result<Option<ScheduleVariable>, Error> {
        ScheduleVariable::fetch(gitlab, &prior).await
    }
    async fn update(
        gitlab: &GitLab,
        _: ScheduleVariable,
        planned: ScheduleVariable,
    ) -> Result<ScheduleVariable, Error> {
        planned.send(gitlab, Method::PUT, &[&planned.key]).await
    }
    async fn delete(gitlab: &GitLab, prior: ScheduleVariable) -> Result<(), Error> {
        let schedule = prior.pipeline_schedule_id.to_string();
        let path = ["projects", &prior.project, "pipeline_schedules", &schedule, "variables", &prior.key];
        gitlab.remove(&path).await
    }
    async fn find(gitlab: &GitLab, planned: ScheduleVariable) -> Result<Match<ScheduleVariable>, Error> {
        Ok(ScheduleVariable::fetch(gitlab, &planned).await?.into())
    }
    async fn import(gitlab: &GitLab, id: &str) -> Result<ScheduleVariable, Error> {
        let [project, schedule, key] = import_parts(id, "12:34:KEY (project:schedule:key)")?;
        let known = ScheduleVariable {
            project: project.into(),
            pipeline_schedule_id: number(schedule)?,
            key: key.into(),
            ..ScheduleVariable::default()
        };
        ScheduleVariable::fetch(gitlab, &known)
            .await?
            .ok_or_else(|| nothing_to_import("schedule variable", id))
    }
}
