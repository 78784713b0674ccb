//! Ephemeral values: where they may stand, and that they are written nowhere.

use crate::harness::{Folder, Ran, Sandbox};

/// Looked for in every file of the folder and in all that is printed.
const MARKED: &str = "m4rk3d-v4lu3";

const PAGE: &str = r#"
variable "token" {
  type      = string
  ephemeral = true
}
variable "name" {
  type    = string
  default = "first"
}
locals {
  header = "Bearer ${var.token}"
}
module "inner" {
  source = "./inner"
  header = local.header
}
resource "terraform_data" "a" {
  input = var.name
  lifecycle {
    precondition {
      condition     = startswith(module.inner.header, "Bearer ")
      error_message = "no header"
    }
  }
}
output "nothing" {
  value = ephemeralasnull(local.header) == null
}
"#;

const INNER: &str = r#"
variable "header" {
  type      = string
  ephemeral = true
}
output "header" {
  value     = var.header
  ephemeral = true
}
"#;

fn folder(page: &str) -> Folder {
    let folder = Folder::with(page);
    std::fs::create_dir(folder.path("inner")).unwrap();
    folder.write("inner/main.hcl", INNER);
    folder
}

fn holds_no_marked_value(folder: &Folder) {
    holds_nowhere(folder, MARKED);
}

/// No file of the folder has the text, neither as it is nor in base64. What the sandbox keeps is the service's business.
pub(crate) fn holds_nowhere(folder: &Folder, text: &str) {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    for entry in std::fs::read_dir(folder.path("")).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            for text in [text, &encoded] {
                let found = bytes.windows(text.len()).any(|w| w == text.as_bytes());
                assert!(!found, "{:?} holds the ephemeral value", entry.path());
            }
        }
    }
}

#[test]
fn an_ephemeral_variable_is_in_no_file_and_is_given_again_for_a_saved_plan() {
    let folder = folder(PAGE);
    let token = format!("token={MARKED}");
    folder.run_args(&["plan", "-out=p", "-var", &token]).exits(0).never_says(&[MARKED]);
    holds_no_marked_value(&folder);
    folder.run("show p").exits(0).says(&["terraform_data.a will be created"]);
    folder.run("apply p").exits(1).says(&["No value for required variable", "-var token=VALUE"]);
    let refused = ["apply", "p", "-var", &token, "-var", "name=second"].map(String::from);
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    folder.run_args(&refused).exits(1).says(&["name can't be given here"]);
    // `-var` stands before the file, as other flags do.
    folder
        .run_args(&["apply", "-var", &token, "p"])
        .exits(0)
        .says(&["1 added", "nothing = true"])
        .never_says(&[MARKED]);
    holds_no_marked_value(&folder);
    folder.run_args(&["plan", "-var", "token=another", "-detailed-exitcode"]).exits(0);
}

#[test]
fn an_ephemeral_value_is_refused_where_it_would_be_kept_or_shown() {
    let inner_takes_none = INNER.replacen("  ephemeral = true\n", "", 1);
    let table = [
        ("  input = var.name", "  input = var.token", INNER, "Invalid use of ephemeral value"),
        ("  input = var.name", "  count = length(var.token)", INNER, "Invalid count argument"),
        ("  input = var.name", "  for_each = toset([var.token])", INNER, "Invalid for_each argument"),
        ("ephemeralasnull(local.header) == null", "local.header", INNER, "Ephemeral value not allowed"),
        ("", "", &inner_takes_none, "Ephemeral value not allowed"),
        (
            "  ephemeral = true\n",
            "  ephemeral = true\n  validation {\n    condition = var.token == \"x\"\n    error_message = \"Wrong.\"\n  }\n",
            INNER,
            "Wrong.",
        ),
        (
            "  ephemeral = true\n",
            "  ephemeral = true\n  validation {\n    condition = var.token == \"x\"\n    error_message = \"No ${var.token}.\"\n  }\n",
            INNER,
            "The error message included an ephemeral value, so it will not be displayed.",
        ),
        (
            "startswith(module.inner.header, \"Bearer \")\n      error_message = \"no header\"",
            "startswith(module.inner.header, \"B-\")\n      error_message = \"no ${var.token}\"",
            INNER,
            "Error message refers to ephemeral values",
        ),
    ];
    for (old, new, inner, says) in table {
        let folder = folder(&PAGE.replacen(old, new, 1));
        folder.write("inner/main.hcl", inner);
        let ran = folder.run_args(&["plan", "-var", &format!("token={MARKED}")]);
        ran.exits(1).says(&[says]).never_says(&[MARKED]);
    }
}

