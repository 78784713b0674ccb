//! One request: who asks, with what parameters, and what they may see and do.
//!
//! A handler is a plain function that runs with the whole world in hand; it must check before it changes anything.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{RawPathParams, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure, MAX_PER_PAGE, Paging, common},
    later,
    model::{Scope, Token, level},
    params::{Params, decode, form},
    world::{Node, World, today},
};

/// What answers a request.
pub(super) type Handler = fn(&mut Call<'_>) -> Result<Answer, Failure>;

/// A place in the API: method, path below its prefix, handler.
pub(super) type Route = (&'static str, &'static str, Handler);

/// The largest body that is taken, in bytes.
const MAX_BODY: usize = 64 << 20;

/// All requests share the world.
pub(super) type Shared = Arc<Mutex<World>>;

/// Adds routes to the router.
pub(super) fn add(mut router: Router<Shared>, prefix: &str, routes: &[Route]) -> Router<Shared> {
    for &(method, path, handler) in routes {
        let filter =
            Method::from_bytes(method.as_bytes()).ok().and_then(|method| MethodFilter::try_from(method).ok());
        let filter = filter.expect("the tables of routes hold plain methods");
        let answer = move |State(world): State<Shared>, path_params: RawPathParams, request: Request| async move {
            respond(world, path, path_params, request, handler).await
        };
        router = router.route(&format!("{prefix}{path}"), on(filter, answer));
    }
    router
}

async fn respond(
    world: Shared,
    route: &'static str,
    path: RawPathParams,
    request: Request,
    handler: Handler,
) -> Response {
    let (parts, body) = request.into_parts();
    let path: HashMap<String, String> =
        path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let answer = match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(body) => {
            handle(&world, Incoming { route, path, uri: &parts.uri, headers: &parts.headers, body }, handler)
        }
        Err(_) => Err(Failure::message(StatusCode::PAYLOAD_TOO_LARGE, "413 Request Entity Too Large")),
    };
    finish(answer)
}

/// The answer with the headers that every answer has.
pub(super) fn finish(answer: Result<Answer, Failure>) -> Response {
    let mut response = match answer {
        Ok(answer) => answer.into_response(),
        Err(failure) => failure.into_response(),
    };
    common(response.headers_mut(), &uuid::Uuid::new_v4().simple().to_string());
    response
}

pub(super) struct Incoming<'r> {
    pub route: &'static str,
    pub path: HashMap<String, String>,
    pub uri: &'r Uri,
    pub headers: &'r HeaderMap,
    pub body: Bytes,
}

fn handle(world: &Shared, incoming: Incoming<'_>, handler: Handler) -> Result<Answer, Failure> {
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    later::catch_up(&mut world);
    let values = values(&incoming)?;
    let viewer = viewer(&mut world, incoming.headers, &values).map_err(|failure| match incoming.route {
        "/graphql" => Failure { body: json!({ "errors": [{ "message": "Invalid token" }] }), ..failure },
        _ => failure,
    })?;
    let viewer = sudo(&world, viewer, incoming.headers, &values)?;
    if let Some(viewer) = &viewer {
        viewer.may(incoming.route)?;
    }
    let paging = paging(&world, incoming.uri, &values)?;
    let mut call = Call {
        world: &mut world,
        route: incoming.route,
        path: incoming.path,
        params: Params::new(values),
        viewer,
        paging,
        body: incoming.body,
    };
    let answer = handler(&mut call);
    // What was noted before a failure is consistent too: handlers check first.
    world.commit()?;
    answer
}

/// Query and body in one, as in Grape.
fn values(incoming: &Incoming<'_>) -> Result<Map<String, Value>, Failure> {
    let mut values = form(incoming.uri.query().unwrap_or_default());
    let kind =
        incoming.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if incoming.body.is_empty() || incoming.route.contains("/terraform/state/") {
        return Ok(values);
    }
    if kind.contains("json") {
        match serde_json::from_slice::<Value>(&incoming.body) {
            Ok(Value::Object(body)) => values.extend(body),
            Ok(_) => {}
            Err(_) => {
                return Err(Failure::parameters(
                    "There was a problem in the application/json body you submitted",
                ));
            }
        }
    } else if kind.contains("x-www-form-urlencoded") || kind.is_empty() {
        values.extend(form(&String::from_utf8_lossy(&incoming.body)));
    } else {
        return Err(Failure::message(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("The provided content-type '{kind}' is not supported."),
        ));
    }
    Ok(values)
}

