//! `pilotis fmt`

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pilotis_diag::{Diagnostics, SourceMap};

use crate::args::FmtArgs;
use crate::exit::Exit;
use crate::files::is_configuration;
use crate::view::View;

/// Lays files out; `-` reads standard input and writes standard output.
pub(crate) fn run(args: &FmtArgs) -> anyhow::Result<Exit> {
    let view = View::plain(args.no_color);
    if args.paths.iter().any(|p| p == "-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input can't be read as UTF-8 text")?;
        return one(&view, args, None, "<stdin>", &text);
    }
    let roots = if args.paths.is_empty() { vec![".".to_owned()] } else { args.paths.clone() };
    let mut files = Vec::new();
    for root in &roots {
        let path = Path::new(root);
        if path.is_dir() {
            collect(path, args.recursive, &mut files)?;
        } else {
            files.push(path.to_owned());
        }
    }
    files.sort();
    let mut exit = Exit::Done;
    for path in files {
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))?;
        let name = path.strip_prefix(".").unwrap_or(&path).display().to_string();
        match one(&view, args, Some(&path), &name, &text)? {
            Exit::Done => {}
            Exit::Error => exit = Exit::Error,
            other if exit == Exit::Done => exit = other,
            _ => {}
        }
    }
    Ok(exit)
}

fn one(view: &View, args: &FmtArgs, path: Option<&Path>, name: &str, text: &str) -> anyhow::Result<Exit> {
    let formatted = match pilotis_syntax::format(text) {
        Ok(formatted) => formatted,
        Err(diagnostics) => {
            refuse(view, name, text, &diagnostics);
            return Ok(Exit::Error);
        }
    };
    let changed = formatted != text;
    match path {
        None if !args.check && !args.diff => view.print(&formatted),
        Some(path) if changed && args.write && !args.check => {
            std::fs::write(path, &formatted).with_context(|| format!("{name} can't be written"))?;
        }
        _ => {}
    }
    if changed && args.list && path.is_some() {
        view.print(&format!("{name}\n"));
    }
    if changed && args.diff {
        view.print(&pilotis_report::text::unified_diff(name, text, &formatted));
    }
    Ok(if changed && args.check { Exit::Drift } else { Exit::Done })
}

/// The formatter reads one file as file 0 of a map of its own.
fn refuse(view: &View, name: &str, text: &str, diagnostics: &Diagnostics) {
    let mut sources = SourceMap::default();
    sources.add(name, text);
    view.diagnostics(diagnostics, &sources);
}

fn collect(dir: &Path, recursive: bool, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("{} can't be read", dir.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            if recursive && !name.starts_with('.') {
                collect(&path, recursive, files)?;
            }
        } else if name.ends_with(".json") {
            // There is one native format; JSON is its generator's to lay out.
        } else if is_configuration(&name) || name.ends_with(".tfvars") || name.ends_with(".tftest.hcl") {
            files.push(path);
        }
    }
    Ok(())
}
