//! Blocks of blueprints become module calls.

mod support;

use std::collections::BTreeMap;

use pilotis_config::{Call, Configuration, Repetition};
use pilotis_diag::Diagnostics;
use pilotis_lang::Reference;
use pilotis_value::{Path, Step, Type, Value};
use support::{Fixed, Memory, load_memory, loaded, rendered, said, surroundings, with_blueprints};

fn call<'c>(configuration: &'c Configuration, name: &str, label: &str) -> &'c Call {
    let calls = &configuration.modules[0].calls;
    calls.iter().find(|c| c.name == name && c.label.as_deref() == Some(label)).expect("the call")
}

/// An argument's value as the called module gets it; references have the given values, else they are unknown.
fn argument_with(
    configuration: &Configuration,
    call: &Call,
    variable: &str,
    values: BTreeMap<&str, Value>,
) -> Option<Value> {
    let module = &configuration.modules[call.module.0 as usize];
    let i = module.variables.iter().position(|v| v.name == variable).expect("a variable");
    let (_, compiled) = call.arguments.iter().find(|(v, _)| *v as usize == i)?;
    let frame = Fixed { module: &configuration.modules[0], values };
    let mut diags = Diagnostics::new();
    let value = compiled.eval(&frame, &surroundings(), &mut diags);
    assert!(!diags.has_errors(), "{}", rendered(configuration, &diags));
    Some(module.variables[i].constraint.apply(&value).unwrap_or_else(|e| panic!("{}: {e}", e.path)))
}

fn argument(configuration: &Configuration, call: &Call, variable: &str) -> Option<Value> {
    argument_with(configuration, call, variable, BTreeMap::new())
}

fn text(value: &Value, path: &[&str]) -> String {
    let found = path.iter().try_fold(value, |v, name| v.get(name)).expect("a part");
    format!("{found:?}")
}

