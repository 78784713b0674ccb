//! A plan of a project, with something of everything.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses a part")]

use pilotis_diag::Diagnostics;
use pilotis_plan::{
    Applied, Drift, ObjectOutcome, ObjectResult, OutputChange, Plan, PlanAction, Reason, ResourceChange,
    Unseen,
};
use pilotis_schema::address::{Instance, Key, Mode, ModulePath, ModuleStep, Resource};
use pilotis_state::{ResourceKey, RunStatus};
use pilotis_value::{Marks, Path, Step, Type, Value};

/// `module.project["carto"].module.environment["dev"]` out of `[("project", Some("carto")), …]`.
pub(crate) fn module(steps: &[(&str, Option<&str>)]) -> ModulePath {
    let step = |(name, key): &(&str, Option<&str>)| ModuleStep {
        name: (*name).to_owned(),
        key: key.map(|k| Key::String(k.to_owned())),
    };
    ModulePath(steps.iter().map(step).collect())
}

pub(crate) fn instance(module: ModulePath, type_name: &str, name: &str, key: Option<Key>) -> Instance {
    let resource = Resource { module, mode: Mode::Managed, type_name: type_name.into(), name: name.into() };
    Instance { resource, key }
}

/// As a person reads it: `project.carto.gitlab_group.this`.
pub(crate) fn display(address: &Instance) -> String {
    let mut out = String::new();
    for step in &address.resource.module.0 {
        match &step.key {
            Some(Key::String(key)) => out += &format!("{}.{key}.", step.name),
            _ => out += &format!("module.{}.", step.name),
        }
    }
    out += &format!("{}.{}", address.resource.type_name, address.resource.name);
    if let Some(key) = &address.key {
        out += &key.to_string();
    }
    out
}

pub(crate) fn s(text: &str) -> Value {
    Value::string(text)
}

pub(crate) fn strings(texts: &[&str]) -> Value {
    Value::set(Type::String, texts.iter().map(Value::string).collect())
}

pub(crate) fn unknown() -> Value {
    Value::unknown(Type::String)
}

pub(crate) fn secret(text: &str) -> Value {
    s(text).with_marks(Marks::SENSITIVE)
}

pub(crate) fn null() -> Value {
    Value::null(Type::Dynamic)
}

pub(crate) fn object(entries: &[(&str, Value)]) -> Value {
    Value::object_of(entries.iter().map(|(k, v)| (*k, v.clone())))
}

pub(crate) fn path(names: &[&str]) -> Path {
    Path(names.iter().map(|n| Step::Attribute((*n).into())).collect())
}

pub(crate) fn change(address: Instance, action: PlanAction, before: Value, after: Value) -> ResourceChange {
    ResourceChange {
        display: display(&address).into(),
        address,
        deposed: None,
        moved_from: None,
        provider: r#"provider["registry.terraform.io/gitlabhq/gitlab"]"#.into(),
        action,
        reason: None,
        before,
        after,
        replace_paths: Vec::new(),
        importing: None,
    }
}

pub(crate) fn carto() -> ModulePath {
    module(&[("project", Some("carto"))])
}

