//! What a plan was told, kept so that it can be made again: answers of services, module files, files that functions read.
//!
//! Answers are found again by what was asked, not by a number: a plan that is made again on another state asks in another order, and
//! for more or less.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use pilotis_config::{GitSource, ProviderRef, Sources};
use pilotis_lang::Files;
use pilotis_value::{Concealed, Marks, Type, Value, json};
use serde::{Deserialize, Serialize};

use crate::{Answer, Connected, Failure, Found, Listing, Request, RequestId};

/// A value as it is kept: JSON with its type, and what is sensitive of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    value: Concealed<serde_json::Value>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    sensitive: String,
}

impl Kept {
    /// None if it isn't wholly known.
    pub(crate) fn new(value: &Value) -> Option<Kept> {
        let mut text = Vec::new();
        json::encode(value, &Type::Dynamic, &mut text).ok()?;
        let paths = value.sensitive_paths();
        let sensitive = if paths.is_empty() { String::new() } else { crate::record::write_paths(&paths) };
        Some(Kept { value: Concealed(serde_json::from_slice(&text).ok()?), sensitive })
    }
    pub(crate) fn value(&self) -> Result<Value, String> {
        let text = self.value.to_string();
        let value = json::decode(text.as_bytes(), &Type::Dynamic).map_err(|e| e.to_string())?;
        if self.sensitive.is_empty() {
            return Ok(value);
        }
        Ok(value.mark_sensitive(&crate::record::read_paths(&self.sensitive)?))
    }
}

/// The answer to one question.
#[derive(Clone)]
enum Told {
    Connected(Connected),
    Listing(Listing),
    Object(Option<Value>),
    Value(Value),
    Failed(Failure),
}

/// The same, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredAnswer {
    Connected(Connected),
    Listing { objects: Vec<Kept>, complete: bool },
    Object(Option<Kept>),
    Value(Kept),
    Failed(Failure),
}

/// Answers by question. `Debug` counts them.
#[derive(Clone, Default)]
pub struct Answers {
    told: HashMap<String, Told>,
    open: HashMap<RequestId, Vec<String>>,
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answers({} told, {} open)", self.told.len(), self.open.len())
    }
}

/// What a request asks, one text for each answer that it gets. Empty: it isn't kept (it changes something, or may not be kept).
fn questions(provider: &str, request: &Request) -> Vec<String> {
    match request {
        Request::Connect { config, .. } => {
            vec![format!("connect {provider} {}", without_ephemeral(config).digest())]
        }
        Request::List { type_name, scopes, .. } => {
            scopes.iter().map(|s| format!("list {provider} {type_name} {}", s.digest())).collect()
        }
        Request::Read { objects, .. } => {
            objects.iter().map(|(ty, prior)| format!("read {provider} {ty} {}", prior.digest())).collect()
        }
        Request::ReadData { sources, .. } => {
            sources.iter().map(|(ty, config)| format!("data {provider} {ty} {}", config.digest())).collect()
        }
        Request::Import { type_name, id, .. } => vec![format!("import {provider} {type_name} {id}")],
        Request::Find { .. }
        | Request::Wait { .. }
        | Request::Open { .. }
        | Request::Close { .. }
        | Request::Commit(_)
        | Request::Create { .. }
        | Request::Update { .. }
        | Request::Delete { .. }
        | Request::Run { .. } => Vec::new(),
    }
}

/// A provider's configuration with null in place of each argument in which something lives for one run only: nothing that a file
/// holds depends on that, not even a digest.
fn without_ephemeral(config: &Value) -> Value {
    let Some(entries) = config.as_entries() else { return config.clone() };
    let stable = |value: &Value| match value.marks_deep().contains(Marks::EPHEMERAL) {
        true => Value::null(pilotis_value::Type::Dynamic),
        false => value.clone(),
    };
    Value::object(entries.iter().map(|(name, value)| (name.clone(), stable(value))).collect())
}

/// The value with null in place of what was there when a saved plan was made and isn't in its file.
pub(crate) fn without_withheld(value: &Value) -> Value {
    let known = value.transform::<std::convert::Infallible>(&mut |_, v| {
        let withheld = v.marks().contains(Marks::WITHHELD);
        Ok(if withheld { Value::null(v.ty()).with_marks(v.marks() - Marks::WITHHELD) } else { v })
    });
    match known {
        Ok(value) => value,
    }
}

impl Answers {
    /// Notes what a request asks.
    pub fn asked(&mut self, id: RequestId, provider: Option<&ProviderRef>, request: &Request) {
        let asked = questions(&provider.map(ToString::to_string).unwrap_or_default(), request);
        if !asked.is_empty() {
            self.open.insert(id, asked);
        }
    }

