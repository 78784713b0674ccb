//! Marked secrets where something goes wrong: expressions, variables, conditions, programs, tests, providers, backends. Each scene says what shows that it
//! came to the point; nothing of it may say the secret.

use super::search::{CORE, marked_lines};
use crate::harness::{Folder, Ran};

/// A marker: `MARK` in a scene stands for it.
fn marker() -> String {
    format!("{CORE}0000{CORE}0000")
}

/// A sensitive variable, and where its value is given.
const VARIABLE: &str = "variable \"s\" {\n  type      = string\n  sensitive = true\n}\n";
const VALUE: (&str, &str) = ("terraform.tfvars", "s = \"MARK\"\n");

/// What was said by whom, and what of it is secret.
#[derive(Default)]
struct Scenes {
    said: Vec<String>,
}

impl Scenes {
    /// A folder with these files; one named `main.hcl` has the variable too.
    fn folder(files: &[(&str, &str)]) -> Folder {
        let folder = Folder::empty();
        for (name, text) in files.iter().chain([&VALUE]) {
            let text = text.replace("MARK", &marker());
            folder.write(name, &if *name == "main.hcl" { format!("{VARIABLE}{text}") } else { text });
        }
        folder
    }

    /// Runs a command, with logs of everything.
    fn run(&mut self, folder: &Folder, line: &str, says: &[&str]) -> Ran {
        self.run_with(folder, line, &[], says)
    }

    fn run_with(&mut self, folder: &Folder, line: &str, variables: &[(&str, &str)], says: &[&str]) -> Ran {
        let args: Vec<String> = line.split_whitespace().map(|a| a.replace("MARK", &marker())).collect();
        let values: Vec<(&str, String)> =
            variables.iter().map(|(name, value)| (*name, value.replace("MARK", &marker()))).collect();
        let mut all = vec![("TF_LOG", "trace"), ("PILOTIS_ALLOW_EXEC", "1"), ("RUST_BACKTRACE", "1")];
        if line.starts_with("plan") || line.starts_with("validate") {
            // A scene is about what goes wrong; what the store and the wires say at the highest level is looked for in an apply.
            all.retain(|(name, _)| *name != "TF_LOG");
        }
        all.extend(values.iter().map(|(name, value)| (*name, value.as_str())));
        let ran = folder.run_with(&args.iter().map(String::as_str).collect::<Vec<_>>(), &all).says(says);
        self.look(line, &format!("{}\n{}", ran.out, ran.err));
        ran
    }

    /// Looks for the marker in a text.
    fn look(&mut self, of: &str, text: &str) {
        self.said.extend(marked_lines(text).into_iter().map(|line| format!("{of}: {line}")));
    }

    #[track_caller]
    fn say_nothing(self) {
        assert!(self.said.is_empty(), "a secret was said:\n{}", self.said.join("\n"));
    }
}

