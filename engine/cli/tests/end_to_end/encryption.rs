//! Encrypted states and plans: what is written can't be read without the key, and what somebody changed is noticed.

use insta::assert_snapshot;

use crate::ephemeral::holds_nowhere;
use crate::harness::{Folder, Ran};

/// Looked for in every file of the folder.
pub(crate) const MARKED: &str = "m4rk3d-v4lu3";
pub(crate) const PASSPHRASE: (&str, &str) = ("PILOTIS_VAR_passphrase", "correct horse battery staple");
const WRONG: (&str, &str) = ("PILOTIS_VAR_passphrase", "incorrect horse battery staple");

/// A passphrase with Argon2 at a cost that a test can bear.
pub(crate) const ENCRYPTION: &str = r#"
variable "passphrase" {
  type      = string
  ephemeral = true
}
terraform {
  encryption {
    key_provider "argon2" "main" {
      passphrase  = var.passphrase
      memory_kib  = 64
      iterations  = 1
      parallelism = 1
    }
    method "aes_gcm_siv" "main" {
      keys = key_provider.argon2.main
    }
    method "unencrypted" "old" {}
    state {
      method = method.aes_gcm_siv.main
    }
    plan {
      method = method.aes_gcm_siv.main
    }
  }
}
"#;

const SECRETS: &str = r#"
variable "secret" {
  default   = "m4rk3d-v4lu3"
  sensitive = true
}
resource "terraform_data" "a" {
  input = var.secret
}
output "secret" {
  value     = terraform_data.a.output
  sensitive = true
}
"#;

impl Folder {
    pub(crate) fn with_key(&self, line: &str) -> Ran {
        self.run_with(&line.split_whitespace().collect::<Vec<_>>(), &[PASSPHRASE])
    }
}

/// What was said, wherever the folder is.
fn said(folder: &Folder, ran: &Ran) -> String {
    ran.to_string().replace(&*folder.path("").to_string_lossy(), "")
}

/// The configuration that names the secret is not what is looked at.
fn holds_no_marked_value(folder: &Folder) {
    let text = folder.read("secrets.hcl");
    std::fs::remove_file(folder.path("secrets.hcl")).unwrap();
    holds_nowhere(folder, MARKED);
    folder.write("secrets.hcl", &text);
}

pub(crate) fn encrypted() -> Folder {
    let folder = Folder::with(ENCRYPTION);
    folder.write("secrets.hcl", SECRETS);
    folder
}

#[test]
fn nothing_that_is_written_can_be_read() {
    let folder = encrypted();
    folder.with_key("plan -out=p.plan").exits(0);
    holds_no_marked_value(&folder);
    assert!(folder.read("p.plan").starts_with("pilotis-sealed:1:argon2.main:"));
    folder.with_key("apply p.plan").exits(0);
    folder.edit("secrets.hcl", "\"m4rk3d-v4lu3\"", "\"m4rk3d-v4lu3-again\"");
    folder.with_key("apply -auto-approve").exits(0);
    folder.with_key("drift").exits(0);
    holds_no_marked_value(&folder);
    assert_eq!(folder.with_key("output -raw secret").exits(0).out, "m4rk3d-v4lu3-again");
    folder.with_key("plan").exits(0).says(&["No changes."]);
    folder.with_key("state mv terraform_data.a terraform_data.b").exits(0);
    folder.with_key("state history terraform_data.b").exits(0);
    folder.with_key("state show terraform_data.b").exits(0).says(&["(sensitive"]);
    holds_no_marked_value(&folder);
}

#[test]
fn a_saved_plan_is_encrypted_as_the_state_is_and_refused_in_clear() {
    let folder = encrypted();
    folder.edit("main.hcl", "    plan {\n      method = method.aes_gcm_siv.main\n    }\n", "");
    folder.with_key("plan -out=p.plan").exits(0);
    holds_no_marked_value(&folder);
    folder.with_key("show p.plan").exits(0).says(&["terraform_data.a will be created"]);
    // One that somebody made elsewhere, and put in its place.
    let clear = Folder::with(SECRETS);
    clear.run("plan -out=p.plan").exits(0);
    std::fs::copy(clear.path("p.plan"), folder.path("p.plan")).unwrap();
    folder.with_key("apply p.plan").exits(1).says(&["the saved plan is not encrypted"]);
}

