//! Services that are down, refuse, stumble or lose answers: what is said, what is kept, and how the next run goes on.
//!
//! The rule of all of them: nothing that was done is forgotten, nothing is made twice, and what could not be seen is
//! never taken for gone.

use std::sync::OnceLock;

use serde_json::json;

use crate::harness::{Folder, Ran, Sandbox};

/// The quickstart, with few retries: what goes wrong for good is told at once.
fn quickstart() -> (Folder, Sandbox) {
    let folder = Folder::example("quickstart");
    folder.edit("main.hcl", "provider \"gitlab\" {\n", "provider \"gitlab\" {\n  retries = 1\n");
    let sandbox = folder.sandbox();
    (folder, sandbox)
}

/// What an apply without any trouble comes to.
pub(crate) fn everything() -> &'static [String] {
    static EVERYTHING: OnceLock<Vec<String>> = OnceLock::new();
    EVERYTHING.get_or_init(|| {
        let (folder, sandbox) = quickstart();
        folder.run("apply -auto-approve").exits(0);
        sandbox.inventory()
    })
}

/// The next run finishes the job: no twin, no orphan, and nothing left to do after it.
fn finishes(folder: &Folder, sandbox: &Sandbox) -> Ran {
    sandbox.heal();
    let ran = folder.run("apply -auto-approve").exits(0);
    assert_eq!(sandbox.inventory(), everything(), "after\n{ran}");
    folder.run("plan -detailed-exitcode").exits(0);
    ran
}

#[test]
fn a_refused_creation_stops_only_what_needs_it() {
    let (folder, sandbox) = quickstart();
    let fault = json!({"kind": "forbidden", "methods": ["POST"], "path": "^/api/v4/projects$", "next": 1});
    sandbox.gitlab.fault(fault);
    let ran = folder.run("apply -auto-approve").exits(6);
    let ran = ran.says(&[
        "GitLab doesn't allow it",
        "POST http://127.0.0.1:",
        "/api/v4/projects answered 403",
        "credential: the sandbox",
        "lacks a right or a scope",
        "Apply incomplete!",
        "1 failed",
        "not attempted",
        "What was done is recorded. Run apply again to go on from there.",
    ]);
    ran.never_says(&["module.project"]);
    let kept = folder.state();
    assert!(kept.len() > 30 && kept.len() < 56, "{} objects are recorded", kept.len());
    assert_eq!(sandbox.namespaces().len(), 3, "the other service is not touched by it");
    finishes(&folder, &sandbox);
}

#[test]
fn an_answer_lost_after_the_effect_leaves_no_twin() {
    for (service, path) in [
        ("gitlab", "^/api/v4/groups$"),
        ("gitlab", "^/api/v4/projects$"),
        ("gitlab", "/triggers$"),
        ("gitlab", "/variables$"),
        ("gitlab", "/members$"),
        ("kubernetes", "/namespaces"),
        ("kubernetes", "/resourcequotas"),
        ("kubernetes", "/rolebindings"),
    ] {
        let (folder, sandbox) = quickstart();
        let client = if service == "gitlab" { &sandbox.gitlab } else { &sandbox.kubernetes };
        let fault =
            json!({"kind": "drop_after", "methods": ["POST", "PATCH", "PUT"], "path": path, "next": 1});
        client.fault(fault);
        let ran = folder.run("apply -auto-approve");
        // Either it was found out at once what became of it, or it is said that it isn't known.
        if ran.code != Some(0) {
            ran.clone().exits(6).says(&["1 unknown", "the next run finds out what became of it"]);
        }
        finishes(&folder, &sandbox);
    }
}

#[test]
fn a_line_dropped_before_the_effect_loses_nothing() {
    let (folder, sandbox) = quickstart();
    let fault = json!({"kind": "drop_before", "methods": ["POST"], "path": "^/api/v4/projects$", "next": 2});
    sandbox.gitlab.fault(fault);
    folder.run("apply -auto-approve").exits(6).says(&["broke the connection off", "unknown"]);
    finishes(&folder, &sandbox);
}