/// `name=value` of `-var` for what a test is given by the sandbox, and more.
fn given(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().flat_map(|(name, value)| ["-var".to_owned(), format!("{name}={value}")]).collect()
}

fn run(folder: &Folder, line: &[&str], vars: &[String], file: Option<&str>) -> Ran {
    let args: Vec<&str> = line.iter().copied().chain(vars.iter().map(String::as_str)).chain(file).collect();
    folder.run_args(&args)
}

const GUARDED: &str = r#"
variable "url" {}
variable "token" {
  type      = string
  ephemeral = true
}
provider "gitlab" {
  base_url = "${var.url}/api/v4/"
  token    = var.token
}
resource "gitlab_group" "a" {
  name        = "a"
  path        = "a"
  description = "first"
}
"#;

#[test]
fn a_saved_plan_whose_provider_takes_an_ephemeral_token_is_shown_without_it_and_applied_with_it() {
    let folder = Folder::with(GUARDED);
    let sandbox = folder.sandbox();
    let token = sandbox.gitlab.token().to_owned();
    let vars = given(&[("url", sandbox.gitlab.url()), ("token", &token)]);
    let of = |marked: &str| holds_nowhere(&folder, marked);
    run(&folder, &["apply", "-auto-approve"], &vars, None).exits(0).never_says(&[&token]);
    of(&token);
    folder.edit("main.hcl", "\"first\"", "\"second\"");
    run(&folder, &["plan", "-out=p"], &vars, None).exits(0).says(&["1 to change"]).never_says(&[&token]);
    of(&token);

    // Shown without a service: what the plan saw is in the file, what it needed to see it is not.
    sandbox.reset_calls();
    let shown = folder.run("show p").exits(0);
    shown
        .says(&["gitlab_group.a will be updated", "first", "second"])
        .never_says(&["could not be looked at"]);
    folder.run("show -json p").exits(0).says(&["\"update\""]).never_says(&[&token]);
    assert_eq!(sandbox.calls(), (0, 0));

    // It was made with a token, so it is applied with one; with a wrong one the service says so.
    folder.run("apply p").exits(1).says(&[
        "No value for required variable",
        "\"token\" was set during the plan phase, and so must also be set",
    ]);
    let applied = |token: &str| run(&folder, &["apply"], &given(&[("token", token)]), Some("p"));
    applied(MARKED).exits(1).never_says(&[MARKED, "1 changed"]);
    of(MARKED);
    let reached = sandbox.gitlab.get("/api/v4/groups/a");
    assert_eq!(reached["description"], "first");
    applied(sandbox.gitlab.token()).exits(0).says(&["1 changed"]).never_says(&[&token]);
    assert_eq!(sandbox.gitlab.get("/api/v4/groups/a")["description"], "second");
    of(&token);
}

