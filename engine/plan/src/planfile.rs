//! The saved plan: everything that the plan is a function of.
//!
//! A plan is not stored as a list of effects, but as what it was made from: module files, variables, options, the state as it was,
//! answers, time and seed. Making it again gives the same plan, on any machine and without a service; making it again on the state
//! of today tells if it still holds. The file says what it is, which version it is and what its content hashes to, and is refused if
//! any of that is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pilotis_config::{Configuration, LoadOptions, RootVariables, Schemas, load};
use pilotis_diag::Diagnostics;
use pilotis_schema::address::{Instance, Target};
use pilotis_state::{Head, OutputRecord, ResourceKey, ResourceRecord, Snapshot, Status, Timestamp};
use pilotis_value::{Marks, Value};
use serde::{Deserialize, Serialize};

use crate::made_of::{KeptMadeOf, MadeOf};
use crate::recording::{Answers, FunctionFiles, Kept, ModuleFiles, StoredAnswer, unanswerable};
use crate::{Inputs, Machine, Phase, Plan, PlanMode, PlanOptions, Request};

/// The first line of a saved plan.
const MAGIC: &str = "pilotis plan";
/// The version that is written. Older ones are read for as long as their meaning can be kept.
const VERSION: u32 = 2;

/// Why a file is not a plan that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFileError {
    /// Something else.
    #[error("this is not a saved plan of Pilotis")]
    Foreign,
    /// Written by a newer program.
    #[error("this plan was saved by a newer version of Pilotis (form {found}, this program knows {known})")]
    Newer {
        /// Its form.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Changed after it was written, or cut off.
    #[error("this saved plan is damaged: {0}")]
    Damaged(String),
    /// It has something that can't be kept in a file.
    #[error("this plan can't be saved: {0}")]
    Unsaveable(String),
}

/// A saved plan.
#[derive(Clone)]
pub struct PlanFile {
    /// The program that made it.
    pub program: String,
    /// All module files.
    pub modules: ModuleFiles,
    /// Files that functions read.
    pub files: FunctionFiles,
    /// Values of the root module's variables, without those that live for one run only.
    pub variables: RootVariables,
    /// The ephemeral variables that the plan was given: they must be given again.
    pub given_ephemeral: BTreeSet<String>,
    /// Options.
    pub options: PlanOptions,
    /// The state that it was made on.
    pub snapshot: Arc<Snapshot>,
    /// The head of that state; older files don't say.
    pub head: Option<Head>,
    /// What services said.
    pub answers: Answers,
    /// When it was made.
    pub started: Timestamp,
    /// Its seed.
    pub seed: u128,
    /// The digest of what it does.
    pub digest: String,
    /// The same plan from fewer inputs.
    pub excerpt: Option<Box<PlanFile>>,
}

/// The bytes of a saved plan, of which only the excerpt was read yet.
pub struct SavedPlan<'a> {
    /// The same plan from fewer inputs: for whoever finds the state at its head.
    pub excerpt: Option<PlanFile>,
    /// The text that the state keeps of it, where there is an excerpt.
    made_of: &'a str,
    whole: &'a [u8],
}

/// The form on disk.
#[derive(Serialize, Deserialize)]
struct Body {
    program: String,
    modules: ModuleFiles,
    files: FunctionFiles,
    variables: BTreeMap<String, Kept>,
    /// Names; older files don't say.
    #[serde(default)]
    given_ephemeral: BTreeSet<String>,
    options: StoredOptions,
    lineage: String,
    serial: u64,
    #[serde(default)]
    head: Option<Head>,
    resources: Vec<StoredRecord>,
    outputs: Vec<(String, String, bool)>,
    answers: BTreeMap<String, StoredAnswer>,
    started: Timestamp,
    seed: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
struct StoredOptions {
    mode: String,
    refresh: bool,
    #[serde(default)]
    look_at: Vec<String>,
    targets: Vec<String>,
    excludes: Vec<String>,
    replace: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    moves: Vec<(String, String)>,
    workspace: String,
    cwd: String,
}

#[derive(Serialize, Deserialize)]
struct StoredRecord {
    key: ResourceKey,
    type_name: Arc<str>,
    provider: Arc<str>,
    schema_version: u64,
    attributes: Arc<str>,
    sensitive_paths: Arc<str>,
    dependencies: Vec<Arc<str>>,
    status: Status,
    create_before_destroy: bool,
    protected: bool,
    version: i64,
}

impl PlanFile {
    /// The bytes of the file.
    pub fn write(&self) -> Result<Vec<u8>, PlanFileError> {
        let excerpt = self.excerpt.as_ref().map_or_else(|| Ok(Vec::new()), |e| e.body())?;
        // What the excerpt leaves out belongs to the run's record all the same.
        let made_of = match (&self.excerpt, self.made_of()) {
            (Some(_), Some(made_of)) => made_of.write()?.text.0,
            _ => "".into(),
        };
        let mut content = format!("{} {}\n", excerpt.len(), made_of.len()).into_bytes();
        content.extend_from_slice(&excerpt);
        content.extend_from_slice(made_of.as_bytes());
        content.extend_from_slice(&self.body()?);
        let mut bytes = format!("{MAGIC} {VERSION}\n{}\n", blake3::hash(&content).to_hex()).into_bytes();
        bytes.extend_from_slice(&content);
        Ok(bytes)
    }

