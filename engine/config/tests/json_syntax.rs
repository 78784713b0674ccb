//! Files in JSON syntax are read as native ones are: the same declarations, the same mistakes, at their own places.

mod support;

use pilotis_config::{Configuration, IgnoreChanges, Repetition, VariableSource, root_variables};
use pilotis_diag::Diagnostics;
use pilotis_value::{Type, Value};
use support::{Memory, load_memory, rendered, surroundings};

/// A module of one file in JSON syntax, and others.
fn memory(text: &str, others: &[(&str, &str)]) -> Memory {
    let empty = Memory(std::collections::BTreeMap::from([(".".to_owned(), Vec::new())]));
    others.iter().fold(empty.file("main.tf.json", text), |memory, (name, text)| memory.file(name, text))
}

fn loaded(text: &str, others: &[(&str, &str)]) -> Configuration {
    let (configuration, diags) = load_memory(&memory(text, others));
    assert!(diags.is_empty(), "{}", rendered(&configuration, &diags));
    configuration
}

/// `line:column summary` of each mistake, in the order of the text.
fn mistakes(text: &str) -> Vec<String> {
    let (configuration, diags) = load_memory(&memory(text, &[]));
    let line = |d: &pilotis_diag::Diagnostic| {
        let span = d.primary.as_ref().expect("a place").span;
        let (line, column) = configuration.sources.file(span.file).line_column(span.start);
        format!("{line}:{column} {}", d.summary)
    };
    diags.iter().map(line).collect()
}

#[test]
fn declarations_of_all_kinds() {
    let configuration = loaded(
        r#"{
          "//": "made by a program",
          "terraform": { "required_version": ">= 1.0", "required_providers": { "gitlab": { "source": "gitlabhq/gitlab" } } },
          "provider": { "gitlab": [{}, { "alias": "other" }] },
          "variable": { "n": { "type": "map(list(number))", "default": { "a": [1] }, "description": "${kept}",
            "validation": { "condition": "${length(var.n) > 0}", "error_message": "none" } } },
          "locals": [{ "a": "x-${var.n[\"a\"][0]}" }, { "b": { "//": "kept", "k": "${local.a}" } }],
          "resource": { "gitlab_group": {
            "g": { "name": "${local.a}", "path": "g", "provider": "gitlab.other", "count": 2,
                   "lifecycle": { "ignore_changes": ["description"], "prevent_destroy": true } },
            "h": { "name": "h", "path": "h", "for_each": { "k": 1 }, "depends_on": ["gitlab_group.g"],
                   "push_rules": { "prevent_secrets": true }, "lifecycle": [{ "ignore_changes": "all" }] } } },
          "moved": [{ "from": "gitlab_group.old", "to": "gitlab_group.g[0]" }],
          "removed": { "from": "gitlab_group.gone", "lifecycle": { "destroy": false } },
          "import": { "to": "gitlab_group.g[1]", "id": "${\"4\"}2" },
          "check": { "c": { "assert": { "condition": "${local.a != \"\"}", "error_message": "empty" } } },
          "output": { "o": { "value": "${gitlab_group.g[*].id}", "sensitive": true, "depends_on": ["gitlab_group.h"] } }
        }"#,
        &[],
    );
    let module = &configuration.modules[0];
    assert_eq!(module.variables[0].description, "${kept}", "what is read before evaluation is no template");
    assert_eq!(module.variables[0].constraint.ty, Type::map(Type::list(Type::Number)));
    assert_eq!(module.locals.len(), 2);
    let [g, h] = module.resources.as_slice() else { panic!("two resources") };
    assert_eq!(g.provider.alias.as_deref(), Some("other"));
    assert!(matches!(g.repetition, Repetition::Count(_)));
    assert!(g.lifecycle.prevent_destroy);
    assert!(matches!(&g.lifecycle.ignore_changes, IgnoreChanges::Paths(p) if p.len() == 1));
    assert!(matches!(h.lifecycle.ignore_changes, IgnoreChanges::All));
    assert!(matches!(h.repetition, Repetition::ForEach(_)));
    assert_eq!(h.depends_on.len(), 1);
    assert_eq!((module.providers.len(), module.moved.len(), module.removed.len()), (2, 1, 1));
    assert_eq!((module.imports.len(), module.checks.len(), module.outputs.len()), (1, 1, 1));
}

#[test]
fn nested_blocks_are_objects_or_arrays_of_them() {
    let json = loaded(
        r#"{ "resource": { "gitlab_group": { "a": { "name": "a", "path": "a",
             "push_rules": [{ "prevent_secrets": "${1 == 1}" }] } } } }"#,
        &[],
    );
    let native = support::loaded(
        r#"resource "gitlab_group" "a" {
             name = "a"
             path = "a"
             push_rules {
               prevent_secrets = 1 == 1
             }
           }"#,
    );
    let body = |c: &Configuration| c.modules[0].resources[0].body.constant();
    assert!(body(&json).is_some());
    assert_eq!(body(&json), body(&native));
}