/// Each of these is a mistake, and evaluated by itself.
const MISTAKES: &[&str] = &[
    "tonumber(var.s)",
    "tobool(var.s)",
    "tolist(var.s)",
    "tomap(var.s)",
    "parseint(var.s, 10)",
    "parseint(\"12\", var.s)",
    "jsondecode(var.s)",
    "jsondecode(\"[${var.s}\")",
    "yamldecode(\"a: [${var.s}\")",
    "csvdecode(\"a,a\\n${var.s},\\\"\")",
    "base64decode(\"*${var.s}\")",
    "textdecodebase64(\"*${var.s}\", \"UTF-16LE\")",
    "textencodebase64(\"x\", var.s)",
    "regex(\"${var.s}(\", \"x\")",
    "regex(var.s, \"x\")",
    "regexall(\"[${var.s}\", \"x\")",
    "replace(\"x\", \"/${var.s}(/\", \"\")",
    "formatdate(\"YYYY\", var.s)",
    "formatdate(\"${var.s}'\", \"2026-01-01T00:00:00Z\")",
    "timeadd(\"2026-01-01T00:00:00Z\", var.s)",
    "timecmp(var.s, var.s)",
    "file(var.s)",
    "filebase64(var.s)",
    "filesha256(var.s)",
    "templatefile(var.s, {})",
    "templatefile(\"broken.tpl\", { x = var.s })",
    "templatefile(\"broken.tpl\", { (var.s) = 1 })",
    "templatestring(local.template, { x = var.s })",
    "cidrsubnet(var.s, 8, 1)",
    "cidrhost(\"10.0.0.0/8\", var.s)",
    "element([1], var.s)",
    "{ a = 1 }[var.s]",
    "[1][var.s]",
    "lookup({ a = 1 }, var.s)",
    "var.s.attribute",
    "var.s[0]",
    "local.o[var.s]",
    "var.s + 1",
    "-var.s",
    "!var.s",
    "var.s ? 1 : 2",
    "[for x in var.s : x]",
    "{ for x in [var.s, var.s] : x => x }",
    "merge(var.s, {})",
    "zipmap([var.s], [1, 2])",
    "format(\"%d\", var.s)",
    "format(\"%z${var.s}\", 1)",
    "formatlist(\"%d\", [var.s])",
    "join(\",\", var.s)",
    "substr(var.s, var.s, 1)",
    "range(var.s)",
    "one([var.s, var.s])",
    "index([1], var.s)",
    "keys(var.s)",
    "setproduct(var.s)",
    "chunklist([1], var.s)",
    "bcrypt(var.s, 99)",
    "uuidv5(var.s, var.s)",
    "rsadecrypt(var.s, var.s)",
    "urldecode(\"%zz${var.s}\")",
    "sum([var.s])",
    "max(var.s)",
    "provider::terraform::decode_tfvars(var.s)",
    "provider::terraform::encode_expr(var.s, 1)",
];

#[test]
fn no_mistake_with_a_secret_says_it() {
    let mut scenes = Scenes::default();
    let locals = "locals {\n  template = \"$${x + 1}\"\n  o        = { a = 1 }\n}\n";
    let folder = Scenes::folder(&[("main.hcl", ""), ("broken.tpl", "${x + 1}${parseint(x, 10)}")]);
    // What is told from the types alone comes first, and the rest once that is gone.
    let mut left: Vec<&str> = MISTAKES.to_vec();
    while !left.is_empty() {
        let outputs = left.iter().enumerate().map(|(i, expression)| {
            format!("output \"o{i}\" {{\n  sensitive = true\n  value     = {expression}\n}}\n")
        });
        folder.write("main.hcl", &format!("{VARIABLE}{locals}{}", outputs.collect::<String>()));
        for line in ["plan -json", "validate", "validate -json"] {
            scenes.run(&folder, line, &[]);
        }
        let ran = scenes.run(&folder, "plan", &[]);
        let before = left.len();
        left.retain(|expression| !ran.err.contains(&format!("= {expression}")));
        assert_ne!(left.len(), before, "no mistakes: {left:?}\n{ran}");
    }
    let typed: String = MISTAKES.iter().map(|expression| format!("{expression}\n")).collect();
    folder.write("main.hcl", &format!("{VARIABLE}{locals}"));
    let ran = folder.run_fed("console", &format!("{typed}var.s\n\"x${{var.s}}\"\n"));
    scenes.look("console", &format!("{}\n{}", ran.out, ran.err));
    scenes.say_nothing();
}

