//! The types and fields that are answered, read once from `schema.graphql`.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use async_graphql_parser::{
    parse_schema,
    types::{BaseType, TypeKind, TypeSystemDefinition},
};

/// A field: the name of its type, without list and non-null marks, and its arguments.
#[derive(Clone, Debug)]
pub(super) struct Field<'t> {
    pub of: Cow<'t, str>,
    pub arguments: &'t [String],
}

/// A field as the schema declares it.
struct Declared {
    of: String,
    arguments: Vec<String>,
}

/// Types by name, each with its fields.
static TYPES: LazyLock<HashMap<String, HashMap<String, Declared>>> = LazyLock::new(|| {
    let document = parse_schema(include_str!("schema.graphql")).expect("the schema is well-formed");
    let mut types = HashMap::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(found) = definition else { continue };
        let TypeKind::Object(object) = found.node.kind else { continue };
        let fields = object.fields.into_iter().map(|field| {
            let arguments =
                field.node.arguments.iter().map(|argument| argument.node.name.node.to_string()).collect();
            (field.node.name.node.to_string(), Declared { of: base(&field.node.ty.node.base), arguments })
        });
        types.insert(found.node.name.node.to_string(), fields.collect());
    }
    types
});

fn base(of: &BaseType) -> String {
    match of {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(inner) => base(&inner.base),
    }
}

/// The type that a connection pages over.
pub(super) fn connection(type_name: &str) -> Option<&str> {
    type_name.strip_suffix("Connection")
}

/// A field of a type; none if the type doesn't have it.
pub(super) fn field<'t>(type_name: &'t str, name: &str) -> Option<Field<'t>> {
    let plain = |of: &'t str| Some(Field { of: Cow::Borrowed(of), arguments: &[] });
    if name == "__typename" {
        return plain("String");
    }
    if let Some(of) = connection(type_name) {
        return match name {
            "nodes" => plain(of),
            "edges" => Some(Field { of: Cow::Owned(format!("{of}Edge")), arguments: &[] }),
            "pageInfo" => plain("PageInfo"),
            "count" => plain("Int"),
            _ => None,
        };
    }
    if let Some(of) = type_name.strip_suffix("Edge") {
        return match name {
            "node" => plain(of),
            "cursor" => plain("String"),
            _ => None,
        };
    }
    if type_name == "PageInfo" {
        return match name {
            "hasNextPage" | "hasPreviousPage" => plain("Boolean"),
            "startCursor" | "endCursor" => plain("String"),
            _ => None,
        };
    }
    let found = TYPES.get(type_name)?.get(name)?;
    Some(Field { of: Cow::Borrowed(&found.of), arguments: &found.arguments })
}

/// Has the type fields of its own?
pub(super) fn is_object(type_name: &str) -> bool {
    TYPES.contains_key(type_name)
        || type_name == "PageInfo"
        || connection(type_name).is_some()
        || type_name.strip_suffix("Edge").is_some_and(|of| TYPES.contains_key(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_leads_to_a_scalar_or_a_known_type() {
        let scalars = ["ID", "String", "Int", "Boolean", "Time"];
        for (name, fields) in TYPES.iter() {
            for (field, Declared { of, .. }) in fields {
                let target = connection(of).unwrap_or(of);
                assert!(scalars.contains(&target) || TYPES.contains_key(target), "{name}.{field}: {of}");
            }
        }
    }
}