/// Something of everything.
pub(crate) fn plan() -> Plan {
    let dev = module(&[("project", Some("carto")), ("environment", Some("dev"))]);
    let group = change(
        instance(carto(), "gitlab_group", "this", None),
        PlanAction::Create,
        null(),
        object(&[
            ("id", unknown()),
            ("name", s("Cartographie")),
            ("path", s("carto")),
            ("description", null()),
            ("runners_token", secret("glrt-hunter2")),
            ("tags", strings(&["b", "a"])),
        ]),
    );
    let mut api = change(
        instance(carto(), "gitlab_project", "repo", Some(Key::String("api".into()))),
        PlanAction::DeleteThenCreate,
        object(&[
            ("id", s("12")),
            ("name", s("api")),
            ("namespace_id", Value::number(7)),
            ("visibility", s("private")),
        ]),
        object(&[
            ("id", unknown()),
            ("name", s("api")),
            ("namespace_id", unknown()),
            ("visibility", s("private")),
        ]),
    );
    api.reason = Some(Reason::CannotUpdate);
    api.replace_paths = vec![path(&["namespace_id"])];
    let quota = change(
        instance(dev.clone(), "kubernetes_resource_quota", "this", None),
        PlanAction::Update,
        object(&[
            ("id", s("carto-dev/quota")),
            ("hard", object(&[("cpu", s("2")), ("memory", s("4Gi"))])),
            ("scopes", null()),
        ]),
        object(&[
            ("id", s("carto-dev/quota")),
            ("hard", object(&[("cpu", s("4")), ("memory", s("4Gi"))])),
            ("scopes", null()),
        ]),
    );
    let mut old = change(
        instance(carto(), "gitlab_project_member", "m", Some(Key::String("paul".into()))),
        PlanAction::Delete,
        object(&[("id", s("12:9")), ("access_level", s("developer")), ("expires_at", null())]),
        null(),
    );
    old.reason = Some(Reason::EachKey);
    let mut moved = change(
        instance(carto(), "gitlab_branch_protection", "main", None),
        PlanAction::NoOp,
        object(&[("id", s("12:main"))]),
        object(&[("id", s("12:main"))]),
    );
    moved.moved_from = Some(instance(carto(), "gitlab_branch_protection", "default", None).into());
    let mut imported = change(
        instance(ModulePath::default(), "gitlab_group", "root", None),
        PlanAction::Update,
        object(&[("id", s("1")), ("name", s("cloud pi"))]),
        object(&[("id", s("1")), ("name", s("Cloud π"))]),
    );
    imported.importing = Some("1".into());
    let same = change(
        instance(dev, "kubernetes_namespace", "this", None),
        PlanAction::NoOp,
        object(&[("id", s("carto-dev"))]),
        object(&[("id", s("carto-dev"))]),
    );
    Plan {
        changes: vec![imported, moved, group, api, old, same, quota],
        outputs: vec![
            OutputChange { name: "url".into(), before: None, after: Some(unknown()), sensitive: false },
            OutputChange {
                name: "token".into(),
                before: Some(s("hunter1")),
                after: Some(s("hunter2")),
                sensitive: true,
            },
            OutputChange { name: "same".into(), before: Some(s("x")), after: Some(s("x")), sensitive: false },
        ],
        digest: "4f2a9c".into(),
        ..Plan::default()
    }
}

/// A changed and a missing object, and one that could not be read.
pub(crate) fn drifted() -> Plan {
    let group = instance(carto(), "gitlab_group", "this", None);
    let before = object(&[
        ("id", s("7")),
        ("visibility", s("private")),
        ("labels", Value::map(Type::String, [("team".into(), s("carto")), ("tier".into(), s("1"))].into())),
        ("token", secret("hunter1")),
        ("description", null()),
    ]);
    let after = object(&[
        ("id", s("7")),
        ("visibility", s("public")),
        ("labels", Value::map(Type::String, [("team".into(), s("autre"))].into())),
        ("token", s("hunter2")),
        (
            "description",
            s("edited by hand, at length, by somebody who should have known better than that, really\n"),
        ),
    ]);
    let hook = instance(carto(), "gitlab_project_hook", "ci", None);
    Plan {
        drift: vec![
            Drift { display: display(&group), address: group, before, after },
            Drift {
                display: display(&hook),
                address: hook,
                before: object(&[("id", s("3"))]),
                after: null(),
            },
        ],
        unseen: vec![unseen("vault_mount.kv", "403 Forbidden: the token may not read sys/mounts")],
        ..Plan::default()
    }
}

pub(crate) fn unseen(address: &str, why: &str) -> Unseen {
    Unseen { key: ResourceKey::current(address), display: address.to_owned(), why: why.to_owned() }
}

pub(crate) fn outcome(display: &str, action: PlanAction, result: ObjectResult) -> ObjectOutcome {
    ObjectOutcome { address: display.into(), display: display.into(), deposed: None, action, result }
}

pub(crate) fn applied(objects: Vec<ObjectOutcome>, status: RunStatus) -> Applied {
    Applied { objects, diagnostics: Diagnostics::new(), status, state_broken: None }
}

pub(crate) fn nothing_lost(_type_name: &str) -> Option<String> {
    None
}

/// What the tests say is lost.
pub(crate) fn lost(type_name: &str) -> Option<String> {
    (type_name == "gitlab_project").then(|| "its issues, merge requests and pipelines".to_owned())
}