#[test]
fn a_saved_plan_is_given_the_ephemeral_variables_that_it_was_made_with_and_no_others() {
    let page = r#"
variable "one" {
  default   = "a default"
  ephemeral = true
}
variable "other" {
  default   = "a default"
  ephemeral = true
}
resource "terraform_data" "a" {
  input = "x"
}
"#;
    let folder = Folder::with(page);
    folder.run("plan -out=p").exits(0);
    folder.run_args(&["apply", "-var", &format!("one={MARKED}"), "p"]).exits(1).says(&[
        "Ephemeral variable was not set during planning",
        "\"one\" was not set during the planning phase",
    ]);
    folder.run_args(&["plan", "-out=p", "-var", &format!("one={MARKED}")]).exits(0);
    let text = String::from_utf8_lossy(&std::fs::read(folder.path("p")).unwrap()).into_owned();
    assert!(text.contains("\"given_ephemeral\":[\"one\"]"), "{text}");
    holds_no_marked_value(&folder);
    folder
        .run("apply p")
        .exits(1)
        .says(&["\"one\" was set during the plan phase"])
        .never_says(&["\"other\""]);
    folder.run_with(&["apply", "p"], &[("TF_VAR_one", MARKED)]).exits(0).says(&["1 added"]);
}

const CLUSTER: &str = r#"
variable "host" {}
variable "ca" {}
variable "admin" {
  type      = string
  ephemeral = true
}
variable "password" {
  type      = string
  ephemeral = true
}
variable "revision" {
  default = 1
}
locals {
  team = kubernetes_namespace_v1.team.metadata[0].name
}

provider "kubernetes" {
  host                   = var.host
  cluster_ca_certificate = var.ca
  token                  = var.admin
}
provider "kubernetes" {
  alias                  = "deployer"
  host                   = var.host
  cluster_ca_certificate = var.ca
  token                  = ephemeral.kubernetes_token_request_v1.deployer.token
}

resource "kubernetes_namespace_v1" "team" {
  metadata {
    name = "team"
  }
}
resource "kubernetes_service_account_v1" "deployer" {
  metadata {
    name      = "deployer"
    namespace = local.team
  }
}
resource "kubernetes_role_binding_v1" "deployer" {
  metadata {
    name      = "deployer"
    namespace = local.team
  }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "ClusterRole"
    name      = "admin"
  }
  subject {
    kind      = "ServiceAccount"
    name      = kubernetes_service_account_v1.deployer.metadata[0].name
    namespace = local.team
  }
}

ephemeral "kubernetes_token_request_v1" "deployer" {
  metadata {
    name      = kubernetes_service_account_v1.deployer.metadata[0].name
    namespace = local.team
  }
  spec {
    expiration_seconds = 900
  }
  depends_on = [kubernetes_role_binding_v1.deployer]
}

resource "kubernetes_secret_v1" "ci" {
  provider = kubernetes.deployer
  metadata {
    name      = "ci"
    namespace = local.team
  }
  data_wo = {
    token    = ephemeral.kubernetes_token_request_v1.deployer.token
    password = var.password
  }
  data_wo_revision = var.revision
}
"#;

/// What a key of the secret is in the cluster.
fn secret(sandbox: &Sandbox, key: &str) -> String {
    use base64::Engine as _;
    let live = sandbox.kubernetes.get("/api/v1/namespaces/team/secrets/ci");
    let encoded = live["data"][key].as_str().unwrap_or_else(|| panic!("no {key} in {live}")).to_owned();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()).unwrap()
}

