//! One run: configuration, variables, state, sandbox and engine, brought together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pilotis_apply::{Engine, Providers, Settings};
use pilotis_config::{Configuration, Module, RootVariables, VariableSource, given_ephemeral, root_variables};
use pilotis_diag::{Diagnostic, Diagnostics, Severity, SourceMap};
use pilotis_lang::{Files, Surroundings};
use pilotis_plan::planfile::PlanFile;
use pilotis_plan::recording::{ModuleFiles, RecordingFiles};
use pilotis_plan::{MadeOf, PlanMode, PlanOptions};
use pilotis_sandbox::{Running, Sandbox};
use pilotis_sdk::SandboxEndpoint;
use pilotis_state_process::this_process;

use crate::args::{StateFileArgs, VariableArgs};
use crate::encryption::Keys;
use crate::folder::{Folder, duration};
use crate::git;
use crate::view::View;

/// What a run is given by its flags.
pub(crate) struct Wanted<'a> {
    /// Variables.
    pub(crate) variables: &'a VariableArgs,
    /// The state.
    pub(crate) state: &'a StateFileArgs,
    /// Calls in flight.
    pub(crate) parallelism: usize,
}

/// A run that can begin.
pub(crate) struct Session {
    /// The configuration, without errors.
    pub(crate) configuration: Arc<Configuration>,
    /// The files that it was read from.
    pub(crate) modules: ModuleFiles,
    /// Values of the root module's variables.
    pub(crate) variables: RootVariables,
    /// The ephemeral ones among them that were given.
    pub(crate) given_ephemeral: BTreeSet<String>,
    /// All text that was read, that of variables files too: for diagnostics.
    pub(crate) sources: SourceMap,
    /// Files as functions read them.
    files: Arc<RecordingFiles>,
    /// The engine.
    pub(crate) engine: Engine,
    /// What encrypts its state and its plans.
    pub(crate) keys: Keys,
    /// The sandbox, as long as the run lasts.
    sandbox: Option<Running>,
}

impl Session {
    /// Brings everything together. None if the configuration or the variables have errors, which were shown.
    pub(crate) async fn begin(
        folder: &Folder,
        view: &View,
        wanted: &Wanted<'_>,
    ) -> anyhow::Result<Option<Session>> {
        let (configuration, mut diagnostics, modules) = folder.configuration_and_files();
        let mut sources = configuration.sources.clone();
        let mut variables = RootVariables::default();
        let mut ephemeral = BTreeSet::new();
        let surroundings =
            Surroundings { files: &*folder.disk, plan_time_ms: crate::clock::now().0, apply_time_ms: None };
        if !diagnostics.has_errors() {
            let given = folder.variable_sources(wanted.variables)?;
            let root = &configuration.modules[0];
            variables = root_variables(root, &given, &mut sources, &surroundings, &mut diagnostics);
            ephemeral = given_ephemeral(root, &given);
        }
        // What is only a warning, the plan will say.
        let found = folder.validate(&configuration, &diagnostics).into_iter();
        diagnostics.extend(found.filter(|d| d.severity == Severity::Error));
        diagnostics.sort();
        view.diagnostics(&diagnostics, &sources);
        if diagnostics.has_errors() {
            return Ok(None);
        }
        let files: Arc<dyn Files> = folder.disk.clone();
        let run = Ready { configuration, modules, variables, given_ephemeral: ephemeral, sources, files };
        run.open(folder, view, wanted.state, wanted.parallelism).await.map(Some)
    }

    /// Brings together what a saved plan needs: its configuration and variables are in it, but for ephemeral ones, which must be given
    /// again. None if something has errors, which were shown.
    pub(crate) async fn of_plan(
        file: &PlanFile,
        folder: &Folder,
        view: &View,
        wanted: &Wanted<'_>,
    ) -> anyhow::Result<Option<Session>> {
        let Some(run) = Ready::of_plan(file, folder, view, wanted)? else { return Ok(None) };
        run.open(folder, view, wanted.state, wanted.parallelism).await.map(Some)
    }

