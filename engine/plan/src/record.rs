//! Objects as the state stores them, and back; and as they are shown.

use std::sync::Arc;

use pilotis_schema::{Block, NestedBlock, Nesting, ResourceSchema, SecretKind};
use pilotis_value::{Confided, EntryMap, Kind, Marks, Path, SharedType, Step, Type, Value, json};
use serde_json::Value as Json;

/// A type of objects: its schema, with what is made from that once.
#[derive(Debug)]
pub(crate) struct ObjectType {
    pub(crate) schema: Arc<ResourceSchema>,
    pub(crate) ty: Type,
    /// The type that most of its objects have.
    exact: SharedType,
    has_secrets: bool,
    has_write_only: bool,
    has_computed: bool,
}

/// An object in the form that is stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) attributes: Arc<str>,
    pub(crate) sensitive_paths: Arc<str>,
    pub(crate) digest: [u8; 32],
}

impl ObjectType {
    pub(crate) fn new(schema: Arc<ResourceSchema>) -> ObjectType {
        let ty = schema.block.implied_type();
        let has_secrets = any_attribute(&schema.block, &|a| a.secret.is_some());
        let has_write_only = any_attribute(&schema.block, &|a| a.write_only);
        let has_computed = any_attribute(&schema.block, &|a| a.is_computed());
        let exact = SharedType::default();
        ObjectType { schema, ty, exact, has_secrets, has_write_only, has_computed }
    }

    /// The attributes of a stored object, marked as it says and as the schema says.
    pub(crate) fn decode(&self, attributes: &str, sensitive_paths: &str) -> Result<Value, String> {
        let value = match json::decode(attributes.as_bytes(), &self.ty) {
            Ok(value) => value,
            Err(error) => self.decode_loosely(attributes).ok_or_else(|| error.to_string())?,
        };
        let value = self.mark_secrets(value);
        if matches!(sensitive_paths, "" | "[]") {
            return Ok(value);
        }
        Ok(value.mark_sensitive(&read_paths(sensitive_paths)?))
    }

    /// Attributes of an older schema: what this one doesn't have is left out, what doesn't fit any more is null.
    fn decode_loosely(&self, attributes: &str) -> Option<Value> {
        let Json::Object(stored) = serde_json::from_str(attributes).ok()? else { return None };
        let Type::Object(object) = &self.ty else { return None };
        let attribute = |(name, ty): (&ecow::EcoString, &Type)| {
            let read = |json: &Json| json::decode(json.to_string().as_bytes(), ty).ok();
            let value = stored.get(name.as_str()).and_then(read).unwrap_or_else(|| Value::null(ty.clone()));
            (name.clone(), value)
        };
        Some(Value::object(object.attributes.iter().map(attribute).collect()))
    }

    /// Says which of the attributes that the schema has doesn't fit its type.
    fn fits(&self, attributes: &str) -> Result<(), String> {
        let (Ok(Json::Object(stored)), Type::Object(object)) = (serde_json::from_str(attributes), &self.ty)
        else {
            return Err("its attributes are no object".to_owned());
        };
        for (name, ty) in &object.attributes {
            let Some(json) = stored.get(name.as_str()) else { continue };
            json::decode(json.to_string().as_bytes(), ty)
                .map_err(|e| format!("its attribute {name} doesn't fit the schema: {e}"))?;
        }
        Ok(())
    }

    /// The stored form of an object; it must be wholly known.
    pub(crate) fn encode(&self, value: &Value) -> Result<Encoded, String> {
        if value.as_entries().is_none() {
            return Err("it is no object".into());
        }
        let value = self.without_write_only(value);
        let mut attributes = Vec::with_capacity(256);
        json::encode(&value, &self.ty, &mut attributes).map_err(|e| e.to_string())?;
        let attributes = String::from_utf8(attributes).map_err(|e| e.to_string())?;
        let sensitive_paths = write_paths(&self.extra_sensitive(&value));
        let digest = digest(&attributes, &sensitive_paths);
        Ok(Encoded { attributes: attributes.into(), sensitive_paths: sensitive_paths.into(), digest })
    }

    /// Why a value that a provider gave can't be an object of this type, if it can't.
    pub(crate) fn misfit(&self, value: &Value) -> Option<String> {
        self.encode(value).err()
    }

