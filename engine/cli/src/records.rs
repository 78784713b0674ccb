//! Stored objects, decoded by their schemas.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use pilotis_config::{Configuration, display};
use pilotis_plan::RecordReader;
use pilotis_report::StateObject;
use pilotis_schema::address::{Instance, Mode};
use pilotis_state::{ResourceRecord, Snapshot};
use pilotis_value::{Marks, Value, json};

use crate::folder::Folder;

/// All objects of a state.
pub(crate) fn decode<'a>(
    snapshot: &'a Snapshot,
    folder: &Folder,
    configuration: &Configuration,
) -> anyhow::Result<Vec<StateObject<'a>>> {
    let mut readers: HashMap<(Mode, Arc<str>), Option<RecordReader>> = HashMap::new();
    let objects = snapshot.resources.iter().map(|record| {
        let address: Instance =
            record.key.address.parse().context("the state holds an address that is none")?;
        let mode = address.resource.mode;
        let reader = readers.entry((mode, record.type_name.clone())).or_insert_with(|| {
            let schema =
                folder.providers.values().find_map(|p| p.schema().types(mode).get(&*record.type_name));
            schema.map(|schema| RecordReader::new(Arc::new(schema.clone())))
        });
        let value = value(record, reader.as_ref())
            .map_err(|why| anyhow!(why))
            .with_context(|| format!("the stored object {address} can't be read"))?;
        Ok(StateObject { record, display: display::display(configuration, &address), address, value })
    });
    objects.collect()
}

fn value(record: &ResourceRecord, reader: Option<&RecordReader>) -> Result<Value, String> {
    match reader {
        Some(reader) => reader.read(record),
        // A type that this program doesn't know: all of it may be secret.
        None => {
            let value = json::from_json_text(&record.attributes).map_err(|e| e.to_string())?;
            Ok(value.with_marks(Marks::SENSITIVE))
        }
    }
}
