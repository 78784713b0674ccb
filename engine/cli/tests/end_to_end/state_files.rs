//! The state's file: damaged, foreign, newer, in use, or where nobody may write.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pilotis_state::Store as _;
use pilotis_state_sqlite::SqliteStore;
use serde_json::json;

use crate::harness::{Folder, PILOTIS, Ran, Sandbox, Started};
use crate::services::everything;

const PAGE: &str = r#"
resource "terraform_data" "a" {
  input = "x"
}
output "o" {
  value = terraform_data.a.output
}
"#;

/// A folder with an applied state whose bytes were then changed.
fn with_state(change: impl Fn(Vec<u8>) -> Vec<u8>) -> (Folder, Vec<u8>) {
    let folder = Folder::with(PAGE);
    folder.run("apply -auto-approve").exits(0);
    let state = folder.path("pilotis.db");
    let bytes = change(std::fs::read(&state).unwrap());
    std::fs::write(&state, &bytes).unwrap();
    (folder, bytes)
}

#[test]
fn a_state_that_is_none_is_left_as_it_is() {
    const JSON: &str =
        r#"{"version": 4, "terraform_version": "1.5.0", "serial": 1, "lineage": "x", "resources": []}"#;
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let newer: Change = |mut bytes| {
        // SQLite's user version, big endian, at byte 60: https://www.sqlite.org/fileformat.html#user_version_number
        bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
        bytes
    };
    let table: [(Change, &[&str]); 5] = [
        (
            |_| b"this is a letter to my aunt".to_vec(),
            &["is damaged or is not a Pilotis state", "-state=FILE"],
        ),
        (
            |bytes| bytes[..5000].to_vec(),
            &["is damaged or is not a Pilotis state", "Put a backup in its place"],
        ),
        (
            |mut bytes| {
                bytes[8192..24576].fill(0xAA);
                bytes
            },
            &["is damaged", "Put a backup in its place"],
        ),
        (newer, &["was written by a newer version of Pilotis", "Update this program."]),
        (|_| JSON.as_bytes().to_vec(), &["it looks like JSON"]),
    ];
    for (change, says) in table {
        let (folder, bytes) = with_state(change);
        for line in
            ["plan", "apply -auto-approve", "destroy -auto-approve", "drift", "show", "state list", "output"]
        {
            let ran = folder.run(line).exits(1).says(&["pilotis.db"]).says(says);
            ran.never_says(&["will be created", "complete!"]);
        }
        assert_eq!(std::fs::read(folder.path("pilotis.db")).unwrap(), bytes, "the file was touched");
    }
}

#[test]
fn after_a_run_the_state_is_one_whole_file() {
    let folder = Folder::with(PAGE);
    for line in ["apply -auto-approve", "plan", "drift", "state list", "plan -var nada=1"] {
        folder.run(line);
        let names = std::fs::read_dir(folder.path("")).unwrap().map(|e| e.unwrap().file_name());
        let mut names: Vec<_> = names.map(|n| n.into_string().unwrap()).collect();
        names.sort();
        assert_eq!(
            names,
            ["main.hcl", "pilotis.db"],
            "after {line}: a copy of the file alone would miss something"
        );
    }
}

#[test]
fn a_state_of_another_path() {
    let folder = Folder::with(PAGE);
    std::fs::create_dir(folder.path("deep")).unwrap();
    folder.run("apply -auto-approve -state=deep/er/state.db").exits(0);
    assert!(folder.path("deep/er/state.db").exists() && !folder.path("pilotis.db").exists());
    folder.run("plan -detailed-exitcode -state deep/er/state.db").exits(0);
    folder.run("state list -state=deep/er/state.db").exits(0).says(&["terraform_data.a"]);
    folder.run("state list -state=nada.db").exits(1).says(&["there is no state", "nada.db"]);
    let elsewhere = [("PILOTIS_STATE", "deep/er/state.db")];
    folder.run_with(&["output", "-raw", "o"], &elsewhere).exits(0).says(&["x"]);
    std::fs::create_dir(folder.path("pilotis.db")).unwrap();
    folder.run("plan").exits(1).says(&["pilotis.db", "Is a directory"]);
}

#[test]
fn a_folder_where_nobody_may_write() {
    let folder = Folder::with(PAGE);
    let mut rights = std::fs::metadata(folder.path("")).unwrap().permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(folder.path(""), rights.clone()).unwrap();
    if std::fs::write(folder.path("probe"), "").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    folder.run("plan").exits(1).says(&["pilotis.db"]);
    #[expect(clippy::permissions_set_readonly_false, reason = "only to remove the folder")]
    rights.set_readonly(false);
    std::fs::set_permissions(folder.path(""), rights).unwrap();
}

/// Runs a command while the folder is on a disk that nobody can write to. None where this machine doesn't let a test have one.
fn on_a_read_only_disk(folder: &Folder, line: &str) -> Option<Ran> {
    let script = "mount --bind . . && mount -o remount,bind,ro . && cd \"$PWD\" && exec \"$@\"";
    let inside = |program: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script, "sh"]).args(program).current_dir(folder.path(""));
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("HOME", folder.home());
        command.env("USER", "tester").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    if !inside(&["true"]).output().is_ok_and(|output| output.status.success()) {
        let _ = writeln!(std::io::stdout(), "skipped: no mounts of one's own here");
        return None;
    }
    let program: Vec<&str> = std::iter::once(PILOTIS).chain(line.split_whitespace()).collect();
    Some(Started::new(&mut inside(&program), line.to_owned()).wait())
}

