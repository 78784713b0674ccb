//! A disk that is full or can't be written: what is said, and that nothing is lost for it.
//!
//! The disk is a file system in memory of a given size, in a namespace of its own; skipped where this user may not have one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use crate::harness::{Folder, PILOTIS, Ran, Sandbox, Started};
use crate::services::everything;

/// A small disk, mounted at `disk` of a folder for those who enter its namespace.
struct Disk<'a> {
    folder: &'a Folder,
    holder: Child,
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Disk<'_> {
    fn of<'a>(folder: &'a Folder, size: &str) -> Option<Disk<'a>> {
        std::fs::create_dir_all(folder.path("disk")).unwrap();
        let script = format!("mount -t tmpfs -o size={size} none disk && echo ready && exec cat");
        let holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .current_dir(folder.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut said = String::new();
        let holder = holder.ok().and_then(|mut holder| {
            BufReader::new(holder.stdout.as_mut()?).read_line(&mut said).ok()?;
            (said == "ready\n").then_some(holder)
        });
        if holder.is_none() {
            // Past the capture of the tests' output: what was skipped is counted.
            let _ = writeln!(std::io::stdout(), "skipped: a small disk: this user may not mount one");
        }
        Some(Disk { folder, holder: holder? })
    }

    fn inside(&self, program: &str, args: &[&str]) -> Ran {
        let mut command = self.folder.command(&[]);
        let mut entered = Command::new("nsenter");
        entered
            .args(["--user", "--mount", "--preserve-credentials", "--target", &self.holder.id().to_string()])
            .arg(format!("--wd={}", self.folder.path("").display()))
            .args(["--", program])
            .args(args)
            .env_clear()
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        entered.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command = entered;
        Started::new(&mut command, args.join(" ")).wait()
    }

    fn run(&self, line: &str) -> Ran {
        self.inside(PILOTIS, &line.split_whitespace().collect::<Vec<_>>())
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let ran = self.inside("/usr/bin/mount", &["-o", &options, "disk"]);
        assert_eq!(ran.code, Some(0), "{ran}");
    }
}

const APPLY: &str = "apply -auto-approve -state=disk/state.db";
const PLAN: &str = "plan -detailed-exitcode -state=disk/state.db";

/// Everything is there once, and the state knows it.
fn finishes(disk: &Disk<'_>, sandbox: &Sandbox, after: &Ran) {
    let ran = disk.run(APPLY).exits(0);
    assert_eq!(sandbox.inventory(), everything(), "after\n{after}\nand\n{ran}");
    disk.run(PLAN).exits(0).says(&["No changes."]);
}

#[test]
fn a_disk_that_fills_up_loses_nothing() {
    let mut failed = 0;
    for size in ["100k", "200k", "300k", "400k", "600k", "900k"] {
        let folder = Folder::example("quickstart");
        let sandbox = folder.sandbox();
        let Some(disk) = Disk::of(&folder, size) else { return };
        let ran = disk.run(APPLY);
        if ran.code != Some(0) {
            failed += 1;
            let full = ran.out.contains("full") || ran.err.contains("full");
            assert!(full, "it must say that the disk is full\n{ran}");
        }
        disk.remount("size=100m");
        finishes(&disk, &sandbox, &ran);
    }
    assert!(failed >= 3, "only {failed} of the disks were too small");
}

#[test]
fn a_disk_that_is_read_only_stops_before_anything_is_done() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    let Some(disk) = Disk::of(&folder, "100m") else { return };
    disk.remount("ro");
    let first = disk.run(APPLY).exits(1).says(&["disk/state.db"]);
    assert_eq!(sandbox.calls().1, 0, "no state can be made, so nothing is\n{first}");
    disk.remount("rw");
    disk.run(APPLY).exits(0);
    folder.edit("main.hcl", "memory = \"12Gi\"", "memory = \"13Gi\"");
    disk.remount("ro");
    sandbox.reset_calls();
    let second = disk.run(APPLY).exits(1);
    assert_eq!(sandbox.calls().1, 0, "{second}");
    second.says(&["disk/state.db"]);
    disk.remount("rw");
    disk.run(APPLY).exits(0);
    disk.run(PLAN).exits(0);
}
