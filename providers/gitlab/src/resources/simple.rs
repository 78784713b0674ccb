//! Types that live the usual life: a list to which is posted, and under it an object that is read, put and deleted.
//!
//! What such a type has to say of itself is [`Simple`]; the rest is here.

use futures::{StreamExt as _, stream};
use pilotis_rest::Method;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::model::Described;
use pilotis_sdk::typed::{Made, Match, Page, Scope};
use pilotis_sdk::{Error, ErrorKind, Secret};

use crate::client::{GitLab, nothing_to_import};

/// What a type says of itself.
pub(crate) trait Simple: Described + Clone + Send + Sync {
    /// What people call it: `webhook`.
    const WHAT: &'static str;
    /// Path of the list that it is in: `projects`, `12`, `hooks`.
    fn list(&self) -> Vec<String>;
    /// What is added to that for the object itself.
    fn segment(&self) -> String;
    /// Sets what the object's members alone don't say: ids.
    fn settled(self, object: &Object) -> Result<Self, Error>;
    /// Nothing but what a scope says.
    fn of_scope(scope: &Scope<Self>) -> Result<Self, Error>;
    /// Nothing but what an import id says.
    fn of_import(id: &str) -> Result<Self, Error>;
    /// The same by its natural key.
    fn is_like(&self, other: &Self) -> bool;
    /// What is sent to make it.
    fn create_body(&self) -> Result<Object, Error> {
        Ok(json::set_arguments(self))
    }
    /// What is sent to change it; nothing is sent if that is empty.
    fn update_body(&self, prior: &Self) -> Result<Object, Error> {
        Ok(json::changed_arguments(prior, self))
    }
    /// Secrets of the bodies.
    fn secrets(&self) -> Vec<&Secret> {
        Vec::new()
    }
}

fn filled<T: Simple>(known: &T, object: &Object) -> Result<T, Error> {
    json::overlay(known, object)?.settled(object)
}

fn own_path<T: Simple>(object: &T) -> Vec<String> {
    let mut path = object.list();
    path.push(object.segment());
    path
}

pub(crate) async fn create<T: Simple>(gitlab: &GitLab, planned: T) -> Result<Made<T>, Error> {
    let request = gitlab.rest.post(planned.list()).json(&planned.create_body()?);
    let request =
        planned.secrets().into_iter().fold(request, |request, secret| request.hide(secret.expose()));
    let object: Object = request.send().await?.json()?;
    Ok(filled(&planned, &object)?.into())
}

pub(crate) async fn read<T: Simple>(gitlab: &GitLab, prior: &T) -> Result<Option<T>, Error> {
    match gitlab.rest.get(own_path(prior)).optional().await? {
        Some(response) => filled(prior, &response.json()?).map(Some),
        None => Ok(None),
    }
}

pub(crate) async fn update<T: Simple>(gitlab: &GitLab, prior: T, planned: T) -> Result<T, Error> {
    let body = planned.update_body(&prior)?;
    if body.is_empty() {
        return Ok(planned);
    }
    let request = gitlab.rest.request(Method::PUT, own_path(&prior)).json(&body);
    let request =
        planned.secrets().into_iter().fold(request, |request, secret| request.hide(secret.expose()));
    filled(&planned, &request.send().await?.json()?)
}

pub(crate) async fn delete<T: Simple>(gitlab: &GitLab, prior: T) -> Result<(), Error> {
    gitlab.rest.delete(own_path(&prior)).optional().await.map(|_| ())
}

pub(crate) async fn list<T: Simple>(gitlab: &GitLab, scopes: Vec<Scope<T>>) -> Vec<Result<Page<T>, Error>> {
    let lists: Vec<_> = scopes.into_iter().map(|scope| one(gitlab, scope)).collect();
    stream::iter(lists).buffered(gitlab.rest.concurrency()).collect().await
}

async fn one<T: Simple>(gitlab: &GitLab, scope: Scope<T>) -> Result<Page<T>, Error> {
    let blank = T::of_scope(&scope)?;
    let path = blank.list();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let mut page = Vec::new();
    for object in gitlab.list(&path, &[]).await? {
        let listed = filled(&blank, &object)?;
        let segment = listed.segment();
        page.push(match scope.wanted.iter().find(|known| known.segment() == segment) {
            Some(known) => filled(known, &object)?,
            None => listed,
        });
    }
    Ok(Page::complete(page))
}

pub(crate) async fn find<T: Simple>(gitlab: &GitLab, planned: T) -> Result<Match<T>, Error> {
    let path = planned.list();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    for object in gitlab.list(&path, &[]).await? {
        // Read without what is planned, else everything would be like it.
        let scope = Scope { values: planned.to_value(), wanted: Vec::new() };
        let there = filled(&T::of_scope(&scope)?, &object)?;
        if there.is_like(&planned) {
            found.push(filled(&planned, &object)?);
        }
    }
    match found.len() {
        0 | 1 => Ok(found.pop().into()),
        n => Ok(Match::Unknown(format!("there are {n} {}s like it", T::WHAT))),
    }
}

pub(crate) async fn import<T: Simple>(gitlab: &GitLab, id: &str) -> Result<T, Error> {
    read(gitlab, &T::of_import(id)?).await?.ok_or_else(|| nothing_to_import(T::WHAT, id))
}

/// A number of an import id.
pub(crate) fn number(text: &str) -> Result<i64, Error> {
    text.parse().map_err(|_| Error::new(ErrorKind::Invalid, format!("`{text}` is not a number")))
}

/// Makes a [`Simple`] type a resource.
macro_rules! simple {
    ($name:ident) => {
        impl pilotis_sdk::typed::Resource for $name {
            type Client = $crate::client::GitLab;
            async fn create(
                gitlab: &Self::Client,
                planned: $name,
            ) -> Result<pilotis_sdk::typed::Made<$name>, pilotis_sdk::Error> {
                $crate::resources::simple::create(gitlab, planned).await
            }
            async fn read(gitlab: &Self::Client, prior: $name) -> Result<Option<$name>, pilotis_sdk::Error> {
                $crate::resources::simple::read(gitlab, &prior).await
            }
            async fn update(
                gitlab: &Self::Client,
                prior: $name,
                planned: $name,
            ) -> Result<$name, pilotis_sdk::Error> {
                $crate::resources::simple::update(gitlab, prior, planned).await
            }
            async fn delete(gitlab: &Self::Client, prior: $name) -> Result<(), pilotis_sdk::Error> {
                $crate::resources::simple::delete(gitlab, prior).await
            }
            async fn list(
                gitlab: &Self::Client,
                scopes: Vec<pilotis_sdk::typed::Scope<$name>>,
            ) -> Vec<Result<pilotis_sdk::typed::Page<$name>, pilotis_sdk::Error>> {
                $crate::resources::simple::list(gitlab, scopes).await
            }
            async fn find(
                gitlab: &Self::Client,
                planned: $name,
            ) -> Result<pilotis_sdk::typed::Match<$name>, pilotis_sdk::Error> {
                $crate::resources::simple::find(gitlab, planned).await
            }
            async fn import(gitlab: &Self::Client, id: &str) -> Result<$name, pilotis_sdk::Error> {
                $crate::resources::simple::import(gitlab, id).await
            }
        }
    };
}
pub(crate) use simple;
