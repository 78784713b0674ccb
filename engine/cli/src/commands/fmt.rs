//! `pilotis fmt`

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pilotis_diag::{Diagnostics, SourceMap};

use crate::args::FmtArgs;
use crate::exit::Exit;
use pilotis_config::{is_mock_file, is_test_file};

use crate::files::{is_configuration, is_left_over};
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
    let mut exit = Exit::Done;
    for path in files {
        // One that can't be read or written doesn't keep the others from being laid out.
        let laid_out = file(&view, args, &path).unwrap_or_else(|error| {
            view.error(&error, false);
            Exit::Error
        });
        match laid_out {
            Exit::Done => {}
            Exit::Error => exit = Exit::Error,
            other if exit == Exit::Done => exit = other,
            _ => {}
        }
    }
    Ok(exit)
}

fn file(view: &View, args: &FmtArgs, path: &Path) -> anyhow::Result<Exit> {
    let name = shown(path);
    let text = std::fs::read_to_string(path).with_context(|| format!("{name} can't be read"))?;
    one(view, args, Some(path), &name, &text)
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
    let writes = args.write && !args.check;
    match path {
        Some(path) if changed && writes => {
            std::fs::write(path, &formatted).with_context(|| format!("{name} can't be written"))?;
        }
        Some(_) if writes || args.list => {}
        // Nothing else would tell what came of it.
        _ if !args.check && !args.diff => view.raw(&formatted),
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

/// A path as it is seen from the working folder, if it is below it.
fn shown(path: &Path) -> String {
    let below = || {
        let here = std::env::current_dir().ok()?.canonicalize().ok()?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let path = folder.canonicalize().ok()?.join(path.file_name()?);
        Some(path.strip_prefix(here).ok()?.display().to_string())
    };
    below().unwrap_or_else(|| path.display().to_string())
}

/// The files of a folder that can be laid out, and of those in it.
fn collect(dir: &Path, recursive: bool, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("{} can't be read", dir.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if is_left_over(&name) {
            continue;
        }
        if path.is_dir() {
            // A link to a folder may lead back here.
            if recursive && !path.is_symlink() {
                collect(&path, recursive, files)?;
            }
        } else if name.ends_with(".json") {
            // There is one native format; JSON is its generator's to lay out.
        } else if is_configuration(&name)
            || name.ends_with(".tfvars")
            || is_test_file(&name)
            || is_mock_file(&name)
        {
            files.push(path);
        }
    }
    Ok(())
}
