//! Trigger tokens, and just enough of pipelines that one can be started and looked at.
//!
//! <https://docs.gitlab.com/api/pipeline_triggers/>. No job ever runs here: a new pipeline stays `pending`.

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    model::{Scope, Thing, Trigger, level},
    projects,
    things::{find_thing, put_thing, things_of},
    tokens::secret,
    users,
    world::now,
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/projects/{id}/triggers", list),
    ("POST", "/projects/{id}/triggers", create),
    ("GET", "/projects/{id}/triggers/{trigger_id}", show_one),
    ("PUT", "/projects/{id}/triggers/{trigger_id}", update),
    ("DELETE", "/projects/{id}/triggers/{trigger_id}", remove),
    ("POST", "/projects/{id}/trigger/pipeline", trigger_pipeline),
    ("POST", "/projects/{id}/pipeline", create_pipeline),
    ("GET", "/projects/{id}/pipelines", list_pipelines),
    ("GET", "/projects/{id}/pipelines/{pipeline_id}", show_pipeline),
    ("DELETE", "/projects/{id}/pipelines/{pipeline_id}", remove_pipeline),
];

fn show(call: &Call<'_>, trigger: &Trigger) -> Value {
    // Whole for its owner, the first four characters for all others.
    let whole = call.viewer.as_ref().is_some_and(|viewer| viewer.user == trigger.owner_id);
    let token = if whole { &trigger.token } else { trigger.token.get(..4).unwrap_or_default() };
    json!({
        "id": trigger.id,
        "token": token,
        "description": trigger.description,
        "created_at": trigger.created_at,
        "updated_at": trigger.updated_at,
        "last_used": trigger.last_used,
        "expires_at": trigger.expires_at,
        "owner": call.world.users.get(&trigger.owner_id).map(|user| users::basic(call.world, user)),
    })
}

fn scope(call: &Call<'_>, write: bool) -> Result<Scope, Failure> {
    let scope = Scope::Project(call.project()?);
    if write {
        call.needs(scope, level::MAINTAINER)?
    } else {
        call.needs_to_read(scope, level::MAINTAINER)?
    }
    Ok(scope)
}

fn find(call: &Call<'_>, scope: Scope) -> Result<Trigger, Failure> {
    let id = call.part_id("trigger_id")?;
    call.world.triggers.get(scope, id).cloned().ok_or_else(|| Failure::not_found("Trigger"))
}

fn list(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, false)?;
    let triggers: Vec<&Trigger> = call.world.triggers.of(scope).collect();
    call.page(&triggers, |trigger| show(call, trigger))
}

fn show_one(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, false)?;
    Answer::ok(show(call, &find(call, scope)?))
}

fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let description = call.params.required("description");
    let expires_at = call.params.text("expires_at").filter(|time| !time.is_empty());
    call.params.check()?;
    let owner_id = call.viewer()?.user;
    let id = call.world.next_id("trigger");
    let trigger = Trigger {
        id,
        scope,
        token: secret("glptt-"),
        description,
        owner_id,
        created_at: now(),
        updated_at: now(),
        last_used: None,
        expires_at,
    };
    let shown = show(call, &trigger);
    call.world.put_trigger(trigger);
    Answer::created(shown)
}

fn update(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let mut trigger = find(call, scope)?;
    trigger.description = call.params.text("description").unwrap_or(trigger.description);
    call.params.check()?;
    trigger.updated_at = now();
    let shown = show(call, &trigger);
    call.world.put_trigger(trigger);
    Answer::ok(shown)
}

fn remove(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let trigger = find(call, scope)?;
    call.world.take_off::<Trigger>(scope, trigger.id);
    Answer::gone()
}

// ---- pipelines ----

