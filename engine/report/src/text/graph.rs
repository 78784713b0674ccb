//! The dependency graph: in DOT as Terraform writes it, for Graphviz, and as a tree for a person.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pilotis_plan::Dependent;

use super::style::clean;

/// The graph in DOT. An arrow leads from what needs to what is needed.
pub fn dot(all: &[Dependent]) -> String {
    let mut out =
        String::from("digraph G {\n  rankdir = \"RL\";\n  node [shape = rect, fontname = \"sans-serif\"];\n");
    for (module, members) in by_module(all) {
        let indent = if module.is_empty() { "  " } else { "    " };
        if !module.is_empty() {
            let _ = writeln!(out, "  subgraph {} {{", quote(&format!("cluster_{module}")));
            let _ = writeln!(out, "    label = {}\n    fontname = \"sans-serif\"", quote(module));
        }
        for member in members {
            let (id, label) = (quote(&member.address()), quote(&member.name));
            let _ = writeln!(out, "{indent}{id} [label={label}];");
        }
        if !module.is_empty() {
            out.push_str("  }\n");
        }
    }
    for dependent in all {
        for needed in dependent.needs.iter().filter_map(|i| all.get(*i)) {
            let _ = writeln!(out, "  {} -> {};", quote(&dependent.address()), quote(&needed.address()));
        }
    }
    out.push_str("}\n");
    out
}

/// The graph as a tree: at the top what nothing needs, under each what it needs. What was told already is not told again.
pub fn tree(all: &[Dependent]) -> String {
    let needed: BTreeSet<usize> = all.iter().flat_map(|d| d.needs.iter().copied()).collect();
    let mut tree = Tree { all, told: BTreeSet::new(), out: String::new() };
    // Not by recursion: a chain of needs may be long.
    let tops = (0..all.len()).rev().filter(|i| !needed.contains(i));
    let mut open: Vec<Branch> = tops.map(|node| Branch { node, depth: 0, last: true }).collect();
    let mut trunk: Vec<bool> = Vec::new();
    while let Some(branch) = open.pop() {
        tree.line(branch, &mut trunk, &mut open);
    }
    if all.is_empty() {
        tree.out.push_str("The configuration has no resources.\n");
    }
    tree.out
}

#[derive(Clone, Copy)]
struct Branch {
    node: usize,
    depth: usize,
    /// The last one under what needs it.
    last: bool,
}

struct Tree<'a> {
    all: &'a [Dependent],
    told: BTreeSet<usize>,
    out: String,
}

impl Tree<'_> {
    /// Writes one line, and puts what the node needs before all that is still open. `trunk`: at which depths a line goes on downwards.
    fn line(&mut self, branch: Branch, trunk: &mut Vec<bool>, open: &mut Vec<Branch>) {
        let Some(node) = self.all.get(branch.node) else { return };
        trunk.truncate(branch.depth.saturating_sub(1));
        for goes_on in trunk.iter() {
            self.out.push_str(if *goes_on { "│   " } else { "    " });
        }
        if branch.depth > 0 {
            self.out.push_str(if branch.last { "└── " } else { "├── " });
            trunk.push(!branch.last);
        }
        let again = !self.told.insert(branch.node) && !node.needs.is_empty();
        let mark = if again { " (see above)" } else { "" };
        let _ = writeln!(self.out, "{}{mark}", clean(&node.address()));
        if again {
            return;
        }
        let depth = branch.depth + 1;
        for (i, needed) in node.needs.iter().enumerate().rev() {
            open.push(Branch { node: *needed, depth, last: i + 1 == node.needs.len() });
        }
    }
}

fn by_module(all: &[Dependent]) -> BTreeMap<&str, Vec<&Dependent>> {
    let mut modules: BTreeMap<&str, Vec<&Dependent>> = BTreeMap::new();
    for dependent in all {
        modules.entry(&dependent.module).or_default().push(dependent);
    }
    modules
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Dependent> {
        let node = |module: &str, name: &str, needs: &[usize]| Dependent {
            module: module.into(),
            name: name.into(),
            needs: needs.into(),
        };
        vec![
            node("", "t.a", &[]),
            node("", "t.b", &[0]),
            node("", "t.d", &[1]),
            node("project[\"x\"]", "t.c", &[1, 0]),
        ]
    }

    #[test]
    fn modules_are_boxes() {
        insta::assert_snapshot!(dot(&some()), @r#"
        digraph G {
          rankdir = "RL";
          node [shape = rect, fontname = "sans-serif"];
          "t.a" [label="t.a"];
          "t.b" [label="t.b"];
          "t.d" [label="t.d"];
          subgraph "cluster_project[\"x\"]" {
            label = "project[\"x\"]"
            fontname = "sans-serif"
            "project[\"x\"].t.c" [label="t.c"];
          }
          "t.b" -> "t.a";
          "t.d" -> "t.b";
          "project[\"x\"].t.c" -> "t.b";
          "project[\"x\"].t.c" -> "t.a";
        }
        "#);
    }

    #[test]
    fn a_tree_tells_each_thing_once() {
        insta::assert_snapshot!(tree(&some()), @r#"
        t.d
        └── t.b
            └── t.a
        project["x"].t.c
        ├── t.b (see above)
        └── t.a
        "#);
    }
}
