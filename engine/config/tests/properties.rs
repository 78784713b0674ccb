//! What holds for every text and address: loading never panics, what is shown is read back.

mod support;

use pilotis_config::display::{display, parse_target};
use pilotis_schema::address::{Instance, Key, Mode, ModulePath, ModuleStep, Resource, Target};
use proptest::prelude::*;
use support::{Memory, load_memory, rendered, with_blueprints};

const TEXT: &str = r#"
variable "names" {
  type    = map(object({ a = optional(string, "x"), b = list(number) }))
  default = {}
  validation {
    condition     = length(var.names) < 3
    error_message = "Too many: ${length(var.names)}."
  }
}
resource "gitlab_group" "a" {
  for_each = var.names
  name     = each.key
  path     = "${each.value.a}-${join(",", each.value.b)}"
  lifecycle {
    ignore_changes = [description]
  }
}
resource "kubernetes_role_binding" "b" {
  metadata {
    name = "b"
  }
  dynamic "subject" {
    for_each = [for g in gitlab_group.a : g.name]
    content {
      kind = "Group"
      name = subject.value
    }
  }
}
project "carto" {
  owner = "a@b.example"
  repo "api" {}
  environment "dev" {
    on = cluster.hp1.stage.dev
    quota {
      cpu    = 2
      memory = "4Gi"
    }
  }
}
output "all" {
  value = { for label, p in project : label => p.url }
}
moved {
  from = gitlab_group.x
  to   = gitlab_group.a["k"]
}
"#;

/// A text with some characters cut out, doubled, or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..4u8, "[{}\\[\\]\"=.$a-z0-9\\n ]{1,6}");
    prop::collection::vec(change, 1..6).prop_map(|changes| {
        let mut text: Vec<char> = TEXT.chars().collect();
        for (at, kind, new) in changes {
            let i = at.index(text.len());
            let end = (i + 7).min(text.len());
            match kind {
                0 => drop(text.drain(i..end)),
                1 => drop(text.splice(i..end, new.chars())),
                2 => drop(text.splice(i..i, new.chars())),
                _ => {
                    let copy: Vec<char> = text[i..end].to_vec();
                    text.splice(i..i, copy);
                }
            }
        }
        text.into_iter().collect()
    })
}

fn key() -> impl Strategy<Value = Option<Key>> {
    prop_oneof![
        Just(None),
        (0..100u64).prop_map(|n| Some(Key::Int(n))),
        "[a-z \"\\\\/.\\n\\[\\]é]{0,6}".prop_map(|s| Some(Key::String(s))),
    ]
}

fn step() -> impl Strategy<Value = ModuleStep> {
    prop_oneof![
        ("[a-c][a-z0-9_-]{0,4}", key()).prop_map(|(name, key)| ModuleStep { name, key }),
        "[a-z -]{1,4}(/[a-z/.\"]{1,4})?"
            .prop_map(|key| ModuleStep { name: "project".into(), key: Some(Key::String(key)) }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_text_makes_loading_panic(text in mutated()) {
        let (configuration, diags) = load_memory(&Memory::root(&with_blueprints(&text)));
        rendered(&configuration, &diags);
    }

    #[test]
    fn what_is_shown_is_read_back(
        steps in prop::collection::vec(step(), 0..3),
        name in "[a-z][a-z0-9_]{0,5}",
        key in key(),
    ) {
        let (configuration, _) = load_memory(&Memory::root(&with_blueprints("")));
        let resource = Resource {
            module: ModulePath(steps),
            mode: Mode::Managed,
            type_name: "gitlab_group".into(),
            name,
        };
        let instance = Instance { resource: resource.clone(), key };
        let shown = display(&configuration, &instance);
        let read = parse_target(&configuration, &shown);
        let wanted = match instance.key {
            Some(_) => Target::Instance(instance),
            None => Target::Resource(resource),
        };
        prop_assert_eq!(read.as_ref().ok(), Some(&wanted), "{} {:?}", shown, read);
    }
}
