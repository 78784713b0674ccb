//! What runs were made of, in documents: a text that several are made of stands there once.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::RunId;

type Each = Vec<(RunId, Arc<str>)>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Once {
    texts: Vec<Arc<str>>,
    /// Which text is whose.
    runs: Vec<(RunId, usize)>,
}

pub(crate) fn serialize<S: Serializer>(each: &Each, to: S) -> Result<S::Ok, S::Error> {
    let mut once = Once { texts: Vec::new(), runs: Vec::new() };
    let mut places = HashMap::new();
    for (run, text) in each {
        let place = *places.entry(text).or_insert_with(|| {
            once.texts.push(text.clone());
            once.texts.len() - 1
        });
        once.runs.push((run.clone(), place));
    }
    once.serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Each, D::Error> {
    let Once { texts, runs } = Once::deserialize(from)?;
    let text = |(run, place): (RunId, usize)| Some((run, texts.get(place)?.clone()));
    let each: Option<Each> = runs.into_iter().map(text).collect();
    each.ok_or_else(|| de::Error::custom("a run is made of a text that isn't there"))
}
