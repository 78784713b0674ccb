//! The generated reference in `docs/reference` is up to date. `PILOTIS_UPDATE_DOCS=1 cargo test -p pilotis --test reference` writes it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pilotis_lang::functions;
use pilotis_schema::{Block, Nesting, ProviderSchema, ResourceSchema};
use pilotis_sdk::Provider;

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name)
}

/// Compares a page with what it should be, or writes it.
fn check(name: &str, wanted: &str) {
    let path = page(name);
    if std::env::var_os("PILOTIS_UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).expect("docs/reference can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/reference/{name} is out of date: PILOTIS_UPDATE_DOCS=1 cargo test -p pilotis --test reference"
    );
}

#[test]
fn commands() {
    let mut text = String::from(
        "# Commands\n\nGenerated from the program's own help. Flags are written with one dash or two.\n",
    );
    let help = |args: &[&str]| {
        let out =
            Command::new(env!("CARGO_BIN_EXE_pilotis")).args(args).env("COLUMNS", "100").output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let main = help(&["--help"]);
    let _ = write!(text, "\n```text\n{}```\n", main.trim_start());
    let commands = main.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    for command in commands.filter_map(|l| l.split_whitespace().next()) {
        let _ = write!(
            text,
            "\n## pilotis {command}\n\n```text\n{}```\n",
            help(&[command, "--help"]).trim_start()
        );
        if command == "state" {
            for sub in ["list", "show"] {
                let sub_help = help(&[command, sub, "--help"]);
                let _ = write!(text, "\n### pilotis state {sub}\n\n```text\n{}```\n", sub_help.trim_start());
            }
        }
    }
    let text: Vec<_> = text.lines().map(str::trim_end).collect();
    check("commands.md", &(text.join("\n") + "\n"));
}

#[test]
fn errors() {
    let all = [
        ("The text", pilotis_syntax::EXPLANATIONS),
        ("Expressions", pilotis_lang::EXPLANATIONS),
        ("The configuration", pilotis_config::EXPLANATIONS),
        ("Plan and apply", pilotis_plan::EXPLANATIONS),
    ];
    let mut text = String::from(
        "# Codes of errors and warnings\n\nGenerated from the pages that `pilotis explain CODE` shows. A code never changes its meaning.\n",
    );
    for (title, pages) in all {
        let _ = write!(text, "\n## {title}\n");
        for page in pilotis_diag::explanations(pages) {
            // What a fence says to the tests isn't for readers.
            let body = ["plan", "after"].iter().fold(page.body.to_owned(), |body, how| {
                body.replace(&format!("```hcl wrong {how}\n"), "```hcl wrong\n")
                    .replace(&format!("```hcl right {how}\n"), "```hcl right\n")
            });
            let body = ["hcl", "text"].iter().fold(body, |body, language| {
                let fence = format!("```{language}\n");
                body.replace(&format!("```{language} wrong\n"), &format!("Wrong:\n\n{fence}"))
                    .replace(&format!("```{language} right\n"), &format!("Right:\n\n{fence}"))
            });
            let _ = write!(text, "\n### {}: {}\n\n{body}\n", page.code, page.title);
        }
    }
    check("errors.md", &text);
}

#[test]
fn functions() {
    let mut text = String::from(
        "# Functions\n\nGenerated from the table of functions, which `pilotis metadata functions -json` gives to programs. `?` after a type: may be null; `...`: may \
         be given many times. Each example is run by a test; what it gives is shown as JSON.\n",
    );
    for (title, parts) in functions::SUBJECTS {
        let _ = write!(text, "\n## {title}\n");
        for def in parts.iter().copied().flatten() {
            let param = |p: &functions::Param| {
                format!("{}: {}{}", p.name, (p.ty)(), if p.allow_null { "?" } else { "" })
            };
            let fixed = def.params.iter().map(param);
            let all: Vec<_> = fixed.chain(def.variadic.iter().map(|p| format!("...{}", param(p)))).collect();
            let _ = write!(
                text,
                "\n### {}\n\n`{}({}) → {}`\n\n{}\n\n```text\n",
                def.name,
                def.name,
                all.join(", "),
                def.return_type(),
                def.doc
            );
            for (call, result) in def.examples() {
                let _ = writeln!(text, "{call} → {result}");
            }
            text.push_str("```\n");
        }
    }
    check("functions.md", &text);
}

#[test]
fn gitlab() {
    check("gitlab.md", &provider(pilotis_gitlab::provider().schema()));
}

#[test]
fn kubernetes() {
    check("kubernetes.md", &provider(pilotis_kubernetes::provider().schema()));
}

#[test]
fn utility() {
    check("local.md", &provider(pilotis_utility::local().schema()));
    check("null.md", &provider(pilotis_utility::null().schema()));
    check("random.md", &provider(pilotis_utility::random().schema()));
    check("time.md", &provider(pilotis_utility::time().schema()));
    check("tls.md", &provider(pilotis_utility::tls().schema()));
}

fn provider(schema: &ProviderSchema) -> String {
    let mut text = format!(
        "# Provider {}\n\nGenerated from the schema. Types and attributes are named as in `{}` {}.\n\n## provider \"{}\"\n\n",
        schema.name, schema.source, schema.version, schema.name
    );
    block(&mut text, &schema.config, 0);
    for (name, resource) in &schema.resources {
        described(&mut text, "resource", name, resource);
    }
    for (name, source) in &schema.data_sources {
        described(&mut text, "data", name, source);
    }
    for (name, ephemeral) in &schema.ephemeral_resources {
        described(&mut text, "ephemeral", name, ephemeral);
    }
    text
}

fn described(text: &mut String, kind: &str, name: &str, schema: &ResourceSchema) {
    let _ = write!(text, "\n## {kind} \"{name}\"\n\n");
    if !schema.doc.is_empty() {
        let _ = write!(text, "{}\n\n", schema.doc);
    }
    // An alias has the schema of the type that it names.
    if !schema.doc.starts_with("Another name of ") {
        block(text, &schema.block, 0);
    }
}

fn block(text: &mut String, block: &Block, depth: usize) {
    let indent = "  ".repeat(depth);
    for (name, a) in &block.attributes {
        let doc = a.doc.replace("\n\n", " ").replace('\n', " ");
        let _ = writeln!(text, "{indent}- `{name}` ({}; {}) {doc}", a.ty, a.properties().join("; "));
    }
    for (name, nested) in &block.blocks {
        let many = match (nested.nesting, nested.min, nested.max) {
            (_, 1, Some(1)) => "block, exactly one".to_owned(),
            (_, 0, Some(1)) | (Nesting::Single, ..) => "block, at most one".to_owned(),
            (_, 0, _) => "blocks".to_owned(),
            (_, min, _) => format!("blocks, at least {min}"),
        };
        let doc = nested.block.doc.replace('\n', " ");
        let _ = writeln!(text, "{indent}- `{name}` ({many}) {doc}");
        self::block(text, &nested.block, depth + 1);
    }
}
