//! The form of the document.
//!
//! Its `version` is one that Terraform doesn't know, so that Terraform refuses to go on from it; `serial` counts the versions of the
//! document, as GitLab wants it, and `lineage` is the state's.

use std::collections::BTreeMap;

use pilotis_state::StateError;
use pilotis_state::contents::Contents;
use serde::{Deserialize, Serialize};

/// Of the form below; a document with a higher one is left alone.
const FORMAT: i64 = 1;

/// The versions of Terraform's own states.
const TERRAFORM: std::ops::RangeInclusive<i64> = 1..=4;
/// A version that no Terraform knows.
const NOT_TERRAFORM: i64 = 999;

const MESSAGE: &str = "This is a state of Pilotis. Terraform must not go on from here: `pilotis state pull` writes a state for it.";

#[derive(Serialize)]
struct Written<'a> {
    version: i64,
    serial: u64,
    lineage: &'a str,
    pilotis: Mark<'a>,
    writers: &'a BTreeMap<String, u64>,
    state: &'a Contents,
}

#[derive(Serialize)]
struct Mark<'a> {
    format: i64,
    message: &'a str,
}

#[derive(Deserialize)]
struct Head {
    version: i64,
    #[serde(default)]
    serial: u64,
    pilotis: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    format: Option<i64>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    writers: BTreeMap<String, u64>,
    state: Box<Contents>,
}

/// What a text says.
pub(crate) enum Form {
    /// A state of ours.
    State {
        /// The number of this version.
        serial: u64,
        /// Which store wrote which version last.
        writers: BTreeMap<String, u64>,
        /// What it holds.
        contents: Box<Contents>,
    },
    /// A state of Terraform's.
    Terraform,
}

/// True if a text is a state of Terraform's.
pub fn is_terraform(text: &[u8]) -> bool {
    let head = serde_json::from_slice::<Head>(text);
    head.is_ok_and(|head| head.pilotis.is_none() && TERRAFORM.contains(&head.version))
}

/// True if a text only says that what was in its place was taken over.
pub fn was_taken_over(text: &[u8]) -> bool {
    let head = serde_json::from_slice::<Head>(text);
    head.is_ok_and(|head| {
        head.version == NOT_TERRAFORM && head.pilotis.is_some_and(|mark| mark.format.is_none())
    })
}

/// The number that a text says of itself, whatever it is; 0 if it says none.
pub(crate) fn serial(text: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Numbered {
        serial: u64,
    }
    serde_json::from_slice(text).map_or(0, |numbered: Numbered| numbered.serial)
}

pub(crate) fn write(
    serial: u64,
    writers: &BTreeMap<String, u64>,
    contents: &Contents,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Written {
        version: NOT_TERRAFORM,
        serial,
        lineage: &contents.whole.lineage,
        pilotis: Mark { format: FORMAT, message: MESSAGE },
        writers,
        state: contents,
    })
}

pub(crate) fn read(text: &[u8], location: &str) -> Result<Form, StateError> {
    let corrupt = |detail: String| StateError::Corrupt { location: location.to_owned(), detail };
    // A text of a state may be a secret: only the place is said.
    let place = |e: serde_json::Error| match e.classify() {
        serde_json::error::Category::Eof => "it ends too early".to_owned(),
        _ => format!("what stands at line {}, column {} doesn't belong there", e.line(), e.column()),
    };
    let head: Head = serde_json::from_slice(text).map_err(|e| corrupt(place(e)))?;
    match head.pilotis.map(|mark| mark.format) {
        None if TERRAFORM.contains(&head.version) => return Ok(Form::Terraform),
        None => return Err(corrupt(format!("a JSON document of version {}", head.version))),
        Some(None) => return Err(corrupt("it only says that the state was taken over".into())),
        Some(Some(found)) if found > FORMAT => {
            return Err(StateError::Newer { location: location.to_owned(), found, known: FORMAT });
        }
        Some(Some(_)) => {}
    }
    let Body { writers, state } = serde_json::from_slice(text).map_err(|e| corrupt(place(e)))?;
    match state.problem() {
        Some(problem) => Err(corrupt(problem)),
        None => Ok(Form::State { serial: head.serial, writers, contents: state }),
    }
}
