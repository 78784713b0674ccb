//! The providers that call no service: `random`, `null`, `local` and `time`, from plan to destroy.

use crate::harness::Folder;

const PAGE: &str = r#"
terraform {
  required_providers {
    random = { source = "hashicorp/random", version = "~> 3.5" }
    local  = { source = "hashicorp/local" }
  }
}
resource "random_password" "db" {
  length      = 24
  min_upper   = 3
  min_numeric = 2
}
resource "random_integer" "port" {
  min  = 8000
  max  = 8010
  seed = "harbour"
}
resource "random_pet" "name" { prefix = "srv" }
resource "random_id" "build" { byte_length = 4 }
resource "random_shuffle" "zone" {
  input        = ["a", "b"]
  result_count = 5
}
resource "random_uuid" "run" {}
resource "null_resource" "again" { triggers = { run = random_uuid.run.result } }
resource "local_file" "port" {
  filename = "${path.module}/out/port.txt"
  content  = "${random_integer.port.result}\n"
}
resource "local_sensitive_file" "secret" {
  filename = "out/secret"
  content  = random_password.db.result
}
resource "time_offset" "end" {
  base_rfc3339  = "2020-01-31T00:00:00Z"
  offset_months = 1
}
resource "time_sleep" "settle" { create_duration = "1ms" }
output "end" { value = time_offset.end.rfc3339 }
output "zones" { value = length(random_shuffle.zone.result) }
output "name" { value = startswith(random_pet.name.id, "srv-") }
"#;

#[test]
fn values_are_drawn_once_and_files_follow_them() {
    let folder = Folder::with(PAGE);
    let made = folder.run("apply -auto-approve").exits(0);
    made.says(&["11 added", "end = \"2020-03-02T00:00:00Z\"", "zones = 5", "name = true"]);
    folder.run("plan -detailed-exitcode").exits(0).says(&["No changes."]);

    let secret = folder.read("out/secret");
    assert_eq!(secret.chars().count(), 24);
    assert!(!folder.run("show").exits(0).out.contains(&secret), "a password is a secret");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path("out/secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others can't read a sensitive file");
    }

    // A file that somebody changed is written again; a seed gives the same number again.
    let port = folder.read("out/port.txt");
    folder.write("out/port.txt", "80\n");
    folder
        .run("apply -auto-approve -replace=random_integer.port")
        .exits(0)
        .says(&["local_file.port: is gone"]);
    assert_eq!(folder.read("out/port.txt"), port);

    // What is written to be another keeps nothing else waiting.
    folder.edit("main.hcl", "offset_months = 1", "offset_months = 2");
    folder.run("apply -auto-approve").exits(0).says(&["1 changed", "end = \"2020-03-31T00:00:00Z\""]);

    folder.run("destroy -auto-approve").exits(0).says(&["11 destroyed"]);
    assert!(!folder.path("out/secret").exists() && !folder.path("out/port.txt").exists());
}

