//! Access tokens of projects and groups (each with its bot user), personal access tokens, and deploy tokens.
//!
//! <https://docs.gitlab.com/api/project_access_tokens/>, <https://docs.gitlab.com/api/personal_access_tokens/>,
//! <https://docs.gitlab.com/api/deploy_tokens/>. A token is shown once, in the answer that made it.

use jiff::{ToSpan, civil::Date};
use serde_json::{Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route, expired},
    model::{DeployToken, Member, Scope, Token, level},
    users,
    world::{World, hash, now, today},
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/groups/{id}/access_tokens", list),
    ("POST", "/groups/{id}/access_tokens", create),
    ("GET", "/groups/{id}/access_tokens/{token_id}", show_one),
    ("DELETE", "/groups/{id}/access_tokens/{token_id}", revoke),
    ("POST", "/groups/{id}/access_tokens/{token_id}/rotate", rotate),
    ("GET", "/projects/{id}/access_tokens", list),
    ("POST", "/projects/{id}/access_tokens", create),
    ("GET", "/projects/{id}/access_tokens/{token_id}", show_one),
    ("DELETE", "/projects/{id}/access_tokens/{token_id}", revoke),
    ("POST", "/projects/{id}/access_tokens/{token_id}/rotate", rotate),
    ("GET", "/personal_access_tokens", list_personal),
    ("GET", "/personal_access_tokens/self", show_self),
    ("DELETE", "/personal_access_tokens/self", revoke_self),
    ("POST", "/personal_access_tokens/self/rotate", rotate_self),
    ("GET", "/personal_access_tokens/{token_id}", show_personal),
    ("DELETE", "/personal_access_tokens/{token_id}", revoke_personal),
    ("POST", "/personal_access_tokens/{token_id}/rotate", rotate_personal),
    ("POST", "/users/{user_id}/personal_access_tokens", create_personal),
    ("GET", "/deploy_tokens", list_all_deploy),
    ("GET", "/groups/{id}/deploy_tokens", list_deploy),
    ("POST", "/groups/{id}/deploy_tokens", create_deploy),
    ("GET", "/groups/{id}/deploy_tokens/{token_id}", show_deploy),
    ("DELETE", "/groups/{id}/deploy_tokens/{token_id}", remove_deploy),
    ("GET", "/projects/{id}/deploy_tokens", list_deploy),
    ("POST", "/projects/{id}/deploy_tokens", create_deploy),
    ("GET", "/projects/{id}/deploy_tokens/{token_id}", show_deploy),
    ("DELETE", "/projects/{id}/deploy_tokens/{token_id}", remove_deploy),
];

const SCOPES: &[&str] = &[
    "api",
    "read_api",
    "read_user",
    "read_registry",
    "write_registry",
    "read_repository",
    "write_repository",
    "create_runner",
    "manage_runner",
    "ai_features",
    "k8s_proxy",
    "read_observability",
    "write_observability",
    "self_rotate",
    "read_virtual_registry",
    "write_virtual_registry",
];
const ADMIN_SCOPES: &[&str] = &["sudo", "admin_mode", "read_service_ping"];

const DEPLOY_SCOPES: &[&str] = &[
    "read_repository",
    "read_registry",
    "write_registry",
    "read_package_registry",
    "write_package_registry",
    "read_virtual_registry",
    "write_virtual_registry",
];

fn show(token: &Token) -> Value {
    let mut shown = json!({
        "id": token.id,
        "name": token.name,
        "revoked": token.revoked,
        "created_at": token.created_at,
        "description": token.description,
        "scopes": token.scopes,
        "user_id": token.user_id,
        "last_used_at": token.last_used_at,
        "active": !token.revoked && !expired(token),
        "expires_at": token.expires_at,
    });
    if let Scope::Group(id) | Scope::Project(id) = token.scope {
        shown["access_level"] = json!(token.access_level);
        shown["resource_type"] = json!(token.scope.noun());
        shown["resource_id"] = json!(id);
    }
    shown
}

fn with_secret(token: &Token, secret: &str) -> Value {
    let mut shown = show(token);
    shown["token"] = json!(secret);
    shown
}

/// A new secret in GitLab's form.
pub(super) fn secret(prefix: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{prefix}{}", &random[..20])
}

