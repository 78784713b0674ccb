//! Changes under the module instances that they belong to: project, environment, object.

use std::collections::BTreeMap;

use pilotis_plan::ResourceChange;
use pilotis_schema::address::{Instance, ModulePath, ModuleStep, Resource};

/// A module instance with something to show in it.
#[derive(Debug, Default)]
pub(crate) struct Node<'a> {
    /// As a person reads it: `project.carto`; empty for the root module.
    pub(crate) label: String,
    /// Changes of its own resources, in the plan's order.
    pub(crate) changes: Vec<&'a ResourceChange>,
    /// Module instances inside, in order.
    pub(crate) children: BTreeMap<ModuleStep, Node<'a>>,
}

impl<'a> Node<'a> {
    /// Sorts changes into module instances.
    pub(crate) fn of(changes: impl IntoIterator<Item = &'a ResourceChange>) -> Node<'a> {
        let mut root = Node::default();
        for change in changes {
            let steps = &change.address.resource.module.0;
            let labels = labels(change);
            let mut node = &mut root;
            for (depth, step) in steps.iter().enumerate() {
                node = node.children.entry(step.clone()).or_default();
                if node.label.is_empty() {
                    node.label.clone_from(&labels[depth]);
                }
            }
            node.changes.push(change);
        }
        root
    }

    /// All changes of this instance and of those inside.
    pub(crate) fn all(&self) -> Vec<&'a ResourceChange> {
        let mut all = self.changes.clone();
        self.children.values().for_each(|child| all.extend(child.all()));
        all
    }
}

/// The module instance that a resource lies in, as a person reads it, with a dot behind; empty for the root module.
pub(crate) fn prefix(change: &ResourceChange) -> String {
    labels(change).pop().map(|label| label + ".").unwrap_or_default()
}

/// Names of the module instances that a resource lies in, from the outside in. They are cut out of the resource's display name; where that
/// can't be done the plain address is used.
fn labels(change: &ResourceChange) -> Vec<String> {
    let steps = &change.address.resource.module.0;
    let own = own_name(&change.address);
    let prefix = change.display.strip_suffix(&own).map(|p| p.trim_end_matches('.')).unwrap_or_default();
    let parts = split(prefix);
    // `project.carto` is two parts for one step with a key, `module.network` two for one without; `project.carto.module.x` four for two.
    if parts.len() == steps.len() * 2 {
        return (1..=steps.len()).map(|n| parts[..n * 2].join(".")).collect();
    }
    if parts.len() == steps.len() && !parts.is_empty() {
        return (1..=steps.len()).map(|n| parts[..n].join(".")).collect();
    }
    (1..=steps.len()).map(|n| ModulePath(steps[..n].to_vec()).to_string()).collect()
}

/// The resource's name inside its module: `data.gitlab_group.this["a"]`.
pub(crate) fn own_name(address: &Instance) -> String {
    let resource = Resource { module: ModulePath::default(), ..address.resource.clone() };
    match &address.key {
        Some(key) => format!("{resource}{key}"),
        None => resource.to_string(),
    }
}

/// Splits at dots that are outside brackets and quotes.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '.' if !quoted => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    if !text.is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_in_keys_split_nothing() {
        assert_eq!(split(r#"module.a["x.y\"."].module.b"#), ["module", r#"a["x.y\"."]"#, "module", "b"]);
        assert!(split("").is_empty());
    }
}
