//! The command line, as Terraform's: one dash or two, `-flag=value` or `-flag value`.

mod audit;
mod state;

use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand};
use pilotis_value::Concealed;

pub(crate) use audit::*;
pub(crate) use state::*;

/// Reads a page of HCL, shows what would change, and changes it.
#[derive(Debug, Parser)]
#[command(
    name = "pilotis",
    version,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// Switch to another folder before anything else.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) chdir: Option<String>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the configuration; nothing is called.
    Validate(ValidateArgs),
    /// Run test files, each on a state in memory.
    Test(TestArgs),
    /// Show what would change.
    Plan(PlanArgs),
    /// Change it: asks first, unless a saved plan is given.
    Apply(ApplyArgs),
    /// Remove all that the state holds.
    Destroy(ApplyArgs),
    /// Report what was changed behind our back. Exit code 3 if something was.
    Drift(DriftArgs),
    /// Show the state, or a saved plan.
    Show(ShowArgs),
    /// Show outputs.
    Output(OutputArgs),
    /// Look into the state, or edit it by hand.
    State(StateArgs),
    /// Check the journal of who did what, or export it.
    Audit(AuditArgs),
    /// Work with several states of one configuration.
    Workspace(WorkspaceArgs),
    /// Mark an object as to be replaced by the next apply.
    Taint(TaintArgs),
    /// Take that mark away.
    Untaint(TaintArgs),
    /// Show which providers the configuration uses, or what they have.
    Providers(ProvidersArgs),
    /// Evaluate expressions against the configuration and the state.
    Console(ConsoleArgs),
    /// Write the dependency graph: in DOT, as a tree, or as a picture.
    Graph(GraphArgs),
    /// Say what an object is derived from: its blocks, what its arguments are made of, what it needs and what needs it.
    Why(WhyArgs),
    /// Lay configuration files out as everybody does.
    Fmt(FmtArgs),
    /// Take an object of a service over into the state.
    Import(ImportArgs),
    /// Explain a code of an error (E0320), a resource type or its attribute (gitlab_group.parent_id).
    Explain(ExplainArgs),
    /// Run the sandbox: the services on loopback, to try things.
    Sandbox(SandboxArgs),
    /// Prepare a folder: fetch its modules from Git, and choose the backend of its state.
    Init(InitArgs),
    /// Take the lock away from a run that is dead for certain.
    ForceUnlock(ForceUnlockArgs),
    /// Describe the functions of the language, for programs.
    Metadata(MetadataArgs),
    /// Show the version.
    Version(VersionArgs),
    /// Write a completion script for a shell.
    Completion(CompletionArgs),
}

impl Command {
    /// It writes a stream of events in JSON, in which errors are events too.
    pub(crate) fn streams_json(&self) -> bool {
        match self {
            Command::Plan(args) => args.view.json,
            Command::Apply(args) | Command::Destroy(args) => args.view.json,
            Command::Init(args) => args.view.json,
            Command::State(args) => matches!(&args.command, StateCommand::Restore(args) if args.view.json),
            Command::Test(args) => args.view.json,
            _ => false,
        }
    }
}

/// How things are shown.
#[derive(Debug, Args, Clone)]
pub(crate) struct ViewArgs {
    /// Write JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
    /// No colours.
    #[arg(long)]
    pub(crate) no_color: bool,
}

/// Where the state is.
#[derive(Debug, Args, Clone)]
pub(crate) struct StateFileArgs {
    /// The state database [default: pilotis.db, or what the configuration says]
    #[arg(long = "state", value_name = "FILE")]
    pub(crate) path: Option<String>,
    /// Wait this long for somebody else's lock: 0s, 30s, 5m.
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub(crate) lock_timeout: String,
    /// Take no lock (dangerous when others work on the same state).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) lock: bool,
}

/// The flags that set variables, each kind by itself.
#[derive(Debug, Args)]
struct VariableFlags {
    /// Set a variable: -var NAME=VALUE
    #[arg(long = "var", value_name = "NAME=VALUE")]
    vars: Vec<Concealed<String>>,
    /// Set variables from a file.
    #[arg(long = "var-file", value_name = "FILE")]
    files: Vec<String>,
}

/// One `-var` or `-var-file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VariableArg {
    /// `NAME=VALUE`
    Value(Concealed<String>),
    /// The file's name.
    File(String),
}

/// Values of variables, in the order in which they were given: a later one wins, whichever of the two flags it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct VariableArgs {
    pub(crate) given: Vec<VariableArg>,
}

impl Args for VariableArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        VariableFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        VariableFlags::augment_args_for_update(command)
    }
}