    /// JSON of what is known and not secret in a value, and of its natural key, which may be a secret too (an address with a password in
    /// it): enough to find the object again. It is kept as the object's own record will be; nothing that lives for one run is in it.
    pub(crate) fn encode_public(&self, value: &Value) -> Arc<str> {
        let value = self.without_write_only(value);
        let mut public = public(&value);
        if let Some(mut entries) = public.as_entries().cloned() {
            for name in &self.schema.refresh.natural_key {
                if let Some(part) = value.get(name).filter(|part| is_kept(part)) {
                    entries.insert(name.as_str().into(), part.clone().unmark_deep().0);
                }
            }
            public = Value::object(entries);
        }
        let mut out = Vec::new();
        match json::encode(&public, &self.ty, &mut out) {
            Ok(()) => String::from_utf8(out).map_or_else(|_| "{}".into(), Into::into),
            Err(_) => "{}".into(),
        }
    }

    /// True if two states of an object differ in nothing but what changes by itself (`volatile`).
    pub(crate) fn differs_by_itself_only(&self, before: &Value, after: &Value) -> bool {
        let settled = |value: &Value| {
            map_block(&self.schema.block, value, &|attribute, v| {
                if attribute.volatile { Value::null(attribute.ty.without_optional()) } else { v.clone() }
            })
        };
        settled(before) == settled(after)
    }

    /// The value with secrets of the schema marked, and its type shared.
    pub(crate) fn mark_secrets(&self, value: Value) -> Value {
        self.exact.share(if self.has_secrets { mark_block(&self.schema.block, value) } else { value })
    }

    /// An object as it is shown, before and after a change: what the service or the provider says in it, and that holds a text which is
    /// sensitive in the same object, is sensitive too. Arguments are not looked at: a configuration that says something plainly means it.
    ///
    /// Only what is shown has these marks. They come from a value and not from where it is from, so they may be there in one run and not
    /// in the next: nothing may be refused, changed or stored because of them.
    pub(crate) fn shown(&self, before: &Value, after: &Value) -> (Value, Value) {
        let as_it_is = || (before.clone(), after.clone());
        if !(self.has_computed && (before.has_sensitive() || after.has_sensitive())) {
            return as_it_is();
        }
        // Of both: an id may go on saying what a secret was before.
        let confided = Confided::of([before, after]);
        if confided.is_empty() {
            return as_it_is();
        }
        let mark = |value: &Value| {
            map_block(&self.schema.block, value, &|attribute, v| {
                if attribute.is_computed() { confided.mark(v) } else { v.clone() }
            })
        };
        (mark(before), mark(after))
    }

    /// The value with what is never stored set to null.
    pub(crate) fn without_write_only(&self, value: &Value) -> Value {
        if !self.has_write_only {
            return value.clone();
        }
        map_block(&self.schema.block, value, &|attribute, v| {
            if attribute.write_only { Value::null(attribute.ty.without_optional()) } else { v.clone() }
        })
    }

    /// The value with what is never stored taken from the configuration, for a call.
    pub(crate) fn with_write_only(&self, value: &Value, config: &Value) -> Value {
        if !self.has_write_only {
            return value.clone();
        }
        let Some(entries) = value.as_entries() else { return value.clone() };
        let mut entries = entries.clone();
        for (name, attribute) in self.schema.block.attributes.iter().filter(|(_, a)| a.write_only) {
            let given = config.get(name).cloned();
            let value = given.unwrap_or_else(|| Value::null(attribute.ty.without_optional()));
            entries.insert(name.as_str().into(), value);
        }
        Value::object(entries).with_marks(value.marks())
    }

    /// What was seen, with what can't be seen taken from the record.
    pub(crate) fn merge_seen(&self, seen: &Value, recorded: &Value) -> Value {
        let (Some(new), Some(old)) = (seen.as_entries(), recorded.as_entries()) else { return seen.clone() };
        let mut entries: Option<EntryMap> = None;
        for (name, attribute) in &self.schema.block.attributes {
            let Some(was) = old.get(name.as_str()) else { continue };
            let Some(is) = new.get(name.as_str()) else { continue };
            let keep = match attribute.secret {
                Some(SecretKind::GivenNeverReturned | SecretKind::GivenMasked) => true,
                Some(SecretKind::MadeShownOnce) => is.is_null(),
                Some(SecretKind::MadeReadable | SecretKind::Readable) | None => false,
            };
            if keep && is != was {
                entries.get_or_insert_with(|| new.clone()).insert(name.as_str().into(), was.clone());
            }
        }
        let merged = entries.map_or_else(|| seen.clone(), |e| Value::object(e).with_marks(seen.marks()));
        let merged = self.mark_secrets(merged);
        // What a configuration made sensitive stays so.
        let marks = self.extra_sensitive(recorded);
        if marks.is_empty() { merged } else { merged.mark_sensitive(&marks) }
    }