#[test]
fn dynamic_blocks() {
    let configuration = loaded(
        r#"{ "variable": { "rules": { "type": "list(bool)", "default": [] } },
             "resource": { "gitlab_group": { "a": { "name": "a", "path": "a",
               "dynamic": { "push_rules": { "for_each": "${var.rules}", "iterator": "rule",
                 "content": { "prevent_secrets": "${rule.value}" } } } } } } }"#,
        &[],
    );
    assert_eq!(configuration.modules[0].resources[0].body.references().len(), 1);
}

#[test]
fn an_override_file_in_either_syntax() {
    let native = [("override.hcl", "output \"o\" {\n  value = 2\n}\n")];
    let json = [("x_override.hcl.json", r#"{ "output": { "o": { "value": 2 } } }"#)];
    for others in [native.as_slice(), json.as_slice()] {
        let configuration = loaded(r#"{ "output": { "o": { "value": 1 } } }"#, others);
        assert_eq!(configuration.modules[0].outputs[0].value.constant(), Some(&Value::number(2)));
    }
}

#[test]
fn blocks_of_blueprints_may_be_declared_in_any_file() {
    let blueprints = r#"blueprint "project" { source = "cloud-pi-native/project" }"#;
    let json = r#"{
      "blueprint": { "cluster": { "source": "cloud-pi-native/cluster" } },
      "cluster": { "hp1": { "stages": ["dev"] } },
      "project": { "carto": {
        "//": "a page",
        "owner": "a@b.example",
        "repo": { "api": { "source": "https://forge.example/api.git" }, "web": {} },
        "environment": { "dev": { "on": "${cluster.hp1.stage.dev}", "quota": { "cpu": 1, "memory": "1Gi" } } },
        "lifecycle": { "prevent_destroy": true } } }
    }"#;
    let configuration = loaded(json, &[("blueprints.hcl", blueprints)]);
    let calls = &configuration.modules[0].calls;
    let project = calls.iter().find(|c| c.label.as_deref() == Some("carto")).expect("the project");
    assert!(project.prevent_destroy);
    let module = &configuration.modules[project.module.0 as usize];
    let repos = module.variables.iter().position(|v| v.name == "repos").unwrap();
    let (_, compiled) = project.arguments.iter().find(|(v, _)| *v as usize == repos).expect("repos");
    let names: Vec<&str> =
        compiled.constant().and_then(Value::as_entries).unwrap().keys().map(|k| k.as_str()).collect();
    assert_eq!(names, ["api", "web"]);
}

#[test]
fn mistakes_are_said_at_their_place() {
    let table: &[(&str, &[&str])] = &[
        (r#"{ "outptu": { "o": { "value": 1 } } }"#, &["1:3 Unsupported block type"]),
        (r#"{ "output": "x" }"#, &["1:13 Incorrect JSON value type", "1:13 Missing block label"]),
        (r#"{ "output": { "o": 1 } }"#, &["1:20 Incorrect JSON value type"]),
        (r#"{ "output": { "//": "a", "o": { "value": 1 } } }"#, &["1:21 Incorrect JSON value type"]),
        (r#"{ "variable": {} }"#, &["1:15 Missing block label"]),
        (
            "{ \"output\": { \"o\": {\n \"valeu\": 1 } } }",
            &["1:15 Missing required argument", "2:2 Unsupported argument"],
        ),
        (r#"{ "output": { "o": { "value": 1, "value": 2 } } }"#, &["1:34 Attribute redefined"]),
        (r#"[{ "locals": { "a": 1 } }, 2]"#, &["1:28 Incorrect JSON value type"]),
        (r#""x""#, &["1:1 Root value must be object"]),
        (
            "{ \"output\": { \"o\": { \"value\": \"\\u00e9${nope.x}\" } } }",
            &["1:40 Reference to undeclared resource"],
        ),
        (r#"{ "output": { "o": { "value": "${1 +}" } } }"#, &["1:37 Invalid expression"]),
        (
            r#"{ "resource": { "gitlab_group": { "a": { "name": "a", "path": "a", "push_rules": "x" } } } }"#,
            &["1:82 Incorrect JSON value type"],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(mistakes(text), *expected, "{text}");
    }
}

#[test]
fn null_is_no_block() {
    let configuration = loaded(r#"{ "output": { "o": null, "p": { "value": null } }, "locals": null }"#, &[]);
    assert_eq!(configuration.modules[0].outputs.len(), 1);
}

#[test]
fn values_of_a_variables_file_are_no_templates() {
    let mut configuration =
        loaded(r#"{ "variable": { "a": { "type": "string" }, "n": { "type": "number" } } }"#, &[]);
    let text = "{\n  \"//\": \"a comment\",\n  \"a\": \"${1 + 1}\",\n  \"n\": 123456789012345678901234567890,\n  \"m\": 1\n}";
    let given = [VariableSource::File { name: "x.tfvars.json".into(), text: text.into(), explicit: true }];
    let mut diags = Diagnostics::new();
    let module = configuration.modules.remove(0);
    let values = root_variables(&module, &given, &mut configuration.sources, &surroundings(), &mut diags);
    assert_eq!(values["a"], Value::string("${1 + 1}"));
    assert_eq!(format!("{:?}", values["n"]), "123456789012345678901234567890");
    assert_eq!(diags.len(), 1);
    assert!(
        rendered(&configuration, &diags).contains("x.tfvars.json:5:3"),
        "{}",
        rendered(&configuration, &diags)
    );
}
