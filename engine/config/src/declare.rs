//! What a module's files declare, sorted by kind; blocks that are of no kind are reported.

use pilotis_diag::{Diagnostic, Diagnostics, did_you_mean};
use pilotis_schema::address::Mode;
use pilotis_syntax::ast::{Attribute, Block, Body};

use crate::codes;
use crate::shape;

/// The declarations of a module, in source order.
#[derive(Default)]
pub(crate) struct Declarations<'b> {
    pub(crate) settings: Vec<&'b Block>,
    pub(crate) providers: Vec<&'b Block>,
    pub(crate) variables: Vec<&'b Block>,
    pub(crate) locals: Vec<&'b Attribute>,
    pub(crate) outputs: Vec<&'b Block>,
    pub(crate) resources: Vec<(Mode, &'b Block)>,
    pub(crate) modules: Vec<&'b Block>,
    pub(crate) blueprints: Vec<&'b Block>,
    /// Blocks of blueprints.
    pub(crate) words: Vec<&'b Block>,
    pub(crate) moved: Vec<&'b Block>,
    pub(crate) imports: Vec<&'b Block>,
    pub(crate) removed: Vec<&'b Block>,
    pub(crate) checks: Vec<&'b Block>,
}

const KINDS: [&str; 15] = [
    "terraform",
    "pilotis",
    "provider",
    "variable",
    "locals",
    "output",
    "resource",
    "data",
    "ephemeral",
    "module",
    "blueprint",
    "moved",
    "import",
    "removed",
    "check",
];

/// Sorts the blocks of all files.
pub(crate) fn declarations<'b>(bodies: &'b [Body], diags: &mut Diagnostics) -> Declarations<'b> {
    let mut all = Declarations::default();
    let words: Vec<&str> = bodies
        .iter()
        .flat_map(|b| &b.blocks)
        .filter(|b| b.kind.text == "blueprint")
        .filter_map(|b| b.labels.first().map(|l| l.text.as_str()))
        .collect();
    for body in bodies {
        for attribute in &body.attributes {
            diags.push(
                Diagnostic::error("Unsupported argument")
                    .code(codes::UNKNOWN_ARGUMENT)
                    .detail(format!("An argument named \"{}\" is not expected here.", attribute.name.text))
                    .at(attribute.name.span)
                    .help(format!(
                        "A name for a value goes into a block: `locals {{ {} = … }}`.",
                        attribute.name.text
                    )),
            );
        }
        for block in &body.blocks {
            match block.kind.text.as_str() {
                "terraform" | "pilotis" => all.settings.push(block),
                "provider" => all.providers.push(block),
                "variable" => all.variables.push(block),
                "locals" => locals(block, &mut all, diags),
                "output" => all.outputs.push(block),
                "resource" => all.resources.push((Mode::Managed, block)),
                "data" => all.resources.push((Mode::Data, block)),
                "ephemeral" => all.resources.push((Mode::Ephemeral, block)),
                "module" => all.modules.push(block),
                "blueprint" => all.blueprints.push(block),
                "moved" => all.moved.push(block),
                "import" => all.imports.push(block),
                "removed" => all.removed.push(block),
                "check" => {
                    all.checks.push(block);
                    all.resources.extend(shape::blocks(&block.body, "data").map(|b| (Mode::Data, b)));
                }
                word if words.contains(&word) => all.words.push(block),
                _ => diags.push(unknown(block, &words)),
            }
        }
    }
    all
}

fn locals<'b>(block: &'b Block, all: &mut Declarations<'b>, diags: &mut Diagnostics) {
    shape::labels(block, [], diags);
    all.locals.extend(&block.body.attributes);
    for inner in &block.body.blocks {
        diags.push(
            shape::unknown_block(&inner.kind, std::iter::empty(), std::iter::empty()).help(format!(
                "A local value is written with an equals sign: `{} = {{ … }}`.",
                inner.kind.text
            )),
        );
    }
}

fn unknown(block: &Block, words: &[&str]) -> Diagnostic {
    let word = block.kind.text.as_str();
    let d = Diagnostic::error("Unsupported block type")
        .code(codes::UNKNOWN_BLOCK)
        .detail(format!("Blocks of type \"{word}\" are not expected here."))
        .at(block.kind.span);
    match word {
        "variables" => return d.help("Did you mean `variable`, one block for each?"),
        "local" => return d.help("Did you mean `locals`?"),
        "action" | "list" | "run" => {
            return d.help(format!("Blocks of type \"{word}\" exist in Terraform, but not here yet."));
        }
        "repo" | "environment" | "quota" => {
            return d.help(format!(
                "A {word} stands inside a block of a blueprint, such as `project \"name\" {{ … }}`."
            ));
        }
        _ => {}
    }
    if let Some(best) = did_you_mean(word, KINDS.into_iter().chain(words.iter().copied())) {
        return d.help(format!("Did you mean \"{best}\"?"));
    }
    if matches!(word, "project" | "cluster") {
        return d.help(format!(
            "`{word}` is the word of a blueprint: declare it with `blueprint \"{word}\" {{ source = \"cloud-pi-native/{word}\" }}`."
        ));
    }
    if block.labels.is_empty() {
        return d;
    }
    d.help(format!("If it is a blueprint, declare it: `blueprint \"{word}\" {{ source = \"…\" }}`."))
}
