//! Marked secrets in every argument that can hold one, of every type that there is, and a search for them in all that
//! comes out.
//!
//! The configuration is made from the providers' schemas, so that a new type is covered by itself. `fixed.json` says which
//! arguments can't hold a marker, what they hold instead (null: nothing; absent: a name) and why; `MARK` in it stands for a
//! marker. What the objects are in is in `base.json`.

mod configuration;
mod scenes;
mod search;

use configuration::{Held, Planted};
use search::Found;

use crate::encryption::{ENCRYPTION, PASSPHRASE};
use crate::harness::{Folder, Ran};

/// Logs at the highest level, of everything: also of the libraries that carry the calls.
const LOUD: (&str, &str) = ("TF_LOG", "trace");

/// Values that are made of secrets, messages that mention them, and programs that are given them.
const DERIVED: &str = r#"
locals {
  one = values(var.planted)[0]
}
output "upper" {
  value     = upper(local.one)
  sensitive = true
}
output "encoded" {
  value     = { url = urlencode(local.one), base64 = base64encode(local.one), json = jsonencode(local.one), part = substr(local.one, 3, 16) }
  sensitive = true
}
resource "terraform_data" "derived" {
  input = "prefix ${upper(local.one)} and ${substr(local.one, 3, 16)}"
}
check "mentions" {
  assert {
    condition     = local.one == "another"
    error_message = "It is ${local.one}."
  }
}
"#;

/// What each command prints of a state that holds secrets, where it must hide them. `output -raw`, `output -json`, `show -json` and
/// `state pull` are not here: they print values on purpose, as Terraform's do.
const COMMANDS: [&str; 14] = [
    "plan",
    "plan -json",
    "plan -html=page.html -out=saved",
    "plan -destroy",
    "show",
    "show saved",
    "output",
    "drift",
    "drift -json",
    "graph -tree",
    "graph -svg",
    "state list",
    "state history terraform_data.derived",
    "audit export",
];

/// A folder with everything planted, its sandbox running on its own: what that keeps is the service's business.
fn planted(held: Held) -> (Folder, Planted) {
    let folder = Folder::empty();
    if held == Held::Marked {
        folder.write("derived.hcl", DERIVED);
    }
    let planted = Planted::new(&folder, held);
    folder.write("planted.tf.json", &planted.configuration.to_string());
    folder.write("planted.auto.tfvars.json", &planted.variables.to_string());
    (folder, planted)
}

fn loud(folder: &Folder, line: &str) -> Ran {
    folder.run_with(&line.split_whitespace().collect::<Vec<_>>(), &[LOUD, PASSPHRASE])
}

/// All that is printed from the first plan until nothing is left.
fn everything_said(held: Held) -> Found {
    let (folder, planted) = planted(held);
    let _sandbox = folder.sandbox();
    let mut found = Found::default();
    let applied = loud(&folder, "apply -auto-approve").exits(0);
    found.look(&planted, &applied);
    for line in COMMANDS {
        found.look(&planted, &loud(&folder, line));
    }
    for address in folder.state() {
        found.look(&planted, &folder.run_args(&["state", "show", &address]).exits(0));
        found.look(&planted, &folder.run_args(&["why", &address]));
    }
    if held == Held::Marked {
        found.look(&planted, &folder.run_fed("console", "var.planted\nvalues(var.planted)[0]\n"));
    }
    found.look_at_file(&planted, &folder.path("page.html"));
    let made = folder.objects().iter().filter(|address| address.ends_with(".planted")).count();
    assert_eq!(made, planted.types, "not every type was made");
    // Other values: changes of each, and the event stream.
    let others = planted.others().to_string();
    folder.write("planted.auto.tfvars.json", &others);
    for line in ["plan", "plan -json", "apply -auto-approve -json", "destroy -auto-approve"] {
        found.look(&planted, &loud(&folder, line));
    }
    found
}

/// What a provider or a service makes of a sensitive argument (`terraform_data.output`, a group's `full_path`, the subject in a certificate) has
/// no mark of its own, and is hidden as well.
#[test]
fn nothing_says_what_the_configuration_marks() {
    everything_said(Held::Marked).nothing();
}

#[test]
fn nothing_says_what_schemas_mark() {
    everything_said(Held::BySchema).nothing();
}

/// The arguments that can't hold a marker are given one here: every refusal, of the engine, of a provider, of a service.
#[test]
fn no_refusal_repeats_what_it_refuses() {
    let folder = Folder::empty();
    let planted = Planted::wild(&folder);
    let _sandbox = folder.sandbox();
    let mut found = Found::default();
    folder.write("planted.auto.tfvars.json", &planted.variables.to_string());
    for configuration in planted.apart() {
        folder.write("planted.tf.json", &configuration.to_string());
        let ran = folder.run("apply -auto-approve");
        found.look(&planted, &ran);
    }
    found.nothing();
}

#[test]
fn nothing_that_is_kept_under_a_key_can_be_read() {
    let (folder, planted) = planted(Held::Marked);
    folder.write("encryption.hcl", ENCRYPTION);
    let _sandbox = folder.sandbox();
    let mut found = Found::default();
    for line in [
        "plan -out=saved",
        "apply saved",
        "state backup copy.db",
        "plan -html=page.html",
        "plan -refresh-only",
    ] {
        found.look(&planted, &loud(&folder, line).exits(0));
    }
    for file in search::files(&folder) {
        found.look_at_file(&planted, &file);
    }
    found.nothing();
}

#[test]
fn what_is_only_written_is_kept_nowhere() {
    let (folder, planted) = planted(Held::WriteOnly);
    let _sandbox = folder.sandbox();
    let mut found = Found::default();
    for line in [
        "plan -out=saved",
        "apply saved",
        "plan",
        "show -json",
        "show -json saved",
        "state pull",
        "output -json",
    ] {
        found.look(&planted, &loud(&folder, line).exits(0));
    }
    let made = folder.objects();
    assert!(made.contains(&"kubernetes_secret.planted".to_owned()), "{made:?}");
    for file in search::files(&folder) {
        found.look_at_file(&planted, &file);
    }
    found.nothing();
}

#[test]
fn the_search_finds_what_is_printed() {
    let folder = Folder::with(
        "variable \"planted\" {\n  type = map(string)\n}\noutput \"plain\" {\n  value = { for name, text in var.planted : name => [text, upper(text), base64encode(\"x${text}\"), substr(text, 3, 13)] }\n}\n",
    );
    let planted = Planted::wild(&folder);
    folder.write("planted.auto.tfvars.json", &planted.variables.to_string());
    let ran = folder.run("plan").exits(0);
    let found = planted.found_in(ran.out.as_bytes());
    let missed: Vec<_> = planted.names.iter().filter(|name| !found.contains(name)).collect();
    assert!(missed.is_empty(), "{missed:?}");
    assert!(found.iter().any(|name| name.starts_with("one in base64")), "{found:?}");
}
