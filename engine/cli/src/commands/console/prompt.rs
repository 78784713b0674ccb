//! The console at a terminal: a line editor with history and completion.

use std::path::PathBuf;

use anyhow::Context as _;
use pilotis_syntax::is_open;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::completion::Names;
use super::{Console, Said};
use crate::exit::Exit;

/// Lines that are remembered.
const REMEMBERED: usize = 1_000;

/// Asks for expressions until there are no more. An error is shown, and the next one is asked for.
pub(super) fn run(console: &mut Console) -> anyhow::Result<Exit> {
    let config = Config::builder()
        .max_history_size(REMEMBERED)
        .and_then(|c| c.history_ignore_dups(true))
        .context("the line editor can't be set up")?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .build();
    let mut editor: Editor<Assistant, FileHistory> =
        Editor::with_config(config).context("the terminal can't be used")?;
    editor.set_helper(Some(Assistant { names: Names::of(&console.configuration.modules[0]) }));
    let history = history_file();
    if let Some(path) = &history {
        // A history that is not there, or can't be read, is an empty one.
        let _ = editor.load_history(path);
    }
    loop {
        match editor.readline("> ") {
            Ok(input) if input.trim().is_empty() => {}
            Ok(input) => {
                let _ = editor.add_history_entry(&input);
                if matches!(console.say(&input), Said::Exit) {
                    break;
                }
            }
            // Ctrl-C gives up the input, not the console.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error).context("the terminal can't be read"),
        }
    }
    if let Some(path) = &history
        && let Err(error) = editor.save_history(path)
    {
        console.view.say(&format!("The history can't be kept in {}: {error}\n", path.display()));
    }
    Ok(Exit::Done)
}

/// Where the history is kept: in the user's data folder, which is made if it isn't there. The file is its owner's alone (the
/// editor makes it so): expressions may hold what is secret. None if there is no such folder.
fn history_file() -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let data = given("XDG_DATA_HOME").or_else(|| Some(given("HOME")?.join(".local").join("share")))?;
    let folder = data.join("pilotis");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("console_history"))
}

/// Says when an input is whole, and what may follow.
struct Assistant {
    names: Names,
}

impl Helper for Assistant {}
impl Highlighter for Assistant {}
impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match is_open(&format!("{}\n", context.input())) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.names.complete(&line[..position]))
    }
}
