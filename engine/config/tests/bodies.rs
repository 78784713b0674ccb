//! Bodies of resources evaluate to objects of their schema.

mod support;

use std::collections::BTreeMap;

use pilotis_config::{BodyContext, Configuration, IgnoreChanges, Repetition, Resource};
use pilotis_diag::Diagnostics;
use pilotis_value::{Marks, Path, Step, Type, Value};
use support::{Fixed, loaded, rendered, surroundings};

fn resource<'c>(configuration: &'c Configuration, name: &str) -> &'c Resource {
    configuration.modules[0].resources.iter().find(|r| r.name == name).expect("the resource")
}

fn evaluated(
    configuration: &Configuration,
    name: &str,
    values: BTreeMap<&str, Value>,
) -> (Value, Diagnostics) {
    let frame = Fixed { module: &configuration.modules[0], values };
    let context = BodyContext { frame: &frame, surroundings: surroundings() };
    let mut diags = Diagnostics::new();
    let value = resource(configuration, name).body.eval(&context, &mut diags);
    (value, diags)
}

#[test]
fn every_attribute_and_block_is_there() {
    let configuration = loaded(
        r#"resource "gitlab_group" "a" {
             name      = "a"
             path      = 1
             parent_id = "12"
             push_rules {
               prevent_secrets = "true"
             }
           }"#,
    );
    let body = &resource(&configuration, "a").body;
    let value = body.constant().expect("a body of constants is evaluated when it is loaded");
    assert_eq!(value.ty(), resource(&configuration, "a").schema.block.implied_type());
    assert_eq!(value.get("path"), Some(&Value::string("1")), "converted");
    assert_eq!(value.get("parent_id"), Some(&Value::number(12)));
    assert_eq!(value.get("id"), Some(&Value::null(Type::String)), "the service's to say");
    let rules = value.get("push_rules").and_then(|r| r.as_elements()).unwrap();
    assert_eq!(rules[0].get("prevent_secrets"), Some(&Value::bool(true)));
}

#[test]
fn references_defaults_and_secrets() {
    let configuration = loaded(
        r#"variable "token" {}
           resource "gitlab_group" "a" {
             name = "a"
             path = "a"
           }
           resource "gitlab_group_variable" "v" {
             group = gitlab_group.a.id
             key   = "TOKEN"
             value = var.token
           }"#,
    );
    let body = &resource(&configuration, "v").body;
    assert_eq!(body.references().len(), 2);
    let given = BTreeMap::from([("var.token", Value::string("s3cr3t"))]);
    let (value, diags) = evaluated(&configuration, "v", given);
    assert!(diags.is_empty());
    assert!(value.get("value").unwrap().marks().contains(Marks::SENSITIVE), "by the schema");
    assert!(!value.get("key").unwrap().has_sensitive());
    assert!(!value.get("group").unwrap().is_known());
    assert_eq!(value.get("group").unwrap().ty(), Type::String);
    assert_eq!(value.get("masked"), Some(&Value::bool(false)), "the schema's default");
}

