//! Something that may hold a secret and has no marks: a text of a file, a variable of the environment. Its `Debug` says nothing of it, so that
//! no structure that holds it can print it by accident.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// What it wraps, without a way to print itself.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Concealed<T>(pub T);

impl<T> fmt::Debug for Concealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

impl<T> Deref for Concealed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Concealed<T> {
    fn from(inner: T) -> Concealed<T> {
        Concealed(inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_of_it_and_its_form_is_that_of_what_it_wraps() {
        let concealed = Concealed::from("geheim".to_owned());
        assert_eq!(format!("{concealed:?} {:?}", Some(&concealed)), "(not shown) Some((not shown))");
        assert_eq!(serde_json::to_string(&concealed).unwrap(), "\"geheim\"");
        assert_eq!(serde_json::from_str::<Concealed<String>>("\"geheim\"").unwrap(), concealed);
    }
}