    /// Brings together what a run was made of: its configuration, its variables and the files that its functions read, as they were then.
    pub(crate) async fn of_run(
        run: &MadeOf,
        folder: &Folder,
        view: &View,
        wanted: &Wanted<'_>,
    ) -> anyhow::Result<Option<Session>> {
        let (configuration, mut diagnostics) = run.configuration(&folder.schemas());
        let mut sources = configuration.sources.clone();
        let mut variables = run.variables.clone();
        let files: Arc<dyn Files> = Arc::new(run.files.clone());
        if !diagnostics.has_errors() {
            let given = folder.variable_sources(wanted.variables)?;
            let plan_time_ms = crate::clock::now().0;
            let surroundings = Surroundings { files: &*files, plan_time_ms, apply_time_ms: None };
            let root = &configuration.modules[0];
            let held = (&run.variables, &run.given_ephemeral);
            variables = given_again(root, held, &given, &mut sources, &surroundings, &mut diagnostics)?;
        }
        diagnostics.sort();
        view.diagnostics(&diagnostics, &sources);
        if diagnostics.has_errors() {
            return Ok(None);
        }
        let (modules, given_ephemeral) = (run.modules.clone(), run.given_ephemeral.clone());
        let run = Ready { configuration, modules, variables, given_ephemeral, sources, files };
        run.open(folder, view, wanted.state, wanted.parallelism).await.map(Some)
    }

    /// What a run is made of here: a later one can go back to it.
    pub(crate) fn made_of(&self, options: &PlanOptions) -> Option<MadeOf> {
        (options.mode != PlanMode::RefreshOnly).then(|| MadeOf {
            program: env!("CARGO_PKG_VERSION").into(),
            modules: self.modules.clone(),
            files: self.files.files(),
            variables: self.variables.clone(),
            given_ephemeral: self.given_ephemeral.clone(),
            destroy: options.mode == PlanMode::Destroy,
            partial: !options.targets.is_empty() || !options.excludes.is_empty(),
        })
    }

    /// The same run with another form of the same saved plan. False if something has errors, which were shown.
    pub(crate) fn read_plan(
        &mut self,
        file: &PlanFile,
        folder: &Folder,
        view: &View,
        wanted: &Wanted<'_>,
    ) -> anyhow::Result<bool> {
        let Some(run) = Ready::of_plan(file, folder, view, wanted)? else { return Ok(false) };
        self.configuration = Arc::new(run.configuration);
        (self.modules, self.variables, self.sources) = (run.modules, run.variables, run.sources);
        Ok(true)
    }

    /// Ends the sandbox, if this run started it.
    pub(crate) async fn end(self) {
        drop(self.engine);
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown().await;
        }
    }
}

/// The variables of a saved plan, with the ephemeral ones as they are given now: those are not in the file.
fn given_again(
    root: &Module,
    held: (&RootVariables, &BTreeSet<String>),
    given: &[VariableSource],
    sources: &mut SourceMap,
    surroundings: &Surroundings<'_>,
    diagnostics: &mut Diagnostics,
) -> anyhow::Result<RootVariables> {
    let is_ephemeral = |name: &str| root.variables.iter().any(|v| v.ephemeral && v.name == name);
    for source in given {
        if let VariableSource::Argument(name, _) = source
            && !is_ephemeral(name)
        {
            anyhow::bail!(
                "a saved plan holds its variables, so {name} can't be given here: only ephemeral variables are, as they are not in the file"
            );
        }
    }
    same_ones(root, held.1, &given_ephemeral(root, given), diagnostics);
    let mut asked = root.clone();
    asked.variables.retain(|v| v.ephemeral);
    let mut variables = held.0.clone();
    if !asked.variables.is_empty() && !diagnostics.has_errors() {
        let mut found = Diagnostics::new();
        let ephemeral = root_variables(&asked, given, sources, surroundings, &mut found);
        // Files name the other variables too, which were taken when the plan was made.
        diagnostics.extend(found.into_iter().filter(|d| d.severity == Severity::Error));
        variables.extend(ephemeral);
    }
    Ok(variables)
}

/// The ephemeral variables that a plan was given must be given again, and no others: with those it would be another plan.
fn same_ones(
    root: &Module,
    held: &BTreeSet<String>,
    given: &BTreeSet<String>,
    diagnostics: &mut Diagnostics,
) {
    for variable in root.variables.iter().filter(|v| v.ephemeral) {
        let name = &variable.name;
        let d = match (held.contains(name), given.contains(name)) {
            (true, false) => Diagnostic::error("No value for required variable")
                .detail(format!(
                    "The ephemeral input variable \"{name}\" was set during the plan phase, and so must also be set during the apply phase."
                ))
                .help(format!("Give it with `-var {name}=VALUE`, in a file with `-var-file`, or as PILOTIS_VAR_{name}.")),
            (false, true) => Diagnostic::error("Ephemeral variable was not set during planning")
                .detail(format!(
                    "The ephemeral input variable \"{name}\" was not set during the planning phase, and so must remain unset during the apply phase."
                )),
            _ => continue,
        };
        diagnostics.push(d.at(variable.span));
    }
}

