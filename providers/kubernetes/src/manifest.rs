//! `kubernetes_manifest`: any object, by server-side apply.
//!
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/>

use std::time::Duration;

use pilotis_sdk::json::to_json;
use pilotis_sdk::typed::{Made, Match, Resource as Typed};
use pilotis_sdk::value::{Marks, Type, Value};
use pilotis_sdk::{Error, ErrorKind, Nested, Resource};
use serde_json::Value as Json;

use crate::client::{Client, FIELD_MANAGER};
use crate::discovery::{Identity, path};
use crate::error::without_secrets;
use crate::object::is_going;
use crate::wait::Wait;
use crate::{field_path, owned};

/// Any object. What others set of it is left to them.
///
/// Another apiVersion, kind, namespace or name removes the old object and makes a new one.
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_manifest", natural_key(manifest))]
pub(crate) struct Manifest {
    /// The object, as in a YAML file: `apiVersion`, `kind`, `metadata` and the rest.
    pub(crate) manifest: Value,
    /// The object as the server has it.
    #[attr(computed, volatile)]
    pub(crate) object: Value,
    /// Paths of fields that the cluster may change though the manifest names them: what it makes of them is no difference.
    pub(crate) computed_fields: Option<Vec<String>>,
    /// Who owns the fields.
    #[attr(block, max = 1)]
    pub(crate) field_manager: Vec<FieldManager>,
    /// What is waited for after the object is made or changed.
    #[attr(block, max = 1)]
    pub(crate) wait: Vec<Wait>,
    /// How long is waited.
    #[attr(block, max = 1)]
    pub(crate) timeouts: Vec<Timeouts>,
}

/// Who owns the fields.
#[derive(Clone, Debug, Nested)]
pub(crate) struct FieldManager {
    /// The manager's name.
    #[attr(default = "pilotis")]
    pub(crate) name: String,
    /// Take fields over that others own.
    #[attr(default = false)]
    pub(crate) force_conflicts: bool,
}

/// How long is waited: `90s`, `10m`, `1h`.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Timeouts {
    /// After a creation; 10 minutes unless said.
    pub(crate) create: Option<String>,
    /// After a change; 10 minutes unless said.
    pub(crate) update: Option<String>,
    /// For the end of a deletion; 5 minutes unless said.
    pub(crate) delete: Option<String>,
}

/// `90s`, `10m`, `1h30m`.
fn duration(text: &str) -> Result<Duration, Error> {
    let fault = || {
        Error::new(ErrorKind::Invalid, format!("{text:?} is no duration")).help("Write 90s, 10m or 1h30m.")
    };
    let (mut total, mut digits) = (0u64, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(fault()),
        };
        let count: u64 = std::mem::take(&mut digits).parse().map_err(|_| fault())?;
        total = count.checked_mul(unit).and_then(|t| t.checked_add(total)).ok_or_else(fault)?;
    }
    if digits.is_empty() && !text.is_empty() { Ok(Duration::from_secs(total)) } else { Err(fault()) }
}

impl Manifest {
    fn manager(&self) -> &str {
        self.field_manager.first().map_or(FIELD_MANAGER, |m| m.name.as_str())
    }

    /// The object as it is sent: what is null is not set.
    fn object(&self) -> Result<(Identity, Json), Error> {
        let mut object = to_json(&self.manifest);
        prune(&mut object);
        let identity = Identity::of(&object)?;
        if object.get("status").is_some() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "The manifest has a status, which only the cluster sets",
            )
            .help("Leave status out."));
        }
        Ok((identity, object))
    }

    fn identity(&self) -> Result<Identity, Error> {
        Identity::of(&to_json(&self.manifest))
    }

    fn within(
        &self,
        of: impl Fn(&Timeouts) -> Option<&String>,
        otherwise: Duration,
    ) -> Result<Duration, Error> {
        self.timeouts.first().and_then(of).map_or(Ok(otherwise), |text| duration(text))
    }

    /// With what was seen.
    fn with(&self, manifest: Value, live: &Json) -> Result<Manifest, Error> {
        let secret = self.manifest.has_sensitive() || live["kind"] == "Secret";
        let object = shown(live)?;
        let object = if secret { object.with_marks(Marks::SENSITIVE) } else { object };
        Ok(Manifest { manifest, object, ..self.clone() })
    }
}

/// Takes members that are null out.
fn prune(json: &mut Json) {
    match json {
        Json::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(prune);
        }
        Json::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

/// JSON as a value.
pub(crate) fn value(json: &Json) -> Result<Value, Error> {
    pilotis_sdk::value::json::from_json_text(&json.to_string())
        .map_err(|e| Error::new(ErrorKind::Garbage, "The object can't be read").detail(e.to_string()))
}

/// The resource of a live object: the manifest shows what others made of the fields that it names.
fn seen(live: &Json, known: &Manifest) -> Result<Manifest, Error> {
    let mut written = to_json(&known.manifest);
    prune(&mut written);
    let last = Some(to_json(&known.object)).filter(Json::is_object);
    let mut now = owned::seen(live, &written, last.as_ref(), known.manager());
    for field in known.computed_fields.iter().flatten() {
        let path = field_path::parse(field);
        field_path::set(&mut now, &path, field_path::get(&written, &path).cloned());
    }
    let manifest = if now == written { known.manifest.clone() } else { value(&now)? };
    known.with(manifest, live)
}

/// The object without what changes at every write.
pub(crate) fn shown(live: &Json) -> Result<Value, Error> {
    let mut object = live.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        metadata.remove("resourceVersion");
    }
    value(&object)
}