/// Reads `expires_at`; without it the token is good for a year, the longest that is allowed.
fn expiry(call: &Call<'_>) -> Result<String, Failure> {
    let asked = call.params.date("expires_at");
    call.params.check()?;
    let day: Date = today().parse().map_err(|_| Failure::bad("400 Bad request"))?;
    let last = day.saturating_add(365.days());
    let Some(asked) = asked else { return Ok(last.to_string()) };
    let wanted: Date = asked.parse().map_err(|_| Failure::parameters("expires_at is invalid"))?;
    if wanted <= day {
        return Err(Failure::bad("400 Bad request - Expiration date must be in the future"));
    }
    if wanted > last {
        return Err(Failure::bad(format!(
            "400 Bad request - Expires at must be before {}",
            last.saturating_add(1.days())
        )));
    }
    Ok(asked)
}

fn scopes(call: &Call<'_>, allowed: &[&[&str]]) -> Vec<String> {
    let params = &call.params;
    params.require(&["scopes"]);
    let scopes = params.texts("scopes").unwrap_or_default();
    if scopes.iter().any(|scope| !allowed.iter().any(|list| list.contains(&scope.as_str()))) {
        params.wrong("scopes does not have a valid value");
    }
    scopes
}

// ---- project and group access tokens ----

fn scope(call: &Call<'_>) -> Result<Scope, Failure> {
    let scope = call.scope()?;
    let needed = if matches!(scope, Scope::Group(_)) { level::OWNER } else { level::MAINTAINER };
    call.viewer()?;
    if call.level(scope) < needed {
        return Err(Failure::unauthorized());
    }
    Ok(scope)
}

fn find(call: &Call<'_>, scope: Scope) -> Result<Token, Failure> {
    let id = call.part_id("token_id")?;
    call.world.tokens.get(scope, id).cloned().ok_or_else(|| {
        let text = format!("404 Could not find {} access token with token_id: {id} Not Found", scope.noun());
        Failure::message(axum::http::StatusCode::NOT_FOUND, text)
    })
}

fn list(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    let tokens = filtered(call, call.world.tokens.of(scope).collect())?;
    call.page(&tokens, |token| show(token))
}

fn filtered<'t>(call: &Call<'_>, tokens: Vec<&'t Token>) -> Result<Vec<&'t Token>, Failure> {
    let params = &call.params;
    let active = params.choice("state", &["active", "inactive"]).map(|state| state == "active");
    let revoked = params.flag("revoked");
    let search = params.text("search").map(|text| text.to_lowercase());
    let user = params.number("user_id");
    params.check()?;
    let keep = |token: &&Token| {
        active.is_none_or(|wanted| wanted == (!token.revoked && !expired(token)))
            && revoked.is_none_or(|wanted| wanted == token.revoked)
            && search.as_ref().is_none_or(|text| token.name.to_lowercase().contains(text))
            && user.is_none_or(|user| token.user_id == user)
    };
    Ok(tokens.into_iter().filter(keep).collect())
}

fn show_one(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    Answer::ok(show(&find(call, scope)?))
}

fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    call.writes()?;
    let params = &call.params;
    let name = params.required("name");
    let scopes = scopes(call, &[SCOPES]);
    let levels = [level::GUEST, 15, level::REPORTER, level::DEVELOPER, level::MAINTAINER, level::OWNER];
    let access_level = params.level("access_level", &levels).unwrap_or(level::MAINTAINER);
    let description = params.text("description");
    let expires_at = expiry(call)?;
    if scopes.is_empty() {
        return Err(Failure::bad("400 Bad request - Scopes can't be blank"));
    }
    if call.level(scope) < access_level {
        let text = "400 Bad request - Access level of the token can't be greater the access level of the user who created the token";
        return Err(Failure::bad(text));
    }
    let created_by = call.viewer()?.user;
    let world = &mut *call.world;
    let bot = make_bot(world, scope, &name, access_level, created_by);
    let id = world.next_id("token");
    let secret = secret("glpat-");
    let token = Token {
        id,
        user_id: bot,
        scope,
        name,
        description,
        scopes,
        access_level,
        created_at: now(),
        expires_at: Some(expires_at),
        revoked: false,
        last_used_at: None,
        hash: hash(&secret),
        family: id,
    };
    let shown = with_secret(&token, &secret);
    world.put_token(token);
    Answer::created(shown)
}

/// The bot user that a token acts as, a member of the project or group.
fn make_bot(world: &mut World, scope: Scope, name: &str, access_level: u8, created_by: u64) -> u64 {
    let (noun, id) = match scope {
        Scope::Group(id) => ("group", id),
        Scope::Project(id) | Scope::User(id) => ("project", id),
    };
    let random = &uuid::Uuid::new_v4().simple().to_string()[..16];
    let username = format!("{noun}_{id}_bot_{random}");
    let email = format!("{username}@noreply.{}", super::projects::host(world));
    let bot = users::insert(world, &username, name, &email, true);
    world.put_member(Member {
        id: bot,
        scope,
        access_level,
        expires_at: None,
        created_at: now(),
        created_by,
    });
    bot
}

