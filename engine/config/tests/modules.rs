//! Modules: read once, called often; override files; what a call may pass.

mod support;

use pilotis_config::{ModuleId, Symbol};
use support::{Memory, load_memory, rendered};

#[test]
fn a_module_that_is_called_often_is_compiled_once() {
    let root = r#"
        module "a" {
          source = "./sub"
        }
        module "b" {
          source = "./sub/../sub"
        }
        module "c" {
          source    = "./other"
          providers = { gitlab = gitlab.x }
        }
        provider "gitlab" {
          alias = "x"
        }"#;
    let memory = Memory::root(root)
        .with("sub", "output \"x\" {\n  value = 1\n}\n")
        .with("other", "module \"s\" {\n  source = \"../sub\"\n}\n");
    let (configuration, diags) = load_memory(&memory);
    assert!(!diags.has_errors(), "{}", rendered(&configuration, &diags));
    assert_eq!(configuration.modules.len(), 3);
    let root = &configuration.modules[0];
    assert_eq!(root.calls[0].module, root.calls[1].module);
    assert_eq!(root.calls[2].providers[0].ours.alias.as_deref(), Some("x"));
    assert_eq!(configuration.modules[0].dir, ".");
    let ModuleId(other) = root.calls[2].module;
    assert_eq!(configuration.modules[other as usize].calls[0].module, root.calls[0].module);
}

#[test]
fn symbols_mean_the_lists_of_the_module() {
    let (configuration, diags) = load_memory(&Memory::root(
        r#"
        variable "b" {}
        variable "a" {}
        locals {
          z = var.a
          y = local.z
        }
        data "gitlab_user" "u" {
          username = "u"
        }
        resource "gitlab_group" "g" {
          name = data.gitlab_user.u.username
          path = "${path.module}${terraform.workspace}"
        }"#,
    ));
    assert!(!diags.has_errors(), "{}", rendered(&configuration, &diags));
    let root = &configuration.modules[0];
    let first = |local: usize| root.symbols[root.locals[local].value.references()[0].slot.0 as usize].clone();
    assert_eq!(first(0), Symbol::Variable(1), "in the order of the text");
    assert_eq!(first(1), Symbol::Local(0));
    let slots: Vec<&Symbol> =
        root.resources[1].body.references().iter().map(|r| &root.symbols[r.slot.0 as usize]).collect();
    assert_eq!(slots, [&Symbol::Resource(0), &Symbol::PathModule, &Symbol::Workspace]);
}

#[test]
fn override_files_change_blocks() {
    let memory = Memory::root(
        r#"
        variable "v" {
          type    = string
          default = "a"
        }
        locals {
          x = 1
          y = 2
        }
        resource "gitlab_group" "g" {
          name = "g"
          path = "g"
          lifecycle {
            prevent_destroy = true
          }
        }"#,
    )
    .file(
        "z_override.hcl",
        r#"
        variable "v" {
          default = "b"
        }
        locals {
          x = 3
        }
        resource "gitlab_group" "g" {
          path = "h"
          lifecycle {
            create_before_destroy = true
          }
        }
        output "none" {
          value = 1
        }"#,
    );
    let (configuration, diags) = load_memory(&memory);
    insta::assert_snapshot!(rendered(&configuration, &diags), @r#"
error[E0320]: Missing base output definition to override
  --> z_override.hcl:14:9
   |
14 |         output "none" {
   |         ^^^^^^^^^^^^^
   |
   = There is no block output "none". An override file can only override a block that was already
     declared in a file that is not an override file.
"#);
    let root = &configuration.modules[0];
    assert_eq!(format!("{:?}", root.variables[0].default), "Some(\"b\")");
    assert_eq!(root.locals[0].value.constant().and_then(|v| v.as_i64()), Some(3));
    let group = &root.resources[0];
    assert!(group.lifecycle.prevent_destroy && group.lifecycle.create_before_destroy);
    let path = group.body.constant().and_then(|v| v.get("path").cloned());
    assert_eq!(path.and_then(|p| p.as_str().map(str::to_owned)).as_deref(), Some("h"));
}

#[test]
fn only_configuration_files_are_read() {
    let memory = Memory::root("locals {\n  a = 1\n}\n")
        .file("terraform.tfvars", "a = 1")
        .file(".hidden.hcl", "nonsense")
        .file("notes.md", "nonsense")
        .file(".terraform.lock.hcl", "provider \"x\" {}")
        .file("more.tf", "locals {\n  b = local.a\n}\n")
        .file("team.pilotis.hcl", "locals {\n  c = local.b\n}\n");
    let (configuration, diags) = load_memory(&memory);
    assert!(diags.is_empty(), "{}", rendered(&configuration, &diags));
    assert_eq!(configuration.modules[0].locals.len(), 3);
}

#[test]
fn syntax_errors_come_with_all_others() {
    let memory = Memory::root("locals {\n  a = \n  b = local.c\n}\nresource \"gitlab_grup\" \"x\" {}\n");
    let (configuration, diags) = load_memory(&memory);
    let summaries: Vec<&str> = diags.iter().map(|d| d.summary.as_str()).collect();
    assert!(summaries.len() >= 3, "{}", rendered(&configuration, &diags));
    assert!(
        summaries.contains(&"Unknown resource type")
            && summaries.contains(&"Reference to undeclared local value")
    );
}
