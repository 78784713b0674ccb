//! A service that lives in a map, and does what requests ask of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pilotis_plan::{Answer, Connected, Created, Failure, Found, Listing, ProviderId, Request};
use pilotis_value::{Type, Value};

use super::late::{Late, Objects};

/// How long the name of a `sim_estate` that was removed stays taken.
pub const RETENTION: i64 = 300;

/// The world.
#[derive(Clone, Default)]
pub struct World {
    /// Objects by id, with their type.
    pub objects: Objects,
    /// What is only marked for deletion, and until when its name is taken.
    pub marked: BTreeMap<String, (Value, i64)>,
    /// What looks may still show.
    pub late: Late,
    /// The clock.
    pub now: i64,
    /// The next `sim_pair` is left half made: its second call never comes.
    pub half: bool,
    /// Every call, in order: `create sim_thing.a`, `list sim_thing 2`, `read 1` …
    pub log: Vec<String>,
    /// What data sources say, by name.
    pub answers: BTreeMap<String, String>,
    /// Addresses whose next effect fails before anything happens.
    pub refuse: BTreeSet<String>,
    /// Addresses whose next effect happens, and whose answer is lost.
    pub lose: BTreeSet<String>,
    /// Listings are not proven complete.
    pub incomplete: bool,
    /// Listings and reads fail with this.
    pub blind: Option<String>,
    /// Connecting fails with this.
    pub unreachable: Option<String>,
    /// For measurements: names may be taken twice, listings say what the asker knows, nothing is written down.
    pub free: bool,
    pub counter: u64,
    /// What is open: address and token. Dies with the process that opened it.
    pub open: BTreeMap<String, String>,
    /// The tokens that connections were made with.
    pub connected: BTreeMap<ProviderId, String>,
    /// Names that can't be opened.
    pub locked: BTreeSet<String>,
}

/// `object` with other values of some attributes.
pub fn with<const N: usize>(object: &Value, changes: [(&str, Value); N]) -> Value {
    let mut entries = object.as_entries().cloned().unwrap_or_default();
    entries.extend(changes.into_iter().map(|(name, value)| (name.into(), value)));
    Value::object(entries)
}

