//! What may hold a secret and has no marks doesn't print it.
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::sync::Arc;

use pilotis_config::VariableSource;
use pilotis_lang::Files;
use pilotis_plan::recording::{ModuleFiles, RecordingFiles};
use pilotis_plan::{Answer, Created, Failure, Found, KeptMadeOf, Listing};
use pilotis_state::{RunId, Write};
use pilotis_value::{Marks, Value};

const SECRET: &str = "hunter2-of-the-ministry";

/// A folder in which every file holds the secret.
struct Folder;

impl Files for Folder {
    fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
        Ok(SECRET.into())
    }
    fn exists(&self, _path: &str) -> Result<bool, String> {
        Ok(true)
    }
    fn glob(&self, _dir: &str, _pattern: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    fn absolute(&self, path: &str) -> String {
        path.to_owned()
    }
    fn home(&self) -> Option<String> {
        None
    }
}

fn object() -> Value {
    Value::object_of([("token", Value::string(SECRET))])
}

#[test]
fn no_structure_prints_what_may_be_a_secret() {
    let files = RecordingFiles::new(Arc::new(Folder));
    assert_eq!(files.read("f").unwrap(), SECRET.as_bytes());
    let kept = KeptMadeOf::new(SECRET);
    let keep =
        Write::KeepMadeOf { run: RunId("r".into()), digest: kept.digest.clone(), text: kept.text.clone() };
    let made = || Created { object: object(), error: Some(Failure::new("it failed")) };
    let given = [
        VariableSource::Argument("v".into(), SECRET.into()),
        VariableSource::Environment(vec![("v".into(), SECRET.into())]),
        VariableSource::File { name: "f".into(), text: SECRET.into(), explicit: true },
    ];
    let all: Vec<Box<dyn Debug>> = vec![
        Box::new(Answer::Listed(vec![Ok(Listing { objects: vec![object()], complete: true })])),
        Box::new(Answer::Read(vec![Ok(Some(object()))])),
        Box::new(Answer::Data(vec![Ok(object())])),
        Box::new(Answer::Opened(Ok(Some(object())))),
        Box::new(Answer::Imported(Ok(object()))),
        Box::new(Answer::Found(Ok(Found::Object(object())))),
        Box::new(Answer::Created(Ok(made()))),
        Box::new(Answer::Updated(Ok(object()))),
        Box::new(made()),
        Box::new(keep),
        Box::new(kept),
        Box::new(ModuleFiles([(".".into(), vec![("main.hcl".into(), SECRET.into())])].into())),
        Box::new(files.files()),
        Box::new(given),
        Box::new(Value::string(SECRET).with_marks(Marks::SENSITIVE)),
    ];
    for one in all {
        // The bytes of a text would be a list of numbers.
        let said = format!("{one:?}");
        assert!(!said.contains("hunter2") && !said.contains("104, 117, 110"), "{said}");
    }
}
