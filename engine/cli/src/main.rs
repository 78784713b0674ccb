//! The binary `pilotis`: arguments in, exit code out. One file a command; no decision about infrastructure is made here.

mod args;
mod backend;
mod builtin;
mod clock;
mod commands;
mod encryption;
mod environment;
mod exit;
mod files;
mod folder;
mod generate;
mod git;
mod glob;
mod hand;
mod heads;
mod interrupt;
mod kept;
mod memory;
mod migrate;
mod modules;
mod other_state;
mod panic;
mod place;
mod planning;
mod private;
mod progress;
mod records;
mod remote;
mod replacement;
mod sandbox;
mod session;
mod takeover;
mod test_files;
mod view;
mod workspace;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command, StateArgs, StateCommand};
use exit::Exit;

fn main() -> ExitCode {
    panic::tell();
    let cli = match Cli::try_parse_from(args::normalize(std::env::args_os())) {
        Ok(cli) => cli,
        // Help and version are no errors; wrong flags are 1 as in Terraform, not clap's 2, which means pending changes here.
        Err(e) => {
            view::View::plain(false).clap(&e);
            return if e.use_stderr() { ExitCode::from(Exit::Error as u8) } else { ExitCode::SUCCESS };
        }
    };
    log();
    let streams = cli.command.streams_json();
    match run(cli) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            let exit = exit_of(&error);
            view::View::plain(false).error(&error, streams);
            ExitCode::from(exit as u8)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    if let Some(dir) = &cli.chdir {
        std::env::set_current_dir(dir)
            .with_context(|| format!("-chdir={dir}: the folder can't be entered"))?;
    }
    match &cli.command {
        Command::Version(args) => commands::version::run(args),
        Command::Completion(args) => commands::completion::run(args),
        Command::Fmt(args) => commands::fmt::run(args),
        Command::Validate(args) => commands::validate::run(args),
        Command::Explain(args) => commands::explain::run(args),
        Command::Init(args) => commands::init::run(args),
        Command::Output(args) => commands::output::run(args),
        Command::State(args) if !args.plans() => commands::state::run(args),
        Command::Workspace(args) => commands::workspace::run(args),
        Command::Taint(args) => commands::taint::run(args, pilotis_state::Status::Tainted),
        Command::Untaint(args) => commands::taint::run(args, pilotis_state::Status::Ready),
        Command::Providers(args) => commands::providers::run(args),
        Command::Why(args) => commands::why::run(args),
        Command::Graph(args) => commands::graph::run(args),
        Command::ForceUnlock(args) => commands::force_unlock::run(args),
        Command::Audit(args) => commands::audit::run(args),
        Command::Metadata(args) => commands::metadata::run(args),
        command => served(command),
    }
}

/// Commands that talk to services.
fn served(command: &Command) -> anyhow::Result<Exit> {
    // reqwest, kube and the sandbox share one TLS provider; rustls refuses to guess.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().context("the runtime can't start")?;
    let exit = runtime.block_on(async {
        match command {
            Command::Plan(args) => Box::pin(commands::plan::run(args)).await,
            Command::Apply(args) => Box::pin(commands::apply::run(args, false)).await,
            Command::Destroy(args) => Box::pin(commands::apply::run(args, true)).await,
            Command::Drift(args) => Box::pin(commands::drift::run(args)).await,
            Command::Show(args) => Box::pin(commands::show::run(args)).await,
            Command::Console(args) => Box::pin(commands::console::run(args)).await,
            Command::Import(args) => Box::pin(commands::import::run(args)).await,
            Command::Sandbox(args) => Box::pin(commands::sandbox::run(args)).await,
            Command::State(StateArgs { command: StateCommand::Restore(args) }) => {
                Box::pin(commands::state::restore::run(args)).await
            }
            Command::Test(args) => Box::pin(commands::test::run(args)).await,
            _ => unreachable!("main runs the others itself"),
        }
    });
    // A prompt that nobody answered keeps a thread; it must not keep the program.
    runtime.shutdown_background();
    exit
}

/// Logs to standard error: `PILOTIS_LOG=debug`, or Terraform's `TF_LOG`.
fn log() {
    let wanted = std::env::var("PILOTIS_LOG").or_else(|_| std::env::var("TF_LOG"));
    // Nothing unless asked for: what goes wrong is told as a diagnostic, not twice.
    let filter = EnvFilter::try_new(wanted.unwrap_or_else(|_| "off".into()).to_lowercase());
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("off"));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .with_writer(move || view::Log { ansi })
        .init();
}

/// How an error that reached the top ends the program.
fn exit_of(error: &anyhow::Error) -> Exit {
    match error.downcast_ref::<pilotis_state::StateError>() {
        Some(pilotis_state::StateError::Locked { .. }) => Exit::Locked,
        _ => Exit::Error,
    }
}
