//! Programs of provisioners, run on this machine: in a process group of their own, with no input, their output line by line.
//!
//! A program ends with the run: when it is interrupted the whole group is asked to end, and killed if it doesn't. What a
//! program leaves running after its own end is left alone. No value of a program is ever logged.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pilotis_diag::Diagnostic;
use pilotis_plan::{Failure, PROGRAMS_NOT_ALLOWED, Plan, Program};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

/// Lines that wait to be shown; more make the program wait.
pub(crate) const LINES: usize = 256;
/// A line is cut here: a program may say anything.
const LONGEST_LINE: usize = 16 * 1024;
/// So much of the end of the output is part of an error.
const TAIL: usize = 8 * 1024;
/// From asking to killing.
const GRACE: Duration = Duration::from_secs(3);
/// For output of what still runs when the program has ended.
const LATE: Duration = Duration::from_millis(500);
/// Objects named in a refusal.
const NAMED: usize = 5;

/// A line that a program said.
pub(crate) struct Said {
    pub(crate) address: Arc<str>,
    pub(crate) line: String,
}

/// Why a plan is not applied: it would run programs, and may not.
pub fn refused(plan: &Plan, allowed: bool) -> Option<Diagnostic> {
    let programs = &plan.programs;
    let first = programs.iter().find_map(|p| p.spans.first()).filter(|_| !allowed)?;
    let mut names: Vec<String> = programs.iter().map(|p| p.display.clone()).collect();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let diagnostic = Diagnostic::error("Programs may not run")
        .code(PROGRAMS_NOT_ALLOWED)
        .at(*first)
        .detail(format!(
            "This apply would run programs on this machine, for {}{more}. Nothing was done.",
            names.join(", ")
        ))
        .help("Look at the commands, and allow them: `-allow-exec`, or PILOTIS_ALLOW_EXEC=1 in the environment.");
    Some(diagnostic)
}

/// Runs a program to its end.
pub(crate) async fn run(
    address: Arc<str>,
    program: Program,
    base: &Path,
    stop: &CancellationToken,
    say: &Sender<Said>,
) -> Result<(), Failure> {
    let voice = Voice { address, hidden: program.hidden, say };
    let argv = argv(&program);
    let announced = match program.quiet {
        true => "local-exec: Executing: Suppressed by quiet=true".to_owned(),
        false => format!("Executing: [{}]", argv.iter().map(|a| quoted(a)).collect::<Vec<_>>().join(" ")),
    };
    voice.line(announced).await;
    let mut tail = Tail::default();
    let ended = carry_out(&program, &argv, base, stop, &voice, &mut tail).await;
    let why = match ended {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => describe(status),
        Err(why) => why,
    };
    let mut failure = Failure::new("local-exec provisioner error");
    failure.detail = match program.hidden {
        Some(kind) => format!(
            "Error running a command: {why}. Neither the command nor its output is shown, because a value of it is {kind}."
        ),
        None if program.quiet => format!("Error running a command: {why}. Output: {}", tail.text()),
        None => format!("Error running command '{}': {why}. Output: {}", program.command, tail.text()),
    };
    Err(failure)
}

async fn carry_out(
    program: &Program,
    argv: &[String],
    base: &Path,
    stop: &CancellationToken,
    voice: &Voice<'_>,
    tail: &mut Tail,
) -> Result<ExitStatus, String> {
    if stop.is_cancelled() {
        return Err("the run was interrupted".into());
    }
    // The folder or the interpreter that isn't there may be the secret.
    let why = |e: std::io::Error| match program.hidden {
        Some(_) => "it can't be started (is its working directory there, and its interpreter?)".to_owned(),
        None => e.to_string(),
    };
    let (mut child, mut output) = start(program, argv, base).map_err(why)?;
    let group = Group::of(&child);
    let talk = async {
        let mut lines = Lines::default();
        let mut bytes = vec![0; 8 * 1024];
        while let Ok(count @ 1..) = output.read(&mut bytes).await {
            tail.add(&bytes[..count]);
            for line in lines.add(&bytes[..count]) {
                voice.line(line).await;
            }
        }
        if let Some(line) = lines.rest() {
            voice.line(line).await;
        }
    };
    tokio::pin!(talk);
    let mut silent = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            () = &mut talk, if !silent => silent = true,
            () = stop.cancelled() => {
                group.end(&mut child).await;
                return Err("the run was interrupted, and the program ended with it".into());
            }
        }
    };
    if !silent {
        let _ = tokio::time::timeout(LATE, talk).await;
    }
    group.leave();
    status.map_err(|e| e.to_string())
}

/// The program and its arguments. A command that holds a secret is not among them: anybody may see the arguments of processes.
fn argv(program: &Program) -> Vec<String> {
    let mut argv = match (program.interpreter.as_slice(), program.hidden) {
        ([], Some(_)) if cfg!(unix) => return vec!["/bin/sh".into(), "-c".into(), FROM_ENVIRONMENT.into()],
        ([], _) if cfg!(windows) => vec!["cmd".into(), "/C".into()],
        ([], _) => vec!["/bin/sh".into(), "-c".into()],
        (interpreter, _) => interpreter.to_vec(),
    };
    argv.push(program.command.clone());
    argv
}

/// Where the shell finds a command that holds a secret.
const COMMAND: &str = "PILOTIS_COMMAND";
/// Runs it, without handing it on to what it runs.
const FROM_ENVIRONMENT: &str = "c=$PILOTIS_COMMAND; unset PILOTIS_COMMAND; eval \"$c\"";

type Output = Box<dyn AsyncRead + Send + Unpin>;

