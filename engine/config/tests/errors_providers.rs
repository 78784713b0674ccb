//! Wrong providers, types and versions, and what is said of them.

mod support;

use insta::assert_snapshot;
use support::said;

#[test]
fn providers_and_types() {
    // A resource type with a typo.
    assert_snapshot!(said(r#"resource "gitlab_groop" "a" {}"#), @r#"
error[E0330]: Unknown resource type
 --> main.hcl:1:10
  |
1 | resource "gitlab_groop" "a" {}
  |          ^^^^^^^^^^^^^^
  |
  = The provider gitlab has no resource type "gitlab_groop".
  = help: Did you mean "gitlab_group"?
"#);
    // A data source as a resource.
    assert_snapshot!(said(r#"resource "gitlab_user" "a" {}"#), @r#"
error[E0330]: Unknown resource type
 --> main.hcl:1:10
  |
1 | resource "gitlab_user" "a" {}
  |          ^^^^^^^^^^^^^
  |
  = The provider gitlab has no resource type "gitlab_user".
  = help: There is a data source of that name: write `data "gitlab_user"`.
"#);
    // A type without its provider.
    assert_snapshot!(said(r#"resource "namespace" "a" {}"#), @r#"
error[E0330]: Unknown resource type
 --> main.hcl:1:10
  |
1 | resource "namespace" "a" {}
  |          ^^^^^^^^^^^
  |
  = No provider has a resource type "namespace". A type begins with its provider's name; there are
    gitlab, kubernetes.
  = help: Did you mean "kubernetes_namespace", of the provider kubernetes?
"#);
    // A type of no provider.
    assert_snapshot!(said(r#"resource "aws_instance" "a" {}"#), @r#"
error[E0330]: Unknown resource type
 --> main.hcl:1:10
  |
1 | resource "aws_instance" "a" {}
  |          ^^^^^^^^^^^^^^
  |
  = No provider has a resource type "aws_instance". A type begins with its provider's name; there are
    gitlab, kubernetes.
"#);
    // A resource type as a data source.
    assert_snapshot!(said(r#"data "gitlab_group_variable" "a" {}"#), @r#"
error[E0330]: Unknown data source
 --> main.hcl:1:6
  |
1 | data "gitlab_group_variable" "a" {}
  |      ^^^^^^^^^^^^^^^^^^^^^^^
  |
  = The provider gitlab has no data source "gitlab_group_variable".
  = help: There is a resource type of that name: write `resource "gitlab_group_variable"`.
"#);
    // A provider with a typo.
    assert_snapshot!(said(r#"provider "gitlb" {}"#), @r#"
error[E0331]: Unknown provider
 --> main.hcl:1:10
  |
1 | provider "gitlb" {}
  |          ^^^^^^^
  |
  = There is no provider "gitlb". Providers are built in: gitlab, kubernetes.
  = help: Did you mean "gitlab"?
"#);
    // A provider's arguments and doubles.
    assert_snapshot!(said(r#"provider "gitlab" {
  url = "x"
}
provider "gitlab" {}"#), @r#"
error[E0302]: Unsupported argument
 --> main.hcl:2:3
  |
2 |   url = "x"
  |   ^^^
  |
  = An argument named "url" is not expected here.

error[E0308]: Duplicate provider configuration
 --> main.hcl:4:1
  |
1 | provider "gitlab" {
  | ----------------- first declared here
...
4 | provider "gitlab" {}
  | ^^^^^^^^^^^^^^^^^
  |
  = A default configuration of provider "gitlab" was already given; others need an "alias".
"#);
    // A provider configuration that there isn't.
    assert_snapshot!(said(r#"resource "gitlab_group" "a" {
  provider = gitlab.prod
  name     = "a"
  path     = "a"
}"#), @r#"
error[E0320]: Provider configuration not present
 --> main.hcl:2:14
  |
2 |   provider = gitlab.prod
  |              ^^^^^^^^^^^
  |
  = There is no provider block for gitlab.prod.
  = help: Declare it: `provider "gitlab" { alias = "prod" }`.
"#);
    // Required providers.
    assert_snapshot!(said(r#"terraform {
  required_providers {
    gitlab = {
      source  = "hashicorp/gitlab"
      version = "~> 3.0"
    }
    aws = {}
  }
}"#), @r#"
error[E0332]: Unknown provider source
 --> main.hcl:4:17
  |
4 |       source  = "hashicorp/gitlab"
  |                 ^^^^^^^^^^^^^^^^^^
  |
  = "hashicorp/gitlab" is not here. The built-in provider gitlab has the resource types of
    "gitlabhq/gitlab".
  = help: Write `source = "gitlabhq/gitlab"`, or leave it out.

error[E0332]: Provider version doesn't fit
 --> main.hcl:5:17
  |
5 |       version = "~> 3.0"
  |                 ^^^^^^^^
  |
  = The built-in provider gitlab follows version 17.9.0 of registry.terraform.io/gitlabhq/gitlab, which
    "~> 3.0" excludes.
  = help: Change the constraint; the differences between the versions are the established provider's.

error[E0331]: Unknown provider
 --> main.hcl:7:5
  |
7 |     aws = {}
  |     ^^^
  |
  = There is no provider "aws". Providers are built in: gitlab, kubernetes.
"#);
    // Versions and backends.
    assert_snapshot!(said(r#"pilotis {
  required_version = ">= 9"
}
terraform {
  required_version = "newest"
  backend "gcs" {}
}"#), @r#"
error[E0332]: Unsupported Pilotis version
 --> main.hcl:2:22
  |
2 |   required_version = ">= 9"
  |                      ^^^^^^
  |
  = This configuration requires Pilotis >= 9, and this is version 0.1.0.
  = help: Use a version of Pilotis that fits, or change the constraint.

error[E0332]: Invalid version constraint
 --> main.hcl:5:22
  |
5 |   required_version = "newest"
  |                      ^^^^^^^^
  |
  = This string does not use correct version constraint syntax: "newest" is not a version constraint.
  = help: Write for example `>= 1.2`, `~> 17.4` or `>= 1.0, < 2.0`.

error[E0350]: Unsupported backend
 --> main.hcl:6:11
  |
6 |   backend "gcs" {}
  |           ^^^^^
  |
  = There is no backend "gcs". The state is a database file, backend "local", in PostgreSQL, backend
    "pg", in a bucket, backend "s3", or behind GitLab's protocol, backend "http".
  = help: A state of Terraform's is brought in by `pilotis state import`.
"#);
}