impl World {
    pub fn answer(&mut self, request: Request) -> Answer {
        self.check_token(&request);
        match request {
            Request::Connect { provider, config, .. } => {
                if let Some(token) = config.get("token").and_then(Value::as_str) {
                    self.log.push(format!("connect with {token}"));
                    self.connected.insert(provider, token.to_owned());
                }
                Answer::Connected(match &self.unreachable {
                    Some(why) => Err(Failure::new(why)),
                    None => {
                        Ok(Connected { host: "sim.example".into(), parallelism: 100, lag: self.late.lag })
                    }
                })
            }
            Request::Open { address, config, .. } => Answer::Opened(self.open(&address, &config).map(Some)),
            Request::Close { address, .. } => {
                self.log.push(format!("close {address}"));
                let closed = self.open.remove(&*address);
                assert!(closed.is_some(), "{address} is not open");
                Answer::Closed(Ok(()))
            }
            Request::List { type_name, scopes, wanted, .. } => {
                if self.free {
                    let echo = |objects: Vec<Value>| Ok(Listing { objects, complete: true });
                    return Answer::Listed(wanted.into_iter().map(echo).collect());
                }
                let asked: usize = wanted.iter().map(Vec::len).sum();
                self.log.push(format!("list {type_name} {} for {asked}", scopes.len()));
                let seen = self.late.view(&self.objects, self.now).into_owned();
                Answer::Listed(scopes.iter().map(|scope| self.list(&seen, &type_name, scope)).collect())
            }
            Request::Read { objects, .. } => {
                self.log.push(format!("read {}", objects.len()));
                let seen = self.late.view(&self.objects, self.now).into_owned();
                Answer::Read(objects.iter().map(|(t, prior)| self.read(&seen, t, prior)).collect())
            }
            Request::ReadData { sources, .. } => {
                self.log.push(format!("data {}", sources.len()));
                Answer::Data(sources.iter().map(|(_, config)| self.data(config)).collect())
            }
            Request::Import { id, .. } => {
                self.log.push(format!("import {id}"));
                let found = self.objects.get(&id).map(|(_, o)| shown(o));
                Answer::Imported(found.ok_or_else(|| Failure::new(format!("There is no object {id}"))))
            }
            Request::Find { type_name, planned, known, .. } => {
                self.log.push(format!("find {type_name}"));
                if let Some(why) = &self.blind {
                    return Answer::Found(Err(Failure::new(why)));
                }
                let seen = self.late.view(&self.objects, self.now).into_owned();
                Answer::Found(Ok(match &*type_name {
                    "sim_key" => self.revoke(&seen, &planned, &known),
                    _ => self.find(&seen, &type_name, &planned),
                }))
            }
            Request::Create { address, type_name, planned, .. } => {
                if self.free {
                    let object = self.create(&type_name, &planned);
                    return Answer::Created(Ok(Created { object, error: None }));
                }
                self.log.push(format!("create {address}"));
                if let Some(failure) = self.refused(&address) {
                    return Answer::Created(Err(failure));
                }
                if let Some(failure) = self.is_taken(&type_name, &planned) {
                    return Answer::Created(Err(failure));
                }
                if let Found::Object(twin) = self.find(&self.objects, &type_name, &planned) {
                    let why = format!("{:?} is taken already", twin.get("name"));
                    return Answer::Created(Err(Failure::new(why)));
                }
                let object = self.create(&type_name, &planned);
                if self.lose.remove(&*address) {
                    return Answer::Created(Err(Failure::new("No answer").unknown()));
                }
                Answer::Created(Ok(Created { object, error: None }))
            }
            Request::Update { address, prior, planned, .. } => {
                self.log.push(format!("update {address}"));
                if let Some(failure) = self.refused(&address) {
                    return Answer::Updated(Err(failure));
                }
                let object = self.update(&prior, &planned);
                if self.lose.remove(&*address) {
                    return Answer::Updated(Err(Failure::new("No answer").unknown()));
                }
                Answer::Updated(object)
            }
            Request::Delete { address, prior, .. } => {
                self.log.push(format!("delete {address}"));
                if let Some(failure) = self.refused(&address) {
                    return Answer::Deleted(Err(failure));
                }
                self.remove(prior.get("id").and_then(Value::as_str).unwrap_or_default());
                if self.lose.remove(&*address) {
                    return Answer::Deleted(Err(Failure::new("No answer").unknown()));
                }
                Answer::Deleted(Ok(()))
            }
            Request::Run { address, program } => {
                self.log.push(format!("run {address}: {}", program.command));
                let fails = program.command.starts_with("exit");
                Answer::Ran(if fails { Err(Failure::new("local-exec provisioner error")) } else { Ok(()) })
            }
            Request::Commit(_) | Request::Wait { .. } => {
                unreachable!("the state and the clock are not the world")
            }
        }
    }

    fn open(&mut self, address: &str, config: &Value) -> Result<Value, Failure> {
        self.log.push(format!("open {address}"));
        let name = config.get("name").and_then(Value::as_str).unwrap_or_default();
        if self.locked.contains(name) {
            return Err(Failure::new("The service said no"));
        }
        self.counter += 1;
        let token = format!("token-{} of {name}", self.counter);
        let twice = self.open.insert(address.to_owned(), token.clone());
        assert!(twice.is_none(), "{address} is open already");
        Ok(with(config, [("value", Value::string(token))]))
    }