#[test]
fn a_disk_that_is_read_only() {
    let folder = Folder::with(PAGE);
    folder.run("apply -auto-approve").exits(0);
    let Some(listed) = on_a_read_only_disk(&folder, "state list") else { return };
    listed.exits(0).says(&["terraform_data.a"]);
    let run = |line: &str| on_a_read_only_disk(&folder, line).unwrap();
    run("output -raw o").exits(0).says(&["x"]);
    run("plan -detailed-exitcode").exits(0).says(&["No changes."]);
    run("state history terraform_data.a").exits(0).says(&["create"]);
    run("audit verify").exits(0);
    run("state rm terraform_data.a")
        .exits(1)
        .says(&["pilotis.db", "it can't be written: its disk is read-only"]);
    // What a process left that died.
    folder.write("pilotis.db-wal", "something");
    run("state list").exits(1).says(&["the disk is read-only", "(-wal)", "-state"]);
    std::fs::remove_file(folder.path("pilotis.db-wal")).unwrap();
    folder.run("plan -detailed-exitcode").exits(0);
}

const READERS: &str = r#"
resource "random_pet" "shared" {
  length = 2
}
resource "time_sleep" "a" {
  create_duration = "6s"
  triggers        = { shared = random_pet.shared.id }
}
resource "time_sleep" "b" {
  create_duration = "6s"
  triggers        = { shared = random_pet.shared.id }
}
"#;

#[test]
fn what_other_runs_read_is_held_by_all_of_them() {
    let folder = Folder::with(READERS);
    folder.run("apply -auto-approve -target=random_pet.shared").exits(0);
    let mut runs = ["a", "b"].map(|it| folder.start(&format!("apply -auto-approve -target=time_sleep.{it}")));
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut store = SqliteStore::open_existing(folder.path("pilotis.db")).unwrap().unwrap();
    while store.snapshot().unwrap().intents.len() < 2 {
        assert!(!runs.iter_mut().any(Started::has_ended) && Instant::now() < deadline, "not side by side");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pids: Vec<String> = runs.iter().map(|run| run.pid().to_string()).collect();
    let change = "apply -auto-approve -replace=random_pet.shared -target=random_pet.shared";
    let locked = folder.run(change).exits(8);
    let locked = locked.says(&[
        "the state is locked",
        "random_pet.shared is being read by tester@",
        "-lock-timeout=5m",
    ]);
    assert!(pids.iter().any(|pid| locked.err.contains(&format!("process {pid} "))), "{locked}");
    for run in runs {
        run.wait().exits(0).says(&["1 added"]);
    }
    folder.run(change).exits(0);
}

/// An apply that takes some seconds, under way.
fn slow(folder: &Folder, sandbox: &Sandbox, line: &str) -> Started {
    let methods = ["POST", "PATCH", "PUT", "DELETE"];
    sandbox.gitlab.fault(json!({"kind": "latency", "milliseconds": 400, "methods": methods}));
    sandbox.reset_calls();
    let mut run = folder.start(line);
    while sandbox.calls().1 < 2 {
        assert!(!run.has_ended(), "{}", run.wait());
        std::thread::sleep(Duration::from_millis(5));
    }
    run
}

#[test]
fn what_another_run_is_changing_is_locked() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    let first = slow(&folder, &sandbox, "apply -auto-approve");
    let holder = format!("tester@{}", hostname());
    let locked = folder.run("apply -auto-approve").exits(8);
    locked.says(&["the state is locked", "project.", &holder, &first.pid().to_string(), "-lock-timeout=5m"]);
    // Who only looks isn't kept out.
    folder.run("plan").exits(0);
    folder.run("state list").exits(0);
    let waited = folder.run("apply -auto-approve -lock-timeout=60s");
    first.wait().exits(0);
    // It waited, and what it had planned was done by the other one.
    assert!(matches!(waited.code, Some(0 | 7)), "{waited}");
    sandbox.heal();
    folder.run("apply -auto-approve").exits(0);
    assert_eq!(sandbox.inventory(), everything());
}

#[test]
fn a_lock_of_a_run_that_was_killed_holds_nobody_up() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    slow(&folder, &sandbox, "apply -auto-approve").kill();
    sandbox.heal();
    folder.run("apply -auto-approve").exits(0).never_says(&["locked"]);
    assert_eq!(sandbox.inventory(), everything());
}

#[test]
fn two_teams_apply_at_once() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    let carto = slow(&folder, &sandbox, "apply -auto-approve -target=project.carto");
    let titresejour = folder.start("apply -auto-approve -target=project.titresejour");
    titresejour.wait().exits(0).says(&["37 added"]);
    carto.wait().exits(0).says(&["19 added"]);
    sandbox.heal();
    folder.run("apply -auto-approve").exits(0).says(&["0 added, 0 changed, 0 destroyed"]);
    assert_eq!(sandbox.inventory(), everything());
    folder.run("plan -detailed-exitcode").exits(0);
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}