#[test]
fn a_rotation_that_is_due_makes_what_follows_it_anew() {
    let page = r#"
resource "time_rotating" "key" {
  rfc3339       = "2020-01-01T00:00:00Z"
  rotation_days = 30
}
"#;
    let folder = Folder::with(page);
    folder.run("apply -auto-approve").exits(0);
    folder.run("plan -detailed-exitcode").exits(2).says(&["time_rotating.key will be created", "1 to add"]);
    folder.edit("main.hcl", "rotation_days = 30", "rotation_rfc3339 = \"2999-01-01T00:00:00Z\"");
    folder.run("apply -auto-approve").exits(0);
    folder.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn what_cannot_be_made_says_which_argument_is_wrong() {
    let page = r#"
resource "random_integer" "none" {
  min = 2
  max = 1
}
resource "random_password" "none" {
  length  = 3
  min_upper = 4
}
resource "time_static" "none" { rfc3339 = "yesterday" }
resource "local_file" "none" {
  filename        = "x"
  content         = "x"
  file_permission = "rw"
}
resource "local_file" "both" {
  filename = "y"
  content  = "x"
  source   = "main.hcl"
}
"#;
    let folder = Folder::with(page);
    folder.run("apply -auto-approve").exits(1).says(&[
        "The minimum (min) must be smaller than or equal to the maximum (max)",
        "length must be at least the sum of",
        "rfc3339 must be an instant in RFC 3339",
        "file_permission must be permissions in octal digits",
        "Exactly one of content, sensitive_content, content_base64, source must be set",
    ]);
    assert!(!folder.path("x").exists() && !folder.path("y").exists());
}

#[test]
fn objects_are_imported_by_the_established_ids() {
    let page = r#"
resource "random_uuid" "run" {}
resource "random_integer" "port" {
  min = 1
  max = 9
}
resource "time_offset" "end" {
  base_rfc3339 = "2020-01-31T00:00:00Z"
  offset_days  = 7
}
import {
  to = random_uuid.run
  id = "4ac3f2a2-8a1e-4d1c-9a90-8f3f0d7f5a11"
}
import {
  to = random_integer.port
  id = "7,1,9"
}
import {
  to = time_offset.end
  id = "2020-01-31T00:00:00Z,0,0,7,0,0,0"
}
"#;
    let folder = Folder::with(page);
    folder.run("plan").exits(0).says(&["3 to import, 0 to add, 0 to change, 0 to destroy"]);
    folder.run("apply -auto-approve").exits(0);
    folder.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn an_authority_of_ones_own_signs_a_certificate() {
    let page = r#"
locals {
  kinds = { rsa = ["RSA", "P256"], ec = ["ECDSA", "P384"], ed = ["ED25519", "P256"] }
}
resource "tls_private_key" "key" {
  for_each    = local.kinds
  algorithm   = each.value[0]
  ecdsa_curve = each.value[1]
}
resource "tls_self_signed_cert" "ca" {
  private_key_pem       = tls_private_key.key["rsa"].private_key_pem
  validity_period_hours = 100
  is_ca_certificate     = true
  allowed_uses          = ["cert_signing"]
  subject {
    common_name  = "Forge, root"
    organization = "Ministère"
  }
}
resource "tls_cert_request" "leaf" {
  for_each        = tls_private_key.key
  private_key_pem = each.value.private_key_pem
  dns_names       = ["forge.example"]
  subject { common_name = "forge" }
}
resource "tls_locally_signed_cert" "leaf" {
  for_each              = tls_cert_request.leaf
  cert_request_pem      = each.value.cert_request_pem
  ca_cert_pem           = tls_self_signed_cert.ca.cert_pem
  ca_private_key_pem    = tls_private_key.key["rsa"].private_key_pem
  validity_period_hours = 10
  allowed_uses          = ["server_auth"]
}
data "tls_public_key" "pem" {
  for_each        = tls_private_key.key
  private_key_pem = each.value.private_key_pem
}
data "tls_public_key" "openssh" {
  for_each            = tls_private_key.key
  private_key_openssh = each.value.private_key_openssh
}
data "tls_certificate" "leaf" {
  for_each = tls_locally_signed_cert.leaf
  content  = each.value.cert_pem
}
output "subjects" {
  value = [for c in data.tls_certificate.leaf : "${c.certificates[0].subject} by ${c.certificates[0].issuer}"]
}
output "agree" {
  value = alltrue([for kind, key in tls_private_key.key : key.public_key_openssh == data.tls_public_key.pem[kind].public_key_openssh
    && key.public_key_pem == data.tls_public_key.openssh[kind].public_key_pem && key.id == data.tls_public_key.openssh[kind].id])
}
"#;
    let folder = Folder::with(page);
    folder.run("apply -auto-approve").exits(0).says(&[
        "10 added",
        "agree = true",
        "CN=forge by CN=Forge\\\\, root,O=Ministère",
    ]);
    let shown = folder.run("plan -detailed-exitcode").exits(0).out + &folder.run("show").exits(0).out;
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");

    // One whose end is near is made anew; the key of somebody else doesn't sign.
    folder.edit(
        "main.hcl",
        "validity_period_hours = 10\n",
        "validity_period_hours = 10\n  early_renewal_hours = 11\n",
    );
    folder.run("apply -auto-approve").exits(0);
    folder.run("plan -detailed-exitcode").exits(2).says(&["3 to add"]);
    folder.edit(
        "main.hcl",
        "ca_private_key_pem    = tls_private_key.key[\"rsa\"]",
        "ca_private_key_pem    = tls_private_key.key[\"ec\"]",
    );
    folder
        .run("apply -auto-approve")
        .exits(1)
        .says(&["ca_private_key_pem is not the private key of ca_cert_pem"]);
}
