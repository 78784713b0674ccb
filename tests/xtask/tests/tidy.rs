//! The repository's rules, as tests: which crate may know which, and what no file may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each of our crates, and which others it may name. Arrows point down only (docs/design/architecture.md).
const ARROWS: &[(&str, &[&str])] = &[
    ("pilotis-diag", &[]),
    ("pilotis-trust", &[]),
    ("pilotis-value", &[]),
    ("pilotis-schema", &["value"]),
    ("pilotis-syntax", &["diag", "value"]),
    ("pilotis-lang", &["diag", "value", "syntax"]),
    ("pilotis-state", &["value", "schema"]),
    ("pilotis-state-process", &["state"]),
    ("pilotis-state-document", &["value", "schema", "state", "state-process"]),
    ("pilotis-state-sqlite", &["value", "schema", "state", "state-process"]),
    ("pilotis-state-http", &["trust", "state", "state-document"]),
    ("pilotis-state-postgres", &["value", "schema", "state", "state-process"]),
    ("pilotis-state-s3", &["trust", "state", "state-document"]),
    ("pilotis-state-encryption", &["state"]),
    ("pilotis-config", &["diag", "value", "schema", "syntax", "lang"]),
    ("pilotis-plan", &["diag", "value", "schema", "syntax", "lang", "config", "state"]),
    ("pilotis-report", &["diag", "value", "schema", "lang", "config", "plan", "state"]),
    ("pilotis-sdk-derive", &[]),
    ("pilotis-sdk", &["diag", "value", "schema", "sdk-derive"]),
    ("pilotis-rest", &["trust", "sdk"]),
    ("pilotis-gitlab", &["sdk", "rest"]),
    ("pilotis-kubernetes", &["trust", "sdk", "rest"]),
    ("pilotis-utility", &["sdk"]),
    ("pilotis-sandbox", &[]),
    ("pilotis-bad-input", &["diag", "value", "schema", "syntax", "lang", "config"]),
    ("pilotis-apply", &["diag", "value", "schema", "lang", "config", "plan", "state", "sdk"]),
];

/// Foreign vocabularies that have one door: the crate, and who alone may name it.
const DOORS: &[(&str, &[&str])] = &[
    ("hcl-edit", &["pilotis-syntax"]),
    ("petgraph", &["pilotis-plan"]),
    ("dashu-base", &["pilotis-value"]),
    ("dashu-int", &["pilotis-value"]),
    ("annotate-snippets", &["pilotis-diag"]),
    ("anyhow", &["pilotis", "xtask"]),
    ("indicatif", &["pilotis"]),
    ("rustyline", &["pilotis"]),
    ("clap", &["pilotis"]),
    ("reqwest", &["pilotis-rest", "pilotis-state-http"]),
    ("kube", &["pilotis-kubernetes"]),
    ("k8s-openapi", &["pilotis-kubernetes"]),
    ("axum", &["pilotis-sandbox"]),
    ("rusqlite", &["pilotis-state-sqlite", "pilotis-sandbox"]),
    ("tokio-postgres", &["pilotis-state-postgres"]),
    ("object_store", &["pilotis-state-s3"]),
    (
        "tokio",
        &[
            "pilotis",
            "pilotis-apply",
            "pilotis-state-http",
            "pilotis-state-postgres",
            "pilotis-state-s3",
            "pilotis-sdk",
            "pilotis-rest",
            "pilotis-gitlab",
            "pilotis-kubernetes",
            "pilotis-utility",
            "pilotis-sandbox",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace's folder")
}

/// Normal (not dev, not build) dependencies of each workspace member.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|p| {
            let name = p["name"].as_str().expect("name").to_owned();
            let deps = p["dependencies"].as_array().expect("dependencies").iter();
            let normal =
                deps.filter(|d| d["kind"].is_null()).map(|d| d["name"].as_str().expect("name").to_owned());
            (name, normal.collect())
        })
        .collect()
}

#[test]
fn arrows_point_down_only() {
    let mut wrong = Vec::new();
    for (name, deps) in dependencies() {
        let ours = deps.iter().filter(|d| d.starts_with("pilotis-"));
        if name == "pilotis" || name == "xtask" {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(n, _)| *n == name) else {
            wrong.push(format!("{name} has no line in ARROWS"));
            continue;
        };
        for dep in ours {
            if !allowed.contains(&dep.trim_start_matches("pilotis-")) {
                wrong.push(format!("{name} must not know {dep}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn foreign_vocabularies_have_one_door() {
    let mut wrong = Vec::new();
    for (name, deps) in dependencies() {
        for (foreign, doors) in DOORS {
            if deps.contains(*foreign) && !doors.contains(&name.as_str()) {
                wrong.push(format!("{name} must not name {foreign}: only {} may", doors.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_direct_dependency_says_why_it_is_there() {
    let page = std::fs::read_to_string(root().join("docs/design/dependencies.md"))
        .expect("docs/design/dependencies.md");
    let named: BTreeSet<&str> =
        page.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect();
    let used: BTreeSet<String> =
        dependencies().into_values().flatten().filter(|d| !d.starts_with("pilotis")).collect();
    let missing: Vec<&String> = used.iter().filter(|d| !named.contains(d.as_str())).collect();
    assert!(missing.is_empty(), "docs/design/dependencies.md has no line for {missing:?}");
}

/// Source files that Git knows or would know.
fn files(extension: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a readable folder").flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "corpus" {
                    walk(&path, extension, found);
                }
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), extension, &mut found);
    found.sort();
    found
}

#[test]
fn every_file_says_what_it_holds() {
    let wrong: Vec<String> = files("rs")
        .iter()
        .filter(|p| !std::fs::read_to_string(p).expect("a readable file").trim_start().starts_with("//!"))
        .map(|p| p.display().to_string())
        .collect();
    assert!(wrong.is_empty(), "these files don't begin with //!:\n{}", wrong.join("\n"));
}

#[test]
fn no_file_grows_past_its_subject() {
    const MOST: usize = 1200;
    let wrong: Vec<String> = files("rs")
        .iter()
        .map(|p| (p, std::fs::read_to_string(p).expect("a readable file").lines().count()))
        .filter(|(_, n)| *n > MOST)
        .map(|(p, n)| format!("{} has {n} lines; split it by subject", p.display()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_unfinished_is_left() {
    let words = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("#[ig", "nore"),
    ];
    let mut wrong = Vec::new();
    for path in files("rs") {
        let text = std::fs::read_to_string(&path).expect("a readable file");
        for (n, line) in text.lines().enumerate() {
            if words.iter().any(|w| line.contains(w)) {
                wrong.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut wrong = Vec::new();
    for page in files("md") {
        let text = std::fs::read_to_string(&page).expect("a readable file");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or("");
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            if !page.parent().expect("a folder").join(path).exists() {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