    /// Notes what came back.
    pub fn answered(&mut self, id: RequestId, answer: &Answer) {
        let Some(asked) = self.open.remove(&id) else { return };
        let each: Vec<Told> = match answer {
            Answer::Connected(result) => vec![told(result, |c| Told::Connected(c.clone()))],
            Answer::Listed(results) => {
                results.iter().map(|r| told(r, |l| Told::Listing(l.clone()))).collect()
            }
            Answer::Read(results) => results.iter().map(|r| told(r, |o| Told::Object(o.clone()))).collect(),
            Answer::Data(results) => results.iter().map(|r| told(r, |v| Told::Value(v.clone()))).collect(),
            Answer::Imported(result) => vec![told(result, |v| Told::Value(v.clone()))],
            _ => return,
        };
        self.told.extend(asked.into_iter().zip(each));
    }

    /// The answer to a request, if all of it was asked before.
    pub fn answer(&self, provider: Option<&ProviderRef>, request: &Request) -> Option<Answer> {
        let asked = questions(&provider.map(ToString::to_string).unwrap_or_default(), request);
        if asked.is_empty() {
            return None;
        }
        let each: Vec<&Told> = asked.iter().map(|q| self.told.get(q)).collect::<Option<_>>()?;
        let first = || each.first().map(|t| (*t).clone());
        Some(match request {
            Request::Connect { .. } => Answer::Connected(take(first()?, |t| match t {
                Told::Connected(c) => Some(c),
                _ => None,
            })?),
            Request::List { .. } => Answer::Listed(all(each, |t| match t {
                Told::Listing(l) => Some(l),
                _ => None,
            })?),
            Request::Read { .. } => Answer::Read(all(each, |t| match t {
                Told::Object(o) => Some(o),
                _ => None,
            })?),
            Request::ReadData { .. } => Answer::Data(all(each, |t| match t {
                Told::Value(v) => Some(v),
                _ => None,
            })?),
            Request::Import { .. } => Answer::Imported(take(first()?, |t| match t {
                Told::Value(v) => Some(v),
                _ => None,
            })?),
            _ => return None,
        })
    }

    pub(crate) fn to_stored(&self) -> BTreeMap<String, StoredAnswer> {
        let kept = |value: &Value| Kept::new(value);
        let store = |told: &Told| {
            Some(match told {
                Told::Connected(c) => StoredAnswer::Connected(c.clone()),
                Told::Listing(l) => StoredAnswer::Listing {
                    objects: l.objects.iter().map(kept).collect::<Option<_>>()?,
                    complete: l.complete,
                },
                Told::Object(None) => StoredAnswer::Object(None),
                Told::Object(Some(o)) => StoredAnswer::Object(Some(kept(o)?)),
                Told::Value(v) => StoredAnswer::Value(kept(v)?),
                Told::Failed(f) => StoredAnswer::Failed(f.clone()),
            })
        };
        self.told.iter().filter_map(|(q, t)| Some((q.clone(), store(t)?))).collect()
    }

    pub(crate) fn from_stored(stored: BTreeMap<String, StoredAnswer>) -> Result<Answers, String> {
        let mut answers = Answers::default();
        for (question, answer) in stored {
            let told = match answer {
                StoredAnswer::Connected(c) => Told::Connected(c),
                StoredAnswer::Listing { objects, complete } => {
                    let objects = objects.iter().map(Kept::value).collect::<Result<_, _>>()?;
                    Told::Listing(Listing { objects, complete })
                }
                StoredAnswer::Object(None) => Told::Object(None),
                StoredAnswer::Object(Some(o)) => Told::Object(Some(o.value()?)),
                StoredAnswer::Value(v) => Told::Value(v.value()?),
                StoredAnswer::Failed(f) => Told::Failed(f),
            };
            answers.told.insert(question, told);
        }
        Ok(answers)
    }
}

fn told<T>(result: &Result<T, Failure>, ok: impl FnOnce(&T) -> Told) -> Told {
    match result {
        Ok(value) => ok(value),
        Err(failure) => Told::Failed(failure.clone()),
    }
}

fn take<T>(told: Told, ok: impl Fn(Told) -> Option<T>) -> Option<Result<T, Failure>> {
    match told {
        Told::Failed(failure) => Some(Err(failure)),
        told => ok(told).map(Ok),
    }
}

fn all<T>(each: Vec<&Told>, ok: impl Fn(Told) -> Option<T> + Copy) -> Option<Vec<Result<T, Failure>>> {
    each.into_iter().map(|t| take(t.clone(), ok)).collect()
}