/// A configuration without errors, on its way to a session.
struct Ready {
    configuration: Configuration,
    modules: ModuleFiles,
    variables: RootVariables,
    given_ephemeral: BTreeSet<String>,
    sources: SourceMap,
    /// For functions that read files.
    files: Arc<dyn Files>,
}

impl Ready {
    /// What a saved plan says. Warnings were given when it was made.
    fn of_plan(
        file: &PlanFile,
        folder: &Folder,
        view: &View,
        wanted: &Wanted<'_>,
    ) -> anyhow::Result<Option<Ready>> {
        let (configuration, mut diagnostics) = file.configuration(&folder.schemas());
        let mut sources = configuration.sources.clone();
        let mut variables = file.variables.clone();
        if !diagnostics.has_errors() {
            let given = folder.variable_sources(wanted.variables)?;
            let surroundings = Surroundings {
                files: &*folder.disk,
                plan_time_ms: crate::clock::now().0,
                apply_time_ms: None,
            };
            let root = &configuration.modules[0];
            let held = (&file.variables, &file.given_ephemeral);
            variables = given_again(root, held, &given, &mut sources, &surroundings, &mut diagnostics)?;
        }
        if diagnostics.has_errors() {
            diagnostics.sort();
            view.diagnostics(&diagnostics, &sources);
            return Ok(None);
        }
        let (modules, given_ephemeral) = (file.modules.clone(), file.given_ephemeral.clone());
        let files = folder.disk.clone();
        Ok(Some(Ready { configuration, modules, variables, given_ephemeral, sources, files }))
    }

    async fn open(
        self,
        folder: &Folder,
        view: &View,
        state: &StateFileArgs,
        parallelism: usize,
    ) -> anyhow::Result<Session> {
        let Ready { configuration, modules, variables, given_ephemeral, sources, files } = self;
        let files = Arc::new(RecordingFiles::new(files));
        let surroundings =
            Surroundings { files: &*folder.disk, plan_time_ms: crate::clock::now().0, apply_time_ms: None };
        let root = &configuration.modules[0];
        let in_sandbox = sandboxed(root, &variables, surroundings);
        let sandbox = match in_sandbox.is_empty() {
            true => None,
            false => Some(Sandbox::attach_or_start(crate::sandbox::options(&folder.sandbox_data())?).await?),
        };
        let keys = folder.keys_with(&configuration, &variables)?;
        folder.states.read_with(&keys.remote_states);
        let place = folder.place_with(state, &configuration.settings, keys.state.clone())?;
        let (store, note) = place.open_with_note(folder)?;
        if let Some(note) = note.filter(|_| !view.json) {
            view.say(&note);
        }
        let settings = Settings {
            variables: crate::environment::variables().collect(),
            sandbox: endpoints(sandbox.as_ref(), &in_sandbox),
            base_dir: folder.disk.cwd.clone(),
            files: files.clone(),
            holder: this_process(who()),
            commit: git::head(&folder.disk.cwd),
            workspace: place.workspace,
            parallelism: parallelism.max(1),
            lock: state.lock,
            lock_timeout: duration(&state.lock_timeout)?,
        };
        let providers = Providers { by_name: folder.providers.clone() };
        Ok(Session {
            engine: Engine::new(store, providers, settings),
            configuration: Arc::new(configuration),
            modules,
            variables,
            given_ephemeral,
            sources,
            files,
            keys,
            sandbox,
        })
    }
}

/// Who runs this: the CI job's user, or `user@host`.
pub(crate) fn who() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    if let (Some(job), Some(project)) = (variable("CI_JOB_ID"), variable("CI_PROJECT_PATH")) {
        let user = variable("GITLAB_USER_LOGIN").unwrap_or_else(|| "somebody".into());
        return format!("{user} (job {job} of {project})");
    }
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "somebody".into());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{}", if host.trim().is_empty() { "localhost" } else { host.trim() })
}

/// Providers (local names) that are to use the sandbox: all with `PILOTIS_SANDBOX=1`, else those whose block says so.
fn sandboxed(root: &Module, variables: &RootVariables, surroundings: Surroundings<'_>) -> Vec<String> {
    if crate::sandbox::is_for_all() {
        return vec!["*".into()];
    }
    pilotis_apply::sandboxed(root, variables, surroundings)
}

fn endpoints(running: Option<&Running>, wanted: &[String]) -> BTreeMap<String, SandboxEndpoint> {
    let all = running.into_iter().flat_map(|r| &r.endpoints);
    all.filter(|(name, _)| wanted.iter().any(|w| w == "*" || w == *name))
        .map(|(name, e)| (name.clone(), crate::sandbox::endpoint(e)))
        .collect()
}
