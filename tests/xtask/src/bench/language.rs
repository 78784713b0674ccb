//! What the language itself costs: reading, checking, loops, modules that are called many times.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::ensure;

use super::{row, time};

/// One configuration, and a step that it is measured with.
struct Case {
    name: &'static str,
    size: usize,
    shape: &'static str,
    step: &'static str,
    /// Files by name.
    files: Vec<(&'static str, String)>,
    /// What the step must say.
    says: &'static str,
    /// Only Pilotis knows its types.
    own: bool,
}

/// Runs all of them.
pub(super) fn run(programs: &[(&str, &Path)]) -> anyhow::Result<()> {
    for case in cases() {
        for (name, program) in programs {
            if case.own && *name != "pilotis" {
                continue;
            }
            let dir = tempfile::tempdir()?;
            for (file, text) in &case.files {
                let path = dir.path().join(file);
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                fs::write(path, text)?;
            }
            time(program, dir.path(), &["init", "-no-color"])?;
            let taken = time(program, dir.path(), &[case.step, "-no-color"])?;
            ensure!(taken.stdout.contains(case.says), "{name}, {}:\n{}", case.name, taken.stdout);
            row(name, case.size, case.shape, &format!("{}: {}", case.step, case.name), &taken);
        }
    }
    Ok(())
}

fn cases() -> Vec<Case> {
    let looped = |result: &str| {
        format!(
            "locals {{\n  thousand = range(1000)\n  million  = flatten([for a in local.thousand : [for b in local.thousand : a * 1000 + b]])\n}}\n\n\
             output \"x\" {{\n  value = {result}\n}}\n"
        )
    };
    let one = |name, size, shape, step, text: String, says, own| Case {
        name,
        size,
        shape,
        step,
        files: vec![("main.tf", text)],
        says,
        own,
    };
    let called = |calls: String| vec![("main.tf", calls), ("m/main.tf", module())];
    vec![
        one("lines of GitLab resources", 50_000, "lines", "validate", gitlab(50_000), "", true),
        one("lines of terraform_data", 50_000, "lines", "validate", data(50_000), "", false),
        // The range of Terraform ends at 1,024.
        one(
            "for over elements, as a list",
            1_000_000,
            "elements",
            "plan",
            looped("sum([for x in local.million : x * 2 if x % 2 == 0])"),
            "499999000000",
            false,
        ),
        one(
            "for over elements, as an object",
            1_000_000,
            "elements",
            "plan",
            looped("length({ for x in local.million : \"k${x}\" => x })"),
            "1000000",
            false,
        ),
        Case {
            name: "instances of one module",
            size: 10_000,
            shape: "for_each",
            step: "plan",
            files: called(
                "locals {\n  k = flatten([for a in range(100) : [for b in range(100) : \"${a}-${b}\"]])\n}\n\n\
                 module \"m\" {\n  source   = \"./m\"\n  for_each = toset(local.k)\n  name     = each.key\n}\n"
                    .to_owned(),
            ),
            says: "10000 to add",
            own: false,
        },
        Case {
            name: "calls of one module",
            size: 2_000,
            shape: "blocks",
            step: "plan",
            files: called(
                (0..2_000)
                    .map(|i| format!("module \"m{i}\" {{\n  source = \"./m\"\n  name   = \"n{i}\"\n}}\n"))
                    .collect(),
            ),
            says: "2000 to add",
            own: false,
        },
    ]
}

/// A module as long as people's are: what is compiled anew for each of 10,000 instances would show.
fn module() -> String {
    let mut text = String::from(
        "variable \"name\" {\n  type = string\n}\n\nresource \"terraform_data\" \"a\" {\n  input = local.l99\n}\n\nlocals {\n  l0 = var.name\n",
    );
    for i in 1..100 {
        let _ = writeln!(
            text,
            "  l{i} = \"${{trimspace(local.l{})}}${{substr(var.name, 0, {i}) == \"\" ? 1 : \"\"}}\"",
            i - 1
        );
    }
    text + "}\n"
}

fn data(lines: usize) -> String {
    let block = |i: usize| {
        format!(
            "resource \"terraform_data\" \"r{i}\" {{\n  input = \"value ${{upper(local.l{i})}}\"\n}}\n\nlocals {{\n  l{i} = lower(\"V {i}\")\n}}\n\n"
        )
    };
    (0..lines / 8).map(block).collect()
}

fn gitlab(lines: usize) -> String {
    let mut text = String::from("provider \"gitlab\" {\n  sandbox = true\n}\n\n");
    for i in 0..lines / 12 {
        let _ = write!(
            text,
            r#"resource "gitlab_group" "g{i}" {{
  name = "Group ${{local.n{i}}}"
  path = lower("group-{i}")
}}

resource "gitlab_project" "p{i}" {{
  name         = "project-{i}"
  namespace_id = gitlab_group.g{i}.id
  description  = "Project ${{upper(local.n{i})}} number {i}"
}}
locals {{ n{i} = format("%05d", {i}) }}
"#
        );
    }
    text
}
