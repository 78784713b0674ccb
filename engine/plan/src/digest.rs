//! The digest of a plan: a hash of what it does.
//!
//! Equal digests mean that the same is done: the same objects, changed in the same way. What is only looked at, the order, words for
//! people, and secrets are no part of it; of a secret only that it changes is.

use pilotis_value::{Marks, Type, Value};

use crate::{OutputChange, PlanAction, PlannedPrograms, ResourceChange};

/// Changes the digest when the form of what is hashed changes.
const VERSION: &[u8] = b"pilotis plan 1\n";

/// Makes a digest. Changes are added in address order.
pub(crate) struct PlanDigest(blake3::Hasher);

impl PlanDigest {
    pub(crate) fn new() -> PlanDigest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(VERSION);
        PlanDigest(hasher)
    }

    fn text(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }

    fn option(&mut self, text: Option<&str>) {
        self.0.update(&[u8::from(text.is_some())]);
        self.text(text.unwrap_or_default());
    }

    fn value(&mut self, value: &Value) {
        let mut canonical = Vec::with_capacity(256);
        blind(value).write_canonical(&mut canonical);
        self.0.update(&(canonical.len() as u64).to_le_bytes()).update(&canonical);
    }

    /// Adds a change; `key` are the attributes that identify an object of the type. A no-op that moves and imports nothing adds
    /// nothing.
    pub(crate) fn change(&mut self, change: &ResourceChange, key: &[String]) {
        let idle = change.action == PlanAction::NoOp;
        if idle && change.moved_from.is_none() && change.importing.is_none() {
            return;
        }
        self.0.update(b"R");
        self.text(&change.address.to_string());
        self.option(change.deposed.as_deref());
        self.option(change.moved_from.as_ref().map(ToString::to_string).as_deref());
        self.option(change.importing.as_deref());
        self.text(&change.provider);
        self.text(match change.action {
            PlanAction::NoOp => "no-op",
            PlanAction::Read => "read",
            PlanAction::Create => "create",
            PlanAction::Update => "update",
            PlanAction::DeleteThenCreate => "delete, create",
            PlanAction::CreateThenDelete => "create, delete",
            PlanAction::Delete => "delete",
            PlanAction::Forget => "forget",
        });
        match change.action {
            PlanAction::NoOp => {}
            PlanAction::Update => self.differences(&change.before, &change.after),
            _ => {
                for name in key {
                    if let Some(value) = change.before.get(name) {
                        self.text(name);
                        self.value(value);
                    }
                }
                self.value(&change.after);
            }
        }
    }

    fn differences(&mut self, before: &Value, after: &Value) {
        for (name, value) in after.as_entries().into_iter().flatten() {
            let was = before.get(name);
            if was == Some(value) {
                continue;
            }
            self.text(name);
            if let Some(was) = was {
                self.value(was);
            }
            self.value(value);
        }
    }

    /// Adds a change of an output.
    pub(crate) fn output(&mut self, change: &OutputChange) {
        if change.before == change.after {
            return;
        }
        self.0.update(b"O");
        self.text(&change.name);
        self.0.update(&[u8::from(change.sensitive)]);
        for value in [&change.before, &change.after] {
            self.0.update(&[u8::from(value.is_some())]);
            if let Some(value) = value {
                self.value(value);
            }
        }
    }

    /// Adds what is run for an object.
    pub(crate) fn programs(&mut self, programs: &PlannedPrograms) {
        self.0.update(b"P");
        self.text(&programs.address.to_string());
        self.0.update(&[u8::from(programs.before_removal)]);
        for arguments in &programs.arguments {
            self.value(arguments);
        }
    }

    /// The digest, in hex.
    pub(crate) fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

/// The value without its secrets.
fn blind(value: &Value) -> Value {
    if !value.has_sensitive() {
        return value.clone();
    }
    let hide = &mut |_: &pilotis_value::Path, v: Value| -> Result<Value, std::convert::Infallible> {
        let sensitive = v.marks().contains(Marks::SENSITIVE);
        Ok(if sensitive { Value::null(Type::Dynamic).with_marks(Marks::SENSITIVE) } else { v })
    };
    match value.transform(hide) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