impl FromArgMatches for VariableArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let places = |id| matches.indices_of(id).into_iter().flatten().collect::<Vec<_>>();
        let (vars, files) = (places("vars"), places("files"));
        let flags = VariableFlags::from_arg_matches_mut(matches)?;
        let vars = vars.into_iter().zip(flags.vars.into_iter().map(VariableArg::Value));
        let files = files.into_iter().zip(flags.files.into_iter().map(VariableArg::File));
        let mut given: Vec<_> = vars.chain(files).collect();
        given.sort_by_key(|(place, _)| *place);
        Ok(VariableArgs { given: given.into_iter().map(|(_, arg)| arg).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What of the services is looked at before a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Refresh {
    /// All objects.
    True,
    /// None.
    False,
    /// Those that would change.
    Changed,
}

/// What a plan is about.
#[derive(Debug, Args, Clone)]
pub(crate) struct PlanningArgs {
    #[command(flatten)]
    pub(crate) variables: VariableArgs,
    /// Only this address and what it needs; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) target: Vec<String>,
    /// All but this address and what needs it; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) exclude: Vec<String>,
    /// Replace this object.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) replace: Vec<String>,
    /// Look at the services first: true (all objects), false (none), or changed (those that would change).
    #[arg(long, value_name = "MODE", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", hide_possible_values = true)]
    pub(crate) refresh: Refresh,
    /// Only take note of what changed by itself.
    #[arg(long)]
    pub(crate) refresh_only: bool,
    /// Calls in flight at once.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) parallelism: usize,
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Ask for values of variables that have none (never asked: an error says which).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) input: bool,
    /// Show warnings in short form.
    #[arg(long)]
    pub(crate) compact_warnings: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// E0320, e320, TYPE, TYPE.ATTRIBUTE, data.TYPE, or a provider; without it, all codes.
    #[arg(value_name = "CODE|TYPE[.ATTRIBUTE]")]
    pub(crate) topic: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// Leave the test files out.
    #[arg(long)]
    pub(crate) no_tests: bool,
    #[command(flatten)]
    pub(crate) directory: TestDirectoryArgs,
}

/// Where tests are.
#[derive(Debug, Args)]
pub(crate) struct TestDirectoryArgs {
    /// The folder of test files, beside those of the root folder [default: tests]
    #[arg(long = "test-directory", value_name = "DIR")]
    path: Option<String>,
}

impl TestDirectoryArgs {
    /// The folder.
    pub(crate) fn dir(&self) -> &str {
        self.path.as_deref().unwrap_or("tests")
    }
    /// It was given on the command line.
    pub(crate) fn is_named(&self) -> bool {
        self.path.is_some()
    }
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) variables: VariableArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) directory: TestDirectoryArgs,
    /// Only this test file; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) filter: Vec<String>,
    /// Show the plan or the state of each run.
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Write the results to this file too, as JUnit's XML.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit_xml: Option<String>,
    /// Let provisioners run their programs on this machine.
    #[arg(long)]
    pub(crate) allow_exec: bool,
    /// Calls in flight at once.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) parallelism: usize,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) planning: PlanningArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// Save the plan, for `apply FILE`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<String>,
    /// Write the plan as a page too, for a browser; it holds no sensitive value.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<String>,
    /// Exit code 2 if something is to change.
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Plan to remove everything.
    #[arg(long)]
    pub(crate) destroy: bool,
    /// Write blocks for `import` blocks that have none, into this new file of the folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) generate_config_out: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) planning: PlanningArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// Don't ask.
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Remove everything.
    #[arg(long)]
    pub(crate) destroy: bool,
    /// Let provisioners run their programs on this machine.
    #[arg(long)]
    pub(crate) allow_exec: bool,
    /// A saved plan.
    pub(crate) plan: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    pub(crate) planning: PlanningArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Write the saved plan as a page, for a browser; it holds no sensitive value.
    #[arg(long, value_name = "FILE", requires = "plan")]
    pub(crate) html: Option<String>,
    /// A saved plan; without it, the state.
    pub(crate) plan: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// The bare text of one output.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Only this one.
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TaintArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// No error if the state has no such object.
    #[arg(long)]
    pub(crate) allow_missing: bool,
    /// One object.
    pub(crate) address: String,
}

#[derive(Debug, Args)]
pub(crate) struct ProvidersArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ProvidersCommand>,
}

/// What to see of the providers.
#[derive(Debug, Subcommand)]
pub(crate) enum ProvidersCommand {
    /// Write the schemas of the providers that the configuration uses, as Terraform documents them.
    Schema(ProvidersSchemaArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ProvidersSchemaArgs {
    /// Write JSON for programs: the only form there is.
    #[arg(long, required = true)]
    pub(crate) json: bool,
    /// Of all providers that this program has, used or not.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConsoleArgs {
    #[command(flatten)]
    pub(crate) variables: VariableArgs,
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Make a plan first, which looks at the services, and evaluate against what it says that things will be.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Calls in flight at once, with -plan.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) parallelism: usize,
    /// No colours.
    #[arg(long)]
    pub(crate) no_color: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) variables: VariableArgs,
    /// A tree for a person: under each resource what it needs.
    #[arg(long)]
    pub(crate) tree: bool,
    /// A picture: one SVG file, for a browser.
    #[arg(long, conflicts_with = "tree")]
    pub(crate) svg: bool,
    /// Accepted for scripts: there is one graph.
    #[arg(long = "type", value_name = "TYPE", hide = true)]
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// A resource, an instance of one, or a module or block of a blueprint.
    pub(crate) address: String,
}

