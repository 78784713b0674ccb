//! Get, list and the start of a watch.

use std::{sync::Arc, time::Duration};

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose, general_purpose::URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value, json};

use super::{
    engine::{Call, Form, Reply},
    gojson, openshift,
    resources::{Key, Resource},
    selector::{FieldSelector, LabelSelector},
    status::Failure,
    table,
    watch::{Start, WatchRequest},
    world::{Stored, World},
};

/// The object as this resource shows it: in its version; a namespace as a project.
pub(crate) fn shown(resource: &Resource, stored: &Stored) -> Value {
    if openshift::is_project(resource) {
        return openshift::project_of(&stored.value);
    }
    let version = resource.api_version();
    let mut object = stored.value.clone();
    if object["apiVersion"].as_str() != Some(version.as_str()) {
        object["apiVersion"] = version.into();
    }
    object
}

/// The table that has the resource's objects.
pub(crate) fn table_key(resource: &Resource) -> Key {
    if openshift::is_project(resource) { Key::new("", "namespaces") } else { resource.key() }
}

/// GET of an object.
pub(crate) fn get(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let found = world.get(&table_key(resource), &call.key());
    let stored = found.ok_or_else(|| Failure::not_found(&call.about(resource)))?;
    let object = shown(resource, stored);
    Ok(Reply::Object { status: 200, resource: resource.clone(), object, warnings: Vec::new() })
}

/// Which objects of a collection are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// Keys start with it: the namespace, or nothing.
    pub(crate) prefix: String,
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
}

impl Filter {
    pub(crate) fn read(call: &Call<'_>, resource: &Resource) -> Result<Filter, Failure> {
        let labels = LabelSelector::parse(call.query.text("labelSelector")).map_err(Failure::bad_request)?;
        let mut fields = call.query.text("fieldSelector").to_owned();
        // `/watch/…/name` is a watch of one object.
        if !call.target.name.is_empty() {
            let term = format!("metadata.name={}", call.target.name);
            fields = if fields.is_empty() { term } else { format!("{fields},{term}") };
        }
        let fields = FieldSelector::parse(&fields, &resource.selectable()).map_err(Failure::bad_request)?;
        let prefix = match call.target.namespace.as_str() {
            "" => String::new(),
            namespace => format!("{namespace}/"),
        };
        Ok(Filter { prefix, labels, fields })
    }

    pub(crate) fn matches(&self, stored: &Stored) -> bool {
        self.labels.matches(stored.labels()) && self.fields.matches(&stored.value)
    }

    pub(crate) fn is_narrow(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }
}

/// Where a page starts, and at which version; -1: at the present one.
struct Continue {
    version: i64,
    start: String,
}

/// As Go reads it: bits that are left over at the end are no error.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, general_purpose::NO_PAD.with_decode_allow_trailing_bits(true));

impl Continue {
    fn encode(&self) -> String {
        let token = json!({ "v": "meta.k8s.io/v1", "rv": self.version, "start": self.start });
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn decode(text: &str) -> Result<Continue, Failure> {
        let refused = |why: String| {
            Failure::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
        };
        let bytes = LENIENT
            .decode(text.trim_end_matches('='))
            .map_err(|_| refused("illegal base64 data at input byte 0".into()))?;
        let text = String::from_utf8(bytes.clone())
            .unwrap_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect());
        let token = gojson::parse(&text).map_err(refused)?.value;
        if token["v"] != "meta.k8s.io/v1" {
            return Err(refused("server does not recognize this encoded version".into()));
        }
        let start = token["start"].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
        Ok(Continue { version: token["rv"].as_i64().unwrap_or(-1), start })
    }
}

/// One page of a collection.
struct Page {
    items: Vec<Arc<Stored>>,
    version: u64,
    next: String,
    remaining: Option<usize>,
}

fn page(world: &mut World, call: &Call<'_>, key: &Key, filter: &Filter) -> Result<Page, Failure> {
    let query = &call.query;
    let current = world.version();
    let token = query.text("continue");
    let wanted = query.text("resourceVersion");
    if !token.is_empty() && !wanted.is_empty() && wanted != "0" {
        return Err(Failure::bad_request("specifying resource version is not allowed when using continue"));
    }
    let asked = parse_version(wanted)?;
    if asked > current {
        return Err(Failure::too_large_version(asked, current));
    }
    let exact = query.text("resourceVersionMatch") == "Exact" && asked > 0;
    // A list of "any version" comes from the cache, which gives no pages.
    let unpaged = wanted == "0" && token.is_empty();
    let limit = query.number("limit").filter(|_| !unpaged).and_then(|limit| usize::try_from(limit).ok());
    let (at, start) = match token {
        "" if exact => (Some(asked), String::new()),
        "" => (None, String::new()),
        token => {
            let token = Continue::decode(token)?;
            let start = format!("{}{}", filter.prefix, token.start);
            (u64::try_from(token.version).ok(), start)
        }
    };
    let version = at.unwrap_or(current);
    let table = world.table(key);
    let past = match at {
        Some(at) if at < current => Some(
            table
                .at_version(at, &filter.prefix, &start)
                .ok_or_else(|| expired(&start, &filter.prefix, exact))?,
        ),
        _ => None,
    };
    let limit = limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    let mut last = String::new();
    let mut more = false;
    let mut left = 0;
    let live = past.is_none().then(|| table.range(&filter.prefix, &start));
    let live = live.into_iter().flatten().map(|(key, item)| (key.as_str(), item));
    let past = past.iter().flatten().map(|(key, item)| (key.as_str(), item));
    for (key, item) in live.chain(past) {
        if more {
            left += 1;
            continue;
        }
        if !filter.matches(item) {
            continue;
        }
        if items.len() == limit {
            more = true;
            left = 1;
            // The rest is only counted, and only if nothing is left out of it.
            if filter.is_narrow() {
                break;
            }
            continue;
        }
        items.push(item.clone());
        last = key.to_owned();
    }
    let next = if more {
        let start = format!("/{}\u{0}", last.strip_prefix(&filter.prefix).unwrap_or(&last));
        Continue { version: i64::try_from(version).unwrap_or(-1), start }.encode()
    } else {
        String::new()
    };
    let remaining = (more && !filter.is_narrow()).then_some(left);
    Ok(Page { items, version, next, remaining })
}

