//! Where text goes: results to standard output, talk to standard error; colours only where they are wanted.

use std::io::{IsTerminal as _, Write};

use pilotis_diag::{Diagnostic, Diagnostics, RenderOptions, Severity, SourceMap, harmless, render, to_json};
use pilotis_report::json::events;
use pilotis_state::StateError;
use pilotis_state::edit::EditError;

use crate::args::ViewArgs;

/// How this run shows things.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// JSON for programs.
    pub(crate) json: bool,
    /// ANSI colours on standard output.
    pub(crate) color: bool,
    /// Columns.
    pub(crate) width: usize,
    /// Standard error is a terminal: progress may be drawn.
    pub(crate) interactive: bool,
}

impl View {
    /// From flags, environment and terminal.
    pub(crate) fn new(args: &ViewArgs) -> View {
        let choice = anstream::AutoStream::choice(&std::io::stdout());
        let color = !args.no_color && !args.json && choice != anstream::ColorChoice::Never;
        View {
            json: args.json,
            color,
            width: width(),
            interactive: std::io::stderr().is_terminal() && !args.json,
        }
    }

    /// Plain text, no JSON.
    pub(crate) fn plain(no_color: bool) -> View {
        View::new(&ViewArgs { json: false, no_color })
    }

    /// Writes a result, and nothing in it that would drive a terminal: this and [`say`](View::say) are the two ways out of this program for
    /// what services and other people wrote.
    pub(crate) fn print(&self, text: &str) {
        self.raw(&harmless(text, self.color));
    }

    /// Writes a result exactly as it is: where a file or another program is meant to have it, byte by byte. A reader that has gone away
    /// (`| head`) ends the program quietly.
    pub(crate) fn raw(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    }

    /// Begins the stream of events, if there is one.
    pub(crate) fn begin(&self) {
        if self.json {
            self.line(&events::version(env!("CARGO_PKG_VERSION"), &crate::clock::rfc3339_now()));
        }
    }

    /// Writes one line of JSON.
    pub(crate) fn line(&self, json: &serde_json::Value) {
        self.print(&format!("{json}\n"));
    }

    /// Says something that isn't the result.
    pub(crate) fn say(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(harmless(text, self.color).as_bytes());
    }

    /// Shows what the argument parser says: help, version, and what is wrong with a command line.
    pub(crate) fn clap(&self, said: &clap::Error) {
        let (text, ansi) = (said.render().to_string(), said.render().ansi().to_string());
        match said.use_stderr() {
            true if std::io::stderr().is_terminal() && self.color => self.say(&ansi),
            true => self.say(&text),
            false => self.print(if self.color { &ansi } else { &text }),
        }
    }

    /// Shows diagnostics: on standard error for people, as lines of the event stream for programs.
    pub(crate) fn diagnostics(&self, diagnostics: &Diagnostics, sources: &SourceMap) {
        for diagnostic in diagnostics {
            self.diagnostic(diagnostic, sources);
        }
    }

    /// Shows an error that isn't about a place in the configuration, with its causes; for a program that reads events, as an event too.
    pub(crate) fn error(&self, error: &anyhow::Error, event: bool) {
        let mut chain = error.chain().map(ToString::to_string);
        let summary = chain.next().unwrap_or_default();
        let mut text = format!("Error: {summary}\n");
        let mut detail = Vec::new();
        for cause in chain {
            // Many an error says its cause in its own text.
            if !cause.is_empty() && !text.contains(&cause) {
                text.push_str(&format!("\n  {cause}\n"));
                detail.push(cause);
            }
        }
        if let Some(advice) = advice(error) {
            text.push_str(&format!("\n{advice}\n"));
            detail.push(advice.to_owned());
        }
        if event {
            let diagnostic = Diagnostic::error(summary).detail(detail.join("\n\n"));
            View { json: true, ..*self }.diagnostic(&diagnostic, &SourceMap::default());
        }
        self.say(&harmless(&text, false));
    }

    fn diagnostic(&self, diagnostic: &Diagnostic, sources: &SourceMap) {
        if self.json {
            let level = if diagnostic.severity == Severity::Error { "error" } else { "warn" };
            let message = match diagnostic.severity {
                Severity::Error => format!("Error: {}", diagnostic.summary),
                Severity::Warning => format!("Warning: {}", diagnostic.summary),
            };
            self.line(&serde_json::json!({
                "@level": level, "@message": message, "@module": "terraform.ui", "@timestamp": crate::clock::rfc3339_now(),
                "diagnostic": to_json(diagnostic, sources), "type": "diagnostic",
            }));
        } else {
            let color = self.color
                && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
            let text = render(diagnostic, sources, RenderOptions { color, width: self.width });
            View { color, ..*self }.say(&format!("{}\n", text.trim_end()));
        }
    }
}

/// Where the log goes: to standard error, like all that isn't the result.
pub(crate) struct Log {
    /// With colours.
    pub(crate) ansi: bool,
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // The subscriber writes whole lines.
        let text = String::from_utf8_lossy(bytes);
        std::io::stderr().lock().write_all(harmless(&text, self.ansi).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().lock().flush()
    }
}

/// What to do about an error that reached the top.
fn advice(error: &anyhow::Error) -> Option<&'static str> {
    match error.downcast_ref::<EditError>() {
        Some(EditError::Missing(_)) => return Some("`pilotis state list` shows what there is."),
        Some(EditError::Unsettled(_)) => {
            return Some("Run `pilotis apply` first: it settles that before anything else.");
        }
        Some(EditError::NotEmpty(_)) => {
            return Some(
                "`pilotis state push` puts a state in the place of another; or name another database with -state=FILE.",
            );
        }
        Some(EditError::Unrelated { .. } | EditError::Older { .. } | EditError::SameSerial(_)) => {
            return Some(
                "Nothing was changed. `pilotis state pull` shows what is here; -force puts the other in its place all the same.",
            );
        }
        _ => {}
    }
    match error.downcast_ref::<StateError>()? {
        StateError::Corrupt { .. } => Some(
            "Nothing was changed. Put a backup in its place, or name the right file with -state=FILE; without its state, Pilotis would make everything again.",
        ),
        StateError::Newer { .. } => Some("Update this program."),
        StateError::Locked { .. } => Some(
            "Wait for that run, or give -lock-timeout=5m to wait for it here. If its process is dead for certain, `pilotis force-unlock RUN` ends it.",
        ),
        StateError::Older { .. } => Some(
            "Nothing was changed. Somebody has put an old copy in its place: put the newest back. If the old one is meant, remove the file that remembers.",
        ),
        StateError::Encryption { .. } => Some(
            "Nothing was changed. Which keys there are is said by the `encryption` block of the configuration, or by PILOTIS_ENCRYPTION.",
        ),
        StateError::Superseded { .. } | StateError::Conflict(_) => Some(
            "Somebody else has changed it at the same time. Nothing was done; look again, and try again.",
        ),
        _ => None,
    }
}

/// Columns of the terminal; 100 where there is none.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    columns
        .or_else(|| terminal_size::terminal_size().map(|(w, _)| usize::from(w.0)))
        .unwrap_or(100)
        .clamp(40, 400)
}
