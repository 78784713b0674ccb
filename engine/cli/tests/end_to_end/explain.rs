//! `pilotis explain`: every code has a page whose wrong example is wrong in just this way, and types are explained offline.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use insta::assert_snapshot;
use pilotis_diag::{Example, Explanation, explanations};

use crate::harness::{Folder, Ran};

fn pages() -> Vec<Explanation<'static>> {
    let all = [
        pilotis_syntax::EXPLANATIONS,
        pilotis_lang::EXPLANATIONS,
        pilotis_config::EXPLANATIONS,
        pilotis_plan::EXPLANATIONS,
    ];
    all.into_iter().flat_map(explanations).collect()
}

/// The codes that all `codes.rs` of the repository define.
fn defined() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    folders
        .extend(["providers", "state"].map(|f| Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(f)));
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("codes.rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let quoted =
                    text.lines().filter(|l| l.contains(" const ")).filter_map(|l| l.split('"').nth(1));
                codes.extend(quoted.filter(|q| !q.ends_with(".md")).map(str::to_owned));
            }
        }
    }
    codes
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let pages = pages();
    let explained: BTreeSet<_> = pages.iter().map(|p| p.code.to_owned()).collect();
    assert_eq!(explained, defined(), "codes.md and codes.rs differ");
    assert_eq!(explained.len(), pages.len(), "a code has two pages");
    for page in &pages {
        let words: Vec<_> =
            page.examples().map(|e| e.info.split(' ').nth(1).unwrap_or_default().to_owned()).collect();
        assert_eq!(words, ["wrong", "right"], "examples of {}", page.code);
        let end = page.body.rsplit("```").next().unwrap_or_default();
        assert!(!end.trim().is_empty() && !page.title.is_empty(), "{} doesn't say what to do", page.code);
    }
}

/// Writes an example as files: a line `# PATH` begins one.
fn write(folder: &Folder, example: &Example<'_>) {
    let mut name = if example.info.starts_with("json ") { "main.tf.json" } else { "main.tf" };
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for line in example.text.lines() {
        match line
            .strip_prefix("# ")
            .filter(|l| [".tf", ".tfvars", ".tftest.hcl"].iter().any(|end| l.ends_with(end)))
        {
            Some(path) => name = path,
            None => *files.entry(name).or_default() += &format!("{line}\n"),
        }
    }
    for (name, text) in files {
        folder.write(name, &text);
    }
}

/// Runs an example as its fence says.
fn run(page: &Explanation<'_>, example: &Example<'_>) -> Ran {
    let folder = Folder::empty();
    if example.info.ends_with(" after") {
        let right = page.examples().last().expect("a page has a right example");
        write(&folder, &right);
        folder.run("apply -auto-approve").exits(0);
    }
    write(&folder, example);
    let given = example.text.lines().next().and_then(|line| line.strip_prefix("# pilotis "));
    let finds = example.info.ends_with(" plan") || example.info.ends_with(" after");
    folder.run(given.unwrap_or(if finds { "plan" } else { "validate" }))
}

#[test]
fn every_wrong_example_is_wrong_in_this_way_and_every_right_one_right() {
    let mut wrong = Vec::new();
    for page in pages() {
        for example in page.examples().filter(|e| !e.info.starts_with("text ")) {
            let ran = run(&page, &example);
            let said = format!("[{}]: ", page.code);
            let as_promised = match example.info.contains("wrong") {
                true => ran.err.contains(&said),
                false => ran.code == Some(0) && ran.err.is_empty(),
            };
            if !as_promised {
                wrong.push(format!("{} {}: {ran}", page.code, example.info));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_code_is_explained_however_it_is_written() {
    let folder = Folder::empty();
    let page = folder.run("explain E0202").exits(0);
    assert_snapshot!(page.out, @r#"
    E0202: Too few or too many arguments

    The function takes another number of arguments.

    Wrong:

        locals {
          name = upper("carto", "atlas")
        }

    Right:

        locals {
          name = upper("carto")
        }

    Compare the call with the parameters that the message names. To pass the elements of a list as arguments, write `f(list...)`.
    "#);
    for way in ["e0202", "E202", "e202", "202", "error[E0202]"] {
        assert_eq!(folder.run_args(&["explain", way]).exits(0).out, page.out, "{way}");
    }
    let unknown = folder.run("explain E0407").exits(1);
    assert_snapshot!(unknown.err, @"Error: there is no code E0407. The nearest are E0406 (Argument of a module that doesn't fit), E0408 (Precondition failed), E0405 (Number of instances not known yet); `pilotis explain` lists all");
    let all = folder.run("explain").exits(0).out;
    assert!(pages().iter().all(|p| all.contains(&format!("{}  {}\n", p.code, p.title))), "{all}");
}

#[test]
fn types_and_attributes_are_explained_from_the_schema() {
    let folder = Folder::empty();
    assert_snapshot!(folder.run("explain gitlab_group.parent_id").exits(0).out, @r#"
    parent_id, of resource "gitlab_group"

      type: number
      optional; the service chooses if it isn't set

    Number of the group that it is in; a top-level group has none. A change transfers the group.
    "#);
    assert_snapshot!(folder.run("explain kubernetes_namespace.metadata.name").exits(0).out, @r#"
    name, of resource "kubernetes_namespace" › metadata

      type: string
      optional; the service chooses if it isn't set
      a change replaces the object

    The name.
    "#);
    assert_snapshot!(folder.run("explain gitlab_group_variable.value").exits(0).out, @r#"
    value, of resource "gitlab_group_variable"

      type: string
      required
      sensitive: the service returns it

    Value.
    "#);
    let group = folder.run("explain gitlab_group").exits(0);
    for part in ["Required:\n  name (string)", "\nOptional:\n", "\nRead only:\n", "explain data.gitlab_group"]
    {
        assert!(group.out.contains(part), "{part}\n{group}");
    }
    assert!(folder.run("explain data.gitlab_group").exits(0).out.starts_with("data \"gitlab_group\""));
    assert!(folder.run("explain gitlab").exits(0).out.contains("\nResource types:\n"));
    assert_snapshot!(folder.run("explain gitlab_groop").exits(1).err, @r#"Error: there is nothing to explain at "gitlab_groop": it is no code, resource type, data source, ephemeral resource or provider. Did you mean "gitlab_group"? `pilotis explain PROVIDER` lists a provider's types, `pilotis explain` all codes"#);
    assert_snapshot!(folder.run("explain gitlab_group.parent").exits(1).err, @r#"Error: resource "gitlab_group" has no attribute or block "parent". Did you mean "parent_id"?"#);
    assert_snapshot!(folder.run("explain gitlab_group.path.x").exits(1).err, @r#"Error: path of resource "gitlab_group" is an attribute of type string: explain path itself"#);
}
