//! GraphQL: a query is parsed, checked against the schema and its complexity, then answered field by field.
//!
//! <https://docs.gitlab.com/api/graphql/>. Only queries: the provider reads in bulk here and writes over REST.

mod check;
mod resolve;
mod schema;

use std::collections::HashMap;

use async_graphql_parser::{
    Positioned, parse_query,
    types::{
        DocumentOperations, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
        SelectionSet,
    },
};
use async_graphql_value::{ConstValue, Name};
use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
};
use check::{ANONYMOUS_LIMIT, Checker, LIMIT, MAX_PAGE};
use resolve::{Item, Output};

/// Below `/api`, not `/api/v4`.
pub(super) const ROUTES: &[Route] = &[("POST", "/graphql", answer), ("GET", "/graphql", answer)];

fn answer(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let query = call.params.text("query").unwrap_or_default();
    let wanted = call.params.text("operationName").filter(|name| !name.is_empty());
    let variables = match call.params.raw("variables") {
        Some(Value::Object(variables)) => variables.clone(),
        // A form sends them as text.
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        _ => Map::new(),
    };
    let refuse = |text: String| Answer::ok(json!({ "errors": [{ "message": text }] }));
    if query.trim().is_empty() {
        let failure = json!({ "errors": [{ "message": "Unexpected end of document", "locations": [] }] });
        return Ok(Answer::Json(StatusCode::OK, failure));
    }
    let document = match parse_query(&query) {
        Ok(document) => document,
        Err(error) => return refuse(format!("Syntax Error: {error}")),
    };
    let operation = match operation(&document.operations, wanted.as_deref()) {
        Ok(operation) => operation,
        Err(text) => return refuse(text),
    };
    if operation.ty != OperationType::Query {
        return refuse(format!("Schema is not configured for {}s", operation.ty));
    }
    let variables = match declared(operation, variables) {
        Ok(variables) => variables,
        Err(text) => return refuse(text),
    };
    let mut checker = Checker { fragments: &document.fragments, variables: &variables, errors: Vec::new() };
    let score = checker.selection("Query", &operation.selection_set.node, &[]);
    if !checker.errors.is_empty() {
        return Answer::ok(json!({ "errors": checker.errors }));
    }
    let limit = if call.viewer.is_some() { LIMIT } else { ANONYMOUS_LIMIT };
    if score > limit {
        return refuse(format!("Query has complexity of {score}, which exceeds max complexity of {limit}"));
    }
    let run = Run { fragments: &document.fragments, variables: &variables, score, limit };
    let data = run.select(call, "Query", &Item::Query, &operation.selection_set.node);
    Answer::ok(json!({ "data": data }))
}

fn operation<'d>(
    operations: &'d DocumentOperations,
    wanted: Option<&str>,
) -> Result<&'d OperationDefinition, String> {
    let mut found = operations.iter().filter(|(name, _)| match (wanted, name) {
        (Some(wanted), Some(name)) => name.as_str() == wanted,
        (Some(_), None) => false,
        (None, _) => true,
    });
    match (found.next(), found.next()) {
        (Some((_, operation)), None) => Ok(&operation.node),
        (None, _) => Err(format!("No operation named \"{}\"", wanted.unwrap_or_default())),
        (Some(_), Some(_)) => Err("An operation name is required".to_owned()),
    }
}

/// The variables that the operation declares, with their defaults; a missing one that may not be null is an error.
fn declared(
    operation: &OperationDefinition,
    mut given: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let mut variables = Map::new();
    for definition in &operation.variable_definitions {
        let name = definition.node.name.node.as_str();
        let value = given.remove(name);
        let default = || definition.node.default_value().and_then(|value| value.clone().into_json().ok());
        match value.filter(|value| !value.is_null()).or_else(default) {
            Some(value) => variables.insert(name.to_owned(), value),
            None => {
                let of = &definition.node.var_type.node;
                return Err(format!("Variable ${name} of type {of} was provided invalid value"));
            }
        };
    }
    Ok(variables)
}

/// A field's arguments with the variables put in; what is null is left out.
fn arguments(field: &Field, variables: &Map<String, Value>) -> Map<String, Value> {
    let mut found = Map::new();
    for (name, value) in &field.arguments {
        let value = value.node.clone().into_const_with(|name| {
            let value = variables.get(name.as_str()).cloned().unwrap_or(Value::Null);
            Ok::<_, std::convert::Infallible>(ConstValue::from_json(value).unwrap_or(ConstValue::Null))
        });
        let value = value.ok().and_then(|value| value.into_json().ok()).unwrap_or(Value::Null);
        if !value.is_null() {
            found.insert(name.node.to_string(), value);
        }
    }
    found
}

/// What a query is answered with.
struct Run<'q> {
    fragments: &'q HashMap<Name, Positioned<FragmentDefinition>>,
    variables: &'q Map<String, Value>,
    score: u64,
    limit: u64,
}

/// The part of a list that a connection shows.
struct Page {
    items: Vec<Item>,
    start: usize,
    total: usize,
}