#[test]
fn a_lost_answer_to_a_deletion_or_a_change() {
    let (folder, sandbox) = quickstart();
    folder.run("apply -auto-approve").exits(0);
    folder.edit("main.hcl", "\"Cartographie des interventions\"", "\"Cartographie\"");
    folder.edit("main.hcl", "    variables = { NODE_ENV = \"production\" }\n", "");
    sandbox.gitlab.fault(json!({"kind": "drop_after", "methods": ["PUT", "DELETE"], "next": 4}));
    let ran = folder.run("apply -auto-approve");
    assert!(matches!(ran.code, Some(0 | 6)), "{ran}");
    sandbox.heal();
    folder.run("apply -auto-approve").exits(0);
    folder.run("plan -detailed-exitcode").exits(0);
    assert_eq!(sandbox.gitlab.get("/api/v4/groups/forge%2Fcarto")["description"], "Cartographie");
    let mut wanted: Vec<_> = everything().to_vec();
    wanted.retain(|object| object != "forge/titresejour/web variable NODE_ENV");
    assert_eq!(sandbox.inventory(), wanted);
}

#[test]
fn a_service_that_fails_at_every_third_call_is_worn_down() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    for client in [&sandbox.gitlab, &sandbox.kubernetes] {
        client.fault(
            json!({"kind": "server_error", "status": 503, "share": 0.15, "seed": 1, "methods": ["GET"]}),
        );
        client.fault(json!({"kind": "too_many_requests", "retry_after": 0, "share": 0.2, "seed": 2}));
    }
    let ran = folder.run("apply -auto-approve");
    assert!(matches!(ran.code, Some(0 | 6)), "{ran}");
    finishes(&folder, &sandbox);
}

#[test]
fn a_service_that_is_down_before_anything_is_known() {
    let (folder, sandbox) = quickstart();
    for (fault, says) in [
        (
            json!({"kind": "server_error", "status": 502}),
            &["GitLab failed (status 502)", "Look at the service's health; then run again."] as &[_],
        ),
        (json!({"kind": "html"}), &["an answer that makes no sense", "web page", "a proxy or sign-in page"]),
        (json!({"kind": "forbidden"}), &["GitLab doesn't allow it", "lacks a right or a scope"]),
        (json!({"kind": "drop_before"}), &["broke the connection off before it answered"]),
        (json!({"kind": "truncated"}), &["an answer that makes no sense", "the JSON ends too early"]),
        (
            json!({"kind": "too_many_requests", "retry_after": 600}),
            &["GitLab asks to slow down", "Lower -parallelism"],
        ),
    ] {
        sandbox.gitlab.fault(fault);
        let ran = folder.run("apply -auto-approve").exits(1).says(says);
        ran.says(&["GET http://127.0.0.1:", "credential: the sandbox", "main.hcl"][..2])
            .says(&["There is no plan because of this; nothing was changed."])
            .never_says(&["will be created", "Apply complete"]);
        sandbox.heal();
    }
    assert_eq!(sandbox.calls().1, 0);
    assert_eq!(sandbox.groups(), ["forge"]);
    assert!(folder.state().is_empty());
}

