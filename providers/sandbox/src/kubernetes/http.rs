//! HTTP around the engine: who calls, which form is asked for, how an answer is written.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    SharedWorld, VERSION, authz,
    authz::{Action, User},
    controllers, engine,
    engine::{Call, Form, Reply, Server},
    openapi, protobuf,
    request::{Query, Target},
    reviews,
    status::Failure,
    table, watch,
    world::World,
    yaml,
};
use crate::server::ServiceContext;

/// The state of the routes.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) world: SharedWorld,
    pub(crate) server: Arc<Server>,
    pub(crate) stop: CancellationToken,
    token: Arc<str>,
}

impl Api {
    pub(crate) fn new(world: World, server: Server, context: ServiceContext) -> Api {
        Api {
            world: Arc::new(Mutex::new(world)),
            server: Arc::new(server),
            stop: context.stop,
            token: context.token.into(),
        }
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Encoding {
    Json,
    Yaml,
}

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// The largest body that is read.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// Answers one request. Each answer has the id under which it is in the server's audit log; who calls may choose it.
/// <https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/>
pub(crate) async fn handle(State(api): State<Api>, request: Request) -> Response {
    let chosen = request.headers().get(AUDIT_ID).filter(|id| !id.is_empty()).cloned();
    let id = chosen.or_else(|| HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()).ok());
    let mut response = answer(api, request).await;
    if let Some(id) = id {
        response.headers_mut().insert(AUDIT_ID, id);
    }
    response
}

async fn answer(api: Api, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let text = "the request body is too large: limit is 3145728";
        let mut failure = Failure::bad_request(text);
        (failure.code, failure.reason) = (413, "RequestEntityTooLarge");
        return failure_response(&failure);
    };
    let headers = &parts.headers;
    let path = parts.uri.path();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let mut world = api.world.lock().unwrap_or_else(PoisonError::into_inner);
    controllers::run(&mut world, &api.server);
    let user = match authenticate(&world, &api, headers) {
        Ok(user) => user,
        Err(failure) => return failure_response(&failure),
    };
    let target = Target::parse(path).filter(|_| path != "/api" && path != "/apis");
    let accept = Accept::read(headers);
    let Some(target) =
        target.filter(|target| world.registry.find(&target.group, &target.version, &target.plural).is_some())
    else {
        let answer = documents(&world, &api, &user, parts.method.as_str(), path, headers, &query);
        return answer.unwrap_or_else(|failure| failure_response(&failure));
    };
    let accept = match accept {
        Ok(accept) => accept,
        Err(failure) => return failure_response(&failure),
    };
    let text = |name: header::HeaderName| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let mut call = Call {
        user,
        agent: text(header::USER_AGENT),
        method: parts.method.as_str(),
        target,
        query,
        content_type: text(header::CONTENT_TYPE),
        body: &body,
        form: accept.form,
        server: &api.server,
    };
    let answer = engine::answer(&mut world, &mut call);
    world.flush();
    drop(world);
    match answer {
        Ok(Some(reply)) => reply_response(&api, reply, &accept, &call.query),
        Ok(None) => missing_path(),
        Err(failure) => self::failure(&failure, accept.encoding),
    }
}

fn missing_path() -> Response {
    plain(StatusCode::NOT_FOUND, "404 page not found\n")
}

fn plain(status: StatusCode, text: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.to_owned()).into_response()
}

/// Who calls: by the token, or on whose behalf.
fn authenticate(world: &World, api: &Api, headers: &HeaderMap) -> Result<User, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let token = text("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let user = match token {
        None | Some("") => User::anonymous(),
        Some(token) if same(token, &api.token) => User::admin(),
        Some(token) => reviews::user_of(world, token).ok_or_else(Failure::unauthorized)?,
    };
    let Some(name) = text("impersonate-user") else { return Ok(user) };
    let groups = headers.get_all("impersonate-group");
    let groups = groups.iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
    authz::require(
        world,
        &user,
        &Action { verb: "impersonate", resource: "users", name, ..Action::default() },
    )?;
    Ok(User::impersonated(name, groups))
}

