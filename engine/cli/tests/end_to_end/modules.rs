//! Modules from Git repositories: fetched by `init`, pinned, and refused when they are not what was pinned.

use std::process::Command;

use crate::harness::Folder;

fn git(folder: &Folder, line: &str) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@localhost", "-C"]).arg(folder.path("repo"));
    assert!(command.args(line.split_whitespace()).output().unwrap().status.success(), "git {line}");
}

fn publish(folder: &Folder, value: &str) {
    folder.write("repo/sub/main.tf", &format!("output \"v\" {{ value = \"{value}\" }}\n"));
    git(folder, "add -A");
    git(folder, "commit -q -m x");
}

/// A page that calls a module of a repository beside it.
fn with_repository() -> Folder {
    let folder = Folder::empty();
    std::fs::create_dir_all(folder.path("repo/sub")).unwrap();
    git(&folder, "init -q -b main");
    publish(&folder, "one");
    let url = folder.path("repo").display().to_string();
    let page = format!(
        "module \"m\" {{ source = \"git::file://{url}//sub?ref=main\" }}\noutput \"v\" {{ value = module.m.v }}\n"
    );
    folder.write("main.hcl", &page);
    folder
}

#[test]
fn a_module_is_fetched_by_init_and_stays_at_its_commit_until_upgraded() {
    let folder = with_repository();
    folder.run("plan").exits(1).says(&["run pilotis init"]);
    folder.run("init").exits(0).says(&["1 module"]);
    folder.run("plan").exits(0).says(&["\"one\""]);
    publish(&folder, "two");
    std::fs::remove_dir_all(folder.path(".pilotis/modules")).unwrap();
    folder.run("plan").exits(1).says(&["not fetched yet"]);
    folder.run("init").exits(0);
    folder.run("plan").exits(0).says(&["\"one\""]);
    folder.run("init -upgrade").exits(0);
    folder.run("plan").exits(0).says(&["\"two\""]);
}

#[test]
fn a_module_that_was_changed_or_leads_out_is_refused() {
    let folder = with_repository();
    folder.run("init").exits(0);
    let tree = std::fs::read_dir(folder.path(".pilotis/modules")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(tree.join("sub/more.tf"), "").unwrap();
    folder.run("plan").exits(1).says(&["differs from .pilotis.lock.hcl", "run pilotis init"]);
    folder.run("init").exits(0);
    folder.run("plan").exits(0);
    std::os::unix::fs::symlink("/etc", folder.path("repo/out")).unwrap();
    publish(&folder, "three");
    folder.run("init -upgrade").exits(1).says(&["its link out leads out of"]);
    folder.run("plan").exits(0).says(&["\"one\""]);
}
