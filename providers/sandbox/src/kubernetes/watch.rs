//! Watches: changes as they happen, one JSON object a line.
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes>

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::Stream;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    authz::User,
    engine::Form,
    openshift,
    read::{Filter, shown},
    resources::{Key, Resource},
    status::Failure,
    table,
    world::{Stored, World},
};

/// Where a watch begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Start {
    /// With what is there; `bookmark` says where that ends.
    Initial { bookmark: bool },
    /// With the first change after this version.
    After(u64),
}

/// A watch that was asked for.
pub(crate) struct WatchRequest {
    pub(crate) resource: Arc<Resource>,
    pub(crate) key: Key,
    pub(crate) filter: Filter,
    pub(crate) start: Start,
    pub(crate) bookmarks: bool,
    pub(crate) timeout: Duration,
    pub(crate) form: Form,
    pub(crate) include: String,
    pub(crate) user: User,
}

struct Watch {
    world: Arc<Mutex<World>>,
    request: WatchRequest,
    /// Changes up to here were sent.
    sent: Option<u64>,
    deadline: Instant,
    bookmark_at: Option<Instant>,
    changed: tokio::sync::watch::Receiver<u64>,
    stop: CancellationToken,
    head: bool,
    over: bool,
}

/// A bookmark comes that long before the end.
const BOOKMARK: Duration = Duration::from_secs(2);

/// The lines of a watch.
pub(crate) fn stream(
    world: Arc<Mutex<World>>,
    request: WatchRequest,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    let changed = world.lock().unwrap_or_else(PoisonError::into_inner).subscribe();
    let now = Instant::now();
    let deadline = now + request.timeout;
    let bookmark_at = (request.bookmarks && request.timeout > BOOKMARK).then(|| deadline - BOOKMARK);
    let watch =
        Watch { world, request, sent: None, deadline, bookmark_at, changed, stop, head: true, over: false };
    futures::stream::unfold(watch, |mut watch| async move {
        let lines = watch.next().await?;
        Some((Ok(Bytes::from(lines)), watch))
    })
}

impl Watch {
    /// The next lines; none at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.over {
                return None;
            }
            self.changed.borrow_and_update();
            let lines = self.collect();
            if !lines.is_empty() {
                return Some(lines);
            }
            let wake = self.bookmark_at.unwrap_or(self.deadline).min(self.deadline);
            tokio::select! {
                () = self.stop.cancelled() => return None,
                changed = self.changed.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                }
                () = tokio::time::sleep_until(wake.into()) => {
                    if Instant::now() >= self.deadline {
                        return None;
                    }
                    self.bookmark_at = None;
                    return Some(self.bookmark(false));
                }
            }
        }
    }

    fn bookmark(&self, end_of_initial: bool) -> String {
        let version = self.world.lock().unwrap_or_else(PoisonError::into_inner).version();
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if end_of_initial {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let resource = &self.request.resource;
        let object =
            json!({ "kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata });
        line("BOOKMARK", &object)
    }

    /// What happened since the last time.
    fn collect(&mut self) -> String {
        let world = self.world.clone();
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        let version = world.version();
        let mut lines = String::new();
        let Some(sent) = self.sent else {
            self.begin(&mut world, &mut lines);
            return lines;
        };
        let table = world.table(&self.request.key);
        if sent < table.compacted() {
            self.over = true;
            return too_old(sent, table.compacted());
        }
        let events: Vec<_> = table
            .events_after(sent)
            .filter(|event| event.key.starts_with(&self.request.filter.prefix))
            .cloned()
            .collect();
        for event in events {
            let seen = |stored: &Option<Arc<Stored>>| {
                stored.as_ref().is_some_and(|stored| self.request.filter.matches(stored))
            };
            let (kind, shown) = match (seen(&event.old), seen(&event.new)) {
                (false, true) => ("ADDED", event.new.as_ref()),
                (true, true) => ("MODIFIED", event.new.as_ref()),
                // It was deleted, or its labels changed: in its last state, at the version of the change.
                (true, false) => ("DELETED", event.last.as_ref().or(event.new.as_ref())),
                (false, false) => continue,
            };
            let Some(stored) = shown else { continue };
            if kind == "DELETED" && event.last.is_none() {
                let old = event.old.as_ref().map_or(Value::Null, |old| old.value.clone());
                lines.push_str(&self.object_line(&world, kind, &as_left(old, event.version)));
            } else {
                lines.push_str(&self.object_line(&world, kind, stored));
            }
        }
        self.sent = Some(version);
        lines
    }

    fn begin(&mut self, world: &mut World, lines: &mut String) {
        let version = world.version();
        match self.request.start {
            Start::After(after) => {
                let compacted = world.table(&self.request.key).compacted();
                if after < compacted {
                    self.over = true;
                    *lines = too_old(after, compacted);
                    return;
                }
                self.sent = Some(after);
                // Whatever happened since is looked for right after.
                self.changed.mark_changed();
            }
            Start::Initial { bookmark } => {
                let table = world.table(&self.request.key);
                let filter = self.request.filter.clone();
                let found: Vec<Arc<Stored>> = table
                    .range(&filter.prefix, "")
                    .map(|(_, item)| item.clone())
                    .filter(|item| filter.matches(item))
                    .collect();
                for item in found {
                    lines.push_str(&self.object_line(world, "ADDED", &item));
                }
                self.sent = Some(version);
                if bookmark && self.request.bookmarks {
                    let resource = &self.request.resource;
                    let metadata = json!({
                        "resourceVersion": version.to_string(),
                        "annotations": { "k8s.io/initial-events-end": "true" },
                    });
                    let object = json!({
                        "kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata,
                    });
                    lines.push_str(&line("BOOKMARK", &object));
                }
            }
        }
    }

    fn object_line(&mut self, world: &World, kind: &str, stored: &Stored) -> String {
        let resource = self.request.resource.clone();
        if openshift::is_project(&resource) && !openshift::visible(world, &self.request.user, stored) {
            return String::new();
        }
        let object = shown(&resource, stored);
        match self.request.form {
            Form::Plain => line(kind, &object),
            Form::Partial => line(kind, &table::partial(&object)),
            Form::Table => {
                let metadata = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                let head = std::mem::replace(&mut self.head, false);
                line(kind, &table::table(&resource, metadata, &[object], &self.request.include, head))
            }
        }
    }
}

/// An object that left the selection: as it was, at the version of the change.
fn as_left(mut value: Value, version: u64) -> Stored {
    value["metadata"]["resourceVersion"] = version.to_string().into();
    Stored { text: String::new(), value, version }
}

fn line(kind: &str, object: &Value) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

fn too_old(asked: u64, oldest: u64) -> String {
    let failure = Failure::expired(&format!("too old resource version: {asked} ({oldest})"), None);
    line("ERROR", &failure.body())
}