fn start(program: &Program, argv: &[String], base: &Path) -> std::io::Result<(Child, Output)> {
    let (name, arguments) = argv.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(name);
    command.args(arguments).envs(&program.environment).stdin(Stdio::null()).kill_on_drop(true);
    if program.interpreter.is_empty() && program.hidden.is_some() {
        command.env(COMMAND, &program.command);
    }
    let folder = match &program.working_dir {
        Some(folder) => base.join(folder),
        None => base.to_owned(),
    };
    if !folder.is_dir() {
        let why = format!("the working directory {} does not exist", folder.display());
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, why));
    }
    command.current_dir(folder);
    let output = talking(&mut command)?;
    let child = command.spawn().map_err(|e| std::io::Error::new(e.kind(), format!("{name}: {e}")))?;
    // The command holds the other end of the pipe, which must close with the program.
    drop(command);
    Ok((child, output))
}

/// Both outputs through one pipe, so that lines stay in order.
#[cfg(unix)]
fn talking(command: &mut Command) -> std::io::Result<Output> {
    let (reader, writer) = std::io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let reader = tokio::net::unix::pipe::Receiver::from_owned_fd(reader.into())?;
    Ok(Box::new(reader))
}

#[cfg(not(unix))]
fn talking(command: &mut Command) -> std::io::Result<Output> {
    let (reader, writer) = std::io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let file = std::fs::File::from(std::os::windows::io::OwnedHandle::from(reader));
    Ok(Box::new(tokio::fs::File::from_std(file)))
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("killed by signal {signal}");
    }
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => "it was killed".into(),
    }
}

/// The processes of a program: killed when this is dropped, unless it was left.
struct Group(Option<u32>);

impl Group {
    fn of(child: &Child) -> Group {
        Group(child.id())
    }
    /// Asks all to end, and kills those that don't.
    async fn end(mut self, child: &mut Child) {
        self.signal(false);
        let _ = tokio::time::timeout(GRACE, child.wait()).await;
        self.signal(true);
        self.0 = None;
        let _ = child.wait().await;
    }
    /// The program has ended: what it left running may go on.
    fn leave(mut self) {
        self.0 = None;
    }
    #[cfg(unix)]
    fn signal(&self, kill: bool) {
        use rustix::process::{Pid, Signal, kill_process_group};
        let signal = if kill { Signal::KILL } else { Signal::TERM };
        if let Some(pid) = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // A group that has ended already is no failure.
            let _ = kill_process_group(pid, signal);
        }
    }
    #[cfg(not(unix))]
    fn signal(&self, _kill: bool) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(true);
    }
}

/// Says what a program says, as far as it may be shown.
struct Voice<'a> {
    address: Arc<str>,
    hidden: Option<&'static str>,
    say: &'a Sender<Said>,
}

impl Voice<'_> {
    async fn line(&self, line: String) {
        let line = match self.hidden {
            Some(kind) => format!("(output suppressed due to {kind} value in config)"),
            None => line,
        };
        // Nobody listens any more when the run is over.
        let _ = self.say.send(Said { address: self.address.clone(), line }).await;
    }
}

/// Cuts what is read into lines.
#[derive(Default)]
struct Lines {
    open: Vec<u8>,
}

impl Lines {
    fn add(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => lines.push(self.take()),
                _ => self.open.push(*byte),
            }
            if self.open.len() >= LONGEST_LINE {
                lines.push(self.take());
            }
        }
        lines
    }
    fn rest(&mut self) -> Option<String> {
        (!self.open.is_empty()).then(|| self.take())
    }
    fn take(&mut self) -> String {
        let bytes = std::mem::take(&mut self.open);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(&bytes);
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// The end of what was said.
#[derive(Default)]
struct Tail(VecDeque<u8>);

impl Tail {
    fn add(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        let over = self.0.len().saturating_sub(TAIL);
        self.0.drain(..over);
    }
    fn text(&self) -> String {
        let bytes: Vec<u8> = self.0.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A text in quotes, as Terraform writes it.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() && u32::from(c) < 0x80 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_cut_into_lines_wherever_it_was_read_apart() {
        let mut lines = Lines::default();
        assert_eq!(lines.add(b"on"), [""; 0]);
        assert_eq!(lines.add(b"e\r\ntwo\n\nthr"), ["one", "two", ""]);
        assert_eq!(lines.rest().as_deref(), Some("thr"));
        assert_eq!(lines.rest(), None);
        assert_eq!(lines.add(&[b'x'; LONGEST_LINE + 1]).len(), 1, "a line without an end is cut");
    }

    #[test]
    fn arguments_are_quoted_as_terraform_quotes_them() {
        assert_eq!(quoted("printf 'ö\t\"x\"\\'\n\u{1}\u{85}"), r#""printf 'ö\t\"x\"\\'\n\x01\u0085""#);
    }

    #[test]
    fn only_the_end_of_the_output_is_kept() {
        let mut tail = Tail::default();
        tail.add(&[b'a'; TAIL]);
        tail.add(b"end");
        assert_eq!(tail.text().len(), TAIL);
        assert!(tail.text().ends_with("aend"));
    }

    #[test]
    fn a_secret_is_no_argument_of_a_process() {
        let program = Program {
            command: "echo geheim".into(),
            interpreter: Vec::new(),
            working_dir: None,
            environment: Default::default(),
            quiet: false,
            hidden: Some("sensitive"),
            before_removal: false,
        };
        assert!(!argv(&program).concat().contains("geheim"));
        assert!(!format!("{program:?}").contains("geheim"));
    }
}