/// Compares without telling by the time where the difference is.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// What the client can read.
#[derive(Clone, Copy, Debug)]
struct Accept {
    encoding: Encoding,
    form: Form,
}

const KNOWN: [&str; 3] = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

impl Accept {
    fn read(headers: &HeaderMap) -> Result<Accept, Failure> {
        let text = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
        for option in text.split(',') {
            let mut parts = option.split(';').map(str::trim);
            let encoding = match parts.next().unwrap_or_default() {
                "" | "*/*" | "application/*" | "application/json" => Encoding::Json,
                "application/yaml" | "application/x-yaml" => Encoding::Yaml,
                _ => continue,
            };
            let parameter = |name: &str| {
                option
                    .split(';')
                    .filter_map(|part| part.trim().split_once('='))
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value.trim())
            };
            let form = match parameter("as") {
                None => Form::Plain,
                Some("Table") => Form::Table,
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Form::Partial,
                Some(_) => continue,
            };
            // Older forms than v1 are not made any more.
            if form != Form::Plain && parameter("v").is_some_and(|version| version != "v1") {
                continue;
            }
            return Ok(Accept { encoding, form });
        }
        Err(Failure::not_acceptable(&KNOWN))
    }
}

/// Everything that is not a resource.
fn documents(
    world: &World,
    api: &Api,
    user: &User,
    method: &str,
    path: &str,
    headers: &HeaderMap,
    query: &Query,
) -> Result<Response, Failure> {
    let trimmed = path.trim_matches('/');
    let verb = method.to_ascii_lowercase();
    authz::require(world, user, &Action { verb: &verb, path, ..Action::default() })?;
    let parts: Vec<&str> = trimmed.split('/').collect();
    let aggregated = aggregated_version(headers);
    let document = match parts.as_slice() {
        ["healthz" | "readyz" | "livez", ..] => return Ok(plain(StatusCode::OK, "ok")),
        ["version"] => version(),
        ["api"] | ["apis"] if aggregated.is_some() => {
            let version = aggregated.unwrap_or("v2");
            let body = world.registry.aggregated(parts[0] == "api", version);
            let kind = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
            return Ok(([(header::CONTENT_TYPE, kind)], line(&body)).into_response());
        }
        ["api"] => {
            let address = api.server.url.split("://").nth(1).unwrap_or_default();
            json!({
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": address }],
            })
        }
        ["apis"] => world.registry.api_group_list(),
        ["api", version] => match world.registry.resource_list("", version) {
            Some(document) => document,
            None => return Ok(missing_path()),
        },
        ["apis", group] => match world.registry.api_group(group) {
            Some(document) => document,
            None => return Ok(missing_path()),
        },
        ["apis", group, version] => match world.registry.resource_list(group, version) {
            Some(document) => document,
            None => return Ok(missing_path()),
        },
        ["openapi", "v2"] => return Ok(openapi_v2(world, headers)),
        ["openapi", "v3"] => {
            let body = openapi::v3_index(world).to_string();
            return Ok(plain(StatusCode::OK, &body));
        }
        ["openapi", "v3", "api", version] => match openapi::v3(world, "", version) {
            Some(document) => document,
            None => return Ok(missing_path()),
        },
        ["openapi", "v3", "apis", group, version] => match openapi::v3(world, group, version) {
            Some(document) => document,
            None => return Ok(missing_path()),
        },
        [""] => root(world),
        // The group is there, the resource is not.
        ["apis", group, version, _, ..] if world.registry.resource_list(group, version).is_some() => {
            return Err(Failure::resource_not_found());
        }
        ["api", "v1", _, ..] => return Err(Failure::resource_not_found()),
        _ => return Ok(missing_path()),
    };
    let encoding = Accept::read(headers).map_or(Encoding::Json, |accept| accept.encoding);
    Ok(write(StatusCode::OK, &document, encoding, query.flag("pretty")))
}

