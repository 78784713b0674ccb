//! Providers with `for_each`, against two services: each object goes through its own instance, also when it is removed.

use serde_json::json;

use crate::harness::{Folder, Sandbox};

const MAIN: &str = r#"variable "envs" {
  type = map(object({ url = string, token = string }))
}

variable "removed" {
  type    = set(string)
  default = []
}

locals {
  active = { for k, v in var.envs : k => v if !contains(var.removed, k) }
}

provider "gitlab" {
  alias    = "by_env"
  for_each = var.envs
  base_url = each.value.url
  token    = each.value.token
}

resource "gitlab_group" "team" {
  for_each = local.active
  provider = gitlab.by_env[each.key]
  name     = "team-${each.key}"
  path     = "team-${each.key}"
}

module "inner" {
  source    = "./inner"
  for_each  = local.active
  env       = each.key
  providers = { gitlab = gitlab.by_env[each.key] }
}
"#;

const INNER: &str = r#"variable "env" {}

resource "gitlab_group" "inner" {
  name = "inner-${var.env}"
  path = "inner-${var.env}"
}
"#;

/// A configuration, and the two services that it speaks to.
struct Estate {
    work: Folder,
    // Their folders hold their data.
    _homes: [Folder; 2],
    dev: Sandbox,
    prod: Sandbox,
}

impl Estate {
    fn new(main: &str) -> Estate {
        let homes = [Folder::empty(), Folder::empty()];
        let (dev, prod) = (homes[0].sandbox(), homes[1].sandbox());
        let work = Folder::with(main);
        std::fs::create_dir(work.path("inner")).unwrap();
        work.write("inner/main.hcl", INNER);
        let estate = Estate { work, _homes: homes, dev, prod };
        estate.envs(&["dev", "prod"]);
        estate
    }

    /// Which environments there are.
    fn envs(&self, names: &[&str]) {
        let of = |name: &str| {
            let gitlab = if name == "dev" { &self.dev.gitlab } else { &self.prod.gitlab };
            (name.to_owned(), json!({ "url": gitlab.url(), "token": gitlab.token() }))
        };
        let envs: serde_json::Map<_, _> = names.iter().map(|n| of(n)).collect();
        self.work.write("terraform.tfvars.json", &json!({ "envs": envs }).to_string());
    }

    /// The groups of both, without those that a sandbox begins with.
    fn groups(&self) -> (Vec<String>, Vec<String>) {
        let ours = |sandbox: &Sandbox| {
            let names = sandbox.groups().into_iter();
            let here = |n: &String| n.starts_with("team") || n.starts_with("inner");
            names.filter(|n| here(n) && !n.contains("deletion_scheduled")).collect()
        };
        (ours(&self.dev), ours(&self.prod))
    }

    fn stop(self) {
        self.dev.stop();
        self.prod.stop();
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

#[test]
fn each_object_goes_through_its_own_instance() {
    let estate = Estate::new(MAIN);
    estate.work.run("apply -auto-approve").exits(0).says(&["4 added"]);
    assert_eq!(estate.groups(), (names(&["inner-dev", "team-dev"]), names(&["inner-prod", "team-prod"])));
    estate.work.run("plan -detailed-exitcode").exits(0);

    // An environment is given up: its objects go while its instance is there still, from a saved plan.
    estate
        .work
        .run_args(&["plan", "-var", "removed=[\"prod\"]", "-out", "p"])
        .exits(0)
        .says(&["2 to destroy"]);
    estate.work.run("apply p").exits(0).says(&["2 destroyed"]);
    assert_eq!(estate.groups(), (names(&["inner-dev", "team-dev"]), names(&[])));
    estate.envs(&["dev"]);
    estate.work.run("plan -detailed-exitcode").exits(0);
    estate.work.run("destroy -auto-approve").exits(0).says(&["2 destroyed"]);
    assert_eq!(estate.groups(), (names(&[]), names(&[])));
    estate.stop();
}

#[test]
fn objects_of_a_block_that_is_gone_are_removed_with_their_instance() {
    let estate = Estate::new(MAIN);
    estate.work.run("apply -auto-approve").exits(0);
    let text = estate.work.read("main.hcl");
    let end = text.find("resource \"gitlab_group\"").unwrap();
    estate.work.write("main.hcl", &text[..end]);
    estate.work.run("apply -auto-approve").exits(0).says(&["4 destroyed"]);
    assert_eq!(estate.groups(), (names(&[]), names(&[])));
    estate.stop();
}

#[test]
fn an_instance_that_is_gone_too_early_is_said() {
    let estate = Estate::new(MAIN);
    estate.work.run("apply -auto-approve").exits(0);
    estate.envs(&["dev"]);
    for line in ["plan", "plan -destroy"] {
        estate.work.run(line).exits(1).says(&[
            "error[E0418]: Provider instance not present",
            "gitlab_group.team[\"prod\"] and 1 more were made with gitlab.by_env[\"prod\"]",
            "Put the key \"prod\" back, take the objects out, apply; then take the key out.",
        ]);
    }
    // What the other instance has can be worked on all the same.
    estate.work.run_args(&["plan", "-target", "gitlab_group.team[\"dev\"]"]).exits(0);
    estate.envs(&["dev", "prod"]);
    estate.work.run("destroy -auto-approve").exits(0).says(&["4 destroyed"]);
    estate.stop();
}

#[test]
fn an_object_whose_key_is_known_late_is_looked_at_where_it_is_to_be() {
    let main = MAIN.replace(
        "provider = gitlab.by_env[each.key]",
        "provider = gitlab.by_env[terraform_data.of[each.key].output]",
    ) + r#"
resource "terraform_data" "of" {
  for_each = local.active
  input    = each.key
}
"#;
    let estate = Estate::new(&main);
    // The key must be known when planning.
    estate
        .work
        .run("plan")
        .exits(1)
        .says(&["error[E0440]: Invalid provider instance key", "will be known only after apply"]);
    estate.work.run("apply -auto-approve -target terraform_data.of").exits(0);
    estate.work.run("apply -auto-approve").exits(0).says(&["4 added"]);
    estate.work.run("plan -detailed-exitcode").exits(0);
    // Both groups change places: each is looked for in the other service, and isn't there.
    estate.work.edit(
        "main.hcl",
        "by_env[terraform_data.of[each.key].output]",
        "by_env[terraform_data.of[each.key == \"dev\" ? \"prod\" : \"dev\"].output]",
    );
    estate.work.run("plan").says(&[
        "warning[W0441]: Object of another provider instance",
        "made with gitlab.by_env[\"dev\"], and its block now chooses gitlab.by_env[\"prod\"]",
    ]);
    estate.stop();
}

#[test]
fn a_service_that_is_down_stops_only_its_own_objects() {
    let estate = Estate::new(MAIN);
    let values = estate.work.read("terraform.tfvars.json");
    estate.work.write("terraform.tfvars.json", &values.replace(estate.prod.gitlab.url(), "no address"));
    estate.work.run("plan").exits(1).says(&[
        "error[E0418]",
        "in provider.gitlab.by_env[\"prod\"]",
        "`no address` is not an address",
    ]);
    estate.work.write("terraform.tfvars.json", &values.replace(estate.prod.gitlab.token(), "wrong"));
    estate.work.run("apply -auto-approve").exits(6).says(&["2 added"]);
    assert_eq!(estate.groups().0, names(&["inner-dev", "team-dev"]));
    estate.stop();
}
