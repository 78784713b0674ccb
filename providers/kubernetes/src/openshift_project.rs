//! `openshift_project`
//!
//! <https://docs.redhat.com/en/documentation/openshift_container_platform/4.18/html/project_apis/project-project-openshift-io-v1>

use std::collections::{BTreeMap, HashMap};

use pilotis_sdk::typed::{Made, Match, Page, Resource as Typed, Scope};
use pilotis_sdk::{Error, ErrorKind, Resource};
use serde_json::{Map, Value as Json, json};

use crate::client::Client;
use crate::codec::merge_patch;
use crate::object::{allowed, is_going as going};

const PROJECTS: &str = "/apis/project.openshift.io/v1/projects";
const REQUESTS: &str = "/apis/project.openshift.io/v1/projectrequests";

/// A project: a namespace that OpenShift's template has furnished. Made by a request, as every user of OpenShift may.
#[derive(Clone, Debug, Resource)]
#[resource(type = "openshift_project", scope(), key(id), natural_key(name))]
pub(crate) struct Project {
    /// Its name.
    #[attr(computed)]
    pub(crate) id: String,
    /// Its name.
    #[attr(force_new)]
    pub(crate) name: String,
    /// Name shown in the console.
    pub(crate) display_name: Option<String>,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// Pods run on nodes with these labels: `region=east`.
    pub(crate) node_selector: Option<String>,
    /// Labels of the namespace. Only those given here are managed.
    pub(crate) labels: Option<BTreeMap<String, String>>,
    /// Annotations of the namespace. Only those given here are managed.
    pub(crate) annotations: Option<BTreeMap<String, String>>,
}

const DISPLAY_NAME: &str = "openshift.io/display-name";
const DESCRIPTION: &str = "openshift.io/description";
const NODE_SELECTOR: &str = "openshift.io/node-selector";

impl Project {
    fn metadata(&self) -> Map<String, Json> {
        let mut annotations: Map<String, Json> =
            self.annotations.iter().flatten().map(|(k, v)| (k.clone(), json!(v))).collect();
        for (key, value) in [
            (DISPLAY_NAME, &self.display_name),
            (DESCRIPTION, &self.description),
            (NODE_SELECTOR, &self.node_selector),
        ] {
            if let Some(value) = value {
                annotations.insert(key.into(), json!(value));
            }
        }
        let labels: Map<String, Json> =
            self.labels.iter().flatten().map(|(k, v)| (k.clone(), json!(v))).collect();
        let mut metadata = Map::new();
        metadata.insert("annotations".into(), Json::Object(annotations));
        metadata.insert("labels".into(), Json::Object(labels));
        Map::from_iter([("metadata".to_owned(), Json::Object(metadata))])
    }

    /// The resource of a live project or namespace; with `known`, cut to what is managed.
    fn seen(live: &Json, known: Option<&Project>) -> Project {
        let metadata = &live["metadata"];
        let annotation = |key: &str, managed: Option<&Option<String>>| {
            let text = metadata["annotations"][key].as_str().map(str::to_owned);
            match managed {
                Some(None) => None,
                _ => text.filter(|t| !t.is_empty() || managed.is_some()),
            }
        };
        let only = |group: &str, known: &Option<BTreeMap<String, String>>| {
            known.as_ref().map(|known| {
                let live =
                    |k: &String| metadata[group][k.as_str()].as_str().map(|v| (k.clone(), v.to_owned()));
                known.keys().filter_map(live).collect()
            })
        };
        let name = metadata["name"].as_str().unwrap_or_default().to_owned();
        Project {
            id: name.clone(),
            name,
            display_name: annotation(DISPLAY_NAME, known.map(|k| &k.display_name)),
            description: annotation(DESCRIPTION, known.map(|k| &k.description)),
            node_selector: annotation(NODE_SELECTOR, known.map(|k| &k.node_selector)),
            labels: known.and_then(|k| only("labels", &k.labels)),
            annotations: known.and_then(|k| only("annotations", &k.annotations)),
        }
    }
}

fn namespace(name: &str) -> String {
    format!("/api/v1/namespaces/{name}")
}

impl Typed for Project {
    type Client = Client;

    async fn create(client: &Client, planned: Project) -> Result<Made<Project>, Error> {
        let request = json!({
            "apiVersion": "project.openshift.io/v1", "kind": "ProjectRequest", "metadata": {"name": planned.name},
            "displayName": planned.display_name.clone().unwrap_or_default(),
            "description": planned.description.clone().unwrap_or_default(),
        });
        let made = client.post(REQUESTS, &request).await?;
        let more =
            planned.labels.is_some() || planned.annotations.is_some() || planned.node_selector.is_some();
        if !more {
            return Ok(Project::seen(&made, Some(&planned)).into());
        }
        // Labels can't be requested: they are the namespace's, which the requester administers.
        match client.merge_patch(&namespace(&planned.name), &Json::Object(planned.metadata())).await {
            Ok(live) => Ok(Project::seen(&live, Some(&planned)).into()),
            Err(e) => Ok(Made::but(Project::seen(&made, Some(&planned)), e)),
        }
    }

    async fn read(client: &Client, prior: Project) -> Result<Option<Project>, Error> {
        let live = client.get(&format!("{PROJECTS}/{}", prior.name)).await?;
        Ok(live.filter(|l| !going(l)).map(|live| Project::seen(&live, Some(&prior))))
    }

    async fn update(client: &Client, prior: Project, planned: Project) -> Result<Project, Error> {
        let patch = merge_patch(&prior.metadata(), &planned.metadata());
        let live = client.merge_patch(&namespace(&prior.name), &Json::Object(patch)).await?;
        Ok(Project::seen(&live, Some(&planned)))
    }

    async fn delete(client: &Client, prior: Project) -> Result<(), Error> {
        client.delete(&format!("{PROJECTS}/{}", prior.name)).await
    }

    async fn list(client: &Client, scopes: Vec<Scope<Project>>) -> Vec<Result<Page<Project>, Error>> {
        let mut pages = Vec::with_capacity(scopes.len());
        for scope in scopes {
            let wanted: HashMap<&str, &Project> = scope.wanted.iter().map(|w| (w.name.as_str(), w)).collect();
            pages.push(allowed(client.list(PROJECTS).await).map(|(items, _)| {
                let known = |item: &Json| wanted.get(item["metadata"]["name"].as_str()?).copied();
                let live =
                    items.iter().filter(|item| !going(item)).filter_map(|item| Some((item, known(item)?)));
                let objects: Vec<_> = live.map(|(item, known)| Project::seen(item, Some(known))).collect();
                // A user sees the projects that it has a right in: what is missing is read singly before it counts as gone.
                let complete = objects.len() == wanted.len();
                Page { objects, complete }
            }));
        }
        pages
    }

    async fn find(client: &Client, planned: Project) -> Result<Match<Project>, Error> {
        Ok(Project::read(client, planned).await?.into())
    }

    async fn import(client: &Client, id: &str) -> Result<Project, Error> {
        match client.get(&format!("{PROJECTS}/{id}")).await? {
            Some(live) => Ok(Project::seen(&live, None)),
            None => Err(Error::new(ErrorKind::NotFound, format!("There is no project {id}"))),
        }
    }
}