/// `v2` or `v2beta1`, if the aggregated discovery document is asked for.
fn aggregated_version(headers: &HeaderMap) -> Option<&'static str> {
    let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
    let wanted = |version: &str| {
        accept.split(',').any(|option| {
            let has = |part: &str| option.split(';').any(|known| known.trim() == part);
            has("application/json") && has("as=APIGroupDiscoveryList") && has(&format!("v={version}"))
        })
    };
    ["v2", "v2beta1"].into_iter().find(|version| wanted(version))
}

fn version() -> Value {
    let mut parts = VERSION.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    json!({
        "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor,
        "minCompatibilityMajor": major, "minCompatibilityMinor": "35", "gitVersion": VERSION, "gitCommit": "sandbox",
        "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.26.6", "compiler": "gc",
        "platform": "linux/amd64",
    })
}

fn root(world: &World) -> Value {
    let mut paths =
        vec!["/.well-known/openid-configuration".to_owned(), "/api".into(), "/api/v1".into(), "/apis".into()];
    for (group, versions) in world.registry.groups() {
        if !group.is_empty() {
            paths.push(format!("/apis/{group}"));
            paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
        }
    }
    paths.extend(
        ["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned),
    );
    paths.sort();
    json!({ "paths": paths })
}

fn openapi_v2(world: &World, headers: &HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let document = openapi::v2(world);
    if accept.contains("proto-openapi.spec.v2") {
        // Older clients ask for it with an @ in the name, which no client can read in an answer.
        let kind = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
        return ([(header::CONTENT_TYPE, kind)], protobuf::document(&document)).into_response();
    }
    write(StatusCode::OK, &document, Encoding::Json, false)
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

fn write(status: StatusCode, value: &Value, encoding: Encoding, pretty: bool) -> Response {
    let (kind, text) = match encoding {
        Encoding::Yaml => ("application/yaml", yaml::write(value)),
        Encoding::Json if pretty => {
            ("application/json", serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string()))
        }
        Encoding::Json => ("application/json", line(value)),
    };
    (status, [(header::CONTENT_TYPE, kind)], text).into_response()
}

fn failure_response(failure: &Failure) -> Response {
    self::failure(failure, Encoding::Json)
}

/// An error answer.
pub(crate) fn failure(failure: &Failure, encoding: Encoding) -> Response {
    let status = StatusCode::from_u16(failure.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = write(status, &failure.body(), encoding, false);
    if let Some(seconds) = failure.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn reply_response(api: &Api, reply: Reply, accept: &Accept, query: &Query) -> Response {
    let pretty = query.flag("pretty");
    let status = |code: u16| StatusCode::from_u16(code).unwrap_or(StatusCode::OK);
    match reply {
        Reply::Value { status: code, value, warnings } => {
            warned(write(status(code), &value, accept.encoding, pretty), &warnings)
        }
        Reply::Text(text) => match accept.encoding {
            Encoding::Json if !pretty => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
            encoding => {
                let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
                write(StatusCode::OK, &value, encoding, pretty)
            }
        },
        Reply::Object { status: code, resource, object, warnings } => {
            let shown = match accept.form {
                Form::Plain => object,
                Form::Partial => table::partial(&object),
                Form::Table => {
                    let metadata = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                    let include = query.get("includeObject").unwrap_or("Metadata");
                    table::table(&resource, metadata, &[object], include, true)
                }
            };
            warned(write(status(code), &shown, accept.encoding, pretty), &warnings)
        }
        Reply::Watch(request) => {
            let lines = watch::stream(api.world.clone(), request, api.stop.clone());
            ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(lines)).into_response()
        }
    }
}

/// `Warning: 299 - "…"` for each.
fn warned(mut response: Response, warnings: &[String]) -> Response {
    for warning in warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}