#[test]
fn dynamic_blocks_are_made_when_their_collection_is_known() {
    let configuration = loaded(
        r#"variable "groups" {}
           resource "kubernetes_role_binding" "b" {
             metadata {
               name = "b"
             }
             subject {
               kind = "User"
               name = "root"
             }
             dynamic "subject" {
               for_each = var.groups
               content {
                 kind = "Group"
                 name = "${subject.key}:${subject.value}"
               }
             }
           }"#,
    );
    let groups = Value::list(Type::String, vec![Value::string("x"), Value::string("y")]);
    let (value, diags) = evaluated(&configuration, "b", BTreeMap::from([("var.groups", groups)]));
    assert!(diags.is_empty(), "{diags:?}");
    let subjects = value.get("subject").and_then(|s| s.as_elements()).unwrap();
    let names: Vec<_> = subjects.iter().map(|s| s.get("name").unwrap().as_str().unwrap()).collect();
    assert_eq!(names, ["root", "0:x", "1:y"]);

    let (value, diags) = evaluated(&configuration, "b", BTreeMap::new());
    assert!(diags.is_empty());
    assert!(!value.get("subject").unwrap().is_known(), "how many there are isn't known yet");
    assert!(value.get("metadata").unwrap().is_wholly_known());

    let (_, diags) =
        evaluated(&configuration, "b", BTreeMap::from([("var.groups", Value::null(Type::Dynamic))]));
    insta::assert_snapshot!(rendered(&configuration, &diags), @r#"
error[E0311]: Invalid dynamic for_each value
  --> main.hcl:11:27
   |
11 |                for_each = var.groups
   |                           ^^^^^^^^^^
   |
   = Cannot use a null value in for_each.
"#);
}

#[test]
fn values_that_come_later_are_checked_then() {
    let configuration = loaded(
        r#"variable "v" {}
           variable "n" {}
           resource "gitlab_group" "a" {
             name       = var.n
             path       = "a"
             visibility = var.v
             tags       = ["x", var.n]
           }"#,
    );
    let values =
        BTreeMap::from([("var.v", Value::string("hidden")), ("var.n", Value::tuple(vec![Value::number(1)]))]);
    let (value, diags) = evaluated(&configuration, "a", values);
    assert!(!value.get("name").unwrap().is_known(), "an unknown in the place of what can't be used");
    insta::assert_snapshot!(rendered(&configuration, &diags), @r#"
error[E0304]: Incorrect attribute value type
 --> main.hcl:4:27
  |
4 |              name       = var.n
  |                           ^^^^^
  |
  = Inappropriate value for attribute "name": string required.
  = note: var.n is tuple with 1 element

error[E0304]: Incorrect attribute value type
 --> main.hcl:7:33
  |
7 |              tags       = ["x", var.n]
  |                                 ^^^^^
  |
  = Inappropriate value for attribute "tags": [1]: string required.
  = note: var.n is tuple with 1 element

error[E0305]: Invalid value
 --> main.hcl:6:27
  |
6 |              visibility = var.v
  |                           ^^^^^
  |
  = "hidden" is not a value of "visibility". It takes one of "private", "internal", "public".
  = note: var.v is "hidden"
"#);

    let secret = Value::string("hidden").with_marks(Marks::SENSITIVE);
    let values = BTreeMap::from([("var.v", secret), ("var.n", Value::null(Type::String))]);
    let (_, diags) = evaluated(&configuration, "a", values);
    let text = rendered(&configuration, &diags);
    assert!(!text.contains("\"hidden\""), "{text}");
    assert!(text.contains("\"name\" is required"), "{text}");
}

#[test]
fn places_are_kept_for_later() {
    let configuration = loaded(
        r#"resource "kubernetes_namespace" "a" {
             metadata {
               name   = "n"
               labels = { team = "x" }
             }
           }"#,
    );
    let resource = resource(&configuration, "a");
    let text = |steps: Vec<Step>| {
        configuration.sources.text(resource.body.span_of(&Path(steps)).unwrap()).to_owned()
    };
    let metadata = || vec![Step::Attribute("metadata".into()), Step::Index(0)];
    let mut labels = metadata();
    labels.extend([Step::Attribute("labels".into()), Step::Key("team".into())]);
    assert_eq!(text(labels), "\"x\"");
    assert_eq!(text(metadata()), "metadata");
    assert_eq!(text(vec![Step::Attribute("id".into())]), "resource \"kubernetes_namespace\" \"a\"");
}

#[test]
fn meta_arguments() {
    let configuration = loaded(
        r#"provider "gitlab" {
             alias = "prod"
           }
           resource "gitlab_group" "a" {
             provider   = gitlab.prod
             count      = 2
             name       = "a-${count.index}"
             path       = "a"
             depends_on = [gitlab_group.b]
             lifecycle {
               create_before_destroy = true
               prevent_destroy       = true
               ignore_changes        = [description, push_rules[0].max_file_size]
               replace_triggered_by  = [gitlab_group.b.id, gitlab_group.c[count.index]]
               precondition {
                 condition     = count.index < 3
                 error_message = "Too many."
               }
               postcondition {
                 condition     = self.id != ""
                 error_message = "No id."
               }
             }
           }
           resource "gitlab_group" "b" {
             name = "b"
             path = "b"
             lifecycle {
               ignore_changes = all
             }
           }
           resource "gitlab_group" "c" {
             for_each = toset(["x"])
             name     = each.key
             path     = each.value
           }"#,
    );
    let a = resource(&configuration, "a");
    assert_eq!(a.provider.alias.as_deref(), Some("prod"));
    assert!(matches!(a.repetition, Repetition::Count(_)));
    assert!(a.lifecycle.create_before_destroy && a.lifecycle.prevent_destroy);
    assert_eq!(a.depends_on.len(), 1);
    assert_eq!(a.lifecycle.replace_triggered_by.len(), 2);
    assert_eq!((a.lifecycle.preconditions.len(), a.lifecycle.postconditions.len()), (1, 1));
    let IgnoreChanges::Paths(paths) = &a.lifecycle.ignore_changes else { panic!("paths") };
    assert_eq!(
        paths.iter().map(Path::to_string).collect::<Vec<_>>(),
        [".description", ".push_rules[0].max_file_size"]
    );
    assert_eq!(resource(&configuration, "b").lifecycle.ignore_changes, IgnoreChanges::All);
    assert_eq!(resource(&configuration, "b").provider.alias, None);
}
