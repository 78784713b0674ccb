//! Marks at places inside of a value.

use super::Value;
use crate::{Marks, Path};

impl Value {
    /// The outermost places that have marks of their own, in order, with those marks.
    pub fn marked_paths(&self) -> Vec<(Path, Marks)> {
        let mut found = Vec::new();
        if !self.marks_deep().is_empty() {
            self.walk(&mut |path, value| {
                if !value.marks().is_empty() {
                    found.push((path.clone(), value.marks()));
                }
                !value.marks_deep().is_empty()
            });
        }
        found
    }

    /// The outermost places that are sensitive, in order: nothing inside of one is named.
    pub fn sensitive_paths(&self) -> Vec<Path> {
        let mut found = Vec::new();
        if self.has_sensitive() {
            self.walk(&mut |path, value| {
                let sensitive = value.marks().contains(Marks::SENSITIVE);
                if sensitive {
                    found.push(path.clone());
                }
                !sensitive && value.has_sensitive()
            });
        }
        found
    }

    /// The same value with more marks at these places. A place that isn't there (or lies in a null or unknown) marks
    /// the nearest thing around it that is there; one inside of a set marks the set.
    pub fn mark_paths(&self, paths: &[(Path, Marks)]) -> Value {
        paths.iter().fold(self.clone(), |value, (path, marks)| value.mark_at(&path.0, *marks))
    }

    /// The same value, sensitive at these places.
    pub fn mark_sensitive(&self, paths: &[Path]) -> Value {
        paths.iter().fold(self.clone(), |value, path| value.mark_at(&path.0, Marks::SENSITIVE))
    }

    fn mark_at(&self, steps: &[crate::Step], marks: Marks) -> Value {
        let Some((first, rest)) = steps.split_first() else { return self.clone().with_marks(marks) };
        self.replace_child(first, |child| child.mark_at(rest, marks))
            .unwrap_or_else(|| self.clone().with_marks(marks))
    }
}
