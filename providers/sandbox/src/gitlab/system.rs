//! Version, metadata and readiness.
//!
//! <https://docs.gitlab.com/api/metadata/>, <https://docs.gitlab.com/administration/monitoring/health_check/>

use axum::Json;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
};

/// The version that the emulator answers as.
pub(super) const VERSION: &str = "18.5.1-ee";
const REVISION: &str = "5a0d9c1b7e3";

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/version", version),
    ("GET", "/metadata", metadata),
    ("GET", "/application/statistics", statistics),
    ("GET", "/license", license),
];

fn version(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.viewer()?;
    Answer::ok(json!({ "version": VERSION, "revision": REVISION }))
}

fn metadata(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.viewer()?;
    Answer::ok(json!({
        "version": VERSION,
        "revision": REVISION,
        "kas": { "enabled": false, "externalUrl": null, "externalK8sProxyUrl": null, "version": null },
        "enterprise": true,
    }))
}

fn statistics(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.admin()?;
    let world = &*call.world;
    Answer::ok(json!({
        "forks": "0", "issues": "0", "merge_requests": "0", "notes": "0", "snippets": "0", "ssh_keys": "0",
        "milestones": "0", "users": world.users.len().to_string(), "projects": world.projects.len().to_string(),
        "groups": world.groups.len().to_string(),
        "active_users": world.users.values().filter(|user| user.state == "active").count().to_string()
    }))
}

fn license(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.admin()?;
    let active = call.world.users.values().filter(|user| user.state == "active" && !user.bot).count();
    Answer::ok(json!({
        "id": 1, "plan": "premium", "created_at": "2026-01-01T00:00:00.000Z", "starts_at": "2026-01-01",
        "expires_at": null, "historical_max": active, "maximum_user_count": active, "expired": false, "overage": 0,
        "user_limit": 0, "active_users": active,
        "licensee": { "Name": "Pilotis sandbox", "Company": "", "Email": "" }, "add_ons": {}
    }))
}

pub(super) async fn readiness() -> Json<Value> {
    let checks = ["db_check", "cache_check", "queues_check", "shared_state_check", "gitaly_check"];
    let mut answer = json!({ "status": "ok", "master_check": [{ "status": "ok" }] });
    for check in checks {
        answer[check] = json!([{ "status": "ok" }]);
    }
    Json(answer)
}

pub(super) async fn liveness() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