#[derive(Debug, Args)]
pub(crate) struct FmtArgs {
    /// Change nothing; exit code 3 if something is to change.
    #[arg(long)]
    pub(crate) check: bool,
    /// Show the differences.
    #[arg(long)]
    pub(crate) diff: bool,
    /// List the files that change.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) list: bool,
    /// Write the files.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) write: bool,
    /// Go into folders.
    #[arg(long)]
    pub(crate) recursive: bool,
    /// No colours.
    #[arg(long)]
    pub(crate) no_color: bool,
    /// Files or folders; `-` reads standard input.
    pub(crate) paths: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) variables: VariableArgs,
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// The resource of the configuration that it becomes.
    pub(crate) address: String,
    /// The service's id, as the established provider's `import` takes it.
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// The sandbox's data [default: .pilotis/sandbox.db]
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<String>,
    /// Write a kubeconfig for kubectl to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<String>,
    /// No colours.
    #[arg(long)]
    pub(crate) no_color: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// Accepted for scripts.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    pub(crate) input: Option<String>,
    #[command(flatten)]
    pub(crate) directory: TestDirectoryArgs,
    /// Take newer commits of modules from Git than those in the lock file: of all, or of one repository (`-upgrade=ADDRESS`).
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "ADDRESS")]
    pub(crate) upgrade: Vec<String>,
    /// More of the backend than its block says: NAME=VALUE, or a file of such arguments. May be given several times.
    #[arg(long, value_name = "NAME=VALUE|FILE")]
    pub(crate) backend_config: Vec<Concealed<String>>,
    /// Copy the state to the backend that the configuration names now, and go on from the copy.
    #[arg(long)]
    pub(crate) migrate_state: bool,
    /// The same, for scripts: nothing is ever asked.
    #[arg(long, hide = true)]
    pub(crate) force_copy: bool,
    /// Go on with what is in the backend that the configuration names now, and leave the state where it was.
    #[arg(long, conflicts_with = "migrate_state")]
    pub(crate) reconfigure: bool,
    /// Choose the backend (-backend=false doesn't).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) backend: Option<String>,
    /// Wait this long for somebody else's lock before a state is copied: 0s, 30s, 5m.
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub(crate) lock_timeout: String,
}

#[derive(Debug, Args)]
pub(crate) struct ForceUnlockArgs {
    #[command(flatten)]
    pub(crate) state: StateFileArgs,
    /// Don't ask.
    #[arg(long)]
    pub(crate) force: bool,
    /// The run that holds the lock, as the message that names it says.
    #[arg(value_name = "LOCK_ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct MetadataArgs {
    #[command(subcommand)]
    pub(crate) command: MetadataCommand,
}

/// What to describe.
#[derive(Debug, Subcommand)]
pub(crate) enum MetadataCommand {
    /// Show what each function takes and gives.
    Functions(MetadataFunctionsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MetadataFunctionsArgs {
    /// Write JSON for programs: the only form that there is.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// Write JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// bash, zsh, fish, elvish or powershell.
    pub(crate) shell: clap_complete::Shell,
}

/// Terraform's flags have one dash: `-auto-approve`, `-var=x`. Turns them into clap's form.
pub(crate) fn normalize(args: impl IntoIterator<Item = std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    let mut literal = false;
    args.into_iter()
        .map(|arg| {
            let Some(text) = arg.to_str() else { return arg };
            literal |= text == "--";
            let bytes = text.as_bytes();
            let one_dash = bytes.len() > 2 && bytes[0] == b'-' && bytes[1].is_ascii_lowercase();
            if one_dash && !literal { format!("-{text}").into() } else { arg }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn one_dash_or_two() {
        let given = [
            "pilotis",
            "-chdir=x",
            "plan",
            "-var",
            "a=b",
            "-var-file",
            "f",
            "--var=c=d",
            "-refresh=false",
            "-",
            "-h",
        ];
        let args = normalize(given.map(Into::into));
        let Cli { chdir, command: Command::Plan(plan) } = Cli::try_parse_from(args.iter().take(9)).unwrap()
        else {
            panic!("not a plan")
        };
        assert_eq!(chdir.as_deref(), Some("x"));
        let value = |text: &str| VariableArg::Value(text.to_owned().into());
        assert_eq!(
            plan.planning.variables.given,
            [value("a=b"), VariableArg::File("f".into()), value("c=d")]
        );
        assert_eq!(plan.planning.refresh, Refresh::False);
        assert_eq!(args[9], "-");
        assert_eq!(args[10], "-h");
    }

    #[test]
    fn values_that_are_given_are_not_printed() {
        for line in [["plan", "-var=a=hunter2"], ["init", "-backend-config=password=hunter2"]] {
            let args = normalize(["pilotis"].into_iter().chain(line).map(Into::into));
            let said = format!("{:?}", Cli::try_parse_from(args).unwrap());
            assert!(!said.contains("hunter2") && said.contains("(not shown)"), "{said}");
        }
    }
}