    /// Places that are sensitive though the schema doesn't say so.
    fn extra_sensitive(&self, value: &Value) -> Vec<Path> {
        let mut paths = value.sensitive_paths();
        if self.has_secrets {
            let by_schema = |path: &Path| {
                let attribute = path.root_attribute().and_then(|name| self.schema.block.attributes.get(name));
                path.0.len() == 1 && attribute.is_some_and(|a| a.secret.is_some())
            };
            paths.retain(|path| !by_schema(path));
        }
        paths
    }
}

fn any_attribute(block: &Block, test: &dyn Fn(&pilotis_schema::Attribute) -> bool) -> bool {
    block.attributes.values().any(test) || block.blocks.values().any(|n| any_attribute(&n.block, test))
}

/// Digest of an object as it is stored.
pub(crate) fn digest(attributes: &str, sensitive_paths: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(attributes.as_bytes()).update(&[0]).update(sensitive_paths.as_bytes());
    *hasher.finalize().as_bytes()
}

/// A secret that is not set is none: null stays unmarked, as a configuration that doesn't say it is.
fn mark_block(block: &Block, value: Value) -> Value {
    map_block(block, &value, &|attribute, v| {
        if attribute.secret.is_some() && !v.is_null() {
            v.clone().with_marks(Marks::SENSITIVE)
        } else {
            v.clone()
        }
    })
}

/// Rebuilds a block's value attribute by attribute, nested blocks too.
fn map_block(
    block: &Block,
    value: &Value,
    change: &dyn Fn(&pilotis_schema::Attribute, &Value) -> Value,
) -> Value {
    let Some(old) = value.as_entries() else { return value.clone() };
    let mut entries = old.clone();
    for (name, attribute) in &block.attributes {
        if let Some(entry) = entries.get_mut(name.as_str()) {
            *entry = change(attribute, entry);
        }
    }
    for (name, nested) in &block.blocks {
        if let Some(entry) = entries.get_mut(name.as_str()) {
            *entry = map_nested(nested, entry, change);
        }
    }
    Value::object(entries).with_marks(value.marks())
}

fn map_nested(
    nested: &NestedBlock,
    value: &Value,
    change: &dyn Fn(&pilotis_schema::Attribute, &Value) -> Value,
) -> Value {
    let each = |v: &Value| map_block(&nested.block, v, change);
    let element = || nested.block.implied_type();
    let new = match (nested.nesting, value.as_elements(), value.as_entries()) {
        (Nesting::Single, ..) => return each(value),
        (Nesting::List, Some(items), _) => Value::list(element(), items.iter().map(each).collect()),
        (Nesting::Set, Some(items), _) => Value::set(element(), items.iter().map(each).collect()),
        (Nesting::Map, _, Some(entries)) => {
            Value::map(element(), entries.iter().map(|(k, v)| (k.clone(), each(v))).collect())
        }
        _ => return value.clone(),
    };
    new.with_marks(value.marks())
}

/// Known, and of nothing that lives for one run only.
fn is_kept(value: &Value) -> bool {
    value.is_wholly_known() && !value.marks_deep().contains(Marks::EPHEMERAL)
}

/// The value with nulls where it is unknown or sensitive.
fn public(value: &Value) -> Value {
    if !value.marks().is_empty() || !value.is_known() {
        return Value::null(value.ty());
    }
    if value.is_wholly_known() && value.marks_deep().is_empty() {
        return value.clone();
    }
    match value.kind() {
        Kind::Object(entries) => {
            Value::object(entries.items().iter().map(|(k, v)| (k.clone(), public(v))).collect())
        }
        // Nested blocks: what one says of itself stays in its place.
        Kind::List(_) => match (value.ty(), value.as_elements()) {
            (Type::List(element), Some(items)) if matches!(*element, Type::Object(_)) => {
                Value::list((*element).clone(), items.iter().map(public).collect())
            }
            (ty, _) => Value::null(ty),
        },
        // A part of another collection would be another collection.
        _ => Value::null(value.ty()),
    }
}