    /// Whatever a call rests on must be open.
    fn check_token(&self, request: &Request) {
        let is_open = |token: &str| self.open.values().any(|open| open == token);
        let provider = match request {
            Request::Connect { config, .. } => {
                let token = config.get("token").and_then(Value::as_str);
                return assert!(token.is_none_or(is_open), "connected with {token:?}, which is closed");
            }
            Request::List { provider, .. }
            | Request::Read { provider, .. }
            | Request::ReadData { provider, .. }
            | Request::Import { provider, .. }
            | Request::Open { provider, .. }
            | Request::Close { provider, .. }
            | Request::Find { provider, .. }
            | Request::Create { provider, .. }
            | Request::Update { provider, .. }
            | Request::Wait { provider, .. }
            | Request::Delete { provider, .. } => provider,
            Request::Commit(_) | Request::Run { .. } => return,
        };
        let token = self.connected.get(provider);
        assert!(token.is_none_or(|t| is_open(t)), "{token:?} is closed, and used by {request:?}");
        if let Request::Create { planned, .. } | Request::Update { planned, .. } = request {
            let key = planned.get("key_wo").and_then(Value::as_str);
            assert!(key.is_none_or(is_open), "{key:?} is closed, and sent by {request:?}");
        }
    }

    /// The process died: so does what it had open.
    pub fn process_ends(&mut self) {
        self.open.clear();
        self.connected.clear();
    }

    fn refused(&mut self, address: &str) -> Option<Failure> {
        self.refuse.remove(address).then(|| Failure::new("The service said no"))
    }

    fn list(&self, seen: &Objects, type_name: &Arc<str>, scope: &Value) -> Result<Listing, Failure> {
        if let Some(why) = &self.blind {
            return Err(Failure::new(why));
        }
        let in_scope = |o: &Value| scope.as_entries().into_iter().flatten().all(|(n, v)| o.get(n) == Some(v));
        let objects = seen.values().filter(|(t, o)| t == type_name && in_scope(o));
        let lacking = |o: &Value| match o.get("script") {
            Some(_) => with(&shown(o), [("script", Value::null(Type::String))]),
            None => shown(o),
        };
        let objects = objects.map(|(_, o)| lacking(o));
        // Half of them, if a page was lost.
        let objects = if self.incomplete { objects.step_by(2).collect() } else { objects.collect() };
        Ok(Listing { objects, complete: !self.incomplete })
    }

    fn read(&self, seen: &Objects, type_name: &str, prior: &Value) -> Result<Option<Value>, Failure> {
        if type_name == "terraform_data" {
            return Ok(Some(prior.clone()));
        }
        if let Some(why) = &self.blind {
            return Err(Failure::new(why));
        }
        let id = prior.get("id").and_then(Value::as_str).unwrap_or_default();
        Ok(seen.get(id).map(|(_, o)| shown(o)))
    }

    fn data(&self, config: &Value) -> Result<Value, Failure> {
        let name = config.get("name").and_then(Value::as_str).unwrap_or_default();
        let answer =
            self.answers.get(name).ok_or_else(|| Failure::new(format!("There is nothing called {name}")))?;
        Ok(with(config, [("value", Value::string(answer))]))
    }

    fn find(&self, seen: &Objects, type_name: &Arc<str>, planned: &Value) -> Found {
        // `terraform_data` has no name, and that of a `sim_key` may be taken twice.
        let is_named = !matches!(type_name.as_ref(), "terraform_data" | "sim_key");
        let same = |o: &Value, name: &str| {
            let plain = |v: &Value| v.get(name).map(|v| v.clone().unmark_deep().0);
            is_named && plain(o) == plain(planned)
        };
        let mut found = seen.values().filter(|(t, o)| t == type_name && same(o, "name") && same(o, "parent"));
        match found.next() {
            Some((_, object)) => Found::Object(shown(object)),
            None => Found::Absent,
        }
    }

    /// The newest key of a name that nobody has: worth nothing without its secret, so it is revoked.
    fn revoke(&mut self, seen: &Objects, planned: &Value, known: &[Value]) -> Found {
        let id = |o: &Value| o.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_known = |o: &Value| known.iter().any(|k| id(k) == id(o));
        let like = |o: &Value| o.get("name") == planned.get("name") && !is_known(o);
        let number = |id: &String| id.trim_start_matches("id-").parse::<u64>().unwrap();
        let newest = seen.values().filter(|(t, o)| &**t == "sim_key" && like(o)).map(|(_, o)| id(o));
        let Some(newest) = newest.max_by_key(number) else { return Found::Absent };
        self.remove(&newest);
        Found::Revoked
    }

