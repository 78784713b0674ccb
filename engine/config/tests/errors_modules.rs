//! Wrong calls and addresses, and what is said of them.

mod support;

use insta::assert_snapshot;
use support::{Memory, load_memory, rendered};

/// With two modules beside the root.
fn said_with_modules(text: &str) -> String {
    let sub = "variable \"name\" {\n  type = string\n  validation {\n    condition     = lower(var.name) == var.name\n    error_message = \"Small letters only.\"\n  }\n}\nvariable \"size\" {\n  type    = number\n  default = 1\n}\noutput \"url\" {\n  value = var.name\n}\n";
    let memory =
        Memory::root(text).with("sub", sub).with("loop", "module \"me\" {\n  source = \"../loop\"\n}\n");
    let (configuration, diags) = load_memory(&memory);
    rendered(&configuration, &diags)
}

#[test]
fn modules() {
    // A folder that there isn't.
    assert_snapshot!(said_with_modules(r#"module "m" {
  source = "./nowhere"
}"#), @r#"
error[E0340]: Unreadable module
 --> main.hcl:2:12
  |
2 |   source = "./nowhere"
  |            ^^^^^^^^^^^
  |
  = The module "./nowhere" can't be read: there is no such folder.
"#);
    // A repository that was not fetched.
    assert_snapshot!(said_with_modules(r#"module "m" {
  source = "git::https://forge.example/m.git"
}"#), @r#"
error[E0340]: Unreadable module
 --> main.hcl:2:12
  |
2 |   source = "git::https://forge.example/m.git"
  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = The module "git::https://forge.example/m.git" can't be read: there is no such folder.
"#);
    // A folder without its dot.
    assert_snapshot!(said_with_modules(r#"module "m" {
  source = "modules"
}"#), @r#"
error[E0340]: Invalid module source address
 --> main.hcl:2:12
  |
2 |   source = "modules"
  |            ^^^^^^^^^
  |
  = "modules" is neither a folder, a built-in blueprint nor a Git repository.
  = help: A folder is written with a leading dot: "./modules".
"#);
    // A blueprint that isn't built in.
    assert_snapshot!(said_with_modules(r#"module "m" {
  source = "acme/network"
}"#), @r#"
error[E0340]: Unreadable module
 --> main.hcl:2:12
  |
2 |   source = "acme/network"
  |            ^^^^^^^^^^^^^^
  |
  = The module "acme/network" can't be read: there is no built-in blueprint of that name.
  = help: A folder is written with a leading dot: "./acme/network".
"#);
    // No source.
    assert_snapshot!(said_with_modules(r#"module "m" {}"#), @r#"
error[E0303]: Missing required argument
 --> main.hcl:1:1
  |
1 | module "m" {}
  | ^^^^^^^^^^
  |
  = The argument "source" is required, but no definition was found.
"#);
    // Arguments and outputs.
    assert_snapshot!(said_with_modules(r#"module "m" {
  source = "./sub"
  nmae   = "x"
  size   = "big"
}
locals {
  a = module.m.urll
}"#), @r#"
error[E0303]: Missing required argument
 --> main.hcl:1:1
  |
1 | module "m" {
  | ^^^^^^^^^^
  |
  = The argument "name" is required, but no definition was found.

error[E0302]: Unsupported argument
 --> main.hcl:3:3
  |
3 |   nmae   = "x"
  |   ^^^^
  |
  = An argument named "nmae" is not expected here.
  = help: Did you mean "name"?

error[E0322]: Unsupported attribute
 --> main.hcl:7:16
  |
7 |   a = module.m.urll
  |                ^^^^
  |
  = module.m has no output named "urll".
  = help: Did you mean `module.m.url`?
"#);
    // A rule of a module.
    assert_snapshot!(said_with_modules(r#"module "m" {
  source = "./sub"
  name   = "X"
}"#), @r#"
error[E0360]: Invalid value for variable
 --> main.hcl:3:12
  |
3 |   name   = "X"
  |            ^^^
  |
 ::: sub/main.hcl:4:21
  |
4 |     condition     = lower(var.name) == var.name
  |                     --------------------------- the rule that it breaks
  |
  = Small letters only.
  = note: var.name is "X"
"#);
    // A module that calls itself.
    assert_snapshot!(said_with_modules(r#"module "m" {
  source = "./loop"
}"#), @r#"
error[E0341]: Module calls itself
 --> loop/main.hcl:2:12
  |
2 |   source = "../loop"
  |            ^^^^^^^^^
  |
  = This call would never end: loop → loop.
"#);
    // Addresses.
    assert_snapshot!(said_with_modules(r#"moved {
  from = gitlab_group.a
  to   = gitlab_group.a
}
moved {
  from = "x"
  to   = gitlab_group.b.c.d
}
removed {
  from = gitlab_group.a[0]
}
import {
  to = module.m
  id = "1"
}"#), @r#"
error[E0351]: Redundant move statement
 --> main.hcl:1:1
  |
1 | moved {
  | ^^^^^
  |
  = This statement declares a move from an address to itself, so it does nothing.
  = help: Remove the block.

error[E0351]: Invalid address
 --> main.hcl:6:10
  |
6 |   from = "x"
  |          ^^^
  |
  = An address is written without quotes, with constant keys: `gitlab_group.a`, `module.m["k"]`.

error[E0351]: Invalid address
 --> main.hcl:7:10
  |
7 |   to   = gitlab_group.b.c.d
  |          ^^^^^^^^^^^^^^^^^^
  |
  = This is no address: nothing may follow a resource's address but an index.

error[E0351]: Resource instance keys not allowed
 --> main.hcl:9:1
  |
9 | removed {
  | ^^^^^^^
  |
  = A removed block is for a whole resource or module, not for one of its instances.
  = help: To forget one instance, use `pilotis state rm`.

error[E0351]: Invalid import address
  --> main.hcl:13:8
   |
13 |   to = module.m
   |        ^^^^^^^^
   |
   = The "to" address must be one object: a resource, not a module or a block of a blueprint.
   = help: Import the objects under it one by one.
"#);
}