#[test]
fn without_the_key_nothing_is_read_or_changed() {
    let folder = encrypted();
    folder.with_key("apply -auto-approve").exits(0);
    folder.with_key("plan -out=p.plan").exits(0);
    let before = std::fs::read(folder.path("pilotis.db")).unwrap();
    assert_snapshot!(said(&folder, &folder.run_with(&["plan"], &[WRONG])), @"
$ pilotis plan
--- standard error
Error: pilotis.db: terraform_data.a can't be decrypted with key_provider.argon2.main: the key is another one, or what is stored was changed or belongs to another place

Nothing was changed. Which keys there are is said by the `encryption` block of the configuration, or by PILOTIS_ENCRYPTION.
--- exit Some(1)
");
    assert_snapshot!(said(&folder, &folder.run_with(&["apply", "p.plan"], &[WRONG])), @"
$ pilotis apply p.plan
--- standard error
Error: p.plan can't be applied

  the saved plan can't be decrypted with key_provider.argon2.main: the key is another one, or what is stored was changed or belongs to another place
--- exit Some(1)
");
    assert_snapshot!(said(&folder, &folder.run("state list")), @"
$ pilotis state list
--- standard error
Error: key_provider.argon2.main gives no key: a variable that it refers to has no value; give it in the environment as PILOTIS_VAR_NAME
--- exit Some(1)
");
    folder.edit("main.hcl", "      passphrase  = var.passphrase", "      passphrase  = \"short\"");
    assert_snapshot!(said(&folder, &folder.run("state list")), @"
$ pilotis state list
--- standard error
Error: key_provider.argon2.main gives no key: the passphrase must have at least 16 characters
--- exit Some(1)
");
    folder.write("main.hcl", "");
    assert_snapshot!(said(&folder, &folder.run("state list")), @"
$ pilotis state list
--- standard error
Error: pilotis.db: terraform_data.a is encrypted with key_provider.argon2.main, and the configuration's `encryption` block has none of that name

Nothing was changed. Which keys there are is said by the `encryption` block of the configuration, or by PILOTIS_ENCRYPTION.
--- exit Some(1)
");
    assert_eq!(std::fs::read(folder.path("pilotis.db")).unwrap(), before);
}

#[test]
fn a_saved_plan_is_applied_with_the_keys_of_the_environment_where_no_configuration_is() {
    let folder = encrypted();
    folder.with_key("plan -out=p.plan").exits(0);
    let elsewhere = Folder::empty();
    std::fs::copy(folder.path("p.plan"), elsewhere.path("p.plan")).unwrap();
    assert_snapshot!(said(&elsewhere, &elsewhere.with_key("apply p.plan")), @"
$ pilotis apply p.plan
--- standard error
Error: p.plan can't be applied

  the saved plan is encrypted with key_provider.argon2.main, and the configuration's `encryption` block has none of that name
--- exit Some(1)
");
    let keys = r#"
      key_provider "argon2" "main" { passphrase = "correct horse battery staple" }
      method "aes_gcm_siv" "main" { keys = key_provider.argon2.main }
      state { method = method.aes_gcm_siv.main }
      plan { method = method.aes_gcm_siv.main }
    "#;
    let environment = [PASSPHRASE, ("PILOTIS_ENCRYPTION", keys)];
    elsewhere.run_with(&["apply", "p.plan"], &environment).exits(0);
    holds_nowhere(&elsewhere, MARKED);
    elsewhere.run_with(&["state", "list"], &environment[1..]).exits(0).says(&["terraform_data.a"]);
    // A mistake in it may show what is secret: the text is not repeated.
    let wrong = [("PILOTIS_ENCRYPTION", "passphrase = \"m4rk3d-v4lu3")];
    elsewhere.run_with(&["state", "list"], &wrong).exits(1).never_says(&[MARKED]);
}

#[test]
fn keys_of_a_file_and_of_the_environment() {
    let folder = encrypted();
    let argon2 = "key_provider \"argon2\" \"main\" {\n      passphrase  = var.passphrase\n      memory_kib  = 64\n      iterations  = 1\n      parallelism = 1\n    }";
    folder.edit("main.hcl", argon2, "key_provider \"file\" \"main\" {\n      path = \"../home/key\"\n    }");
    folder.edit("main.hcl", "key_provider.argon2.main", "key_provider.file.main");
    folder.write("../home/key", &format!("{}\n", "0f".repeat(32)));
    folder.with_key("apply -auto-approve").exits(0);
    holds_no_marked_value(&folder);
    folder.edit(
        "main.hcl",
        "\"file\" \"main\" {\n      path = \"../home/key\"",
        "\"environment\" \"main\" {\n      variable = \"KEY\"",
    );
    folder.edit("main.hcl", "key_provider.file.main", "key_provider.environment.main");
    assert_snapshot!(said(&folder, &folder.run("state list")), @"
$ pilotis state list
--- standard error
Error: key_provider.environment.main gives no key: KEY is not set in the environment
--- exit Some(1)
");
    folder
        .run_with(&["state", "list"], &[("KEY", &"0f".repeat(32))])
        .exits(1)
        .says(&["terraform_data.a is encrypted with key_provider.file.main"]);
}

#[test]
fn a_state_in_clear_becomes_encrypted_when_that_is_said() {
    let folder = Folder::with("");
    folder.write("secrets.hcl", SECRETS);
    folder.run("apply -auto-approve").exits(0);
    folder.write("main.hcl", ENCRYPTION);
    assert_snapshot!(said(&folder, &folder.with_key("plan")), @"
$ pilotis plan
--- standard error
Error: pilotis.db: terraform_data.a is not encrypted, though the configuration says that it must be; add `fallback { method = method.unencrypted.NAME }` for the one run that encrypts it

Nothing was changed. Which keys there are is said by the `encryption` block of the configuration, or by PILOTIS_ENCRYPTION.
--- exit Some(1)
");
    let fallback = "state {\n      method = method.aes_gcm_siv.main\n      fallback {\n        method = method.unencrypted.old\n      }";
    folder.edit("main.hcl", "state {\n      method = method.aes_gcm_siv.main", fallback);
    folder.with_key("plan").exits(0).says(&["No changes."]);
    folder
        .with_key("state rekey")
        .exits(0)
        .says(&["1 objects and 1 runs were encrypted anew", "pilotis.db.rekeyed"]);
    std::fs::remove_file(folder.path("pilotis.db.rekeyed")).unwrap();
    folder.edit("main.hcl", fallback, "state {\n      method = method.aes_gcm_siv.main");
    folder.with_key("plan").exits(0).says(&["No changes."]);
    folder.with_key("state history terraform_data.a").exits(0).says(&["create"]);
    holds_no_marked_value(&folder);
}

#[test]
fn a_backup_is_encrypted_as_the_state_is() {
    let folder = encrypted();
    folder.with_key("apply -auto-approve").exits(0);
    folder.with_key("state backup b.db").exits(0).says(&["It is encrypted as the state is."]);
    holds_no_marked_value(&folder);
    std::fs::remove_file(folder.path("pilotis.db")).unwrap();
    folder.with_key("state recover b.db").exits(0);
    folder.with_key("plan").exits(0).says(&["No changes."]);
    holds_no_marked_value(&folder);
}

#[test]
fn a_row_that_somebody_changed_is_noticed() {
    let folder = encrypted();
    folder.with_key("apply -auto-approve").exits(0);
    let mut bytes = std::fs::read(folder.path("pilotis.db")).unwrap();
    let (from, to) = (b"terraform_data.a", b"terraform_data.b");
    let places: Vec<_> = (0..bytes.len() - from.len()).filter(|i| bytes[*i..].starts_with(from)).collect();
    assert!(places.len() > 1, "the row and its index");
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to);
    }
    std::fs::write(folder.path("pilotis.db"), bytes).unwrap();
    assert_snapshot!(said(&folder, &folder.with_key("plan")), @"
$ pilotis plan
--- standard error
Error: pilotis.db: terraform_data.b can't be decrypted with key_provider.argon2.main: the key is another one, or what is stored was changed or belongs to another place

Nothing was changed. Which keys there are is said by the `encryption` block of the configuration, or by PILOTIS_ENCRYPTION.
--- exit Some(1)
");
}

#[test]
fn an_old_state_or_plan_that_is_put_back_is_noticed() {
    let folder = encrypted();
    folder.with_key("apply -auto-approve").exits(0);
    let old = std::fs::read(folder.path("pilotis.db")).unwrap();
    folder.edit("secrets.hcl", "\"m4rk3d-v4lu3\"", "\"another\"");
    folder.with_key("plan -out=p.plan").exits(0);
    folder.with_key("apply p.plan").exits(0);
    folder.with_key("apply p.plan").exits(7).says(&["the saved plan is stale"]);
    let new = std::fs::read(folder.path("pilotis.db")).unwrap();
    std::fs::write(folder.path("pilotis.db"), old).unwrap();
    let noticed = folder.with_key("plan").exits(1);
    let lineage = noticed.err.split("serials/").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert_snapshot!(said(&folder, &noticed).replace(&lineage, "LINEAGE").replace(&folder.home(), "~"), @"
$ pilotis plan
--- standard error
Error: pilotis.db is older than the state that was here: it is at serial 5, and was at 10, as ~/.local/state/pilotis/serials/LINEAGE remembers

Nothing was changed. Somebody has put an old copy in its place: put the newest back. If the old one is meant, remove the file that remembers.
--- exit Some(1)
");
    folder.with_key("state list").exits(1);
    folder.with_key("apply -auto-approve").exits(1);
    std::fs::write(folder.path("pilotis.db"), new).unwrap();
    folder.with_key("plan").exits(0).says(&["No changes."]);
}
