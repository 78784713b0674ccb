//! The `checks` of a document of a plan or a state: what came of conditions, by block and by instance.

use pilotis_plan::{CheckStatus, CheckedBlock, CheckedInstance, CheckedKind};
use pilotis_schema::address::Instance;
use serde_json::{Map, Value as Json, json as object};

use super::modules::{index, mode};

/// All, by address.
pub(crate) fn checks(checks: &[CheckedBlock]) -> Json {
    let mut blocks: Vec<&CheckedBlock> = checks.iter().collect();
    blocks.sort_by_key(|b| &b.address);
    blocks.into_iter().map(block).collect()
}

fn block(block: &CheckedBlock) -> Json {
    let mut out = Map::new();
    out.insert("address".into(), block_address(block));
    out.insert("status".into(), status(block.status).into());
    if !block.instances.is_empty() {
        let instances = block.instances.iter().map(|i| instance(block.kind, i));
        out.insert("instances".into(), instances.collect());
    }
    Json::Object(out)
}

fn block_address(block: &CheckedBlock) -> Json {
    let mut out = Map::new();
    out.insert("kind".into(), kind(block.kind).into());
    let address = block.address.parse::<Instance>().ok().filter(|_| block.kind == CheckedKind::Resource);
    if let Some(address) = address {
        let resource = address.resource;
        out.insert("mode".into(), mode(resource.mode).into());
        if !resource.module.0.is_empty() {
            out.insert("module".into(), resource.module.to_string().into());
        }
        out.insert("name".into(), resource.name.into());
        out.insert("to_display".into(), block.address.as_str().into());
        out.insert("type".into(), resource.type_name.into());
        return Json::Object(out);
    }
    let (module, name) = split(&block.address);
    if !module.is_empty() {
        out.insert("module".into(), module.into());
    }
    out.insert("name".into(), name.into());
    out.insert("to_display".into(), block.address.as_str().into());
    Json::Object(out)
}

fn instance(kind: CheckedKind, checked: &CheckedInstance) -> Json {
    let mut address = Map::new();
    match checked.address.parse::<Instance>() {
        Ok(found) if kind == CheckedKind::Resource => {
            if let Some(key) = &found.key {
                address.insert("instance_key".into(), index(key));
            }
            if !found.resource.module.0.is_empty() {
                address.insert("module".into(), found.resource.module.to_string().into());
            }
        }
        _ => {
            let (module, _) = split(&checked.address);
            if !module.is_empty() {
                address.insert("module".into(), module.into());
            }
        }
    }
    address.insert("to_display".into(), checked.address.as_str().into());
    let mut out = object!({ "address": address, "status": status(checked.status) });
    if let (Json::Object(members), false) = (&mut out, checked.problems.is_empty()) {
        let problems = checked.problems.iter().map(|message| object!({ "message": message }));
        members.insert("problems".into(), problems.collect());
    }
    out
}

/// `module.m["a.b"]` and `limits` of `module.m["a.b"].check.limits`: names have no dot, keys may.
fn split(address: &str) -> (&str, &str) {
    let (rest, name) = address.rsplit_once('.').unwrap_or(("", address));
    let module = rest.rsplit_once('.').map_or("", |(module, _)| module);
    (module, name)
}

fn status(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Pass => "pass",
        CheckStatus::Unknown => "unknown",
        CheckStatus::Fail => "fail",
        CheckStatus::Error => "error",
    }
}

fn kind(kind: CheckedKind) -> &'static str {
    match kind {
        CheckedKind::Resource => "resource",
        CheckedKind::Output => "output_value",
        CheckedKind::Check => "check",
        CheckedKind::Variable => "var",
    }
}