/// Values of the wrong type, as arguments and where instances are counted.
#[test]
fn no_argument_of_the_wrong_type_is_said() {
    let mut scenes = Scenes::default();
    for (body, says) in [
        ("count = var.s", "count"),
        ("for_each = var.s", "for_each"),
        ("for_each = toset([var.s])", "for_each"),
        ("for_each = { (var.s) = 1 }", "for_each"),
        ("count = 1\n  nothing = var.s", "nothing"),
        ("provider = terraform\n  triggers_replace = tonumber(var.s)", "tonumber"),
    ] {
        let text = format!("resource \"terraform_data\" \"a\" {{\n  {body}\n}}\n");
        let folder = Scenes::folder(&[("main.hcl", &text)]);
        scenes.run(&folder, "plan", &[says]).exits(1);
        scenes.run(&folder, "plan -json", &[says]).exits(1);
    }
    for (type_name, argument) in [
        ("random_password", "length"),
        ("random_shuffle", "input"),
        ("random_id", "keepers"),
        ("random_integer", "max"),
        ("time_rotating", "rotation_days"),
        ("time_sleep", "create_duration"),
        ("local_file", "file_permission"),
        ("tls_private_key", "algorithm"),
        ("tls_private_key", "rsa_bits"),
    ] {
        let required = match type_name {
            "random_integer" => "min = 1\n  ",
            "local_file" => "filename = \"f\"\n  content = \"c\"\n  ",
            "random_id" => "byte_length = 4\n  ",
            "tls_private_key" if argument != "algorithm" => "algorithm = \"RSA\"\n  ",
            _ => "",
        };
        let text = format!("resource \"{type_name}\" \"a\" {{\n  {required}{argument} = var.s\n}}\n");
        let folder = Scenes::folder(&[("main.hcl", &text)]);
        scenes.run(&folder, "apply -auto-approve", &[argument]).exits(1);
    }
    let folder = Scenes::folder(&[(
        "main.hcl",
        "resource \"terraform_data\" \"a\" {}\nimport {\n  to = terraform_data.a\n  id = var.s\n}\noutput \"plain\" {\n  value = var.s\n}\n",
    )]);
    scenes.run(&folder, "plan", &["sensitive"]).exits(1);
    scenes.say_nothing();
}

/// Values of variables that can't be read, or don't fit.
#[test]
fn no_value_of_a_variable_is_said() {
    let mut scenes = Scenes::default();
    let typed = r#"
variable "n" {
  type      = number
  sensitive = true
  default   = 1
}
variable "o" {
  type      = object({ a = list(number) })
  sensitive = true
  default   = { a = [] }
}
variable "v" {
  type      = string
  sensitive = true
  default   = "short"
  validation {
    condition     = length(var.v) < 10
    error_message = "It is ${var.v}."
  }
}
"#;
    let texts = [
        "n = \"MARK\"",
        "o = \"MARK\"",
        "o = { a = [\"MARK\"] }",
        "o = { MARK = 1 }",
        "v = \"MARK\"",
        "v = \"MARK",
        "v = MARK",
        "v = \"MARK\" \"x\"",
        "v = upper(\"MARK\"",
        "v = upper(\"MARK\")",
        "v = \"${MARK}\"",
        "v \"MARK\"",
        "v = \"MARK\"\nv = \"MARK\"",
        "undeclared = \"MARK\"",
        "v = <<E\nMARK\n",
        "v = \"\\MARK\"",
        "b {\n  v = \"MARK\"\n}",
    ];
    for text in texts {
        let folder = Scenes::folder(&[("main.hcl", typed), ("x.auto.tfvars", text)]);
        scenes.run(&folder, "plan", &[if text.contains("undeclared") { "undeclared" } else { "rror" }]);
        scenes.run(&folder, "plan -json", &[]);
    }
    for text in
        ["{\"n\": \"MARK\"}", "{\"v\": \"MARK\"", "{\"v\": MARK}", "{\"undeclared\": \"MARK\"}", "[\"MARK\"]"]
    {
        let folder = Scenes::folder(&[("main.hcl", typed), ("x.auto.tfvars.json", text)]);
        scenes.run(&folder, "plan", &["x.auto.tfvars.json"]);
    }
    let folder = Scenes::folder(&[("main.hcl", typed)]);
    for line in [
        "plan -var n=MARK",
        "plan -var o=MARK",
        "plan -var o={a=[\"MARK\"]}",
        "plan -var v=MARK",
        "plan -var undeclared=MARK",
        "plan -var a:MARK",
        "plan -var=n=\"MARK",
    ] {
        scenes.run(&folder, line, &["rror"]).exits(1);
    }
    for (name, value) in
        [("TF_VAR_n", "MARK"), ("TF_VAR_o", "{ a = [\"MARK\""), ("TF_VAR_v", "MARK"), ("TF_VAR_o", "MARK")]
    {
        scenes.run_with(&folder, "plan", &[(name, value)], &["rror"]).exits(1);
    }
    // Of a module.
    let folder = Scenes::folder(&[
        (
            "main.hcl",
            "module \"m\" {\n  source = \"./m\"\n  n      = var.s\n  v      = var.s\n  o      = { a = var.s }\n}\n",
        ),
        ("m/main.hcl", typed),
    ]);
    scenes.run(&folder, "plan", &["the variable"]).exits(1);
    scenes.say_nothing();
}

