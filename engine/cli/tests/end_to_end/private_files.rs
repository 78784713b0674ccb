//! What the program writes is its owner's alone, whatever the umask, and wherever somebody else has put something in its place.

#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use pilotis_plan::planfile::PlanFile;

use crate::harness::{Folder, PILOTIS};

const PAGE: &str = "resource \"terraform_data\" \"a\" {\n  input = \"x\"\n}\n";

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// Runs the binary under a umask that lets everybody do everything.
fn run(folder: &Folder, line: &str) {
    let command = folder.command(&[]);
    let shell = format!("umask 000; exec {PILOTIS} {line}");
    let mut open = Command::new("/bin/sh");
    open.args(["-c", &shell]).current_dir(folder.path("")).env_clear();
    open.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let out = open.output().unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Everything below a folder.
fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        found.push(entry.path());
        if entry.path().is_dir() {
            below(&entry.path(), found);
        }
    }
}

#[test]
fn everything_that_is_written_is_its_owners_alone() {
    let folder = Folder::with(PAGE);
    folder.write("sandboxed.hcl", "provider \"gitlab\" {\n  sandbox = true\n}\nresource \"gitlab_group\" \"a\" {\n  name = \"a\"\n  path = \"a-${terraform.workspace}\"\n}\n");
    for line in [
        "plan -out=saved",
        "apply saved",
        "state backup copy.db",
        "state export out.tfstate",
        "workspace new other",
        "apply -auto-approve",
        "init",
        "audit verify",
    ] {
        run(&folder, line);
    }
    let mut found = Vec::new();
    below(&folder.path(""), &mut found);
    below(Path::new(&folder.home()), &mut found);
    let ours: Vec<_> = found.iter().filter(|p| p.extension().is_none_or(|e| e != "hcl")).collect();
    assert!(ours.len() > 8, "{ours:?}");
    for path in ours {
        // The folders of a home that others share are made as everybody makes them.
        if path.ends_with(".local") || path.ends_with("state") {
            continue;
        }
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(path), wanted, "{}: {:o}", path.display(), mode(path));
    }
}

#[test]
fn what_was_in_the_place_of_a_plan() {
    let folder = Folder::with(PAGE);
    // A file that everybody could read.
    folder.write("saved", "an old plan");
    std::fs::set_permissions(folder.path("saved"), std::fs::Permissions::from_mode(0o666)).unwrap();
    folder.run("plan -out=saved").exits(0);
    assert_eq!(mode(&folder.path("saved")), 0o600);
    // A link of somebody's to a file of ours is replaced, not followed.
    folder.write("precious", "precious");
    std::fs::remove_file(folder.path("saved")).unwrap();
    symlink(folder.path("precious"), folder.path("saved")).unwrap();
    folder.run("plan -out=saved").exits(0);
    assert_eq!(folder.read("precious"), "precious");
    assert_eq!(mode(&folder.path("saved")), 0o600);
    folder.run("apply saved").exits(0).says(&["1 added"]);
    // What isn't a file is written to as it is.
    let piped = folder.run("plan -out=/dev/stdout").exits(0);
    assert!(piped.out.contains("pilotis plan "), "{piped}");
    folder.run("plan -out=nada/saved").exits(1).says(&["nada/saved can't be written"]);
    std::fs::create_dir(folder.path("dir")).unwrap();
    folder.run("plan -out=dir").exits(1).says(&["dir can't be written"]);
    assert!(std::fs::read_dir(folder.path("")).unwrap().flatten().all(|e| {
        !e.file_name().to_string_lossy().starts_with(".saved")
            && !e.file_name().to_string_lossy().starts_with(".dir")
    }));
}

#[test]
fn names_that_lead_elsewhere() {
    let folder = Folder::with(PAGE);
    for name in ["../x", "..", ".", "a/b", "/etc/x", "a\\b", "\u{202e}x", "a\nb", ""] {
        for command in ["new", "select", "delete"] {
            folder.run_args(&["workspace", command, name]).exits(1);
        }
        if !name.is_empty() {
            folder.run_with(&["plan"], &[("PILOTIS_WORKSPACE", name)]).exits(1).says(&["is not allowed"]);
        }
    }
    folder.write(".pilotis/workspace", "../../x");
    folder.run("plan").exits(1).says(&["names no workspace", "is not allowed"]);
}

/// A saved plan with any bit turned, or cut anywhere, is none.
#[test]
fn a_saved_plan_that_was_changed_is_refused() {
    let folder = Folder::with(PAGE);
    folder.run("plan -out=saved").exits(0);
    let whole = std::fs::read(folder.path("saved")).unwrap();
    assert!(PlanFile::read(&whole).is_ok());
    let head = whole.iter().position(|b| *b == b'{').unwrap();
    // Every bit of the head, and of the rest one in each byte.
    for at in 0..whole.len() {
        for bit in (0..8).filter(|bit| at < head || *bit == at % 8) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            assert!(PlanFile::read(&bytes).is_err(), "bit {bit} of byte {at} of {}", whole.len());
        }
    }
    for length in 0..whole.len() {
        assert!(PlanFile::read(&whole[..length]).is_err(), "cut to {length} of {}", whole.len());
    }
    let state_before = std::fs::read(folder.path("pilotis.db")).ok();
    let wrong: [(&[u8], &str); 5] = [
        (b"", "not a saved plan"),
        (&whole[..whole.len() / 2], "damaged"),
        (&[&whole[..whole.len() - 1], b"!"].concat(), "damaged"),
        (
            &[b"pilotis plan 99\n", &whole[whole.iter().position(|b| *b == b'\n').unwrap() + 1..]].concat(),
            "newer version",
        ),
        (b"PK\x03\x04 a plan of Terraform's", "not a saved plan"),
    ];
    for (bytes, says) in wrong {
        std::fs::write(folder.path("changed"), bytes).unwrap();
        for line in ["apply changed", "show changed"] {
            folder.run(line).exits(1).says(&["changed", says]).never_says(&["panicked"]);
        }
    }
    assert_eq!(std::fs::read(folder.path("pilotis.db")).ok(), state_before);
    folder.run("apply saved").exits(0);
}