fn revoke(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    call.writes()?;
    let token = find(call, scope)?;
    end(call.world, token);
    Answer::gone()
}

/// Revokes a token; a bot without a token is no member any more.
fn end(world: &mut World, token: Token) {
    let (scope, bot) = (token.scope, token.user_id);
    world.put_token(Token { revoked: true, ..token });
    let alive = world.tokens.of(scope).any(|other| other.user_id == bot && !other.revoked);
    if !alive && !matches!(scope, Scope::User(_)) {
        world.take_off::<Member>(scope, bot);
    }
}

fn rotate(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    call.writes()?;
    let token = find(call, scope)?;
    rotated(call, token)
}

/// Revokes the token and makes the next one. To rotate a revoked one ends its whole family, since it may be stolen.
fn rotated(call: &mut Call<'_>, token: Token) -> Result<Answer, Failure> {
    if token.revoked {
        let family: Vec<Token> = call
            .world
            .tokens
            .of(token.scope)
            .filter(|other| other.family == token.family && !other.revoked)
            .cloned()
            .collect();
        family.into_iter().for_each(|member| end(call.world, member));
        call.world.commit()?;
        return Err(Failure::bad("400 Bad request - token already revoked"));
    }
    let expires_at = if call.params.has("expires_at") {
        expiry(call)?
    } else {
        // A week, unless something else was asked for.
        let day: Date = today().parse().map_err(|_| Failure::bad("400 Bad request"))?;
        day.saturating_add(7.days()).to_string()
    };
    let world = &mut *call.world;
    let id = world.next_id("token");
    let secret = secret("glpat-");
    let next = Token {
        id,
        created_at: now(),
        expires_at: Some(expires_at),
        last_used_at: None,
        hash: hash(&secret),
        ..token.clone()
    };
    world.put_token(Token { revoked: true, ..token });
    let shown = with_secret(&next, &secret);
    world.put_token(next);
    Answer::ok(shown)
}

// ---- personal access tokens ----

fn list_personal(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let user = call.viewer()?.user;
    let admin = call.is_admin();
    if !admin && call.params.number("user_id").is_some_and(|wanted| wanted != user) {
        return Err(Failure::unauthorized());
    }
    let all = call.world.tokens.all().filter(|token| matches!(token.scope, Scope::User(_)));
    let tokens = filtered(call, all.filter(|token| admin || token.user_id == user).collect())?;
    call.page(&tokens, |token| show(token))
}

fn own(call: &Call<'_>) -> Result<Token, Failure> {
    let (scope, id) = call.viewer()?.token;
    call.world.tokens.get(scope, id).cloned().ok_or_else(Failure::unauthorized)
}

fn show_self(call: &mut Call<'_>) -> Result<Answer, Failure> {
    Answer::ok(show(&own(call)?))
}

fn revoke_self(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let token = own(call)?;
    end(call.world, token);
    Answer::gone()
}

fn rotate_self(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let token = own(call)?;
    if !token.scopes.iter().any(|scope| scope == "api" || scope == "self_rotate") {
        return Err(Failure::insufficient_scope("api self_rotate"));
    }
    rotated(call, token)
}

fn find_personal(call: &Call<'_>) -> Result<Token, Failure> {
    let viewer = call.viewer()?;
    let id = call.part_id("token_id")?;
    let found = call.world.tokens.all().find(|token| token.id == id && matches!(token.scope, Scope::User(_)));
    match found {
        Some(token) if viewer.admin || token.user_id == viewer.user => Ok(token.clone()),
        _ if viewer.admin => Err(Failure::no_record()),
        _ => Err(Failure::unauthorized()),
    }
}

fn show_personal(call: &mut Call<'_>) -> Result<Answer, Failure> {
    Answer::ok(show(&find_personal(call)?))
}

fn revoke_personal(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.writes()?;
    let token = find_personal(call)?;
    end(call.world, token);
    Answer::gone()
}

fn rotate_personal(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.writes()?;
    let token = find_personal(call)?;
    rotated(call, token)
}

fn create_personal(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.admin()?;
    call.writes()?;
    let user = users::find(call, call.part("user_id"))?;
    let name = call.params.required("name");
    let scopes = scopes(call, &[SCOPES, ADMIN_SCOPES]);
    let description = call.params.text("description");
    let expires_at = expiry(call)?;
    let world = &mut *call.world;
    let secret = secret("glpat-");
    let token = insert_personal(world, user, &name, scopes, Some(expires_at), &secret);
    let token = Token { description, ..token };
    let shown = with_secret(&token, &secret);
    world.put_token(token);
    Answer::created(shown)
}