/// Paths as JSON: an array of arrays of steps (texts and numbers).
pub(crate) fn write_paths(paths: &[Path]) -> String {
    let steps = |path: &Path| {
        let until_set = path.0.iter().take_while(|s| !matches!(s, Step::Element(_)));
        let step = |step: &Step| match step {
            Step::Attribute(name) | Step::Key(name) => Json::from(name.as_str()),
            Step::Index(n) => Json::from(*n),
            Step::Element(_) => Json::Null,
        };
        Json::Array(until_set.map(step).collect())
    };
    Json::Array(paths.iter().map(steps).collect()).to_string()
}

/// Reads what [`write_paths`] wrote.
pub(crate) fn read_paths(text: &str) -> Result<Vec<Path>, String> {
    let wrong = || format!("the sensitive paths {text:?} are no array of arrays of steps");
    let json: Json = serde_json::from_str(text).map_err(|_| wrong())?;
    let step = |json: &Json| match json {
        Json::String(name) => Ok(Step::Attribute(name.as_str().into())),
        Json::Number(n) => n.as_u64().map(Step::Index).ok_or_else(wrong),
        _ => Err(wrong()),
    };
    let path =
        |json: &Json| json.as_array().ok_or_else(wrong)?.iter().map(step).collect::<Result<_, _>>().map(Path);
    json.as_array().ok_or_else(wrong)?.iter().map(path).collect()
}

/// Reads stored objects of one type: their attributes, with what is sensitive marked.
pub struct RecordReader(ObjectType);

impl RecordReader {
    /// For objects of this type.
    pub fn new(schema: Arc<ResourceSchema>) -> RecordReader {
        RecordReader(ObjectType::new(schema))
    }
    /// The attributes of one as they are shown, or why they can't be read.
    pub fn read(&self, record: &pilotis_state::ResourceRecord) -> Result<Value, String> {
        let value = self.stored(record)?;
        Ok(self.0.shown(&value, &value).0)
    }

    fn stored(&self, record: &pilotis_state::ResourceRecord) -> Result<Value, String> {
        let value = self.0.decode(&record.attributes, &record.sensitive_paths)?;
        Ok(self.0.mark_secrets(value))
    }

    /// The object as this program stores it, from how another one did; or why its attributes can't be taken over. Attributes of an older
    /// schema become those of this one; attributes that this program doesn't have are left out.
    pub fn adopt(
        &self,
        record: &pilotis_state::ResourceRecord,
    ) -> Result<pilotis_state::ResourceRecord, String> {
        let ours = self.0.schema.version;
        if record.schema_version > ours {
            return Err(format!(
                "it follows version {} of the schema of {}, and this program knows {ours}",
                record.schema_version, record.type_name
            ));
        }
        if record.schema_version == ours {
            self.0.fits(&record.attributes)?;
        }
        let Encoded { attributes, sensitive_paths, digest } = self.0.encode(&self.stored(record)?)?;
        let mut adopted = record.clone();
        (adopted.attributes, adopted.sensitive_paths, adopted.digest) = (attributes, sensitive_paths, digest);
        adopted.schema_version = ours;
        Ok(adopted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_nested_block_is_kept_to_find_the_object_again() {
        let text = |s: &str| Value::string(s);
        let metadata = |name: Value, uid: Value| {
            Value::object([("name".into(), name), ("uid".into(), uid)].into_iter().collect())
        };
        let block = metadata(text("dev"), Value::unknown(Type::String));
        let planned = Value::object(
            [
                ("metadata".into(), Value::list(block.ty(), vec![block.clone()])),
                ("token".into(), text("geheim").with_marks(Marks::SENSITIVE)),
                ("tags".into(), Value::list(Type::String, vec![text("a"), Value::unknown(Type::String)])),
            ]
            .into_iter()
            .collect(),
        );
        let public = public(&planned);
        let kept = metadata(text("dev"), Value::null(Type::String));
        assert_eq!(public.get("metadata"), Some(&Value::list(block.ty(), vec![kept])));
        assert!(public.get("token").unwrap().is_null());
        assert!(public.get("tags").unwrap().is_null(), "half a list would be another list");
    }
}