fn paging(world: &World, uri: &Uri, values: &Map<String, Value>) -> Result<Paging, Failure> {
    let params = Params::new(values.clone());
    // A page of 0 or less is page 1, as Kaminari has it.
    let number =
        |name: &str, usual: u64| params.text(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let per_page = usize::try_from(number("per_page", 20)).unwrap_or(usize::MAX).clamp(1, MAX_PER_PAGE);
    let page = usize::try_from(number("page", 1)).unwrap_or(usize::MAX).max(1);
    let query = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let query = query.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let query = query
        .map(|(name, value)| (decode(name), decode(value)))
        .filter(|(name, _)| name != "private_token" && name != "access_token")
        .collect();
    Ok(Paging { url: format!("{}{}", world.context.url, uri.path()), query, page, per_page })
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Viewer {
    pub user: u64,
    pub admin: bool,
    /// Which token was shown.
    pub token: (Scope, u64),
    pub scopes: Vec<String>,
}

impl Viewer {
    fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == scope)
    }

    /// Does the token's scope allow this route? Reads need `read_api`, all else `api`.
    fn may(&self, route: &str) -> Result<(), Failure> {
        if self.has("api") || route.starts_with("/personal_access_tokens/self") {
            return Ok(());
        }
        if route == "/user" && self.has("read_user") {
            return Ok(());
        }
        if route.contains("/repository/") && (self.has("read_repository") || self.has("write_repository")) {
            // Refused below if it writes; see `Call::write_repository`.
            return Ok(());
        }
        if self.has("read_api") { Ok(()) } else { Err(Failure::insufficient_scope("api read_api")) }
    }
}

fn secret(headers: &HeaderMap, values: &Map<String, Value>) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bearer = header("authorization").and_then(|value| {
        let (kind, rest) = value.split_once(' ')?;
        match kind.to_ascii_lowercase().as_str() {
            "bearer" => Some(rest.trim().to_owned()),
            // Terraform's http backend sends the token as the password of basic authentication.
            "basic" => {
                use base64::Engine;
                let text = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok()?;
                Some(String::from_utf8(text).ok()?.split_once(':')?.1.to_owned())
            }
            _ => None,
        }
    });
    let named = |name: &str| values.get(name).and_then(Value::as_str).map(str::to_owned);
    header("private-token").or(bearer).or_else(|| named("private_token")).or_else(|| named("access_token"))
}

/// Who the token belongs to; none without a token.
pub(super) fn viewer(
    world: &mut World,
    headers: &HeaderMap,
    values: &Map<String, Value>,
) -> Result<Option<Viewer>, Failure> {
    let Some(secret) = secret(headers, values) else { return Ok(None) };
    let token = world.token_for(&secret).cloned().ok_or_else(Failure::unauthorized)?;
    if token.revoked {
        return Err(Failure::invalid_token("Token was revoked. You have to re-authorize from the user."));
    }
    if expired(&token) {
        let text = "Token is expired. You can either do re-authorization or token refresh.";
        return Err(Failure::invalid_token(text));
    }
    let user = world.users.get(&token.user_id).ok_or_else(Failure::unauthorized)?;
    if user.state != "active" {
        return Err(Failure::message(
            StatusCode::FORBIDDEN,
            format!("403 Forbidden - Your account has been {}.", user.state),
        ));
    }
    let viewer = Viewer {
        user: user.id,
        admin: user.admin,
        token: (token.scope, token.id),
        scopes: token.scopes.clone(),
    };
    // Once a day is what GitLab shows (it writes every ten minutes); a write for every request is not worth it.
    if token.last_used_at.as_deref().and_then(|time| time.get(..10)) != Some(today().as_str()) {
        world.put_token(Token { last_used_at: Some(super::world::now()), ..token });
    }
    Ok(Some(viewer))
}