#[test]
fn the_examples_load() {
    for example in ["quickstart", "organisation"] {
        let path = format!("{}/../../examples/{example}/main.hcl", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(said(&text), "", "{example}");
    }
}

#[test]
fn a_block_is_a_call_with_its_label() {
    let configuration = loaded(&with_blueprints(
        r#"
        project "carto" {
          owner = "a@b.example"
          repo "api" {
            source = "https://forge.example/api.git"
          }
          repo "infra" {
            infra     = true
            variables = { A = 1 }
          }
          environment "dev" {
            on = { cluster = "hp1", zone = "z", stage = "dev", production = false }
            quota {
              cpu    = 2
              memory = "4Gi"
            }
          }
        }
        "#,
    ));
    let carto = call(&configuration, "project", "carto");
    assert!(matches!(carto.repetition, Repetition::One));
    assert_eq!(argument(&configuration, carto, "slug"), Some(Value::string("carto")), "the label");
    assert_eq!(argument(&configuration, carto, "members"), None, "defaults are the module's");
    let repos = argument(&configuration, carto, "repos").unwrap();
    assert_eq!(text(&repos, &["api", "source"]), "\"https://forge.example/api.git\"");
    assert_eq!(text(&repos, &["api", "branch"]), "\"main\"", "defaults of optional attributes");
    assert_eq!(text(&repos, &["infra", "variables", "A"]), "\"1\"", "converted");
    let environments = argument(&configuration, carto, "environments").unwrap();
    assert_eq!(text(&environments, &["dev", "quota", "cpu"]), "2");
    assert_eq!(text(&environments, &["dev", "quota", "gpu"]), "0");
}

#[test]
fn blocks_may_be_written_as_arguments() {
    let blocks = r#"
        project "carto" {
          owner = "a@b.example"
          environment "dev" {
            on = local.on
            quota {
              cpu    = 1
              memory = "1Gi"
            }
          }
        }"#;
    let arguments = r#"
        project "carto" {
          owner        = "a@b.example"
          environments = { dev = { on = local.on, quota = { cpu = 1, memory = "1Gi" } } }
        }"#;
    let values = |text: &str| {
        let text = with_blueprints(&format!("{text}\nlocals {{\n  on = {{}}\n}}\n"));
        let configuration = loaded(&text);
        let place = Value::object_of([
            ("cluster", Value::string("hp1")),
            ("zone", Value::string("z")),
            ("stage", Value::string("dev")),
            ("production", Value::bool(false)),
        ]);
        let values = BTreeMap::from([("local.on", place)]);
        argument_with(&configuration, call(&configuration, "project", "carto"), "environments", values)
    };
    assert_eq!(values(blocks), values(arguments));
    assert!(values(blocks).is_some_and(|v| v.is_wholly_known()));
}

#[test]
fn for_each_and_dynamic_make_many() {
    let configuration = loaded(&with_blueprints(
        r#"
        variable "teams" {
          type = map(object({ owner = string, repos = list(string) }))
        }
        project "parc" {
          for_each = var.teams
          owner    = each.value.owner
          dynamic "repo" {
            for_each = toset(each.value.repos)
            labels   = ["${each.key}-${repo.key}"]
            content {
              source = "https://forge.example/${repo.value}.git"
            }
          }
          repo "infra" {
            infra = true
          }
          dynamic "environment" {
            for_each = ["dev"]
            iterator = env
            labels   = [env.value]
            content {
              on = cluster.hp1.stage[env.value]
              dynamic "quota" {
                for_each = env.key == 0 ? [1] : []
                content {
                  cpu    = quota.value
                  memory = "1Gi"
                }
              }
            }
          }
        }
        "#,
    ));
    let parc = call(&configuration, "project", "parc");
    assert!(matches!(parc.repetition, Repetition::ForEach(_)));
    let team = Value::object_of([
        ("owner", Value::string("a@b.example")),
        ("repos", Value::list(Type::String, vec![Value::string("api"), Value::string("web")])),
    ]);
    let values = BTreeMap::from([("each.key", Value::string("k")), ("each.value", team)]);
    let get = |name: &str| argument_with(&configuration, parc, name, values.clone()).unwrap();
    assert_eq!(get("slug"), Value::string("k"), "with for_each, each instance is called by its key");
    let repos = get("repos");
    let names: Vec<&str> = repos.as_entries().unwrap().keys().map(|k| k.as_str()).collect();
    assert_eq!(names, ["infra", "k-api", "k-web"]);
    assert_eq!(text(&repos, &["k-api", "source"]), "\"https://forge.example/api.git\"");
    let environments = get("environments");
    assert_eq!(text(&environments, &["dev", "quota", "cpu"]), "1");
}

#[test]
fn references_reach_blocks_and_all_of_a_word() {
    let configuration = loaded(&with_blueprints(
        r#"
        project "carto" {
          owner = "a@b.example"
        }
        project "parc" {
          for_each = toset(["k"])
          owner    = "a@b.example"
        }
        locals {
          one  = project.carto.url
          text = project["carto"].url
          each = project.parc["k"].url
          all  = { for label, p in project : label => p }
        }
        "#,
    ));
    let root = &configuration.modules[0];
    let reference = |name: &str| -> Reference {
        let local = root.locals.iter().find(|l| l.name == name).unwrap();
        local.value.references()[0].clone()
    };
    let symbol = |name: &str| format!("{:?}", root.symbols[reference(name).slot.0 as usize]);
    assert_eq!(symbol("one"), symbol("text"));
    assert!(symbol("one").starts_with("Call("));
    assert_eq!(reference("one").path, Path(vec![Step::Attribute("url".into())]));
    assert_eq!(reference("each").path, Path(vec![Step::Key("k".into()), Step::Attribute("url".into())]));
    assert!(symbol("all").starts_with("Calls("));
}

#[test]
fn lists_sets_and_single_objects_are_blocks_too() {
    let module = r#"
        variable "name" {
          type = string
        }
        variable "rules" {
          type    = list(object({ port = number, notes = optional(list(object({ text = string })), []) }))
          default = []
        }
        variable "owner" {
          type = object({ mail = string, phone = optional(string) })
        }
        output "id" {
          value = var.name
        }
        "#;
    let text = r#"
        blueprint "gate" { source = "./gate" }
        gate "north" {
          owner {
            mail = "a@b.example"
          }
          rule {
            port = 80
          }
          rule {
            port = "443"
            note {
              text = "later"
            }
          }
          lifecycle {
            prevent_destroy = true
          }
          depends_on = [gate.south]
        }
        gate "south" {
          owner = { mail = "c@d.example" }
        }
        "#;
    let (configuration, diags) = load_memory(&Memory::root(text).with("gate", module));
    assert!(!diags.has_errors(), "{}", rendered(&configuration, &diags));
    let north = call(&configuration, "gate", "north");
    assert!(north.prevent_destroy);
    assert_eq!(north.depends_on.len(), 1);
    let rules = argument(&configuration, north, "rules").unwrap();
    assert_eq!(
        format!("{rules:?}"),
        r#"[{"notes": [], "port": 80}, {"notes": [{"text": "later"}], "port": 443}]"#
    );
    assert_eq!(text_of(&configuration, north, &["mail"]), "\"a@b.example\"");
    // The second rule's port, as a diagnostic would show it.
    let rules_index =
        configuration.modules[north.module.0 as usize].variables.iter().position(|v| v.name == "rules");
    let path = Path(vec![Step::Index(1), Step::Attribute("port".into())]);
    let span = north.places.span_of(rules_index.unwrap() as u32, &path).unwrap();
    assert_eq!(configuration.sources.text(span), "\"443\"");
}

fn text_of(configuration: &Configuration, call: &Call, path: &[&str]) -> String {
    text(&argument(configuration, call, "owner").expect("it was given"), path)
}
