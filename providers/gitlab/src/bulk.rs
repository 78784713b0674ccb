//! What many parents hold, in few calls: one GraphQL query for many of them, REST lists for the rest.
//!
//! A GraphQL answer counts only where it is whole. A parent that it doesn't give, or gives in part, is listed over REST; if the query
//! is refused, all are. Nodes are turned into the REST object of the same thing, so that a resource reads one shape.

use std::collections::HashMap;

use futures::{StreamExt as _, stream};
use pilotis_sdk::Error;
use pilotis_sdk::json::Object;
use serde_json::Value as Json;

use crate::client::GitLab;
use crate::graphql::{global_id, number};

/// Below this many parents REST lists are as few calls, and simpler.
const FEW: usize = 3;

/// Whose children they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parent {
    Group,
    Project,
}

impl Parent {
    /// The first segment of its REST path, and the field of a GraphQL query.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Parent::Group => "groups",
            Parent::Project => "projects",
        }
    }
    fn global(self) -> &'static str {
        match self {
            Parent::Group => "Group",
            Parent::Project => "Project",
        }
    }
}

/// How children of one kind are read.
pub(crate) struct Children {
    pub(crate) parent: Parent,
    /// Last segment of the REST list: `members`.
    pub(crate) path: &'static str,
    /// The GraphQL query with `$ids`; none if GraphQL doesn't have them.
    pub(crate) query: Option<&'static str>,
    /// The connection in it: `groupMembers`.
    pub(crate) connection: &'static str,
    /// Parents in one query.
    pub(crate) batch: usize,
    /// The REST object of a node; none if the node can't be told, which makes the parent's answer worth nothing.
    pub(crate) rest_of: fn(&Json) -> Node,
}

/// What a node is.
pub(crate) enum Node {
    Object(Object),
    /// Not one of ours (an invited member without a user).
    Skip,
    /// In part only.
    Broken,
}

impl GitLab {
    /// The REST objects of each parent's children, in the parents' order.
    pub(crate) async fn children(
        &self,
        what: &Children,
        parents: &[String],
    ) -> Vec<Result<Vec<Object>, Error>> {
        let mut found = HashMap::new();
        if let Some(query) = what.query
            && parents.len() >= FEW
        {
            found = self.by_query(what, query, parents).await;
        }
        let lists = parents.iter().map(|parent| {
            let known = found.remove(parent);
            async move {
                match known {
                    Some(objects) => Ok(objects),
                    None => self.list(&[what.parent.path(), parent, what.path], &[]).await,
                }
            }
        });
        let lists: Vec<_> = lists.collect();
        stream::iter(lists).buffered(self.rest.concurrency()).collect().await
    }

    /// Those parents whose children a query gave wholly.
    async fn by_query(
        &self,
        what: &Children,
        query: &str,
        parents: &[String],
    ) -> HashMap<String, Vec<Object>> {
        let numeric: Vec<&String> = parents.iter().filter(|p| p.parse::<i64>().is_ok()).collect();
        let batches = numeric.chunks(what.batch).map(|batch| async move {
            let ids: Vec<String> = batch.iter().map(|id| global_id(what.parent.global(), id)).collect();
            self.query(query, serde_json::json!({"ids": ids})).await
        });
        let batches: Vec<_> = batches.collect();
        let answers: Vec<_> = stream::iter(batches).buffered(self.rest.concurrency()).collect().await;
        let mut found = HashMap::new();
        for answer in answers {
            match answer {
                Ok(data) => {
                    let nodes = data[what.parent.path()]["nodes"].as_array().cloned().unwrap_or_default();
                    found.extend(nodes.iter().filter_map(|node| whole(what, node)));
                }
                Err(e) => tracing::debug!(error = %e, "no bulk answer, lists are read one by one"),
            }
        }
        found
    }
}

/// A parent's id and its children, if all are there.
fn whole(what: &Children, parent: &Json) -> Option<(String, Vec<Object>)> {
    let id = number(&parent["id"])?.to_string();
    let connection = &parent[what.connection];
    if connection["pageInfo"]["hasNextPage"].as_bool()? {
        return None;
    }
    let mut objects = Vec::new();
    for node in connection["nodes"].as_array()? {
        match (what.rest_of)(node) {
            Node::Object(object) => objects.push(object),
            Node::Skip => {}
            Node::Broken => return None,
        }
    }
    Some((id, objects))
}
