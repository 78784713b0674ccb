//! Addresses as the screen shows them, and as they are read.

mod support;

use pilotis_config::Configuration;
use pilotis_config::display::{display, display_target, parse_target};
use pilotis_schema::address::Target;
use support::{Memory, load_memory, rendered};

fn configuration() -> Configuration {
    let gate = r#"
        variable "name" {}
        blueprint "door" { source = "../door" }
        door "front" {}
        module "inner" {
          source = "../door"
        }"#;
    let root = r#"
        blueprint "gate" { source = "./gate" }
        gate "north" {}
        gate "all" {
          for_each = toset(["a"])
        }
        module "plain" {
          source = "./gate"
          name   = "x"
        }"#;
    let memory =
        Memory::root(root).with("gate", gate).with("door", "variable \"name\" {\n  default = \"\"\n}\n");
    let (configuration, diags) = load_memory(&memory);
    assert!(!diags.has_errors(), "{}", rendered(&configuration, &diags));
    configuration
}

#[test]
fn blocks_of_blueprints_are_shown_by_their_word() {
    let configuration = configuration();
    for (stored, shown) in [
        (r#"gitlab_group.a"#, r#"gitlab_group.a"#),
        (r#"module.gate["north"].gitlab_group.a"#, r#"gate.north.gitlab_group.a"#),
        (r#"module.gate["all/a"].gitlab_group.a["k"]"#, r#"gate.all["a"].gitlab_group.a["k"]"#),
        (r#"module.gate["all/a/b"].data.gitlab_group.a"#, r#"gate.all["a/b"].data.gitlab_group.a"#),
        (r#"module.gate["a b"].gitlab_group.a"#, r#"gate["a b"].gitlab_group.a"#),
        (
            r#"module.gate["gone"].module.door["front"].gitlab_group.a[0]"#,
            r#"gate.gone.door.front.gitlab_group.a[0]"#,
        ),
        (r#"module.gate["north"].module.inner.gitlab_group.a"#, r#"gate.north.module.inner.gitlab_group.a"#),
        (r#"module.plain.module.door["front"].gitlab_group.a"#, r#"module.plain.door.front.gitlab_group.a"#),
        (r#"module.other["x"].gitlab_group.a"#, r#"module.other["x"].gitlab_group.a"#),
    ] {
        let both = |text: &str| parse_target(&configuration, text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(both(stored), both(shown), "both forms are read");
        assert_eq!(display_target(&configuration, &both(stored)), shown);
        if let Target::Instance(instance) = both(stored) {
            assert_eq!(instance.to_string(), stored);
            assert_eq!(display(&configuration, &instance), shown);
        }
    }
}

#[test]
fn prefixes_are_addresses_too() {
    let configuration = configuration();
    let target = |text: &str| match parse_target(&configuration, text).unwrap() {
        Target::Module(path) => path.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(target("gate"), "module.gate");
    assert_eq!(target("gate.north"), r#"module.gate["north"]"#);
    assert_eq!(target(r#"gate["north"]"#), r#"module.gate["north"]"#);
    assert_eq!(target("gate.north.door.front"), r#"module.gate["north"].module.door["front"]"#);
    assert_eq!(target("module.plain"), "module.plain");
    let all = parse_target(&configuration, "gate.all").unwrap();
    assert_eq!(display_target(&configuration, &all), "gate.all");
    let one = |text: &str| text.parse().unwrap();
    assert!(
        all.contains(&one(r#"module.gate["all/a"].gitlab_group.a"#)),
        "all instances of a block with for_each"
    );
    assert!(!all.contains(&one(r#"module.gate["allotment"].gitlab_group.a"#)));
}

#[test]
fn what_is_no_address_says_why() {
    let configuration = configuration();
    let said = |text: &str| parse_target(&configuration, text).unwrap_err().to_string();
    for text in [
        "",
        "gitlab_group",
        "gitlab_group.a.b",
        "module",
        "a..b",
        "a.b[x]",
        "a.b[\"x",
        "a.b[0",
        "[0]",
        "a b.c",
        "gitlab_group[0].a",
    ] {
        assert!(!said(text).is_empty(), "{text}");
    }
    assert_eq!(said("gitlab_group.a.b"), "nothing may follow a resource's address but an index");
    assert_eq!(said("gitlab_group"), "a resource's address is its type and its name: `gitlab_group.a`");
}

#[test]
fn moved_removed_and_import_take_both_forms() {
    let text = r#"
        blueprint "gate" { source = "./gate" }
        gate "north" {}
        resource "gitlab_group" "b" {
          for_each = toset(["a"])
          name     = each.key
          path     = each.key
        }
        moved {
          from = gate.south
          to   = gate.north
        }
        removed {
          from = gate.west
          lifecycle {
            destroy = false
          }
        }
        import {
          to = gate.north.gitlab_group.a["k"]
          id = "1"
        }
        import {
          for_each = { a = "1" }
          to       = gitlab_group.b[each.key]
          id       = each.value
        }"#;
    let gate = r#"
        variable "name" {}
        resource "gitlab_group" "a" {
          for_each = toset(["k"])
          name     = each.key
          path     = each.key
        }"#;
    let (configuration, diags) = load_memory(&Memory::root(text).with("gate", gate));
    assert!(!diags.has_errors(), "{}", rendered(&configuration, &diags));
    let root = &configuration.modules[0];
    assert_eq!(display_target(&configuration, &root.moved[0].from), "gate.south");
    assert_eq!(display_target(&configuration, &root.removed[0].from), "gate.west");
    assert!(!root.removed[0].destroy);
    assert_eq!(root.imports[0].to.to_string(), r#"module.gate["north"].gitlab_group.a["k"]"#);
    assert!(root.imports[1].key.is_some());
}
