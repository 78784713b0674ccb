//! The command line of `audit`.

use clap::{Args, Subcommand};

use crate::args::StateFileArgs;

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that nothing was taken out of the journal or changed in it.
    Verify(AuditVerifyArgs),
    /// Write the journal as lines of JSON, one event a line.
    Export(AuditExportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AuditVerifyArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Go on from the journal as it is, also if it isn't what was seen here before: after a backup was put in the place of the state.
    #[arg(long)]
    pub(crate) accept: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AuditExportArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Only entries after this number, for what is fetched again and again.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) after: u64,
}
