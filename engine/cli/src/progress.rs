//! Progress of a run: drawn on a terminal, plain lines without one, events for programs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use pilotis_apply::{Event, Operation, Reporter};
use pilotis_plan::{LookedAt, Plan, PlanAction, ResourceChange};
use pilotis_report::json::events;
use pilotis_report::text::clean;
use pilotis_schema::address::Instance;

use crate::view::View;

/// Objects named beside the bar.
const NAMED: usize = 3;

/// Shows what happens.
pub(crate) struct Progress {
    view: View,
    bar: Option<ProgressBar>,
    /// Objects in flight, and since when.
    in_flight: Mutex<BTreeMap<String, Instant>>,
    /// Ids of the objects that there are already, by their address for programs.
    ids: HashMap<String, String>,
    /// Objects that were said to be looked at, and to have been.
    looked: Mutex<HashSet<(bool, String)>>,
}

impl Progress {
    /// While a plan is made.
    pub(crate) fn planning(view: View) -> Progress {
        let bar = view.interactive.then(|| {
            let bar = ProgressBar::new_spinner().with_style(style("{spinner} {msg}"));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar.set_message("reading the configuration");
            bar
        });
        Progress { view, bar, in_flight: Mutex::default(), ids: HashMap::new(), looked: Mutex::default() }
    }