#[test]
fn a_token_is_asked_for_used_by_a_provider_and_sent_to_a_secret_and_is_in_no_file() {
    let folder = Folder::with(CLUSTER);
    let sandbox = folder.sandbox();
    let announced: serde_json::Value = serde_json::from_str(&folder.read(".pilotis/sandbox.json")).unwrap();
    let ca = announced["endpoints"]["kubernetes"]["ca_pem"].as_str().unwrap();
    let vars = |password: &str| {
        let (host, admin) = (sandbox.kubernetes.url(), sandbox.kubernetes.token());
        given(&[("host", host), ("ca", ca), ("admin", admin), ("password", password)])
    };
    // The account is still to be made: so is the token, and what needs it waits.
    let ran = run(&folder, &["apply", "-auto-approve"], &vars(MARKED), None).exits(0);
    let ran = ran.says(&[
        "4 added",
        "ephemeral.kubernetes_token_request_v1.deployer: Opening...",
        "ephemeral.kubernetes_token_request_v1.deployer: Closing complete",
    ]);
    let token = secret(&sandbox, "token");
    assert_eq!(token.split('.').count(), 3, "{token}");
    assert_eq!(secret(&sandbox, "password"), MARKED);
    let hidden = [MARKED, token.as_str(), sandbox.kubernetes.token()];
    ran.never_says(&hidden);
    hidden.iter().for_each(|text| holds_nowhere(&folder, text));
    assert!(folder.state().iter().all(|address| !address.contains("ephemeral")), "{:?}", folder.state());

    // Nothing to do: it is asked for all the same, for the provider reads with it.
    let again = run(&folder, &["plan", "-detailed-exitcode"], &vars("another"), None).exits(0);
    again.says(&["deployer: Opening complete", "deployer: Closing complete"]);
    // Another value of the same revision is not sent, another revision is, in a saved plan too.
    run(&folder, &["apply", "-auto-approve"], &vars("another"), None).exits(0);
    assert_eq!(secret(&sandbox, "password"), MARKED);
    folder.edit("main.hcl", "  default = 1", "  default = 2");
    run(&folder, &["plan", "-out=p"], &vars("another"), None).exits(0).says(&["data_wo_revision"]);
    folder.run("show p").exits(0).says(&["kubernetes_secret_v1.ci will be updated", "1 -> 2"]);
    folder.run("show -json p").exits(0).never_says(&["another", "display\":\"ephemeral."]);
    let again = given(&[("admin", sandbox.kubernetes.token()), ("password", "p4ssed-0n")]);
    let ran = run(&folder, &["apply"], &again, Some("p")).exits(0).says(&["1 changed"]);
    assert_eq!(secret(&sandbox, "password"), "p4ssed-0n");
    assert_ne!(secret(&sandbox, "token"), token, "the plan's token was closed with it");
    ran.never_says(&["p4ssed-0n", &secret(&sandbox, "token")]);
    for text in ["p4ssed-0n", "another", &secret(&sandbox, "token"), &token] {
        holds_nowhere(&folder, text);
    }
    folder
        .run("state show kubernetes_secret_v1.ci")
        .exits(0)
        .says(&["data_wo_revision"])
        .never_says(&["p4ss"]);

    // As events, and to take it all away.
    let ran = run(&folder, &["destroy", "-auto-approve", "-json"], &vars(MARKED), None).exits(0);
    let opened = ran.out.lines().filter(|l| l.contains("\"ephemeral_op_complete\"")).count();
    assert_eq!(opened, 4, "opened and closed twice\n{ran}");
    ran.never_says(&[MARKED]);
    holds_no_marked_value(&folder);
    let (status, _) = sandbox.kubernetes.send("GET", "/api/v1/namespaces/team", None);
    assert_eq!(status, 404);
}

#[test]
fn passwords_and_keys_are_made_for_one_run() {
    let page = r#"
ephemeral "random_password" "p" {
  length      = 24
  special     = false
  min_numeric = 3
  lifecycle {
    postcondition {
      condition     = can(regex("^[0-9A-Za-z]{24}$", self.result)) && startswith(self.bcrypt_hash, "$2")
      error_message = "That is no password."
    }
  }
}
ephemeral "tls_private_key" "k" {
  algorithm = "ED25519"
  lifecycle {
    postcondition {
      condition     = strcontains(self.private_key_pem, "PRIVATE KEY") && startswith(self.public_key_openssh, "ssh-ed25519 ")
      error_message = "That is no key."
    }
  }
}
resource "terraform_data" "a" {
  input = "x"
  lifecycle {
    precondition {
      condition     = length("${ephemeral.random_password.p.result}${ephemeral.tls_private_key.k.private_key_openssh}") > 100
      error_message = "They are too short."
    }
  }
}
output "nothing" {
  value = nonsensitive(ephemeralasnull(ephemeral.random_password.p.result) == null)
}
"#;
    let folder = Folder::with(page);
    let ran = folder.run("apply -auto-approve").exits(0);
    ran.says(&["1 added", "nothing = true", "ephemeral.tls_private_key.k: Closing complete"]);
    folder.run("plan -detailed-exitcode").exits(0);
    assert_eq!(folder.state(), ["terraform_data.a"]);
    folder.edit("main.hcl", "length      = 24", "length      = 2");
    folder.run("plan").exits(1).says(&["length must be at least the sum", "ephemeral.random_password.p"]);
}

