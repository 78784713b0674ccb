//! `pilotis test`: runs test files, each on states in memory, and removes what they made.
//!
//! Here is what is tested, and how the command ends; how it is shown is in `show`.

mod show;

use std::collections::BTreeMap;

use anyhow::Context as _;
use pilotis_apply::testing::{FileReport, TestStatus, Tester, Totals, may_use_sandbox};
use pilotis_apply::{Providers, Settings};
use pilotis_config::Suite;
use pilotis_diag::SourceMap;
use pilotis_sandbox::{Running, Sandbox};
use pilotis_sdk::SandboxEndpoint;
use pilotis_state_process::this_process;
use uuid::Uuid;

use crate::args::TestArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::interrupt::Interrupt;
use crate::planning;
use crate::session::who;
use crate::test_files::Wanted;
use crate::view::View;
use crate::{sandbox, workspace};

/// Runs the tests.
pub(crate) async fn run(args: &TestArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    let interrupt = Interrupt::listen();
    let show = show::Show::new(view, &folder, args);
    show.begin();
    let Some(suite) = read(args, &folder, &show)? else { return Ok(Exit::Error) };
    show.found(&suite);
    let sandbox = TestSandbox::start_if_used(&suite, &folder).await?;
    let tester = Tester {
        providers: Providers { by_name: folder.providers.clone() },
        settings: settings(&folder, args)?,
        sandbox: sandbox.as_ref().map(TestSandbox::endpoints).unwrap_or_default(),
        sandbox_for_all: sandbox::is_for_all(),
        allow_programs: args.allow_exec || planning::programs_allowed(),
        reporter: &show,
        soft: interrupt.soft.clone(),
        hard: interrupt.hard.clone(),
    };
    let mut sources = suite.sources.clone();
    let reports = tester.run(&suite, &mut sources).await;
    if let Some(sandbox) = sandbox {
        sandbox.end().await;
    }
    show.end(&reports);
    if let Some(path) = &args.junit_xml {
        std::fs::write(path, show.junit(&reports)).with_context(|| format!("{path} can't be written"))?;
    }
    Ok(exit_of(&reports, &interrupt))
}

/// The tests, if they can be run; else the diagnostics were shown.
fn read(args: &TestArgs, folder: &Folder, show: &show::Show<'_>) -> anyhow::Result<Option<Suite>> {
    let wanted = Wanted {
        dir: args.directory.dir(),
        is_named: args.directory.is_named(),
        only: &args.filter,
        variables: &args.variables,
    };
    let (suite, mut diagnostics) = folder.tests(&wanted, SourceMap::default(), false)?;
    diagnostics.sort();
    show.diagnostics(&diagnostics, &suite.sources);
    if !suite.files.iter().flat_map(|f| &f.runs).any(|r| r.dir == ".") {
        // No run is about the folder's own module; it is to be readable all the same.
        let (configuration, mut own) = folder.structure();
        own.sort();
        show.diagnostics(&own, &configuration.sources);
        diagnostics.extend(own);
    }
    Ok((!diagnostics.has_errors()).then_some(suite))
}

fn settings(folder: &Folder, args: &TestArgs) -> anyhow::Result<Settings> {
    Ok(Settings {
        variables: crate::environment::variables().collect(),
        sandbox: BTreeMap::new(),
        base_dir: folder.disk.cwd.clone(),
        files: folder.disk.clone(),
        holder: this_process(who()),
        commit: None,
        workspace: workspace::selected(&folder.disk.cwd)?.name,
        parallelism: args.parallelism.max(1),
        // Nobody else knows of a state in memory.
        lock: false,
        lock_timeout: std::time::Duration::ZERO,
    })
}

fn exit_of(reports: &[FileReport], interrupt: &Interrupt) -> Exit {
    let totals = Totals::of(reports);
    if interrupt.soft.is_cancelled() {
        return Exit::Interrupted;
    }
    let bad = reports.iter().any(|r| r.status >= TestStatus::Fail);
    if bad || totals.failed + totals.errored > 0 { Exit::Error } else { Exit::Done }
}

/// A sandbox for tests alone: it begins empty, and is gone with them.
struct TestSandbox {
    running: Running,
    dir: std::path::PathBuf,
}

impl TestSandbox {
    async fn start_if_used(suite: &Suite, folder: &Folder) -> anyhow::Result<Option<TestSandbox>> {
        if !sandbox::is_for_all() && !may_use_sandbox(suite, &*folder.disk) {
            return Ok(None);
        }
        let dir = std::env::temp_dir().join(format!("pilotis-test-{}", Uuid::new_v4()));
        let options = sandbox::options(&dir.join("sandbox.db"))?;
        let running = Sandbox::attach_or_start(options).await?;
        Ok(Some(TestSandbox { running, dir }))
    }

    fn endpoints(&self) -> BTreeMap<String, SandboxEndpoint> {
        self.running.endpoints.iter().map(|(name, e)| (name.clone(), sandbox::endpoint(e))).collect()
    }

    async fn end(self) {
        self.running.shutdown().await;
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