/// `terraform_data.a.output` has no mark of its own, but holds the text.
#[test]
fn no_condition_and_no_program_says_a_secret() {
    let mut scenes = Scenes::default();
    let text = r#"
resource "terraform_data" "a" {
  input = var.s
}
resource "terraform_data" "b" {
  input = "b"
  lifecycle {
    precondition {
      condition     = terraform_data.a.output == "another"
      error_message = "It is ${terraform_data.a.output}."
    }
  }
}
resource "terraform_data" "c" {
  input = var.s
  lifecycle {
    postcondition {
      condition     = self.output == "another"
      error_message = "It is ${self.output}."
    }
  }
}
check "c" {
  assert {
    condition     = terraform_data.a.output == "another" || var.s == "another"
    error_message = "It is ${terraform_data.a.output}."
  }
}
output "o" {
  value     = "x"
  precondition {
    condition     = terraform_data.a.output == "another"
    error_message = "It is ${terraform_data.a.output}."
  }
}
"#;
    let folder = Scenes::folder(&[("main.hcl", text)]);
    scenes.run(&folder, "apply -auto-approve", &["precondition", "postcondition"]);
    for line in
        ["plan", "plan -json", "show", "state show terraform_data.a", "plan -destroy", "why terraform_data.b"]
    {
        scenes.run(&folder, line, &[]);
    }
    let ran = folder
        .run_fed("console", "terraform_data.a\nterraform_data.a.output\nupper(terraform_data.a.output)\n");
    assert_eq!(ran.out.matches("(sensitive value)").count(), 4, "{ran}");
    scenes.look("console", &format!("{}\n{}", ran.out, ran.err));
    for (arguments, says) in [
        ("command = \"echo ${self.output}; echo ${self.output} >&2; exit 3\"", "exit status 3"),
        (
            "command = \"echo $S; echo $S >&2; exit 3\"\n    environment = { S = self.output }",
            "exit status 3",
        ),
        ("command = \"echo $S; exit 3\"\n    environment = { S = var.s }", "exit status 3"),
        ("command = \"true\"\n    working_dir = self.output", "rror"),
        ("command = \"true\"\n    interpreter = [var.s]", "rror"),
        ("command = \"true\"\n    interpreter = [self.input, self.output]", "rror"),
        ("command = \"exit 3\"\n    environment = { \"${var.s}=\" = 1 }", "rror"),
        ("command = \"echo ${self.output}; exit 3\"\n    when = destroy", "exit status 3"),
    ] {
        let text = format!(
            "resource \"terraform_data\" \"a\" {{\n  input = var.s\n  provisioner \"local-exec\" {{\n    {arguments}\n  }}\n}}\n"
        );
        let folder = Scenes::folder(&[("main.hcl", &text)]);
        let removal = arguments.contains("destroy");
        let ran = scenes.run(&folder, "apply -auto-approve", &[if removal { "complete" } else { says }]);
        assert_eq!(ran.code, Some(if removal { 0 } else { 1 }), "{ran}");
        scenes.run(&folder, "plan -destroy", &[]);
        scenes.run(
            &folder,
            "destroy -auto-approve -json",
            &[if removal { says } else { "terraform_data.a" }],
        );
    }
    scenes.say_nothing();
}