    /// What a run that applies it is made of; none if it only takes note.
    pub fn made_of(&self) -> Option<MadeOf> {
        (self.options.mode != PlanMode::RefreshOnly).then(|| MadeOf {
            program: self.program.clone(),
            modules: self.modules.clone(),
            files: self.files.clone(),
            variables: self.variables.clone(),
            given_ephemeral: self.given_ephemeral.clone(),
            destroy: self.options.mode == PlanMode::Destroy,
            partial: !self.options.targets.is_empty() || !self.options.excludes.is_empty(),
        })
    }

    fn body(&self) -> Result<Vec<u8>, PlanFileError> {
        let kept = |(name, value): (&String, &Value)| {
            if value.marks_deep().contains(Marks::EPHEMERAL) {
                return None;
            }
            let kept = Kept::new(value).ok_or_else(|| {
                PlanFileError::Unsaveable(format!("the value of variable {name} is not known"))
            });
            Some(kept.map(|kept| (name.clone(), kept)))
        };
        let body = Body {
            program: self.program.clone(),
            modules: self.modules.clone(),
            files: self.files.clone(),
            variables: self.variables.iter().filter_map(kept).collect::<Result<_, _>>()?,
            given_ephemeral: self.given_ephemeral.clone(),
            options: store_options(&self.options),
            lineage: self.snapshot.lineage.clone(),
            serial: self.snapshot.serial,
            head: self.head.clone(),
            resources: self.snapshot.resources.iter().map(store_record).collect(),
            outputs: self
                .snapshot
                .outputs
                .iter()
                .map(|o| (o.name.clone(), o.value.to_string(), o.sensitive))
                .collect(),
            answers: self.answers.to_stored(),
            started: self.started,
            seed: format!("{:032x}", self.seed),
            digest: self.digest.clone(),
        };
        serde_json::to_vec(&body).map_err(|e| PlanFileError::Unsaveable(e.to_string()))
    }

    /// Reads a file; anything that is not exactly what [`PlanFile::write`] gave is refused.
    pub fn read(bytes: &[u8]) -> Result<PlanFile, PlanFileError> {
        let SavedPlan { excerpt, whole, .. } = SavedPlan::read(bytes)?;
        Ok(PlanFile { excerpt: excerpt.map(Box::new), ..read_body(whole)? })
    }

    /// The configuration that the plan was made from.
    pub fn configuration(&self, schemas: &Schemas) -> (Configuration, Diagnostics) {
        load(
            &LoadOptions { root: ".".into(), version: self.program.clone(), ..LoadOptions::default() },
            &self.modules,
            schemas,
        )
    }

    /// What makes the plan again, on the state that it was made on. `given`: values of variables that are not in the file.
    pub fn inputs(
        &self,
        configuration: Arc<Configuration>,
        schemas: Schemas,
        given: &RootVariables,
    ) -> Inputs {
        let mut variables = given.clone();
        variables.extend(self.variables.clone());
        Inputs {
            configuration,
            schemas,
            variables,
            options: self.options.clone(),
            snapshot: self.snapshot.clone(),
            files: Arc::new(self.files.clone()),
            started: self.started,
            now: self.started,
            seed: self.seed,
        }
    }