#[test]
fn what_cannot_be_looked_at_is_never_taken_for_gone() {
    let (folder, sandbox) = quickstart();
    folder.run("apply -auto-approve").exits(0);
    sandbox.reset_calls();
    for (service, fault, says) in [
        (
            "kubernetes",
            json!({"kind": "forbidden", "path": "resourcequotas"}),
            "3 objects could not be looked at",
        ),
        ("kubernetes", json!({"kind": "forbidden"}), "21 objects could not be looked at"),
        ("gitlab", json!({"kind": "forbidden", "path": "graphql|/variables"}), "could not be looked at"),
        ("gitlab", json!({"kind": "html", "path": "graphql|/protected_branches"}), "could not be looked at"),
        (
            "gitlab",
            json!({"kind": "server_error", "status": 500, "path": "graphql|/projects/.*/triggers"}),
            "2 objects could not be looked at",
        ),
    ] {
        let client = if service == "gitlab" { &sandbox.gitlab } else { &sandbox.kubernetes };
        client.fault(fault.clone());
        let plan = folder.run("plan -detailed-exitcode");
        assert_eq!(plan.code, Some(4), "{fault}\n{plan}");
        let plan = plan.says(&["Incomplete:", says, "credential: the sandbox"]);
        plan.never_says(&["will be created", "will be destroyed", "module.project", "\\n"]);
        folder.run("drift").exits(4).says(&[says]).never_says(&["is gone", "\\n"]);
        folder.run("apply -auto-approve").exits(4).says(&["0 added, 0 changed, 0 destroyed"]);
        sandbox.heal();
    }
    assert_eq!(sandbox.calls().1, 0);
    assert_eq!(sandbox.inventory(), everything());
    folder.run("plan -detailed-exitcode").exits(0);
}

/// A service with an address and a token of its own, not the sandbox's short cut.
fn with_token(url: &str, token: &str) -> String {
    format!(
        "provider \"gitlab\" {{
  base_url = \"{url}/api/v4\"
  {token}
  retries  = 1
}}
resource \"gitlab_group\" \"a\" {{
  name = \"a\"
  path = \"a\"
}}"
    )
}

#[test]
fn a_token_that_is_wrong_or_missing() {
    let folder = Folder::empty();
    let sandbox = folder.sandbox();
    let url = sandbox.gitlab.url();
    folder.write("main.hcl", &with_token(url, "token    = \"glpat-wrong-0123456789\""));
    let ran = folder.run("apply -auto-approve").says(&[
        "401",
        "credential: provider \"gitlab\"",
        "expired, revoked",
    ]);
    assert!(matches!(ran.code, Some(1 | 6)), "{ran}");
    ran.never_says(&["glpat-wrong"]);

    folder.write("main.hcl", &with_token(url, ""));
    folder.run("apply -auto-approve").exits(1).says(&["GITLAB_TOKEN"]);

    let right = [("GITLAB_TOKEN", sandbox.gitlab.token())];
    folder.run_with(&["apply", "-auto-approve"], &right).exits(0).never_says(&[sandbox.gitlab.token()]);
    assert_eq!(sandbox.groups(), ["a", "forge"]);

    // The token lost its validity since: nothing is taken for gone.
    let wrong = [("GITLAB_TOKEN", "glpat-expired-0123456789")];
    let ran = folder.run_with(&["plan", "-detailed-exitcode"], &wrong);
    assert!(matches!(ran.code, Some(1 | 4)), "{ran}");
    ran.says(&["401", "GITLAB_TOKEN"]).never_says(&["will be created", "is gone", "glpat-expired"]);
}

#[test]
fn a_service_that_nobody_runs() {
    let folder = Folder::with(&with_token("http://127.0.0.1:9", "token = \"glpat-0123456789\""));
    let ran = folder.run("apply -auto-approve");
    assert!(matches!(ran.code, Some(1 | 6)), "{ran}");
    ran.says(&["http://127.0.0.1:9"]).never_says(&["glpat-0123456789"]);
}

#[test]
fn a_kubernetes_that_nobody_runs() {
    let folder = Folder::with(
        "provider \"kubernetes\" {
  host     = \"https://127.0.0.1:9\"
  token    = \"sha256~geheim\"
  insecure = true
}
resource \"kubernetes_namespace\" \"a\" {
  metadata {
    name = \"a\"
  }
}",
    );
    let ran = folder.run("apply -auto-approve");
    assert!(matches!(ran.code, Some(1 | 6)), "{ran}");
    ran.says(&["https://127.0.0.1:9"]).never_says(&["sha256~geheim"]);
}
