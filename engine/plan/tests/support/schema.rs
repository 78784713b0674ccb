//! A provider `sim`, small and with everything that a planner must mind; and `terraform_data`.

use std::collections::BTreeMap;
use std::sync::Arc;

use pilotis_config::Schemas;
use pilotis_schema::{
    Attribute, Block, Compare, NestedBlock, Nesting, Presence, ProviderSchema, Refresh, ResourceSchema,
    SecretKind,
};
use pilotis_value::{Type, Value};

fn with(presence: Presence, ty: Type) -> Attribute {
    Attribute { presence, ..Attribute::new(ty) }
}

fn block<const N: usize>(attributes: [(&str, Attribute); N]) -> Block {
    Block { attributes: attributes.into_iter().map(|(n, a)| (n.to_owned(), a)).collect(), ..Block::default() }
}

fn thing() -> ResourceSchema {
    let mut body = block([
        ("id", with(Presence::Computed, Type::String)),
        ("name", with(Presence::Required, Type::String)),
        ("zone", Attribute { force_new: true, ..Attribute::new(Type::String) }),
        ("size", Attribute::new(Type::Number)),
        ("memory", Attribute { compare: Compare::Quantity, ..Attribute::new(Type::String) }),
        ("enabled", Attribute { default: Some(Value::bool(true)), ..Attribute::new(Type::Bool) }),
        ("note", with(Presence::OptionalComputed, Type::String)),
        ("stamp", Attribute { volatile: true, ..with(Presence::Computed, Type::Number) }),
        ("tags", Attribute::new(Type::map(Type::String))),
        ("parent", Attribute::new(Type::String)),
        (
            "password",
            Attribute { secret: Some(SecretKind::GivenNeverReturned), ..Attribute::new(Type::String) },
        ),
        (
            "token",
            Attribute { secret: Some(SecretKind::MadeShownOnce), ..with(Presence::Computed, Type::String) },
        ),
        ("script", Attribute::new(Type::String)),
    ]);
    let port = block([
        ("number", with(Presence::Required, Type::Number)),
        ("name", with(Presence::OptionalComputed, Type::String)),
    ]);
    body.blocks.insert("port".into(), NestedBlock { nesting: Nesting::Set, block: port, min: 0, max: None });
    let disk = block([
        ("size", with(Presence::Required, Type::Number)),
        ("kind", Attribute { force_new: true, ..Attribute::new(Type::String) }),
    ]);
    body.blocks.insert("disk".into(), NestedBlock { nesting: Nesting::List, block: disk, min: 0, max: None });
    ResourceSchema {
        version: 1,
        block: body,
        refresh: Refresh {
            scope: Some(vec!["parent".into()]),
            key: vec!["id".into()],
            natural_key: vec!["name".into(), "parent".into()],
            list_lacks: vec!["script".into()],
        },
        doc: String::new(),
    }
}

/// Can't be listed; its natural key is its name.
fn lone() -> ResourceSchema {
    ResourceSchema {
        block: block([
            ("id", with(Presence::Computed, Type::String)),
            ("name", with(Presence::Required, Type::String)),
            ("value", Attribute::new(Type::String)),
        ]),
        refresh: Refresh { key: vec!["id".into()], natural_key: vec!["name".into()], ..Refresh::default() },
        ..ResourceSchema::default()
    }
}

/// Is sent a key, and tells nobody.
fn safe() -> ResourceSchema {
    let mut schema = lone();
    schema.block.attributes.remove("value");
    let key = Attribute { write_only: true, ..Attribute::new(Type::String) };
    schema.block.attributes.insert("key_wo".into(), key);
    schema.block.attributes.insert("key_rev".into(), Attribute::new(Type::Number));
    schema
}

/// A secret that is told once, when it is made. Names are not unique; it can be listed.
fn key() -> ResourceSchema {
    let once = SecretKind::MadeShownOnce;
    ResourceSchema {
        block: block([
            ("id", with(Presence::Computed, Type::String)),
            ("name", Attribute { force_new: true, ..with(Presence::Required, Type::String) }),
            ("days", Attribute { force_new: true, ..Attribute::new(Type::Number) }),
            ("secret", Attribute { secret: Some(once), ..with(Presence::Computed, Type::String) }),
        ]),
        refresh: Refresh {
            scope: Some(Vec::new()),
            key: vec!["id".into()],
            natural_key: vec!["name".into()],
            ..Refresh::default()
        },
        ..ResourceSchema::default()
    }
}

/// Is only marked when it is removed, and keeps its name for a while.
fn estate() -> ResourceSchema {
    lone()
}

/// Made with two calls: the second one sets its value.
fn pair() -> ResourceSchema {
    lone()
}

/// Ephemeral: a word that is good for as long as it is open.
fn token() -> ResourceSchema {
    ResourceSchema {
        block: block([
            ("name", with(Presence::Required, Type::String)),
            ("value", with(Presence::Computed, Type::String)),
        ]),
        ..ResourceSchema::default()
    }
}

fn lookup() -> ResourceSchema {
    ResourceSchema {
        block: block([
            ("name", with(Presence::Required, Type::String)),
            ("value", with(Presence::Computed, Type::String)),
        ]),
        ..ResourceSchema::default()
    }
}

fn terraform() -> ProviderSchema {
    let input = Attribute::new(Type::Dynamic);
    let output = Attribute { follows: Some("input".into()), ..with(Presence::Computed, Type::Dynamic) };
    let triggers = Attribute { force_new: true, ..Attribute::new(Type::Dynamic) };
    let body = block([
        ("input", input),
        ("output", output),
        ("triggers_replace", triggers),
        ("id", with(Presence::Computed, Type::String)),
    ]);
    let data = ResourceSchema {
        block: body,
        refresh: Refresh { key: vec!["id".into()], ..Refresh::default() },
        ..ResourceSchema::default()
    };
    ProviderSchema {
        name: "terraform".into(),
        source: "terraform.io/builtin/terraform".into(),
        version: "0.1.0".into(),
        config: Block::default(),
        resources: BTreeMap::from([("terraform_data".to_owned(), data)]),
        data_sources: BTreeMap::new(),
        ephemeral_resources: BTreeMap::new(),
    }
}

fn sim() -> ProviderSchema {
    ProviderSchema {
        name: "sim".into(),
        source: "example.org/pilotis/sim".into(),
        version: "1.0.0".into(),
        config: block([("address", Attribute::new(Type::String)), ("token", Attribute::new(Type::String))]),
        resources: BTreeMap::from([
            ("sim_thing".to_owned(), thing()),
            ("sim_lone".to_owned(), lone()),
            ("sim_safe".to_owned(), safe()),
            ("sim_key".to_owned(), key()),
            ("sim_estate".to_owned(), estate()),
            ("sim_pair".to_owned(), pair()),
        ]),
        data_sources: BTreeMap::from([("sim_lookup".to_owned(), lookup())]),
        ephemeral_resources: BTreeMap::from([("sim_token".to_owned(), token())]),
    }
}

/// Both providers' schemas.
pub fn schemas() -> Schemas {
    let providers = [sim(), terraform()].map(|p| (p.name.clone(), Arc::new(p)));
    Schemas { providers: providers.into_iter().collect() }
}
