//! `plan -generate-config-out`: blocks for what is imported.

use crate::harness::Folder;

#[test]
fn blocks_are_written_for_imports_that_have_none() {
    // Somebody made things, and their page is lost.
    let folder = Folder::with(
        r#"
        provider "gitlab" { sandbox = true }
        provider "kubernetes" { sandbox = true }
        resource "gitlab_group" "root" {
          name             = "Atelier"
          path             = "atelier"
          description      = "Says \"hello\" to ${"$"}{all}"
          visibility_level = "internal"
        }
        resource "gitlab_group_variable" "token" {
          group = gitlab_group.root.id
          key   = "TOKEN"
          value = "geheim12"
        }
        resource "kubernetes_namespace" "main" {
          metadata {
            name   = "atelier"
            labels = { "app.kubernetes.io/part-of" = "atelier" }
          }
        }
        resource "kubernetes_resource_quota" "main" {
          metadata {
            name      = "quota"
            namespace = kubernetes_namespace.main.metadata[0].name
          }
          spec {
            hard = { pods = "10" }
          }
        }
        "#,
    );
    folder.run("apply -auto-approve").exits(0);
    std::fs::remove_file(folder.path("pilotis.db")).unwrap();
    folder.write(
        "main.hcl",
        r#"
        provider "gitlab" { sandbox = true }
        provider "kubernetes" { sandbox = true }
        import {
          to = gitlab_group.root
          id = "atelier"
        }
        import {
          to = kubernetes_namespace.main
          id = "atelier"
        }
        import {
          to = kubernetes_resource_quota.main
          id = "atelier/quota"
        }
        "#,
    );
    // Without the flag it says what would help.
    folder.run("plan").exits(1).says(&["has no gitlab_group.root to import to", "-generate-config-out"]);
    folder.run("plan -generate-config-out=gen/x.tf").exits(1).says(&["a new file of this folder"]);
    folder.run("plan -generate-config-out=main.hcl").exits(1).says(&["exists already"]);

    let ran = folder.run("plan -generate-config-out=generated.tf").exits(0);
    ran.says(&[
        "Plan: 3 to import, 0 to add, 0 to change, 0 to destroy.",
        "Wrote blocks for what is imported",
    ]);
    insta::assert_snapshot!(folder.read("generated.tf"), @r#"
    # Written by Pilotis, from what the services have. Look it over, and move it where it belongs.

    # From the object with the id "atelier".
    resource "gitlab_group" "root" {
      auto_devops_enabled               = false
      description                       = "Says \"hello\" to $${all}"
      emails_enabled                    = true
      lfs_enabled                       = true
      mentions_disabled                 = false
      name                              = "Atelier"
      path                              = "atelier"
      project_creation_level            = "developer"
      request_access_enabled            = true
      require_two_factor_authentication = false
      share_with_group_lock             = false
      shared_runners_setting            = "enabled"
      subgroup_creation_level           = "maintainer"
      two_factor_grace_period           = 48
      visibility_level                  = "internal"
      wiki_access_level                 = "enabled"
    }

    # From the object with the id "atelier".
    resource "kubernetes_namespace" "main" {
      metadata {
        labels = {
          "app.kubernetes.io/part-of" = "atelier"
        }
        name = "atelier"
      }
    }

    # From the object with the id "atelier/quota".
    resource "kubernetes_resource_quota" "main" {
      metadata {
        name      = "quota"
        namespace = "atelier"
      }

      spec {
        hard = {
          pods = "10"
        }
      }
    }
    "#);
    folder.run("apply -auto-approve").exits(0);
    folder.run("plan -detailed-exitcode").exits(0);

    // A secret is not written into a file: it is asked for.
    folder.write(
        "more.hcl",
        r#"
        import {
          to = gitlab_group_variable.token
          id = "${gitlab_group.root.id}:TOKEN:*"
        }
        "#,
    );
    let ran = folder.run("plan -generate-config-out=token.tf").never_says(&["geheim12"]);
    assert!(ran.says(&["token.tf"]).code == Some(1), "its value is required, and not given");
    insta::assert_snapshot!(folder.read("token.tf"), @r#"
    # Written by Pilotis, from what the services have. Look it over, and move it where it belongs.

    # From the object with the id "3:TOKEN:*".
    resource "gitlab_group_variable" "token" {
      description   = ""
      group         = "3"
      hidden        = false
      key           = "TOKEN"
      masked        = false
      protected     = false
      raw           = false
      value         = null # a secret: give it, best from a variable
      variable_type = "env_var"
    }
    "#);
}

#[test]
fn what_no_block_can_be_written_for_is_an_error() {
    let folder = Folder::with(
        r#"
        import {
          to = terraform_data.a["x"]
          id = "1"
        }
        import {
          to = nope_thing.b
          id = "1"
        }
        "#,
    );
    let ran = folder.run("plan -generate-config-out=generated.tf").exits(1);
    ran.says(&["for one object only", "No provider has a resource type"]);
    assert!(!folder.path("generated.tf").exists());
    // Nothing to write: it is a plan as any other.
    folder.write("main.hcl", "resource \"terraform_data\" \"a\" {}\n");
    folder.run("plan -generate-config-out=generated.tf").exits(0).says(&["1 to add"]);
    assert!(!folder.path("generated.tf").exists());
}