#[test]
fn what_is_wrong_with_an_ephemeral_block_is_said() {
    let block =
        "ephemeral \"kubernetes_token_request_v1\" \"t\" {\n  metadata {\n    name = \"default\"\n  }\n}\n";
    let table = [
        (
            "output \"a\" {\n  value = ephemeral.kubernetes_token_request_v1.x.token\n}\n",
            "An ephemeral resource \"kubernetes_token_request_v1\" \"x\" has not been declared",
        ),
        (
            "output \"a\" {\n  value = kubernetes_token_request_v1.t.token\n}\n",
            "There is `ephemeral.kubernetes_token_request_v1.t`: did you mean that?",
        ),
        (
            "output \"a\" {\n  value = ephemeral.kubernetes_token_request_v1\n}\n",
            "must be followed by two attribute names: the ephemeral resource type and the resource",
        ),
        (
            "output \"a\" {\n  value = ephemeral.kubernetes_token_request_v1.t.tokens\n}\n",
            "Did you mean \"token\"?",
        ),
        (
            "resource \"kubernetes_token_request_v1\" \"r\" {}\n",
            "There is an ephemeral resource of that name: write `ephemeral \"kubernetes_token_request_v1\"`",
        ),
        (
            "ephemeral \"terraform_data\" \"e\" {}\n",
            "There is a resource type of that name: write `resource \"terraform_data\"`",
        ),
        (
            "moved {\n  from = ephemeral.kubernetes_token_request_v1.s\n  to   = ephemeral.kubernetes_token_request_v1.t\n}\n",
            "Only what the state has can be moved",
        ),
        (
            "removed {\n  from = ephemeral.kubernetes_token_request_v1.s\n}\n",
            "Ephemeral resource address not allowed",
        ),
        (
            "import {\n  to = ephemeral.kubernetes_token_request_v1.t\n  id = \"x\"\n}\n",
            "Only managed resources can be imported.",
        ),
        (
            "resource \"terraform_data\" \"r\" {\n  lifecycle {\n    replace_triggered_by = [ephemeral.kubernetes_token_request_v1.t]\n  }\n}\n",
            "Invalid reference in replace_triggered_by expression",
        ),
    ];
    for (more, says) in table {
        Folder::with(&format!("{block}{more}")).run("validate").exits(1).says(&[says]);
    }
    Folder::with(block).run("validate").exits(0);
    Folder::with(block)
        .run("plan -replace=ephemeral.kubernetes_token_request_v1.t")
        .exits(1)
        .says(&["only managed resources can be replaced"]);
    let root = "output \"a\" {\n  value     = \"x\"\n  ephemeral = true\n}\n";
    Folder::with(root).run("plan").exits(1).says(&["Ephemeral output not allowed"]);
    let json = r#"{"ephemeral": {"kubernetes_token_request_v1": {"t": {"metadata": {"name": "default"}}}},
        "locals": {"a": "${ephemeral.kubernetes_token_request_v1.t.token == \"\"}"}}"#;
    let folder = Folder::empty();
    folder.write("main.tf.json", json);
    folder.run("validate").exits(0);
    // Nobody opens anything to look at it.
    let input = "ephemeral.kubernetes_token_request_v1.t.token\n";
    Folder::with(block).run_fed("console", input).exits(0).says(&["(ephemeral value)"]);
    Folder::empty()
        .run("explain ephemeral.kubernetes_token_request_v1")
        .exits(0)
        .says(&["ephemeral \"kubernetes_token_request_v1\"", "expiration_timestamp"]);
}
