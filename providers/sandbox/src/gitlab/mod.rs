//! The GitLab emulator: the REST API under `/api/v4`, GraphQL, and the health checks, as of GitLab 18.
//!
//! Each file is one subject with its routes; `world` holds the objects, `call` is a request on its way. There are no
//! web pages, no git protocol, no jobs; nothing reaches another host. Administrators see and do everything; others
//! have the rights of their memberships.

mod answer;
mod call;
mod commits;
mod deletion;
mod fields;
mod files;
mod graphql;
mod groups;
mod later;
mod members;
mod mirrors;
mod model;
mod params;
mod pipelines;
mod project_changes;
mod projects;
mod protected;
mod repository;
mod rules;
mod states;
mod system;
mod things;
mod tokens;
mod users;
mod variables;
mod world;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use crate::server::{Service, ServiceContext, ServiceError};
use world::World;

/// How the emulator behaves where real servers differ, or where a test wants to hurry.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) auto_users: bool,
    pub(crate) deletion_delay: Duration,
    pub(crate) protection_delay: Duration,
    pub(crate) rename_marked: bool,
    pub(crate) users: Vec<(String, String, String)>,
    pub(crate) groups: Vec<String>,
}

/// A GitLab server.
///
/// ```
/// use std::time::Duration;
/// let gitlab = pilotis_sandbox::gitlab::GitLab::new()
///     .user("marie.durand", "Marie Durand", "marie.durand@interieur.example")
///     .deletion_delay(Duration::ZERO);
/// ```
#[derive(Clone, Debug)]
pub struct GitLab {
    settings: Settings,
}

impl Default for GitLab {
    fn default() -> GitLab {
        GitLab::new()
    }
}

impl GitLab {
    /// With its usual settings: users are made when they are looked up by name, deletions take half a second.
    pub fn new() -> GitLab {
        GitLab {
            settings: Settings {
                auto_users: true,
                deletion_delay: Duration::from_millis(500),
                protection_delay: Duration::from_millis(200),
                rename_marked: false,
                users: Vec::new(),
                groups: Vec::new(),
            },
        }
    }

    /// A user that is there from the start, with username, name and e-mail address.
    pub fn user(mut self, username: &str, name: &str, email: &str) -> GitLab {
        self.settings.users.push((username.to_owned(), name.to_owned(), email.to_owned()));
        self
    }

    /// A private top-level group that is there from the start, by its path.
    pub fn group(mut self, path: &str) -> GitLab {
        self.settings.groups.push(path.to_owned());
        self
    }

    /// Whether a user who is looked up by username is made if there is none.
    pub fn auto_users(mut self, on: bool) -> GitLab {
        self.settings.auto_users = on;
        self
    }

    /// How long a permanent deletion is under way.
    pub fn deletion_delay(mut self, delay: Duration) -> GitLab {
        self.settings.deletion_delay = delay;
        self
    }

    /// How long after its first commit a project's default branch gets its protection.
    pub fn protection_delay(mut self, delay: Duration) -> GitLab {
        self.settings.protection_delay = delay;
        self
    }

    /// Whether a group or project that is marked for deletion is renamed to `…-deletion_scheduled-ID`, as some
    /// versions do; else it keeps its path.
    pub fn rename_marked(mut self, on: bool) -> GitLab {
        self.settings.rename_marked = on;
        self
    }
}

impl Service for GitLab {
    fn name(&self) -> &'static str {
        "gitlab"
    }

    fn default_port(&self) -> u16 {
        18929
    }

    fn only_asks(&self, method: &str, path: &str) -> bool {
        method == "POST" && path == "/api/graphql"
    }

    fn new_token(&self) -> String {
        tokens::secret("glpat-")
    }

    fn router(&self, context: ServiceContext) -> Result<Router, ServiceError> {
        let mut world = World::load(context, self.settings.clone())?;
        seed(&mut world);
        world.commit()?;
        let shared = Arc::new(Mutex::new(world));
        let mut router = Router::new();
        for routes in [
            system::ROUTES,
            users::ROUTES,
            groups::ROUTES,
            projects::ROUTES,
            project_changes::ROUTES,
            deletion::ROUTES,
            members::ROUTES,
            variables::ROUTES,
            protected::ROUTES,
            tokens::ROUTES,
            pipelines::ROUTES,
            mirrors::ROUTES,
            files::ROUTES,
            commits::ROUTES,
            things::ROUTES,
            states::ROUTES,
        ] {
            router = call::add(router, "/api/v4", routes);
        }
        router = call::add(router, "/api", graphql::ROUTES);
        let health = Router::new()
            .route("/-/readiness", get(system::readiness))
            .route("/-/liveness", get(system::liveness))
            .route("/-/health", get(|| async { "GitLab OK" }));
        let api = router
            .method_not_allowed_fallback(call::wrong_method)
            .fallback(call::unknown_path)
            .with_state(shared);
        Ok(health.fallback_service(api))
    }

    fn fault_response(&self, status: StatusCode) -> Response {
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                let text = "This endpoint has been requested too many times. Try again later.";
                (status, Json(json!({ "message": { "error": text } }))).into_response()
            }
            StatusCode::FORBIDDEN => (status, Json(json!({ "message": "403 Forbidden" }))).into_response(),
            // A proxy in front of GitLab answers with a page.
            _ => {
                let title = status.canonical_reason().unwrap_or("Error");
                let page = format!(
                    "<html>\n<head><title>{0} {title}</title></head>\n<body><h1>{0} {title}</h1></body>\n</html>\n",
                    status.as_u16()
                );
                (status, [("content-type", "text/html")], page).into_response()
            }
        }
    }
}

/// The administrator with the sandbox's token, and the users of the settings.
fn seed(world: &mut World) {
    if world.user_named("root").is_none() {
        let id = users::insert(world, "root", "Administrator", "admin@sandbox.example", false);
        if let Some(mut root) = world.users.get(&id).cloned() {
            root.admin = true;
            world.put_user(root);
        }
    }
    let token = world.context.token.clone();
    if world.token_for(&token).is_none()
        && let Some(root) = world.user_named("root").map(|root| root.id)
    {
        tokens::insert_personal(world, root, "pilotis sandbox", tokens::all_scopes(), None, &token);
    }
    for (username, name, email) in world.settings.users.clone() {
        if world.user_named(&username).is_none() && world.user_with_email(&email).is_none() {
            users::insert(world, &username, &name, &email, false);
        }
    }
    let root = world.user_named("root").map(|root| root.id);
    for path in world.settings.groups.clone() {
        if let (None, Some(root)) = (world.find_path(&path), root) {
            let new = groups::NewGroup {
                name: path.clone(),
                path,
                parent_id: None,
                visibility: "private".into(),
                attributes: serde_json::Map::new(),
            };
            groups::insert(world, root, new);
        }
    }
}
