//! Which properties are blocks, what their labels are called, and how the strings of the others are read.
//!
//! Arguments that are templates, as most are, aren't listed: every property that is no block is an argument.

use std::collections::BTreeMap;
use std::sync::Arc;

use ecow::EcoString;
use pilotis_schema::Nesting;
use pilotis_schema::address::Mode;
use pilotis_syntax::ast::Ident;
use pilotis_syntax::json::{Meaning, Node, NodeKind};

use crate::blueprint::{self, Member};
use crate::types::{BlockPlan, Types};

/// What a module's own schemas and blueprints add to the language.
pub(crate) struct Vocabulary<'a> {
    pub(crate) types: &'a Types<'a>,
    pub(crate) words: &'a Words,
}

/// Members of the blueprints' blocks, by word.
pub(crate) type Words = BTreeMap<EcoString, Vec<Member>>;

/// What a property is.
pub(super) enum Part {
    Argument(Meaning),
    /// Blocks, with so many labels.
    Block(&'static [&'static str], Inside),
    /// Nothing that may stand at the top of a file.
    Unknown,
}

/// What a body is made of.
#[derive(Clone)]
pub(super) enum Inside {
    /// A file's own blocks.
    Root,
    /// A test file's, or those of a file of mock data.
    Test,
    /// A block of the language.
    Language(&'static Table),
    /// Arguments of any name.
    Free(Meaning),
    /// A resource, before its type is known.
    Resource(Mode),
    /// A provider's configuration, before its name is known.
    Provider,
    /// A block of a schema, with what the language adds to it.
    Schema(Arc<BlockPlan>, &'static Table),
    /// A block of a blueprint.
    Members(Vec<Member>, &'static Table),
    /// A `dynamic` block, before its label is known: what the blocks that it makes may stand in.
    Dynamic(Box<Inside>),
    /// A `dynamic` block: what its content is made of.
    Generator(Box<Inside>),
}

/// Blocks of a block of the language, and those of its arguments that aren't templates.
pub(super) struct Table {
    arguments: &'static [(&'static str, Meaning)],
    blocks: &'static [(&'static str, &'static [&'static str], Inside)],
}

const NONE: Table = Table { arguments: &[], blocks: &[] };

const ROOT: Table = Table {
    arguments: &[],
    blocks: &[
        ("terraform", &[], Inside::Language(&SETTINGS)),
        ("pilotis", &[], Inside::Language(&SETTINGS)),
        ("provider", &["name"], Inside::Provider),
        ("variable", &["name"], Inside::Language(&VARIABLE)),
        ("locals", &[], Inside::Free(Meaning::Template)),
        ("output", &["name"], Inside::Language(&OUTPUT)),
        ("resource", &["type", "name"], Inside::Resource(Mode::Managed)),
        ("data", &["type", "name"], Inside::Resource(Mode::Data)),
        ("ephemeral", &["type", "name"], Inside::Resource(Mode::Ephemeral)),
        ("module", &["name"], Inside::Language(&MODULE)),
        ("blueprint", &["word"], Inside::Free(Meaning::Literal)),
        ("moved", &[], Inside::Free(Meaning::Native)),
        ("import", &[], Inside::Language(&IMPORT)),
        ("removed", &[], Inside::Language(&REMOVED)),
        ("check", &["name"], Inside::Language(&CHECK)),
    ],
};

const TEST: Table = Table {
    arguments: &[],
    blocks: &[
        ("run", &["name"], Inside::Language(&RUN)),
        ("variables", &[], Inside::Free(Meaning::Template)),
        ("provider", &["name"], Inside::Provider),
        ("mock_provider", &["name"], Inside::Language(&MOCK_PROVIDER)),
        ("mock_resource", &["type"], Inside::Language(&MOCK)),
        ("mock_data", &["type"], Inside::Language(&MOCK)),
        ("override_resource", &[], Inside::Language(&OVERRIDE)),
        ("override_data", &[], Inside::Language(&OVERRIDE)),
        ("override_module", &[], Inside::Language(&OVERRIDE)),
        ("test", &[], Inside::Free(Meaning::Literal)),
    ],
};

const RUN: Table = Table {
    arguments: &[
        ("command", Meaning::Native),
        ("state_key", Meaning::Literal),
        ("parallel", Meaning::Literal),
        ("providers", Meaning::Native),
        ("expect_failures", Meaning::Native),
    ],
    blocks: &[
        ("variables", &[], Inside::Free(Meaning::Template)),
        ("module", &[], Inside::Free(Meaning::Literal)),
        ("assert", &[], Inside::Language(&NONE)),
        ("plan_options", &[], Inside::Language(&PLAN_OPTIONS)),
        ("override_resource", &[], Inside::Language(&OVERRIDE)),
        ("override_data", &[], Inside::Language(&OVERRIDE)),
        ("override_module", &[], Inside::Language(&OVERRIDE)),
    ],
};