#[test]
fn no_test_and_no_report_of_one_says_a_secret() {
    let mut scenes = Scenes::default();
    let main = r#"
resource "terraform_data" "a" {
  input = var.s
}
resource "random_password" "p" {
  length = 20
}
output "s" {
  value     = var.s
  sensitive = true
}
"#;
    let test = r#"
run "variable" {
  command = plan
  assert {
    condition     = var.s == "another"
    error_message = "It is ${var.s}."
  }
}
run "attribute" {
  assert {
    condition     = terraform_data.a.output == "another"
    error_message = "It is ${terraform_data.a.output}."
  }
  assert {
    condition     = terraform_data.a == { input = "another" }
    error_message = "No: ${terraform_data.a.input}."
  }
}
run "output" {
  assert {
    condition     = output.s == "another"
    error_message = "It is ${output.s}."
  }
  assert {
    condition     = [run.attribute.s] == ["another"]
    error_message = "It is another."
  }
}
run "mistake" {
  assert {
    condition     = tonumber(var.s) == 1
    error_message = "It is no number."
  }
}
run "given" {
  variables {
    s = tonumber(run.output.s)
  }
}
"#;
    let folder = Scenes::folder(&[("main.hcl", main), ("main.tftest.hcl", test)]);
    for line in ["test -junit-xml=report.xml", "test -json", "test -verbose", "test -verbose -json"] {
        scenes.run(&folder, line, &["Test assertion failed"]).exits(1);
    }
    let report = folder.read("report.xml");
    assert!(report.contains("Test assertion failed"), "{report}");
    scenes.look("report.xml", &report);
    scenes.say_nothing();
}

/// A file of kubectl's.
const KUBE: &str = "apiVersion: v1\nkind: Config\nusers: [{name: u, user: {token: MARK, client-key-data: MARK}}]\nclusters: [{name: c, cluster: {server: 'http://u:MARK@127.0.0.1:1'}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n";

/// Tokens, keys and addresses that no service answers to, of providers. Most of the time they wait to ask once more: side by side.
#[test]
fn no_credential_of_a_provider_is_said() {
    let group = "resource \"gitlab_group\" \"g\" {\n  name = \"g\"\n  path = \"g\"\n}\n";
    let map = "resource \"kubernetes_config_map\" \"m\" {\n  metadata {\n    name = \"m\"\n  }\n}\n";
    let cases = [
        ("gitlab", "token = \"MARK\"\n  base_url = \"http://127.0.0.1:1/api/v4/\""),
        ("gitlab", "token = var.s\n  base_url = \"http://user:MARK@127.0.0.1:1/api/v4/?private_token=MARK\""),
        ("gitlab", "token = \"MARK\\n\"\n  base_url = \"http://127.0.0.1:1\""),
        ("gitlab", "token = var.s\n  base_url = \"MARK\""),
        ("gitlab", "token = var.s\n  base_url = \"ftp://user:MARK@127.0.0.1:1\""),
        ("gitlab", "token = var.s\n  base_url = \"http://127.0.0.1:1\"\n  cacert_file = \"MARK\""),
        ("kubernetes", "host = \"http://127.0.0.1:1\"\n  token = var.s"),
        ("kubernetes", "host = \"http://user:MARK@127.0.0.1:1/?token=MARK\"\n  token = \"MARK\""),
        ("kubernetes", "host = \"http://user:MARK@127.0.0.1:port\"\n  token = var.s"),
        (
            "kubernetes",
            "host = \"https://127.0.0.1:1\"\n  client_key = var.s\n  client_certificate = \"MARK\"",
        ),
        ("kubernetes", "config_path = \"kube.yaml\""),
        (
            "kubernetes",
            "host = \"http://127.0.0.1:1\"\n  exec {\n    api_version = \"client.authentication.k8s.io/v1\"\n    command = \"/bin/false\"\n    env = { TOKEN = var.s }\n    args = [var.s]\n  }",
        ),
    ];
    let scene = |(provider, arguments): (&str, &str)| {
        let mut scenes = Scenes::default();
        let block = if provider == "gitlab" { group } else { map };
        let text = format!("provider \"{provider}\" {{\n  {arguments}\n}}\n{block}");
        let folder = Scenes::folder(&[("main.hcl", &text), ("kube.yaml", KUBE)]);
        let ran = scenes.run(&folder, "apply -auto-approve", &[]);
        assert_ne!(ran.code, Some(0), "{ran}");
        scenes.say_nothing();
    };
    std::thread::scope(|threads| {
        for case in cases {
            threads.spawn(move || scene(case));
        }
    });
}

