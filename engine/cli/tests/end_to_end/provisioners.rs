//! Provisioners: programs that an apply runs, if it is allowed to.

use crate::harness::Folder;

const ALLOWED: (&str, &str) = ("PILOTIS_ALLOW_EXEC", "1");

#[test]
fn programs_run_only_where_they_are_allowed_to() {
    let folder = Folder::with(
        r#"
        resource "terraform_data" "a" {
          provisioner "local-exec" { command = "echo made > made.txt" }
        }
        "#,
    );
    // A plan says so, and runs nothing.
    folder.run("plan -out=saved").exits(0).says(&["The apply runs programs", "-allow-exec"]);
    let refused = folder.run("apply -auto-approve").exits(1);
    let refused = refused.says(&["Programs may not run", "terraform_data.a", "PILOTIS_ALLOW_EXEC=1"]);
    refused.never_says(&["Creating"]);
    folder.run("apply saved").exits(1).says(&["Programs may not run"]);
    assert!(folder.state().is_empty());
    assert!(!folder.path("made.txt").exists());
    // Nobody is asked what can't be done.
    folder.run_fed("apply", "yes\n").exits(1).never_says(&["Do you want"]);

    folder.run("apply -allow-exec saved").exits(0).says(&["Provisioning with 'local-exec'..."]);
    assert_eq!(folder.read("made.txt"), "made\n");
    // Nothing to run, nothing to allow.
    folder.run("apply -auto-approve").exits(0).never_says(&["Programs"]);
    folder.run("plan").exits(0).never_says(&["programs"]);
}