/// A pipeline of this branch; its variables are kept, their values too: they are only shown by no answer.
fn start(
    call: &mut Call<'_>,
    project: u64,
    reference: &str,
    source: &str,
    user: u64,
) -> Result<Value, Failure> {
    let head =
        call.world.repositories.get(&project).and_then(|found| found.refs.branches.get(reference)).cloned();
    let Some(sha) = head else {
        return Err(Failure::invalid("base", "Reference not found"));
    };
    let variables = call.params.raw("variables").cloned().unwrap_or(json!([]));
    let id = call.world.next_id("thing");
    let scope = Scope::Project(project);
    let iid = things_of(call.world, scope, "pipeline").count() + 1;
    let found = &call.world.projects[&project];
    let web_url = format!("{}/-/pipelines/{id}", projects::web_url(call.world, found));
    let user = call.world.users.get(&user).map(|user| users::basic(call.world, user));
    let body = json!({
        "id": id, "iid": iid, "project_id": project, "sha": sha, "ref": reference, "status": "pending", "source": source,
        "created_at": now(), "updated_at": now(), "web_url": web_url,
        "before_sha": "0000000000000000000000000000000000000000", "tag": false, "yaml_errors": null, "user": user,
        "started_at": null, "finished_at": null, "committed_at": null, "duration": null, "queued_duration": null,
        "coverage": null,
        "detailed_status": {
            "icon": "status_pending", "text": "Pending", "label": "pending", "group": "pending", "tooltip": "pending",
            "has_details": true, "details_path": web_url, "illustration": null
        }
    });
    let mut kept: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
    kept.insert("variables".to_owned(), variables);
    put_thing(call.world, Thing { id, scope, sort: "pipeline".to_owned(), body: kept });
    Ok(body)
}

fn create_pipeline(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let project = call.project()?;
    call.needs(Scope::Project(project), level::DEVELOPER)?;
    let reference = call.params.required("ref");
    call.params.check()?;
    let user = call.viewer()?.user;
    let shown = start(call, project, &reference, "api", user)?;
    Answer::created(shown)
}

/// Needs a trigger token and nothing else.
fn trigger_pipeline(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let (reference, token) = (call.params.required("ref"), call.params.required("token"));
    call.params.check()?;
    let trigger = call.world.trigger_for(&token).cloned().ok_or_else(|| Failure::not_found("Project"))?;
    let Scope::Project(project) = trigger.scope else { return Err(Failure::not_found("Project")) };
    let named = call.part("id");
    let full_path = call.world.project_full_path(&call.world.projects[&project]);
    if named != project.to_string() && !named.eq_ignore_ascii_case(&full_path) {
        return Err(Failure::not_found("Project"));
    }
    let reference = reference.trim_start_matches("refs/heads/").to_owned();
    let shown = start(call, project, &reference, "trigger", trigger.owner_id)?;
    call.world.put_trigger(Trigger { last_used: Some(now()), ..trigger });
    Answer::created(shown)
}

fn shown(thing: &Thing) -> Value {
    let mut body = thing.body.clone();
    body.remove("variables");
    Value::Object(body)
}

fn list_pipelines(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = Scope::Project(call.project()?);
    let reference = call.params.text("ref");
    let keep = |thing: &&Thing| {
        reference.as_ref().is_none_or(|wanted| thing.body.get("ref") == Some(&json!(wanted)))
    };
    let mut pipelines: Vec<&Thing> = things_of(call.world, scope, "pipeline").filter(keep).collect();
    pipelines.reverse();
    call.page(&pipelines, |thing| shown(thing))
}

fn show_pipeline(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = Scope::Project(call.project()?);
    let thing = find_thing(call, scope, "pipeline", "pipeline_id").map_err(|_| Failure::no_record())?;
    Answer::ok(shown(&thing))
}

fn remove_pipeline(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = Scope::Project(call.project()?);
    call.needs(scope, level::OWNER)?;
    let thing = find_thing(call, scope, "pipeline", "pipeline_id").map_err(|_| Failure::no_record())?;
    call.world.take_off::<Thing>(scope, thing.id);
    Answer::gone()
}
