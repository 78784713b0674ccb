//! The check of a query before it runs: unknown fields and arguments, missing selections, and how complex it is.
//!
//! <https://docs.gitlab.com/api/graphql/#maximum-query-complexity>: a field costs 1; a connection costs more the more
//! it may give: its fields' cost grows by a hundredth for each object of a page.

use std::collections::HashMap;

use async_graphql_parser::{
    Pos, Positioned,
    types::{Field, FragmentDefinition, Selection, SelectionSet},
};
use async_graphql_value::Name;
use serde_json::{Map, Value, json};

use super::{arguments, schema};

/// The most that a signed-in user may ask.
pub(super) const LIMIT: u64 = 250;
/// The most for anybody else.
pub(super) const ANONYMOUS_LIMIT: u64 = 200;
/// The most objects on a page.
pub(super) const MAX_PAGE: u64 = 100;
/// How deep a query may be.
const MAX_DEPTH: usize = 20;

pub(super) struct Checker<'q> {
    pub fragments: &'q HashMap<Name, Positioned<FragmentDefinition>>,
    pub variables: &'q Map<String, Value>,
    pub errors: Vec<Value>,
}

impl Checker<'_> {
    /// Notes what is wrong with a selection on a type, and gives its complexity.
    pub(super) fn selection(&mut self, type_name: &str, set: &SelectionSet, path: &[String]) -> u64 {
        if path.len() > MAX_DEPTH {
            let text = format!("Query has depth of {}, which exceeds max depth of {MAX_DEPTH}", path.len());
            if self.errors.is_empty() {
                self.errors.push(json!({ "message": text }));
            }
            return 0;
        }
        let mut total = 0;
        for item in &set.items {
            total += match &item.node {
                Selection::Field(field) => self.field(type_name, field, path),
                Selection::InlineFragment(fragment) => {
                    self.selection(type_name, &fragment.node.selection_set.node, path)
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    match self.fragments.get(name) {
                        // The path grows, so that a fragment within itself ends at the depth limit.
                        Some(fragment) => {
                            let deeper = [path, &[format!("...{name}")]].concat();
                            self.selection(type_name, &fragment.node.selection_set.node, &deeper)
                        }
                        None => {
                            let text = format!("Fragment {name} was used, but not defined");
                            self.error(item.pos, path, &text, json!({ "code": "useAndDefineFragment" }));
                            0
                        }
                    }
                }
            };
        }
        total
    }

    fn field(&mut self, type_name: &str, field: &Positioned<Field>, path: &[String]) -> u64 {
        let name = field.node.name.node.as_str();
        let path = [path, &[field.node.response_key().node.to_string()]].concat();
        let Some(found) = schema::field(type_name, name) else {
            let text = format!("Field '{name}' doesn't exist on type '{type_name}'");
            let extensions = json!({ "code": "undefinedField", "typeName": type_name, "fieldName": name });
            self.error(field.pos, &path, &text, extensions);
            return 0;
        };
        for (argument, _) in &field.node.arguments {
            let argument_name = argument.node.as_str();
            if !found.arguments.iter().any(|known| known == argument_name) {
                let text = format!("Field '{name}' doesn't accept argument '{argument_name}'");
                let extensions = json!({
                    "code": "argumentNotAccepted", "name": name, "typeName": "Field", "argumentName": argument_name
                });
                self.error(
                    argument.pos,
                    &[path.as_slice(), &[argument_name.to_owned()]].concat(),
                    &text,
                    extensions,
                );
            }
        }
        let set = &field.node.selection_set.node;
        if schema::is_object(&found.of) == set.items.is_empty() {
            let text = if set.items.is_empty() {
                format!(
                    "Field must have selections (field '{name}' returns {} but has no selections. Did you mean '{name} {{ ... }}'?)",
                    found.of
                )
            } else {
                format!(
                    "Selections can't be made on scalars (field '{name}' returns {} but has selections)",
                    found.of
                )
            };
            let extensions = json!({ "code": "selectionMismatch", "nodeName": format!("field '{name}'"), "typeName": found.of });
            self.error(field.pos, &path, &text, extensions);
            return 1;
        }
        let inside = self.selection(&found.of, set, &path);
        if schema::connection(&found.of).is_none() {
            return inside + 1;
        }
        let given = arguments(&field.node, self.variables);
        let limit = ["first", "last"].iter().filter_map(|name| given.get(*name)?.as_u64()).min();
        let limit = limit.unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let resolver =
            1 + 5 * u64::from(given.contains_key("search")) + u64::from(given.contains_key("sort"));
        let own = inside + resolver;
        own + own * limit / 100
    }

    fn error(&mut self, pos: Pos, path: &[String], text: &str, extensions: Value) {
        let path: Vec<&str> = ["query"].into_iter().chain(path.iter().map(String::as_str)).collect();
        self.errors.push(json!({
            "message": text,
            "locations": [{ "line": pos.line, "column": pos.column }],
            "path": path,
            "extensions": extensions,
        }));
    }
}