/// Where it is served, if it can be made there: nothing of its name is there, or it goes just now.
async fn free_path(client: &Client, identity: &Identity) -> Result<String, Error> {
    let path = path(client, identity).await?;
    match client.get(&path).await? {
        None => {}
        Some(live) if is_going(&live) => client.wait_until_gone(&path).await?,
        Some(_) => {
            let what = format!("{} {} is there already", identity.kind, identity.name);
            return Err(client.about(
                &path,
                Error::new(ErrorKind::AlreadyExists, what).help("Import the object, or choose another name."),
            ));
        }
    }
    Ok(path)
}

/// Applies; the live object. Whatever the server makes of the values, they are what was asked for.
async fn apply(client: &Client, path: &str, object: &Json, planned: &Manifest) -> Result<Json, Error> {
    let force = planned.field_manager.first().is_some_and(|m| m.force_conflicts);
    let applied = client.apply(path, object, planned.manager(), force).await;
    applied.map_err(|e| without_secrets(e, &planned.manifest))
}

/// Waits for what the manifest says, and for the end of a definition's registration.
async fn wait(
    client: &Client,
    path: &str,
    live: Json,
    planned: &Manifest,
    within: Duration,
) -> Result<Json, Error> {
    let live = match live["kind"].as_str() {
        Some("CustomResourceDefinition") => Wait::established().until(client, path, within).await?,
        _ => live,
    };
    match planned.wait.first() {
        Some(wait) => wait.until(client, path, within).await,
        None => Ok(live),
    }
}

/// It was made or changed; what is waited for may fail all the same.
async fn finish(
    client: &Client,
    path: &str,
    live: Json,
    planned: &Manifest,
    within: Duration,
) -> Result<Made<Manifest>, Error> {
    match wait(client, path, live.clone(), planned, within).await {
        Ok(live) => Ok(planned.with(planned.manifest.clone(), &live)?.into()),
        Err(e) => Ok(Made::but(planned.with(planned.manifest.clone(), &live)?, e)),
    }
}

impl Typed for Manifest {
    type Client = Client;

    async fn create(client: &Client, planned: Manifest) -> Result<Made<Manifest>, Error> {
        let within = planned.within(|t| t.create.as_ref(), client.patience.ready_within)?;
        let (identity, object) = planned.object()?;
        let path = free_path(client, &identity).await?;
        let live = apply(client, &path, &object, &planned).await?;
        finish(client, &path, live, &planned, within).await
    }

    async fn read(client: &Client, prior: Manifest) -> Result<Option<Manifest>, Error> {
        let path = match path(client, &prior.identity()?).await {
            // Its definition is gone, and all objects with it.
            Err(e) if e.kind == ErrorKind::Unsupported => return Ok(None),
            path => path?,
        };
        client.get(&path).await?.filter(|live| !is_going(live)).map(|live| seen(&live, &prior)).transpose()
    }

    async fn update(client: &Client, prior: Manifest, planned: Manifest) -> Result<Manifest, Error> {
        let within = planned.within(|t| t.update.as_ref(), client.patience.ready_within)?;
        let (identity, object) = planned.object()?;
        let before = prior.identity()?;
        let path = if before.is_same_object(&identity) {
            path(client, &identity).await?
        } else {
            // The old one goes only if the new one can come.
            let free = free_path(client, &identity).await?;
            client
                .apply_dry(&free, &object, planned.manager())
                .await
                .map_err(|e| without_secrets(e, &planned.manifest))?;
            Manifest::delete(client, prior).await?;
            free
        };
        let live = apply(client, &path, &object, &planned).await?;
        let made = finish(client, &path, live, &planned, within).await?;
        made.error.map_or(Ok(made.object), Err)
    }

    async fn delete(client: &Client, prior: Manifest) -> Result<(), Error> {
        let within = prior.within(|t| t.delete.as_ref(), client.patience.gone_within)?;
        match path(client, &prior.identity()?).await {
            Err(e) if e.kind == ErrorKind::Unsupported => Ok(()),
            path => client.delete_within(&path?, within).await,
        }
    }

    async fn find(client: &Client, planned: Manifest) -> Result<Match<Manifest>, Error> {
        if planned.manifest.is_null() {
            return Ok(Match::Unknown("its manifest is secret as a whole, and not kept".into()));
        }
        let path = match path(client, &planned.identity()?).await {
            Err(e) if e.kind == ErrorKind::Unsupported => return Ok(Match::Absent),
            path => path?,
        };
        let live = client.get(&path).await?;
        let ours = live.filter(|live| !is_going(live) && owned::is_applied_by(live, planned.manager()));
        Ok(ours.map(|live| seen(&live, &planned)).transpose()?.into())
    }

    async fn import(client: &Client, id: &str) -> Result<Manifest, Error> {
        let identity = Identity::of_import(id)?;
        let Some(live) = client.get(&path(client, &identity).await?).await? else {
            let what = format!("There is no {} {}", identity.kind, identity.name);
            return Err(Error::new(ErrorKind::NotFound, what)
                .help("Is the namespace right, and is it the right cluster?"));
        };
        let written = owned::applied(&live, FIELD_MANAGER).unwrap_or_else(|| owned::whole(&live));
        let known = Manifest {
            manifest: Value::null(Type::Dynamic),
            object: Value::null(Type::Dynamic),
            computed_fields: None,
            field_manager: vec![],
            wait: vec![],
            timeouts: vec![],
        };
        let imported = known.with(value(&written)?, &live)?;
        let secret = live["kind"] == "Secret";
        let manifest =
            if secret { imported.manifest.with_marks(Marks::SENSITIVE) } else { imported.manifest };
        Ok(Manifest { manifest, ..imported })
    }
}

#[cfg(test)]
mod tests {
    use super::duration;
    use std::time::Duration;

    #[test]
    fn durations() {
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("1h30m").unwrap(), Duration::from_secs(5400));
        for wrong in ["", "10", "m", "10 m", "-1s", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