#[test]
fn what_they_say_is_shown_as_terraform_shows_it() {
    let folder = Folder::with(
        r#"
        resource "terraform_data" "a" {
          input = "x"
          provisioner "local-exec" {
            command = "echo hello; echo to standard error >&2; printf 'no end'"
          }
          provisioner "local-exec" {
            command = "echo quiet"
            quiet   = true
          }
          provisioner "local-exec" {
            command     = "pwd; echo $N-$B"
            working_dir = "sub"
            environment = { N = 5, B = true, NONE = null }
          }
          provisioner "local-exec" {
            interpreter = ["/bin/sh", "-e", "-c"]
            command     = "false; echo never"
            on_failure  = continue
          }
          provisioner "local-exec" {
            when    = destroy
            command = "echo farewell of ${self.input}"
          }
        }
        "#,
    );
    std::fs::create_dir(folder.path("sub")).unwrap();
    let ran = folder.run_with(&["apply", "-auto-approve"], &[ALLOWED]).exits(0);
    let lines: Vec<&str> = ran.out.lines().filter(|l| l.starts_with("terraform_data.a")).collect();
    let said = lines.join("\n").replace(folder.path("").to_str().unwrap().trim_end_matches('/'), "HERE");
    let id = folder.run("state show terraform_data.a").out;
    let id =
        id.lines().find(|l| l.trim_start().starts_with("id ")).unwrap().split('"').nth(1).unwrap().to_owned();
    insta::assert_snapshot!(said.replace(&id, "ID"), @r#"
    terraform_data.a: Creating...
    terraform_data.a: Provisioning with 'local-exec'...
    terraform_data.a (local-exec): Executing: ["/bin/sh" "-c" "echo hello; echo to standard error >&2; printf 'no end'"]
    terraform_data.a (local-exec): hello
    terraform_data.a (local-exec): to standard error
    terraform_data.a (local-exec): no end
    terraform_data.a: Provisioning with 'local-exec'...
    terraform_data.a (local-exec): local-exec: Executing: Suppressed by quiet=true
    terraform_data.a (local-exec): quiet
    terraform_data.a: Provisioning with 'local-exec'...
    terraform_data.a (local-exec): Executing: ["/bin/sh" "-c" "pwd; echo $N-$B"]
    terraform_data.a (local-exec): HERE/sub
    terraform_data.a (local-exec): 5-true
    terraform_data.a: Provisioning with 'local-exec'...
    terraform_data.a (local-exec): Executing: ["/bin/sh" "-e" "-c" "false; echo never"]
    terraform_data.a: Creation complete after 0s [id=ID]
    "#);
    let ran = folder.run_with(&["destroy", "-auto-approve"], &[ALLOWED]).exits(0);
    let lines: Vec<&str> = ran.out.lines().filter(|l| l.starts_with("terraform_data.a")).collect();
    insta::assert_snapshot!(lines.join("\n").replace(&id, "ID"), @r#"
    terraform_data.a: Destroying... [id=ID]
    terraform_data.a: Provisioning with 'local-exec'...
    terraform_data.a (local-exec): Executing: ["/bin/sh" "-c" "echo farewell of x"]
    terraform_data.a (local-exec): farewell of x
    terraform_data.a: Destruction complete after 0s
    "#);
}

#[test]
fn a_secret_is_neither_shown_nor_an_argument_of_a_process() {
    let folder = Folder::with(
        r#"
        variable "secret" {
          default   = "geheim"
          sensitive = true
        }
        resource "terraform_data" "a" {
          provisioner "local-exec" {
            command = "echo ${var.secret} > told.txt; tr '\\0' ' ' < /proc/$$/cmdline > cmdline.txt; echo ${var.secret}"
          }
          provisioner "local-exec" {
            command     = "echo $TOKEN; exit 3"
            environment = { TOKEN = var.secret }
          }
        }
        "#,
    );
    let ran = folder.run_with(&["apply", "-auto-approve"], &[ALLOWED]).exits(1);
    let ran = ran.never_says(&["geheim"]);
    ran.says(&["(local-exec): (output suppressed due to sensitive value in config)", "exit status 3"]);
    assert_eq!(folder.read("told.txt"), "geheim\n");
    assert!(!folder.read("cmdline.txt").contains("geheim"), "{}", folder.read("cmdline.txt"));
    let json = folder.run_with(&["apply", "-auto-approve", "-json"], &[ALLOWED]).exits(1);
    json.never_says(&["geheim"]).says(&["provision_start", "provision_progress", "provision_errored"]);
}

#[test]
fn a_failure_taints() {
    let folder = Folder::with(
        r#"
        variable "code" { default = "3" }
        resource "terraform_data" "a" {
          provisioner "local-exec" { command = "echo why; exit ${var.code}" }
        }
        resource "terraform_data" "b" { input = terraform_data.a.id }
        resource "terraform_data" "c" {}
        "#,
    );
    let ran = folder.run_with(&["apply", "-auto-approve"], &[ALLOWED]).exits(6);
    insta::assert_snapshot!(ran.err, @r#"
    error[E0450]: local-exec provisioner error
     --> main.hcl:4:11
      |
    4 |           provisioner "local-exec" { command = "echo why; exit ${var.code}" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = in terraform_data.a
      = Error running command 'echo why; exit 3': exit status 3. Output: why
    "#);
    assert_eq!(folder.state(), ["terraform_data.a", "terraform_data.c"]);
    folder.run_with(&["plan", "-var=code=0"], &[ALLOWED]).exits(0).says(&["is tainted, so must be replaced"]);
    folder.run_with(&["apply", "-auto-approve", "-var=code=0"], &[ALLOWED]).exits(0);
    folder.run_with(&["plan", "-detailed-exitcode"], &[ALLOWED]).exits(0);
}

#[test]
fn what_cannot_be_run_says_why() {
    let folder = Folder::with(
        r#"
        resource "terraform_data" "interpreter" {
          provisioner "local-exec" {
            command     = "x"
            interpreter = ["/no/such/program"]
          }
        }
        resource "terraform_data" "folder" {
          provisioner "local-exec" {
            command     = "x"
            working_dir = "no/such/folder"
          }
        }
        resource "terraform_data" "empty" {
          provisioner "local-exec" { command = "" }
        }
        "#,
    );
    let ran = folder.run_with(&["apply", "-auto-approve"], &[ALLOWED]).exits(1);
    ran.says(&[
        "/no/such/program: No such file",
        "no/such/folder does not exist",
        "must be a non-empty string",
    ]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_its_programs() {
    let folder = Folder::with(
        r#"
        resource "terraform_data" "a" {
          provisioner "local-exec" {
            command = "trap '' INT; (sleep 50; echo late > late.txt) & echo $! > pid.txt; wait"
          }
        }
        "#,
    );
    let mut command = folder.command(&["apply", "-auto-approve", "-allow-exec"]);
    let started = crate::harness::Started::new(&mut command, "apply".into());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !folder.path("pid.txt").exists() || folder.read("pid.txt").is_empty() {
        assert!(std::time::Instant::now() < deadline, "it did not begin: {}", started.kill());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    started.signal("INT");
    started.wait().exits(130).says(&["interrupted, and the program ended with it"]);
    // The program's own children ended too: at most the parent that they were left to has not noticed yet.
    let pid = folder.read("pid.txt");
    let state = std::process::Command::new("ps").args(["-o", "stat=", "-p", pid.trim()]).output().unwrap();
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    assert!(state.is_empty() || state.starts_with('Z'), "{} still runs: {state}", pid.trim());
    folder.run("plan").exits(0).says(&["is tainted, so must be replaced"]);
}

#[test]
fn in_json_syntax_too() {
    let folder = Folder::empty();
    folder.write(
        "main.tf.json",
        r#"{"resource": {"terraform_data": {"a": {"input": "x", "provisioner": [
            {"local-exec": {"command": "echo ${self.input} > made.txt"}},
            {"local-exec": {"command": "echo gone > gone.txt", "when": "destroy", "on_failure": "continue"}}
        ]}}}}"#,
    );
    folder.run("apply -auto-approve -allow-exec").exits(0);
    assert_eq!(folder.read("made.txt"), "x\n");
    folder.run("destroy -auto-approve -allow-exec").exits(0);
    assert_eq!(folder.read("gone.txt"), "gone\n");
}
