//! `gitlab_pipeline_trigger`. <https://docs.gitlab.com/api/pipeline_triggers/>

use pilotis_rest::Method;
use pilotis_sdk::json::Object;
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, Secret};
use serde_json::Value as Json;

use crate::bulk::{Children, Node, Parent};
use crate::client::{GitLab, import_parts, int, nothing_to_import, object_of, text};
use crate::graphql;

/// Those who don't own a trigger see this many characters of its token.
const SHOWN_TO_OTHERS: usize = 4;

const TRIGGERS: Children = Children {
    parent: Parent::Project,
    path: "triggers",
    query: Some(
        "query pipelineTriggers($ids: [ID!]) { projects(ids: $ids, first: 100) { nodes { id \
         pipelineTriggers(first: 100) { nodes { id description token } pageInfo { hasNextPage } } } } }",
    ),
    connection: "pipelineTriggers",
    batch: 100,
    rest_of,
};

fn rest_of(node: &Json) -> Node {
    let Some(id) = graphql::number(&node["id"]) else { return Node::Broken };
    let member = |name: &'static str| (name, node[name].clone());
    Node::Object(object_of(&[("id", id.into()), member("description"), member("token")]))
}

/// A token that starts pipelines.
#[derive(Clone, Debug, pilotis_sdk::Resource)]
#[resource(
    type = "gitlab_pipeline_trigger",
    scope(project),
    key(pipeline_trigger_id),
    natural_key(project, description)
)]
pub(crate) struct PipelineTrigger {
    /// `PROJECT:TRIGGER`
    #[attr(computed)]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new)]
    pub(crate) project: String,
    /// What it is for.
    pub(crate) description: String,
    /// The trigger's number.
    #[attr(computed)]
    pub(crate) pipeline_trigger_id: Option<i64>,
    /// The token. GitLab shows it whole to its owner only.
    #[attr(computed, secret = "made_readable")]
    pub(crate) token: Option<Secret>,
}

impl PipelineTrigger {
    fn of(project: &str, object: &Object) -> PipelineTrigger {
        let number = int(object, "id").unwrap_or(0);
        let token = Secret::new(text(object, "token"));
        PipelineTrigger {
            id: format!("{project}:{number}"),
            project: project.to_owned(),
            description: text(object, "description"),
            pipeline_trigger_id: Some(number),
            token: (token.expose().len() > SHOWN_TO_OTHERS).then_some(token),
        }
    }

    fn number(&self) -> String {
        let number = self.pipeline_trigger_id.map(|n| n.to_string());
        number.unwrap_or_else(|| self.id.rsplit(':').next().unwrap_or_default().to_owned())
    }

    async fn fetch(gitlab: &GitLab, project: &str, number: &str) -> Result<Option<PipelineTrigger>, Error> {
        let object = gitlab.read(&["projects", project, "triggers", number]).await?;
        Ok(object.map(|object| PipelineTrigger::of(project, &object)))
    }
}

impl typed::Resource for PipelineTrigger {
    type Client = GitLab;
    const LISTS_MANY_SCOPES: bool = true;

    async fn create(gitlab: &GitLab, planned: PipelineTrigger) -> Result<Made<PipelineTrigger>, Error> {
        let body = object_of(&[("description", planned.description.clone().into())]);
        let object = gitlab.write(Method::POST, &["projects", &planned.project, "triggers"], &body).await?;
        Ok(PipelineTrigger::of(&planned.project, &object).into())
    }

    async fn read(gitlab: &GitLab, prior: PipelineTrigger) -> Result<Option<PipelineTrigger>, Error> {
        PipelineTrigger::fetch(gitlab, &prior.project, &prior.number()).await
    }

    async fn update(
        gitlab: &GitLab,
        prior: PipelineTrigger,
        planned: PipelineTrigger,
    ) -> Result<PipelineTrigger, Error> {
        let body = object_of(&[("description", planned.description.clone().into())]);
        let path = ["projects", prior.project.as_str(), "triggers", &prior.number()];
        Ok(PipelineTrigger::of(&prior.project, &gitlab.write(Method::PUT, &path, &body).await?))
    }

    async fn delete(gitlab: &GitLab, prior: PipelineTrigger) -> Result<(), Error> {
        gitlab.remove(&["projects", &prior.project, "triggers", &prior.number()]).await
    }

    async fn list(
        gitlab: &GitLab,
        scopes: Vec<Scope<PipelineTrigger>>,
    ) -> Vec<Result<Page<PipelineTrigger>, Error>> {
        let projects: Result<Vec<String>, Error> = scopes.iter().map(|scope| scope.text("project")).collect();
        let projects = match projects {
            Ok(projects) => projects,
            Err(e) => return scopes.iter().map(|_| Err(e.clone())).collect(),
        };
        let lists = gitlab.children(&TRIGGERS, &projects).await;
        let pages = lists.into_iter().zip(&projects);
        pages
            .map(|(list, project)| Ok(list?.iter().map(|o| PipelineTrigger::of(project, o)).collect()))
            .collect()
    }

    /// Its owner, who made it, can read its token again: it is taken over.
    async fn find(gitlab: &GitLab, planned: PipelineTrigger) -> Result<Match<PipelineTrigger>, Error> {
        let list = gitlab.list(&["projects", &planned.project, "triggers"], &[]).await?;
        let same = list.iter().map(|object| PipelineTrigger::of(&planned.project, object));
        let newest = same
            .filter(|trigger| trigger.description == planned.description && trigger.token.is_some())
            .max_by_key(|trigger| trigger.pipeline_trigger_id);
        Ok(newest.into())
    }

    async fn import(gitlab: &GitLab, id: &str) -> Result<PipelineTrigger, Error> {
        let [project, number] = import_parts(id, "12:34 (project:trigger)")?;
        let found = PipelineTrigger::fetch(gitlab, project, number).await?;
        found.ok_or_else(|| nothing_to_import("pipeline trigger", id))
    }
}