/// A token is good until the day that it names begins (UTC).
pub(super) fn expired(token: &Token) -> bool {
    token.expires_at.as_deref().is_some_and(|date| date <= today().as_str())
}

/// An administrator may act as another user.
fn sudo(
    world: &World,
    viewer: Option<Viewer>,
    headers: &HeaderMap,
    values: &Map<String, Value>,
) -> Result<Option<Viewer>, Failure> {
    let name = headers.get("sudo").and_then(|value| value.to_str().ok());
    let Some(name) = name.or_else(|| values.get("sudo").and_then(Value::as_str)) else { return Ok(viewer) };
    let Some(mut viewer) = viewer else { return Err(Failure::unauthorized()) };
    if !viewer.admin {
        return Err(Failure::message(StatusCode::FORBIDDEN, "403 Forbidden - Must be admin to use sudo"));
    }
    if !viewer.has("sudo") {
        return Err(Failure::insufficient_scope("sudo"));
    }
    let user = name.parse().ok().and_then(|id: u64| world.users.get(&id)).or_else(|| world.user_named(name));
    let user = user.ok_or_else(|| {
        Failure::message(StatusCode::NOT_FOUND, format!("404 User with ID or username '{name}' Not Found"))
    })?;
    (viewer.user, viewer.admin) = (user.id, user.admin);
    Ok(Some(viewer))
}

/// A request on its way through a handler.
pub(super) struct Call<'w> {
    pub world: &'w mut World,
    /// The route's path, with its placeholders.
    pub route: &'static str,
    path: HashMap<String, String>,
    pub params: Params,
    pub viewer: Option<Viewer>,
    pub paging: Paging,
    pub body: Bytes,
}