    /// Removes an object; a `sim_estate` keeps its name for a while.
    fn remove(&mut self, id: &str) {
        let Some((type_name, object)) = self.objects.remove(id) else { return };
        if &*type_name == "sim_estate" {
            self.marked.insert(id.to_owned(), (object.clone(), self.now + RETENTION));
        }
        self.late.changes(id, Some((type_name, object)), self.now);
    }

    /// Something that is marked for deletion has its name.
    fn is_taken(&mut self, type_name: &str, planned: &Value) -> Option<Failure> {
        self.marked.retain(|_, (_, until)| *until > self.now);
        let name = planned.get("name")?.clone().unmark_deep().0;
        let mut marked = self.marked.values();
        let taken = type_name == "sim_estate" && marked.any(|(o, _)| o.get("name") == Some(&name));
        taken.then(|| Failure::new("The name is taken by something that is marked for deletion"))
    }

    fn create(&mut self, type_name: &Arc<str>, planned: &Value) -> Value {
        self.counter += 1;
        let id = format!("id-{}", self.counter);
        let mut object = self.complete(planned, &id);
        if std::mem::take(&mut self.half) && &**type_name == "sim_pair" {
            object = with(&object, [("value", Value::null(Type::String))]);
        }
        self.late.changes(&id, None, self.now);
        self.objects.insert(id, (type_name.clone(), object.clone()));
        object
    }

    fn update(&mut self, prior: &Value, planned: &Value) -> Result<Value, Failure> {
        let id = prior.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some((type_name, before)) = self.objects.get(&id).cloned() else {
            return Err(Failure::new(format!("There is no object {id}")));
        };
        self.late.changes(&id, Some((type_name.clone(), before)), self.now);
        self.counter += 1;
        let object = self.complete(planned, &id);
        self.objects.insert(id, (type_name, object.clone()));
        Ok(object)
    }

    /// The object, with what the service says of it.
    fn complete(&self, planned: &Value, id: &str) -> Value {
        let mut object = planned.clone().unmark_deep().0;
        if object.get("key_wo").is_some() {
            object = with(&object, [("key_wo", Value::null(Type::String))]);
        }
        for (name, value) in [
            ("id", Value::string(id)),
            ("note", Value::string("a note")),
            ("stamp", Value::number(i64::try_from(self.counter).unwrap())),
            ("token", Value::string(format!("token of {id}"))),
            ("secret", Value::string(format!("secret of {id}"))),
            ("output", planned.get("input").cloned().unwrap_or_else(|| Value::null(Type::Dynamic))),
        ] {
            let unknown = object.get(name).is_some_and(|v| !v.is_known());
            if unknown || (name == "stamp" && object.get(name).is_some()) {
                object = with(&object, [(name, value)]);
            }
        }
        let name_ports = |ports: &Value| {
            let ports = ports.as_elements().unwrap_or_default().iter().map(|p| {
                let named = p.get("name").is_some_and(Value::is_known);
                if named { p.clone() } else { with(p, [("name", Value::string("unnamed"))]) }
            });
            let ports: Vec<Value> = ports.collect();
            let element = Type::object([("number", Type::Number), ("name", Type::String)]);
            Value::set(element, ports)
        };
        match object.get("port").cloned() {
            Some(ports) => with(&object, [("port", name_ports(&ports))]),
            None => object,
        }
    }
}

/// What a service shows of an object: never its secrets.
fn shown(object: &Value) -> Value {
    let hidden = ["password", "token", "secret"].into_iter().filter(|name| object.get(name).is_some());
    hidden.fold(object.clone(), |object, name| with(&object, [(name, Value::null(Type::String))]))
}
