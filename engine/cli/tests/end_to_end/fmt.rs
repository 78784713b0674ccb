//! `fmt` on folders, files and pipes: what is listed, shown and written, with the flags and exit codes of `terraform fmt`.

use crate::harness::Folder;

/// Two files to lay out, one that is, and what is nobody's configuration.
fn folder() -> Folder {
    let folder = Folder::empty();
    for name in ["b.tf", "v.tfvars", "t.tftest.hcl", ".hidden.tf", ".hidden.tfvars", "left.tf~", "notes.txt"]
    {
        folder.write(name, "a=1\n");
    }
    folder.write("ok.tf", "a = 1\n");
    folder.write("j.tf.json", "{\"a\":1}");
    folder
}

const LISTED: &str = "b.tf\nt.tftest.hcl\nv.tfvars\n";

#[test]
fn check_lists_what_is_laid_out_otherwise_and_writes_nothing() {
    let folder = folder();
    assert_eq!(folder.run("fmt -check").exits(3).out, LISTED);
    assert_eq!(folder.run("fmt -check -list=false").exits(3).out, "");
    assert_eq!(folder.run("fmt -check ok.tf").exits(0).out, "");
    assert_eq!(folder.run("fmt -check -write=true b.tf").exits(3).out, "b.tf\n");
    assert_eq!(folder.read("b.tf"), "a=1\n");
    let shown = folder.run("fmt -check -diff b.tf ok.tf").exits(3).out;
    assert_eq!(shown, "b.tf\n--- old/b.tf\n+++ new/b.tf\n@@ -1 +1 @@\n-a=1\n+a = 1\n");
}

#[test]
fn without_writing_the_result_is_shown_where_nothing_else_is() {
    let folder = folder();
    assert_eq!(folder.run("fmt -write=false").exits(0).out, LISTED);
    assert_eq!(folder.run("fmt -write=false -list=false b.tf ok.tf").exits(0).out, "a = 1\na = 1\n");
    let shown = folder.run("fmt -write=false -diff -list=false b.tf ok.tf").exits(0).out;
    assert_eq!(shown, "--- old/b.tf\n+++ new/b.tf\n@@ -1 +1 @@\n-a=1\n+a = 1\n");
    assert_eq!(folder.read("b.tf"), "a=1\n");
}

#[test]
fn what_is_written_is_listed_once() {
    let folder = folder();
    assert_eq!(folder.run("fmt").exits(0).out, LISTED);
    assert_eq!(folder.run("fmt").exits(0).out, "");
    assert_eq!(folder.run("fmt -check").exits(0).out, "");
    assert_eq!(folder.read("b.tf"), "a = 1\n");
    for name in [".hidden.tf", ".hidden.tfvars", "left.tf~", "notes.txt"] {
        assert_eq!(folder.read(name), "a=1\n", "{name} is left alone");
    }
    assert_eq!(folder.read("j.tf.json"), "{\"a\":1}");
}

#[test]
fn folders_are_gone_into_when_asked() {
    let folder = folder();
    std::fs::create_dir_all(folder.path("sub/.hidden")).unwrap();
    for name in ["sub/s.tf", "sub/.hidden/h.tf"] {
        folder.write(name, "a=1\n");
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(""), folder.path("sub/round")).unwrap();
    assert_eq!(folder.run("fmt -check").exits(3).out, LISTED);
    let listed = folder.run("fmt -check -recursive").exits(3).out;
    assert_eq!(listed, "b.tf\nsub/s.tf\nt.tftest.hcl\nv.tfvars\n");
    assert_eq!(folder.run("fmt -check sub").exits(3).out, "sub/s.tf\n");
    assert_eq!(
        folder.run("fmt -check v.tfvars ./b.tf").exits(3).out,
        "v.tfvars\nb.tf\n",
        "in the order asked for"
    );
    let absolute = folder.path("b.tf").display().to_string();
    assert_eq!(folder.run_args(&["fmt", "-check", &absolute]).exits(3).out, "b.tf\n");
}

#[test]
fn a_pipe_is_laid_out() {
    let folder = folder();
    assert_eq!(folder.run_fed("fmt -", "a=1\n").exits(0).out, "a = 1\n");
    assert_eq!(folder.run_fed("fmt -", "a = 1\n").exits(0).out, "a = 1\n");
    assert_eq!(folder.run_fed("fmt -write=false -list=true - b.tf", "a=1").exits(0).out, "a = 1");
    assert_eq!(folder.run_fed("fmt -check -", "a=1\n").exits(3).out, "");
    assert_eq!(folder.run_fed("fmt -check -", "a = 1\n").exits(0).out, "");
    let shown = folder.run_fed("fmt -diff -", "a=1\n").exits(0).out;
    assert_eq!(shown, "--- old/<stdin>\n+++ new/<stdin>\n@@ -1 +1 @@\n-a=1\n+a = 1\n");
    folder.run_fed("fmt -", "a=\n").exits(1).says(&["<stdin>:1:3"]);
}

#[test]
fn one_bad_file_does_not_keep_the_others() {
    let folder = folder();
    folder.write("a.tf", "x = [\n");
    std::fs::write(folder.path("c.tf"), b"a = \"\xff\"\n").unwrap();
    let ran = folder.run("fmt").exits(1);
    assert_eq!(ran.out, LISTED);
    assert!(ran.err.contains("--> a.tf:1:5") && ran.err.contains("c.tf can't be read"), "{ran}");
    folder.run("fmt nosuch.tf").exits(1).says(&["nosuch.tf can't be read"]);
}
