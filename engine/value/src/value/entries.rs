//! Names and values in order of the names, in one piece of memory.
//!
//! There are hundreds of thousands of objects in a large plan, each of a few attributes: a tree whose node has room for eleven would be
//! most of what they take. A lookup halves; an insertion moves what comes after it, so whoever collects many unordered entries one by one
//! does so in a map of another kind and turns that into this.

use std::collections::BTreeMap;
use std::ops::Index;

use ecow::EcoString;

use super::Value;

/// The entries of a map or an object, sorted by name; no name comes twice.
#[derive(Clone, Default, PartialEq)]
pub struct EntryMap(Vec<(EcoString, Value)>);

impl EntryMap {
    /// None.
    pub fn new() -> EntryMap {
        EntryMap::default()
    }
    /// None, with room for so many.
    pub fn with_capacity(capacity: usize) -> EntryMap {
        EntryMap(Vec::with_capacity(capacity))
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.as_str().cmp(name))
    }
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).ok().map(|at| &self.0[at].1)
    }
    /// The value of a name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.find(name).ok().map(|at| &mut self.0[at].1)
    }
    /// True if there is such a name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }
    /// Gives a name a value, and gives back the one that it had. Cheap in the order of the names.
    pub fn insert(&mut self, name: EcoString, value: Value) -> Option<Value> {
        if self.0.last().is_none_or(|(last, _)| *last < name) {
            self.0.push((name, value));
            return None;
        }
        match self.find(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }
    /// Takes a name out, and gives back the value that it had.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.find(name).ok().map(|at| self.0.remove(at).1)
    }
    /// Keeps those that a test holds for.
    pub fn retain(&mut self, mut test: impl FnMut(&EcoString, &mut Value) -> bool) {
        self.0.retain_mut(|(name, value)| test(name, value));
    }
    /// All, in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }
    /// All in order, the values to be changed.
    pub fn iter_mut(
        &mut self,
    ) -> impl DoubleEndedIterator<Item = (&EcoString, &mut Value)> + ExactSizeIterator {
        self.0.iter_mut().map(|(name, value)| (&*name, value))
    }
    /// The names, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &EcoString> + ExactSizeIterator + Clone {
        self.0.iter().map(|(name, _)| name)
    }
    /// The values, in the order of their names.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator + Clone {
        self.0.iter().map(|(_, value)| value)
    }
    /// The values, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Value> + ExactSizeIterator {
        self.0.iter_mut().map(|(_, value)| value)
    }
    /// The values alone.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = Value> + ExactSizeIterator {
        self.0.into_iter().map(|(_, value)| value)
    }
}

/// Entries in any order; of a name that comes twice the last counts.
impl From<Vec<(EcoString, Value)>> for EntryMap {
    fn from(mut entries: Vec<(EcoString, Value)>) -> EntryMap {
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    std::mem::swap(later, earlier);
                }
                same
            });
        }
        entries.shrink_to_fit();
        EntryMap(entries)
    }
}

impl From<BTreeMap<EcoString, Value>> for EntryMap {
    fn from(entries: BTreeMap<EcoString, Value>) -> EntryMap {
        EntryMap(entries.into_iter().collect())
    }
}

impl<const N: usize> From<[(EcoString, Value); N]> for EntryMap {
    fn from(entries: [(EcoString, Value); N]) -> EntryMap {
        Vec::from(entries).into()
    }
}

impl FromIterator<(EcoString, Value)> for EntryMap {
    fn from_iter<I: IntoIterator<Item = (EcoString, Value)>>(entries: I) -> EntryMap {
        entries.into_iter().collect::<Vec<_>>().into()
    }
}

impl Extend<(EcoString, Value)> for EntryMap {
    fn extend<I: IntoIterator<Item = (EcoString, Value)>>(&mut self, entries: I) {
        let mut all = std::mem::take(&mut self.0);
        all.extend(entries);
        *self = all.into();
    }
}

impl Index<&str> for EntryMap {
    type Output = Value;
    fn index(&self, name: &str) -> &Value {
        self.get(name).expect("there is no entry of that name")
    }
}

/// Goes through entries in order.
#[derive(Clone)]
pub struct Iter<'m>(std::slice::Iter<'m, (EcoString, Value)>);

impl<'m> Iterator for Iter<'m> {
    type Item = (&'m EcoString, &'m Value);
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name, value))
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(name, value)| (name, value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'m> IntoIterator for &'m EntryMap {
    type Item = (&'m EcoString, &'m Value);
    type IntoIter = Iter<'m>;
    fn into_iter(self) -> Iter<'m> {
        self.iter()
    }
}

impl IntoIterator for EntryMap {
    type Item = (EcoString, Value);
    type IntoIter = std::vec::IntoIter<(EcoString, Value)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl std::fmt::Debug for EntryMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It does what a map in a tree does.
        #[test]
        fn it_is_a_map(
            collected in prop::collection::vec(("[a-d]{0,2}", 0_i64..9), 0..9),
            inserted in prop::collection::vec(("[a-d]{0,2}", 0_i64..9), 0..9),
            removed in "[a-d]{0,2}",
        ) {
            let pairs = |all: &[(String, i64)]| -> Vec<(EcoString, Value)> {
                all.iter().map(|(name, n)| (name.as_str().into(), Value::number(*n))).collect()
            };
            let mut tree: BTreeMap<EcoString, Value> = pairs(&collected).into_iter().collect();
            let mut map: EntryMap = pairs(&collected).into_iter().collect();
            prop_assert_eq!(&map, &EntryMap::from(tree.clone()));
            for (name, value) in pairs(&inserted) {
                prop_assert_eq!(map.insert(name.clone(), value.clone()), tree.insert(name, value));
            }
            prop_assert_eq!(map.get(&removed), tree.get(removed.as_str()));
            prop_assert_eq!(map.remove(&removed), tree.remove(removed.as_str()));
            prop_assert!(map.iter().eq(tree.iter()));
            prop_assert!(map.keys().rev().eq(tree.keys().rev()));
            map.extend(pairs(&collected));
            tree.extend(pairs(&collected));
            prop_assert_eq!(map, EntryMap::from(tree));
        }
    }
}