/// The answer to a request that a plan must not make again.
pub fn unanswerable(request: &Request) -> Option<Answer> {
    let why = || Failure::new("This was not asked when the plan was made");
    Some(match request {
        Request::Connect { .. } => Answer::Connected(Err(why())),
        Request::List { scopes, .. } => Answer::Listed(scopes.iter().map(|_| Err(why())).collect()),
        Request::Read { objects, .. } => Answer::Read(objects.iter().map(|_| Err(why())).collect()),
        Request::ReadData { sources, .. } => Answer::Data(sources.iter().map(|_| Err(why())).collect()),
        Request::Import { .. } => Answer::Imported(Err(why())),
        Request::Find { .. } => Answer::Found(Ok(Found::Unknown(why().summary))),
        Request::Commit(_) => Answer::Committed(Ok(())),
        Request::Wait { .. } => Answer::Waited,
        Request::Open { .. } => Answer::Opened(Ok(None)),
        Request::Close { .. } => Answer::Closed(Ok(())),
        Request::Create { .. } | Request::Update { .. } | Request::Delete { .. } | Request::Run { .. } => {
            return None;
        }
    })
}

/// Module files as they are read, kept by folder.
pub struct RecordingSources<'a> {
    inner: &'a dyn Sources,
    read: RefCell<BTreeMap<String, Vec<(String, String)>>>,
}

impl<'a> RecordingSources<'a> {
    /// Keeps what `inner` gives.
    pub fn new(inner: &'a dyn Sources) -> RecordingSources<'a> {
        RecordingSources { inner, read: RefCell::default() }
    }
    /// What was read.
    pub fn into_files(self) -> ModuleFiles {
        ModuleFiles(self.read.into_inner())
    }
}

impl Sources for RecordingSources<'_> {
    fn module_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        let files = self.inner.module_files(dir)?;
        self.read.borrow_mut().insert(dir.to_owned(), files.clone());
        Ok(files)
    }

    fn fetched(&self, source: &GitSource) -> Result<(), String> {
        self.inner.fetched(source)
    }
}

/// Module files by folder. `Debug` names them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleFiles(pub BTreeMap<String, Vec<(String, String)>>);

impl fmt::Debug for ModuleFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            |files: &[(String, String)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        f.debug_map().entries(self.0.iter().map(|(folder, files)| (folder, names(files)))).finish()
    }
}

impl Sources for ModuleFiles {
    fn module_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        self.0.get(dir).cloned().ok_or_else(|| format!("the saved plan has no folder {dir}"))
    }
}

/// Files that functions asked for, and what they got; `Debug` shows no content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionFiles {
    read: BTreeMap<String, Result<Concealed<Vec<u8>>, String>>,
    exists: BTreeMap<String, Result<bool, String>>,
    globs: Vec<(String, String, Result<Vec<String>, String>)>,
    absolute: BTreeMap<String, String>,
    home: Option<String>,
}

impl Files for FunctionFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let read = self.read.get(path).cloned();
        read.unwrap_or_else(|| Err("the saved plan didn't read it".into())).map(|content| content.0)
    }
    fn exists(&self, path: &str) -> Result<bool, String> {
        self.exists.get(path).cloned().unwrap_or_else(|| Err("the saved plan didn't ask for it".into()))
    }
    fn glob(&self, dir: &str, pattern: &str) -> Result<Vec<String>, String> {
        let found = self.globs.iter().find(|(d, p, _)| d == dir && p == pattern);
        found.map_or_else(|| Err("the saved plan didn't ask for it".into()), |(.., result)| result.clone())
    }
    fn absolute(&self, path: &str) -> String {
        self.absolute.get(path).cloned().unwrap_or_else(|| path.to_owned())
    }
    fn home(&self) -> Option<String> {
        self.home.clone()
    }
}

/// Files as functions ask for them, kept.
pub struct RecordingFiles {
    inner: Arc<dyn Files>,
    asked: Mutex<FunctionFiles>,
}

impl RecordingFiles {
    /// Keeps what `inner` gives.
    pub fn new(inner: Arc<dyn Files>) -> RecordingFiles {
        RecordingFiles { inner, asked: Mutex::default() }
    }
    /// What was asked for so far.
    pub fn files(&self) -> FunctionFiles {
        self.kept(|asked| asked.clone())
    }
    fn kept<T>(&self, change: impl FnOnce(&mut FunctionFiles) -> T) -> T {
        // Every change is one insertion: a poisoned lock holds whole data.
        change(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Files for RecordingFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let result = self.inner.read(path);
        self.kept(|asked| asked.read.insert(path.to_owned(), result.clone().map(Concealed)));
        result
    }
    fn exists(&self, path: &str) -> Result<bool, String> {
        let result = self.inner.exists(path);
        self.kept(|asked| asked.exists.insert(path.to_owned(), result.clone()));
        result
    }
    fn glob(&self, dir: &str, pattern: &str) -> Result<Vec<String>, String> {
        let result = self.inner.glob(dir, pattern);
        self.kept(|asked| asked.globs.push((dir.to_owned(), pattern.to_owned(), result.clone())));
        result
    }
    fn absolute(&self, path: &str) -> String {
        let result = self.inner.absolute(path);
        self.kept(|asked| asked.absolute.insert(path.to_owned(), result.clone()));
        result
    }
    fn home(&self) -> Option<String> {
        let result = self.inner.home();
        self.kept(|asked| asked.home.clone_from(&result));
        result
    }
}