impl Call<'_> {
    /// A placeholder of the path, decoded.
    pub(super) fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A placeholder that must be a number.
    pub(super) fn part_id(&self, name: &str) -> Result<u64, Failure> {
        self.part(name).parse().map_err(|_| Failure::parameters(format!("{name} is invalid")))
    }

    /// Who asks; 401 for nobody.
    pub(super) fn viewer(&self) -> Result<&Viewer, Failure> {
        self.viewer.as_ref().ok_or_else(Failure::unauthorized)
    }

    /// Who asks, if it is an administrator; else 403.
    pub(super) fn admin(&self) -> Result<u64, Failure> {
        let viewer = self.viewer()?;
        if viewer.admin { Ok(viewer.user) } else { Err(Failure::forbidden()) }
    }

    pub(super) fn is_admin(&self) -> bool {
        self.viewer.as_ref().is_some_and(|viewer| viewer.admin)
    }

    /// Fails for tokens that may only read.
    pub(super) fn writes(&self) -> Result<(), Failure> {
        let viewer = self.viewer()?;
        let repository = self.route.contains("/repository/") && viewer.has("write_repository");
        if viewer.has("api") || repository { Ok(()) } else { Err(Failure::insufficient_scope("api")) }
    }

    /// The level of who asks: owner for administrators, none for nobody.
    pub(super) fn level(&self, scope: Scope) -> u8 {
        match &self.viewer {
            Some(viewer) if viewer.admin => level::OWNER,
            Some(viewer) => self.world.level_in(viewer.user, scope),
            None => level::NONE,
        }
    }

    /// Can who asks see it?
    pub(super) fn sees(&self, scope: Scope) -> bool {
        let visibility = match scope {
            Scope::Project(id) => self.world.projects.get(&id).map(|project| project.visibility.as_str()),
            Scope::Group(id) => self.world.groups.get(&id).map(|group| group.visibility.as_str()),
            Scope::User(_) => Some("public"),
        };
        match visibility {
            None => false,
            Some("public") => true,
            Some("internal") if self.viewer.is_some() => true,
            Some(_) => self.level(scope) >= level::GUEST || self.sees_inside(scope),
        }
    }

    /// A member of something below a group sees the group itself.
    fn sees_inside(&self, scope: Scope) -> bool {
        let (Scope::Group(group), Some(viewer)) = (scope, &self.viewer) else { return false };
        self.world.memberships(viewer.user).into_iter().any(|membership| {
            let start = match membership {
                Scope::Group(id) => Some(id),
                Scope::Project(id) => self.world.projects.get(&id).map(|project| project.namespace_id),
                Scope::User(_) => None,
            };
            self.world.ancestry(start).contains(&group)
        })
    }

    /// The project of the path's `id`, a number or a full path.
    pub(super) fn project(&self) -> Result<u64, Failure> {
        self.project_named(self.part("id"))
    }

    pub(super) fn project_named(&self, name: &str) -> Result<u64, Failure> {
        let found = match name.parse::<u64>() {
            Ok(id) => Some(id),
            Err(_) => match self.world.find_path(name) {
                Some(Node::Project(id)) => Some(id),
                _ => None,
            },
        };
        found
            .filter(|id| self.world.projects.get(id).is_some_and(|project| !project.deleting))
            .filter(|&id| self.sees(Scope::Project(id)))
            .ok_or_else(|| Failure::not_found("Project"))
    }

    /// The group of the path's `id`, a number or a full path.
    pub(super) fn group(&self) -> Result<u64, Failure> {
        self.group_named(self.part("id"))
    }

    pub(super) fn group_named(&self, name: &str) -> Result<u64, Failure> {
        let found = match name.parse::<u64>() {
            Ok(id) => Some(id),
            Err(_) => match self.world.find_path(name) {
                Some(Node::Group(id)) => Some(id),
                _ => None,
            },
        };
        found
            .filter(|id| self.world.groups.contains_key(id))
            .filter(|&id| self.sees(Scope::Group(id)))
            .ok_or_else(|| Failure::not_found("Group"))
    }

    /// The group or project of the route.
    pub(super) fn scope(&self) -> Result<Scope, Failure> {
        if self.route.starts_with("/groups") {
            self.group().map(Scope::Group)
        } else {
            self.project().map(Scope::Project)
        }
    }

    /// The group or project of the route, for a write by someone with at least this level.
    pub(super) fn scope_for(&self, group_level: u8, project_level: u8) -> Result<Scope, Failure> {
        let scope = self.scope()?;
        let needed = if matches!(scope, Scope::Group(_)) { group_level } else { project_level };
        self.needs(scope, needed)?;
        Ok(scope)
    }

    /// 401, 403 or fine.
    pub(super) fn needs(&self, scope: Scope, needed: u8) -> Result<(), Failure> {
        self.writes()?;
        if self.level(scope) >= needed { Ok(()) } else { Err(Failure::forbidden()) }
    }

    /// 401, 403 or fine, for reading what only members of a level may see.
    pub(super) fn needs_to_read(&self, scope: Scope, needed: u8) -> Result<(), Failure> {
        self.viewer()?;
        if self.level(scope) >= needed { Ok(()) } else { Err(Failure::forbidden()) }
    }

    /// One page of the items.
    pub(super) fn page<T>(&self, items: &[T], show: impl FnMut(&T) -> Value) -> Result<Answer, Failure> {
        Ok(self.paging.page(items, show))
    }

    /// The environment scope that was asked for with `filter[environment_scope]`.
    pub(super) fn environment_filter(&self) -> Option<String> {
        self.params.raw("filter")?.get("environment_scope")?.as_str().map(str::to_owned)
    }
}

/// What GitLab says about a path that it doesn't know.
pub(super) async fn unknown_path() -> Response {
    let body = json!({ "error": "404 Not Found" });
    let failure = Failure { status: StatusCode::NOT_FOUND, body };
    finish(Err(failure))
}

/// What GitLab says about a method that a path doesn't have.
pub(super) async fn wrong_method() -> Response {
    let body = json!({ "error": "405 Not Allowed" });
    let failure = Failure { status: StatusCode::METHOD_NOT_ALLOWED, body };
    finish(Err(failure))
}