/// The same of backends, of modules, and of the states of others.
#[test]
fn no_credential_of_a_backend_or_a_module_is_said() {
    let mut scenes = Scenes::default();
    for (backend, arguments) in [
        ("pg", "conn_str = \"postgres://user:MARK@127.0.0.1:1/d?sslmode=disable\""),
        ("pg", "conn_str = \"postgres://user:MARK@127.0.0.1:port/d\""),
        ("pg", "conn_str = \"host=127.0.0.1 port=1 password=MARK user=u sslmode=disable nothing\""),
        ("pg", "conn_str = \"MARK\""),
        ("http", "address = \"http://user:MARK@127.0.0.1:1/state?private_token=MARK\"\n    retry_max = 0"),
        (
            "http",
            "address = \"http://127.0.0.1:1/state\"\n    username = \"u\"\n    password = \"MARK\"\n    retry_max = 0",
        ),
        ("http", "address = \"MARK://x\""),
        (
            "http",
            "address = \"http://127.0.0.1:1/s\"\n    client_private_key_pem = \"MARK\"\n    client_certificate_pem = \"MARK\"",
        ),
        (
            "s3",
            "bucket = \"b\"\n    key = \"k\"\n    region = \"r\"\n    access_key = \"MARK\"\n    secret_key = \"MARK\"\n    token = \"MARK\"\n    max_retries = 0\n    endpoints = { s3 = \"http://user:MARK@127.0.0.1:1\" }",
        ),
        ("s3", "bucket = \"b\"\n    key = \"k\"\n    secret_key = \"MARK\""),
    ] {
        let text = format!("terraform {{\n  backend \"{backend}\" {{\n    {arguments}\n  }}\n}}\n");
        let folder = Scenes::folder(&[("main.hcl", &text)]);
        scenes.run(&folder, "init", &["rror"]).exits(1);
        scenes.run(&folder, "plan", &["rror"]).exits(1);
    }
    let folder = Scenes::folder(&[("main.hcl", "terraform {\n  backend \"pg\" {}\n}\n")]);
    for flag in [
        "conn_str=postgres://user:MARK@127.0.0.1:1/d?sslmode=disable",
        "postgres://user:MARK@127.0.0.1:1/d?sslmode=disable",
        "postgres://user:MARK@127.0.0.1:1/d",
        "nothing=MARK",
        "secret.conf",
    ] {
        folder.write("secret.conf", &format!("conn_str = \"{}", marker()));
        scenes.run(&folder, &format!("init -backend-config={flag}"), &["rror"]).exits(1);
    }
    scenes.run_with(
        &folder,
        "init",
        &[("PG_CONN_STR", "postgres://u:MARK@127.0.0.1:1/d?sslmode=disable")],
        &["rror"],
    );
    for source in
        ["git::http://oauth2:MARK@127.0.0.1:1/a/b.git", "git::http://127.0.0.1:1/a/b.git?ref=v1&token=MARK"]
    {
        let folder =
            Scenes::folder(&[("main.hcl", &format!("module \"m\" {{\n  source = \"{source}\"\n}}\n"))]);
        scenes.run(&folder, "init", &["rror"]).exits(1);
        scenes.run(&folder, "plan", &["rror"]).exits(1);
    }
    for config in [
        "backend = \"pg\"\n  config = { conn_str = \"postgres://u:MARK@127.0.0.1:1/d?sslmode=disable\" }",
        "backend = \"http\"\n  config = { address = \"http://u:MARK@127.0.0.1:1/s\", retry_max = 0 }",
        "backend = \"local\"\n  config = { path = var.s }",
        "backend = var.s",
    ] {
        let text = format!("data \"terraform_remote_state\" \"r\" {{\n  {config}\n}}\n");
        scenes.run(&Scenes::folder(&[("main.hcl", &text)]), "plan", &["rror"]);
    }
    scenes.say_nothing();
}