/// Makes a personal access token of this secret.
pub(super) fn insert_personal(
    world: &mut World,
    user: u64,
    name: &str,
    scopes: Vec<String>,
    expires_at: Option<String>,
    secret: &str,
) -> Token {
    let id = world.next_id("token");
    let token = Token {
        id,
        user_id: user,
        scope: Scope::User(user),
        name: name.to_owned(),
        description: None,
        scopes,
        access_level: level::NONE,
        created_at: now(),
        expires_at,
        revoked: false,
        last_used_at: None,
        hash: hash(secret),
        family: id,
    };
    world.put_token(token.clone());
    token
}

/// The scopes of the sandbox's own token: all of them.
pub(super) fn all_scopes() -> Vec<String> {
    ["api", "sudo", "admin_mode", "read_user", "read_api", "write_repository"].map(str::to_owned).to_vec()
}

// ---- deploy tokens ----

fn show_deploy_token(token: &DeployToken) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "username": token.username,
        "expires_at": token.expires_at,
        "scopes": token.scopes,
        "revoked": token.revoked,
        "expired": deploy_expired(token),
    })
}

fn deploy_expired(token: &DeployToken) -> bool {
    token.expires_at.as_deref().is_some_and(|time| time.get(..19) <= now().get(..19))
}

fn deploy_scope(call: &Call<'_>, write: bool) -> Result<Scope, Failure> {
    let scope = call.scope()?;
    let needed = match (scope, write) {
        (Scope::Group(_), true) => level::OWNER,
        _ => level::MAINTAINER,
    };
    if write {
        call.needs(scope, needed)?
    } else {
        call.needs_to_read(scope, needed)?
    }
    Ok(scope)
}

fn find_deploy(call: &Call<'_>, scope: Scope) -> Result<DeployToken, Failure> {
    let id = call.part_id("token_id")?;
    let found = call.world.deploy_tokens.get(scope, id).filter(|token| !token.revoked);
    found.cloned().ok_or_else(|| Failure::not_found("DeployToken"))
}

fn list_all_deploy(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.admin()?;
    let active = call.params.flag("active").unwrap_or(false);
    call.params.check()?;
    let keep = |token: &&DeployToken| !active || (!token.revoked && !deploy_expired(token));
    let mut tokens: Vec<&DeployToken> = call.world.deploy_tokens.all().filter(keep).collect();
    tokens.sort_by_key(|token| token.id);
    call.page(&tokens, |token| show_deploy_token(token))
}

fn list_deploy(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = deploy_scope(call, false)?;
    let active = call.params.flag("active").unwrap_or(false);
    call.params.check()?;
    let keep = |token: &&DeployToken| !token.revoked && (!active || !deploy_expired(token));
    let tokens: Vec<&DeployToken> = call.world.deploy_tokens.of(scope).filter(keep).collect();
    call.page(&tokens, |token| show_deploy_token(token))
}

fn show_deploy(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = deploy_scope(call, false)?;
    Answer::ok(show_deploy_token(&find_deploy(call, scope)?))
}

fn create_deploy(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = deploy_scope(call, true)?;
    let name = call.params.required("name");
    let scopes = scopes(call, &[DEPLOY_SCOPES]);
    let username = call.params.text("username").filter(|name| !name.is_empty());
    let expires_at = call.params.text("expires_at").filter(|time| !time.is_empty());
    let time = expires_at.as_deref().map(full_time);
    if let Some(None) = time {
        call.params.wrong("expires_at is invalid");
    }
    call.params.check()?;
    let taken = |name: &String| {
        call.world.deploy_tokens.of(scope).any(|token| !token.revoked && token.username == *name)
    };
    if username.as_ref().is_some_and(taken) {
        return Err(Failure::invalid("username", super::rules::TAKEN));
    }
    let world = &mut *call.world;
    let id = world.next_id("deploy_token");
    let username = username.unwrap_or_else(|| format!("gitlab+deploy-token-{id}"));
    let token = DeployToken { id, scope, name, username, expires_at: time.flatten(), scopes, revoked: false };
    let mut shown = show_deploy_token(&token);
    shown["token"] = json!(secret("gldt-"));
    world.shelve(token);
    Answer::created(shown)
}

/// A date or time as a time with milliseconds.
fn full_time(text: &str) -> Option<String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(format!("{time:.3}"));
    }
    text.parse::<Date>().ok().map(|date| format!("{date}T00:00:00.000Z"))
}

fn remove_deploy(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = deploy_scope(call, true)?;
    let token = find_deploy(call, scope)?;
    call.world.take_off::<DeployToken>(scope, token.id);
    Answer::gone()
}
