//! What services and other people wrote can't drive the terminal of whoever looks at it: no escape sequence, no C1 control, no mark that
//! reorders text leaves the program but where a program asks for exactly that (`output -raw`).

use serde_json::json;

use crate::harness::{Folder, Ran};
use crate::scripted::Service;

/// Clears the screen, fills the clipboard, makes a link, moves the cursor (C1), rings, goes back to the start of the line, and shows what
/// follows backwards.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]52;c;aGk=\u{7}\u{1b}]8;;http://evil.example\u{1b}\\x\u{9b}2J\rgone\u{202e}txt\u{2066}\u{200f}\u{85}";

/// The same as the text of an HCL string.
const ESCAPED: &str = r"\u001b[2J\u001b]52;c;aGk=\u0007\u001b]8;;http://evil.example\u001b\\x\u009b2J\rgone\u202etxt\u2066\u200f\u0085";

fn drives(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Neither stream drives a terminal, and what would is there to be seen.
#[track_caller]
fn harmless(ran: Ran) -> Ran {
    for stream in [&ran.out, &ran.err] {
        let found: Vec<_> = stream.chars().filter(|c| drives(*c)).collect();
        assert!(found.is_empty(), "{found:?} is written\n{ran}");
    }
    ran
}

#[test]
fn values_names_and_keys_of_the_configuration() {
    let folder = Folder::with(&format!(
        r#"
resource "terraform_data" "a" {{
  for_each = toset(["{ESCAPED}"])
  input    = "{ESCAPED}"
}}
output "o" {{
  value = "{ESCAPED}"
}}
output "lines" {{
  value = "one\n{ESCAPED}\ntwo"
}}
check "c" {{
  assert {{
    condition     = length(terraform_data.a) > 5
    error_message = "too few: {ESCAPED}"
  }}
}}
"#
    ));
    for line in [
        "plan -out=p",
        "show p",
        "plan -json",
        "apply -auto-approve",
        "state list",
        "show",
        "show -json",
        "state pull",
        "output",
        "output o",
        "output lines",
        "output -json",
        "drift",
        "graph",
        "graph -tree",
        "graph -svg",
        "audit export",
        "state history",
        "plan -destroy",
        "apply -auto-approve -json -replace=terraform_data.none",
    ] {
        harmless(folder.run(line));
    }
    harmless(folder.run("state list")).says(&[r"\u001b[2J"]);
    let address = folder.run("state list").out.trim().to_owned();
    harmless(folder.run_args(&["state", "show", &address])).exits(0).says(&[r"\u001b[2J", r"\u202e"]);
    harmless(folder.run_args(&["state", "rm", &format!("terraform_data.a[\"{HOSTILE}\"]")]));
    harmless(folder.run_args(&["plan", &format!("-var={HOSTILE}")])).exits(1);
    harmless(folder.run_args(&["plan", &format!("-{HOSTILE}")])).exits(1);
    // JSON means what was meant, and raw is raw.
    assert_eq!(folder.run("output -json o").json(), json!(HOSTILE));
    assert_eq!(folder.run("show -json").json()["values"]["outputs"]["o"]["value"], json!(HOSTILE));
    assert_eq!(folder.run("output -raw o").out, HOSTILE);
    harmless(folder.run_fed("console", "terraform_data.a\n\"\\u001b[2J\\u202e\"\nnot_there\n"));
    harmless(folder.run("destroy -auto-approve")).exits(0);
}

#[test]
fn source_that_is_shown_with_an_error() {
    for line in [
        format!("output \"o\" {{\n  value = nada # {HOSTILE}\n}}"),
        format!("output \"o\" {{\n  value = \"{HOSTILE}\" + nada\n}}"),
        format!("output \"{HOSTILE}\" {{\n  value = 1\n}}"),
        format!("{HOSTILE} {{\n}}"),
    ] {
        let folder = Folder::with(&line);
        harmless(folder.run("validate")).exits(1).says(&["main.hcl:"]);
        harmless(folder.run("validate -json")).exits(1);
        harmless(folder.run("plan")).exits(1);
        harmless(folder.run("fmt -check -diff"));
    }
    // A comment that claims to be code when it is read from right to left.
    let folder =
        Folder::with("locals { a = 1 }\noutput \"o\" { value = nada } # \u{202e}\u{2066}} 1 = a\u{2069}\n");
    harmless(folder.run("validate")).exits(1).says(&["main.hcl:2:"]);
}

#[test]
fn what_a_service_says() {
    // An object that somebody else renamed, and a refusal with words of its own.
    let folder = Folder::with(
        "provider \"gitlab\" {\n  sandbox = true\n}\nresource \"gitlab_group\" \"a\" {\n  name = \"a\"\n  path = \"a\"\n}\n\
         data \"gitlab_group\" \"forge\" {\n  full_path = \"forge\"\n}\noutput \"said\" {\n  value = data.gitlab_group.forge.description\n}\n",
    );
    let sandbox = folder.sandbox();
    folder.run("apply -auto-approve").exits(0);
    for group in ["a", "forge"] {
        sandbox.gitlab.put(&format!("/api/v4/groups/{group}"), json!({ "description": HOSTILE }));
    }
    for line in
        ["drift", "plan", "plan -json", "apply -auto-approve", "show", "state show data.gitlab_group.forge"]
    {
        let ran = harmless(folder.run(line)).exits(if line == "drift" { 3 } else { 0 });
        // The stream of events has no values.
        if !line.ends_with("-json") {
            ran.says(&[r"\u001b"]);
        }
    }
    let service = Service::says(422, &json!({ "message": { "name": [HOSTILE] } }).to_string());
    let folder = Folder::with(&format!(
        "provider \"gitlab\" {{\n  base_url = \"{}\"\n  token = \"glpat-0123456789\"\n  retries = 0\n}}\n\
         data \"gitlab_group\" \"a\" {{\n  full_path = \"a\"\n}}\n",
        service.url()
    ));
    for line in ["plan", "plan -json"] {
        harmless(folder.run(line)).exits(1).says(&[r"\u001b[2J", r"\u202etxt"]);
    }
    let logged = folder.run_with(&["plan"], &[("PILOTIS_LOG", "debug")]);
    harmless(logged).exits(1);
}

#[test]
fn what_a_program_says() {
    let folder = Folder::with(
        "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"printf 'a\\\\033[2J\\\\302\\\\233b\\\\r\\\\342\\\\200\\\\256c'; exit 1\"\n  }\n}\n",
    );
    harmless(folder.run("apply -auto-approve -allow-exec"));
    harmless(folder.run("apply -auto-approve -allow-exec -json"));
}