fn expired(start: &str, prefix: &str, exact: bool) -> Failure {
    if exact {
        return Failure::expired("The resourceVersion for the provided list is too old.", None);
    }
    let text = "The provided continue parameter is too old to display a consistent list result. You can start a new \
                list without the continue parameter, or use the continue token in this response to retrieve the \
                remainder of the results. Continuing with the provided token results in an inconsistent list - \
                objects that were created, modified, or deleted between the time the first chunk was returned and \
                now may show up in the list.";
    let start = start.strip_prefix(prefix).unwrap_or(start).to_owned();
    Failure::expired(text, Some(Continue { version: -1, start }.encode()))
}

fn parse_version(text: &str) -> Result<u64, Failure> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let why = format!("strconv.ParseUint: parsing \"{text}\": invalid syntax");
        Failure::internal(format!("resourceVersion: Invalid value: \"{text}\": {why}"))
    })
}

/// GET of a collection.
pub(crate) fn list(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let filter = Filter::read(call, resource)?;
    let mut page = page(world, call, &table_key(resource), &filter)?;
    if openshift::is_project(resource) {
        page.items.retain(|item| openshift::visible(world, &call.user, item));
    }
    Ok(reply(call, resource, &page))
}

/// A list of these objects, as it is answered by DELETE of a collection.
pub(crate) fn list_of(
    call: &Call<'_>,
    resource: &Arc<Resource>,
    items: Vec<Arc<Stored>>,
    version: u64,
) -> Reply {
    reply(call, resource, &Page { items, version, next: String::new(), remaining: None })
}

fn reply(call: &Call<'_>, resource: &Resource, page: &Page) -> Reply {
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), page.version.to_string().into());
    if !page.next.is_empty() {
        metadata.insert("continue".into(), page.next.clone().into());
    }
    if let Some(remaining) = page.remaining {
        metadata.insert("remainingItemCount".into(), remaining.into());
    }
    match call.form {
        Form::Table => {
            let objects: Vec<Value> = page.items.iter().map(|item| shown(resource, item)).collect();
            let include = match call.query.text("includeObject") {
                "" => "Metadata",
                other => other,
            };
            Reply::value(200, table::table(resource, metadata.into(), &objects, include, true))
        }
        Form::Partial => {
            let items: Vec<Value> = page.items.iter().map(|item| table::partial(&item.value)).collect();
            Reply::value(
                200,
                json!({
                    "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                    "items": items,
                }),
            )
        }
        Form::Plain => Reply::Text(list_text(resource, page, metadata)),
    }
}

/// The list as text, put together from the objects' texts.
fn list_text(resource: &Resource, page: &Page, mut metadata: Map<String, Value>) -> String {
    let version = Value::from(resource.api_version());
    let kind = Value::from(resource.list_kind.as_str());
    let mut items =
        String::with_capacity(page.items.iter().map(|item| item.text.len() + 1).sum::<usize>() + 200);
    let head = format!("{{\"kind\":\"{}\",\"apiVersion\":{version},", resource.kind);
    for (at, item) in page.items.iter().enumerate() {
        if at > 0 {
            items.push(',');
        }
        match item.text.strip_prefix(&head) {
            _ if resource.is_custom() => items.push_str(&item.text),
            // The items of a built-in list say neither kind nor version.
            Some(rest) => {
                items.push('{');
                items.push_str(rest);
            }
            None => {
                let mut object = shown(resource, item);
                if let Some(map) = object.as_object_mut() {
                    map.shift_remove("kind");
                    map.shift_remove("apiVersion");
                }
                items.push_str(&object.to_string());
            }
        }
    }
    if resource.is_custom() {
        metadata.entry("continue").or_insert("".into());
        metadata.sort_keys();
        return format!(
            "{{\"apiVersion\":{version},\"items\":[{items}],\"kind\":{kind},\"metadata\":{}}}\n",
            Value::Object(metadata)
        );
    }
    format!(
        "{{\"kind\":{kind},\"apiVersion\":{version},\"metadata\":{},\"items\":[{items}]}}\n",
        Value::Object(metadata)
    )
}

/// How long a watch lasts if the client doesn't say.
const WATCH: Duration = Duration::from_secs(30 * 60);

/// Begins a watch.
pub(crate) fn watch(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let filter = Filter::read(call, resource)?;
    let query = &call.query;
    let version = parse_version(query.text("resourceVersion"))?;
    let initial = query.flag("sendInitialEvents");
    let start = match version {
        _ if initial => Start::Initial { bookmark: true },
        0 => Start::Initial { bookmark: false },
        version if version > world.version() => {
            return Err(Failure::too_large_version(version, world.version()));
        }
        version => Start::After(version),
    };
    Ok(Reply::Watch(WatchRequest {
        resource: resource.clone(),
        key: table_key(resource),
        filter,
        start,
        bookmarks: query.flag("allowWatchBookmarks"),
        timeout: query.number("timeoutSeconds").map_or(WATCH, Duration::from_secs),
        form: call.form,
        include: match query.text("includeObject") {
            "" => "Metadata".into(),
            other => other.to_owned(),
        },
        user: call.user.clone(),
    }))
}
