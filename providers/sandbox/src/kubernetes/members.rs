//! Which namespaces each of the cluster's quotas counts: kept up to date with every change of either, so that neither
//! a write nor a controller has to look at all of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{selector::LabelSelector, world::Stored};

/// The selector of a quota.
struct Selector {
    labels: Option<LabelSelector>,
    annotations: Map<String, Value>,
}

impl Selector {
    fn of(quota: &Value) -> Selector {
        let selector = &quota["spec"]["selector"];
        Selector {
            labels: selector.get("labels").filter(|labels| !labels.is_null()).map(LabelSelector::from_object),
            annotations: selector["annotations"].as_object().cloned().unwrap_or_default(),
        }
    }

    fn matches(&self, namespace: &Stored) -> bool {
        if self.labels.is_none() && self.annotations.is_empty() {
            return false;
        }
        let theirs = namespace.metadata()["annotations"].as_object();
        self.labels.as_ref().is_none_or(|labels| labels.matches(namespace.labels()))
            && self
                .annotations
                .iter()
                .all(|(key, value)| theirs.is_some_and(|theirs| theirs.get(key) == Some(value)))
    }
}

/// Quotas and their namespaces, both ways.
#[derive(Default)]
pub(crate) struct Members {
    selectors: BTreeMap<String, Selector>,
    quotas: BTreeMap<String, BTreeSet<String>>,
    namespaces: BTreeMap<String, BTreeSet<String>>,
}

impl Members {
    /// A quota is new or changed.
    pub(crate) fn set_quota<'a>(
        &mut self,
        name: &str,
        quota: &Value,
        namespaces: impl Iterator<Item = (&'a String, &'a Stored)>,
    ) {
        self.remove_quota(name);
        let selector = Selector::of(quota);
        for (namespace, _) in namespaces.filter(|(_, stored)| selector.matches(stored)) {
            self.link(name, namespace);
        }
        self.selectors.insert(name.to_owned(), selector);
    }

    /// A quota is gone.
    pub(crate) fn remove_quota(&mut self, name: &str) {
        self.selectors.remove(name);
        for namespace in self.namespaces.remove(name).unwrap_or_default() {
            if let Some(quotas) = self.quotas.get_mut(&namespace) {
                quotas.remove(name);
            }
        }
    }

    /// A namespace is new or changed. Gives the quotas that count it now or did before.
    pub(crate) fn set_namespace(&mut self, name: &str, namespace: &Stored) -> BTreeSet<String> {
        let mut touched = self.remove_namespace(name);
        let found: Vec<String> = self
            .selectors
            .iter()
            .filter(|(_, selector)| selector.matches(namespace))
            .map(|(quota, _)| quota.clone())
            .collect();
        for quota in found {
            self.link(&quota, name);
            touched.insert(quota);
        }
        touched
    }

    /// A namespace is gone. Gives the quotas that counted it.
    pub(crate) fn remove_namespace(&mut self, name: &str) -> BTreeSet<String> {
        let quotas = self.quotas.remove(name).unwrap_or_default();
        for quota in &quotas {
            if let Some(namespaces) = self.namespaces.get_mut(quota) {
                namespaces.remove(name);
            }
        }
        quotas
    }

    fn link(&mut self, quota: &str, namespace: &str) {
        self.quotas.entry(namespace.to_owned()).or_default().insert(quota.to_owned());
        self.namespaces.entry(quota.to_owned()).or_default().insert(namespace.to_owned());
    }

    /// The quotas that count a namespace.
    pub(crate) fn of_namespace(&self, name: &str) -> Vec<String> {
        self.quotas.get(name).into_iter().flatten().cloned().collect()
    }

    /// The namespaces that a quota counts.
    pub(crate) fn of_quota(&self, name: &str) -> Vec<String> {
        self.namespaces.get(name).into_iter().flatten().cloned().collect()
    }
}
