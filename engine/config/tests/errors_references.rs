//! Wrong references and names, and what is said of them.

mod support;

use insta::assert_snapshot;
use support::said;

#[test]
fn references() {
    // A variable with a typo.
    assert_snapshot!(said(r#"locals {
  a = var.regoin
}
variable "region" {}"#), @r#"
error[E0320]: Reference to undeclared input variable
 --> main.hcl:2:7
  |
2 |   a = var.regoin
  |       ^^^^^^^^^^
  |
  = An input variable with the name "regoin" has not been declared.
  = help: Did you mean `var.region`?
"#);
    // A variable that is a local value.
    assert_snapshot!(said(r#"locals {
  a = var.b
  b = 1
}"#), @r#"
error[E0320]: Reference to undeclared input variable
 --> main.hcl:2:7
  |
2 |   a = var.b
  |       ^^^^^
  |
  = An input variable with the name "b" has not been declared.
  = help: There is a local value of that name: write `local.b`.
"#);
    // A local value with a typo.
    assert_snapshot!(said(r#"locals {
  a = local.bb
  b = 1
}"#), @r#"
error[E0320]: Reference to undeclared local value
 --> main.hcl:2:7
  |
2 |   a = local.bb
  |       ^^^^^^^^
  |
  = A local value with the name "bb" has not been declared.
  = help: Did you mean `local.b`?
"#);
    // A variable without var.
    assert_snapshot!(said(r#"locals {
  a = region
}
variable "region" {}"#), @r#"
error[E0321]: Invalid reference
 --> main.hcl:2:7
  |
2 |   a = region
  |       ^^^^^^
  |
  = A reference to a resource type must be followed by at least one attribute access, specifying the
    resource name.
  = help: Did you mean the variable, `var.region`?
"#);
    // A text without quotes.
    assert_snapshot!(said(r#"locals {
  a = hello
}"#), @r#"
error[E0321]: Invalid reference
 --> main.hcl:2:7
  |
2 |   a = hello
  |       ^^^^^
  |
  = A reference to a resource type must be followed by at least one attribute access, specifying the
    resource name.
  = help: If it is a text, write it in quotes: `"hello"`.
"#);
    // A resource that isn't declared.
    assert_snapshot!(said(r#"locals {
  a = gitlab_group.b.id
}
resource "gitlab_group" "a" {
  name = "a"
  path = "a"
}"#), @r#"
error[E0320]: Reference to undeclared resource
 --> main.hcl:2:7
  |
2 |   a = gitlab_group.b.id
  |       ^^^^^^^^^^^^^^
  |
  = A managed resource "gitlab_group" "b" has not been declared in the root module.
  = help: Did you mean `gitlab_group.a`?
"#);
    // An attribute that isn't in the schema.
    assert_snapshot!(said(r#"locals {
  a = gitlab_group.a.web_ulr
}
resource "gitlab_group" "a" {
  name = "a"
  path = "a"
}"#), @r#"
error[E0322]: Unsupported attribute
 --> main.hcl:2:22
  |
2 |   a = gitlab_group.a.web_ulr
  |                      ^^^^^^^
  |
  = This object has no argument, nested block, or exported attribute named "web_ulr".
  = help: Did you mean "web_url"?
"#);
    // All instances where one is meant.
    assert_snapshot!(said(r#"locals {
  a = gitlab_group.a.id
}
resource "gitlab_group" "a" {
  for_each = toset(["x"])
  name     = each.key
  path     = "a"
}"#), @r#"
error[E0323]: Missing resource instance key
 --> main.hcl:2:22
  |
2 |   a = gitlab_group.a.id
  |                      ^^
  |
  = Because gitlab_group.a has "for_each" set, its attributes must be accessed on specific instances.
  = help: For the instance that belongs to this one write `gitlab_group.a[each.key]`; for all of them,
          `gitlab_group.a[*]` or a for expression.
"#);
    // An instance where there is one only.
    assert_snapshot!(said(r#"locals {
  a = gitlab_group.a[0].id
}
resource "gitlab_group" "a" {
  name = "a"
  path = "a"
}"#), @r#"
error[E0323]: Unexpected resource instance key
 --> main.hcl:2:21
  |
2 |   a = gitlab_group.a[0].id
  |                     ^^^
  |
  = Because gitlab_group.a does not have "count" or "for_each" set, references to it must not include an
    index key.
  = help: Remove the bracketed index to refer to the single instance.
"#);
    // A data source that isn't declared.
    assert_snapshot!(said(r#"locals {
  a = data.gitlab_user.a.user_id
}"#), @r#"
error[E0320]: Reference to undeclared resource
 --> main.hcl:2:12
  |
2 |   a = data.gitlab_user.a.user_id
  |            ^^^^^^^^^^^^^
  |
  = A data resource "gitlab_user" "a" has not been declared in the root module.
"#);
    // A module that isn't declared.
    assert_snapshot!(said(r#"locals {
  a = module.net.id
}"#), @r#"
error[E0320]: Reference to undeclared module
 --> main.hcl:2:7
  |
2 |   a = module.net.id
  |       ^^^^^^^^^^
  |
  = No module call named "net" is declared in the root module.
"#);
    // Names that mean nothing here.
    assert_snapshot!(said(r#"locals {
  a = each.key
  b = count.index
  c = self.id
}"#), @r#"
error[E0321]: Reference to "each" in context without for_each
 --> main.hcl:2:7
  |
2 |   a = each.key
  |       ^^^^^^^^
  |
  = The "each" object can be used only in "module", "resource" and blueprint blocks, and only when the
    "for_each" argument is set.

error[E0321]: Reference to "count" in non-counted context
 --> main.hcl:3:7
  |
3 |   b = count.index
  |       ^^^^^^^^^^^
  |
  = The "count" object can be used only in "module", "resource" and blueprint blocks, and only when the
    "count" argument is set.

error[E0321]: Invalid "self" reference
 --> main.hcl:4:7
  |
4 |   c = self.id
  |       ^^^^^^^
  |
  = The "self" object is not available in this context. It can be used only in postcondition and
    provisioner blocks.
"#);
    // Objects of the language.
    assert_snapshot!(said(r#"locals {
  a = path.modul
  b = terraform.version
  c = var
}"#), @r#"
error[E0321]: Invalid "path" attribute
 --> main.hcl:2:12
  |
2 |   a = path.modul
  |            ^^^^^
  |
  = The "path" object does not have an attribute named "modul".
  = help: There are `path.module`, `path.root`, `path.cwd`.

error[E0321]: Invalid "terraform" attribute
 --> main.hcl:3:17
  |
3 |   b = terraform.version
  |                 ^^^^^^^
  |
  = The "terraform" object does not have an attribute named "version".
  = help: There is only `terraform.workspace`.

error[E0321]: Invalid reference
 --> main.hcl:4:7
  |
4 |   c = var
  |       ^^^
  |
  = The "var" object cannot be accessed directly. Instead, access one of its attributes.
"#);
    // Functions.
    assert_snapshot!(said(r#"locals {
  a = lenght([1])
  b = max()
  c = upper("a", "b")
}"#), @r#"
error[E0201]: Call to unknown function
 --> main.hcl:2:7
  |
2 |   a = lenght([1])
  |       ^^^^^^
  |
  = There is no function named "lenght".
  = help: Did you mean "length"?

error[E0202]: Too many function arguments
 --> main.hcl:4:7
  |
4 |   c = upper("a", "b")
  |       ^^^^^
  |
  = Function "upper" expects only 1 argument(s).
"#);
    // Depends_on.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name       = "a"
  path       = "a"
  depends_on = [upper("x"), gitlab_group.a.id]
}"#), @r#"
error[E0350]: Invalid expression
 --> main.hcl:4:17
  |
4 |   depends_on = [upper("x"), gitlab_group.a.id]
  |                 ^^^^^^^^^^
  |
  = A single static variable reference is required: only attribute access and indexing with constant
    keys. No calculations, function calls, template expressions, etc are allowed here.

error[E0350]: Invalid depends_on reference
 --> main.hcl:4:29
  |
4 |   depends_on = [upper("x"), gitlab_group.a.id]
  |                             ^^^^^^^^^^^^^^^^^
  |
  = References in depends_on must be to a whole object (resource, etc), not to an attribute of an
    object.
"#);
    // Lifecycle.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
  lifecycle {
    ignore_changes       = [descriptoin, id]
    replace_triggered_by = [var.x]
  }
}
variable "x" {}"#), @r#"
error[E0322]: Unsupported attribute
 --> main.hcl:5:29
  |
5 |     ignore_changes       = [descriptoin, id]
  |                             ^^^^^^^^^^^
  |
  = This resource has no argument or nested block named "descriptoin".
  = help: Did you mean "description"?

error[E0350]: Invalid reference in replace_triggered_by expression
 --> main.hcl:6:29
  |
6 |     replace_triggered_by = [var.x]
  |                             ^^^^^
  |
  = Only resources can be referred to here: changes of one, of an instance, or of an attribute.

warning[E0350]: Redundant ignore_changes element
 --> main.hcl:5:42
  |
5 |     ignore_changes       = [descriptoin, id]
  |                                          ^^
  |
  = "id" is decided by the service alone: there is no change to ignore.
"#);
}

#[test]
fn names() {
    // Declared twice.
    assert_snapshot!(said(r#"variable "a" {}
variable "a" {}
locals {
  b = 1
}
locals {
  b = 2
}
output "c" {
  value = 1
}
output "c" {
  value = 2
}"#), @r#"
error[E0308]: Duplicate variable declaration
 --> main.hcl:2:1
  |
1 | variable "a" {}
  | ------------ first declared here
2 | variable "a" {}
  | ^^^^^^^^^^^^
  |
  = A variable named "a" was already declared; names must be unique within a module.

error[E0308]: Duplicate local value definition
 --> main.hcl:7:3
  |
4 |   b = 1
  |   - first declared here
...
7 |   b = 2
  |   ^
  |
  = A local value named "b" was already declared; names must be unique within a module.

error[E0308]: Duplicate output definition
  --> main.hcl:12:1
   |
 9 | output "c" {
   | ---------- first declared here
...
12 | output "c" {
   | ^^^^^^^^^^
   |
   = An output named "c" was already declared; names must be unique within a module.
"#);
    // A resource that is declared twice.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  name = "a"
  path = "a"
}
resource "gitlab_group" "a" {
  name = "b"
  path = "b"
}"#), @r#"
error[E0308]: Duplicate resource "gitlab_group" configuration
 --> main.hcl:5:1
  |
1 | resource "gitlab_group" "a" {
  | --------------------------- first declared here
...
5 | resource "gitlab_group" "a" {
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = A resource "gitlab_group" named "a" was already declared; names must be unique within a module.
"#);
    // Names that are none.
    assert_snapshot!(said(r#"variable "1a" {}
resource "gitlab_group" "a b" {
  name = "a"
  path = "a"
}"#), @r#"
error[E0307]: Invalid variable name
 --> main.hcl:1:10
  |
1 | variable "1a" {}
  |          ^^^^
  |
  = A name must start with a letter or underscore and may contain only letters, digits, underscores, and
    dashes.

error[E0307]: Invalid resource name
 --> main.hcl:2:25
  |
2 | resource "gitlab_group" "a b" {
  |                         ^^^^^
  |
  = A name must start with a letter or underscore and may contain only letters, digits, underscores, and
    dashes.
"#);
    // A reserved name.
    assert_snapshot!(said(r#"variable "count" {}"#), @r#"
error[E0307]: Invalid variable name
 --> main.hcl:1:10
  |
1 | variable "count" {}
  |          ^^^^^^^
  |
  = The variable name "count" is reserved: it is an argument of module blocks.
"#);
}
