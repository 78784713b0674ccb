//! Wrong blocks, arguments and values, and what is said of them.

mod support;

use insta::assert_snapshot;
use support::said;

#[test]
fn blocks_and_arguments() {
    // A block type with a typo.
    assert_snapshot!(said(r#"resurce "gitlab_group" "a" {}"#), @r#"
error[E0301]: Unsupported block type
 --> main.hcl:1:1
  |
1 | resurce "gitlab_group" "a" {}
  | ^^^^^^^
  |
  = Blocks of type "resurce" are not expected here.
  = help: Did you mean "resource"?
"#);
    // A blueprint's word that isn't declared.
    assert_snapshot!(said(r#"project "carto" {}"#), @r#"
error[E0301]: Unsupported block type
 --> main.hcl:1:1
  |
1 | project "carto" {}
  | ^^^^^^^
  |
  = Blocks of type "project" are not expected here.
  = help: `project` is the word of a blueprint: declare it with `blueprint "project" { source =
          "cloud-pi-native/project" }`.
"#);
    // An argument outside of blocks.
    assert_snapshot!(said(r#"name = "x""#), @r#"
error[E0302]: Unsupported argument
 --> main.hcl:1:1
  |
1 | name = "x"
  | ^^^^
  |
  = An argument named "name" is not expected here.
  = help: A name for a value goes into a block: `locals { name = … }`.
"#);
    // An argument of the language with a typo.
    assert_snapshot!(said(r#"variable "a" {
  typ = string
}"#), @r#"
error[E0302]: Unsupported argument
 --> main.hcl:2:3
  |
2 |   typ = string
  |   ^^^
  |
  = An argument named "typ" is not expected here.
  = help: Did you mean "type"?
"#);
    // An argument of a resource with a typo.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
  descripton = "x"
}"#), @r#"
error[E0302]: Unsupported argument
 --> main.hcl:4:3
  |
4 |   descripton = "x"
  |   ^^^^^^^^^^
  |
  = An argument named "descripton" is not expected here.
  = help: Did you mean "description"?
"#);
    // A nested block with a typo.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
  push_rule {}
}"#), @r#"
error[E0301]: Unsupported block type
 --> main.hcl:4:3
  |
4 |   push_rule {}
  |   ^^^^^^^^^
  |
  = Blocks of type "push_rule" are not expected here.
  = help: Did you mean "push_rules"?
"#);
    // A block written as an argument.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
  push_rules = []
}"#), @r#"
error[E0302]: Unsupported argument
 --> main.hcl:4:3
  |
4 |   push_rules = []
  |   ^^^^^^^^^^
  |
  = An argument named "push_rules" is not expected here.
  = help: "push_rules" is a block: write `push_rules { … }` without an equals sign.
"#);
    // An argument written as a block.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
  tags {}
}"#), @r#"
error[E0301]: Unsupported block type
 --> main.hcl:4:3
  |
4 |   tags {}
  |   ^^^^
  |
  = Blocks of type "tags" are not expected here.
  = help: "tags" is an argument: write `tags = …` with an equals sign.
"#);
    // A missing argument.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  path = "a"
}"#), @r#"
error[E0303]: Missing required argument
 --> main.hcl:1:1
  |
1 | resource "gitlab_group" "a" {
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = The argument "name" is required, but no definition was found.
"#);
    // A required argument that is null.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = null
  path = "a"
}"#), @r#"
error[E0303]: Missing required argument
 --> main.hcl:2:10
  |
2 |   name = null
  |          ^^^^
  |
  = The argument "name" is required, but it is null.
"#);
    // A missing block.
    assert_snapshot!(said(r#"resource "kubernetes_namespace" "a" {}"#), @r#"
error[E0310]: Insufficient metadata blocks
 --> main.hcl:1:1
  |
1 | resource "kubernetes_namespace" "a" {}
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = At least 1 "metadata" block is required.
"#);
    // A block too many.
    assert_snapshot!(said(r#"resource "kubernetes_namespace" "a" {
  metadata {}
  metadata {}
}"#), @r#"
error[E0310]: Too many metadata blocks
 --> main.hcl:3:3
  |
3 |   metadata {}
  |   ^^^^^^^^
  |
  = No more than 1 "metadata" block is allowed.
"#);
    // An attribute that only the service sets.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  id = "1"
  name = "a"
  path = "a"
}"#), @r#"
error[E0309]: Value for unconfigurable attribute
 --> main.hcl:2:3
  |
2 |   id = "1"
  |   ^^
  |
  = Can't configure a value for "id": its value will be decided automatically based on the result of
    applying this configuration.
  = help: Remove this argument; refer to the attribute where you need its value.
"#);
    // A deprecated argument.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
  emails_disabled = true
}"#), @r#"
warning[W0312]: Argument is deprecated
 --> main.hcl:4:3
  |
4 |   emails_disabled = true
  |   ^^^^^^^^^^^^^^^
  |
  = "emails_disabled" is deprecated.
  = help: Use "emails_enabled".
"#);
    // An argument that is set twice.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  name = "b"
  path = "a"
}"#), @r#"
error[E0106]: Attribute redefined
 --> main.hcl:3:3
  |
2 |   name = "a"
  |   ---- set first here
3 |   name = "b"
  |   ^^^^ set again here
  |
  = The argument "name" is set more than once.
"#);
    // A missing label.
    assert_snapshot!(said(r#"resource "gitlab_group" {}"#), @r#"
error[E0306]: Missing name for resource
 --> main.hcl:1:1
  |
1 | resource "gitlab_group" {}
  | ^^^^^^^^^^^^^^^^^^^^^^^
  |
  = All resource blocks must have 2 labels (type, name).
"#);
    // A label too many.
    assert_snapshot!(said(r#"variable "a" "b" {}"#), @r#"
error[E0306]: Extraneous label for variable
 --> main.hcl:1:14
  |
1 | variable "a" "b" {}
  |              ^^^
  |
  = Only 1 label (name) is expected for variable blocks.
"#);
    // A dynamic block of no type.
    assert_snapshot!(said(r#"resource "kubernetes_role_binding" "a" {
  metadata {}
  dynamic "subjet" {
    for_each = []
    content {}
  }
  subject {
    kind = "User"
    name = "u"
  }
}"#), @r#"
error[E0301]: Unsupported block type
 --> main.hcl:3:11
  |
3 |   dynamic "subjet" {
  |           ^^^^^^^^
  |
  = Blocks of type "subjet" are not expected here.
  = help: Did you mean "subject"?
"#);
    // A dynamic block without content.
    assert_snapshot!(said(r#"resource "kubernetes_role_binding" "a" {
  metadata {}
  dynamic "subject" {
    for_each = ["a"]
  }
}"#), @r#"
error[E0311]: Missing dynamic content block
 --> main.hcl:3:3
  |
3 |   dynamic "subject" {
  |   ^^^^^^^^^^^^^^^^^
  |
  = A dynamic block must have a nested block of type "content" to describe the body of each generated
    block.
"#);
}

#[test]
fn types_and_values() {
    // Arguments of the wrong type.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name      = ["a"]
  path      = "a"
  parent_id = "top"
}"#), @r#"
error[E0304]: Incorrect attribute value type
 --> main.hcl:2:15
  |
2 |   name      = ["a"]
  |               ^^^^^
  |
  = Inappropriate value for attribute "name": string required.

error[E0304]: Incorrect attribute value type
 --> main.hcl:4:15
  |
4 |   parent_id = "top"
  |               ^^^^^
  |
  = Inappropriate value for attribute "parent_id": a number is required.
"#);
    // An element of the wrong type.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
  tags = ["x", { y = 1 }]
}"#), @r#"
error[E0304]: Incorrect attribute value type
 --> main.hcl:4:16
  |
4 |   tags = ["x", { y = 1 }]
  |                ^^^^^^^^^
  |
  = Inappropriate value for attribute "tags": [1]: string required.
"#);
    // A value that isn't one of those possible.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name       = "a"
  path       = "a"
  visibility = "privat"
}"#), @r#"
error[E0305]: Invalid value
 --> main.hcl:4:16
  |
4 |   visibility = "privat"
  |                ^^^^^^^^
  |
  = "privat" is not a value of "visibility". It takes one of "private", "internal", "public".
  = help: Did you mean "private"?
"#);
    // A default of the wrong type.
    assert_snapshot!(said(r#"variable "n" {
  type    = number
  default = "many"
}"#), @r#"
error[E0304]: Invalid default value for variable
 --> main.hcl:3:13
  |
3 |   default = "many"
  |             ^^^^^^
  |
  = This default value is not compatible with the variable's type constraint: a number is required.
"#);
    // A type that is none.
    assert_snapshot!(said(r#"variable "n" {
  type = strng
}"#), @r#"
error[E0260]: Invalid type specification
 --> main.hcl:2:10
  |
2 |   type = strng
  |          ^^^^^
  |
  = The keyword "strng" is not a valid type specification.
  = help: Did you mean `string`?
"#);
    // A type in quotes.
    assert_snapshot!(said(r#"variable "n" {
  type = "string"
}"#), @r#"
error[E0260]: Invalid quoted type constraints
 --> main.hcl:2:10
  |
2 |   type = "string"
  |          ^^^^^^^^
  |
  = A type is written without quotes.
  = help: Write `string`, without the quotes.
"#);
    // A default inside of a type.
    assert_snapshot!(said(r#"variable "n" {
  type = object({ a = optional(number, "x") })
}"#), @r#"
error[E0261]: Invalid default value for optional attribute
 --> main.hcl:2:40
  |
2 |   type = object({ a = optional(number, "x") })
  |                                        ^^^
  |
  = This default value is not compatible with the attribute's type constraint: a number is required.
"#);
    // A default that refers to something.
    assert_snapshot!(said(r#"variable "n" {
  default = var.m
}"#), @r#"
error[E0262]: Variables not allowed
 --> main.hcl:2:13
  |
2 |   default = var.m
  |             ^^^^^
  |
  = Variables may not be used here.
"#);
    // Prevent_destroy that isn't a constant.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
  lifecycle {
    prevent_destroy = var.x
  }
}
variable "x" {}"#), @r#"
error[E0262]: Variables not allowed
 --> main.hcl:5:23
  |
5 |     prevent_destroy = var.x
  |                       ^^^^^
  |
  = Variables may not be used here.
"#);
}