impl Run<'_> {
    fn select(&self, call: &mut Call<'_>, type_name: &str, item: &Item, set: &SelectionSet) -> Value {
        let mut shown = Map::new();
        self.fill(call, type_name, item, set, &mut shown);
        Value::Object(shown)
    }

    fn fill(
        &self,
        call: &mut Call<'_>,
        type_name: &str,
        item: &Item,
        set: &SelectionSet,
        shown: &mut Map<String, Value>,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let value = self.field(call, type_name, item, &field.node);
                    shown.insert(field.node.response_key().node.to_string(), value);
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment
                        .node
                        .type_condition
                        .as_ref()
                        .map(|condition| condition.node.on.node.as_str());
                    if on.is_none_or(|on| on == type_name || on == item.type_name(type_name)) {
                        self.fill(call, type_name, item, &fragment.node.selection_set.node, shown);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node) {
                        self.fill(call, type_name, item, &fragment.node.selection_set.node, shown);
                    }
                }
            }
        }
    }

    fn field(&self, call: &mut Call<'_>, type_name: &str, item: &Item, field: &Field) -> Value {
        let name = field.name.node.as_str();
        if name == "__typename" {
            return json!(item.type_name(type_name));
        }
        if name == "queryComplexity" {
            return json!({ "limit": self.limit, "score": self.score });
        }
        let Some(of) = schema::field(type_name, name).map(|field| field.of) else { return Value::Null };
        let given = arguments(field, self.variables);
        let set = &field.selection_set.node;
        match resolve::field(call, item, name, &given) {
            Output::Value(value) => value,
            Output::One(None) => Value::Null,
            Output::One(Some(inner)) => self.select(call, &of, &inner, set),
            Output::Many(items) => {
                let page = page(items, &given);
                let mut shown = Map::new();
                self.connection(call, &of, &page, set, &mut shown);
                Value::Object(shown)
            }
        }
    }

    fn connection(
        &self,
        call: &mut Call<'_>,
        type_name: &str,
        page: &Page,
        set: &SelectionSet,
        shown: &mut Map<String, Value>,
    ) {
        let of = schema::connection(type_name).unwrap_or(type_name);
        for selection in &set.items {
            let field = match &selection.node {
                Selection::Field(field) => &field.node,
                Selection::InlineFragment(fragment) => {
                    self.connection(call, type_name, page, &fragment.node.selection_set.node, shown);
                    continue;
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node) {
                        self.connection(call, type_name, page, &fragment.node.selection_set.node, shown);
                    }
                    continue;
                }
            };
            let inside = &field.selection_set.node;
            let value = match field.name.node.as_str() {
                "nodes" => page.items.iter().map(|item| self.select(call, of, item, inside)).collect(),
                "edges" => page
                    .items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| self.edge(call, of, item, &cursor(page.start + at), inside))
                    .collect(),
                "pageInfo" => page_info(page, inside),
                "count" => json!(page.total),
                _ => json!(type_name),
            };
            shown.insert(field.response_key().node.to_string(), value);
        }
    }

    fn edge(&self, call: &mut Call<'_>, of: &str, item: &Item, cursor: &str, set: &SelectionSet) -> Value {
        let mut shown = Map::new();
        for selection in &set.items {
            let Selection::Field(field) = &selection.node else { continue };
            let value = match field.node.name.node.as_str() {
                "node" => self.select(call, of, item, &field.node.selection_set.node),
                "cursor" => json!(cursor),
                _ => json!(format!("{of}Edge")),
            };
            shown.insert(field.node.response_key().node.to_string(), value);
        }
        Value::Object(shown)
    }
}

/// A cursor is the place in the list, in the form in which GitLab's look.
fn cursor(at: usize) -> String {
    STANDARD.encode(json!({ "offset": at }).to_string())
}

fn place(cursor: Option<&Value>) -> Option<usize> {
    let text = STANDARD.decode(cursor?.as_str()?).ok()?;
    let place = serde_json::from_slice::<Value>(&text).ok()?.get("offset")?.as_u64()?;
    usize::try_from(place).ok()
}

fn page(items: Vec<Item>, arguments: &Map<String, Value>) -> Page {
    let total = items.len();
    let number = |name: &str| arguments.get(name).and_then(Value::as_u64).map(|number| number.min(MAX_PAGE));
    let (first, last) = (number("first"), number("last"));
    let count = usize::try_from(first.or(last).unwrap_or(MAX_PAGE)).unwrap_or(usize::MAX);
    let start = place(arguments.get("after")).map_or(0, |at| at.saturating_add(1)).min(total);
    let end = place(arguments.get("before")).unwrap_or(total).clamp(start, total);
    // `last` without `first` is the end of the list.
    let (start, end) = if first.is_none() && last.is_some() {
        (end.saturating_sub(count).max(start), end)
    } else {
        (start, end.min(start.saturating_add(count)))
    };
    Page { items: items.into_iter().skip(start).take(end - start).collect(), start, total }
}

fn page_info(page: &Page, set: &SelectionSet) -> Value {
    let end = page.start + page.items.len();
    let mut shown = Map::new();
    for selection in &set.items {
        let Selection::Field(field) = &selection.node else { continue };
        let value = match field.node.name.node.as_str() {
            "hasNextPage" => json!(end < page.total),
            "hasPreviousPage" => json!(page.start > 0),
            "startCursor" => json!((!page.items.is_empty()).then(|| cursor(page.start))),
            "endCursor" => json!((!page.items.is_empty()).then(|| cursor(end - 1))),
            _ => json!("PageInfo"),
        };
        shown.insert(field.node.response_key().node.to_string(), value);
    }
    Value::Object(shown)
}