const PLAN_OPTIONS: Table = Table {
    arguments: &[
        ("mode", Meaning::Native),
        ("refresh", Meaning::Literal),
        ("replace", Meaning::Native),
        ("target", Meaning::Native),
    ],
    blocks: &[],
};

const MOCK_PROVIDER: Table = Table {
    arguments: &[
        ("alias", Meaning::Literal),
        ("source", Meaning::Literal),
        ("override_during", Meaning::Native),
    ],
    blocks: &[
        ("mock_resource", &["type"], Inside::Language(&MOCK)),
        ("mock_data", &["type"], Inside::Language(&MOCK)),
        ("override_resource", &[], Inside::Language(&OVERRIDE)),
        ("override_data", &[], Inside::Language(&OVERRIDE)),
        ("override_module", &[], Inside::Language(&OVERRIDE)),
    ],
};

const MOCK: Table = Table { arguments: &[("override_during", Meaning::Native)], blocks: &[] };

const OVERRIDE: Table =
    Table { arguments: &[("target", Meaning::Native), ("override_during", Meaning::Native)], blocks: &[] };

const SETTINGS: Table = Table {
    arguments: &[
        ("required_version", Meaning::Literal),
        ("experiments", Meaning::Native),
        ("language", Meaning::Native),
    ],
    blocks: &[
        ("required_providers", &[], Inside::Free(Meaning::Literal)),
        ("backend", &["type"], Inside::Free(Meaning::Literal)),
        ("cloud", &[], Inside::Free(Meaning::Literal)),
        ("encryption", &[], Inside::Language(&ENCRYPTION)),
        ("provider_meta", &["name"], Inside::Free(Meaning::Template)),
    ],
};

const ENCRYPTION: Table = Table {
    arguments: &[],
    blocks: &[
        ("key_provider", &["type", "name"], Inside::Free(Meaning::Template)),
        ("method", &["type", "name"], Inside::Free(Meaning::Native)),
        ("state", &[], Inside::Language(&ENCRYPTION_TARGET)),
        ("plan", &[], Inside::Language(&ENCRYPTION_TARGET)),
    ],
};

/// A static, since it refers to itself.
static ENCRYPTION_TARGET: Table = Table {
    arguments: &[("method", Meaning::Native)],
    blocks: &[("fallback", &[], Inside::Language(&ENCRYPTION_TARGET))],
};

const PROVIDER: Table =
    Table { arguments: &[("alias", Meaning::Literal), ("version", Meaning::Literal)], blocks: &[] };

const VARIABLE: Table = Table {
    arguments: &[
        ("type", Meaning::Native),
        ("default", Meaning::Literal),
        ("description", Meaning::Literal),
        ("sensitive", Meaning::Literal),
        ("nullable", Meaning::Literal),
        ("ephemeral", Meaning::Literal),
        ("deprecated", Meaning::Literal),
    ],
    blocks: &[("validation", &[], Inside::Language(&NONE))],
};

const OUTPUT: Table = Table {
    arguments: &[
        ("type", Meaning::Native),
        ("description", Meaning::Literal),
        ("sensitive", Meaning::Literal),
        ("ephemeral", Meaning::Literal),
        ("deprecated", Meaning::Literal),
        ("depends_on", Meaning::Native),
    ],
    blocks: &[("precondition", &[], Inside::Language(&NONE))],
};

const RESOURCE: Table = Table {
    arguments: &[("provider", Meaning::Native), ("depends_on", Meaning::Native)],
    blocks: &[
        ("lifecycle", &[], Inside::Language(&LIFECYCLE)),
        ("provisioner", &["type"], Inside::Language(&PROVISIONER)),
        ("connection", &[], Inside::Free(Meaning::Template)),
    ],
};

const PROVISIONER: Table = Table {
    arguments: &[("when", Meaning::Native), ("on_failure", Meaning::Native)],
    blocks: &[("connection", &[], Inside::Free(Meaning::Template))],
};

const DATA: Table =
    Table { arguments: RESOURCE.arguments, blocks: &[("lifecycle", &[], Inside::Language(&LIFECYCLE))] };

const LIFECYCLE: Table = Table {
    arguments: &[
        ("create_before_destroy", Meaning::Literal),
        ("prevent_destroy", Meaning::Literal),
        ("destroy", Meaning::Literal),
        ("ignore_changes", Meaning::Native),
        ("replace_triggered_by", Meaning::Native),
    ],
    blocks: &[
        ("precondition", &[], Inside::Language(&NONE)),
        ("postcondition", &[], Inside::Language(&NONE)),
    ],
};

const MODULE: Table = Table {
    arguments: &[
        ("source", Meaning::Literal),
        ("version", Meaning::Literal),
        ("providers", Meaning::Native),
        ("depends_on", Meaning::Native),
    ],
    blocks: &[],
};