    /// The plan, made again from what is in the file alone. An error if that isn't the plan that was saved: the program has changed.
    pub fn plan(&self, configuration: Arc<Configuration>, schemas: Schemas) -> Result<Plan, PlanFileError> {
        let mut machine = Machine::new(self.inputs(configuration, schemas, &RootVariables::new()));
        while machine.phase() == Phase::Planning {
            let requests = machine.next();
            for (id, request) in requests {
                let answer = self.answer(&machine, &request).or_else(|| unanswerable(&request));
                let answer = answer.expect("planning asks for nothing that changes a service");
                machine.answer(id, answer, self.started);
            }
        }
        let plan = machine.take_plan().unwrap_or_default();
        if plan.digest != self.digest {
            let why =
                format!("it was made by version {}, and this one would plan something else", self.program);
            return Err(PlanFileError::Damaged(why));
        }
        Ok(plan)
    }

    /// What the file has as an answer to a request.
    pub fn answer(&self, machine: &Machine, request: &Request) -> Option<crate::Answer> {
        self.answers.answer(machine.provider_of(request), request)
    }
}

impl SavedPlan<'_> {
    /// Reads a file as far as its excerpt; refuses what [`PlanFile::read`] refuses for its form or its checksum.
    pub fn read(bytes: &[u8]) -> Result<SavedPlan<'_>, PlanFileError> {
        let line = |bytes: &[u8]| bytes.iter().position(|b| *b == b'\n');
        let end = line(bytes).filter(|end| *end < 64).ok_or(PlanFileError::Foreign)?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| PlanFileError::Foreign)?;
        let text = head.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(' '));
        let version = text.and_then(|text| text.parse::<u32>().ok().filter(|n| n.to_string() == text));
        // The checksum is of what follows: here only what `write` gives will do.
        let version = version.filter(|version| *version > 0).ok_or(PlanFileError::Foreign)?;
        if version > VERSION {
            return Err(PlanFileError::Newer { found: version, known: VERSION });
        }
        let damaged = |why: &str| PlanFileError::Damaged(why.to_owned());
        let rest = &bytes[end + 1..];
        let end = line(rest).ok_or_else(|| damaged("it is cut off"))?;
        let (hash, content) = (&rest[..end], &rest[end + 1..]);
        if blake3::hash(content).to_hex().as_bytes() != hash {
            return Err(damaged("its checksum is wrong"));
        }
        if version < 2 {
            return Ok(SavedPlan { excerpt: None, made_of: "", whole: content });
        }
        let cut_off = || damaged("it is cut off");
        let end = line(content).ok_or_else(cut_off)?;
        let lengths = std::str::from_utf8(&content[..end]).ok().and_then(|text| text.split_once(' '));
        let lengths = lengths.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let (excerpt_length, made_of_length) = lengths.ok_or_else(cut_off)?;
        let (excerpt, rest) = content[end + 1..].split_at_checked(excerpt_length).ok_or_else(cut_off)?;
        let (made_of, whole) = rest.split_at_checked(made_of_length).ok_or_else(cut_off)?;
        let excerpt = if excerpt.is_empty() { None } else { Some(read_body(excerpt)?) };
        let made_of = std::str::from_utf8(made_of).map_err(|_| cut_off())?;
        Ok(SavedPlan { excerpt, made_of, whole })
    }

    /// What a run that applies it is made of; none if it only takes note, or can't be kept.
    pub fn made_of(&self) -> Option<KeptMadeOf> {
        match self.made_of.is_empty() {
            false => Some(KeptMadeOf::new(self.made_of)),
            true => self.whole().ok()?.made_of()?.write().ok(),
        }
    }

    /// All of it.
    pub fn whole(&self) -> Result<PlanFile, PlanFileError> {
        read_body(self.whole)
    }
}

