//! The command line of `state` and `workspace`.

use clap::{Args, Subcommand};

use crate::args::{PlanningArgs, StateFileArgs, ViewArgs};

#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    pub(crate) command: StateCommand,
}

impl StateArgs {
    /// It makes a plan, and so talks to services.
    pub(crate) fn plans(&self) -> bool {
        matches!(self.command, StateCommand::Restore(_))
    }
}

/// What to see of the state.
#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// List addresses.
    List(StateListArgs),
    /// Show one object.
    Show(StateShowArgs),
    /// Give objects another address.
    Mv(StateMvArgs),
    /// Forget objects, and leave them where they are.
    Rm(StateRmArgs),
    /// Take a whole Terraform state into an empty one.
    Import(StateImportArgs),
    /// Write the state as a file that Terraform reads.
    Export(StateExportArgs),
    /// Write the state to standard output, as Terraform's state file.
    Pull(StatePullArgs),
    /// Put a state file in the place of the state: of the same lineage, and not older.
    Push(StatePushArgs),
    /// Give the objects of one provider to another one.
    ReplaceProvider(StateReplaceProviderArgs),
    /// Show who changed an object, when, and from which commit.
    History(StateHistoryArgs),
    /// Plan to go back to what a run was made of; change nothing.
    Restore(Box<StateRestoreArgs>),
    /// Write a copy of the state with its history to a file, while others work.
    Backup(StateBackupArgs),
    /// Put such a copy in the place of a state that is lost or damaged.
    Recover(StateRecoverArgs),
    /// Encrypt all that the state holds anew, with the key that the configuration names first.
    Rekey(StateRekeyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StateRestoreArgs {
    #[command(flatten)]
    pub(crate) planning: PlanningArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// Save the plan, for `apply FILE`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<String>,
    /// The run, or the beginning of its id; `state history` names runs.
    pub(crate) run: String,
}

#[derive(Debug, Args)]
pub(crate) struct StateListArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Only those under these addresses.
    pub(crate) addresses: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StateShowArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// Which.
    pub(crate) address: String,
}

#[derive(Debug, Args)]
pub(crate) struct StateMvArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Change nothing: only say what would move.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// A resource, an instance of one, or a module.
    pub(crate) from: String,
    /// Its new address, where nothing may be yet.
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct StateRmArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Change nothing: only say what would be forgotten.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Resources, instances or modules.
    #[arg(required = true, value_name = "ADDRESS")]
    pub(crate) addresses: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StateImportArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Change nothing: only say what would be taken in.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// A state file of Terraform 0.12 or later; `-` reads standard input.
    pub(crate) file: String,
}

#[derive(Debug, Args)]
pub(crate) struct StateExportArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Replace the file if it is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// The file, which must not be there yet. Only its owner can read it: a state holds secrets.
    pub(crate) file: String,
}

#[derive(Debug, Args)]
pub(crate) struct StatePullArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StatePushArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Whatever its lineage and its serial.
    #[arg(long)]
    pub(crate) force: bool,
    /// What `state pull` wrote; `-` reads standard input.
    pub(crate) file: String,
}

#[derive(Debug, Args)]
pub(crate) struct StateReplaceProviderArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Don't ask.
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Source of the provider that the objects belong to: registry.opentofu.org/gitlabhq/gitlab
    pub(crate) from: String,
    /// Source of the one that they are to belong to: gitlabhq/gitlab
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct StateHistoryArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// Changes to show at most, newest first.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    /// One object; its moves are followed back.
    pub(crate) address: String,
}

#[derive(Debug, Args)]
pub(crate) struct StateRekeyArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StateBackupArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// The file, which must not be there yet: a state database. Only its owner can read it: a state holds secrets.
    pub(crate) file: String,
}

#[derive(Debug, Args)]
pub(crate) struct StateRecoverArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Put aside what is there, damaged or not.
    #[arg(long)]
    pub(crate) force: bool,
    /// What `state backup` wrote.
    pub(crate) file: String,
}

#[derive(Debug, Args)]
pub(crate) struct WorkspaceArgs {
    #[command(subcommand)]
    pub(crate) command: WorkspaceCommand,
}

/// What to do with workspaces.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// List workspaces; the selected one has a star.
    List,
    /// Show the name of the selected workspace.
    Show,
    /// Make an empty workspace and select it.
    New(WorkspaceNewArgs),
    /// Select another workspace.
    Select(WorkspaceSelectArgs),
    /// Delete a workspace with its state.
    Delete(WorkspaceDeleteArgs),
}

#[derive(Debug, Args)]
pub(crate) struct WorkspaceNewArgs {
    /// Begin with what this state holds, Terraform's file or a Pilotis database.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<String>,
    /// Letters, digits, and -_.~$&+=:@
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct WorkspaceSelectArgs {
    /// Make it if it is not there.
    #[arg(long)]
    pub(crate) or_create: bool,
    /// Its name.
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct WorkspaceDeleteArgs {
    /// Also if its state has objects, which nobody manages any more then.
    #[arg(long)]
    pub(crate) force: bool,
    /// Wait this long for somebody else's lock: 0s, 30s, 5m.
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub(crate) lock_timeout: String,
    /// Its name.
    pub(crate) name: String,
}
