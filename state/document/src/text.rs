//! A document that isn't on a server any more: a version that was kept, a file.

use pilotis_state::StateError;

use crate::{Document, Stored, Tag};

/// A text that is read as a document, and never written.
pub struct Text {
    location: String,
    text: Vec<u8>,
}

impl Text {
    /// `location` says in messages where it is from.
    pub fn new(location: impl Into<String>, text: Vec<u8>) -> Text {
        Text { location: location.into(), text }
    }
}

impl Document for Text {
    fn location(&self) -> &str {
        &self.location
    }

    fn read(&mut self) -> Result<Option<Stored>, StateError> {
        Ok(Some(Stored { text: self.text.clone(), tag: Tag("0".to_owned()) }))
    }

    fn replace(&mut self, _: Vec<u8>, _: u64, _: Option<&Tag>) -> Result<Option<Tag>, StateError> {
        let source = "it is a copy that was kept, and is only read".into();
        Err(StateError::Io { location: self.location.clone(), source })
    }

    fn remove(&mut self) -> Result<(), StateError> {
        let source = "it is a copy that was kept, and is only read".into();
        Err(StateError::Io { location: self.location.clone(), source })
    }
}