    /// While a plan is applied.
    pub(crate) fn applying(view: View, plan: &Plan) -> Progress {
        let changed = || plan.changes.iter().filter(|c| c.action != PlanAction::NoOp);
        let changes = changed().count();
        let id = |c: &ResourceChange| {
            let id = c.before.get("id").filter(|id| !id.has_sensitive())?;
            Some((c.address.to_string(), id.as_str()?.to_owned()))
        };
        let ids = changed().filter(|c| c.deposed.is_none()).filter_map(id).collect();
        let bar = view.interactive.then(|| {
            let bar =
                ProgressBar::new(changes as u64).with_style(style("{bar:30} {pos}/{len}  {elapsed}  {msg}"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Progress { view, bar, in_flight: Mutex::default(), ids, looked: Mutex::default() }
    }

    /// Takes the drawing away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn begin(&self, address: &str) {
        let mut in_flight = self.in_flight.lock().expect("no thread panics with it");
        in_flight.insert(clean(address).into_owned(), Instant::now());
        self.name(&in_flight);
    }

    fn end(&self, address: &str, operation: Operation) {
        let mut in_flight = self.in_flight.lock().expect("no thread panics with it");
        in_flight.remove(&*clean(address));
        self.name(&in_flight);
        // What is opened and closed is none of the changes that are counted.
        if let Some(bar) = self.bar.as_ref().filter(|_| ephemeral(operation).is_none()) {
            bar.inc(1);
        }
    }

    /// The objects that have been in flight for longest are named: those that a person waits for.
    fn name(&self, in_flight: &BTreeMap<String, Instant>) {
        let Some(bar) = &self.bar else { return };
        let mut oldest: Vec<_> = in_flight.iter().collect();
        oldest.sort_by_key(|(_, since)| **since);
        let names: Vec<_> = oldest.iter().take(NAMED).map(|(name, _)| name.as_str()).collect();
        let more = in_flight.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        bar.set_message(format!("{}{more}", names.join(", ")));
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.view.say(&format!("{text}\n"))),
            None if !self.view.json => self.view.print(&format!("{text}\n")),
            None => {}
        }
    }

    /// Objects are looked at, or were (`elapsed`). One that is looked at in two ways is told of once.
    fn looked(&self, objects: &[LookedAt], elapsed: Option<Duration>) {
        let mut looked = self.looked.lock().expect("no thread panics with it");
        for object in objects {
            if !looked.insert((elapsed.is_some(), object.address.to_string())) {
                continue;
            }
            let id = object.id.as_deref();
            self.json(|at| {
                let address = object.address.parse::<Instance>().ok()?;
                Some(match (object.data, elapsed) {
                    (true, None) => events::apply_start(&address, PlanAction::Read, None, at),
                    (true, Some(e)) => {
                        events::apply_complete(&address, PlanAction::Read, None, e.as_secs(), at)
                    }
                    (false, None) => events::refresh_start(&address, id, at),
                    (false, Some(_)) => events::refresh_complete(&address, id, at),
                })
            });
        }
    }

    fn json(&self, event: impl FnOnce(&str) -> Option<serde_json::Value>) {
        if self.view.json
            && let Some(event) = event(&crate::clock::rfc3339_now())
        {
            self.view.line(&event);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What a program says, without what would drive the terminal.
fn printable(line: &str) -> String {
    line.chars().filter(|c| *c == '\t' || !c.is_control()).collect()
}

/// `Creating`, `Creation complete` …, as Terraform says it.
fn words(operation: Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::Read => ("Reading", "Read complete"),
        Operation::Create => ("Creating", "Creation complete"),
        Operation::Update => ("Modifying", "Modifications complete"),
        Operation::Delete => ("Destroying", "Destruction complete"),
        Operation::Import => ("Importing", "Import complete"),
        Operation::Settle => ("Finding out", "Found out"),
        Operation::Open => ("Opening", "Opening complete"),
        Operation::Close => ("Closing", "Closing complete"),
    }
}

/// What one call does, as an action: a replacement is two of them.
fn step(operation: Operation) -> PlanAction {
    match operation {
        Operation::Create => PlanAction::Create,
        Operation::Update => PlanAction::Update,
        Operation::Delete => PlanAction::Delete,
        Operation::Read | Operation::Import | Operation::Settle => PlanAction::Read,
        Operation::Open | Operation::Close => PlanAction::NoOp,
    }
}

/// What is done to an ephemeral resource, as a word of the stream of events.
fn ephemeral(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Open => Some("open"),
        Operation::Close => Some("close"),
        _ => None,
    }
}

impl Reporter for Progress {
    fn wants_each(&self) -> bool {
        self.view.json
    }

    fn event(&self, event: &Event<'_>) {
        let instance = |address: &str| address.parse::<Instance>().ok();
        match event {
            Event::Connected { provider, host } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("connected to {provider} at {host}"));
                }
            }
            Event::Reading { type_name, objects } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("reading {objects} × {type_name}"));
                }
            }
            Event::Waiting { provider, time } => {
                if let Some(bar) = &self.bar {
                    let seconds = time.as_secs_f64();
                    bar.set_message(format!(
                        "{provider} may be late: looking again in {seconds:.0} s for what it doesn't show"
                    ));
                }
            }
            Event::LookingAt(objects) => self.looked(objects, None),
            Event::Looked(objects, elapsed) => self.looked(objects, Some(*elapsed)),
            Event::Planned { .. } => self.finish(),
            Event::Started { address, json_address, operation, .. } => {
                let action = step(*operation);
                self.begin(address);
                let id = self.ids.get(*json_address).filter(|_| *operation != Operation::Create);
                let id = id.map(String::as_str);
                if self.bar.is_none() {
                    let of = id.map(|id| format!(" [id={}]", clean(id))).unwrap_or_default();
                    self.line(&format!("{address}: {}...{of}", words(*operation).0));
                }
                self.json(|at| {
                    let address = instance(json_address)?;
                    Some(match ephemeral(*operation) {
                        Some(word) => events::ephemeral_start(&address, word, at),
                        None => events::apply_start(&address, action, id, at),
                    })
                });
            }
            Event::StillRunning { address, json_address, operation, elapsed, .. } => {
                let action = step(*operation);
                let seconds = elapsed.as_secs();
                self.json(|at| {
                    let address = instance(json_address)?;
                    Some(match ephemeral(*operation) {
                        Some(word) => events::ephemeral_progress(&address, word, seconds, at),
                        None => events::apply_progress(&address, action, seconds, at),
                    })
                });
                if self.bar.is_none() {
                    let elapsed = elapsed.as_secs();
                    self.line(&format!(
                        "{address}: Still {}... [{elapsed}s elapsed]",
                        words(*operation).0.to_lowercase()
                    ));
                }
            }
            Event::Finished { address, json_address, operation, id, elapsed, .. } => {
                let action = step(*operation);
                let seconds = elapsed.as_secs();
                self.json(|at| {
                    let address = instance(json_address)?;
                    Some(match ephemeral(*operation) {
                        Some(word) => events::ephemeral_complete(&address, word, seconds, at),
                        None => events::apply_complete(&address, action, *id, seconds, at),
                    })
                });
                self.end(address, *operation);
                let id = id.map(|id| format!(" [id={id}]")).unwrap_or_default();
                if self.bar.is_none() {
                    self.line(&format!(
                        "{address}: {} after {}s{id}",
                        words(*operation).1,
                        elapsed.as_secs()
                    ));
                }
            }
            Event::Failed { address, json_address, operation, error, elapsed, .. } => {
                let action = step(*operation);
                let seconds = elapsed.as_secs();
                self.json(|at| {
                    let address = instance(json_address)?;
                    Some(match ephemeral(*operation) {
                        Some(word) => events::ephemeral_errored(&address, word, seconds, at),
                        None => events::apply_errored(&address, action, seconds, at),
                    })
                });
                self.end(address, *operation);
                self.line(&format!("{address}: {error}"));
            }
            Event::ProgramStarted { address, json_address } => {
                self.line(&format!("{address}: Provisioning with 'local-exec'..."));
                self.json(|at| Some(events::provision_start(&instance(json_address)?, at)));
            }
            Event::ProgramSaid { address, json_address, line } => {
                self.line(&format!("{address} (local-exec): {}", printable(line)));
                self.json(|at| Some(events::provision_progress(&instance(json_address)?, line, at)));
            }
            Event::ProgramEnded { json_address, failed, .. } => {
                self.json(|at| Some(events::provision_end(&instance(json_address)?, *failed, at)));
            }
            Event::Stopping { in_flight } => {
                self.line(&format!(
                    "Stopping: {in_flight} in flight are finished, nothing new begins. Ctrl-C again leaves at once; what is in flight is then recorded as unknown."
                ));
            }
        }
    }
}
