//! What wrong provisioners say.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use insta::assert_snapshot;
use support::said;

#[test]
fn of_the_wrong_kind() {
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
  connection {
    host = "x"
  }
  provisioner "remote-exec" {
    inline = ["x"]
  }
  provisioner "local_exec" {
    command = "x"
  }
  provisioner "chef" {}
  provisioner {}
}"#), @r#"
error[E0370]: Connections are not supported
 --> main.hcl:4:3
  |
4 |   connection {
  |   ^^^^^^^^^^
  |
  = A connection is how a provisioner reaches another machine, and none does.
  = help: Let a pipeline do it, or a program that a local-exec provisioner runs here.

error[E0370]: The provisioner "remote-exec" is not supported
 --> main.hcl:7:3
  |
7 |   provisioner "remote-exec" {
  |   ^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = It works on another machine over a connection, which nothing here does.
  = help: Let a pipeline do it, or a program that a local-exec provisioner runs here.

error[E0370]: There is no provisioner "local_exec"
  --> main.hcl:10:3
   |
10 |   provisioner "local_exec" {
   |   ^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = There is local-exec only.
   = help: Did you mean "local-exec"?

error[E0370]: There is no provisioner "chef"
  --> main.hcl:13:3
   |
13 |   provisioner "chef" {}
   |   ^^^^^^^^^^^^^^^^^^
   |
   = There is local-exec only.

error[E0306]: Missing type for provisioner
  --> main.hcl:14:3
   |
14 |   provisioner {}
   |   ^^^^^^^^^^^
   |
   = All provisioner blocks must have 1 label (type).
"#);
}

#[test]
fn with_the_wrong_arguments() {
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
  provisioner "local-exec" {}
  provisioner "local-exec" {
    comand = "x"
  }
  provisioner "local-exec" {
    command     = ["x"]
    interpreter = "bash"
    when        = sometimes
    on_failure  = maybe
  }
  provisioner "local-exec" {
    command = "x"
    when    = "destroy"
    connection {}
  }
  provisioner "local-exec" {
    command = "${each.key} ${self.nope}"
  }
}"#), @r#"
error[E0303]: Missing required argument
 --> main.hcl:4:3
  |
4 |   provisioner "local-exec" {}
  |   ^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = The argument "command" is required, but no definition was found.

error[E0303]: Missing required argument
 --> main.hcl:5:3
  |
5 |   provisioner "local-exec" {
  |   ^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = The argument "command" is required, but no definition was found.

error[E0302]: Unsupported argument
 --> main.hcl:6:5
  |
6 |     comand = "x"
  |     ^^^^^^
  |
  = An argument named "comand" is not expected here.
  = help: Did you mean "command"?

error[E0304]: Incorrect attribute value type
 --> main.hcl:9:19
  |
9 |     command     = ["x"]
  |                   ^^^^^
  |
  = Inappropriate value for attribute "command": string required.

error[E0304]: Incorrect attribute value type
  --> main.hcl:10:19
   |
10 |     interpreter = "bash"
   |                   ^^^^^^
   |
   = Inappropriate value for attribute "interpreter": list of string required.

error[E0370]: Invalid "when" keyword
  --> main.hcl:11:19
   |
11 |     when        = sometimes
   |                   ^^^^^^^^^
   |
   = The "when" argument is one of the words create and destroy.

error[E0370]: Invalid "on_failure" keyword
  --> main.hcl:12:19
   |
12 |     on_failure  = maybe
   |                   ^^^^^
   |
   = The "on_failure" argument is one of the words fail and continue.

error[E0370]: Connections are not supported
  --> main.hcl:17:5
   |
17 |     connection {}
   |     ^^^^^^^^^^
   |
   = A connection is how a provisioner reaches another machine, and none does.
   = help: Let a pipeline do it, or a program that a local-exec provisioner runs here.

error[E0321]: Reference to "each" in context without for_each
  --> main.hcl:20:18
   |
20 |     command = "${each.key} ${self.nope}"
   |                  ^^^^^^^^
   |
   = The "each" object can be used only in "module", "resource" and blueprint blocks, and only when the
     "for_each" argument is set.

warning[W0312]: Quoted keywords are deprecated
  --> main.hcl:16:15
   |
16 |     when    = "destroy"
   |               ^^^^^^^^^
   |
   = Keywords are written as they are, without quotes.
"#);
}

#[test]
fn that_refers_to_what_may_be_gone() {
    assert_snapshot!(said(r#"variable "v" {}
locals {
  l = 1
}
resource "gitlab_group" "a" {
  for_each = toset(["x"])
  name     = "a"
  path     = "a"
  provisioner "local-exec" {
    when    = destroy
    command = "${var.v} ${local.l} ${each.value} ${self.name} ${each.key} ${path.module} ${terraform.workspace}"
  }
}
removed {
  from = gitlab_group.b
  provisioner "local-exec" {
    command = "x"
  }
  provisioner "local-exec" {
    when    = destroy
    command = "${each.key} ${count.index} ${self.id} ${var.v}"
  }
}"#), @r#"
error[E0370]: Invalid reference from destroy provisioner
  --> main.hcl:11:18
   |
11 |     command = "${var.v} ${local.l} ${each.value} ${self.name} ${each.key} ${path.module} ${terraform.w...
   |                  ^^^^^
   |
   = Destroy-time provisioners may only reference attributes of the related resource, via 'self',
     'count.index', or 'each.key'. What else they would refer to may be gone by then.
   = help: Keep the value in the object itself, and refer to it as `self.…`.

error[E0370]: Invalid reference from destroy provisioner
  --> main.hcl:11:27
   |
11 |     command = "${var.v} ${local.l} ${each.value} ${self.name} ${each.key} ${path.module} ${terraform.w...
   |                           ^^^^^^^
   |
   = Destroy-time provisioners may only reference attributes of the related resource, via 'self',
     'count.index', or 'each.key'. What else they would refer to may be gone by then.
   = help: Keep the value in the object itself, and refer to it as `self.…`.

error[E0370]: Invalid reference from destroy provisioner
  --> main.hcl:11:38
   |
11 |     command = "${var.v} ${local.l} ${each.value} ${self.name} ${each.key} ${path.module} ${terraform.w...
   |                                      ^^^^^^^^^^
   |
   = Destroy-time provisioners may only reference attributes of the related resource, via 'self',
     'count.index', or 'each.key'. What else they would refer to may be gone by then.
   = help: Keep the value in the object itself, and refer to it as `self.…`.

error[E0370]: Invalid provisioner block
  --> main.hcl:16:3
   |
16 |   provisioner "local-exec" {
   |   ^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = Nothing is made by a removed block: its provisioners run before the object is removed.
   = help: Say `when = destroy`.

error[E0370]: Invalid reference from destroy provisioner
  --> main.hcl:21:56
   |
21 |     command = "${each.key} ${count.index} ${self.id} ${var.v}"
   |                                                        ^^^^^
   |
   = Destroy-time provisioners may only reference attributes of the related resource, via 'self',
     'count.index', or 'each.key'. What else they would refer to may be gone by then.
   = help: Keep the value in the object itself, and refer to it as `self.…`.
"#);
}

#[test]
fn a_data_source_that_runs_programs() {
    assert_snapshot!(said(r#"data "external" "x" {
  program = ["x"]
}"#), @r#"
error[E0330]: Unknown data source
 --> main.hcl:1:6
  |
1 | data "external" "x" {
  |      ^^^^^^^^^^
  |
  = No provider has a data source "external". A type begins with its provider's name; there are gitlab,
    kubernetes.
  = help: It runs a program while planning, which Pilotis never does: give the value as a variable, or read it
          from a file.
"#);
}
