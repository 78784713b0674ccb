//! Encryption for people (age): each opens it with an identity of his own, and who only writes needs none.

use insta::assert_snapshot;

use crate::encryption::MARKED;
use crate::ephemeral::holds_nowhere;
use crate::harness::{Folder, Ran};

/// Of `age-keygen`, for these tests.
const ANNE: (&str, &str) = (
    "age1p8lwh6q2t5kklqy8qsqestnwlyfgh6k3tpw73ep2mrvwuqggzg8qhnzn34",
    "AGE-SECRET-KEY-1CTG2VDHXLTF4MQQ9A8GDL8DPKF6J8UUAMRUDK07G44KUR4MCHN4QR675X8",
);
const PAUL: (&str, &str) = (
    "age1mmc335v4n9a4c0rut2lj7kreqmxne2pm8gkqtde29fmwcx3djggswgzxuv",
    "AGE-SECRET-KEY-10JSWKCEJ4YXTGK89P4XZ7U2D4TJRK7VJ0V2LUGGF7ZKLRE3XJ4NQYPXU2F",
);

/// A configuration whose `target` (`state`, `plan`) is for these recipients; identities lie in files of the folder.
fn written_for(recipients: &[&str], targets: &[&str]) -> String {
    let target = |name: &&str| format!("    {name} {{\n      method = method.aes_gcm_siv.team\n    }}\n");
    format!(
        r#"
variable "secret" {{
  type      = string
  sensitive = true
}}
terraform {{
  encryption {{
    key_provider "age" "team" {{
      recipients = {recipients:?}
    }}
    method "aes_gcm_siv" "team" {{
      keys = key_provider.age.team
    }}
{}  }}
}}
resource "terraform_data" "a" {{
  input = var.secret
}}
"#,
        targets.iter().map(target).collect::<String>()
    )
}

fn team(recipients: &[&str], targets: &[&str]) -> Folder {
    let folder = Folder::with(&written_for(recipients, targets));
    folder.write(
        "anne.key",
        &format!("# created: 2026-11-30T12:00:00Z\n# public key: {}\n{}\n", ANNE.0, ANNE.1),
    );
    folder.write("paul.key", PAUL.1);
    folder
}

/// Runs as somebody with this file, or without any.
fn run_as(folder: &Folder, identity: Option<&str>, line: &str) -> Ran {
    let mut variables = vec![("PILOTIS_VAR_secret", MARKED)];
    variables.extend(identity.map(|file| ("PILOTIS_AGE_IDENTITY_FILE", file)));
    folder.run_with(&line.split_whitespace().collect::<Vec<_>>(), &variables)
}

fn said(folder: &Folder, ran: &Ran) -> String {
    ran.to_string().replace(&*folder.path("").to_string_lossy(), "")
}

#[test]
fn a_state_is_for_each_of_its_recipients() {
    let folder = team(&[ANNE.0, PAUL.0], &["state"]);
    run_as(&folder, Some("anne.key"), "apply -auto-approve").exits(0).says(&["1 added"]);
    holds_nowhere(&folder, MARKED);
    run_as(&folder, Some("paul.key"), "plan").exits(0).says(&["No changes"]);
    assert_snapshot!(said(&folder, &run_as(&folder, None, "plan").exits(1)), @"
    $ pilotis plan
    --- standard error
    Error: pilotis.db: terraform_data.a: key_provider.age.team gives no key: it has no identity here: name the file of yours in PILOTIS_AGE_IDENTITY_FILE

    Nothing was changed. Which keys there are is said by the `encryption` block of the configuration, or by PILOTIS_ENCRYPTION.
    --- exit Some(1)
    ");

    // Paul leaves: what is written from now on isn't for him, and after `rekey` nothing is.
    folder.write("main.hcl", &written_for(&[ANNE.0], &["state"]));
    run_as(&folder, Some("anne.key"), "state rekey").exits(0);
    run_as(&folder, Some("anne.key"), "plan").exits(0).says(&["No changes"]);
    assert_snapshot!(said(&folder, &run_as(&folder, Some("paul.key"), "plan").exits(1)), @"
    $ pilotis plan
    --- standard error
    Error: pilotis.db: terraform_data.a: key_provider.age.team gives no key: it was wrapped for others: none of the identities here opens it

    Nothing was changed. Which keys there are is said by the `encryption` block of the configuration, or by PILOTIS_ENCRYPTION.
    --- exit Some(1)
    ");
    // The other ways to say who one is; a file that isn't there is said.
    let own = format!("recipients = [{:?}]", ANNE.0);
    for (argument, code) in [
        ("identity_file = \"anne.key\"", 0),
        ("identity = file(\"anne.key\")", 0),
        ("identity_file = \"no.key\"", 1),
    ] {
        let text = written_for(&[ANNE.0], &["state"]).replace(&own, &format!("{own}\n{argument}"));
        assert!(text.contains(argument));
        folder.write("main.hcl", &text);
        run_as(&folder, None, "plan").exits(code);
    }
}

#[test]
fn a_saved_plan_is_sealed_by_who_cannot_open_it() {
    let folder = team(&[ANNE.0], &["plan"]);
    run_as(&folder, None, "plan -out=saved").exits(0);
    holds_nowhere(&folder, MARKED);
    assert_snapshot!(said(&folder, &run_as(&folder, None, "apply saved").exits(1)), @"
    $ pilotis apply saved
    --- standard error
    Error: saved can't be applied

      the saved plan key_provider.age.team gives no key: it has no identity here: name the file of yours in PILOTIS_AGE_IDENTITY_FILE
    --- exit Some(1)
    ");
    run_as(&folder, Some("paul.key"), "show saved").exits(1).says(&["none of the identities here opens it"]);
    run_as(&folder, Some("anne.key"), "apply saved").exits(0).says(&["1 added"]);
}
