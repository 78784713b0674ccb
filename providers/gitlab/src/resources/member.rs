//! What memberships of groups and projects share. <https://docs.gitlab.com/api/members/>

use pilotis_rest::Method;
use pilotis_sdk::json::Object;
use pilotis_sdk::{Error, ErrorKind};
use serde_json::Value as Json;

use crate::access;
use crate::bulk::{Children, Node, Parent};
use crate::client::{GitLab, int, object_of};
use crate::graphql;

/// A member's own settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) user_id: i64,
    pub(crate) access_level: String,
    pub(crate) expires_at: Option<String>,
    pub(crate) member_role_id: Option<i64>,
}

pub(crate) const GROUP_MEMBERS: Children = Children {
    parent: Parent::Group,
    path: "members",
    query: Some(
        "query groupMembers($ids: [ID!]) { groups(ids: $ids, first: 100) { nodes { id \
         groupMembers(relations: [DIRECT], first: 100) { nodes { accessLevel { integerValue } expiresAt user { id } } \
         pageInfo { hasNextPage } } } } }",
    ),
    connection: "groupMembers",
    batch: 100,
    rest_of,
};

pub(crate) const PROJECT_MEMBERS: Children = Children {
    parent: Parent::Project,
    path: "members",
    query: Some(
        "query projectMembers($ids: [ID!]) { projects(ids: $ids, first: 100) { nodes { id \
         projectMembers(relations: [DIRECT], first: 100) { nodes { accessLevel { integerValue } expiresAt user { id } } \
         pageInfo { hasNextPage } } } } }",
    ),
    connection: "projectMembers",
    batch: 100,
    rest_of,
};

fn rest_of(node: &Json) -> Node {
    // Somebody who was invited by address and has no account yet is no member that can be managed.
    if node["user"].is_null() {
        return Node::Skip;
    }
    let (Some(user), Some(level)) =
        (graphql::number(&node["user"]["id"]), node["accessLevel"]["integerValue"].as_i64())
    else {
        return Node::Broken;
    };
    let expires = node["expiresAt"].as_str().map(|time| Json::from(time.split('T').next().unwrap_or(time)));
    Node::Object(object_of(&[
        ("id", user.into()),
        ("access_level", level.into()),
        ("expires_at", expires.unwrap_or(Json::Null)),
    ]))
}

impl Member {
    /// Reads GitLab's member object.
    pub(crate) fn from_rest(object: &Object) -> Result<Member, Error> {
        let lacks = || Error::new(ErrorKind::Garbage, "GitLab gave a member without an id or access level");
        let role = object.get("member_role").and_then(|role| role["id"].as_i64());
        Ok(Member {
            user_id: int(object, "id").ok_or_else(lacks)?,
            access_level: access::name(int(object, "access_level").ok_or_else(lacks)?),
            expires_at: object.get("expires_at").and_then(Json::as_str).map(str::to_owned),
            member_role_id: role,
        })
    }

    /// Adds somebody. One who is a member already is an error, unless it is the token's own user: GitLab makes the creator of a
    /// group its owner.
    pub(crate) async fn create(&self, gitlab: &GitLab, parent: Parent, id: &str) -> Result<Member, Error> {
        let mut body = self.body()?;
        body.insert("user_id".into(), self.user_id.into());
        match gitlab.write(Method::POST, &[parent.path(), id, "members"], &body).await {
            Ok(object) => Member::from_rest(&object),
            Err(e) if e.kind == ErrorKind::AlreadyExists => {
                if gitlab.me().await?.id == self.user_id {
                    return self.write(gitlab, parent, id).await;
                }
                Err(e.help(format!("Import it: its id is {id}:{}.", self.user_id)))
            }
            Err(e) => Err(e),
        }
    }

    /// Changes the level, expiry and role.
    pub(crate) async fn write(&self, gitlab: &GitLab, parent: Parent, id: &str) -> Result<Member, Error> {
        let user = self.user_id.to_string();
        Member::from_rest(
            &gitlab.write(Method::PUT, &[parent.path(), id, "members", &user], &self.body()?).await?,
        )
    }

    fn body(&self) -> Result<Object, Error> {
        let mut body = object_of(&[("access_level", access::number(&self.access_level)?.into())]);
        // An empty text takes an expiry away.
        body.insert("expires_at".into(), self.expires_at.clone().unwrap_or_default().into());
        if let Some(role) = self.member_role_id {
            body.insert("member_role_id".into(), role.into());
        }
        Ok(body)
    }

    /// Reads a direct member.
    pub(crate) async fn read(
        gitlab: &GitLab,
        parent: Parent,
        id: &str,
        user: i64,
    ) -> Result<Option<Member>, Error> {
        let object = gitlab.read(&[parent.path(), id, "members", &user.to_string()]).await?;
        object.map(|object| Member::from_rest(&object)).transpose()
    }
}