fn read_body(body: &[u8]) -> Result<PlanFile, PlanFileError> {
    let body: Body = serde_json::from_slice(body).map_err(|e| PlanFileError::Damaged(e.to_string()))?;
    let damaged = |why: String| PlanFileError::Damaged(why);
    let mut variables = RootVariables::new();
    for (name, kept) in &body.variables {
        variables.insert(name.clone(), kept.value().map_err(damaged)?);
    }
    let snapshot = Snapshot {
        lineage: body.lineage,
        serial: body.serial,
        resources: body.resources.into_iter().map(read_record).collect(),
        outputs: body
            .outputs
            .into_iter()
            .map(|(name, value, sensitive)| OutputRecord { name, value: value.into(), sensitive })
            .collect(),
        ..Snapshot::default()
    };
    Ok(PlanFile {
        program: body.program,
        modules: body.modules,
        files: body.files,
        variables,
        given_ephemeral: body.given_ephemeral,
        options: read_options(body.options).map_err(damaged)?,
        snapshot: Arc::new(snapshot),
        head: body.head,
        answers: Answers::from_stored(body.answers).map_err(damaged)?,
        started: body.started,
        seed: u128::from_str_radix(&body.seed, 16).map_err(|e| damaged(e.to_string()))?,
        digest: body.digest,
        excerpt: None,
    })
}

fn store_options(options: &PlanOptions) -> StoredOptions {
    StoredOptions {
        mode: match options.mode {
            PlanMode::Normal => "normal",
            PlanMode::Destroy => "destroy",
            PlanMode::RefreshOnly => "refresh_only",
        }
        .into(),
        refresh: options.refresh,
        look_at: options.look_at.iter().map(ToString::to_string).collect(),
        targets: options.targets.iter().map(ToString::to_string).collect(),
        excludes: options.excludes.iter().map(ToString::to_string).collect(),
        replace: options.replace.iter().map(ToString::to_string).collect(),
        moves: options.moves.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect(),
        workspace: options.workspace.clone(),
        cwd: options.cwd.clone(),
    }
}

fn read_options(stored: StoredOptions) -> Result<PlanOptions, String> {
    let targets = |texts: &[String]| -> Result<Vec<Target>, String> {
        texts
            .iter()
            .map(|t| t.parse().map_err(|e: pilotis_schema::address::AddressError| e.to_string()))
            .collect()
    };
    let instances = |texts: &[String]| -> Result<Vec<Instance>, String> {
        texts.iter().map(|t| t.parse().map_err(|_| format!("{t} is no address"))).collect()
    };
    let moves = |(from, to): &(String, String)| {
        let both = instances(&[from.clone(), to.clone()])?;
        let [from, to] = <[Instance; 2]>::try_from(both).map_err(|_| "a move has two ends".to_owned())?;
        Ok((from, to))
    };
    Ok(PlanOptions {
        mode: match stored.mode.as_str() {
            "normal" => PlanMode::Normal,
            "destroy" => PlanMode::Destroy,
            "refresh_only" => PlanMode::RefreshOnly,
            other => return Err(format!("there is no mode {other}")),
        },
        refresh: stored.refresh,
        look_at: instances(&stored.look_at)?,
        targets: targets(&stored.targets)?,
        excludes: targets(&stored.excludes)?,
        replace: instances(&stored.replace)?,
        moves: stored.moves.iter().map(moves).collect::<Result<_, String>>()?,
        workspace: stored.workspace,
        cwd: stored.cwd,
        // Plans of tests are not saved.
        overrides: crate::Overrides::default(),
    })
}

fn store_record(record: &ResourceRecord) -> StoredRecord {
    StoredRecord {
        key: record.key.clone(),
        type_name: record.type_name.clone(),
        provider: record.provider.clone(),
        schema_version: record.schema_version,
        attributes: record.attributes.clone(),
        sensitive_paths: record.sensitive_paths.clone(),
        dependencies: record.dependencies.clone(),
        status: record.status,
        create_before_destroy: record.create_before_destroy,
        protected: record.protected,
        version: record.version,
    }
}

fn read_record(stored: StoredRecord) -> ResourceRecord {
    let digest = crate::record::digest(&stored.attributes, &stored.sensitive_paths);
    ResourceRecord {
        key: stored.key,
        type_name: stored.type_name,
        provider: stored.provider,
        schema_version: stored.schema_version,
        attributes: stored.attributes,
        sensitive_paths: stored.sensitive_paths,
        dependencies: stored.dependencies,
        status: stored.status,
        create_before_destroy: stored.create_before_destroy,
        protected: stored.protected,
        digest,
        version: stored.version,
    }
}