const WORD: Table = Table {
    arguments: &[("providers", Meaning::Native), ("depends_on", Meaning::Native)],
    blocks: &[("lifecycle", &[], Inside::Language(&LIFECYCLE))],
};

const IMPORT: Table =
    Table { arguments: &[("to", Meaning::Native), ("provider", Meaning::Native)], blocks: &[] };

const REMOVED: Table = Table {
    arguments: &[("from", Meaning::Native)],
    blocks: &[
        ("lifecycle", &[], Inside::Language(&LIFECYCLE)),
        ("provisioner", &["type"], Inside::Language(&PROVISIONER)),
    ],
};

const CHECK: Table = Table {
    arguments: &[],
    blocks: &[
        ("data", &["type", "name"], Inside::Resource(Mode::Data)),
        ("assert", &[], Inside::Language(&NONE)),
    ],
};

impl Table {
    fn part(&self, name: &str) -> Option<Part> {
        if let Some((_, meaning)) = self.arguments.iter().find(|(n, _)| *n == name) {
            return Some(Part::Argument(*meaning));
        }
        self.blocks
            .iter()
            .find(|(n, ..)| *n == name)
            .map(|(_, labels, inner)| Part::Block(labels, inner.clone()))
    }
}

impl Inside {
    /// What a property of that name and value is.
    pub(super) fn part(&self, name: &str, value: &Node, vocabulary: Option<&Vocabulary<'_>>) -> Part {
        let template = Part::Argument(Meaning::Template);
        match self {
            Inside::Root => ROOT.part(name).unwrap_or_else(|| {
                let members = vocabulary.and_then(|v| v.words.get(name));
                members.map_or(Part::Unknown, |m| Part::Block(&["name"], Inside::Members(m.clone(), &WORD)))
            }),
            Inside::Test => TEST.part(name).unwrap_or(Part::Unknown),
            // A text is no block: it is a template for the argument of that name.
            Inside::Members(members, _)
                if matches!(value.kind, NodeKind::String(_)) && blueprint::has(members, name) =>
            {
                template
            }
            Inside::Language(table) => table.part(name).unwrap_or(template),
            Inside::Free(meaning) => Part::Argument(*meaning),
            Inside::Schema(_, table) | Inside::Members(_, table) => {
                table.part(name).unwrap_or_else(|| match name {
                    "dynamic" => Part::Block(&["type"], Inside::Dynamic(Box::new(self.clone()))),
                    _ => self.nested(name).map_or(template, |(labels, inner)| Part::Block(labels, inner)),
                })
            }
            Inside::Generator(content) => match name {
                "content" => Part::Block(&[], (**content).clone()),
                "iterator" => Part::Argument(Meaning::Native),
                _ => template,
            },
            // Known by their labels only, which are read before: see `of_block`.
            Inside::Resource(_) | Inside::Provider | Inside::Dynamic(_) => template,
        }
    }

    /// The nested blocks of that name that a schema or a blueprint has: their labels, and what is in them.
    fn nested(&self, name: &str) -> Option<(&'static [&'static str], Inside)> {
        match self {
            Inside::Schema(plan, _) => {
                let nested = plan.nested.iter().find(|n| n.name == name)?;
                let labels: &[&str] = if nested.nesting == Nesting::Map { &["key"] } else { &[] };
                Some((labels, Inside::Schema(nested.block.clone(), &NONE)))
            }
            Inside::Members(members, _) => {
                let (is_labelled, inner) = blueprint::nested(members, name)?;
                let labels: &[&str] = if is_labelled { &["name"] } else { &[] };
                Some((labels, Inside::Members(inner, &NONE)))
            }
            _ => None,
        }
    }

    /// What a block with these labels is made of.
    pub(super) fn of_block(&self, labels: &[Ident], vocabulary: Option<&Vocabulary<'_>>) -> Inside {
        let label = labels.first().map_or("", |l| l.text.as_str());
        let schema = |plan: Option<Arc<BlockPlan>>, table| {
            Inside::Schema(plan.unwrap_or_else(|| BlockPlan::of(&Default::default())), table)
        };
        match self {
            Inside::Resource(mode) => {
                let table = if *mode == Mode::Managed { &RESOURCE } else { &DATA };
                schema(vocabulary.and_then(|v| v.types.get(*mode, label)).map(|known| known.plan), table)
            }
            Inside::Provider => {
                let found = vocabulary.and_then(|v| v.types.schemas.providers.get(label));
                schema(found.map(|p| BlockPlan::of(&p.config)), &PROVIDER)
            }
            Inside::Dynamic(around) => {
                let inner = around.nested(label).map_or(Inside::Language(&NONE), |(_, inner)| inner);
                Inside::Generator(Box::new(inner))
            }
            other => other.clone(),
        }
    }
}
