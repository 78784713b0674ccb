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

#[test]
fn a_plan_holds_the_files_of_its_modules() {
    let folder = with_repository();
    folder.write("repo/sub/main.tf", "output \"v\" { value = file(\"${path.module}/text\") }\n");
    folder.write("repo/sub/text", "from a file");
    git(&folder, "add -A");
    git(&folder, "commit -q -m x");
    folder.run("init").exits(0);
    folder.run("plan -out p").exits(0);
    std::fs::remove_dir_all(folder.path(".pilotis/modules")).unwrap();
    std::fs::remove_dir_all(folder.path("repo")).unwrap();
    folder.run("plan").exits(1).says(&["not fetched yet"]);
    folder.run("show p").exits(0).says(&["from a file"]);
    folder.run("apply p").exits(0).says(&["v = \"from a file\""]);
}

#[test]
fn what_was_fetched_is_locked_also_if_something_else_is_wrong() {
    let folder = with_repository();
    let page = folder.read("main.hcl");
    folder.write("main.hcl", &format!("{page}\nnonsense {{}}\n"));
    folder.run("init").exits(1).says(&["Unsupported block type"]);
    folder.write("main.hcl", &page);
    // Later commits don't count.
    publish(&folder, "two");
    folder.run("plan").exits(0).says(&["\"one\""]);
    // What a mistake hides from the reader stays locked.
    folder.write("main.hcl", &page.replace("source =", "source = 1 +"));
    folder.run("init").exits(1);
    folder.write("main.hcl", &page);
    folder.run("plan").exits(0).says(&["\"one\""]);
}

#[test]
fn files_are_taken_as_they_are_committed() {
    let folder = with_repository();
    folder.write("repo/.gitattributes", "*.txt text eol=crlf ident filter=shout\n");
    folder.write("repo/sub/a.txt", "$Id$\none\n");
    folder.write("repo/sub/main.tf", "output \"v\" { value = file(\"${path.module}/a.txt\") }\n");
    git(&folder, "add -A");
    git(&folder, "commit -q -m x");
    // A filter that the machine has would run.
    let home = folder.path("../home/.gitconfig");
    std::fs::write(&home, "[filter \"shout\"]\n  smudge = tr a-z A-Z\n  required = true\n").unwrap();
    folder.run("init").exits(0);
    folder.run("apply -auto-approve").exits(0);
    assert_eq!(folder.run("output -raw v").exits(0).out, "$Id$\none\n");
}

#[test]
fn a_program_that_became_one_is_another_tree() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = with_repository();
    folder.run("init").exits(0);
    let tree = std::fs::read_dir(folder.path(".pilotis/modules")).unwrap().next().unwrap().unwrap().path();
    let file = tree.join("sub/main.tf");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder.run("plan").exits(1).says(&["differs from .pilotis.lock.hcl"]);
    // Who else may read it says nothing.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    folder.run("plan").exits(0);
}

#[test]
fn one_repository_is_upgraded_alone() {
    let folder = with_repository();
    std::fs::create_dir_all(folder.path("other")).unwrap();
    let url = folder.path("repo").display().to_string();
    let copy = folder.path("copy").display().to_string();
    git(&folder, &format!("clone -q {url} {copy}"));
    let page = format!(
        "module \"n\" {{ source = \"git::file://{copy}//sub\" }}\noutput \"n\" {{ value = module.n.v }}\n"
    );
    folder.write("other.hcl", &page);
    folder.run("init").exits(0).says(&["2 modules"]);
    publish(&folder, "two");
    git(&folder, &format!("-C {copy} pull -q"));
    folder.run(&format!("init -upgrade=file://{url}")).exits(0);
    folder.run("plan").exits(0).says(&["v = \"two\"", "n = \"one\""]);
    folder
        .run("init -upgrade=https://forge.example/x.git")
        .exits(1)
        .says(&["no module comes from https://forge.example/x.git"]);
    folder.run("init -upgrade=false").exits(0);
    folder.run("plan").exits(0).says(&["n = \"one\""]);
    folder.run("init -upgrade").exits(0);
    folder.run("plan").exits(0).says(&["n = \"two\""]);
}
