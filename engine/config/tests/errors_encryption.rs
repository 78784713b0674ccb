//! Wrong `encryption` blocks, and what is said of them.

mod support;

use insta::assert_snapshot;
use pilotis_config::EncryptionMethod;
use support::said;

/// An `encryption` block with these members besides a key provider and a method.
fn with(members: &str) -> String {
    format!(
        r#"variable "passphrase" {{
  type      = string
  ephemeral = true
}}
terraform {{
  encryption {{
    key_provider "argon2" "main" {{
      passphrase = var.passphrase
    }}
    method "aes_gcm_siv" "main" {{
      keys = key_provider.argon2.main
    }}
    method "unencrypted" "old" {{}}
    {members}
  }}
}}"#
    )
}

#[test]
fn the_first_method_encrypts_and_the_others_decrypt() {
    let text = with(
        "state {\n method = method.aes_gcm_siv.main\n fallback {\n method = method.unencrypted.old\n }\n }",
    );
    let configuration = support::loaded(&text);
    let encryption = configuration.modules[0].encryption.as_ref().expect("there is a block");
    let target = encryption.state.as_ref().expect("there is a state block");
    assert_eq!(target.methods, [EncryptionMethod::Keys(0), EncryptionMethod::Unencrypted]);
    assert!(encryption.plan.is_none());
}

#[test]
fn references_to_nothing() {
    assert_snapshot!(said(&with("state {\n method = method.aes_gcm_siv.mian\n }\n plan {\n method = \"main\"\n }")), @r#"
error[E0357]: Invalid reference in encryption
  --> main.hcl:15:11
   |
15 |  method = method.aes_gcm_siv.mian
   |           ^^^^^^^^^^^^^^^^^^^^^^^
   |
   = There is no block method.aes_gcm_siv.mian.

error[E0357]: Invalid reference in encryption
  --> main.hcl:18:11
   |
18 |  method = "main"
   |           ^^^^^^
   |
   = A reference to a method block is needed here: `method.TYPE.NAME`.
"#);
}

#[test]
fn kinds_that_there_are_not() {
    let text = with(
        "key_provider \"argon\" \"x\" {}\n method \"rot13\" \"x\" {}\n state {\n enforced = true\n method = method.unencrypted.old\n }",
    );
    assert_snapshot!(said(&text), @r#"
error[E0357]: Unsupported key provider
  --> main.hcl:14:18
   |
14 |     key_provider "argon" "x" {}
   |                  ^^^^^^^
   |
   = There is no key provider "argon": there are argon2, pbkdf2, file, environment, openbao, age.
   = help: Did you mean "argon2"?

error[E0357]: Unsupported encryption method
  --> main.hcl:15:9
   |
15 |  method "rot13" "x" {}
   |         ^^^^^^^
   |
   = There is no method "rot13": there are aes_gcm_siv, aes_gcm, unencrypted.

error[E0357]: Unencrypted method is forbidden
  --> main.hcl:16:2
   |
16 |  state {
   |  ^^^^^
   |
   = This block says that encryption is enforced, and its method encrypts nothing.
   = help: Use a method that encrypts, or remove `enforced`.
"#);
}

#[test]
fn keys_of_what_is_not_known_yet() {
    let text = with(
        "key_provider \"file\" \"x\" {\n path = local.path\n }\n }\n}\nlocals {\n path = \"key\"\n}\nterraform {\n encryption {",
    );
    assert_snapshot!(said(&text), @"
error[E0357]: Dynamic value in static context
  --> main.hcl:15:9
   |
15 |  path = local.path
   |         ^^^^^^^^^^
   |
   = The state is read before anything is evaluated, so what its keys are made of can't refer to anything
     but variables.
   = help: Use an ephemeral variable, given in the environment as PILOTIS_VAR_NAME.

error[E0308]: Duplicate encryption configuration
  --> main.hcl:23:2
   |
 6 |   encryption {
   |   ---------- first declared here
...
23 |  encryption {
   |  ^^^^^^^^^^
   |
   = A module may have only one encryption block.
");
}

#[test]
fn a_passphrase_is_not_stored() {
    let text = with("").replace("  ephemeral = true\n", "");
    assert_snapshot!(said(&text), @r#"
error[E0357]: Key made of a variable that is stored
 --> main.hcl:7:20
  |
7 |       passphrase = var.passphrase
  |                    ^^^^^^^^^^^^^^
  |
  = The value of the variable "passphrase" would be stored in saved plans: beside what it protects.
  = help: Declare it with `ephemeral = true`, and give it in the environment as PILOTIS_VAR_passphrase.
"#);
}

#[test]
fn arguments_are_checked() {
    let text = with(
        "key_provider \"argon2\" \"x\" {\n iterations = \"many\"\n }\n key_provider \"argon2\" \"main\" {\n passphrase = \"\"\n }",
    );
    assert_snapshot!(said(&text), @r#"
error[E0303]: Missing required argument
  --> main.hcl:14:5
   |
14 |     key_provider "argon2" "x" {
   |     ^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = The argument "passphrase" is required, but no definition was found.

error[E0304]: Incorrect attribute value type
  --> main.hcl:15:15
   |
15 |  iterations = "many"
   |               ^^^^^^
   |
   = Inappropriate value for attribute "iterations": a number is required.

error[E0308]: Duplicate key provider
  --> main.hcl:17:2
   |
 7 |     key_provider "argon2" "main" {
   |     ---------------------------- first declared here
...
17 |  key_provider "argon2" "main" {
   |  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = A key provider "argon2.main" was already declared.
"#);
}
