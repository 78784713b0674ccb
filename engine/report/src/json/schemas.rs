//! `providers schema -json`. <https://developer.hashicorp.com/terraform/cli/commands/providers/schema>

use std::collections::BTreeMap;

use pilotis_schema::{Attribute, Block, NestedBlock, Nesting, Presence, ProviderSchema, ResourceSchema};
use pilotis_value::json;
use serde_json::{Map, Value as Json, json as object};

/// The document, `format_version` 1.0.
pub fn schemas<'a>(providers: impl IntoIterator<Item = &'a ProviderSchema>) -> Json {
    let all: Map<String, Json> = providers.into_iter().map(|p| (p.source.clone(), provider(p))).collect();
    object!({ "format_version": "1.0", "provider_schemas": all })
}

fn provider(schema: &ProviderSchema) -> Json {
    let mut config = Map::new();
    config.insert("version".into(), 0.into());
    if !schema.config.attributes.is_empty() || !schema.config.blocks.is_empty() {
        config.insert("block".into(), block(&schema.config).into());
    }
    let mut out = Map::new();
    out.insert("provider".into(), config.into());
    for (name, types) in
        [("resource_schemas", &schema.resources), ("data_source_schemas", &schema.data_sources)]
    {
        if !types.is_empty() {
            out.insert(name.into(), all_types(types));
        }
    }
    Json::Object(out)
}

fn all_types(types: &BTreeMap<String, ResourceSchema>) -> Json {
    let one = |(name, schema): (&String, &ResourceSchema)| {
        let mut block = block(&schema.block);
        describe(&mut block, &schema.doc);
        (name.clone(), object!({ "version": schema.version, "block": block }))
    };
    Json::Object(types.iter().map(one).collect())
}

fn block(block: &Block) -> Map<String, Json> {
    let mut out = Map::new();
    if !block.attributes.is_empty() {
        let attributes = block.attributes.iter().map(|(name, a)| (name.clone(), attribute(a)));
        out.insert("attributes".into(), Json::Object(attributes.collect()));
    }
    if !block.blocks.is_empty() {
        let blocks = block.blocks.iter().map(|(name, b)| (name.clone(), nested(b)));
        out.insert("block_types".into(), Json::Object(blocks.collect()));
    }
    describe(&mut out, &block.doc);
    out
}

fn attribute(attribute: &Attribute) -> Json {
    let mut out = Map::new();
    out.insert("type".into(), json::encode_type(&attribute.ty.without_optional()));
    describe(&mut out, &attribute.doc);
    let mut flag = |name: &str, is_set: bool| {
        if is_set {
            out.insert(name.into(), true.into());
        }
    };
    flag("deprecated", attribute.deprecated.is_some());
    flag("required", attribute.presence == Presence::Required);
    flag("optional", matches!(attribute.presence, Presence::Optional | Presence::OptionalComputed));
    flag("computed", attribute.is_computed());
    flag("sensitive", attribute.secret.is_some());
    flag("write_only", attribute.write_only);
    Json::Object(out)
}

fn nested(nested: &NestedBlock) -> Json {
    let mode = match nested.nesting {
        Nesting::Single => "single",
        Nesting::List => "list",
        Nesting::Set => "set",
        Nesting::Map => "map",
    };
    let mut out = object!({ "nesting_mode": mode, "block": block(&nested.block) });
    if let Json::Object(members) = &mut out {
        if nested.min > 0 {
            members.insert("min_items".into(), nested.min.into());
        }
        if let Some(max) = nested.max {
            members.insert("max_items".into(), max.into());
        }
    }
    out
}

fn describe(out: &mut Map<String, Json>, doc: &str) {
    if !doc.is_empty() {
        out.insert("description".into(), doc.into());
    }
    let kind = if out.contains_key("description") { "markdown" } else { "plain" };
    out.insert("description_kind".into(), kind.into());
}
